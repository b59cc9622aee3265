# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The verdicts of our own: one segment after the other, in capture order."""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import ConversationBit, WatchBit
from tcpdiag.model.segment import Flag, Origin
from tcpdiag.model.verdict import Completeness, Fact
from tcpdiag.seqnum import add, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Acks, duplicate_sack = uncompiled("verdict_acks").Acks, uncompiled("verdict_acks").duplicate_sack
    sacks_more = uncompiled("verdict_acks").sacks_more
    completes = uncompiled("wireshark").completes
    packet_key, is_copy = uncompiled("copies").packet_key, uncompiled("copies").is_copy

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))

LOST_SEGMENT = cython.declare(cython.uint, int(Fact.LOST_SEGMENT))
ZERO_WINDOW = cython.declare(cython.uint, int(Fact.ZERO_WINDOW))
REUSED_PORTS = cython.declare(cython.uint, int(Fact.REUSED_PORTS))
CHALLENGE_ACK = cython.declare(cython.uint, int(Fact.CHALLENGE_ACK))
COPY = cython.declare(cython.uint, int(Fact.COPY))
HAS_SYN = cython.declare(cython.int, int(Completeness.SYN))
HAS_DATA = cython.declare(cython.int, int(Completeness.DATA))

SND_KNOWN = cython.declare(cython.int, int(WatchBit.SND_KNOWN))
ACKED = cython.declare(cython.int, int(WatchBit.ACKED))
ISN_KNOWN = cython.declare(cython.int, int(WatchBit.ISN_KNOWN))
APPEARED = cython.declare(cython.int, int(WatchBit.APPEARED))
WINDOW_KNOWN = cython.declare(cython.int, int(WatchBit.WINDOW_KNOWN))

BEGUN = cython.declare(cython.int, int(ConversationBit.BEGUN))
REUSED = cython.declare(cython.int, int(ConversationBit.REUSED))
SYN_BY_1 = cython.declare(cython.int, int(ConversationBit.SYN_BY_1))
COPIES = cython.declare(cython.int, int(ConversationBit.COPIES))


