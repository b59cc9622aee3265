"""What the kernels of verdicts remember: packed dtypes, mirrored by `verdict_rows.pxd`, and their bits."""

from enum import IntFlag

import numpy as np

MOST_UNACKED = 10_000
"""Segments of a direction that are remembered while they are not acknowledged; as many as in Wireshark."""

SENT = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("seq", "<u4"),  # what is not acknowledged of it begins here
        ("end", "<u4"),  # and ends before this
        ("frame", "<u4"),
        ("newer", "<u4"),  # rows of its neighbours in the list; 0: none
        ("older", "<u4"),
        ("times", "<u4"),  # how often some of it was sent again
    ]
)
"""A segment that is not acknowledged. Row 0 is none."""

FLIGHT = np.dtype(
    [
        ("oldest", "<u4"),  # rows of SENT; 0: none
        ("newest", "<u4"),
        ("count", "<u4"),
        ("disordered", "<u4"),  # whether they may overlap or stand in another order than their numbers
    ]
)
"""The list of one direction."""

SHARK = np.dtype(
    [
        ("nextseq_ts_ns", "<i8"),
        ("lastack_ts_ns", "<i8"),
        ("base", "<u4"),
        ("nextseq", "<u4"),
        ("nextseq_frame", "<u4"),
        ("max_to_be_acked", "<u4"),
        ("lastack", "<u4"),
        ("last_fresh_frame", "<u4"),
        ("last_len", "<u4"),
        ("sacked", "<u4"),
        ("dup_acks", "<i4"),
        ("facts", "<u4"),
        ("window", "<u4"),  # 1 more than it is; 0: it has sent nothing, which counts as 2**32 - 1
        ("scale", "u1"),
        ("bits", "u1"),
    ]
)
"""What Wireshark remembers of one direction."""

CONVERSATION = np.dtype(
    [
        ("syn_ts_ns", "<i8"),  # of the newest SYN without ACK; 0: none
        ("first_rtt_ns", "<i8"),  # 0: not known
        ("completeness", "u1"),
        ("bits", "u1"),
    ]
)
"""What is remembered of a connection as a whole."""


class ConversationBit(IntFlag):
    """What is known of a connection as a whole."""

    BEGUN = 1
    REUSED = 2  # its SYN came on a pair of endpoints that an earlier connection had
    SYN_BY_1 = 4  # side 1 sent the newest SYN without ACK
    COPIES = 8  # the capture made copies of its packets


class SharkBit(IntFlag):
    """What is known of a direction, for Wireshark's verdicts."""

    BASE_SET = 1
    FLIGHT_UNKNOWN = 2  # a segment is missing: no bytes in flight until the peer's next ACK
    FIRST_ACK = 4  # its window is still that of its SYN


WATCH = np.dtype(
    [
        ("newest_ts_ns", "<i8"),  # when SND.NXT moved last
        ("hole_ts_ns", "<i8"),  # when what it sends was captured with a hole
        ("last_ack_ts_ns", "<i8"),  # its newest ACK
        ("lacked_ts_ns", "<i8"),  # when that was acknowledged
        ("rtt_min_ns", "<i8"),  # from the tap to it and back; 0: not known
        ("first", "<u4"),  # its SYN, or the first number seen
        ("snd_nxt", "<u4"),
        ("newest_frame", "<u4"),
        ("newest_tsval", "<u4"),
        ("contiguous", "<u4"),  # what it sends was captured, or acknowledged, without a hole up to here
        ("last_ack", "<u4"),
        ("fresh_ack_frame", "<u4"),  # where last_ack stood first
        ("dup_acks", "<u4"),  # how often it stood again
        ("suspect_ack", "<u4"),  # an ACK of what was not sent, as far as captured
        ("window", "<u4"),  # bytes
        ("sacked", "<u4"),  # bytes above last_ack that it has
        ("sack_high", "<u4"),  # the highest number of them
        ("keepalive_frame", "<u4"),  # its probe that waits for an answer; 0: none
        ("probe_frame", "<u4"),
        ("probe_end", "<u4"),  # behind the byte that its probe of a closed window carried
        ("lacked", "<u4"),  # [lacked, lacked_end): acknowledged, and not captured until then
        ("lacked_end", "<u4"),
        ("recover", "<u4"),  # what it sends again until this is acknowledged has the same reason
        ("again_seq", "<u4", (4,)),  # its latest retransmissions
        ("again_end", "<u4", (4,)),
        ("again_frame", "<u4", (4,)),
        ("newest_ip_id", "<u2"),
        ("bits", "<u2"),
        ("scale", "u1"),  # 0: not known, else 1 + the shift
        ("recovery", "u1"),  # RetransmissionKind
        ("ip_id_run", "u1"),  # how many of its segments in a row had an IP ID a little higher than the one before
        ("again_next", "u1"),
    ]
)
"""What is remembered of one direction for verdicts of our own."""


class WatchBit(IntFlag):
    """What is known of a direction, for verdicts of our own."""

    SND_KNOWN = 0x001  # snd_nxt is valid
    ACKED = 0x002  # last_ack is valid
    ISN_KNOWN = 0x004  # first is the number of its SYN
    SACKS = 0x008  # sack_high is valid
    FIN_SENT = 0x010
    APPEARED = 0x020  # it has sent something
    WINDOW_KNOWN = 0x040
    OVERFLOWED = 0x080  # a segment found no place in the list
    SUSPECT_ACK = 0x100  # it acknowledged what was not captured; its next ACK decides
    PROBED = 0x200  # probe_end is valid
    SYN_ACKED = 0x400  # it sent a SYN-ACK
    LACKED = 0x800  # lacked is valid
