# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Opening: SYN and SYN-ACK, simultaneous open, and what a 4-tuple remembers of the flow before.

A SYN on a 4-tuple whose other end may still hold the earlier connection does not reach a fresh socket: that end keeps
the state and the numbers that it had (`EndpointBit.HELD`) until its own SYN-ACK shows otherwise.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import EndpointBit, FlowBit
from tcpdiag.model.segment import Flag, Option
from tcpdiag.model.states import State
from tcpdiag.seqnum import add, diff, lt
from tcpdiag.tcp.profiles import LINUX as _LINUX
from tcpdiag.tcp.profiles import STRICT as _STRICT
from tcpdiag.tcp.states import TcpEvent

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Lookup = uncompiled("lookup").Lookup

UNSEEN = cython.declare(cython.int, int(State.UNSEEN))
MIDSTREAM = cython.declare(cython.int, int(State.MIDSTREAM))
CLOSED = cython.declare(cython.int, int(State.CLOSED))
LISTEN = cython.declare(cython.int, int(State.LISTEN))
SYN_SENT = cython.declare(cython.int, int(State.SYN_SENT))
SYN_RECEIVED = cython.declare(cython.int, int(State.SYN_RECEIVED))
ESTABLISHED = cython.declare(cython.int, int(State.ESTABLISHED))
TIME_WAIT = cython.declare(cython.int, int(State.TIME_WAIT))

SND_SYN = cython.declare(cython.int, int(TcpEvent.SND_SYN))
SND_SYN_ACK = cython.declare(cython.int, int(TcpEvent.SND_SYN_ACK))
RCV_SYN = cython.declare(cython.int, int(TcpEvent.RCV_SYN))
RCV_ACK_OF_SYN = cython.declare(cython.int, int(TcpEvent.RCV_ACK_OF_SYN))

ROLES_KNOWN = cython.declare(cython.int, int(FlowBit.ROLES_KNOWN))
CLIENT_IS_1 = cython.declare(cython.int, int(FlowBit.CLIENT_IS_1))
SIMULTANEOUS_OPEN = cython.declare(cython.int, int(FlowBit.SIMULTANEOUS_OPEN))

ISN_KNOWN = cython.declare(cython.uint, int(EndpointBit.ISN_KNOWN))
SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
SCALE_KNOWN = cython.declare(cython.uint, int(EndpointBit.SCALE_KNOWN))
SYN_ACKED = cython.declare(cython.uint, int(EndpointBit.SYN_ACKED))
DOUBTED = cython.declare(cython.uint, int(EndpointBit.DOUBTED))
TS_RECENT = cython.declare(cython.uint, int(EndpointBit.TS_RECENT))
HELD = cython.declare(cython.uint, int(EndpointBit.HELD))
BASE_SET = cython.declare(cython.uint, int(EndpointBit.BASE_SET))

FIN = cython.declare(cython.int, int(Flag.FIN))
ACK = cython.declare(cython.int, int(Flag.ACK))
OPTION_WSCALE = cython.declare(cython.int, int(Option.WSCALE))
OPTION_SACK_PERMITTED = cython.declare(cython.int, int(Option.SACK_PERMITTED))
UNPARSABLE = cython.declare(cython.int, int(Option.UNPARSABLE))
OPTION_MSS = cython.declare(cython.int, int(Option.MSS))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))
OPTIONS_TOLD = cython.declare(cython.int, 0xFF)  # room of Event.detail

SYN_REPEATED = cython.declare(cython.int, int(EventKind.SYN_REPEATED))
SYN_IN_CONNECTION = cython.declare(cython.int, int(EventKind.SYN_IN_CONNECTION))
BAD_ACK = cython.declare(cython.int, int(EventKind.BAD_ACK))
STALE_ECHO = cython.declare(cython.int, int(EventKind.STALE_ECHO))
CERTAIN = cython.declare(cython.int, int(EventBit.CERTAIN))
CARRIED = cython.declare(cython.int, int(EventBit.CARRIED))
CHALLENGE_EXPECTED = cython.declare(cython.int, int(EventBit.CHALLENGE_EXPECTED))

