# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Packets on their way to somebody else: the decoder's walk again, and what each of its steps passes is hidden.

What no step knows how to hide is refused, never let through: a link layer of which not every field is known, and
packets without TCP in them. Behind the last header all bytes are blank.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.decode_layers import LINK_TYPES, Next, Reason
from tcpdiag.kernels.hide_rows import Fate, Kind

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    be16 = uncompiled("octets").be16
    ip_steps = uncompiled("decode_ip")
    halt, ipv4, ipv6 = ip_steps.halt, ip_steps.ipv4, ip_steps.ipv6
    link_steps = uncompiled("decode_link")
    ethernet, ethertype, link = link_steps.ethernet, link_steps.ethertype, link_steps.link
    llc, mpls = link_steps.llc, link_steps.mpls
    gre = uncompiled("decode_tunnel").gre
    steps = uncompiled("decode")
    begin, by_nibble, ip_protocol = steps.begin, steps.by_nibble, steps.ip_protocol
    HideTunnel = uncompiled("hide_tunnel").HideTunnel

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
CUT_TCP = cython.declare(cython.uint, int(Reason.CUT_TCP))
TOO_DEEP = cython.declare(cython.uint, int(Reason.TOO_DEEP))
LINK_CELLS = cython.declare(cython.uint, LINK_TYPES)
REFUSED = cython.declare(cython.uchar, int(Fate.REFUSED))
FRAGMENT = cython.declare(cython.uchar, int(Fate.FRAGMENT))
MAC = cython.declare(cython.int, int(Kind.MAC))
VLAN = cython.declare(cython.int, int(Kind.VLAN))
LABEL = cython.declare(cython.int, int(Kind.MPLS))
STEPS = cython.declare(cython.int, 64)  # as many as the decoder makes
QUOTED_LEAST = cython.declare(cython.int, 8)
NUMBERED = cython.declare(cython.int, 16)


