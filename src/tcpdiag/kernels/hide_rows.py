"""What the hiding kernels pass to each other and to `extraction.anonymous`. `hide_marks.pxd` mirrors the dtypes."""

from enum import IntEnum

import numpy as np

SITE = np.dtype(
    [
        ("at", "<i8"),  # first byte, as an index of the buffer
        ("kind", "<u4"),  # Kind
    ]
)
"""A field that another value takes the place of."""

CHECK = np.dtype(
    [
        ("field", "<i8"),  # of the checksum
        ("start", "<i8"),  # of what it covers
        ("end", "<i8"),
        ("src", "<i8"),  # addresses of the pseudo-header; -1: there is none
        ("dst", "<i8"),
        ("length", "<u4"),  # of the pseudo-header
        ("protocol", "<u2"),
        ("address", "u1"),  # bytes of each address
        ("state", "u1"),  # State
    ]
)
"""A checksum that has to be what it was: right, wrong, or left to the network card."""

PLACE = np.dtype(
    [
        ("data", "<i8"),  # first byte of the payload, or of the fragment's data
        ("length", "<u4"),  # bytes of it that were captured
        ("at", "<u4"),  # offset of the fragment in its datagram
        ("reason", "<u4"),  # cell of the counts of `capture.reasons`, for a refused packet
        ("fate", "u1"),  # Fate
    ]
)
"""What became of one packet."""


class Kind(IntEnum):
    """What stands at a site."""

    MAC = 0
    IPV4 = 1
    IPV6 = 2
    VLAN = 3  # the low 12 bits of two bytes
    MPLS = 4  # the high 20 bits of three bytes
    NETWORK = 5  # three bytes: a VNI
    KEY = 6  # four bytes: a GRE key, a GTP tunnel


class State(IntEnum):
    """What a checksum was."""

    GOOD = 1
    BAD = 2
    PARTIAL = 3  # the pseudo-header's sum: left to the network card
    PARTIAL_SHORT = 4  # the same without the length, as for segmentation offload


class Fate(IntEnum):
    """Whether a packet can be given away."""

    REFUSED = 0
    SEGMENT = 1
    FRAGMENT = 2  # its data is blank: only the whole datagram tells what it is
