# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Tunnels: what carries IP or Ethernet inside IP, and the table that names them.

A UDP tunnel is known by its port and by a header that makes sense. The layers of a walk are interned only when a
TCP segment, or a fragment, is found inside; a hostile capture fills the table and then shares its last row.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import MAX_LAYERS, MAX_TUNNELS, PROTOCOLS, TUNNEL_SLOTS, Carrier, Next, Reason

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    be16, be32 = octets.be16, octets.be32
    halt = uncompiled("decode_ip").halt
    link_steps = uncompiled("decode_link")
    by_ethertype, by_link = link_steps.by_ethertype, link_steps.by_link

IPV6 = cython.declare(cython.int, int(Next.IPV6))
IP_BY_NIBBLE = cython.declare(cython.int, int(Next.IP_BY_NIBBLE))
MPLS = cython.declare(cython.int, int(Next.MPLS))
GRE_NEXT = cython.declare(cython.int, int(Next.GRE))
GRE = cython.declare(cython.uint, int(Carrier.GRE))
PPTP = cython.declare(cython.uint, int(Carrier.PPTP))
ERSPAN = cython.declare(cython.uint, int(Carrier.ERSPAN))
VXLAN = cython.declare(cython.uint, int(Carrier.VXLAN))
GENEVE = cython.declare(cython.uint, int(Carrier.GENEVE))
GTP = cython.declare(cython.uint, int(Carrier.GTP))
AYIYA = cython.declare(cython.uint, int(Carrier.AYIYA))
TEREDO = cython.declare(cython.uint, int(Carrier.TEREDO))
MPLS_CARRIER = cython.declare(cython.uint, int(Carrier.MPLS))
CUT_UDP = cython.declare(cython.uint, int(Reason.CUT_UDP))
CUT_TUNNEL = cython.declare(cython.uint, int(Reason.CUT_TUNNEL))
BAD_GRE = cython.declare(cython.uint, int(Reason.BAD_GRE))
GRE_OTHER = cython.declare(cython.uint, int(Reason.GRE_OTHER))
TOO_DEEP = cython.declare(cython.uint, int(Reason.TOO_DEEP))
UDP_CELL = cython.declare(cython.uint, PROTOCOLS + 17)
DEEPEST = cython.declare(cython.uint, MAX_LAYERS)
TUNNELS = cython.declare(cython.uint, MAX_TUNNELS)
SLOT_MASK = cython.declare(cython.ulonglong, TUNNEL_SLOTS - 1)
HASH_STEP = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)  # Knuth: 2**64 over the golden ratio
MASK64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
KEY_PRESENT = cython.declare(cython.ulonglong, 1 << 32)
ETHERNET = cython.declare(cython.uint, 1)
BRIDGED = cython.declare(cython.uint, 0x6558)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def push(
    w: cython.pointer[Walk], stack: cython.pointer[Layer], kind: cython.uint, name: cython.ulonglong
) -> cython.bint:
    """Note that a tunnel between the addresses of the last IP header begins. False: too many."""
    at: cython.uint = w[0].layers
    swap: cython.bint
    if at >= DEEPEST:
        halt(w, TOO_DEEP)
        return False
    swap = w[0].src_hi > w[0].dst_hi or (w[0].src_hi == w[0].dst_hi and w[0].src_lo > w[0].dst_lo)
    stack[at].a_hi = w[0].dst_hi if swap else w[0].src_hi
    stack[at].a_lo = w[0].dst_lo if swap else w[0].src_lo
    stack[at].b_hi = w[0].src_hi if swap else w[0].dst_hi
    stack[at].b_lo = w[0].src_lo if swap else w[0].dst_lo
    stack[at].id = name
    stack[at].kind = kind
    stack[at].family = w[0].family
    w[0].layers = at + 1
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def intern(
    w: cython.pointer[Walk], stack: cython.pointer[Layer], table: cython.pointer[Layer], slots: cython.p_uint
) -> cython.uint:
    """The tunnel row of the walk's layers. `slots[TUNNEL_SLOTS]` counts the rows in use, row 0 included."""
    row: cython.uint = w[0].tunnel
    i: cython.uint
    for i in range(w[0].layers):
        if row == TUNNELS - 1:
            break
        row = child(row, cython.address(stack[i]), table, slots)
    return row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def child(
    parent: cython.uint, layer: cython.pointer[Layer], table: cython.pointer[Layer], slots: cython.p_uint
) -> cython.uint:
    """The row of one layer inside the tunnel `parent`, new or known."""
    key: cython.ulonglong = parent
    at: cython.ulonglong
    row: cython.uint
    key = ((key ^ layer[0].id) * HASH_STEP) & MASK64
    key = ((key ^ layer[0].a_hi ^ (key >> 29)) * HASH_STEP) & MASK64
    key = ((key ^ layer[0].a_lo ^ (key >> 29)) * HASH_STEP) & MASK64
    key = ((key ^ layer[0].b_hi ^ (key >> 29)) * HASH_STEP) & MASK64
    key = ((key ^ layer[0].b_lo ^ (key >> 29)) * HASH_STEP) & MASK64
    at = (key >> 32) & SLOT_MASK
    while slots[at]:
        row = slots[at]
        if (
            table[row].parent == parent
            and table[row].kind == layer[0].kind
            and table[row].family == layer[0].family
            and table[row].id == layer[0].id
            and table[row].a_hi == layer[0].a_hi
            and table[row].a_lo == layer[0].a_lo
            and table[row].b_hi == layer[0].b_hi
            and table[row].b_lo == layer[0].b_lo
        ):
            return row
        at = (at + 1) & SLOT_MASK
    row = slots[SLOT_MASK + 1]
    if row >= TUNNELS - 1:
        return TUNNELS - 1
    slots[SLOT_MASK + 1] = row + 1
    slots[at] = row
    table[row].a_hi = layer[0].a_hi
    table[row].a_lo = layer[0].a_lo
    table[row].b_hi = layer[0].b_hi
    table[row].b_lo = layer[0].b_lo
    table[row].id = layer[0].id
    table[row].kind = layer[0].kind
    table[row].family = layer[0].family
    table[row].parent = parent
    return row


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def gre(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """GRE (RFC 2784, RFC 2890; routing field: RFC 1701) and its version 1 of PPTP (RFC 2637 section 4.1)."""
    at: cython.longlong = w[0].pos
    bits: cython.uint
    number: cython.uint
    name: cython.ulonglong = 0
    size: cython.longlong = 4
    if at + 4 > w[0].end:
        halt(w, CUT_TUNNEL)
        return
    bits = be16(data, at)
    number = be16(data, at + 2)
    if bits & 7 > 1 or bits & 0x4000:
        halt(w, BAD_GRE)
        return
    if bits & 7 == 1:
        size = 8 + (4 if bits & 0x1000 else 0) + (4 if bits & 0x80 else 0)
        if number != 0x880B or not bits & 0x1000:  # without a sequence number: an acknowledgement alone
            halt(w, GRE_OTHER)
        elif push(w, stack, PPTP, 0):
            by_link(w, 9, size)
        return
    if bits & 0x8000:
        size += 4
    if bits & 0x2000:
        if at + size + 4 > w[0].end:
            halt(w, CUT_TUNNEL)
            return
        name = KEY_PRESENT | be32(data, at + size)
        size += 4
    if bits & 0x1000:
        size += 4
    if number == 0x88BE or number == 0x22EB:
        erspan(data, w, stack, number, size, bits & 0x1000 != 0)
    elif number == 0x880B:
        if push(w, stack, GRE, name):
            by_link(w, 9, size)
    elif 0x8200 <= number <= 0x83FF or number == 0x9000:  # Aruba access points: the 802.11 frame itself
        if push(w, stack, GRE, name):
            by_link(w, 105, size)
    elif number == 0x883E:  # Cisco WCCP: version 2 has a redirect header of 4 bytes before the IP packet
        if at + size < w[0].end and data[at + size] >> 4 != 4:
            size += 4
        if push(w, stack, GRE, name):
            by_ethertype(w, 0x0800, size)
    elif push(w, stack, GRE, name):
        by_ethertype(w, number, size)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def erspan(
    data: cython.p_const_uchar,
    w: cython.pointer[Walk],
    stack: cython.pointer[Layer],
    number: cython.uint,
    size: cython.longlong,
    sequenced: cython.bint,
) -> cython.void:
    """A mirrored Ethernet frame (draft-foschiano-erspan): type I has no header, II 8 bytes, III 12 or 20."""
    at: cython.longlong = w[0].pos + size
    if number == 0x22EB:
        if at + 12 > w[0].end:
            halt(w, CUT_TUNNEL)
            return
        size += 20 if data[at + 11] & 1 else 12
        if (be16(data, at + 10) >> 11) & 0x1F == 2:  # the mirrored frame is IP without Ethernet
            if push(w, stack, ERSPAN, 0):
                w[0].pos += size
                w[0].next = IP_BY_NIBBLE
            return
    elif sequenced:
        size += 8
    if push(w, stack, ERSPAN, 0):
        by_link(w, ETHERNET, size)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def either(data: cython.p_const_uchar, at: cython.longlong, port: cython.uint) -> cython.bint:
    """Whether one of the two ports at `at` is `port`."""
    return be16(data, at) == port or be16(data, at + 2) == port


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def udp(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """A UDP datagram: one of the tunnels, or the end of the walk."""
    at: cython.longlong = w[0].pos
    if at + 8 > w[0].end:
        halt(w, CUT_UDP)
        return
    w[0].pos = at + 8
    if at + 12 > w[0].end:
        halt(w, UDP_CELL)
    elif either(data, at, 4789) or either(data, at, 8472) or either(data, at, 4790):
        vxlan(data, w, stack, either(data, at, 4790))
    elif either(data, at, 6081):
        geneve(data, w, stack)
    elif either(data, at, 2152):
        gtp(data, w, stack)
    elif either(data, at, 3544):
        teredo(data, w, stack)
    elif either(data, at, 5072):
        ayiya(data, w, stack)
    elif either(data, at, 4754):
        w[0].next = GRE_NEXT  # RFC 8086
    elif either(data, at, 6635):
        if push(w, stack, MPLS_CARRIER, 0):
            w[0].next = MPLS  # RFC 7510
    else:
        halt(w, UDP_CELL)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def vxlan(
    data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer], generic: cython.bint
) -> cython.void:
    """VXLAN (RFC 7348 section 5), or its generic protocol extension: then byte 3 says what is inside."""
    at: cython.longlong = w[0].pos
    inner: cython.uint = 3
    if at + 8 > w[0].end or not data[at] & 8:
        halt(w, UDP_CELL)
        return
    if generic and data[at] & 4:
        inner = data[at + 3]
    if inner < 1 or inner > 3:
        halt(w, UDP_CELL)
    elif push(w, stack, VXLAN, be32(data, at + 4) >> 8):
        if inner == 3:
            by_link(w, ETHERNET, 8)
        else:
            by_ethertype(w, 0x0800 if inner == 1 else 0x86DD, 8)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def geneve(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """Geneve (RFC 8926 section 3.4) with its options skipped."""
    at: cython.longlong = w[0].pos
    number: cython.uint
    if at + 8 > w[0].end or data[at] >> 6:
        halt(w, UDP_CELL)
        return
    number = be16(data, at + 2)
    if number != BRIDGED and number != 0x0800 and number != 0x86DD:
        halt(w, UDP_CELL)
    elif push(w, stack, GENEVE, be32(data, at + 4) >> 8):
        by_ethertype(w, number, 8 + (data[at] & 0x3F) * 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def gtp(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """GTP-U (3GPP TS 29.281 section 5): a G-PDU with optional fields and extension headers."""
    at: cython.longlong = w[0].pos
    kind: cython.uint
    if at + 8 > w[0].end or data[at] >> 4 != 3 or data[at + 1] != 255:  # version 1, not GTP'; message type G-PDU
        halt(w, UDP_CELL)
        return
    kind = data[at] & 7
    at += 8
    if kind:
        at += 4
        if at > w[0].end:
            halt(w, CUT_TUNNEL)
            return
        kind = data[at - 1] if kind & 4 else 0
        while kind:
            if at >= w[0].end or data[at] == 0 or at + data[at] * 4 > w[0].end:
                halt(w, CUT_TUNNEL)
                return
            at += data[at] * 4
            kind = data[at - 1]
    if at >= w[0].end or (data[at] >> 4 != 4 and data[at] >> 4 != 6):
        halt(w, UDP_CELL)
    elif push(w, stack, GTP, 0):
        w[0].pos = at
        w[0].next = IP_BY_NIBBLE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def teredo(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """Teredo (RFC 4380 section 5.1.1): authentication and origin indication may stand before the IPv6 packet."""
    at: cython.longlong = w[0].pos
    if at + 4 <= w[0].end and be16(data, at) == 1:
        at += 13 + data[at + 2] + data[at + 3]
    if at + 8 <= w[0].end and be16(data, at) == 0:
        at += 8
    if at >= w[0].end or data[at] >> 4 != 6:
        halt(w, UDP_CELL)
    elif push(w, stack, TEREDO, 0):
        w[0].pos = at
        w[0].next = IPV6


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ayiya(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """AYIYA (draft-massar-v6ops-ayiya section 3): identity and signature of given lengths before the IPv6 packet."""
    at: cython.longlong = w[0].pos
    if at + 8 > w[0].end or data[at + 2] & 15 != 1 or data[at + 3] != 41:  # operation: forward; next header: IPv6
        halt(w, UDP_CELL)
    elif push(w, stack, AYIYA, 0):
        w[0].pos = at + 8 + (cython.cast(cython.longlong, 1) << (data[at] >> 4)) + (data[at + 1] >> 4) * 4
        w[0].next = IPV6
