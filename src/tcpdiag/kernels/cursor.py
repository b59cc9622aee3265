"""Where an index kernel stands in a capture file. `cursor.pxd` mirrors both dtypes."""

from enum import IntEnum

import numpy as np

CURSOR = np.dtype(
    [
        ("position", "<i8"),  # of the next record or block, in the buffer
        ("end", "<i8"),  # bytes of the buffer that hold data
        ("filled", "<i8"),  # records written by the last call
        ("frame", "<i8"),  # Wireshark's number of the last frame, over all files
        ("packets", "<i8"),  # records of this file
        ("first_ts_ns", "<i8"),  # earliest packet; valid when packets > 0
        ("last_ts_ns", "<i8"),  # latest packet
        ("previous_ts_ns", "<i8"),  # packet before this one
        ("truncated", "<i8"),  # packets with captured_len < wire_len
        ("backward_steps", "<i8"),
        ("largest_step_ns", "<i8"),
        ("clamped", "<i8"),  # timestamps that do not fit 64 bits of nanoseconds
        ("links", "<i8"),  # rows of the link table in use
        ("swapped", "<i8"),  # 1: big-endian fields
        ("header_size", "<i8"),  # pcap: bytes before each packet
        ("swap_lengths", "<i8"),  # pcap: SwapLengths
    ]
)

LINK = np.dtype(
    [
        ("last_ts_ns", "<i8"),  # of the interface's last packet; valid when seen
        ("offset_ns", "<i8"),  # if_tsoffset
        ("factor", "<i8"),  # multiplier, divisor or shift, see Unit
        ("most_ticks", "<u8"),  # Unit.MULTIPLY: a larger timestamp does not fit ts_ns
        ("max_len", "<i8"),  # a longer packet is damage
        ("snaplen", "<i8"),  # 0: none
        ("row", "<u2"),  # of the capture's interface table
        ("link_type", "<u2"),
        ("unit", "u1"),  # Unit
        ("seen", "u1"),
        ("spare", "u1", (2,)),
    ]
)


class Status(IntEnum):
    """Why an index kernel returned."""

    MORE = 0  # the buffer ends before the next record does
    FULL = 1  # no row left in `records`
    BAD = 2  # what stands at `position` cannot be a record
    OTHER = 3  # pcapng: a block that is not a packet


class Unit(IntEnum):
    """How a timestamp becomes nanoseconds (pcapng if_tsresol)."""

    MULTIPLY = 0  # by factor: 10**-9 s or coarser
    DIVIDE = 1  # by factor: finer than 10**-9 s
    SHIFT = 2  # 2**-factor s


class SwapLengths(IntEnum):
    """Old pcap writers stored the two lengths the other way round (file versions 2.3 and below)."""

    NO = 0
    WHEN_LARGER = 1  # when the captured length exceeds the length on the wire
    YES = 2
