"""Words for why a packet has no TCP segment."""

from typing import Final

import numpy as np

from ..kernels.decode_layers import ETHERTYPES, LINK_TYPES, PROTOCOLS, Reason

WORDS: Final = {
    Reason.EMPTY: "no bytes captured",
    Reason.CUT_LINK: "truncated link-layer header",
    Reason.CUT_IPV4: "truncated IPv4 header",
    Reason.CUT_IPV6: "truncated IPv6 header",
    Reason.CUT_EXTENSION: "truncated IPv6 extension header or AH",
    Reason.CUT_TCP: "truncated TCP header",
    Reason.CUT_UDP: "truncated UDP header",
    Reason.CUT_ICMP: "truncated ICMP header",
    Reason.CUT_TUNNEL: "truncated tunnel header",
    Reason.CUT_FRAGMENT: "IP fragment cut by the snap length",
    Reason.BAD_IP_VERSION: "bad IP version",
    Reason.BAD_IPV4_HEADER_LENGTH: "bad IPv4 header length",
    Reason.BAD_IPV4_LENGTH: "IPv4 total length below the header length",
    Reason.BAD_FRAGMENT: "bad IP fragment",
    Reason.BAD_GRE: "GRE of an unknown version",
    Reason.TOO_DEEP: "headers nested too deep",
    Reason.ENCRYPTED: "encrypted",
    Reason.NO_NEXT_HEADER: "IPv6 without a next header",
    Reason.LLC: "LLC",
    Reason.PPP_OTHER: "PPP control or other protocol",
    Reason.PPP_COMPRESSED: "PPP, compressed",
    Reason.PPP_ENCRYPTED: "PPP, encrypted",
    Reason.NULL_FAMILY: "loopback frame that is not IP",
    Reason.WLAN_NOT_DATA: "802.11 management or control frame",
    Reason.WLAN_NO_DATA: "802.11 frame without data",
    Reason.WLAN_AMSDU: "802.11 aggregate (A-MSDU)",
    Reason.WLAN_VERSION: "802.11 of an unknown version",
    Reason.NFLOG: "NFLOG without an IP packet",
    Reason.SLL_OTHER: "Linux cooked frame that is not IP",
    Reason.MPLS_OTHER: "MPLS associated channel",
    Reason.GRE_OTHER: "GRE (PPTP) without data",
    Reason.QUOTE_SHORT: "ICMP error that quotes too little of TCP",
    Reason.QUOTE_FRAGMENT: "ICMP error that quotes a later fragment",
    Reason.FRAGMENT_JOINED: "IP fragment, reassembled in another frame",
    Reason.FRAGMENT_UNFINISHED: "IP fragment, others missing",
    Reason.FRAGMENT_OVERLAP: "IP fragment, overlapping or repeated",
    Reason.FRAGMENT_DROPPED: "IP fragment, too many unfinished datagrams or pieces",
}
"""Every Reason has its words."""

PROTOCOL_NAMES: Final = {
    1: "ICMP",
    2: "IGMP",
    17: "UDP",
    33: "DCCP",
    58: "ICMPv6",
    88: "EIGRP",
    89: "OSPF",
    103: "PIM",
    112: "VRRP",
    115: "L2TP",
    132: "SCTP",
    136: "UDP-Lite",
}
ETHERTYPE_NAMES: Final = {
    0x0806: "ARP",
    0x8035: "RARP",
    0x8137: "IPX",
    0x8809: "slow protocols (LACP)",
    0x8863: "PPPoE discovery",
    0x888E: "EAPOL",
    0x88CC: "LLDP",
    0x88E5: "encrypted (MACsec)",
    0x88F7: "PTP",
}
MOST_REASONS: Final = 50
REST: Final = "other protocols"


def words(cell: int) -> str:
    """The reason that a cell of the decoder's counts stands for."""
    if cell < PROTOCOLS:
        return WORDS[Reason(cell)]
    if cell < LINK_TYPES:
        return PROTOCOL_NAMES.get(cell - PROTOCOLS, f"IP protocol {cell - PROTOCOLS}")
    if cell < ETHERTYPES:
        return f"unsupported link type {cell - LINK_TYPES}"
    return ETHERTYPE_NAMES.get(cell - ETHERTYPES, f"EtherType 0x{cell - ETHERTYPES:04x}")


def in_words(counts: np.ndarray) -> dict[str, int]:
    """Packets for each reason, the most frequent first; beyond `MOST_REASONS` the rest is one sum."""
    cells = np.flatnonzero(counts)
    found = [(words(int(cell)), int(counts[cell])) for cell in cells]
    found.sort(key=lambda item: (-item[1], item[0]))
    rest = sum(n for _, n in found[MOST_REASONS:])
    return dict(found[:MOST_REASONS]) | ({REST: rest} if rest else {})
