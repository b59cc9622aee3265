# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""Packets to TCP segments: one record gives one segment row, one fragment row, or one counted reason.

Where DNS answers are is noted on the way: they give names to addresses.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import PROTOCOLS, Carrier, Next, Reason
from tcpdiag.model.segment import NO_PKTTYPE

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    be16 = uncompiled("octets").be16
    ip_steps = uncompiled("decode_ip")
    halt, ipv4, ipv6, icmp = ip_steps.halt, ip_steps.ipv4, ip_steps.ipv6, ip_steps.icmp
    authentication, extensions = ip_steps.authentication, ip_steps.extensions
    link_steps = uncompiled("decode_link")
    ethernet, ethertype, link = link_steps.ethernet, link_steps.ethertype, link_steps.link
    llc, mpls = link_steps.llc, link_steps.mpls
    tunnel_steps = uncompiled("decode_tunnel")
    gre, intern, push, udp = tunnel_steps.gre, tunnel_steps.intern, tunnel_steps.push, tunnel_steps.udp
    tcp = uncompiled("decode_tcp").tcp

N_STOP = cython.declare(cython.int, int(Next.STOP))
N_TCP = cython.declare(cython.int, int(Next.TCP))
N_IPV4 = cython.declare(cython.int, int(Next.IPV4))
N_IPV6 = cython.declare(cython.int, int(Next.IPV6))
N_IP_PROTOCOL = cython.declare(cython.int, int(Next.IP_PROTOCOL))
N_IP_BY_NIBBLE = cython.declare(cython.int, int(Next.IP_BY_NIBBLE))
N_ETHERTYPE = cython.declare(cython.int, int(Next.ETHERTYPE))
N_LINK = cython.declare(cython.int, int(Next.LINK))
N_LLC = cython.declare(cython.int, int(Next.LLC))
N_MPLS = cython.declare(cython.int, int(Next.MPLS))
N_GRE = cython.declare(cython.int, int(Next.GRE))
N_FRAGMENT = cython.declare(cython.int, int(Next.FRAGMENT))
EMPTY = cython.declare(cython.uint, int(Reason.EMPTY))
BAD_IP_VERSION = cython.declare(cython.uint, int(Reason.BAD_IP_VERSION))
TOO_DEEP = cython.declare(cython.uint, int(Reason.TOO_DEEP))
ENCRYPTED = cython.declare(cython.uint, int(Reason.ENCRYPTED))
PROTOCOL_CELLS = cython.declare(cython.uint, PROTOCOLS)
UDP_CELL = cython.declare(cython.uint, PROTOCOLS + 17)
IP_IN_IP = cython.declare(cython.uint, int(Carrier.IP_IN_IP))
MPLS_CARRIER = cython.declare(cython.uint, int(Carrier.MPLS))
UNKNOWN_PKTTYPE = cython.declare(cython.uchar, NO_PKTTYPE)
ETHERNET = cython.declare(cython.uint, 1)
DNS = cython.declare(cython.uint, 53)
DNS_HEADER = cython.declare(cython.int, 12)
STEPS = cython.declare(cython.int, 64)  # labels, tags and headers of any kind in one packet


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def begin(w: cython.pointer[Walk], record: cython.pointer[Record]) -> cython.void:
    """Stand at the first byte of a packet."""
    w[0].pos = record[0].offset
    w[0].end = record[0].offset + record[0].captured_len
    w[0].wire = record[0].offset + max(record[0].captured_len, record[0].wire_len)
    w[0].layers = 0
    w[0].family = 0
    w[0].guessed = 0
    w[0].cut_fragment = 0
    w[0].quoted = 0
    w[0].icmp_type = 0
    w[0].icmp_code = 0
    w[0].pkttype = UNKNOWN_PKTTYPE
    w[0].proto = record[0].link_type
    w[0].next = N_LINK


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def walk(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """Go down to a TCP header, a fragment, or a reason to stop."""
    _step: cython.int
    for _step in range(STEPS):
        if w[0].next == N_IPV4:
            ipv4(data, w)
        elif w[0].next == N_LINK:
            if w[0].proto == ETHERNET:
                ethernet(data, w)
            else:
                link(data, w)
        elif w[0].next == N_IPV6:
            ipv6(data, w)
        elif w[0].next == N_ETHERTYPE:
            ethertype(data, w)
        elif w[0].next == N_IP_PROTOCOL:
            ip_protocol(data, w, stack)
        elif w[0].next == N_IP_BY_NIBBLE:
            by_nibble(data, w)
        elif w[0].next == N_LLC:
            llc(data, w)
        elif w[0].next == N_MPLS:
            mpls(data, w)
        elif w[0].next == N_GRE:
            gre(data, w, stack)
        if w[0].next == N_TCP or w[0].next == N_STOP or w[0].next == N_FRAGMENT:
            return
    halt(w, TOO_DEEP)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def by_nibble(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
    """IP of the version that its first four bits say."""
    if w[0].pos >= w[0].end:
        halt(w, EMPTY)
    elif data[w[0].pos] >> 4 == 4:
        w[0].next = N_IPV4
    elif data[w[0].pos] >> 4 == 6:
        w[0].next = N_IPV6
    else:
        halt(w, BAD_IP_VERSION)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def ip_protocol(data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
    """What the IP protocol `w.proto` names, TCP apart."""
    number: cython.uint = w[0].proto
    if w[0].cut_fragment and number != 1 and number != 58:
        halt(w, PROTOCOL_CELLS + number)
    elif number == 17:
        udp(data, w, stack)
    elif number == 1 or number == 58:
        icmp(data, w)
    elif number == 4 or number == 41:
        if push(w, stack, IP_IN_IP, 0):
            w[0].next = N_IPV4 if number == 4 else N_IPV6
    elif number == 47:
        gre(data, w, stack)
    elif number == 51:
        authentication(data, w)
    elif number == 50:
        halt(w, ENCRYPTED)
    elif number == 137:  # RFC 4023
        if push(w, stack, MPLS_CARRIER, 0):
            w[0].next = N_MPLS
    elif w[0].family == 4 and (number == 0 or number == 60):
        extensions(data, w, number)
    else:
        halt(w, PROTOCOL_CELLS + number)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def put_fragment(w: cython.pointer[Walk], f: cython.pointer[Fragment]) -> cython.void:
    f[0].header = w[0].header
    f[0].data = w[0].pos
    f[0].length = cython.cast(cython.uint, w[0].end - w[0].pos)
    f[0].at = w[0].frag_at
    f[0].more = w[0].frag_more
    f[0].id = w[0].frag_id
    f[0].proto = w[0].proto
    f[0].family = w[0].family
    f[0].pkttype = w[0].pkttype
    f[0].src_hi = w[0].src_hi
    f[0].src_lo = w[0].src_lo
    f[0].dst_hi = w[0].dst_hi
    f[0].dst_lo = w[0].dst_lo


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def dns_answer(data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.bint:
    """Whether the walk ended behind the UDP header of a DNS response with answers (RFC 1035 section 4.1.1)."""
    at: cython.longlong = w[0].pos
    if w[0].stop != UDP_CELL or w[0].quoted or w[0].cut_fragment or at + DNS_HEADER > w[0].end:
        return False
    return be16(data, at - 8) == DNS and data[at + 2] & 0x80 != 0 and be16(data, at + 6) != 0


def decode(
    buffer: cython.const[cython.uchar][::1],
    records: Record[::1],
    segments: Segment[::1],
    fragments: Fragment[::1],
    counts: cython.longlong[::1],
    walks: Walk[::1],
    layers: Layer[::1],
    table: Layer[::1],
    slots: cython.uint[::1],
    answers: Answer[::1],
    found: cython.longlong[::1],
) -> None:
    """Decode all records; `found` gets the number of segment rows, of fragment rows and of DNS answers.

    `walks[0].tunnel` is the tunnel around all of them (0: none). A record outside the buffer counts as empty.
    `answers` takes as many DNS answers as it has rows. Raises ValueError when another output array is too short.
    """
    data: cython.p_const_uchar
    w: cython.pointer[Walk]
    stack: cython.pointer[Layer]
    rows: cython.pointer[Layer]
    slot: cython.p_uint
    s: cython.pointer[Segment]
    r: cython.pointer[Record]
    i: cython.Py_ssize_t
    n: cython.Py_ssize_t = records.shape[0]
    size: cython.longlong = buffer.shape[0]
    n_segments: cython.Py_ssize_t = 0
    n_fragments: cython.Py_ssize_t = 0
    n_answers: cython.Py_ssize_t = 0
    room: cython.Py_ssize_t = answers.shape[0]
    if segments.shape[0] < n or fragments.shape[0] < n:
        raise ValueError("an output array is shorter than the records")
    if n == 0:
        found[0] = 0
        found[1] = 0
        found[2] = 0
        return
    if cython.compiled:
        data = cython.address(buffer[0]) if size else cython.NULL
        stack = cython.address(layers[0])
        rows = cython.address(table[0])
        slot = cython.address(slots[0])
    else:
        data, stack, rows, slot = buffer, layers, table, slots
    w = cython.address(walks[0])
    with cython.nogil:
        for i in range(n):
            r = cython.address(records[i])
            s = cython.address(segments[n_segments])
            begin(w, r)
            if w[0].pos < 0 or w[0].pos >= w[0].end or w[0].end > size:
                counts[EMPTY] += 1
                continue
            walk(data, w, stack)
            if w[0].next == N_TCP and tcp(data, w, s):
                s[0].ts_ns = r[0].ts_ns
                s[0].frame = r[0].frame
                s[0].interface = r[0].interface
                s[0].tunnel = intern(w, stack, rows, slot)
                n_segments += 1
            elif w[0].next == N_FRAGMENT:
                put_fragment(w, cython.address(fragments[n_fragments]))
                fragments[n_fragments].record = i
                fragments[n_fragments].tunnel = intern(w, stack, rows, slot)
                n_fragments += 1
            else:
                counts[w[0].stop] += 1
                if n_answers < room and dns_answer(data, w):
                    answers[n_answers].offset = w[0].pos
                    answers[n_answers].length = cython.cast(cython.uint, w[0].end - w[0].pos)
                    answers[n_answers].frame = r[0].frame
                    n_answers += 1
    found[0] = n_segments
    found[1] = n_fragments
    found[2] = n_answers
