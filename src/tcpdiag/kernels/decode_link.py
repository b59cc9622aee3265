# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Link layers down to IP: by LINKTYPE_ number, by EtherType, LLC/SNAP, PPP, MPLS, 802.11.

Each step proves that what it reads ends at or before `walk.end`, moves `walk.pos` behind it and names what is next.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import ETHERTYPES, LINK_TYPES, Next, Reason

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    be16, be32 = octets.be16, octets.be32
    halt = uncompiled("decode_ip").halt

IPV4 = cython.declare(cython.int, int(Next.IPV4))
IPV6 = cython.declare(cython.int, int(Next.IPV6))
IP_BY_NIBBLE = cython.declare(cython.int, int(Next.IP_BY_NIBBLE))
ETHERTYPE = cython.declare(cython.int, int(Next.ETHERTYPE))
LINK = cython.declare(cython.int, int(Next.LINK))
LLC = cython.declare(cython.int, int(Next.LLC))
MPLS = cython.declare(cython.int, int(Next.MPLS))
CUT_LINK = cython.declare(cython.uint, int(Reason.CUT_LINK))
LLC_OTHER = cython.declare(cython.uint, int(Reason.LLC))
PPP_OTHER = cython.declare(cython.uint, int(Reason.PPP_OTHER))
PPP_COMPRESSED = cython.declare(cython.uint, int(Reason.PPP_COMPRESSED))
PPP_ENCRYPTED = cython.declare(cython.uint, int(Reason.PPP_ENCRYPTED))
NULL_FAMILY = cython.declare(cython.uint, int(Reason.NULL_FAMILY))
NFLOG = cython.declare(cython.uint, int(Reason.NFLOG))
SLL_OTHER = cython.declare(cython.uint, int(Reason.SLL_OTHER))
MPLS_OTHER = cython.declare(cython.uint, int(Reason.MPLS_OTHER))
ENCRYPTED = cython.declare(cython.uint, int(Reason.ENCRYPTED))
WLAN_NOT_DATA = cython.declare(cython.uint, int(Reason.WLAN_NOT_DATA))
WLAN_NO_DATA = cython.declare(cython.uint, int(Reason.WLAN_NO_DATA))
WLAN_AMSDU = cython.declare(cython.uint, int(Reason.WLAN_AMSDU))
WLAN_VERSION = cython.declare(cython.uint, int(Reason.WLAN_VERSION))
LINK_CELLS = cython.declare(cython.uint, LINK_TYPES)
ETHERTYPE_CELLS = cython.declare(cython.uint, ETHERTYPES)
ETHERNET = cython.declare(cython.uint, 1)
BRIDGED = cython.declare(cython.uint, 0x6558)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def has(w: cython.pointer[Walk], n: cython.longlong) -> cython.bint:
    """Whether `n` bytes are there at `w.pos`; if not, the walk ends."""
    if w[0].end - w[0].pos >= n:
        return True
    halt(w, CUT_LINK)
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def by_ethertype(w: cython.pointer[Walk], number: cython.uint, skip: cython.longlong) -> cython.void:
    """What the EtherType names stands `skip` bytes on."""
    w[0].pos += skip
    w[0].proto = number
    w[0].next = IPV4 if number == 0x0800 else ETHERTYPE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def by_link(w: cython.pointer[Walk], number: cython.uint, skip: cython.longlong) -> cython.void:
    """A frame of that LINKTYPE_ stands `skip` bytes on."""
    w[0].pos += skip
    w[0].proto = number
    w[0].next = LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def link(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """A frame of link type `w.proto` (numbers: the tcpdump group's list of link-layer header types)."""
    kind: cython.uint = w[0].proto
    at: cython.longlong = w[0].pos
    if kind == 1:
        ethernet(data, w)
    elif kind == 113 or kind == 276:
        cooked(data, w, kind)
    elif kind == 12 or kind == 14 or kind == 101:
        w[0].next = IP_BY_NIBBLE
    elif kind == 228:
        w[0].next = IPV4
    elif kind == 229:
        w[0].next = IPV6
    elif kind == 0 or kind == 108:
        loopback(data, w)
    elif kind == 9 or kind == 50:
        ppp(data, w)
    elif kind == 51:
        if has(w, 6):
            by_ethertype(w, 0x8864, 0)
    elif kind == 166 or kind == 204:  # a byte for the direction, then PPP
        if has(w, 1):
            by_link(w, 9, 1 if kind == 204 or (at + 2 <= w[0].end and data[at + 1] != 3) else 2)
    elif kind == 104:  # Cisco HDLC: address, control, EtherType
        if has(w, 4):
            by_ethertype(w, be16(data, at + 2), 4)
    elif kind == 239:
        nflog(data, w)
    elif kind == 105:
        wlan(data, w, False)
    elif kind == 127 or kind == 119 or kind == 163:
        radio(data, w, kind)
    elif kind == 242:  # IP over InfiniBand: 40 bytes of global routing header or addresses
        if has(w, 44):
            by_ethertype(w, be16(data, at + 40), 44)
    else:
        halt(w, LINK_CELLS + kind)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ethernet(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    number: cython.uint
    if not has(w, 14):
        return
    number = be16(data, w[0].pos + 12)
    if number >= 0x0600:
        by_ethertype(w, number, 14)
    else:  # IEEE 802.3 length field
        w[0].pos += 14
        w[0].next = LLC


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ethertype(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """What the EtherType `w.proto` names."""
    number: cython.uint = w[0].proto
    at: cython.longlong = w[0].pos
    if number == 0x0800:
        w[0].next = IPV4
    elif number == 0x86DD:
        w[0].next = IPV6
    elif number == 0x8100 or number == 0x88A8 or number == 0x9100 or number == 0x9200:
        if has(w, 4):
            number = be16(data, at + 2)
            if number >= 0x0600:
                by_ethertype(w, number, 4)
            else:
                w[0].pos = at + 4
                w[0].next = LLC
    elif number == 0x8847 or number == 0x8848:
        w[0].next = MPLS
    elif number == 0x8864:  # RFC 2516 section 4: session data
        if has(w, 6):
            by_link(w, 9, 6)
    elif number == BRIDGED:
        by_link(w, ETHERNET, 0)
    else:
        halt(w, ETHERTYPE_CELLS + (number & 0xFFFF))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def llc(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """LLC with SNAP (RFC 1042), or with the service access point of IP."""
    at: cython.longlong = w[0].pos
    oui: cython.uint
    if not has(w, 3):
        return
    if data[at] == 6 and data[at + 1] == 6 and data[at + 2] == 3:
        w[0].pos = at + 3
        w[0].next = IPV4
    elif data[at] == 0xAA and data[at + 1] == 0xAA and data[at + 2] == 3:
        if has(w, 8):
            oui = be32(data, at + 3) >> 8
            if oui == 0 or oui == 0xF8:  # RFC 1042; IEEE 802.1H bridge tunnel
                by_ethertype(w, be16(data, at + 6), 8)
            else:
                halt(w, LLC_OTHER)
    else:
        halt(w, LLC_OTHER)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cooked(data: cython.p_const_uchar, w: cython.pointer[Walk], kind: cython.uint) -> cython.void:
    """Linux cooked capture v1 (LINKTYPE_LINUX_SLL) and v2 (LINKTYPE_LINUX_SLL2)."""
    at: cython.longlong = w[0].pos
    number: cython.uint
    device: cython.uint
    if not has(w, 16 if kind == 113 else 20):
        return
    if kind == 113:
        w[0].pkttype = cython.cast(cython.uchar, min(be16(data, at), 255))
        device = be16(data, at + 2)
        number = be16(data, at + 14)
        w[0].pos = at + 16
    else:
        number = be16(data, at)
        device = be16(data, at + 8)
        w[0].pkttype = data[at + 10]
        w[0].pos = at + 20
    if device == 778:  # ARPHRD_IPGRE: the protocol is that of the GRE header
        by_ethertype(w, number, 0)
    elif number == 4:
        w[0].next = LLC
    elif number == 1:
        halt(w, SLL_OTHER)
    elif device == 824 or device == 770 or number < 0x0600:  # netlink, Frame Relay, private numbers
        halt(w, SLL_OTHER)
    else:
        by_ethertype(w, number, 0)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def loopback(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """BSD null and loop: the address family in either byte order; AF_INET6 is 10, 24, 28 or 30."""
    family: cython.uint
    if not has(w, 4):
        return
    family = be32(data, w[0].pos)
    if family >> 16:
        family = (family >> 24) | ((family >> 8) & 0xFF00) | ((family & 0xFF00) << 8) | ((family & 0xFF) << 24)
    w[0].pos += 4
    if family == 2:
        w[0].next = IPV4
    elif family == 10 or family == 24 or family == 28 or family == 30:
        w[0].next = IPV6
    elif 0x0600 <= family <= 0xFFFF:
        by_ethertype(w, family, 0)
    else:
        halt(w, NULL_FAMILY)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ppp(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """PPP (RFC 1661 section 2) with or without HDLC framing (RFC 1662), protocol field of one or two bytes."""
    at: cython.longlong = w[0].pos
    number: cython.uint
    if not has(w, 2):
        return
    if data[at] == 0xFF and data[at + 1] == 3:
        at += 2
    elif data[at] == 0x0F or data[at] == 0x8F:  # Cisco HDLC instead (LINKTYPE_PPP_HDLC)
        by_link(w, 104, 0)
        return
    w[0].pos = at
    if not has(w, 2):
        return
    if data[at] & 1:
        number = data[at]
        w[0].pos = at + 1
    else:
        number = be16(data, at)
        w[0].pos = at + 2
    if number == 0x21:
        w[0].next = IPV4
    elif number == 0x57:
        w[0].next = IPV6
    elif number == 0x281 or number == 0x283:
        w[0].next = MPLS
    elif number == 0x53:
        halt(w, PPP_ENCRYPTED)
    elif number == 0xFD or number == 0xFB or number == 0x2D or number == 0x2F:
        halt(w, PPP_COMPRESSED)
    else:
        halt(w, PPP_OTHER)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mpls(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """A label stack (RFC 3032); what it carries is guessed from the first nibble (RFC 4928 section 3)."""
    at: cython.longlong = w[0].pos
    nibble: cython.uint
    while has(w, 4):
        w[0].pos += 4
        if data[w[0].pos - 2] & 1:
            if not has(w, 1):
                return
            at = w[0].pos
            nibble = data[at] >> 4
            if nibble == 4 or nibble == 6:
                w[0].next = IP_BY_NIBBLE
            elif nibble == 1:  # RFC 5586: associated channel
                halt(w, MPLS_OTHER)
            else:  # Ethernet pseudowire, RFC 4448; nibble 0: behind a control word
                by_link(w, ETHERNET, 4 if nibble == 0 and w[0].end - at >= 18 else 0)
            return


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def nflog(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """LINKTYPE_NFLOG: type-length-values in the capturing host's byte order; type 9 is the packet."""
    at: cython.longlong = w[0].pos
    size: cython.longlong
    kind: cython.uint
    family: cython.uint
    if not has(w, 4):
        return
    family = data[at]
    at += 4
    while at + 4 <= w[0].end:
        size = data[at] | (cython.cast(cython.longlong, data[at + 1]) << 8)
        kind = (data[at + 2] | (cython.cast(cython.uint, data[at + 3]) << 8)) & 0x7FFF
        if size < 4:
            break
        if kind == 9:
            w[0].pos = at + 4
            w[0].wire = min(w[0].wire, at + size)
            w[0].end = min(w[0].end, w[0].wire)
            w[0].next = IP_BY_NIBBLE
            if family != 2 and family != 10:
                halt(w, NFLOG)
            return
        at += (size + 3) & ~3
    halt(w, NFLOG)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def radio(data: cython.p_const_uchar, w: cython.pointer[Walk], kind: cython.uint) -> cython.void:
    """The header that a driver put before an 802.11 frame: radiotap, Prism or AVS."""
    at: cython.longlong = w[0].pos
    size: cython.longlong
    flags: cython.longlong
    padded: cython.bint = False
    if not has(w, 8):
        return
    if kind == 127:
        size = data[at + 2] | (cython.cast(cython.longlong, data[at + 3]) << 8)
        flags = at + 8
        while data[flags - 1] & 0x80 and flags + 4 <= w[0].end:  # more presence words
            flags += 4
        if data[at + 4] & 1:  # an 8-byte time, aligned to 8
            flags = at + ((flags - at + 7) & ~7) + 8
        if data[at + 4] & 2 and flags < min(w[0].end, at + size):
            padded = (data[flags] & 0x20) != 0
    elif kind == 163 or be32(data, at) >> 12 == 0x80211:
        size = be32(data, at + 4)
    else:
        size = 144
    if size < 8:
        halt(w, CUT_LINK)
    elif has(w, size):
        w[0].pos = at + size
        wlan(data, w, padded)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def wlan(data: cython.p_const_uchar, w: cython.pointer[Walk], padded: cython.bint) -> cython.void:
    """An 802.11 data frame (IEEE 802.11-2020 section 9.3.2). `padded`: the header fills whole 4-byte words."""
    at: cython.longlong = w[0].pos
    size: cython.longlong = 24
    control: cython.uint
    flags: cython.uint
    if not has(w, 2):
        return
    control = data[at]
    flags = data[at + 1]
    if control & 3:
        halt(w, WLAN_VERSION)
        return
    if control & 0x0C != 8:
        halt(w, WLAN_NOT_DATA)
        return
    if flags & 3 == 3:
        size += 6
    if control & 0x80:
        size += 2
        if flags & 0x80:
            size += 4
    if control & 0x40:
        halt(w, WLAN_NO_DATA)
    elif flags & 0x40:
        halt(w, ENCRYPTED)
    elif has(w, size):
        if control & 0x80 and data[at + (30 if flags & 3 == 3 else 24)] & 0x80:
            halt(w, WLAN_AMSDU)
            return
        if padded:
            size = (size + 3) & ~3
        w[0].pos = at + size
        w[0].next = LLC
