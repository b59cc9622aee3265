# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""ACK, text and FIN: the fifth to eighth checks of RFC 9293 section 3.10.7.4, for both ends of a captured segment.

`side` is the sender: its text moves SND.NXT, its ACK moves the peer's SND.UNA and proves its own RCV.NXT. The peer is
presumed to receive the segment when it is captured, until its own ACK proves it.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import PROBE_ROWS as _PROBE_ROWS
from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Flag, Option
from tcpdiag.model.states import State
from tcpdiag.seqnum import add, diff, le, lt
from tcpdiag.tcp.states import TcpEvent

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Repeats = uncompiled("repeats").Repeats
    scaled_window = uncompiled("ledger").scaled_window
    advance, receive = uncompiled("ranges").advance, uncompiled("ranges").receive
    comparable, remember = uncompiled("repeats").comparable, uncompiled("repeats").remember

SYN_RECEIVED = cython.declare(cython.int, int(State.SYN_RECEIVED))
ESTABLISHED = cython.declare(cython.int, int(State.ESTABLISHED))
CLOSE_WAIT = cython.declare(cython.int, int(State.CLOSE_WAIT))
RCV_ACK_OF_SYN = cython.declare(cython.int, int(TcpEvent.RCV_ACK_OF_SYN))
RCV_ACK_OF_FIN = cython.declare(cython.int, int(TcpEvent.RCV_ACK_OF_FIN))
SND_TEXT = cython.declare(cython.int, int(TcpEvent.SND_TEXT))
SND_FIN = cython.declare(cython.int, int(TcpEvent.SND_FIN))
RCV_FIN = cython.declare(cython.int, int(TcpEvent.RCV_FIN))

FIN = cython.declare(cython.int, int(Flag.FIN))
ACK = cython.declare(cython.int, int(Flag.ACK))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))
SACK_PERMITTED = cython.declare(cython.int, int(Option.SACK_PERMITTED))

SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
SCALE_KNOWN = cython.declare(cython.uint, int(EndpointBit.SCALE_KNOWN))
FIN_SENT = cython.declare(cython.uint, int(EndpointBit.FIN_SENT))
FIN_RECEIVED = cython.declare(cython.uint, int(EndpointBit.FIN_RECEIVED))
FIN_ACKED = cython.declare(cython.uint, int(EndpointBit.FIN_ACKED))
FIN_PROVED = cython.declare(cython.uint, int(EndpointBit.FIN_PROVED))
SENT_TEXT = cython.declare(cython.uint, int(EndpointBit.SENT_TEXT))
SYN_ACKED = cython.declare(cython.uint, int(EndpointBit.SYN_ACKED))
TS_RECENT = cython.declare(cython.uint, int(EndpointBit.TS_RECENT))
DOUBTED = cython.declare(cython.uint, int(EndpointBit.DOUBTED))
BASE_SET = cython.declare(cython.uint, int(EndpointBit.BASE_SET))
SUSPECT_ACK = cython.declare(cython.uint, int(EndpointBit.SUSPECT_ACK))

ACK_UNSEEN = cython.declare(cython.int, int(EventKind.ACK_UNSEEN))
BAD_ACK = cython.declare(cython.int, int(EventKind.BAD_ACK))
UNACCEPTABLE = cython.declare(cython.int, int(EventKind.UNACCEPTABLE))
PAWS = cython.declare(cython.int, int(EventKind.PAWS))
CERTAIN = cython.declare(cython.int, int(EventBit.CERTAIN))
WITHDRAWN = cython.declare(cython.int, int(EventBit.WITHDRAWN))
CHALLENGE_EXPECTED = cython.declare(cython.int, int(EventBit.CHALLENGE_EXPECTED))

PROBE_ROWS = cython.declare(cython.uint, _PROBE_ROWS)
LONGEST_KEPT = cython.declare(cython.uint, 0xFFFF)  # room of Detail.timed_len and flight_len


