# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What IP, ICMP and TCP headers tell of a network, hidden; what tells of the connection stays.

Each method is called behind the decoder's step over the same header, which has proved that it is there.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.hide_rows import Fate, Kind

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    be16 = uncompiled("octets").be16
    Marks = uncompiled("hide_marks").Marks

IPV4 = cython.declare(cython.int, int(Kind.IPV4))
IPV6 = cython.declare(cython.int, int(Kind.IPV6))
SEGMENT = cython.declare(cython.uchar, int(Fate.SEGMENT))
NOP = cython.declare(cython.uint, 1)  # of IPv4: RFC 791 section 3.1
PADN = cython.declare(cython.uint, 1)  # of IPv6: RFC 8200 section 4.2
JUMBO = cython.declare(cython.uint, 0xC2)
TCP = cython.declare(cython.uint, 6)
ICMPV6 = cython.declare(cython.uint, 58)
MIN_HEADER = cython.declare(cython.int, 20)
NUMBERED = cython.declare(cython.int, 16)
EXPERIMENTAL_FAST_OPEN = cython.declare(cython.uint, 0xF989)


@cython.cclass
class HideIp(Marks):
    """IP and what it carries."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def ipv4_header(self, data: cython.p_const_uchar, w: cython.pointer[Walk], at: cython.longlong) -> cython.void:
        """Addresses; options become NOPs: record route, time stamps and source routes hold addresses."""
        i: cython.longlong
        size: cython.longlong = (data[at] & 15) * 4
        self.src_at = at + 12
        self.dst_at = at + 16
        self.site(at + 12, IPV4)
        self.site(at + 16, IPV4)
        for i in range(at + 20, at + size):
            self.put(i, NOP)
        self.check(data, w, at + 10, at, at + size, 0, True)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def ipv6_header(self, data: cython.p_const_uchar, w: cython.pointer[Walk], at: cython.longlong) -> cython.void:
        """Addresses, flow label (a hash that stays the same), extension headers."""
        self.src_at = at + 8
        self.dst_at = at + 24
        self.site(at + 8, IPV6)
        self.site(at + 24, IPV6)
        self.put(at + 1, data[at + 1] & 0xF0)
        self.blank(at + 2, at + 4)
        self.extension_headers(data, at + 40, w[0].pos, data[at + 6])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def extension_headers(
        self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong, number: cython.uint
    ) -> cython.void:
        """Extension headers in `at .. end`, the first of type `number`: kept by type and length alone."""
        size: cython.longlong
        while at + 8 <= end:
            size = 8 if number == 44 else (data[at + 1] + 1) * 8
            if at + size > end:
                break
            if number == 0 or number == 60:
                self.ipv6_options(data, at + 2, at + size)
            elif number == 43:
                self.routing_header(data, at, size)
            elif number != 44:
                self.blank(at + 2, at + size)
            number = data[at]
            at += size
        self.blank(at, end)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def ipv6_options(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """Options become padding of the same length, the jumbo payload's length apart (RFC 2675)."""
        size: cython.longlong
        while at < end:
            if data[at] == 0:  # Pad1
                at += 1
                continue
            if at + 2 > end or at + 2 + data[at + 1] > end:
                self.blank(at, end)
                return
            size = 2 + data[at + 1]
            if data[at] != JUMBO or size != 6:
                self.put(at, PADN)
                self.blank(at + 2, at + size)
            at += size

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def routing_header(self, data: cython.p_const_uchar, at: cython.longlong, size: cython.longlong) -> cython.void:
        """The addresses of types 0, 2 and 4; all else of it is blank. See `decode_ip.routing` for the last one."""
        kind: cython.uint = data[at + 2]
        count: cython.longlong = (size - 8) // 16
        i: cython.longlong
        if kind == 4:  # RFC 8754 section 2: the last entry, then flags and tag
            count = min(count, data[at + 4] + 1)
            self.blank(at + 6, at + 8)
        else:
            count = count if kind == 0 or kind == 2 else 0
            self.blank(at + 4, at + 8)
        for i in range(count):
            self.site(at + 8 + 16 * i, IPV6)
        self.blank(at + 8 + 16 * count, at + size)
        if data[at + 3] != 0 and count > 0:
            self.dst_at = at + 8 if kind == 4 else at + 8 + 16 * (count - 1)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def authentication_header(
        self, data: cython.p_const_uchar, w: cython.pointer[Walk], at: cython.longlong
    ) -> cython.void:
        """AH without its security association and signature."""
        size: cython.longlong = (data[at + 1] + 2) * 4
        self.blank(at + 4, at + 8)
        self.blank(at + 12, at + size)
        self.extension_headers(data, at + size, w[0].pos, data[at])

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def icmp_header(
        self,
        data: cython.p_const_uchar,
        w: cython.pointer[Walk],
        at: cython.longlong,
        whole: cython.bint,
        end: cython.longlong,
    ) -> cython.void:
        """An error's header: its MTU or pointer stays. Extensions behind the quote are blank, so their length is 0
        (RFC 4884 section 4)."""
        kind: cython.uint = data[at]
        number: cython.uint = w[0].proto
        self.check(data, w, at + 2, at, end, ICMPV6 if number == ICMPV6 else 0, whole)
        if number == ICMPV6:
            if kind != 2 and kind != 4:
                self.blank(at + 4, at + 8)
        elif kind == 3:
            self.blank(at + 4, at + 6)
        elif kind == 12:
            self.blank(at + 5, at + 8)
        elif kind == 5:
            self.site(at + 4, IPV4)
        else:
            self.blank(at + 4, at + 8)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def tcp_header(self, data: cython.p_const_uchar, w: cython.pointer[Walk], p: cython.pointer[Place]) -> cython.void:
        """The segment at `w.pos`: its numbers stay, options that tell of more than the connection go, and the payload.

        The rules of `decode_tcp.tcp` decide where the payload begins. A quoted segment that is whole has a checksum,
        too.
        """
        at: cython.longlong = w[0].pos
        there: cython.longlong = w[0].end - at
        length: cython.longlong = w[0].wire - at
        header: cython.longlong = MIN_HEADER
        sound: cython.bint = True
        if there >= NUMBERED:
            header = (data[at + 12] >> 4) * 4
            if header < MIN_HEADER or header > length:
                header = MIN_HEADER
                sound = False
        if there >= 18:
            sound = sound and not w[0].cut_fragment and there >= length
            self.check(data, w, at + 16, at, at + length, TCP, sound)
        self.tcp_options(data, at + MIN_HEADER, at + min(header, there))
        header = min(header, there)
        self.blank(at + header, self.limit)
        p[0].fate = SEGMENT
        p[0].data = at + header
        p[0].length = cython.cast(cython.uint, there - header)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def tcp_options(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """Cookies, keys, digests, addresses and whatever is not known are blank; kind and length of each stay."""
        kind: cython.uint
        size: cython.longlong
        while at < end:
            kind = data[at]
            if kind == 1:
                at += 1
                continue
            if kind == 0:
                self.blank(at, end)
                return
            if at + 2 > end or data[at + 1] < 2 or at + data[at + 1] > end:
                self.blank(at + 2, end)
                return
            size = data[at + 1]
            if kind == 30:  # RFC 8684: subtype and flags tell how long the rest is
                self.blank(at + 4, at + size)
            elif kind == 254 and size >= 4 and be16(data, at + 2) == EXPERIMENTAL_FAST_OPEN:
                self.blank(at + 4, at + size)
            elif not (
                (kind == 2 and size == 4)
                or (kind == 3 and size == 3)
                or (kind == 5 and size <= 34 and (size - 2) % 8 == 0)
                or (kind == 8 and size == 10)
                or (kind == 28 and size == 4)
            ):
                self.blank(at + 2, at + size)
            at += size
