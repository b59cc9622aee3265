"""What a stream is made of: pieces of text, gaps; and what is to be said of them."""

from enum import StrEnum
from typing import NamedTuple


class Lost(StrEnum):
    """Why bytes of a stream are missing."""

    NOT_CAPTURED = "not captured"
    """The receiver acknowledged them: they were sent and came, and the capture does not have them."""
    NEVER_ACKNOWLEDGED = "never acknowledged"
    """Neither captured nor acknowledged: lost on their way to the tap, or the capture ended before."""
    UNKNOWN = "unknown"
    """No acknowledgement of the receiver was captured that could tell."""
    SNAPPED = "snapped"
    """The packet was captured, its end cut off by the snap length."""


class Copy(StrEnum):
    """Which of two copies a receiver keeps."""

    FIRST = "first"
    SECOND = "second"
    UNKNOWN = "unknown"


class Gap(NamedTuple):
    """Bytes that the capture does not have."""

    offset: int
    length: int
    why: Lost


class Conflict(NamedTuple):
    """One range, two contents. `offset` and `length`: from the first byte that differs to the last one."""

    offset: int
    length: int
    first_frame: int
    second_frame: int
    kept: Copy  # by the receiver's stack
    certain: bool  # it had acknowledged the range before the second copy came
    rule: str  # what decides, and where that is written


class Urgent(NamedTuple):
    """What an urgent pointer points to: the last byte of urgent data (RFC 6093 section 3.1), in the stream as it is."""

    offset: int
    frame: int


class Chunk(NamedTuple):
    """Bytes of one direction that came together, or a gap between them."""

    offset: int
    """Of its first byte; 0 is the first byte after the SYN, or the first one that was captured."""
    data: bytes | None
    """None: a gap."""
    length: int
    """Bytes, those of a gap too."""
    ts_ns: int
    """When its segment was captured, or, of a gap, what told that it stays one."""
    frame: int
    """Of its segment, or, of a gap, the one that told."""
    side: str
    """The sender: "client" or "server"."""
    why: Lost | None = None
    """Of a gap."""
