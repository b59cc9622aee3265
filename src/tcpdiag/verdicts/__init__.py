"""Verdicts on single segments: Wireshark's by its own rules, and ours. Made only when asked for, in a second look."""

from .judge import JudgedPart, verdicts

__all__ = ["JudgedPart", "verdicts"]