@cython.cclass
class Verdicts(Acks):
    """State of all flows that are judged, and the order of the rules."""

    def bind(self, conversations: object, watches: object, flights: object) -> None:
        """One row a flow; two, by side, of the others."""
        self.conversations = conversations
        self.watches = watches
        self.flights = flights

    def use_memory(self, seen_key: object, seen_ts_ns: object, seen_frame: object) -> None:
        """Arrays (u8, i8, u4, a power of two long) that remember the latest packets, to recognise copies."""
        self.seen_key = seen_key
        self.seen_ts_ns = seen_ts_ns
        self.seen_frame = seen_frame

    def judge(
        self,
        segments: Segment[::1],
        flows: cython.longlong[::1],
        sides: cython.uchar[::1],
        challenged: cython.uint[::1],
        verdicts: Verdict[::1],
    ) -> None:
        """Judge these segments, which follow those judged before.

        flows: row of the flow of each, below `len(conversations)`; sides: of its sender, 0 or 1; challenged: the frame
        that it challenges, 0: it is no challenge ACK.
        """
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = segments.shape[0]
        with cython.nogil:
            for i in range(n):
                self.segment(
                    flows[i], sides[i], challenged[i], cython.address(segments[i]), cython.address(verdicts[i])
                )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def segment(
        self,
        flow: cython.longlong,
        side: cython.int,
        challenged: cython.uint,
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """One segment: what is no word of its sender in this connection comes first."""
        c: cython.pointer[Conversation] = cython.address(self.conversations[flow])
        if not (s[0].origin & HEADER_TRUNCATED):
            v[0].cause_frame = self.copied(c, 2 * flow + side, s)
            if v[0].cause_frame:
                v[0].facts |= COPY
            else:
                if not (c[0].bits & BEGUN) and c[0].bits & REUSED:
                    v[0].facts |= REUSED_PORTS
                c[0].bits |= BEGUN
                c[0].completeness |= completes(s)
                self.handshake(c, side, s)
                if challenged and not sacks_more(cython.address(self.watches[2 * flow + side]), s):
                    v[0].facts |= CHALLENGE_ACK
                    v[0].cause_frame = challenged
                    if duplicate_sack(s):
                        self.needless(cython.address(self.watches[2 * flow + 1 - side]), s, v)
                elif s[0].flags & RST:
                    self.refused(cython.address(self.flights[2 * flow + 1 - side]), s, v)
                else:
                    self.judged(flow, side, s, v)
        v[0].completeness = c[0].completeness
        v[0].initial_rtt_ns = c[0].first_rtt_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def judged(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """A segment of the connection itself: SYN, probe, ACK, text."""
        a: cython.pointer[Watch] = cython.address(self.watches[2 * flow + side])
        b: cython.pointer[Watch] = cython.address(self.watches[2 * flow + 1 - side])
        probe: cython.bint = False
        if s[0].flags & SYN:
            self.syn(a, s, v)
        else:
            if s[0].window == 0 and not (s[0].flags & FIN):
                v[0].facts |= ZERO_WINDOW
            probe = self.probe(a, b, s, v)
        if s[0].flags & ACK:
            self.acks(a, b, cython.address(self.flights[2 * flow + 1 - side]), s, v)
        b[0].keepalive_frame = 0
        b[0].probe_frame = 0
        if not probe:
            if s[0].payload_len > 0 or s[0].flags & (SYN | FIN):
                self.text(a, b, cython.address(self.flights[2 * flow + side]), s, v)
            else:
                self.empty(a, b, s, v)
        a[0].bits |= APPEARED

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def syn(self, a: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]) -> cython.void:
        """A SYN or SYN-ACK: the first one, the same again, or with another number."""
        if not (a[0].bits & ISN_KNOWN) or s[0].seq == a[0].first:
            if a[0].bits & SND_KNOWN and not (a[0].bits & (ISN_KNOWN | APPEARED)):
                a[0].first = s[0].seq
        elif s[0].flags & ACK and a[0].bits & APPEARED:
            v[0].facts |= REUSED_PORTS
            a[0].bits &= ~(SND_KNOWN | ACKED)
        a[0].bits |= ISN_KNOWN
        if not (s[0].flags & ACK):
            a[0].window = s[0].window
            a[0].bits |= WINDOW_KNOWN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def empty(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """A segment without text: its number tells what its sender has used, if it lies in the peer's window."""
        if not (a[0].bits & SND_KNOWN):
            a[0].bits |= SND_KNOWN
            a[0].first = s[0].seq
            a[0].snd_nxt = s[0].seq
            a[0].contiguous = s[0].seq
        elif lt(a[0].snd_nxt, s[0].seq):
            v[0].facts |= LOST_SEGMENT
            if not (b[0].bits & WINDOW_KNOWN) or le(s[0].seq, add(b[0].last_ack, b[0].window)):
                if a[0].contiguous == a[0].snd_nxt:
                    a[0].hole_ts_ns = s[0].ts_ns
                a[0].snd_nxt = s[0].seq
                a[0].newest_ts_ns = s[0].ts_ns
                a[0].newest_tsval = s[0].tsval
                a[0].ip_id_run = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def handshake(self, c: cython.pointer[Conversation], side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The initial RTT: from the newest SYN to the first ACK of its sender that is no SYN and no RST."""
        if (s[0].flags & (SYN | ACK)) == SYN:
            c[0].syn_ts_ns = s[0].ts_ns
            c[0].bits = (c[0].bits | SYN_BY_1) if side else (c[0].bits & ~SYN_BY_1)
        elif (s[0].flags & (SYN | ACK | RST)) == ACK and c[0].syn_ts_ns != 0 and c[0].first_rtt_ns == 0:
            if side == (1 if c[0].bits & SYN_BY_1 else 0):
                c[0].first_rtt_ns = s[0].ts_ns - c[0].syn_ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def refused(
        self, theirs: cython.pointer[Flight], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """A RST may answer a segment. Nothing else that it says is taken from it: it may be forged."""
        place: cython.uint = theirs[0].newest
        if not (s[0].flags & ACK) or not place or self.sent[place].end != s[0].ack:
            return
        v[0].acks_frame = self.sent[place].frame
        if self.sent[place].times == 0:
            v[0].ack_rtt_ns = s[0].ts_ns - self.sent[place].ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def copied(
        self, c: cython.pointer[Conversation], direction: cython.longlong, s: cython.pointer[Segment]
    ) -> cython.uint:
        """Frame of the packet of which this is a copy made by the capture; 0: it is none."""
        key: cython.ulonglong = packet_key(direction, s)
        at: cython.longlong = cython.cast(cython.longlong, key) & (self.seen_key.shape[0] - 1)
        has_copies: cython.bint = (c[0].bits & COPIES) != 0
        same: cython.bint = self.seen_key[at] == key and is_copy(s, s[0].ts_ns - self.seen_ts_ns[at], has_copies)
        found: cython.uint = 0
        if same:
            c[0].bits |= COPIES
            found = self.seen_frame[at]
        else:
            self.seen_frame[at] = s[0].frame
        self.seen_key[at] = key
        self.seen_ts_ns[at] = s[0].ts_ns
        return found
