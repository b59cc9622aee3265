# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The walk: one segment after the other, in capture order, to its flow, its copies, and its checks.

Order of the checks: RFC 9293 section 3.10.7.4. What the segment says of its sender comes before what it does to the
receiver, because it was certainly sent.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Flag, Option, Origin
from tcpdiag.seqnum import add, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Standstill = uncompiled("standstill").Standstill
    packet_key, is_copy = uncompiled("copies").packet_key, uncompiled("copies").is_copy

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))
QUOTED = cython.declare(cython.int, int(Origin.QUOTED))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))
SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
ISN_KNOWN = cython.declare(cython.uint, int(EndpointBit.ISN_KNOWN))
HELD = cython.declare(cython.uint, int(EndpointBit.HELD))
SACK = cython.declare(cython.uint, int(Option.SACK))
SACK_PERMITTED = cython.declare(cython.uint, int(Option.SACK_PERMITTED))
TIMESTAMPS = cython.declare(cython.uint, int(Option.TIMESTAMPS))
UNPARSABLE = cython.declare(cython.uint, int(Option.UNPARSABLE))
OPTION_UNAGREED = cython.declare(cython.int, int(EventKind.OPTION_UNAGREED))
ICMP_ERROR = cython.declare(cython.int, int(EventKind.ICMP_ERROR))
SATURATED = cython.declare(cython.int, 65535)
ICMP_ROWS = cython.declare(cython.int, 64)
ROOM_EVENTS = cython.declare(cython.longlong, 32)
ROOM_DETAILS = cython.declare(cython.longlong, 2)


@cython.cclass
class Walk(Standstill):
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
        if s[0].payload_len == 0 and not (s[0].flags & (SYN | FIN)):
            self.standstill(flow, side, s)
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
            self.note(ICMP_ERROR, flow, self.side, s, s[0].icmp_type, 0, s[0].icmp_code)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def copy(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether the capture holds this very packet a second time: counted, no more."""
        key: cython.ulonglong = packet_key(flow * 2 + side, s)
        at: cython.longlong = cython.cast(cython.longlong, key) & (self.seen_key.shape[0] - 1)
        same: cython.bint = self.seen_key[at] == key and is_copy(
            s, s[0].ts_ns - self.seen_ts_ns[at], self.flows[flow].copies > 0
        )
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
    def option_used(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """`side` uses an option for the first time: told when the SYNs that came to the tap had not agreed on it.

        RFC 7323 section 3.2 and RFC 2018 section 2 let it be used only after both SYNs had it.
        """
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        agreed: cython.uint = a[0].options & b[0].options
        new: cython.uint = s[0].options & ~cython.cast(cython.uint, d[0].options_sent)
        unagreed: cython.uint = new & TIMESTAMPS & ~agreed
        d[0].options_sent |= s[0].options
        if not (agreed & SACK_PERMITTED):
            unagreed |= new & SACK
        if not unagreed or (a[0].bits | b[0].bits) & HELD or (a[0].options | b[0].options) & UNPARSABLE:
            return
        if a[0].bits & b[0].bits & ISN_KNOWN:
            self.note(OPTION_UNAGREED, flow, side, s, unagreed, 0, 0)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def transfer(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """A segment of the connection itself: probe, ACK, text, window."""
        row: cython.longlong = self.flows[flow].detail
        d: cython.pointer[Detail] = cython.address(self.details[row + side])
        before: cython.uint = self.endpoints[2 * flow + side].snd_nxt
        last_ack: cython.uint = self.endpoints[2 * flow + side].last_ack
        probe: cython.bint
        if (s[0].options & ~d[0].options_sent) != 0:
            self.option_used(flow, side, s)
        self.answered(flow, side, s)
        if d[0].pending_ts_ns != 0:
            self.challenged(flow, side, s)
        probe = self.probe(flow, side, s)
        if (s[0].flags & ACK) and not self.acknowledge(flow, side, s):
            return
        if s[0].n_sack:
            self.sacked(flow, side, s)
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
        elif not probe and lt(s[0].seq, add(before, -1)) and (s[0].flags & ACK):
            self.seq_back(flow, side, s, last_ack)
        if s[0].flags & ACK:
            self.advertise(flow, side, s)
