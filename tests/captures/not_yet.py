"""Expectations that need a diagnosis which the project does not have yet, by folder and name.

A test fails when one of them is met, so that this list only gets shorter.
"""

NOT_YET: dict[str, set[str]] = {}
