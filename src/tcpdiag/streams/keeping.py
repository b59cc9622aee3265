"""Which of two copies of a byte a receiver keeps, while both lie above RCV.NXT.

Below it there is no question: such text is outside the window and trimmed (RFC 9293 section 3.10.7.4). Above it the
standard leaves it open, and stacks differ (Novak and Sturges, "Target-Based TCP Stream Reassembly", 2007).
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from ..tcp.profiles import FREEBSD, LINUX, LINUX_3_6, LINUX_OLD, MACOS, WINDOWS
from .pieces import Span


class Keeping(NamedTuple):
    """How one family of stacks decides."""

    second_wins: Callable[[Span, Span], bool]  # first, second
    rule: str
    known: bool = True
    joins: bool = False  # what goes on exactly where something held ends becomes one with it


IN_ORDER: Final = "already in order: trimmed from what comes later (RFC 9293 section 3.10.7.4)"


def _linux(first: Span, second: Span) -> bool:
    return second.begin < first.begin or (second.begin == first.begin and second.end > first.end)


def _bsd(first: Span, second: Span) -> bool:
    return second.begin < first.begin


def _windows(first: Span, second: Span) -> bool:
    return second.begin < first.begin and second.end > first.end


def _first(first: Span, second: Span) -> bool:
    return False


LINUX_RULE: Final = Keeping(
    _linux,
    "Linux: of the out-of-order queue, neighbours joined, what begins first, of two with one beginning the longer "
    "(tcp_data_queue_ofo(), tcp_ofo_queue(); measured on 6.18)",
    joins=True,
)
BSD_RULE: Final = Keeping(_bsd, "BSD: the earlier copy, unless the later one begins before it (tcp_reass())")
WINDOWS_RULE: Final = Keeping(
    _windows,
    "Windows: the earlier copy, unless the later one reaches over it on both sides (Novak and Sturges 2007; not "
    "measured)",
)
UNKNOWN_RULE: Final = Keeping(
    _first, "no standard says it, and the receiver's stack is not known; shown is the earlier copy", known=False
)

_BY_PROFILE: Final = {
    LINUX: LINUX_RULE,
    LINUX_3_6: LINUX_RULE,
    LINUX_OLD: LINUX_RULE,
    FREEBSD: BSD_RULE,
    MACOS: BSD_RULE,
    WINDOWS: WINDOWS_RULE,
}


def keeping_of(profile: int) -> Keeping:
    """How the stacks of this row of `tcp.profiles.PROFILES` decide."""
    return _BY_PROFILE.get(profile, UNKNOWN_RULE)
