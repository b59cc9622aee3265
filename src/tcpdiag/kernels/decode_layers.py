"""What the decoding kernels pass to each other: where a walk through a packet is, what comes next, and why it ended.

`decode_walk.pxd` mirrors the dtypes. Counts of packets without a TCP segment stand in one array: plain reasons first,
then one cell for each IP protocol, link type and EtherType, so that a hostile capture cannot make it grow.
"""

from enum import IntEnum

import numpy as np

MAX_LAYERS = 8  # tunnels in tunnels
MAX_TUNNELS = 65_536  # rows of the tunnel table; row 0: no tunnel, the last: all that found no room
TUNNEL_SLOTS = 131_072  # of the hash table over it

WALK = np.dtype(
    [
        ("pos", "<i8"),  # next byte to decode, as an index of the buffer
        ("end", "<i8"),  # first byte that is not captured, or not part of this layer
        ("wire", "<i8"),  # where the layer ends on the wire; beyond `end` when the capture is cut
        ("header", "<i8"),  # of the innermost IP header
        ("src_hi", "<u8"),
        ("src_lo", "<u8"),
        ("dst_hi", "<u8"),
        ("dst_lo", "<u8"),
        ("sum_hi", "<u8"),  # destination of the pseudo-header: the last address of a routing header
        ("sum_lo", "<u8"),
        ("next", "<i4"),  # Next
        ("proto", "<u4"),  # EtherType, IP protocol or link type that `next` needs
        ("stop", "<u4"),  # cell of the counts when next is Next.STOP
        ("tunnel", "<u4"),  # tunnel row that the walk began in
        ("layers", "<u4"),  # tunnel layers pushed since
        ("frag_id", "<u4"),
        ("frag_at", "<u4"),  # offset of this fragment in bytes
        ("ip_id", "<u2"),
        ("frag_more", "u1"),
        ("family", "u1"),  # 0 before any IP header
        ("ttl", "u1"),
        ("ecn", "u1"),
        ("guessed", "u1"),  # IP total length 0: the length is that of the packet
        ("cut_fragment", "u1"),  # a first fragment that cannot be reassembled
        ("quoted", "u1"),  # inside an ICMP error
        ("icmp_type", "u1"),
        ("icmp_code", "u1"),
        ("pkttype", "u1"),
    ]
)

LAYER = np.dtype(
    [
        ("a_hi", "<u8"),  # outer addresses, the smaller first: both directions are one tunnel
        ("a_lo", "<u8"),
        ("b_hi", "<u8"),
        ("b_lo", "<u8"),
        ("id", "<u8"),  # VNI, or GRE key + 2**32 (0: none)
        ("parent", "<u4"),  # tunnel row around this layer
        ("kind", "u1"),  # Carrier
        ("family", "u1"),  # of the outer addresses
        ("spare", "<u2"),
    ]
)

FRAGMENT = np.dtype(
    [
        ("record", "<i8"),
        ("header", "<i8"),  # the IP header in the buffer
        ("data", "<i8"),  # the fragment's data in the buffer
        ("src_hi", "<u8"),
        ("src_lo", "<u8"),
        ("dst_hi", "<u8"),
        ("dst_lo", "<u8"),
        ("length", "<u4"),
        ("at", "<u4"),  # offset in the datagram
        ("id", "<u4"),
        ("tunnel", "<u4"),
        ("proto", "u1"),
        ("more", "u1"),
        ("family", "u1"),
        ("pkttype", "u1"),
    ]
)

ANSWER = np.dtype(
    [
        ("offset", "<i8"),  # of the DNS message in the buffer
        ("frame", "<u4"),
        ("length", "<u4"),  # bytes of it that were captured
    ]
)


class Next(IntEnum):
    """What stands at `WALK.pos`."""

    STOP = 0
    TCP = 1
    IPV4 = 2
    IPV6 = 3
    IP_PROTOCOL = 4
    IP_BY_NIBBLE = 5
    ETHERTYPE = 6
    LINK = 7  # proto is a LINKTYPE_ number
    LLC = 8
    MPLS = 9
    UDP = 10
    GRE = 11
    ICMP = 12
    FRAGMENT = 13


class Carrier(IntEnum):
    """What a tunnel layer is."""

    NONE = 0
    GRE = 1
    PPTP = 2
    ERSPAN = 3
    VXLAN = 4
    GENEVE = 5
    IP_IN_IP = 6
    GTP = 7
    TEREDO = 8
    MPLS = 9
    AYIYA = 10


class Reason(IntEnum):
    """Why a packet has no TCP segment. The words are in capture.reasons."""

    EMPTY = 1
    CUT_LINK = 2
    CUT_IPV4 = 3
    CUT_IPV6 = 4
    CUT_EXTENSION = 5
    CUT_TCP = 6
    CUT_UDP = 7
    CUT_ICMP = 8
    CUT_TUNNEL = 9
    CUT_FRAGMENT = 10
    BAD_IP_VERSION = 11
    BAD_IPV4_HEADER_LENGTH = 12
    BAD_IPV4_LENGTH = 13
    BAD_FRAGMENT = 14
    BAD_GRE = 15
    TOO_DEEP = 16
    ENCRYPTED = 17
    NO_NEXT_HEADER = 18
    LLC = 19
    PPP_OTHER = 20
    PPP_COMPRESSED = 21
    PPP_ENCRYPTED = 22
    NULL_FAMILY = 23
    WLAN_NOT_DATA = 24
    WLAN_NO_DATA = 25
    WLAN_AMSDU = 26
    WLAN_VERSION = 27
    NFLOG = 28
    SLL_OTHER = 29
    MPLS_OTHER = 30
    GRE_OTHER = 31
    QUOTE_SHORT = 32
    QUOTE_FRAGMENT = 33
    FRAGMENT_JOINED = 34
    FRAGMENT_UNFINISHED = 35
    FRAGMENT_OVERLAP = 36
    FRAGMENT_DROPPED = 37


PROTOCOLS = 256  # first cell of the IP protocols
LINK_TYPES = 512
ETHERTYPES = LINK_TYPES + 65_536
COUNTS = ETHERTYPES + 65_536
