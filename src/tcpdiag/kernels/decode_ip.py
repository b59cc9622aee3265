# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""IPv4, IPv6 with its extension headers, and the packets that ICMP errors quote.

Each step proves that what it reads ends at or before `walk.end`, moves `walk.pos` behind it and names what is next.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import PROTOCOLS, Next, Reason

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    be16, be32, be64 = octets.be16, octets.be32, octets.be64

STOP = cython.declare(cython.int, int(Next.STOP))
TCP = cython.declare(cython.int, int(Next.TCP))
IPV4 = cython.declare(cython.int, int(Next.IPV4))
IPV6 = cython.declare(cython.int, int(Next.IPV6))
IP_PROTOCOL = cython.declare(cython.int, int(Next.IP_PROTOCOL))
FRAGMENT = cython.declare(cython.int, int(Next.FRAGMENT))
CUT_IPV4 = cython.declare(cython.uint, int(Reason.CUT_IPV4))
CUT_IPV6 = cython.declare(cython.uint, int(Reason.CUT_IPV6))
CUT_EXTENSION = cython.declare(cython.uint, int(Reason.CUT_EXTENSION))
CUT_ICMP = cython.declare(cython.uint, int(Reason.CUT_ICMP))
CUT_FRAGMENT = cython.declare(cython.uint, int(Reason.CUT_FRAGMENT))
QUOTE_FRAGMENT = cython.declare(cython.uint, int(Reason.QUOTE_FRAGMENT))
BAD_IP_VERSION = cython.declare(cython.uint, int(Reason.BAD_IP_VERSION))
BAD_IPV4_HEADER_LENGTH = cython.declare(cython.uint, int(Reason.BAD_IPV4_HEADER_LENGTH))
BAD_IPV4_LENGTH = cython.declare(cython.uint, int(Reason.BAD_IPV4_LENGTH))
BAD_FRAGMENT = cython.declare(cython.uint, int(Reason.BAD_FRAGMENT))
NO_NEXT_HEADER = cython.declare(cython.uint, int(Reason.NO_NEXT_HEADER))
PROTOCOL_CELLS = cython.declare(cython.uint, PROTOCOLS)
P_ICMPV6 = cython.declare(cython.uint, 58)
MORE_FRAGMENTS = cython.declare(cython.uint, 0x2000)
FRAGMENT_BITS = cython.declare(cython.uint, 0x3FFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def halt(w: cython.pointer[Walk], reason: cython.uint) -> cython.void:
    """End the walk without a TCP segment."""
    w[0].next = STOP
    w[0].stop = reason


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ipv4(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """An IPv4 header (RFC 791 section 3.1); what follows the datagram (Ethernet padding) is left out."""
    at: cython.longlong = w[0].pos
    header: cython.longlong
    total: cython.longlong
    bits: cython.uint
    if w[0].end - at < 20:
        halt(w, CUT_IPV4)
        return
    header = (data[at] & 15) * 4
    total = be16(data, at + 2)
    if data[at] >> 4 != 4:
        halt(w, BAD_IP_VERSION)
        return
    if header < 20:
        halt(w, BAD_IPV4_HEADER_LENGTH)
        return
    if total == 0:  # left to the card that cuts it into segments
        w[0].guessed = 1
        total = w[0].wire - at
    elif total < header:
        halt(w, BAD_IPV4_LENGTH)
        return
    if w[0].end - at < header:
        halt(w, CUT_IPV4)
        return
    w[0].header = at
    w[0].family = 4
    w[0].src_hi = 0
    w[0].src_lo = be32(data, at + 12)
    w[0].dst_hi = 0
    w[0].dst_lo = be32(data, at + 16)
    w[0].sum_hi = 0
    w[0].sum_lo = w[0].dst_lo
    w[0].ip_id = be16(data, at + 4)
    w[0].ttl = data[at + 8]
    w[0].ecn = data[at + 1] & 3
    w[0].wire = at + total
    w[0].end = min(w[0].end, w[0].wire)
    w[0].pos = at + header
    protocol(w, data[at + 9])
    bits = be16(data, at + 6)
    if bits & FRAGMENT_BITS:
        w[0].frag_id = w[0].ip_id
        w[0].frag_at = (bits & 0x1FFF) * 8
        w[0].frag_more = 1 if bits & MORE_FRAGMENTS else 0
        fragment(w)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def protocol(w: cython.pointer[Walk], number: cython.uint) -> cython.void:
    """What the IP protocol number names stands at `w.pos`."""
    w[0].proto = number
    w[0].next = TCP if number == 6 else IP_PROTOCOL


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fragment(w: cython.pointer[Walk]) -> cython.void:
    """Hand a fragment over for reassembly; a first one that is cut, or quoted, is decoded as far as it goes."""
    if w[0].quoted or w[0].end < w[0].wire:
        if w[0].frag_at:
            halt(w, QUOTE_FRAGMENT if w[0].quoted else CUT_FRAGMENT)
        else:
            w[0].cut_fragment = 1
    elif w[0].frag_at + (w[0].end - w[0].pos) > 65_535 or (w[0].frag_more and w[0].end == w[0].pos):
        halt(w, BAD_FRAGMENT)
    else:
        w[0].next = FRAGMENT


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ipv6(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """An IPv6 header and all extension headers (RFC 8200 sections 3 and 4)."""
    at: cython.longlong = w[0].pos
    length: cython.longlong
    if w[0].end - at < 40:
        halt(w, CUT_IPV6)
        return
    if data[at] >> 4 != 6:
        halt(w, BAD_IP_VERSION)
        return
    length = be16(data, at + 4)
    w[0].header = at
    w[0].family = 6
    w[0].src_hi = be64(data, at + 8)
    w[0].src_lo = be64(data, at + 16)
    w[0].dst_hi = be64(data, at + 24)
    w[0].dst_lo = be64(data, at + 32)
    w[0].sum_hi = w[0].dst_hi
    w[0].sum_lo = w[0].dst_lo
    w[0].ip_id = 0
    w[0].ttl = data[at + 7]
    w[0].ecn = (data[at + 1] >> 4) & 3
    w[0].pos = at + 40
    if length == 0 and data[at + 6] == 0:
        length = jumbo(data, w)
    if length == 0 and data[at + 6] != 59 and w[0].wire > at + 40:
        w[0].guessed = 1
        length = w[0].wire - at - 40
    w[0].wire = at + 40 + length
    w[0].end = min(w[0].end, w[0].wire)
    extensions(data, w, data[at + 6])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def jumbo(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.longlong:
    """The length in a jumbo payload option (RFC 2675 section 2) of the hop-by-hop header at `w.pos`; 0: none."""
    at: cython.longlong = w[0].pos
    end: cython.longlong
    if at + 2 > w[0].end:
        return 0
    end = min(w[0].end, at + (data[at + 1] + 1) * 8)
    at += 2
    while at + 2 <= end:
        if data[at] == 0:  # Pad1
            at += 1
        elif data[at] == 0xC2 and data[at + 1] == 4 and at + 6 <= end:
            return be32(data, at + 2)
        else:
            at += 2 + data[at + 1]
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def extensions(data: cython.p_const_uchar, w: cython.pointer[Walk], number: cython.uint) -> cython.void:
    """Extension headers from `w.pos` on, the first of type `number`. Each has 8 bytes at least, so they end."""
    at: cython.longlong = w[0].pos
    size: cython.longlong
    bits: cython.uint
    while number == 0 or number == 43 or number == 44 or number == 60 or number == 135 or 139 <= number <= 140:
        if at + 8 > w[0].end:
            halt(w, CUT_EXTENSION)
            return
        size = 8 if number == 44 else (data[at + 1] + 1) * 8
        if at + size > w[0].end:
            halt(w, CUT_EXTENSION)
            return
        if number == 43:
            routing(data, at, size, w)
        w[0].pos = at + size
        if number == 44:
            bits = be16(data, at + 2)
            if bits & 0xFFF9:  # neither offset nor M flag: an atomic fragment, RFC 6946
                w[0].frag_id = be32(data, at + 4)
                w[0].frag_at = bits & 0xFFF8
                w[0].frag_more = bits & 1
                protocol(w, data[at])
                fragment(w)
                if not w[0].cut_fragment:
                    return
        number = data[at]
        at += size
    if number == 59:
        halt(w, NO_NEXT_HEADER)
    else:
        protocol(w, number)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def routing(
    data: cython.p_const_uchar, at: cython.longlong, size: cython.longlong, w: cython.pointer[Walk]
) -> cython.void:
    """Take the last address of a source route as the destination: the TCP checksum and the peer use that one.

    RFC 8200 section 8.1; types 0 (RFC 2460), 2 (RFC 6275) and 4 (RFC 8754, whose list runs backwards).
    """
    kind: cython.uint = data[at + 2]
    last: cython.longlong
    if data[at + 3] == 0 or size < 24 or not (kind == 0 or kind == 2 or kind == 4):
        return
    last = at + 8 if kind == 4 else at + 8 + ((size - 8) // 16 - 1) * 16
    w[0].sum_hi = be64(data, last)
    w[0].sum_lo = be64(data, last + 8)
    w[0].dst_hi = w[0].sum_hi
    w[0].dst_lo = w[0].sum_lo


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def authentication(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """An AH header (RFC 4302 section 2), which hides nothing."""
    at: cython.longlong = w[0].pos
    size: cython.longlong
    if at + 8 > w[0].end:
        halt(w, CUT_EXTENSION)
        return
    size = (data[at + 1] + 2) * 4
    if at + size > w[0].end:
        halt(w, CUT_EXTENSION)
        return
    w[0].pos = at + size
    if w[0].family == 6:
        extensions(data, w, data[at])
    else:
        protocol(w, data[at])


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def icmp(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """An ICMP error's quoted packet (RFC 792, RFC 4443 section 3); all other ICMP ends the walk."""
    at: cython.longlong = w[0].pos
    kind: cython.uint
    error: cython.bint
    if at + 8 > w[0].end:
        halt(w, CUT_ICMP)
        return
    kind = data[at]
    if w[0].proto == P_ICMPV6:
        error = 1 <= kind <= 4
    else:
        error = kind == 3 or kind == 4 or kind == 5 or kind == 11 or kind == 12
    if not error or w[0].quoted or at + 8 >= w[0].end:
        halt(w, PROTOCOL_CELLS + w[0].proto)
        return
    w[0].quoted = 1
    w[0].icmp_type = cython.cast(cython.uchar, kind)
    w[0].icmp_code = data[at + 1]
    w[0].pos = at + 8
    w[0].next = IPV6 if w[0].proto == P_ICMPV6 else IPV4
