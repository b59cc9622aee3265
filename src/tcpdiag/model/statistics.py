"""Rows of the second look that counts: one for each endpoint, one for each connection, one for each range sent.

`STATISTIC` holds the sums from which `statistics.columns` makes what people read. Positions (`_pos`) are sequence
numbers unwrapped to 64 bits, 0 at the first number seen of that endpoint. `kernels/statistics.pxd` mirrors the rows.
"""

from enum import IntEnum, IntFlag

import numpy as np

MOST_RANGES = 4096
"""Ranges remembered of one endpoint: segments in flight, and what lies between losses of the capture."""
RECENT_IDS = 8
"""Segments among which one with the same IP ID and sequence number is a hardware duplicate, as in tcptrace."""
HISTORY = 48
"""Room for a history; the last letter of one that is longer is `x`."""


class Times(IntEnum):
    """What the four distributions of each endpoint are of."""

    ACKED = 0  # a segment sent once -> the ACK of its last byte
    FULL = 1  # of these, its longest segments alone
    AMBIGUOUS = 2  # a segment sent again, since its last copy -> the ACK of its last byte
    RESENT = 3  # a copy of a segment that waits for its ACK -> the next copy


class Known(IntFlag):
    """What of an endpoint is known so far."""

    POSITION = 1  # where `top_pos` is
    WINDOW = 2  # it advertised a window
    ACK = 4  # its peer acknowledged something
    DATA_ACKED = 8  # its peer acknowledged more than its SYN
    SYN = 16  # syn_pos
    FIN = 32  # fin_pos
    FLIGHT = 64  # flight_bytes
    SEGMENT = 128  # last_ts_ns
    HANDSHAKE = 256  # handshake_ns
    DATA = 512  # first_data_ts_ns
    SYN_WINDOW = 1024  # last_window is that of a SYN


STATISTIC = np.dtype(
    [
        ("time_mean", "<f8", (4,)),  # by Times, nanoseconds
        ("time_m2", "<f8", (4,)),  # sum of squared differences from the mean
        ("time_min_ns", "<i8", (4,)),
        ("time_max_ns", "<i8", (4,)),
        ("time_count", "<u4", (4,)),
        ("flight_integral", "<f8"),  # bytes * nanoseconds
        ("flight_sum", "<i8"),
        ("flight_max", "<i8"),
        ("flight_min", "<i8"),  # not 0
        ("flight_bytes", "<i8"),  # latest
        ("flight_ts_ns", "<i8"),
        ("top_pos", "<i8"),  # behind the last byte that it sent, as far as captured
        ("ack_pos", "<i8"),  # latest ACK of its peer
        ("acked_pos", "<i8"),  # highest ACK of its peer
        ("syn_pos", "<i8"),
        ("fin_pos", "<i8"),
        ("acked_ts_ns", "<i8"),  # newest copy of anything that was acknowledged
        ("last_ts_ns", "<i8"),
        ("max_idle_ns", "<i8"),
        ("first_data_ts_ns", "<i8"),
        ("last_data_ts_ns", "<i8"),
        ("handshake_ns", "<i8"),  # from its SYN, sent once, to the ACK of it
        ("data_bytes", "<i8"),
        ("unique_bytes", "<i8"),
        ("rexmt_bytes", "<i8"),
        ("closed_window_bytes", "<i8"),
        ("urgent_bytes", "<i8"),
        ("truncated_bytes", "<i8"),
        ("initial_bytes", "<i8"),
        ("window_sum", "<i8"),  # as in the headers
        ("syn_window_sum", "<i8"),
        ("top_seq", "<u4"),  # `top_pos` as on the wire
        ("full_len", "<u4"),  # its longest segment that Times.ACKED timed
        ("ack_packets", "<u4"),
        ("pure_acks", "<u4"),
        ("sack_packets", "<u4"),
        ("dsack_packets", "<u4"),
        ("data_packets", "<u4"),
        ("rexmt_packets", "<u4"),
        ("closed_window_packets", "<u4"),
        ("late_packets", "<u4"),
        ("pushed_packets", "<u4"),
        ("syns", "<u4"),
        ("fins", "<u4"),
        ("urgent_packets", "<u4"),
        ("truncated_packets", "<u4"),
        ("initial_packets", "<u4"),
        ("hardware_duplicates", "<u4"),
        ("post_loss_acks", "<u4"),
        ("segments_acked_together", "<u4"),
        ("acks_inside_segments", "<u4"),
        ("repeated_acks", "<u4"),
        ("triple_duplicate_acks", "<u4"),
        ("duplicates_run", "<u4"),  # duplicate ACKs in a row
        ("flight_samples", "<u4"),
        ("windows", "<u4"),  # advertised outside of SYNs
        ("syn_windows", "<u4"),
        ("max_segment", "<u4"),
        ("min_segment", "<u4"),
        ("ranges", "<u4"),
        ("first_range", "<i4"),  # row of SENT, -1: none
        ("last_range", "<i4"),
        ("first_waiting", "<i4"),  # first that is not acknowledged
        ("last_syn", "<u4"),  # sequence numbers of the last ones, for the history
        ("last_fin", "<u4"),
        ("last_rst", "<u4"),
        ("resent_letters", "<u4"),  # so often, for the logarithmic letters of the history
        ("window_letters", "<u4"),
        ("gap_letters", "<u4"),
        ("checksum_letters", "<u4"),
        ("recent_seq", "<u4", (RECENT_IDS,)),
        ("recent_id", "<u2", (RECENT_IDS,)),
        ("window_max", "<u2"),
        ("window_min", "<u2"),  # not 0
        ("syn_window_max", "<u2"),
        ("syn_window_min", "<u2"),  # not 0
        ("last_window", "<u2"),
        ("options", "<u2"),  # Option bits of all its segments
        ("syn_options", "<u2"),  # of its latest SYN
        ("mss", "<u2"),  # offered in it
        ("known", "<u2"),  # Known
        ("letters", "<u2"),  # those of the history that are there already
        ("max_resent", "u1"),
        ("max_sack_blocks", "u1"),
        ("recent_next", "u1"),
        ("state", "u1"),  # Ending
        ("state_before", "u1"),
        ("wscale", "u1"),  # offered in it
        ("spare", "u1", (2,)),
    ]
)

CONNECTION = np.dtype([("history", "u1", (HISTORY,)), ("length", "u1"), ("client", "u1")])  # of the letters; side

SENT = np.dtype(
    [
        ("left_pos", "<i8"),
        ("right_pos", "<i8"),
        ("ts_ns", "<i8"),  # of its latest copy
        ("next", "<i4"),  # -1: none
        ("previous", "<i4"),
        ("segments", "<u4"),  # that it was sent in
        ("resent", "u1"),  # so often, saturating
        ("acked", "u1"),  # 1: by its peer
        ("spare", "u1", (2,)),
    ]
)
"""A range that one endpoint sent, once or again; acknowledged ones that touch become one."""


class Ending(IntEnum):
    """State of an endpoint in the sense of `conn_state`: what control segments it sent. Names as in Zeek."""

    INACTIVE = 0
    SYN_SENT = 1
    SYN_ACK_SENT = 2
    PARTIAL = 3
    ESTABLISHED = 4
    CLOSED = 5
    RESET = 6
