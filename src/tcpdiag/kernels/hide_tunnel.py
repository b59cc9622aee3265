# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What tunnel headers tell of a network, hidden: identifiers replaced, names, keys and addresses blank.

Each method is called behind the decoder's step over the same header, which ends where the walk stands now.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.hide_rows import Kind

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    be16 = uncompiled("octets").be16
    either = uncompiled("decode_tunnel").either
    HideIp = uncompiled("hide_ip").HideIp

NETWORK = cython.declare(cython.int, int(Kind.NETWORK))
KEY = cython.declare(cython.int, int(Kind.KEY))
UDP = cython.declare(cython.uint, 17)


@cython.cclass
class HideTunnel(HideIp):
    """UDP, GRE and what they carry."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def udp_header(
        self,
        data: cython.p_const_uchar,
        w: cython.pointer[Walk],
        at: cython.longlong,
        end: cython.longlong,
        whole: cython.bint,
    ) -> cython.void:
        """UDP at `at`, in a layer that ends at `end`, and the tunnel header behind it. See `decode_tunnel.udp`."""
        length: cython.longlong = be16(data, at + 4)
        inner: cython.longlong = at + 8
        if data[at + 6] or data[at + 7]:
            self.check(data, w, at + 6, at, at + length, UDP, whole and 8 <= length <= end - at)
        if either(data, at, 4789) or either(data, at, 8472) or either(data, at, 4790):
            self.blank(inner + 1, inner + (3 if either(data, at, 4790) else 4))
            self.site(inner + 4, NETWORK)
            self.blank(inner + 7, inner + 8)
        elif either(data, at, 6081):
            self.site(inner + 4, NETWORK)
            self.blank(inner + 7, inner + 8)
            self.geneve_options(data, inner + 8, w[0].pos)
        elif either(data, at, 2152):
            self.gtp_header(data, inner, w[0].pos)
        elif either(data, at, 3544):
            self.teredo_header(data, inner, w[0].pos)
        elif either(data, at, 5072):
            self.blank(inner + 4, w[0].pos)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def geneve_options(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """RFC 8926 section 3.5: class, type and length stay."""
        while at + 4 <= end:
            self.blank(at + 4, min(end, at + 4 + (data[at + 3] & 0x1F) * 4))
            at += 4 + (data[at + 3] & 0x1F) * 4

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def gtp_header(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """3GPP TS 29.281 section 5: the tunnel's number is replaced, of extension headers type and length stay."""
        size: cython.longlong
        self.site(at + 4, KEY)
        if not data[at] & 7:
            return
        self.blank(at + 8, at + 11)
        at += 12
        while at < end:
            size = data[at] * 4
            if size == 0:
                return
            self.blank(at + 1, min(end, at + size - 1))
            at += size

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def teredo_header(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """RFC 4380 section 5.1.1: no identifier, no nonce, no address seen from outside."""
        size: cython.longlong
        if at + 4 <= end and be16(data, at) == 1:
            size = 13 + data[at + 2] + data[at + 3]
            self.blank(at + 4, min(end, at + size))
            at += size
        if at + 8 <= end and be16(data, at) == 0:
            self.blank(at + 2, at + 8)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def gre_header(
        self,
        data: cython.p_const_uchar,
        w: cython.pointer[Walk],
        at: cython.longlong,
        end: cython.longlong,
        whole: cython.bint,
    ) -> cython.void:
        """GRE at `at`, in a layer that ends at `end`. See `decode_tunnel.gre`."""
        bits: cython.uint = be16(data, at)
        number: cython.uint = be16(data, at + 2)
        if bits & 7 == 1:  # PPTP: the number of the call goes, the length before it stays
            self.blank(at + 6, at + 8)
            return
        at += 4
        if bits & 0x8000:
            self.check(data, w, at, at - 4, end, 0, whole)
            self.blank(at + 2, at + 4)
            at += 4
        if bits & 0x2000:
            self.site(at, KEY)
            at += 4
        if bits & 0x1000:
            at += 4
        if number == 0x88BE or number == 0x22EB:
            self.erspan_header(data, at, w[0].pos)
        elif number == 0x883E:
            self.blank(at, w[0].pos)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def erspan_header(self, data: cython.p_const_uchar, at: cython.longlong, end: cython.longlong) -> cython.void:
        """draft-foschiano-erspan: its version stays, and of version III what the frame inside is."""
        if at >= end:
            return
        self.put(at, data[at] & 0xF0)
        if at + 12 > end:
            self.blank(at + 1, end)
            return
        self.blank(at + 1, at + 10)
        self.put(at + 10, data[at + 10] & 0x7C)
        self.put(at + 11, data[at + 11] & 1)
        self.blank(at + 12, end)
