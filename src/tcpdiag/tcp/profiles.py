"""Stack profiles: where receivers differ in what they do with a RST.

RFC 9293 section 3.10.7.4 with RFC 5961 section 3.2 is `strict`; the others are what kernels are known to do.
"""

from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from ..errors import UsageError
from ..model.event import RstClass

__all__ = ["PROFILES", "Profile", "RstAction", "action_array", "profile_number"]


class RstAction(IntEnum):
    """What a receiver does with a RST."""

    UNKNOWN = 0
    OBEY = 1
    CHALLENGE = 2  # answers with an ACK, keeps the connection (RFC 5961 section 3.2)
    IGNORE = 3  # drops it without a word


class Profile(NamedTuple):
    """One family of TCP stacks."""

    name: str
    title: str
    source: str
    rst: dict[RstClass, RstAction]
    edge_inclusive: bool = False  # SEQ = RCV.NXT + RCV.WND still counts as in the window

    def rule(self, rst_class: RstClass) -> str:
        """What decides on a RST of this class, and where that is written."""
        if self.rst[rst_class] is _STRICT[rst_class]:
            return _CLAUSES[rst_class]
        return f"{self.title}: {_OWN_WAYS[rst_class, self.rst[rst_class]]} ({self.source})"


_OUTSIDE: Final = "outside the receive window: dropped without an answer (RFC 9293 section 3.10.7.4)"
_CLAUSES: Final = {
    RstClass.EXACT: "exactly RCV.NXT: the connection ends (RFC 5961 section 3.2)",
    RstClass.EXACT_UNACKED: "exactly RCV.NXT: the connection ends (RFC 5961 section 3.2)",
    RstClass.LAST_ACK: _OUTSIDE,
    RstClass.FIN_MINUS_ONE: _OUTSIDE,
    RstClass.SACK_EDGE: "in the window, but not RCV.NXT: a challenge ACK, no more (RFC 5961 section 3.2)",
    RstClass.IN_WINDOW: "in the window, but not RCV.NXT: a challenge ACK, no more (RFC 5961 section 3.2)",
    RstClass.BELOW: _OUTSIDE,
    RstClass.ABOVE: _OUTSIDE,
    RstClass.SYN_SENT_GOOD: "acknowledges the SYN: refused (RFC 9293 section 3.10.7.3)",
    RstClass.SYN_SENT_BAD: "does not acknowledge the SYN: dropped (RFC 9293 section 3.10.7.3)",
    RstClass.AFTER_CLOSE: "for a closed connection: dropped (RFC 9293 section 3.10.7.1)",
    RstClass.UNDECIDABLE: "RCV.NXT is not known",
}
"""RFC 9293 with RFC 5961: what `strict` goes by."""

_STRICT: Final = {
    RstClass.EXACT: RstAction.OBEY,
    RstClass.EXACT_UNACKED: RstAction.OBEY,
    RstClass.LAST_ACK: RstAction.IGNORE,
    RstClass.FIN_MINUS_ONE: RstAction.IGNORE,
    RstClass.SACK_EDGE: RstAction.CHALLENGE,
    RstClass.IN_WINDOW: RstAction.CHALLENGE,
    RstClass.BELOW: RstAction.IGNORE,
    RstClass.ABOVE: RstAction.IGNORE,
    RstClass.SYN_SENT_GOOD: RstAction.OBEY,
    RstClass.SYN_SENT_BAD: RstAction.IGNORE,
    RstClass.AFTER_CLOSE: RstAction.IGNORE,
    RstClass.UNDECIDABLE: RstAction.UNKNOWN,
}

_OWN_WAYS: Final = {
    (RstClass.FIN_MINUS_ONE, RstAction.OBEY): "after a FIN it obeys RCV.NXT-1 too",
    (RstClass.SACK_EDGE, RstAction.OBEY): "it obeys the right edge of its newest SACK block too",
    (RstClass.IN_WINDOW, RstAction.OBEY): "it obeys any number in the window",
    (RstClass.LAST_ACK, RstAction.OBEY): "it obeys the last number that it acknowledged",
    (RstClass.EXACT_UNACKED, RstAction.CHALLENGE): "it obeys only what it has acknowledged already",
}
"""Where a stack goes its own way."""

PROFILES: Final = (
    Profile("strict", "RFC 9293 and RFC 5961 to the letter", "RFC 9293 3.10.7.4, RFC 5961 3.2", _STRICT),
    Profile(
        "linux",
        "Linux 4.10 and later",
        "tcp_reset_check() since 4.10, SACK edge since 4.5; measured on 6.18",
        {**_STRICT, RstClass.FIN_MINUS_ONE: RstAction.OBEY, RstClass.SACK_EDGE: RstAction.OBEY},
        edge_inclusive=True,
    ),
    Profile(
        "linux-3.6",
        "Linux 3.6 to 4.9",
        "RFC 5961 since 3.6 (commit 282f23c6ee34)",
        _STRICT,
        edge_inclusive=True,
    ),
    Profile(
        "linux-old",
        "Linux before 3.6",
        "RFC 793: any RST in the window",
        {**_STRICT, RstClass.IN_WINDOW: RstAction.OBEY, RstClass.SACK_EDGE: RstAction.OBEY},
        edge_inclusive=True,
    ),
    Profile(
        "freebsd",
        "FreeBSD",
        "tcp_input(): only last_ack_sent; freebsd-net tcp-testsuite",
        {**_STRICT, RstClass.EXACT_UNACKED: RstAction.CHALLENGE, RstClass.LAST_ACK: RstAction.OBEY},
    ),
    Profile(
        "macos",
        "macOS (XNU)",
        "tcp_input(): last_ack_sent and last_ack_sent - 1",
        {
            **_STRICT,
            RstClass.EXACT_UNACKED: RstAction.CHALLENGE,
            RstClass.LAST_ACK: RstAction.OBEY,
            RstClass.FIN_MINUS_ONE: RstAction.OBEY,
        },
    ),
    Profile("windows", "Windows", "accepts exactly RCV.NXT; not measured", _STRICT),
)

STRICT, LINUX, LINUX_3_6, LINUX_OLD, FREEBSD, MACOS, WINDOWS = range(len(PROFILES))


def profile_number(name: str) -> int:
    """Row of `PROFILES` called `name`. Raises UsageError."""
    for number, profile in enumerate(PROFILES):
        if profile.name == name:
            return number
    known = ", ".join(profile.name for profile in PROFILES)
    raise UsageError(f"unknown stack {name!r}: known are {known}")


def action_array() -> np.ndarray:
    """`PROFILES` as u1[profile, RstClass] of RstAction, for the kernels."""
    table = np.zeros((len(PROFILES), max(RstClass) + 1), np.uint8)
    for number, profile in enumerate(PROFILES):
        for rst_class, action in profile.rst.items():
            table[number, rst_class] = action
    return table
