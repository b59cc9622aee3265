"""Events: named facts in time. One row each; every row carries the segment that made it true."""

from enum import IntEnum, IntFlag

import numpy as np

EVENT = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("value", "<i8"),  # meaning depends on the kind, see EventKind
        ("flow", "<i4"),  # row of the flow table; -1: the capture itself
        ("frame", "<u4"),
        ("ref", "<u4"),  # a linked frame; 0: none
        ("seq", "<u4"),  # of the segment, raw
        ("ack", "<u4"),
        ("payload_len", "<u4"),
        ("window", "<u4"),  # bytes, scaled when the scale is known
        ("flags", "<u2"),
        ("ip_id", "<u2"),
        ("kind", "u1"),  # EventKind
        ("side", "u1"),  # whom the event is about: 0 or 1, see flow.SIDES
        ("sender", "u1"),  # who sent the segment
        ("state", "u1"),  # State of `side` after the event
        ("detail", "u1"),  # meaning depends on the kind
        ("bits", "u1"),  # EventBit
        ("ttl", "u1"),
        ("options", "u1"),  # Option bits below 0x100 that the segment carries
    ]
)


class EventKind(IntEnum):
    """What happened. `side` is whom it is about, `sender` who sent the segment."""

    STATE = 1
    """`side` enters `state`. EventBit.CERTAIN: proved by its own segment or ACK; else presumed.
    value: of SYN-SENT, the TSval of the SYN, -1 without one."""
    SYN_REPEATED = 2
    """`side` sends its SYN (or SYN-ACK) again. value: ns since the first one; ref: first frame; detail: its Option bits
    below 0x100."""
    RETRANSMISSION = 3
    """`side` sends text or a FIN again. value: ns since it last sent new sequence space; ref: the last frame of
    `side` before this one; detail: LossPlace, which a later DSACK turns into NOWHERE. At most RETRANSMISSION_ROWS rows
    a flow and direction; the counters go on."""
    RST = 4
    """A RST reaches `side`. state: of `side` before it; detail: RstClass; value: SEG.SEQ - RCV.NXT;
    ref: the frame that established RCV.NXT (the receiver's own ACK when there is one)."""
    CHALLENGE_ACK = 5
    """`side` answers an unacceptable segment with an ACK (RFC 5961). ref: that segment's frame; value: ns between."""
    SYN_IN_CONNECTION = 6
    """A SYN reaches `side`, which is synchronized. state: its state; value: row of the flow that `side` still holds
    (the same flow, or the earlier one on this 4-tuple), -1 when its past was not captured: then the segment is the ACK
    that betrays it and state is MIDSTREAM; ref: the frame in which it entered that state, or the SYN."""
    KEEPALIVE_PROBE = 7
    """`side` probes: SEG.SEQ = SND.NXT-1, 0 or 1 byte, peer's window open (RFC 9293 section 3.8.4)."""
    KEEPALIVE_ACK = 8
    """`side` answers a keepalive probe. ref: the probe."""
    ZERO_WINDOW_PROBE = 9
    """`side` probes the peer's closed window (RFC 9293 section 3.8.6.1). Linux: looks like a keepalive."""
    ZERO_WINDOW_PROBE_ACK = 10
    """`side` answers a probe and its window is still closed. ref: the probe."""
    WINDOW_CLOSED = 11
    """`side` advertises a window of 0 for the first time. value: bytes it has acknowledged by then."""
    WINDOW_OPENED = 12
    """`side` opens it again. value: ns for which it was closed; ref: the frame that closed it."""
    ACK_UNSEEN = 13
    """`side` acknowledges bytes that the capture does not hold. value: number of bytes; ref: 0, or the
    first frame that acknowledged them. At most PROBE_ROWS rows an endpoint."""
    UNACCEPTABLE = 14
    """Text or FIN reaches `side` outside its window. value: SEG.SEQ - RCV.NXT."""
    BAD_ACK = 15
    """A segment reaches `side` that acknowledges what was never sent. value: SEG.ACK - SND.NXT.
    WITHDRAWN when the next ACK says the same: then the bytes were sent and not captured, see ACK_UNSEEN."""
    ICMP_ERROR = 16
    """An ICMP error quotes a segment that `side` sent. detail: type; value: code."""
    BEAT = 17
    """`side` sends a small message after a silence: a candidate heartbeat. value: ns since its beat before; ref: that
    beat; detail: 1 if the run's period holds. From the second on, at most BEAT_ROWS rows a direction; the detail table
    has the last."""
    ALIVE_AFTER_RST = 18
    """`side` goes on after it sent a RST or should have obeyed one. ref: the RST; detail: 1 when `side` had sent it."""
    PAWS = 19
    """A segment reaches `side` with an old timestamp (RFC 7323 section 5). value: TSval - TS.Recent."""
    REFUSED = 20
    """`side` answers a SYN with a RST. ref: the SYN."""
    BAD_ACK_RST = 21
    """`side`, in SYN-SENT, answers an ACK for the wrong thing with a RST (RFC 9293 section 3.10.7.3). ref: that ACK."""
    WINDOW_SHRUNK = 22
    """`side` takes back window that it had offered (RFC 9293 section 3.8.6: SHLD-14). value: bytes; ref: the frame that
    had offered them. At most PROBE_ROWS rows an endpoint."""
    SEQ_BACK = 23
    """`side` sends an empty segment whose SEG.SEQ is below what was captured of it, though its ACK is its newest: it
    does not know of what was sent in its name. value: SEG.SEQ - SND.NXT; ref: the frame with its last new text. At most
    PROBE_ROWS rows an endpoint."""
    OTHER_CONTENT = 24
    """`side` sends a range again with another content. value: TTL of the first one; ref: its frame. At most PROBE_ROWS
    rows an endpoint."""
    STALE_ECHO = 25
    """`side` answers a SYN with an ACK whose TSecr tells how old its connection is. value: TSval of the SYN - TSecr,
    in ticks of the peer's clock; ref: the SYN."""
    REACTIVE = 26
    """`side` sends a RST as a host without that connection does: its number is the ACK of the last segment towards it,
    without ACK, window and options (RFC 9293 section 3.10.7.1). ref: that segment; value: ns since it. Where several
    were under way it answers that one or one shortly before it. With the first RST_ROWS of an endpoint."""
    STANDSTILL = 27
    """Both sides send empty segments, ACK or RST, that bring nothing new, each at once after the one before: each is
    the answer to an answer. `side` sends one more. detail: n, when it is the 2**n-th of the run, from the 32nd on;
    value: ns since the run began; ref: its first frame."""
    GAP_TOLD = 28
    """`side` tells that text came to it behind a gap: it SACKs some, or repeats its ACK where the two did not agree on
    SACK. The first time since its ACK moved; value: bytes of the longest block that it has SACKed until its ACK moves
    again, 0: none; detail: how many segments told of the gap until then, saturating. At most PROBE_ROWS rows an
    endpoint."""
    OPTION_UNAGREED = 29
    """`side` uses timestamps or SACK, on which the two SYNs, as they came to the tap, had not agreed: at most one row
    for each. detail: Option bits."""


