# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Appearance: what the mere sending of a segment tells of its sender, before the segment does anything.

That it is there at all, though its SYN was not captured; that its handshake was completed; that it lives on after a
RST; that it speaks for an earlier connection on the 4-tuple, in the capture or before it; that it does not know of text
sent in its name.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import PROBE_ROWS as _PROBE_ROWS
from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import CORRUPTED_SHARE as _CORRUPTED_SHARE
from tcpdiag.model.flow import EndpointBit, FlowBit
from tcpdiag.model.segment import Checksum, Flag, Option
from tcpdiag.model.states import State
from tcpdiag.seqnum import add, diff, le, lt
from tcpdiag.tcp.states import TcpEvent

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Windows = uncompiled("windows").Windows

UNSEEN = cython.declare(cython.int, int(State.UNSEEN))
MIDSTREAM = cython.declare(cython.int, int(State.MIDSTREAM))
CLOSED = cython.declare(cython.int, int(State.CLOSED))
SYN_SENT = cython.declare(cython.int, int(State.SYN_SENT))
SYN_RECEIVED = cython.declare(cython.int, int(State.SYN_RECEIVED))
ESTABLISHED = cython.declare(cython.int, int(State.ESTABLISHED))
FIN_WAIT_2 = cython.declare(cython.int, int(State.FIN_WAIT_2))
TIME_WAIT = cython.declare(cython.int, int(State.TIME_WAIT))
SND_ACK = cython.declare(cython.int, int(TcpEvent.SND_ACK))
FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
ACK = cython.declare(cython.int, int(Flag.ACK))
CHECKSUM_BAD = cython.declare(cython.int, int(Checksum.BAD))
CHECKSUM_PARTIAL = cython.declare(cython.int, int(Checksum.PARTIAL))
ROLES_KNOWN = cython.declare(cython.int, int(FlowBit.ROLES_KNOWN))
CLIENT_IS_1 = cython.declare(cython.int, int(FlowBit.CLIENT_IS_1))
FLOW_MIDSTREAM = cython.declare(cython.int, int(FlowBit.MIDSTREAM))
ISN_KNOWN = cython.declare(cython.uint, int(EndpointBit.ISN_KNOWN))
SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
SENT_TEXT = cython.declare(cython.uint, int(EndpointBit.SENT_TEXT))
FIN_ACKED = cython.declare(cython.uint, int(EndpointBit.FIN_ACKED))
SYN_ACKED = cython.declare(cython.uint, int(EndpointBit.SYN_ACKED))
FIN_RECEIVED = cython.declare(cython.uint, int(EndpointBit.FIN_RECEIVED))
FIN_PROVED = cython.declare(cython.uint, int(EndpointBit.FIN_PROVED))
HELD = cython.declare(cython.uint, int(EndpointBit.HELD))
BASE_SET = cython.declare(cython.uint, int(EndpointBit.BASE_SET))
BY_RST = cython.declare(cython.uint, int(EndpointBit.RST_SENT | EndpointBit.RST_OBEYED))
SYN_IN_CONNECTION = cython.declare(cython.int, int(EventKind.SYN_IN_CONNECTION))
CHALLENGE_ACK = cython.declare(cython.int, int(EventKind.CHALLENGE_ACK))
SEQ_BACK = cython.declare(cython.int, int(EventKind.SEQ_BACK))
CERTAIN = cython.declare(cython.int, int(EventBit.CERTAIN))
CARRIED = cython.declare(cython.int, int(EventBit.CARRIED))
CHALLENGED = cython.declare(cython.int, int(EventBit.CHALLENGED))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))
PROBE_ROWS = cython.declare(cython.uint, _PROBE_ROWS)
SATURATED = cython.declare(cython.int, 65535)
CORRUPTED_SHARE = cython.declare(cython.uint, _CORRUPTED_SHARE)
# Numbers this close to an old connection's are its own; a new one's are chosen at random (RFC 6528).
SAME_CONNECTION = cython.declare(cython.longlong, 1 << 24)
# A segment so long after its sender's last text has not been overtaken by it.
REORDERING_NS = cython.declare(cython.longlong, 200_000_000)


