"""LINKTYPE_ numbers, as registered at tcpdump.org, with what the container formats need to know of them."""

from typing import Final

STANDARD_LIMIT: Final = 262_144
"""Largest packet that Wireshark and libpcap accept for most link types (WTAP_MAX_PACKET_SIZE_STANDARD)."""
LARGE_LIMIT: Final = 16 << 20
SNAPLEN_LIMIT: Final = 16 << 20
"""A snap length beyond this is a writer's way to say "no limit", and no evidence that packets are that large."""

LARGE_LINK_TYPES: Final = frozenset({189, 220, 231, 249})
"""USB and D-Bus: their messages may be larger. They carry no TCP; the limit keeps the buffers small."""

NAMES: Final = {
    0: "NULL",
    1: "ETHERNET",
    6: "IEEE802_5",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    113: "LINUX_SLL",
    117: "PFLOG",
    119: "IEEE802_11_PRISM",
    127: "IEEE802_11_RADIOTAP",
    147: "USER0",
    163: "IEEE802_11_AVS",
    189: "USB_LINUX",
    192: "PPI",
    204: "PPP_WITH_DIR",
    205: "C_HDLC_WITH_DIR",
    220: "USB_LINUX_MMAPPED",
    228: "IPV4",
    229: "IPV6",
    231: "DBUS",
    239: "NFLOG",
    249: "USBPCAP",
    252: "WIRESHARK_UPPER_PDU",
    253: "NETLINK",
    271: "VSOCK_MSG",
    276: "LINUX_SLL2",
}


def link_name(link_type: int) -> str:
    """`LINKTYPE_` name without its prefix; the number where the name is not known here."""
    return NAMES.get(link_type, f"LINKTYPE {link_type}")


def max_packet_len(link_type: int, snaplen: int) -> int:
    """The longest packet that such an interface can have captured. A longer one is damage."""
    if link_type in LARGE_LINK_TYPES:
        return LARGE_LIMIT
    return max(STANDARD_LIMIT, snaplen) if snaplen <= SNAPLEN_LIMIT else STANDARD_LIMIT
