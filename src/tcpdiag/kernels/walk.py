# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The walk: one segment after the other, in capture order, to its flow, its copies, and its checks.

Order of the checks: RFC 9293 section 3.10.7.4. What the segment says of its sender comes before what it does to the
receiver, because it was certainly sent.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import CORRUPTED_SHARE as _CORRUPTED_SHARE
from tcpdiag.model.flow import EndpointBit, FlowBit
from tcpdiag.model.segment import Checksum, Flag, Origin
from tcpdiag.model.states import State
from tcpdiag.seqnum import add, diff, lt
from tcpdiag.tcp.states import TcpEvent

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Probes = uncompiled("probes").Probes

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
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))
QUOTED = cython.declare(cython.int, int(Origin.QUOTED))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))
CHECKSUM_BAD = cython.declare(cython.int, int(Checksum.BAD))
CHECKSUM_PARTIAL = cython.declare(cython.int, int(Checksum.PARTIAL))

ROLES_KNOWN = cython.declare(cython.int, int(FlowBit.ROLES_KNOWN))
CLIENT_IS_1 = cython.declare(cython.int, int(FlowBit.CLIENT_IS_1))
FLOW_MIDSTREAM = cython.declare(cython.int, int(FlowBit.MIDSTREAM))
ISN_KNOWN = cython.declare(cython.uint, int(EndpointBit.ISN_KNOWN))
SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
FIN_SENT = cython.declare(cython.uint, int(EndpointBit.FIN_SENT))
SENT_TEXT = cython.declare(cython.uint, int(EndpointBit.SENT_TEXT))
FIN_ACKED = cython.declare(cython.uint, int(EndpointBit.FIN_ACKED))
SYN_ACKED = cython.declare(cython.uint, int(EndpointBit.SYN_ACKED))
HELD = cython.declare(cython.uint, int(EndpointBit.HELD))
BASE_SET = cython.declare(cython.uint, int(EndpointBit.BASE_SET))
RST_SENT = cython.declare(cython.uint, int(EndpointBit.RST_SENT))
RST_OBEYED = cython.declare(cython.uint, int(EndpointBit.RST_OBEYED))
BY_RST = cython.declare(cython.uint, int(EndpointBit.RST_SENT | EndpointBit.RST_OBEYED))

ICMP_ERROR = cython.declare(cython.int, int(EventKind.ICMP_ERROR))
SYN_IN_CONNECTION = cython.declare(cython.int, int(EventKind.SYN_IN_CONNECTION))
CHALLENGE_ACK = cython.declare(cython.int, int(EventKind.CHALLENGE_ACK))
CERTAIN = cython.declare(cython.int, int(EventBit.CERTAIN))
CARRIED = cython.declare(cython.int, int(EventBit.CARRIED))
CHALLENGED = cython.declare(cython.int, int(EventBit.CHALLENGED))

CORRUPTED_SHARE = cython.declare(cython.uint, _CORRUPTED_SHARE)
SATURATED = cython.declare(cython.int, 65535)
ICMP_ROWS = cython.declare(cython.int, 64)
ROOM_EVENTS = cython.declare(cython.longlong, 32)
ROOM_DETAILS = cython.declare(cython.longlong, 2)
U64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
MULTIPLIER = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
# The same IP ID again within this time is the same packet; stacks count it up (RFC 6864 section 4).
COPY_NS = cython.declare(cython.longlong, 100_000_000)
# Without an IP ID only what no stack repeats so soon: RFC 6298 section 2.4 keeps retransmissions a second apart.
COPY_WITHOUT_ID_NS = cython.declare(cython.longlong, 1_000_000)
# Numbers this close to an old connection's are its own; a new one's are chosen at random (RFC 6528).
SAME_CONNECTION = cython.declare(cython.longlong, 1 << 24)


