# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Probes and their answers: keepalives, zero-window probes, challenge ACKs, heartbeats.

A Linux zero-window probe has the shape of a keepalive (SEG.SEQ = SND.UNA - 1, no text): the peer's window decides.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import BEAT_ROWS as _BEAT_ROWS
from tcpdiag.model.event import PROBE_ROWS as _PROBE_ROWS
from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Flag
from tcpdiag.seqnum import add, diff, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Transfer = uncompiled("transfer").Transfer

FIN = cython.declare(cython.int, int(Flag.FIN))

SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
WINDOW_IS_CLOSED = cython.declare(cython.uint, int(EndpointBit.WINDOW_CLOSED))

KEEPALIVE_PROBE = cython.declare(cython.int, int(EventKind.KEEPALIVE_PROBE))
KEEPALIVE_ACK = cython.declare(cython.int, int(EventKind.KEEPALIVE_ACK))
ZERO_WINDOW_PROBE = cython.declare(cython.int, int(EventKind.ZERO_WINDOW_PROBE))
ZERO_WINDOW_PROBE_ACK = cython.declare(cython.int, int(EventKind.ZERO_WINDOW_PROBE_ACK))
CHALLENGE_ACK = cython.declare(cython.int, int(EventKind.CHALLENGE_ACK))
BEAT = cython.declare(cython.int, int(EventKind.BEAT))
RST_EVENT = cython.declare(cython.int, int(EventKind.RST))
CHALLENGED = cython.declare(cython.int, int(EventBit.CHALLENGED))

PROBE_ROWS = cython.declare(cython.uint, _PROBE_ROWS)
BEAT_ROWS = cython.declare(cython.uint, _BEAT_ROWS)
# An ACK later than this is an answer to something else: stacks answer at once or not at all.
ANSWER_NS = cython.declare(cython.longlong, 1_000_000_000)
# A heartbeat is a small message after a silence; closer ones are parts of one message.
BEAT_SILENCE_NS = cython.declare(cython.longlong, 500_000_000)
BEAT_BYTES = cython.declare(cython.uint, 512)