RETRANSMISSION_ROWS = 64
BEAT_ROWS = 32
PROBE_ROWS = 64
RST_ROWS = 256


class RstClass(IntEnum):
    """Where a RST stands relative to the receiver's RCV.NXT (RFC 9293 section 3.10.7.4, RFC 5961 section 3.2)."""

    EXACT = 1
    LAST_ACK = 2  # what the receiver last acknowledged, while more was in flight towards it
    FIN_MINUS_ONE = 3  # RCV.NXT - 1, RCV.NXT counting a FIN
    SACK_EDGE = 4  # right edge of the receiver's newest SACK block
    IN_WINDOW = 5
    BELOW = 6
    ABOVE = 7
    SYN_SENT_GOOD = 8  # acknowledges our SYN: refused
    SYN_SENT_BAD = 9
    AFTER_CLOSE = 10  # the receiver has closed already: harmless
    UNDECIDABLE = 11  # RCV.NXT unknown (midstream, nothing acknowledged yet)
    EXACT_UNACKED = 12  # exactly RCV.NXT, part of which the receiver had not acknowledged yet


class LossPlace(IntEnum):
    """Where the segment that is sent again had been lost, seen from the tap."""

    UNKNOWN = 0
    BEFORE = 1  # its first copy never came to the tap: it fills a hole
    AFTER = 2  # the tap saw it, its receiver had not acknowledged it
    NOWHERE = 3  # its receiver had acknowledged it: needless


class EventBit(IntFlag):
    """Certainty and fate of an event."""

    CERTAIN = 1
    WITHDRAWN = 2  # a STATE that later segments contradict: it did not happen
    CHALLENGED = 4  # a RST, SYN_IN_CONNECTION, UNACCEPTABLE or BAD_ACK that was answered by an ACK
    OBEY_EXPECTED = 8  # a RST that the receiver's profile obeys
    CHALLENGE_EXPECTED = 16  # a segment that the receiver's profile answers with an ACK
    CARRIED = 32  # a STATE that was carried over from the earlier flow on this 4-tuple
    TIMER = 64  # a STATE that a timer, not a segment, brought (frame 0)
