# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What is done to a packet that is given away: bytes blanked, fields marked for another value, checksums remembered.

Nothing is written behind `limit`, the end of the packet at hand, whatever its headers say.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.hide_rows import State

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    be16, fold, sum16 = octets.be16, octets.fold, octets.sum16

GOOD = cython.declare(cython.uchar, int(State.GOOD))
BAD = cython.declare(cython.uchar, int(State.BAD))
PARTIAL = cython.declare(cython.uchar, int(State.PARTIAL))
PARTIAL_SHORT = cython.declare(cython.uchar, int(State.PARTIAL_SHORT))
UDP = cython.declare(cython.uint, 17)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def pseudo(data: cython.p_const_uchar, c: cython.pointer[Check]) -> cython.uint:
    """Sum of addresses and protocol of a pseudo-header (RFC 9293 section 3.1), without the length; 0: there is none."""
    if c[0].src < 0:
        return 0
    return c[0].protocol + sum16(data, c[0].src, c[0].address) + sum16(data, c[0].dst, c[0].address)


@cython.cclass
class Marks:
    """The copy of the buffer that is written, and lists of what is left to do in it."""

    def bind(self, out: object, sites: object, checks: object) -> None:
        """Write into these arrays (u1, SITE, CHECK) from the beginning."""
        self.out = out
        self.sites = sites
        self.checks = checks
        self.n_sites = 0
        self.n_checks = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def put(self, at: cython.longlong, value: cython.uint) -> cython.void:
        """Another byte."""
        if at < self.limit:
            self.out[at] = value

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def blank(self, at: cython.longlong, end: cython.longlong) -> cython.void:
        """Zeros from `at` up to `end`."""
        i: cython.longlong
        for i in range(at, min(end, self.limit)):
            self.out[i] = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def site(self, at: cython.longlong, kind: cython.int) -> cython.void:
        """Mark a field for another value. Its caller has proved that all of it is there."""
        if self.n_sites >= self.sites.shape[0]:
            self.overflow = True
            return
        self.sites[self.n_sites].at = at
        self.sites[self.n_sites].kind = kind
        self.n_sites += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def check(
        self,
        data: cython.p_const_uchar,
        w: cython.pointer[Walk],
        field: cython.longlong,
        start: cython.longlong,
        end: cython.longlong,
        protocol: cython.uint,
        whole: cython.bint,
    ) -> cython.void:
        """Remember the checksum at `field` over `start .. end`; `protocol` of its pseudo-header, 0: it has none.

        Not `whole`: it cannot be verified, and what it was would tell of the payload. It is blanked.
        """
        c: cython.pointer[Check]
        stored: cython.uint = be16(data, field)
        bare: cython.uint
        if not whole:
            self.blank(field, field + 2)
            if protocol == UDP and stored != 0:  # RFC 8200 section 8.1: zero would be an error
                self.put(field, 0xFF)
                self.put(field + 1, 0xFF)
            return
        if self.n_checks >= self.checks.shape[0]:
            self.overflow = True
            return
        c = cython.address(self.checks[self.n_checks])
        c[0].field = field
        c[0].start = start
        c[0].end = end
        c[0].length = cython.cast(cython.uint, end - start) if protocol else 0
        c[0].protocol = protocol
        c[0].src = self.src_at if protocol else -1
        c[0].dst = self.dst_at if protocol else -1
        c[0].address = 4 if w[0].family == 4 else 16
        bare = pseudo(data, c)
        if fold(cython.cast(cython.ulonglong, bare) + c[0].length + sum16(data, start, end - start)) == 0xFFFF:
            c[0].state = GOOD
        elif stored == 0 and (protocol == 0 or protocol == UDP):
            return  # not computed, and said to be so
        elif protocol != 0 and stored == fold(cython.cast(cython.ulonglong, bare) + c[0].length):
            c[0].state = PARTIAL
        elif protocol != 0 and stored == fold(bare):
            c[0].state = PARTIAL_SHORT
        else:
            c[0].state = BAD
        self.n_checks += 1
