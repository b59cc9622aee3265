# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""RST: where it stands against RCV.NXT, what the receiver's profile does with it, and who lives on after it.

RFC 9293 section 3.10.7.4 (second check) with RFC 5961 section 3.2; SYN-SENT: section 3.10.7.3.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import RST_ROWS as _RST_ROWS
from tcpdiag.model.event import EventBit, EventKind, RstClass
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Flag
from tcpdiag.model.states import State
from tcpdiag.seqnum import diff, le, lt
from tcpdiag.tcp.profiles import RstAction
from tcpdiag.tcp.states import TcpEvent

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Handshake = uncompiled("handshake").Handshake

UNSEEN = cython.declare(cython.int, int(State.UNSEEN))
CLOSED = cython.declare(cython.int, int(State.CLOSED))
LISTEN = cython.declare(cython.int, int(State.LISTEN))
SYN_SENT = cython.declare(cython.int, int(State.SYN_SENT))
SND_RST = cython.declare(cython.int, int(TcpEvent.SND_RST))
RCV_RST = cython.declare(cython.int, int(TcpEvent.RCV_RST))
ACK = cython.declare(cython.int, int(Flag.ACK))

EXACT = cython.declare(cython.int, int(RstClass.EXACT))
EXACT_UNACKED = cython.declare(cython.int, int(RstClass.EXACT_UNACKED))
LAST_ACK = cython.declare(cython.int, int(RstClass.LAST_ACK))
FIN_MINUS_ONE = cython.declare(cython.int, int(RstClass.FIN_MINUS_ONE))
SACK_EDGE = cython.declare(cython.int, int(RstClass.SACK_EDGE))
IN_WINDOW = cython.declare(cython.int, int(RstClass.IN_WINDOW))
BELOW = cython.declare(cython.int, int(RstClass.BELOW))
ABOVE = cython.declare(cython.int, int(RstClass.ABOVE))
SYN_SENT_GOOD = cython.declare(cython.int, int(RstClass.SYN_SENT_GOOD))
SYN_SENT_BAD = cython.declare(cython.int, int(RstClass.SYN_SENT_BAD))
AFTER_CLOSE = cython.declare(cython.int, int(RstClass.AFTER_CLOSE))
UNDECIDABLE = cython.declare(cython.int, int(RstClass.UNDECIDABLE))

OBEY = cython.declare(cython.int, int(RstAction.OBEY))
CHALLENGE = cython.declare(cython.int, int(RstAction.CHALLENGE))
UNKNOWN = cython.declare(cython.int, int(RstAction.UNKNOWN))

RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
FIN_RECEIVED = cython.declare(cython.uint, int(EndpointBit.FIN_RECEIVED))
RST_SENT = cython.declare(cython.uint, int(EndpointBit.RST_SENT))
RST_OBEYED = cython.declare(cython.uint, int(EndpointBit.RST_OBEYED))

RST = cython.declare(cython.int, int(EventKind.RST))
REFUSED = cython.declare(cython.int, int(EventKind.REFUSED))
BAD_ACK_RST = cython.declare(cython.int, int(EventKind.BAD_ACK_RST))
REACTIVE = cython.declare(cython.int, int(EventKind.REACTIVE))
ALIVE_AFTER_RST = cython.declare(cython.int, int(EventKind.ALIVE_AFTER_RST))
OBEY_EXPECTED = cython.declare(cython.int, int(EventBit.OBEY_EXPECTED))
CHALLENGE_EXPECTED = cython.declare(cython.int, int(EventBit.CHALLENGE_EXPECTED))

RST_ROWS = cython.declare(cython.uint, _RST_ROWS)
# Segments captured this soon after a RST may have been on their way already: a reordering tap, and twice the path.
REORDERING_NS = cython.declare(cython.longlong, 1_000_000)
UNKNOWN_PATH_NS = cython.declare(cython.longlong, 200_000_000)
PATH_SLACK_NS = cython.declare(cython.longlong, 5_000_000)


