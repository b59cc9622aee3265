# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A TCP segment to its row: header, options, checksum. Nothing is read at or beyond `walk.end`."""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import Next, Reason
from tcpdiag.model.segment import Checksum, Option, Origin

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    be16, be32, fold, sum16 = octets.be16, octets.be32, octets.fold, octets.sum16

STOP = cython.declare(cython.int, int(Next.STOP))
CUT_TCP = cython.declare(cython.uint, int(Reason.CUT_TCP))
QUOTE_SHORT = cython.declare(cython.uint, int(Reason.QUOTE_SHORT))
MSS = cython.declare(cython.uint, int(Option.MSS))
WSCALE = cython.declare(cython.uint, int(Option.WSCALE))
SACK_PERMITTED = cython.declare(cython.uint, int(Option.SACK_PERMITTED))
SACK = cython.declare(cython.uint, int(Option.SACK))
TIMESTAMPS = cython.declare(cython.uint, int(Option.TIMESTAMPS))
FAST_OPEN = cython.declare(cython.uint, int(Option.FAST_OPEN))
MPTCP = cython.declare(cython.uint, int(Option.MPTCP))
MD5 = cython.declare(cython.uint, int(Option.MD5))
AO = cython.declare(cython.uint, int(Option.AO))
USER_TIMEOUT = cython.declare(cython.uint, int(Option.USER_TIMEOUT))
UNKNOWN = cython.declare(cython.uint, int(Option.UNKNOWN))
UNPARSABLE = cython.declare(cython.uint, int(Option.UNPARSABLE))
QUOTED = cython.declare(cython.int, int(Origin.QUOTED))
LENGTH_GUESSED = cython.declare(cython.int, int(Origin.LENGTH_GUESSED))
TRUNCATED = cython.declare(cython.int, int(Origin.TRUNCATED))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))
UNVERIFIABLE = cython.declare(cython.uchar, int(Checksum.UNVERIFIABLE))
GOOD = cython.declare(cython.uchar, int(Checksum.GOOD))
BAD = cython.declare(cython.uchar, int(Checksum.BAD))
PARTIAL = cython.declare(cython.uchar, int(Checksum.PARTIAL))
PLAIN_TIMESTAMPS = cython.declare(cython.uint, 0x0101080A)  # NOP, NOP, timestamps: what nearly all segments carry
EXPERIMENTAL_FAST_OPEN = cython.declare(cython.uint, 0xF989)  # RFC 7413 appendix A
MIN_HEADER = cython.declare(cython.int, 20)
NUMBERED = cython.declare(cython.int, 16)  # Wireshark gives a tcp.stream when it has this much of the header
QUOTED_LEAST = cython.declare(cython.int, 8)  # RFC 792: ports and sequence number
LONGEST_SEGMENT = cython.declare(cython.longlong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def tcp(data: cython.p_const_uchar, w: cython.pointer[Walk], s: cython.pointer[Segment]) -> cython.bint:
    """Fill the row from the TCP header at `w.pos`. False (and `w.stop`): too little of it is there."""
    at: cython.longlong = w[0].pos
    there: cython.longlong = w[0].end - at
    length: cython.longlong = w[0].wire - at
    header: cython.longlong = MIN_HEADER
    origin: cython.int = 0
    if there < NUMBERED and not (w[0].quoted and there >= QUOTED_LEAST):
        w[0].next = STOP
        w[0].stop = QUOTE_SHORT if w[0].quoted else CUT_TCP
        return False
    blank(w, s)
    s[0].sport = be16(data, at)
    s[0].dport = be16(data, at + 2)
    s[0].seq = be32(data, at + 4)
    if w[0].guessed or w[0].cut_fragment:
        origin |= LENGTH_GUESSED
    if there >= NUMBERED:
        s[0].ack = be32(data, at + 8)
        header = (data[at + 12] >> 4) * 4
        s[0].flags = be16(data, at + 12) & 0x1FF
        s[0].window = be16(data, at + 14)
    if there >= MIN_HEADER:
        s[0].urgent = be16(data, at + 18)
    if there < NUMBERED or (there < MIN_HEADER and not w[0].quoted):
        origin |= HEADER_TRUNCATED
    if header < MIN_HEADER or header > length:
        origin |= HEADER_TRUNCATED
        s[0].options = UNPARSABLE
        header = length
    elif header > MIN_HEADER:
        if there >= header and header == 32 and be32(data, at + 20) == PLAIN_TIMESTAMPS:
            s[0].options = TIMESTAMPS
            s[0].tsval = be32(data, at + 24)
            s[0].tsecr = be32(data, at + 28)
        else:
            options(data, at + MIN_HEADER, at + min(header, there), s)
            if there < header:
                s[0].options |= UNPARSABLE
    s[0].payload_len = cython.cast(cython.uint, min(length - header, LONGEST_SEGMENT))
    s[0].captured_len = cython.cast(cython.uint, max(min(there, length) - header, 0))
    s[0].payload_offset = cython.cast(cython.uint, at + min(header, there))
    if w[0].quoted:
        origin |= QUOTED
    elif s[0].captured_len < s[0].payload_len or w[0].cut_fragment or there < header:
        origin |= TRUNCATED
    elif not origin & HEADER_TRUNCATED:
        s[0].payload_sum = sum16(data, at + header, length - header)
        s[0].checksum = checksum(data, at, length, sum16(data, at, header) + s[0].payload_sum, w)
    s[0].origin = origin
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def blank(w: cython.pointer[Walk], s: cython.pointer[Segment]) -> cython.void:
    """What the IP header gave, and nothing of TCP yet."""
    i: cython.int
    s[0].src_hi = w[0].src_hi
    s[0].src_lo = w[0].src_lo
    s[0].dst_hi = w[0].dst_hi
    s[0].dst_lo = w[0].dst_lo
    s[0].ip_id = w[0].ip_id
    s[0].ttl = w[0].ttl
    s[0].ecn = w[0].ecn
    s[0].family = w[0].family
    s[0].icmp_type = w[0].icmp_type
    s[0].icmp_code = w[0].icmp_code
    s[0].pkttype = w[0].pkttype
    s[0].ack = 0
    s[0].tsval = 0
    s[0].tsecr = 0
    for i in range(8):
        s[0].sack[i] = 0
    s[0].flags = 0
    s[0].window = 0
    s[0].mss = 0
    s[0].urgent = 0
    s[0].payload_sum = 0
    s[0].options = 0
    s[0].wscale = 0
    s[0].n_sack = 0
    s[0].checksum = UNVERIFIABLE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def options(
    data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong, s: cython.pointer[Segment]
) -> cython.void:
    """The options in `at .. end` (RFC 9293 section 3.2). A length that cannot be ends them."""
    kind: cython.uint
    size: cython.longlong
    seen: cython.uint = s[0].options
    while at < end:
        kind = data[at]
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        if at + 2 > end or data[at + 1] < 2 or at + data[at + 1] > end:
            seen |= UNPARSABLE
            break
        size = data[at + 1]
        seen |= option(data, at, kind, size, s)
        at += size
    s[0].options = seen


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def option(
    data: cython.p_const_uchar,
    at: cython.longlong,
    kind: cython.uint,
    size: cython.longlong,
    s: cython.pointer[Segment],
) -> cython.uint:
    """The Option bit of one option of `size` bytes, its values put into the row."""
    i: cython.longlong
    if kind == 2:  # RFC 9293 section 3.7.1
        if size != 4:
            return UNPARSABLE
        s[0].mss = be16(data, at + 2)
        return MSS
    if kind == 3:  # RFC 7323 section 2.2
        if size != 3:
            return UNPARSABLE
        s[0].wscale = data[at + 2]
        return WSCALE
    if kind == 4:  # RFC 2018 section 2
        return SACK_PERMITTED if size == 2 else UNPARSABLE
    if kind == 5:  # RFC 2018 section 3
        if size < 10 or (size - 2) % 8 or size > 34:
            return UNPARSABLE
        s[0].n_sack = cython.cast(cython.uchar, (size - 2) // 8)
        for i in range((size - 2) // 4):
            s[0].sack[i] = be32(data, at + 2 + i * 4)
        return SACK
    if kind == 8:  # RFC 7323 section 3.2
        if size != 10:
            return UNPARSABLE
        s[0].tsval = be32(data, at + 2)
        s[0].tsecr = be32(data, at + 6)
        return TIMESTAMPS
    if kind == 34 or (kind == 254 and size >= 4 and be16(data, at + 2) == EXPERIMENTAL_FAST_OPEN):
        return FAST_OPEN
    if kind == 30:  # RFC 8684
        return MPTCP
    if kind == 19:  # RFC 2385
        return MD5 if size == 18 else UNPARSABLE
    if kind == 29:  # RFC 5925
        return AO if size >= 4 else UNPARSABLE
    if kind == 28:  # RFC 5482
        return USER_TIMEOUT if size == 4 else UNPARSABLE
    return UNKNOWN


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def checksum(
    data: cython.p_const_uchar,
    at: cython.longlong,
    length: cython.longlong,
    total: cython.uint,
    w: cython.pointer[Walk],
) -> cython.uchar:
    """Judge the checksum of a segment that is there in full (RFC 9293 section 3.1, RFC 8200 section 8.1). `total`: the
    sum of its header and of its payload.

    A card that is to finish the sum finds the folded pseudo-header in the field; with segmentation offload the
    length is left out of it.
    """
    pseudo: cython.ulonglong = 6
    field: cython.uint = be16(data, at + 16)
    whole: cython.uint
    pseudo += (w[0].src_lo & 0xFFFF) + ((w[0].src_lo >> 16) & 0xFFFF)
    pseudo += (w[0].sum_lo & 0xFFFF) + ((w[0].sum_lo >> 16) & 0xFFFF)
    if w[0].family == 6:
        pseudo += ((w[0].src_lo >> 32) & 0xFFFF) + (w[0].src_lo >> 48)
        pseudo += ((w[0].sum_lo >> 32) & 0xFFFF) + (w[0].sum_lo >> 48)
        pseudo += (w[0].src_hi & 0xFFFF) + ((w[0].src_hi >> 16) & 0xFFFF)
        pseudo += ((w[0].src_hi >> 32) & 0xFFFF) + (w[0].src_hi >> 48)
        pseudo += (w[0].sum_hi & 0xFFFF) + ((w[0].sum_hi >> 16) & 0xFFFF)
        pseudo += ((w[0].sum_hi >> 32) & 0xFFFF) + (w[0].sum_hi >> 48)
    whole = fold(pseudo + (length & 0xFFFF) + (length >> 16) + total)
    if whole == 0xFFFF:
        return GOOD
    if field == fold(pseudo + (length & 0xFFFF) + (length >> 16)) or field == fold(pseudo):
        return PARTIAL
    return BAD