LINUX = cython.declare(cython.int, int(_LINUX))
STRICT = cython.declare(cython.int, int(_STRICT))
NO_SCALE = cython.declare(cython.int, 255)
SYN_ROWS = cython.declare(cython.int, 64)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def guess_profile(s: cython.pointer[Segment]) -> cython.int:
    """Linux where its SYN says so, else strict: TTL 64, SACK, and a window that is not the 65535 of the BSDs.

    Linux offers a whole number of segments (tcp_select_initial_window); FreeBSD and macOS offer 65535, and Windows
    starts at TTL 128. A version cannot be seen: current Linux is meant.
    """
    if (
        s[0].ttl <= 64
        and s[0].ttl > 32
        and s[0].window != 65535
        and (s[0].options & OPTION_SACK_PERMITTED)
        and (s[0].options & OPTION_MSS)
    ):
        return LINUX
    return STRICT


@cython.cclass
class Handshake(Lookup):
    """SYN and SYN-ACK."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def note_syn(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Numbers and options of an endpoint's own SYN or SYN-ACK."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        a[0].isn = s[0].seq
        a[0].snd_una = s[0].seq
        a[0].snd_nxt = add(s[0].seq, 1 + cython.cast(cython.longlong, s[0].payload_len))
        a[0].bits |= ISN_KNOWN | SND_KNOWN | BASE_SET
        a[0].options = s[0].options
        a[0].mss = s[0].mss
        a[0].syn_window = s[0].window
        a[0].window = s[0].window
        a[0].wscale = s[0].wscale if (s[0].options & OPTION_WSCALE) else NO_SCALE
        a[0].profile = self.forced_profile if self.forced_profile >= 0 else guess_profile(s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def syn(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A SYN without ACK."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if a[0].bits & ISN_KNOWN:
            self.repeated(flow, side, s)
            return
        if (a[0].bits & BASE_SET) and a[0].state != UNSEEN and a[0].state != CLOSED:
            # Captured after segments that it preceded: the options count, the state is past it.
            nxt: cython.uint = a[0].snd_nxt
            una: cython.uint = a[0].snd_una
            self.note_syn(flow, side, s)
            a[0].snd_nxt = nxt
            a[0].snd_una = una
            self.flows[flow].bits |= ROLES_KNOWN
            self.settle_scale(a, b)
            return
        if b[0].state == SYN_SENT:
            self.flows[flow].bits |= SIMULTANEOUS_OPEN
            self.note_syn(flow, side, s)
            self.syn_sent(flow, side, s)
            b[0].rcv_nxt = add(s[0].seq, 1)
            b[0].bits |= RCV_KNOWN
            self.enter(flow, 1 - side, side, s, self.after(b[0].state, RCV_SYN), 0)
            return
        self.open_first(flow, side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def open_first(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The SYN that opens a flow: its sender is the client. The other end may hold the earlier connection."""
        f: cython.longlong = flow
        self.flows[f].bits |= ROLES_KNOWN
        if side:
            self.flows[f].bits |= CLIENT_IS_1
        self.note_syn(flow, side, s)
        self.syn_sent(flow, side, s)
        if self.flows[f].previous >= 0:
            self.carry(flow, 1 - side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def syn_sent(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """`side` sends a SYN; its TSval is kept, for what the answer echoes."""
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        self.enter(flow, side, side, s, self.after(e[0].state, SND_SYN), CERTAIN)
        if e[0].state == SYN_SENT and e[0].state_frame == s[0].frame:
            self.events[e[0].state_event].value = s[0].tsval if s[0].options & TIMESTAMPS else -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def stale_echo(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The peer's SYN is answered by a bare ACK of an older connection: it echoes when that was last heard.

        RFC 7323 section 4.3: TSecr is the TSval of the last segment taken in order, and a SYN is none. Linux keeps the
        clock of one 4-tuple from one connection to the next (RFC 6528, RFC 7323 section 5.4), so they can be compared.
        """
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        sent: cython.longlong = self.events[b[0].state_event].value
        if b[0].state != SYN_SENT or sent < 0 or s[0].payload_len or (s[0].flags & (FIN | ACK)) != ACK:
            return
        if s[0].options & TIMESTAMPS:
            self.note(STALE_ECHO, flow, side, s, 0, b[0].state_frame, diff(cython.cast(cython.uint, sent), s[0].tsecr))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def inherit(self, flow: cython.longlong, side: cython.int) -> cython.void:
        """Let `side` have the numbers and window that the flow before left it with."""
        previous: cython.longlong = self.flows[flow].previous
        old: cython.pointer[Endpoint] = cython.address(
            self.endpoints[2 * previous + self.same_side(flow, previous, side)]
        )
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        e[0].snd_una = old[0].snd_una
        e[0].snd_nxt = old[0].snd_nxt
        e[0].rcv_nxt = old[0].rcv_nxt
        e[0].last_ack = old[0].last_ack
        e[0].last_ack_frame = old[0].last_ack_frame
        e[0].fin_seq = old[0].fin_seq
        e[0].fin_frame = old[0].fin_frame
        e[0].window = old[0].window
        e[0].wscale = old[0].wscale
        e[0].profile = old[0].profile
        e[0].state_frame = old[0].state_frame
        e[0].bits = (old[0].bits & ~(BASE_SET | ISN_KNOWN | TS_RECENT)) | HELD | (e[0].bits & BASE_SET)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def carry(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The SYN in hand reaches `side`: if that still holds the earlier connection, it keeps it.

        RFC 9293 section 3.10.7.4 with RFC 5961 section 4: a SYN in a synchronized state is challenged. In TIME-WAIT a
        newer one opens the next incarnation (section 3.6.1 MAY-2), which its SYN-ACK will show.
        """
        previous: cython.longlong = self.flows[flow].previous
        old: cython.pointer[Endpoint] = cython.address(
            self.endpoints[2 * previous + self.same_side(flow, previous, side)]
        )
        state: cython.int = old[0].state
        entered: cython.uint = old[0].state_frame
        row: cython.longlong
        if state == UNSEEN or state == CLOSED or state == LISTEN or state == SYN_SENT or state == TIME_WAIT:
            return
        self.inherit(flow, side)
        self.enter(flow, side, 1 - side, s, state, CARRIED)
        self.endpoints[2 * flow + side].state_frame = entered
        row = self.emit(SYN_IN_CONNECTION, flow, side, 1 - side, s, state, 0, CHALLENGE_EXPECTED, entered, previous)
        self.expect(flow, side, s, row)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def renew(self, flow: cython.longlong, side: cython.int) -> cython.void:
        """`side` does not hold the earlier connection after all: forget what it had of it."""
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        e[0].bits &= BASE_SET
        e[0].wscale = NO_SCALE
        e[0].fin_frame = 0
        e[0].last_ack_frame = 0
        e[0].last_ack = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def syn_ack(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A SYN with ACK."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        late: cython.bint = False
        if (self.flows[flow].bits & SIMULTANEOUS_OPEN) and (b[0].state == SYN_SENT or b[0].state == SYN_RECEIVED):
            # The SYN again, now acknowledging the other one (RFC 9293 section 3.5, Figure 7).
            self.enter(flow, side, side, s, self.after(a[0].state, SND_SYN_ACK), CERTAIN)
        elif (a[0].bits & ISN_KNOWN) and (a[0].isn == s[0].seq or b[0].state != SYN_SENT):
            self.repeated(flow, side, s)
            return
        else:
            late = (a[0].bits & BASE_SET) != 0 and not (a[0].bits & HELD) and b[0].state != SYN_SENT
            nxt: cython.uint = a[0].snd_nxt
            una: cython.uint = a[0].snd_una
            if a[0].bits & HELD:
                self.renew(flow, side)
            self.note_syn(flow, side, s)
            if late:
                a[0].snd_nxt = nxt
                a[0].snd_una = una
            else:
                self.enter(flow, side, side, s, SYN_RECEIVED, CERTAIN)
        if not late:
            a[0].rcv_nxt = s[0].ack
            a[0].last_ack = s[0].ack
            a[0].last_ack_frame = s[0].frame
            a[0].bits |= RCV_KNOWN | ACKED
        if not (self.flows[flow].bits & ROLES_KNOWN):
            self.flows[flow].bits |= ROLES_KNOWN
            self.flows[flow].bits &= ~CLIENT_IS_1
            if side == 0:
                self.flows[flow].bits |= CLIENT_IS_1
        self.settle_scale(a, b)
        if not late:
            self.accept_syn_ack(flow, side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def accept_syn_ack(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """What the SYN-ACK does to the endpoint that it reaches (RFC 9293 section 3.10.7.3)."""
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        state: cython.int = b[0].state
        if not (b[0].bits & BASE_SET) or b[0].bits & HELD:
            # Its SYN was not captured; the SYN-ACK tells its number.
            b[0].isn = add(s[0].ack, -1)
            b[0].snd_nxt = s[0].ack
            b[0].bits = (b[0].bits | SND_KNOWN | BASE_SET) & ~HELD
            state = SYN_SENT
        elif not lt(b[0].isn, s[0].ack) or lt(b[0].snd_nxt, s[0].ack):
            self.expect(
                flow,
                1 - side,
                s,
                self.emit(
                    BAD_ACK, flow, 1 - side, side, s, state, 0, CHALLENGE_EXPECTED, 0, diff(s[0].ack, b[0].snd_nxt)
                ),
            )
            return
        b[0].snd_una = s[0].ack
        b[0].rcv_nxt = add(s[0].seq, 1 + cython.cast(cython.longlong, s[0].payload_len))
        b[0].bits |= RCV_KNOWN | SYN_ACKED
        state = self.after(self.after(state, RCV_SYN), RCV_ACK_OF_SYN)
        self.enter(flow, 1 - side, side, s, state, 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def settle_scale(self, a: cython.pointer[Endpoint], b: cython.pointer[Endpoint]) -> cython.void:
        """Both SYNs are seen: scaling is used when both offer it (RFC 7323 section 2.2).

        Where the capture cuts the options of one off, nobody knows whether it did.
        """
        cut_a: cython.bint = a[0].wscale == NO_SCALE and (a[0].options & UNPARSABLE) != 0
        cut_b: cython.bint = b[0].wscale == NO_SCALE and (b[0].options & UNPARSABLE) != 0
        if (a[0].bits & ISN_KNOWN) and (b[0].bits & ISN_KNOWN) and not cut_a and not cut_b:
            if a[0].wscale == NO_SCALE or b[0].wscale == NO_SCALE:
                a[0].wscale = NO_SCALE
                b[0].wscale = NO_SCALE
            a[0].bits |= SCALE_KNOWN
            b[0].bits |= SCALE_KNOWN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def repeated(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The same SYN or SYN-ACK again.

        A SYN-ACK repeated although the peer's ACK was captured shows that its sender dropped that ACK: it is still
        in SYN-RECEIVED (a full accept queue does that on Linux), and only its own segments can prove more.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        since_ns: cython.longlong = s[0].ts_ns - a[0].first_ts_ns
        row: cython.longlong
        if a[0].syns <= SYN_ROWS:
            row = self.note(SYN_REPEATED, flow, side, s, s[0].options & OPTIONS_TOLD, a[0].first_frame, since_ns)
            if self.endpoints[2 * flow + 1 - side].bits & HELD:
                self.expect(flow, 1 - side, s, row)
        if a[0].state == CLOSED and not (s[0].flags & ACK):
            # Refused, and tried again with the same number, as Windows does.
            self.syn_sent(flow, side, s)
        if (
            a[0].state == ESTABLISHED
            and a[0].state_before == SYN_RECEIVED
            and not (self.events[a[0].state_event].bits & CERTAIN)
        ):
            self.withdraw(flow, side)
            a[0].bits |= DOUBTED