@cython.cclass
class Resets(Handshake):
    """RST sent, RST received, and life after it."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def rst_class(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.int:
        """RstClass of a RST that reaches `side`."""
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        row: cython.longlong = self.flows[flow].detail
        d: cython.longlong
        edge: cython.longlong
        n: cython.int
        if b[0].state == SYN_SENT:
            if (s[0].flags & ACK) and lt(b[0].isn, s[0].ack) and le(s[0].ack, b[0].snd_nxt):
                return SYN_SENT_GOOD
            return SYN_SENT_BAD
        if b[0].state == CLOSED or b[0].state == LISTEN:
            return AFTER_CLOSE
        if not (b[0].bits & RCV_KNOWN):
            return UNDECIDABLE
        d = diff(s[0].seq, b[0].rcv_nxt)
        if d == 0:
            return EXACT_UNACKED if (b[0].bits & ACKED) and b[0].last_ack != b[0].rcv_nxt else EXACT
        if row >= 0:
            n = self.details[row + side].n_holes
            if n > 0 and self.details[row + side].hole[2 * n - 1] == s[0].seq:
                return SACK_EDGE
        if d < 0:
            if d == -1 and (b[0].bits & FIN_RECEIVED):
                return FIN_MINUS_ONE
            return LAST_ACK if (b[0].bits & ACKED) and s[0].seq == b[0].last_ack else BELOW
        edge = b[0].window - (diff(b[0].rcv_nxt, b[0].last_ack) if b[0].bits & ACKED else 0)
        if d < edge or (d == edge and self.edge_inclusive[b[0].profile]):
            return IN_WINDOW
        return ABOVE

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def rst(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A RST from `side`: first what it does to the other end, then what it says of its sender."""
        self.endpoints[2 * flow + side].resets += 1
        self.set_bases(flow, side, s)
        self.reactive(flow, side, s)
        self.rst_received(flow, side, s)
        self.rst_sent(flow, side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def reactive(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Whether it answers the last segment towards `side`, which is no RST, as RFC 9293 section 3.10.7.1 says."""
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if (
            (b[0].bits & ACKED)
            and s[0].seq == b[0].last_ack
            and not (s[0].flags & ACK)
            and s[0].window == 0
            and s[0].options == 0
            and b[0].last_frame != b[0].rst_frame
            and self.endpoints[2 * flow + side].resets <= RST_ROWS
        ):
            self.note(REACTIVE, flow, side, s, 0, b[0].last_frame, s[0].ts_ns - b[0].last_ts_ns)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def rst_received(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The RST of `side` reaches the other end."""
        other: cython.int = 1 - side
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + other])
        where: cython.int = self.rst_class(flow, other, s)
        action: cython.int = self.rst_actions[b[0].profile, where]
        bits: cython.int = 0
        delta: cython.longlong = diff(s[0].seq, b[0].rcv_nxt) if b[0].bits & RCV_KNOWN else 0
        row: cython.longlong
        if where == SYN_SENT_GOOD:
            self.note(REFUSED, flow, side, s, 0, b[0].first_frame, 0)
        if action == OBEY:
            bits = OBEY_EXPECTED
        elif action == CHALLENGE:
            bits = CHALLENGE_EXPECTED
        if a[0].resets <= RST_ROWS:
            row = self.emit(RST, flow, other, side, s, b[0].state, where, bits, b[0].last_ack_frame, delta)
            if where != SYN_SENT_GOOD and where != SYN_SENT_BAD and where != AFTER_CLOSE and b[0].state != UNSEEN:
                self.expect(flow, other, s, row)
        if action == OBEY or (action == UNKNOWN and b[0].state != UNSEEN):
            b[0].bits |= RST_OBEYED
            self.enter(flow, other, side, s, self.after(b[0].state, RCV_RST), 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def rst_sent(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """What a RST says of its alleged sender: closed, presumed until it sends something else (see `alive`).

        In SYN-SENT it answers an ACK of something else, and the state stays (RFC 9293 section 3.10.7.3).
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        row: cython.longlong = self.flows[flow].detail
        if a[0].state == SYN_SENT:
            if row >= 0 and self.details[row + side].bad_ack_frame != 0:
                self.note(BAD_ACK_RST, flow, side, s, 0, self.details[row + side].bad_ack_frame, 0)
            return
        a[0].bits |= RST_SENT
        a[0].rst_frame = s[0].frame
        self.enter(flow, side, side, s, self.after(a[0].state, SND_RST), 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def alive(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """`side`, closed by a RST as we presumed, sends something other than a RST: was it so?

        Not when the segment can have been on its way before: within twice the path to the endpoint that obeyed, or
        within what a tap reorders for the endpoint that sent.
        """
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        row: cython.longlong = self.flows[flow].detail
        own: cython.bint = (e[0].bits & RST_SENT) != 0
        allowance: cython.longlong = UNKNOWN_PATH_NS
        since: cython.longlong = s[0].ts_ns - self.events[e[0].state_event].ts_ns
        ref: cython.uint = e[0].rst_frame
        if own:
            allowance = REORDERING_NS
        elif row >= 0:
            ref = self.details[row + side].pending_frame
            if self.details[row + side].rtt_count:
                allowance = 2 * self.details[row + side].rtt_min_ns + PATH_SLACK_NS
        if since <= allowance:
            return
        e[0].bits &= ~(RST_SENT | RST_OBEYED)
        self.withdraw(flow, side)
        self.note(ALIVE_AFTER_RST, flow, side, s, 1 if own else 0, ref, since)
