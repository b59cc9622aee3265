"""Verdicts on single segments: Wireshark's by its own rules, and ours. Made only when asked for, in a second look.

Where ours differ, and why: `tcpdiag.verdicts.differences`.
"""

from .collected import VerdictArrays, collect
from .judge import JudgedPart, verdicts

__all__ = ["JudgedPart", "VerdictArrays", "collect", "verdicts"]