@cython.cclass
class Probes(Transfer):
    """What tests whether the other end is there, and what comes back."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def probe(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether the segment is a keepalive or zero-window probe (RFC 9293 sections 3.8.4 and 3.8.6.1).

        One byte of garbage is allowed in a keepalive: it is one only when that byte was acknowledged before, else it
        is text sent again.
        """
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        if s[0].payload_len > 1 or (s[0].flags & FIN) or not (a[0].bits & SND_KNOWN) or not (b[0].bits & ACKED):
            return False
        if b[0].bits & WINDOW_IS_CLOSED:
            if s[0].payload_len == 0 and s[0].seq != add(b[0].last_ack, -1):
                return False
            if s[0].payload_len == 1 and s[0].seq != b[0].last_ack and s[0].seq != add(b[0].last_ack, -1):
                return False
            da[0].probes += 1
            da[0].probe_frame = s[0].frame
            if da[0].probes <= PROBE_ROWS:
                self.note(ZERO_WINDOW_PROBE, flow, side, s, 0, 0, 0)
            return s[0].payload_len == 0 or s[0].seq != b[0].last_ack
        if s[0].seq != add(a[0].snd_nxt, -1):
            return False
        if lt(b[0].last_ack, a[0].snd_nxt):
            return False
        da[0].keepalives += 1
        da[0].keepalives_run += 1
        da[0].keepalive_frame = s[0].frame
        if da[0].keepalives <= PROBE_ROWS:
            self.note(KEEPALIVE_PROBE, flow, side, s, 0, 0, 0)
        else:
            da[0].events_full = 1
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def answered(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Whatever `side` sends answers the probes that wait for it."""
        row: cython.longlong = self.flows[flow].detail
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        if db[0].keepalive_frame != 0:
            if db[0].keepalives <= PROBE_ROWS:
                self.note(KEEPALIVE_ACK, flow, side, s, 0, db[0].keepalive_frame, 0)
            db[0].keepalive_frame = 0
            db[0].keepalives_run = 0
        if db[0].probe_frame != 0:
            if db[0].probes <= PROBE_ROWS and s[0].window == 0:
                self.note(ZERO_WINDOW_PROBE_ACK, flow, side, s, 0, db[0].probe_frame, 0)
            db[0].probe_frame = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def challenged(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A bare ACK that acknowledges nothing new, soon after something unacceptable reached `side`: its challenge."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        since: cython.longlong = s[0].ts_ns - d[0].pending_ts_ns
        if since > ANSWER_NS:
            d[0].pending_ts_ns = 0
            return
        if s[0].payload_len or (s[0].flags & FIN) or s[0].seq != a[0].snd_nxt:
            return
        if (a[0].bits & ACKED) and lt(a[0].last_ack, s[0].ack):
            return
        if s[0].n_sack and self.tells_more(d, s):
            return
        if self.since_reset(cython.address(self.events[d[0].pending_event]), s):
            d[0].pending_ts_ns = 0
            return
        self.events[d[0].pending_event].bits |= CHALLENGED
        d[0].challenge_acks += 1
        d[0].pending_ts_ns = 0
        if d[0].challenge_acks <= PROBE_ROWS:
            self.note(CHALLENGE_ACK, flow, side, s, 0, d[0].pending_frame, since)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def tells_more(self, d: cython.pointer[Detail], s: cython.pointer[Segment]) -> cython.bint:
        """It SACKs text that it had not told of: that came, and is what it answers."""
        i: cython.int
        length: cython.longlong
        for i in range(s[0].n_sack):
            length = diff(s[0].sack[2 * i + 1], s[0].sack[2 * i])
            if lt(s[0].ack, s[0].sack[2 * i]) and (d[0].gap_event == 0 or length > self.events[d[0].gap_event].value):
                return True
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def since_reset(self, e: cython.pointer[Event], s: cython.pointer[Segment]) -> cython.bint:
        """The ACK acknowledges more than was there when the RST came: RFC 5961 section 3.2 answers a RST at once."""
        return e[0].kind == RST_EVENT and lt(add(e[0].seq, -e[0].value), s[0].ack)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def beat(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """New text of `side`: perhaps the next of a row of messages with one period.

        A run lives while each gap stays within a quarter of the shortest and longest before it; a message that comes
        much sooner or later begins another.
        """
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        since: cython.longlong = s[0].ts_ns - d[0].last_text_ts_ns
        gap: cython.longlong = s[0].ts_ns - d[0].beat_last_ts_ns
        steady: cython.bint = False
        if s[0].payload_len > BEAT_BYTES or (d[0].last_text_ts_ns != 0 and since < BEAT_SILENCE_NS):
            return
        if d[0].beats == 1:
            d[0].beat_min_ns = gap
            d[0].beat_max_ns = gap
            steady = True
        elif d[0].beats > 1 and 4 * gap <= 5 * d[0].beat_min_ns and 4 * d[0].beat_max_ns <= 5 * gap:
            if gap < d[0].beat_min_ns:
                d[0].beat_min_ns = gap
            if gap > d[0].beat_max_ns:
                d[0].beat_max_ns = gap
            steady = True
        elif d[0].beats > 1:
            d[0].beat_first_ts_ns = d[0].beat_last_ts_ns
            d[0].beat_first_frame = d[0].beat_frame
            d[0].beats = 1
            d[0].beat_min_ns = gap
            d[0].beat_max_ns = gap
        if d[0].beats == 0:
            d[0].beat_first_ts_ns = s[0].ts_ns
            d[0].beat_first_frame = s[0].frame
        d[0].beats += 1
        if d[0].beats > 1 and d[0].beat_rows < BEAT_ROWS:
            d[0].beat_rows += 1
            self.note(BEAT, flow, side, s, 1 if steady else 0, d[0].beat_frame, gap)
        d[0].beat_last_ts_ns = s[0].ts_ns
        d[0].beat_frame = s[0].frame
        d[0].beat_len = s[0].payload_len
