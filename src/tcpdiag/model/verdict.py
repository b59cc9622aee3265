"""Verdicts on single segments: what Wireshark calls `tcp.analysis.*`, and what it has no name for. One row a segment.

`VERDICT` is a packed numpy dtype; `kernels/verdict_rows.pxd` mirrors it, and a kernel refuses a mismatch.
"""

from enum import IntEnum, IntFlag

import numpy as np

VERDICT = np.dtype(
    [
        ("ack_rtt_ns", "<i8"),  # since the segment that it acknowledges; 0: not known
        ("initial_rtt_ns", "<i8"),  # of the handshake; 0: not known
        ("rto_ns", "<i8"),  # since the segment that it repeats; 0: not known
        ("facts", "<u4"),  # Fact bits
        ("duplicate_ack_num", "<u4"),  # 1, 2, ... of those that repeat one ACK; 0: it is none
        ("duplicate_ack_frame", "<u4"),  # the ACK that it repeats
        ("acks_frame", "<u4"),  # the segment whose end it acknowledges; 0: none
        ("bytes_in_flight", "<u4"),  # of its sender, after it; 0: not known, or it has no payload
        ("rto_frame", "<u4"),  # the segment that it repeats; 0: it is no retransmission, or that is not known
        ("cause_frame", "<u4"),  # what a challenge ACK or the ACK of a probe answers, what a copy copies; 0: none
        ("needless_frame", "<u4"),  # the retransmission that its DSACK proves needless; 0: none
        ("completeness", "u1"),  # Completeness bits with this segment; Wireshark: of those before it
        ("retransmission_kind", "u1"),  # RetransmissionKind
        ("loss", "u1"),  # event.LossPlace of what it sends again
        ("bits", "u1"),  # VerdictBit
    ]
)


class Fact(IntFlag):
    """What a segment is among those before it. Names are Wireshark's, `tcp.analysis.*`, but for the last two."""

    RETRANSMISSION = 0x0001  # also with FAST_ and SPURIOUS_RETRANSMISSION, as Wireshark's field
    FAST_RETRANSMISSION = 0x0002
    SPURIOUS_RETRANSMISSION = 0x0004
    OUT_OF_ORDER = 0x0008
    LOST_SEGMENT = 0x0010
    ACK_LOST_SEGMENT = 0x0020
    DUPLICATE_ACK = 0x0040
    KEEP_ALIVE = 0x0080
    KEEP_ALIVE_ACK = 0x0100
    ZERO_WINDOW = 0x0200
    WINDOW_FULL = 0x0400
    WINDOW_UPDATE = 0x0800
    ZERO_WINDOW_PROBE = 0x1000
    ZERO_WINDOW_PROBE_ACK = 0x2000
    REUSED_PORTS = 0x4000
    CHALLENGE_ACK = 0x8000
    COPY = 0x10000


OURS = Fact.CHALLENGE_ACK | Fact.COPY
"""What Wireshark has no name for."""


class Completeness(IntFlag):
    """What the capture has of a connection: bits of Wireshark's `tcp.completeness`."""

    SYN = 1
    SYN_ACK = 2
    ACK = 4
    DATA = 8
    FIN = 16
    RST = 32


class RetransmissionKind(IntEnum):
    """Why a segment was sent again."""

    NONE = 0  # it was not
    TIMEOUT = 1  # RFC 6298
    FAST = 2  # RFC 5681 section 3.2: three duplicate ACKs
    SACK = 3  # RFC 6675, RFC 8985: the hole before what was SACKed
    TAIL_LOSS_PROBE = 4  # RFC 8985 section 7
    UNKNOWN = 5


class VerdictBit(IntFlag):
    """More about a verdict."""

    SHOWN = 1  # Wireshark shows an analysis of the segment, and in it the initial RTT
    DSACKED = 2  # a DSACK proves that the retransmission was needless (RFC 2883)