@cython.cclass
class Appearance(Windows):
    """The sender of a segment, before its checks."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begin_detail(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Count in the details; when they are new, the handshake's round trips. False: the segment is corrupted.

        SYN to SYN-ACK is the way to the server, SYN-ACK to the first ACK the way to the client; with a repeated one
        it is ambiguous and left out (RFC 6298 section 3, Karn).
        """
        fresh: cython.bint = self.flows[flow].detail < 0
        row: cython.longlong = self.detail_row(flow)
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        d: cython.pointer[Detail] = cython.address(self.details[row + side])
        if s[0].checksum == CHECKSUM_BAD:
            d[0].bad_checksums += 1
            if d[0].bad_checksums * CORRUPTED_SHARE <= a[0].packets:
                return False
        elif s[0].checksum == CHECKSUM_PARTIAL:
            d[0].partial_checksums += 1
        if s[0].payload_len > d[0].max_payload:
            d[0].max_payload = s[0].payload_len
        if fresh and a[0].syns == 1 and b[0].syns == 1 and a[0].first_ts_ns < b[0].first_ts_ns:
            self.details[row + 1 - side].rtt_min_ns = b[0].first_ts_ns - a[0].first_ts_ns
            self.details[row + 1 - side].rtt_max_ns = b[0].first_ts_ns - a[0].first_ts_ns
            self.details[row + 1 - side].rtt_sum_ns = b[0].first_ts_ns - a[0].first_ts_ns
            self.details[row + 1 - side].rtt_count = 1
            if s[0].ts_ns >= b[0].first_ts_ns:
                d[0].rtt_min_ns = s[0].ts_ns - b[0].first_ts_ns
                d[0].rtt_max_ns = d[0].rtt_min_ns
                d[0].rtt_sum_ns = d[0].rtt_min_ns
                d[0].rtt_count = 1
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def appear(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """What the mere sending tells of the sender's state. False: the segment belongs to the earlier connection."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if a[0].state == ESTABLISHED or a[0].state == MIDSTREAM and not (a[0].bits & HELD):
            return True
        if a[0].bits & HELD:
            if self.speaks_for_past(flow, side, s):
                if b[0].state == SYN_SENT and lt(a[0].snd_nxt, add(s[0].seq, s[0].payload_len)):
                    # Its text goes to the earlier connection, where nothing is tracked any more.
                    a[0].snd_nxt = add(s[0].seq, s[0].payload_len)
                return b[0].state != SYN_SENT
            self.renew(flow, side)
        if a[0].state == UNSEEN:
            if b[0].state == SYN_SENT and self.betrays_past(flow, side, s):
                return False
            if not ((a[0].bits | b[0].bits) & ISN_KNOWN):
                self.flows[flow].bits |= FLOW_MIDSTREAM
                if not (self.flows[flow].bits & ROLES_KNOWN) and s[0].frame == self.flows[flow].first_frame:
                    # Guessed: the lower port is the service. A flow's side 0 is the sender of its first segment.
                    if s[0].sport < s[0].dport:
                        self.flows[flow].bits |= CLIENT_IS_1
            self.set_bases(flow, side, s)
            if (b[0].bits & ISN_KNOWN) and b[0].state == SYN_SENT:
                self.handshake_done(flow, side, s)
            else:
                self.enter(flow, side, side, s, self.after(a[0].state, SND_ACK), CERTAIN)
        elif a[0].state == SYN_SENT:
            if not (self.flows[flow].previous >= 0 and self.readopt(flow, side, s)):
                if (s[0].flags & ACK) and s[0].seq == add(a[0].isn, 1):
                    self.handshake_done(flow, side, s)
        elif a[0].state == SYN_RECEIVED and (s[0].flags & ACK):
            # It acknowledges text that came after the SYN (Fast Open text, RFC 7413, does not count).
            if (b[0].bits & SENT_TEXT) and lt(add(b[0].isn, 1), s[0].ack):
                self.enter(flow, side, side, s, ESTABLISHED, CERTAIN)
        elif a[0].state == CLOSED and a[0].bits & BY_RST:
            self.alive(flow, side, s)
        elif (s[0].flags & FIN) and (a[0].bits & FIN_ACKED) and s[0].seq == a[0].fin_seq - s[0].payload_len:
            if a[0].state == CLOSED or a[0].state == FIN_WAIT_2 or a[0].state == TIME_WAIT:
                a[0].bits &= ~FIN_ACKED
                if a[0].state == TIME_WAIT and not (a[0].bits & FIN_PROVED) and le(s[0].ack, b[0].fin_seq):
                    a[0].bits &= ~FIN_RECEIVED
                self.withdraw(flow, side)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def handshake_done(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The SYN-ACK was not captured, but `side` goes on as only an established endpoint does: both are."""
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        self.enter(flow, side, side, s, ESTABLISHED, CERTAIN)
        if b[0].state == UNSEEN or b[0].state == SYN_SENT:
            b[0].bits |= SYN_ACKED
            self.enter(flow, 1 - side, side, s, ESTABLISHED, 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def betrays_past(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """A SYN answered by a bare ACK of something else: `side` holds a connection from before the capture."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        since: cython.longlong = s[0].ts_ns - b[0].last_ts_ns
        if s[0].payload_len or (s[0].flags & (FIN | ACK)) != ACK or s[0].ack == b[0].snd_nxt:
            return False
        if s[0].ack == add(b[0].isn, 1):
            return False
        a[0].snd_nxt = s[0].seq
        a[0].snd_una = s[0].seq
        a[0].rcv_nxt = s[0].ack
        a[0].last_ack = s[0].ack
        a[0].last_ack_frame = s[0].frame
        a[0].window = s[0].window
        a[0].isn = add(s[0].seq, -1)
        a[0].bits |= SND_KNOWN | RCV_KNOWN | ACKED | HELD | BASE_SET
        self.enter(flow, side, side, s, MIDSTREAM, CERTAIN)
        self.emit(SYN_IN_CONNECTION, flow, side, side, s, MIDSTREAM, 0, CERTAIN | CHALLENGED, b[0].last_frame, -1)
        self.note(CHALLENGE_ACK, flow, side, s, 0, b[0].last_frame, since)
        self.stale_echo(flow, side, s)
        self.details[self.flows[flow].detail + 1 - side].bad_ack_frame = s[0].frame
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def speaks_for_past(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether an endpoint that may hold the earlier connection speaks with that one's numbers: then it does."""
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        distance: cython.longlong = diff(s[0].seq, a[0].snd_nxt)
        if distance > SAME_CONNECTION or distance < -SAME_CONNECTION:
            return False
        if not (a[0].bits & BASE_SET):
            a[0].isn = add(s[0].seq, -1)
            a[0].bits |= BASE_SET
        if b[0].state == SYN_SENT:
            if self.details[row + 1 - side].bad_ack_frame == 0:
                self.stale_echo(flow, side, s)
            self.details[row + 1 - side].bad_ack_frame = s[0].frame
            if self.details[row + side].pending_ts_ns != 0:
                self.challenged(flow, side, s)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def readopt(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """`side` never sent that SYN: it goes on with the numbers of the earlier connection, and we with it."""
        previous: cython.longlong = self.flows[flow].previous
        old: cython.pointer[Endpoint] = cython.address(
            self.endpoints[2 * previous + self.same_side(flow, previous, side)]
        )
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        distance: cython.longlong = diff(s[0].seq, old[0].snd_nxt)
        if not (old[0].bits & SND_KNOWN) or distance > SAME_CONNECTION or distance < -SAME_CONNECTION:
            return False
        if old[0].state == CLOSED or old[0].state == UNSEEN:
            return False
        self.withdraw(flow, side)
        self.inherit(flow, side)
        if (b[0].bits & SND_KNOWN) and lt(a[0].rcv_nxt, b[0].snd_nxt):
            # What the peer said since the SYN: nobody tracked whether it came.
            a[0].rcv_nxt = b[0].snd_nxt
        a[0].bits &= ~HELD
        b[0].bits &= ~HELD
        self.enter(flow, side, side, s, old[0].state, CERTAIN | CARRIED)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def seq_back(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], last_ack: cython.uint
    ) -> cython.void:
        """An empty segment below SND.NXT, no probe: does `side` not know of what was sent in its name?

        An endpoint sends bare ACKs with SND.NXT (RFC 9293 section 3.10.7.4), or with the right edge of a window that
        was taken back. Unless the segment is an old one that was overtaken: `last_ack` is the newest that was captured
        before it.
        """
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        d: cython.pointer[Detail] = cython.address(self.details[row + side])
        if d[0].last_new_frame == 0 or d[0].unseen_bytes or not (b[0].bits & ACKED) or lt(s[0].ack, last_ack):
            return
        if le(add(b[0].last_ack, cython.cast(cython.longlong, b[0].window)), s[0].seq):
            return
        if d[0].retrans_run != 0 and le(b[0].last_ack, s[0].seq):
            # A stack that goes back to SND.UNA to send again may say so in its ACKs.
            return
        if not self.sent_since(flow, side, s, last_ack):
            return
        if d[0].seq_back < SATURATED:
            d[0].seq_back += 1
        if d[0].seq_back <= PROBE_ROWS:
            self.note(SEQ_BACK, flow, side, s, 0, d[0].last_new_frame, diff(s[0].seq, a[0].snd_nxt))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sent_since(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], last_ack: cython.uint
    ) -> cython.bint:
        """Whether the segment was surely sent after the last new text of `side`, not only captured later."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        if lt(last_ack, s[0].ack):
            return True
        if (s[0].options & TIMESTAMPS) and d[0].last_new_tsval != 0:
            return lt(d[0].last_new_tsval, s[0].tsval)
        if self.timed(flow) or self.flows[flow].copies:
            return False
        return s[0].ts_ns - d[0].last_new_ts_ns > REORDERING_NS