@cython.cclass
class Transfer(Repeats):
    """ACK, text, FIN and window of one segment."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acknowledge(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """SEG.ACK. False when it acknowledges what was never sent: the receiver drops such a segment."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        distance: cython.longlong
        if not (b[0].bits & SND_KNOWN):
            b[0].snd_nxt = s[0].ack
            b[0].snd_una = s[0].ack
            b[0].bits |= SND_KNOWN
            if not (b[0].bits & BASE_SET):
                b[0].isn = add(s[0].ack, -1)
                b[0].bits |= BASE_SET
        distance = diff(s[0].ack, b[0].snd_nxt)
        if distance > 0:
            if not self.beyond(flow, side, s, distance):
                return False
        elif a[0].bits & SUSPECT_ACK:
            a[0].bits &= ~SUSPECT_ACK
        if not (a[0].bits & ACKED):
            a[0].bits |= ACKED | RCV_KNOWN
            a[0].rcv_nxt = s[0].ack
            a[0].last_ack = s[0].ack
            a[0].last_ack_frame = s[0].frame
            b[0].snd_una = s[0].ack
        elif lt(a[0].last_ack, s[0].ack):
            self.progress(flow, side, s)
        elif (
            s[0].payload_len == 0
            and s[0].ack == a[0].last_ack
            and not (s[0].flags & FIN)
            and b[0].snd_nxt != s[0].ack
            and scaled_window(a, s) == a[0].window
        ):
            self.details[self.flows[flow].detail + side].dup_acks += 1
            if s[0].seq == a[0].snd_nxt and not (a[0].options & b[0].options & SACK_PERMITTED):
                self.tell_gap(flow, side, s)
        if b[0].state == SYN_RECEIVED and not (b[0].bits & DOUBTED) and lt(b[0].isn, s[0].ack):
            b[0].bits |= SYN_ACKED
            self.enter(flow, 1 - side, side, s, self.after(SYN_RECEIVED, RCV_ACK_OF_SYN), 0)
        if (b[0].bits & (FIN_SENT | FIN_ACKED)) == FIN_SENT and lt(b[0].fin_seq, s[0].ack):
            self.fin_acknowledged(flow, side, s)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def beyond(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], distance: cython.longlong
    ) -> cython.bint:
        """SEG.ACK is beyond all that was captured: either the capture lacks the peer's segments, or the ACK is bad.

        One such ACK proves nothing (it may be forged); a second one that confirms it does.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        row: cython.longlong
        if b[0].packets == 0:
            b[0].snd_nxt = s[0].ack
            return True
        if (a[0].bits & SUSPECT_ACK) and le(d[0].suspect_ack, s[0].ack):
            a[0].bits &= ~SUSPECT_ACK
            if d[0].pending_frame == d[0].suspect_frame and d[0].pending_ts_ns != 0:
                d[0].pending_ts_ns = 0
            self.events[d[0].suspect_event].bits |= WITHDRAWN
            b[0].snd_nxt = s[0].ack
            return True
        a[0].bits |= SUSPECT_ACK
        d[0].suspect_ack = s[0].ack
        d[0].suspect_frame = s[0].frame
        row = self.emit(BAD_ACK, flow, 1 - side, side, s, b[0].state, 0, CHALLENGE_EXPECTED, 0, distance)
        d[0].suspect_event = cython.cast(cython.uint, row)
        self.expect(flow, 1 - side, s, row)
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def progress(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The ACK acknowledges something new: round trip, end of a run of retransmissions, bytes never captured.

        It surely acknowledges a segment itself when nothing was sent again since (Karn): the timed one, and, when it
        acknowledges all, every one that is in flight.
        """
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        rtt_ns: cython.longlong
        missing: cython.longlong = 0
        if lt(a[0].rcv_nxt, s[0].ack):
            missing = advance(a, da, s[0].ack)
            if missing > 0 and b[0].packets > 0:
                self.unseen(flow, side, s, missing, 0)
        if da[0].rtt_seq_ts_ns != 0 and le(da[0].rtt_seq, s[0].ack):
            rtt_ns = s[0].ts_ns - da[0].rtt_seq_ts_ns
            da[0].rtt_seq_ts_ns = 0
            if da[0].timed_len > db[0].largest_acked:
                db[0].largest_acked = da[0].timed_len
            if rtt_ns >= 0:
                if da[0].rtt_count == 0 or rtt_ns < da[0].rtt_min_ns:
                    da[0].rtt_min_ns = rtt_ns
                if rtt_ns > da[0].rtt_max_ns:
                    da[0].rtt_max_ns = rtt_ns
                da[0].rtt_sum_ns += rtt_ns
                da[0].rtt_count += 1
        a[0].last_ack = s[0].ack
        a[0].last_ack_frame = s[0].frame
        if lt(b[0].snd_una, s[0].ack):
            b[0].snd_una = s[0].ack
        if s[0].ack == b[0].snd_nxt:
            if db[0].flight_len > db[0].largest_acked:
                db[0].largest_acked = db[0].flight_len
            db[0].flight_len = 0
        db[0].retrans_run = 0
        da[0].gap_event = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def unseen(
        self,
        flow: cython.longlong,
        side: cython.int,
        s: cython.pointer[Segment],
        missing: cython.longlong,
        ref: cython.uint,
    ) -> cython.void:
        """`side` acknowledges `missing` bytes of its peer that the capture does not hold."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + 1 - side])
        d[0].unseen_bytes += missing
        d[0].unseen_segments += 1
        if d[0].unseen_segments <= PROBE_ROWS:
            self.note(ACK_UNSEEN, flow, side, s, 0, ref, missing)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def fin_acknowledged(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """`side` acknowledges its peer's FIN: it has it for certain, and the peer's own close moves on."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        b[0].bits |= FIN_ACKED
        if not (a[0].bits & FIN_RECEIVED):
            a[0].bits |= FIN_RECEIVED
            self.enter(flow, side, side, s, self.after(a[0].state, RCV_FIN), CERTAIN)
        elif a[0].state == CLOSE_WAIT:
            self.certify(flow, side)
        a[0].bits |= FIN_PROVED
        if (a[0].bits & FIN_SENT) and not (b[0].bits & FIN_RECEIVED) and lt(a[0].fin_seq, s[0].seq):
            # The FINs crossed: what is behind the FIN of `side` comes after it.
            b[0].bits |= FIN_RECEIVED
            self.enter(flow, 1 - side, side, s, self.after(b[0].state, RCV_FIN), 0)
        self.enter(flow, 1 - side, side, s, self.after(b[0].state, RCV_ACK_OF_FIN), 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def text(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Payload and FIN of a segment that is not a probe."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        right: cython.uint = add(s[0].seq, cython.cast(cython.longlong, s[0].payload_len))
        fresh: cython.longlong
        if s[0].flags & FIN:
            right = add(right, 1)
        if not (a[0].bits & SND_KNOWN):
            a[0].snd_nxt = s[0].seq
            a[0].snd_una = s[0].seq
            a[0].bits |= SND_KNOWN
        fresh = diff(right, a[0].snd_nxt)
        if fresh > 0:
            self.new_text(flow, side, s, right, fresh)
        else:
            self.old_text(flow, side, s, right)
        self.deliver(flow, side, s, right)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def new_text(
        self,
        flow: cython.longlong,
        side: cython.int,
        s: cython.pointer[Segment],
        right: cython.uint,
        fresh: cython.longlong,
    ) -> cython.void:
        """Sequence space that `side` had not used: SND.NXT moves, a round trip may be timed, a FIN closes."""
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        payload: cython.longlong = s[0].payload_len
        if (s[0].flags & FIN) and not (a[0].bits & FIN_SENT):
            self.fins_cross(flow, side, s)
            a[0].fin_seq = add(right, -1)
            a[0].fin_frame = s[0].frame
            a[0].bits |= FIN_SENT
            self.enter(flow, side, side, s, self.after(a[0].state, SND_FIN), CERTAIN)
        elif payload > 0:
            if not (a[0].bits & SENT_TEXT):
                a[0].bits |= SENT_TEXT
                if a[0].state == ESTABLISHED:
                    self.certify(flow, side)
            self.enter(flow, side, side, s, self.after(a[0].state, SND_TEXT), CERTAIN)
        if (
            right == db[0].right_edge
            and db[0].right_edge_frame != 0
            and payload < da[0].max_payload
            and da[0].cut_short < LONGEST_KEPT
        ):
            da[0].cut_short += 1
        if lt(s[0].seq, a[0].snd_nxt):
            # Partly sent before: an ACK does not tell which copy came (Karn).
            db[0].rtt_seq_ts_ns = 0
            da[0].flight_len = 0
        self.keep(flow, side, s)
        da[0].new_bytes += payload if payload < fresh else fresh
        da[0].last_new_ts_ns = s[0].ts_ns
        da[0].last_new_frame = s[0].frame
        a[0].snd_nxt = right
        if db[0].rtt_seq_ts_ns == 0 and s[0].ts_ns != 0:
            db[0].rtt_seq = right
            db[0].rtt_seq_ts_ns = s[0].ts_ns
            db[0].timed_len = cython.cast(cython.ushort, min(s[0].payload_len, LONGEST_KEPT))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def fins_cross(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A FIN of `side` that does not acknowledge the peer's: it had not got that yet (RFC 9293 section 3.6, case 3).

        It did not close passively, as was presumed, and gets the peer's FIN in FIN-WAIT.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if (a[0].bits & (FIN_RECEIVED | FIN_PROVED)) != FIN_RECEIVED or not (b[0].bits & FIN_SENT):
            return
        if (s[0].flags & ACK) and le(s[0].ack, b[0].fin_seq):
            self.withdraw(flow, side)
            a[0].bits &= ~FIN_RECEIVED

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def keep(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """What later segments are compared with: sizes, timestamps and sums of new text."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        if s[0].options & TIMESTAMPS:
            d[0].last_new_tsval = s[0].tsval
        if s[0].payload_len == 0:
            return
        if d[0].text_frame == 0:
            d[0].text_frame = s[0].frame
        if s[0].payload_len > d[0].flight_len:
            d[0].flight_len = cython.cast(cython.ushort, min(s[0].payload_len, LONGEST_KEPT))
        if comparable(s):
            remember(d, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def deliver(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], right: cython.uint
    ) -> cython.void:
        """Text and FIN as the peer gets them: acceptable or not, in order or ahead (R1 of RFC 9293 section 3.4)."""
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        ahead: cython.longlong
        age: cython.longlong
        if not (b[0].bits & RCV_KNOWN):
            b[0].rcv_nxt = s[0].seq
            b[0].bits |= RCV_KNOWN
        ahead = diff(s[0].seq, b[0].rcv_nxt)
        if (b[0].bits & (SCALE_KNOWN | ACKED)) == (SCALE_KNOWN | ACKED) and diff(s[0].seq, b[0].last_ack) > cython.cast(
            cython.longlong, b[0].window
        ):
            db[0].unacceptable += 1
            if db[0].unacceptable <= PROBE_ROWS:
                self.expect(
                    flow,
                    1 - side,
                    s,
                    self.emit(UNACCEPTABLE, flow, 1 - side, side, s, b[0].state, 0, CHALLENGE_EXPECTED, 0, ahead),
                )
        if s[0].options & TIMESTAMPS:
            age = diff(s[0].tsval, db[0].ts_recent) if b[0].bits & TS_RECENT else 0
            if age < 0 and ahead >= 0:
                db[0].unacceptable += 1
                if db[0].unacceptable <= PROBE_ROWS:
                    self.emit(PAWS, flow, 1 - side, side, s, b[0].state, 0, CHALLENGE_EXPECTED, 0, age)
            elif ahead <= 0 and age >= 0:
                # RFC 7323 section 4.3: TS.Recent follows segments that begin at or before Last.ACK.sent.
                db[0].ts_recent = s[0].tsval
                b[0].bits |= TS_RECENT
        receive(b, db, s[0].seq, right, s[0].ts_ns)
        if (a[0].bits & FIN_SENT) and not (b[0].bits & FIN_RECEIVED) and lt(a[0].fin_seq, b[0].rcv_nxt):
            b[0].bits |= FIN_RECEIVED
            self.enter(flow, 1 - side, side, s, self.after(b[0].state, RCV_FIN), 0)
