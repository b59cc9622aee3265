"""Segments: one row for each TCP segment that was captured. What was on the wire; no judgement.

`RECORD` is a packet as the container file holds it, `SEGMENT` the TCP segment found in it.
Both are packed numpy dtypes; `kernels/records.pxd` mirrors them, and a kernel refuses a mismatch.
"""

from enum import IntEnum, IntFlag

import numpy as np

RECORD = np.dtype(
    [
        ("ts_ns", "<i8"),  # epoch nanoseconds, if_tsresol and if_tsoffset applied
        ("offset", "<i8"),  # first byte of the packet in the batch's buffer
        ("captured_len", "<u4"),  # bytes of the packet in the buffer
        ("wire_len", "<u4"),  # bytes that the packet had on the wire
        ("frame", "<u4"),  # Wireshark's frame.number, from 1, counted over all files
        ("interface", "<u2"),  # row of the capture's interface table
        ("link_type", "<u2"),  # LINKTYPE_ number of that interface
    ]
)

SEGMENT = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("src_hi", "<u8"),  # IPv6: the first 8 bytes, big-endian; IPv4: 0
        ("src_lo", "<u8"),  # IPv6: the last 8 bytes; IPv4: the address as a number
        ("dst_hi", "<u8"),
        ("dst_lo", "<u8"),
        ("frame", "<u4"),
        ("tunnel", "<u4"),  # row of the decoder's tunnel table; 0: not in a tunnel
        ("seq", "<u4"),
        ("ack", "<u4"),
        ("payload_len", "<u4"),  # from the IP header, never from the captured length
        ("captured_len", "<u4"),  # payload bytes that are in the buffer
        ("payload_offset", "<u4"),  # of the payload in the batch's buffer
        ("tsval", "<u4"),  # valid when Option.TIMESTAMPS is set
        ("tsecr", "<u4"),
        ("sack", "<u4", (8,)),  # n_sack pairs left edge, right edge
        ("flags", "<u2"),  # Flag bits
        ("window", "<u2"),  # as in the header, not scaled
        ("sport", "<u2"),
        ("dport", "<u2"),
        ("mss", "<u2"),  # valid when Option.MSS is set
        ("ip_id", "<u2"),  # IPv4 only; 0 for IPv6
        ("interface", "<u2"),
        ("urgent", "<u2"),
        ("payload_sum", "<u2"),  # one's complement sum of the payload; valid when it was captured whole: two that
        # differ prove two contents, two alike prove nothing
        ("options", "<u2"),  # Option bits: which options the segment carries
        ("wscale", "u1"),  # valid when Option.WSCALE is set; as sent, not capped at 14
        ("n_sack", "u1"),
        ("ttl", "u1"),  # IPv4 TTL or IPv6 hop limit, of the innermost header
        ("ecn", "u1"),  # the two ECN bits of the IP header
        ("family", "u1"),  # 4 or 6
        ("checksum", "u1"),  # Checksum
        ("origin", "u1"),  # Origin bits
        ("icmp_type", "u1"),  # valid when Origin.QUOTED is set
        ("icmp_code", "u1"),
        ("pkttype", "u1"),  # Linux cooked packet type, NO_PKTTYPE elsewhere
    ]
)

NO_PKTTYPE = 255


class Flag(IntFlag):
    """TCP header flags (RFC 9293 section 3.1; AE: RFC 7560)."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20
    ECE = 0x40
    CWR = 0x80
    AE = 0x100


class Option(IntFlag):
    """TCP options that a segment carries (IANA "TCP Option Kind Numbers")."""

    MSS = 0x0001
    WSCALE = 0x0002
    SACK_PERMITTED = 0x0004
    SACK = 0x0008
    TIMESTAMPS = 0x0010
    FAST_OPEN = 0x0020  # RFC 7413, kind 34 (or the experimental 254 with magic 0xF989)
    MPTCP = 0x0040
    MD5 = 0x0080
    AO = 0x0100
    USER_TIMEOUT = 0x0200
    UNKNOWN = 0x0400  # a kind that is none of these
    UNPARSABLE = 0x8000  # a length that cannot be, or options cut by the snap length


class Checksum(IntEnum):
    """What the TCP checksum tells."""

    UNVERIFIABLE = 0  # truncated, a fragment, or quoted
    GOOD = 1
    BAD = 2
    PARTIAL = 3  # exactly the pseudo-header sum: left to the network card (offload)


class Origin(IntFlag):
    """Where the row came from, when not from one plain packet."""

    REASSEMBLED = 1  # from IP fragments; frame is that of the fragment that completed it
    QUOTED = 2  # the header inside an ICMP error: the segment was seen by the ICMP's sender
    LENGTH_GUESSED = 4  # IP total length 0 (offload): payload_len is from the packet's length
    TRUNCATED = 8  # fewer payload bytes captured than the segment had
    HEADER_TRUNCATED = 16
    """The TCP header is cut, or its length cannot be: only ports and what was there. Wireshark numbers such a packet
    (16 bytes are enough); quoted as well, there are fewer than 16 bytes, no flags, and no `tcp.stream` in Wireshark."""