@cython.cclass
class Walk(Probes):
    """The tracker's kernel."""

    def use_memory(self, seen_key: object, seen_ts_ns: object) -> None:
        """Arrays (u8 and i8, a power of two long) that remember the latest packets, to recognise copies."""
        self.seen_key = seen_key
        self.seen_ts_ns = seen_ts_ns

    def feed(self, segments: object, start: cython.longlong) -> int:
        """Track `segments[start:]`; returns the number of the first that found no room in the tables."""
        i: cython.longlong = start
        self.segments = segments
        n: cython.longlong = self.segments.shape[0]
        flows: cython.longlong = self.flows.shape[0]
        details: cython.longlong = self.details.shape[0]
        events: cython.longlong = self.events.shape[0]
        with cython.nogil:
            while i < n:
                if (
                    self.n_flows >= flows
                    or self.n_details + ROOM_DETAILS > details
                    or self.n_events + ROOM_EVENTS > events
                ):
                    break
                self.segment(cython.address(self.segments[i]))
                i += 1
        return i

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def segment(self, s: cython.pointer[Segment]) -> cython.void:
        """One segment."""
        if s[0].origin & QUOTED:
            self.quoted(s)
            return
        flow: cython.longlong = self.find(s)
        side: cython.int
        if flow < 0 or self.opens_new(flow, s):
            flow = self.new_flow(s, flow)
        side = self.side
        if self.copy(flow, side, s):
            return
        self.count(flow, side, s)
        if s[0].origin & HEADER_TRUNCATED:
            # Ports and flags, but no sound header behind them: numbered and counted, not judged.
            return
        if s[0].flags & RST:
            self.rst(flow, side, s)
        elif s[0].flags & SYN:
            if s[0].flags & ACK:
                self.syn_ack(flow, side, s)
            else:
                self.syn(flow, side, s)
        else:
            if self.begin_detail(flow, side, s) and self.appear(flow, side, s):
                self.transfer(flow, side, s)
        self.endpoints[2 * flow + side].last_frame = s[0].frame
        self.endpoints[2 * flow + side].last_ts_ns = s[0].ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def quoted(self, s: cython.pointer[Segment]) -> cython.void:
        """The header inside an ICMP error: an event of the flow that it belongs to.

        Wireshark numbers a stream for a quoted header that is long enough, even when it is the first of its 4-tuple.
        """
        flow: cython.longlong = self.find(s)
        if flow < 0:
            if s[0].origin & HEADER_TRUNCATED:
                return
            flow = self.new_flow(s, -1)
        elif self.opens_new(flow, s):
            flow = self.new_flow(s, flow)
        if not (s[0].origin & HEADER_TRUNCATED):
            self.set_bases(flow, self.side, s)
        if self.flows[flow].last_frame == 0:
            self.flows[flow].last_frame = s[0].frame
            self.flows[flow].last_ts_ns = s[0].ts_ns
        if self.flows[flow].icmp_errors < SATURATED:
            self.flows[flow].icmp_errors += 1
        if self.flows[flow].icmp_errors <= ICMP_ROWS:
            self.emit(
                ICMP_ERROR,
                flow,
                self.side,
                self.side,
                s,
                self.endpoints[2 * flow + self.side].state,
                s[0].icmp_type,
                CERTAIN,
                0,
                s[0].icmp_code,
            )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def copy(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether the capture holds this very packet a second time (a mirror, several interfaces): counted, no more.

        With an IP ID that is all: same header, same ID. Without one (IPv6, or ID 0) a bare ACK or a RST may well be
        sent twice; they count as copies only in a flow that is known to have copies.
        """
        key: cython.ulonglong = (cython.cast(cython.ulonglong, flow) * 2 + side) & U64
        at: cython.longlong
        since: cython.longlong
        same: cython.bint = False
        key = ((key ^ s[0].seq) * MULTIPLIER) & U64
        key = (((key ^ (key >> 29)) + s[0].ack) * MULTIPLIER) & U64
        key = (
            ((key ^ (key >> 31)) + s[0].payload_len + (cython.cast(cython.ulonglong, s[0].flags) << 32)) * MULTIPLIER
        ) & U64
        key = (
            ((key ^ (key >> 30)) + s[0].tsval + (cython.cast(cython.ulonglong, s[0].window) << 32)) * MULTIPLIER
        ) & U64
        key = (
            ((key ^ (key >> 29)) + s[0].ip_id + (cython.cast(cython.ulonglong, s[0].sack[0]) << 16)) * MULTIPLIER
        ) & U64
        key ^= key >> 32
        at = cython.cast(cython.longlong, key) & (self.seen_key.shape[0] - 1)
        if self.seen_key[at] == key:
            since = s[0].ts_ns - self.seen_ts_ns[at]
            if s[0].ip_id != 0:
                same = since <= COPY_NS
            elif since <= COPY_WITHOUT_ID_NS:
                same = (
                    s[0].payload_len > 0 or (s[0].flags & (SYN | FIN)) != 0 or self.flows[flow].copies > 0
                ) and not (s[0].flags & RST and self.flows[flow].copies == 0)
        self.seen_key[at] = key
        self.seen_ts_ns[at] = s[0].ts_ns
        if same:
            self.flows[flow].copies += 1
            self.endpoints[2 * flow + side].packets += 1
            self.flows[flow].last_frame = s[0].frame
            self.flows[flow].last_ts_ns = s[0].ts_ns
        return same

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def count(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """What is counted of every segment, whatever it does."""
        f: cython.pointer[Flow] = cython.address(self.flows[flow])
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        f[0].last_frame = s[0].frame
        f[0].last_ts_ns = s[0].ts_ns
        if a[0].last_frame == 0:
            a[0].first_frame = s[0].frame
            a[0].first_ts_ns = s[0].ts_ns
            a[0].ttl = s[0].ttl
            a[0].ttl_min = s[0].ttl
            a[0].ttl_max = s[0].ttl
        elif not (s[0].flags & RST):
            # A RST may be somebody else's: the range is what it is compared with.
            if s[0].ttl < a[0].ttl_min:
                a[0].ttl_min = s[0].ttl
            if s[0].ttl > a[0].ttl_max:
                a[0].ttl_max = s[0].ttl
        a[0].packets += 1
        a[0].bytes += s[0].payload_len
        if (s[0].flags & SYN) and a[0].syns < SATURATED:
            a[0].syns += 1

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
        self.emit(CHALLENGE_ACK, flow, side, side, s, MIDSTREAM, 0, CERTAIN, b[0].last_frame, since)
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
        distance: cython.longlong = diff(s[0].seq, old[0].snd_nxt)
        if not (old[0].bits & SND_KNOWN) or distance > SAME_CONNECTION or distance < -SAME_CONNECTION:
            return False
        if old[0].state == CLOSED or old[0].state == UNSEEN:
            return False
        self.inherit(flow, side)
        self.endpoints[2 * flow + side].bits &= ~HELD
        self.endpoints[2 * flow + 1 - side].bits &= ~HELD
        self.enter(flow, side, side, s, old[0].state, CERTAIN | CARRIED)
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def transfer(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A segment of the connection itself: probe, ACK, text, window."""
        row: cython.longlong = self.flows[flow].detail
        d: cython.pointer[Detail] = cython.address(self.details[row + side])
        before: cython.uint = self.endpoints[2 * flow + side].snd_nxt
        probe: cython.bint
        self.answered(flow, side, s)
        if d[0].pending_ts_ns != 0:
            self.challenged(flow, side, s)
        probe = self.probe(flow, side, s)
        if (s[0].flags & ACK) and not self.acknowledge(flow, side, s):
            return
        if not probe and (s[0].payload_len or (s[0].flags & FIN)):
            self.text(flow, side, s)
            if s[0].payload_len:
                if before != self.endpoints[2 * flow + side].snd_nxt:
                    self.beat(flow, side, s)
                d[0].last_text_ts_ns = s[0].ts_ns
        elif not (self.endpoints[2 * flow + side].bits & SND_KNOWN):
            self.endpoints[2 * flow + side].snd_nxt = s[0].seq
            self.endpoints[2 * flow + side].snd_una = s[0].seq
            self.endpoints[2 * flow + side].bits |= SND_KNOWN
        if s[0].flags & ACK:
            self.advertise(flow, side, s)