@cython.cclass
class Hide(HideTunnel):
    """Packets to give away: `bind` the arrays to write, then `run`."""

    def run(
        self,
        buffer: cython.const[cython.uchar][::1],
        records: Record[::1],
        places: Place[::1],
        walks: Walk[::1],
        layers: Layer[::1],
    ) -> None:
        """Hide the packets of all records in the array that is bound, a copy of `buffer`; say what became of each.

        Raises ValueError when an array is too short. A record outside of the buffer is refused.
        """
        data: cython.p_const_uchar
        r: cython.pointer[Record]
        p: cython.pointer[Place]
        w: cython.pointer[Walk]
        stack: cython.pointer[Layer]
        i: cython.Py_ssize_t
        sites: cython.longlong
        checks: cython.longlong
        n: cython.Py_ssize_t = records.shape[0]
        size: cython.longlong = buffer.shape[0]
        if places.shape[0] < n or self.out.shape[0] < size:
            raise ValueError("an output array is too short")
        if n == 0:
            return
        if cython.compiled:
            data = cython.address(buffer[0]) if size else cython.NULL
            stack = cython.address(layers[0])
        else:
            data, stack = buffer, layers
        w = cython.address(walks[0])
        with cython.nogil:
            for i in range(n):
                r = cython.address(records[i])
                p = cython.address(places[i])
                sites = self.n_sites
                checks = self.n_checks
                self.overflow = False
                p[0].fate = REFUSED
                p[0].reason = EMPTY
                p[0].data = 0
                p[0].length = 0
                p[0].at = 0
                begin(w, r)
                if w[0].pos < 0 or w[0].pos >= w[0].end or w[0].end > size:
                    continue
                self.limit = w[0].end
                self.src_at = -1
                self.dst_at = -1
                self.packet(data, w, stack, p)
                if self.overflow:
                    p[0].fate = REFUSED
                    p[0].reason = TOO_DEEP
                if p[0].fate == REFUSED:
                    self.n_sites = sites
                    self.n_checks = checks

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def packet(
        self,
        data: cython.p_const_uchar,
        w: cython.pointer[Walk],
        stack: cython.pointer[Layer],
        p: cython.pointer[Place],
    ) -> cython.void:
        """One packet, from its link layer to its payload."""
        _step: cython.int
        there: cython.longlong
        for _step in range(STEPS):
            self.step(data, w, stack)
            if w[0].next == N_STOP or w[0].next == N_TCP or w[0].next == N_FRAGMENT:
                break
        else:
            halt(w, TOO_DEEP)
        if w[0].next == N_TCP:
            there = w[0].end - w[0].pos
            if there < NUMBERED and not (w[0].quoted and there >= QUOTED_LEAST):
                p[0].reason = CUT_TCP
            else:
                self.tcp_header(data, w, p)
        elif w[0].next == N_FRAGMENT:
            p[0].fate = FRAGMENT
            p[0].data = w[0].pos
            p[0].length = cython.cast(cython.uint, w[0].end - w[0].pos)
            p[0].at = w[0].frag_at
            self.blank(w[0].pos, self.limit)
        else:
            p[0].reason = w[0].stop

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def step(self, data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]) -> cython.void:
        """One step of the decoder's walk (`decode.walk`), and what it passed hidden."""
        at: cython.longlong = w[0].pos
        end: cython.longlong = w[0].end
        kind: cython.int = w[0].next
        whole: cython.bint = not w[0].cut_fragment and w[0].end == w[0].wire
        if kind == N_IPV4:
            ipv4(data, w)
            if w[0].header == at and w[0].pos > at:
                self.ipv4_header(data, w, at)
        elif kind == N_IPV6:
            ipv6(data, w)
            if w[0].header == at and w[0].pos >= at + 40:
                self.ipv6_header(data, w, at)
        elif kind == N_LINK:
            self.link_step(data, w)
        elif kind == N_ETHERTYPE:
            ethertype(data, w)
            if w[0].pos == at + 4:
                self.site(at, VLAN)
            elif w[0].pos == at + 6:  # PPPoE: the number of the session
                self.blank(at + 2, at + 4)
        elif kind == N_IP_PROTOCOL:
            self.protocol_step(data, w, stack)
        elif kind == N_IP_BY_NIBBLE:
            by_nibble(data, w)
        elif kind == N_LLC:
            llc(data, w)
        elif kind == N_MPLS:
            mpls(data, w)
            if w[0].next != N_STOP:
                self.labels(data, w, at)
        elif kind == N_GRE:
            gre(data, w, stack)
            if w[0].next != N_STOP:
                self.gre_header(data, w, at, end, whole)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def protocol_step(
        self, data: cython.p_const_uchar, w: cython.pointer[Walk], stack: cython.pointer[Layer]
    ) -> cython.void:
        """What an IP protocol number names. Nothing is read unless the decoder went on behind it."""
        at: cython.longlong = w[0].pos
        end: cython.longlong = w[0].end
        number: cython.uint = w[0].proto
        intact: cython.bint = not w[0].cut_fragment
        whole: cython.bint = intact and w[0].end == w[0].wire
        ip_protocol(data, w, stack)
        if w[0].next == N_STOP:
            return
        if number == 17:
            self.udp_header(data, w, at, end, intact)
        elif number == 1 or number == 58:
            self.icmp_header(data, w, at, whole, end)
        elif number == 47:
            self.gre_header(data, w, at, end, whole)
        elif number == 51:
            self.authentication_header(data, w, at)
        elif number == 0 or number == 60:
            self.extension_headers(data, at, w[0].pos, number)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def link_step(self, data: cython.p_const_uchar, w: cython.pointer[Walk]) -> cython.void:
        """A frame of link type `w.proto`: those of which every field is known, else none."""
        at: cython.longlong = w[0].pos
        kind: cython.uint = w[0].proto
        if kind == 105 or kind == 127 or kind == 119 or kind == 163 or kind == 239:  # 802.11, NFLOG
            halt(w, LINK_CELLS + kind)
            return
        if kind == 1:
            ethernet(data, w)
        else:
            link(data, w)
        if w[0].next == N_STOP:
            return
        if kind == 1:
            self.site(at, MAC)
            self.site(at + 6, MAC)
        elif kind == 113 and be16(data, at + 4) == 6:
            self.site(at + 6, MAC)
            self.blank(at + 12, at + 14)
        elif kind == 113:
            self.blank(at + 6, at + 14)
        elif kind == 276 and data[at + 11] == 6:
            self.site(at + 12, MAC)
            self.blank(at + 18, at + 20)
        elif kind == 276:
            self.blank(at + 12, at + 20)
        elif kind == 242:
            self.blank(at, at + 40)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def labels(self, data: cython.p_const_uchar, w: cython.pointer[Walk], at: cython.longlong) -> cython.void:
        """A label stack up to where the walk stands, and the control word of a pseudowire behind it."""
        while at + 4 <= w[0].pos:
            self.site(at, LABEL)
            at += 4
            if data[at - 2] & 1:
                break
        self.blank(at, w[0].pos)
