# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Windows: closed and opened, taken back, offered in silly amounts (RFC 9293 sections 3.8.6 and 3.8.6.2.2)."""

from __future__ import annotations

import cython

from tcpdiag.model.event import PROBE_ROWS as _PROBE_ROWS
from tcpdiag.model.event import EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Option
from tcpdiag.seqnum import add, diff, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Probes = uncompiled("probes").Probes
    scale, scaled_window = uncompiled("ledger").scale, uncompiled("ledger").scaled_window

ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
SCALE_KNOWN = cython.declare(cython.uint, int(EndpointBit.SCALE_KNOWN))
FIN_RECEIVED = cython.declare(cython.uint, int(EndpointBit.FIN_RECEIVED))
WINDOW_IS_CLOSED = cython.declare(cython.uint, int(EndpointBit.WINDOW_CLOSED))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))

WINDOW_CLOSED = cython.declare(cython.int, int(EventKind.WINDOW_CLOSED))
WINDOW_OPENED = cython.declare(cython.int, int(EventKind.WINDOW_OPENED))
WINDOW_SHRUNK = cython.declare(cython.int, int(EventKind.WINDOW_SHRUNK))

PROBE_ROWS = cython.declare(cython.uint, _PROBE_ROWS)
SATURATED = cython.declare(cython.int, 65535)
DEFAULT_MSS = cython.declare(cython.uint, 536)  # RFC 9293 section 3.7.1, where a SYN offers none
# A segment so long after its sender's last one has not been overtaken by it.
REORDERING_NS = cython.declare(cython.longlong, 200_000_000)


@cython.cclass
class Windows(Probes):
    """What an endpoint lets its peer send."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def advertise(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """SEG.WND of `side`: closed, opened (RFC 9293 section 3.8.6). Old segments say nothing."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        window: cython.uint = scaled_window(a, s)
        received: cython.longlong
        if (a[0].bits & ACKED) and lt(s[0].ack, a[0].last_ack):
            return
        if window > d[0].max_window:
            d[0].max_window = window
        if window == 0:
            d[0].zero_windows += 1
            if not (a[0].bits & WINDOW_IS_CLOSED):
                a[0].bits |= WINDOW_IS_CLOSED
                d[0].closed_since_ns = s[0].ts_ns
                d[0].closed_frame = s[0].frame
                if d[0].zero_windows <= PROBE_ROWS:
                    received = self.details[self.flows[flow].detail + 1 - side].new_bytes
                    self.note(WINDOW_CLOSED, flow, side, s, 0, 0, received)
        elif a[0].bits & WINDOW_IS_CLOSED:
            a[0].bits &= ~WINDOW_IS_CLOSED
            d[0].closed_total_ns += s[0].ts_ns - d[0].closed_since_ns
            if d[0].zero_windows <= PROBE_ROWS:
                self.note(WINDOW_OPENED, flow, side, s, 0, d[0].closed_frame, s[0].ts_ns - d[0].closed_since_ns)
            d[0].closed_since_ns = 0
        a[0].window = window
        if (a[0].bits & (SCALE_KNOWN | FIN_RECEIVED)) == SCALE_KNOWN:
            self.offer(flow, side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def offer(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The right edge of the window: SEG.ACK + SEG.WND.

        Rounded to the scale it wobbles by less than one unit of it (RFC 7323 section 2.4); what moves farther back
        was taken back. Without timestamps where both agreed on them (RFC 7323 section 3.2) it is not `side`'s word.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        unit: cython.longlong = 1 << scale(a)
        right: cython.uint = add(s[0].ack, cython.cast(cython.longlong, a[0].window))
        moved: cython.longlong = diff(right, d[0].right_edge)
        if self.timed(flow) and not (s[0].options & TIMESTAMPS):
            return
        if d[0].right_edge_frame != 0:
            if moved <= -unit:
                if not self.later(flow, side, s):
                    return
                if d[0].shrunk < SATURATED:
                    d[0].shrunk += 1
                if d[0].shrunk <= PROBE_ROWS:
                    self.note(WINDOW_SHRUNK, flow, side, s, 0, d[0].right_edge_frame, -moved)
            elif moved <= 0:
                return
            elif moved >= unit and self.silly(flow, side):
                if d[0].small_windows < SATURATED:
                    d[0].small_windows += 1
                if d[0].small_windows == 1:
                    d[0].small_window_frame = s[0].frame
                    d[0].small_first_ts_ns = s[0].ts_ns
                d[0].small_last_ts_ns = s[0].ts_ns
        d[0].right_edge = right
        d[0].right_edge_frame = s[0].frame
        d[0].right_edge_ack = s[0].ack
        d[0].right_edge_tsval = s[0].tsval

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def timed(self, flow: cython.longlong) -> cython.bint:
        """Whether both ends agreed on timestamps."""
        both: cython.int = self.endpoints[2 * flow].options & self.endpoints[2 * flow + 1].options
        return (both & TIMESTAMPS) != 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def later(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether the segment was surely sent after the one that offered the right edge, not only captured later."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        if lt(d[0].right_edge_ack, s[0].ack):
            return True
        if self.timed(flow):
            return lt(d[0].right_edge_tsval, s[0].tsval)
        return s[0].ts_ns - self.endpoints[2 * flow + side].last_ts_ns > REORDERING_NS

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def silly(self, flow: cython.longlong, side: cython.int) -> cython.bint:
        """Whether the window just opened is less than a segment of its peer and less than half of what it can be.

        RFC 9293 section 3.8.6.2.2: a receiver waits until it can offer one or the other. A segment is the MSS, or the
        longest one that the peer sends.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        row: cython.longlong = self.flows[flow].detail
        segment: cython.uint = a[0].mss if a[0].mss != 0 else DEFAULT_MSS
        segment = min(segment, self.details[row + 1 - side].max_payload)
        return a[0].window != 0 and a[0].window < min(segment, self.details[row + side].max_window // 2)
