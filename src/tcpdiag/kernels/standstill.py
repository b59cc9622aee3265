# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Standstill: two endpoints that answer each other's empty segments, and nothing comes of it.

RFC 9293 appendix A.2 ("ACK wars"): an ACK that its receiver cannot accept is answered by an ACK, which the other side
cannot accept either.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import EventKind
from tcpdiag.model.segment import Flag

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Appearance = uncompiled("appearance").Appearance

RST = cython.declare(cython.int, int(Flag.RST))
STANDSTILL = cython.declare(cython.int, int(EventKind.STANDSTILL))
# No timer is that fast (Linux: 200 ms, RFC 6298 section 2.4: 1 s): what comes sooner is an answer.
AT_ONCE_NS = cython.declare(cython.longlong, 200_000_000)
FIRST_POWER = cython.declare(cython.int, 5)


@cython.cclass
class Standstill(Appearance):
    """Runs of empty segments."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def standstill(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """An empty segment of `side`, which has done its work already: one more of a run, the first, or none of it.

        A run ends with whatever comes between: the frame before is then not the last one of the run.
        """
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if row < 0 or (a[0].last_ack_frame == s[0].frame and not (s[0].flags & RST)):
            return
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        first: cython.pointer[Detail] = cython.address(self.details[row])
        before: cython.pointer[Endpoint] = a if a[0].last_frame > b[0].last_frame else b
        last: cython.uint = da[0].empties_frame if da[0].empties_frame > db[0].empties_frame else db[0].empties_frame
        power: cython.int = FIRST_POWER
        count: cython.longlong
        if before[0].last_frame != last or s[0].ts_ns - before[0].last_ts_ns > AT_ONCE_NS:
            da[0].empties = 0
            db[0].empties = 0
            first[0].empties_first_frame = s[0].frame
            first[0].empties_first_ts_ns = s[0].ts_ns
        da[0].empties += 1
        da[0].empties_frame = s[0].frame
        count = da[0].empties + db[0].empties
        if count & (count - 1) or count < (1 << FIRST_POWER) or 4 * db[0].empties < count:
            return
        while (cython.cast(cython.longlong, 1) << power) < count:
            power += 1
        self.note(
            STANDSTILL, flow, side, s, power, first[0].empties_first_frame, s[0].ts_ns - first[0].empties_first_ts_ns
        )
