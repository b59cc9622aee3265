"""Captures in which our flows differ from tshark's on purpose, with the reason. Paths are relative to the set."""

EXPLAINED: dict[str, str] = {}
