# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The verdicts that Wireshark 4.0 gives, by its rules: what it remembers, and in which order it looks.

It keeps a few numbers a direction (`Shark`), no state of a connection, and takes every segment at its word: copies,
RSTs that nobody obeys, and the ACK field of segments without the ACK flag. `verdicts` has better rules.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import MOST_UNACKED, ConversationBit, SharkBit
from tcpdiag.model.segment import Checksum, Flag, Option, Origin
from tcpdiag.model.verdict import Completeness, Fact, VerdictBit
from tcpdiag.seqnum import add, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Facts = uncompiled("wireshark_facts").Facts

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))
UNPARSABLE = cython.declare(cython.int, int(Option.UNPARSABLE))
UNVERIFIABLE = cython.declare(cython.int, int(Checksum.UNVERIFIABLE))
WSCALE = cython.declare(cython.int, int(Option.WSCALE))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))

ZERO_WINDOW_PROBE = cython.declare(cython.uint, int(Fact.ZERO_WINDOW_PROBE))
REUSED_PORTS = cython.declare(cython.uint, int(Fact.REUSED_PORTS))

HAS_SYN = cython.declare(cython.int, int(Completeness.SYN))
HAS_SYN_ACK = cython.declare(cython.int, int(Completeness.SYN_ACK))
HAS_ACK = cython.declare(cython.int, int(Completeness.ACK))
HAS_DATA = cython.declare(cython.int, int(Completeness.DATA))
HAS_FIN = cython.declare(cython.int, int(Completeness.FIN))
HAS_RST = cython.declare(cython.int, int(Completeness.RST))

SHOWN = cython.declare(cython.int, int(VerdictBit.SHOWN))

BASE_SET = cython.declare(cython.int, int(SharkBit.BASE_SET))
FLIGHT_UNKNOWN = cython.declare(cython.int, int(SharkBit.FLIGHT_UNKNOWN))
FIRST_ACK = cython.declare(cython.int, int(SharkBit.FIRST_ACK))
BEGUN = cython.declare(cython.int, int(ConversationBit.BEGUN))
REUSED = cython.declare(cython.int, int(ConversationBit.REUSED))

# Shark.scale: unknown, none, or 2 + the shift.
UNKNOWN_SCALE = cython.declare(cython.int, 0)
NO_SCALE = cython.declare(cython.int, 1)
MAX_SCALE = cython.declare(cython.int, 14)

MOST_IN_FLIGHT = cython.declare(cython.longlong, 2_000_000_000)
MOST_SACKED = cython.declare(cython.int, 3)
MOST = cython.declare(cython.uint, MOST_UNACKED)
U32 = cython.declare(cython.longlong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def completes(s: cython.pointer[Segment]) -> cython.int:
    """Completeness bits of one segment."""
    found: cython.int = 0
    if (s[0].flags & (SYN | ACK)) == SYN:
        found = HAS_SYN | (HAS_DATA if s[0].payload_len > 0 else 0)
    elif (s[0].flags & (SYN | ACK)) == SYN | ACK:
        found = HAS_SYN_ACK
    elif s[0].flags & ACK:
        found = HAS_DATA if s[0].payload_len > 0 else HAS_ACK
    if (s[0].flags & (FIN | ACK)) == FIN | ACK:
        found |= HAS_FIN
    if s[0].flags & RST:
        found |= HAS_RST
    return found


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def cut_short(s: cython.pointer[Segment]) -> cython.bint:
    """Whether the capture lacks a part of the options: Wireshark stops there, before it shows its analysis."""
    return (s[0].options & UNPARSABLE) != 0 and s[0].checksum == UNVERIFIABLE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def hide(v: cython.pointer[Verdict]) -> cython.void:
    """Show nothing but the completeness."""
    v[0].facts = 0
    v[0].bits = 0
    v[0].duplicate_ack_num = 0
    v[0].duplicate_ack_frame = 0
    v[0].acks_frame = 0
    v[0].ack_rtt_ns = 0
    v[0].bytes_in_flight = 0
    v[0].rto_frame = 0
    v[0].rto_ns = 0


@cython.cclass
class Wireshark(Facts):
    """State of all flows that are judged, and the rules."""

    def bind(self, conversations: object, sharks: object, flights: object) -> None:
        """One row a flow; two, by side, of the others."""
        self.conversations = conversations
        self.sharks = sharks
        self.flights = flights

    def judge(
        self, segments: Segment[::1], flows: cython.longlong[::1], sides: cython.uchar[::1], verdicts: Verdict[::1]
    ) -> None:
        """Judge these segments, which follow those judged before.

        flows: row of the flow of each, below `len(conversations)`; sides: of its sender, 0 or 1.
        """
        i: cython.Py_ssize_t
        n: cython.Py_ssize_t = segments.shape[0]
        with cython.nogil:
            for i in range(n):
                self.segment(flows[i], sides[i], cython.address(segments[i]), cython.address(verdicts[i]))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def segment(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """One segment, in the order in which Wireshark looks."""
        c: cython.pointer[Conversation] = cython.address(self.conversations[flow])
        a: cython.pointer[Shark] = cython.address(self.sharks[2 * flow + side])
        b: cython.pointer[Shark] = cython.address(self.sharks[2 * flow + 1 - side])
        sent: cython.pointer[Flight] = cython.address(self.flights[2 * flow + side])
        is_new: cython.bint = self.same_ports(c, a, s, v)
        v[0].completeness = c[0].completeness
        if s[0].origin & HEADER_TRUNCATED:
            return
        self.bases(a, b, s)
        if s[0].flags & ACK:
            b[0].bits &= ~FLIGHT_UNKNOWN
        self.probes_and_windows(a, b, s, v)
        self.unseen(a, b, s, v)
        if s[0].payload_len > 0 or s[0].flags & (SYN | FIN):
            self.again(c, a, b, sent, s, v)
        self.advance(a, sent, s, v)
        self.acknowledge(cython.address(self.flights[2 * flow + 1 - side]), s, v)
        if s[0].payload_len > 0:
            self.flying(a, b, sent, s, v)
        if v[0].facts or v[0].acks_frame:
            v[0].bits |= SHOWN
        self.complete(c, s, is_new)
        self.handshake(c, a, b, s)
        v[0].initial_rtt_ns = c[0].first_rtt_ns
        self.options(a, b, s)
        if cut_short(s):
            hide(v)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def same_ports(
        self,
        c: cython.pointer[Conversation],
        a: cython.pointer[Shark],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.bint:
        """SYNs and SYN-ACKs with other numbers than before. True: the pair of endpoints is seen for the first time."""
        if not (c[0].bits & BEGUN):
            c[0].bits |= BEGUN
            if not (c[0].bits & REUSED):
                return True
            v[0].facts |= REUSED_PORTS
            c[0].completeness = HAS_SYN
        elif (s[0].flags & (SYN | ACK)) == SYN | ACK and a[0].bits & BASE_SET and s[0].seq != a[0].base:
            a[0].base = s[0].seq
            v[0].facts |= REUSED_PORTS
        elif (s[0].flags & (SYN | ACK)) == SYN and a[0].bits & BASE_SET:
            a[0].nextseq = a[0].max_to_be_acked
            v[0].bits |= SHOWN
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def bases(self, a: cython.pointer[Shark], b: cython.pointer[Shark], s: cython.pointer[Segment]) -> cython.void:
        """What relative numbers count from."""
        if not (a[0].bits & BASE_SET):
            a[0].base = s[0].seq if s[0].flags & SYN else add(s[0].seq, -1)
            a[0].bits |= BASE_SET
        if not (b[0].bits & BASE_SET) and s[0].flags & ACK:
            b[0].base = add(s[0].ack, -1)
            b[0].bits |= BASE_SET

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def advance(
        self,
        a: cython.pointer[Shark],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """What is remembered of the sender. While its list is full, SYN and FIN do not count."""
        end: cython.uint = add(s[0].seq, s[0].payload_len)
        counted: cython.bint = (s[0].flags & (SYN | FIN)) != 0
        if (s[0].payload_len > 0 or counted) and sent[0].count < MOST:
            if counted:
                end = add(end, 1)
            self.remember(sent, s, end)
        if a[0].nextseq == 0 or lt(add(a[0].nextseq, 1 if counted else 0), end):
            a[0].last_len = s[0].payload_len
        if not (v[0].facts & ZERO_WINDOW_PROBE):
            if a[0].nextseq == 0 or lt(a[0].nextseq, end):
                a[0].nextseq = end
                a[0].nextseq_frame = s[0].frame
                a[0].nextseq_ts_ns = s[0].ts_ns
            if a[0].max_to_be_acked == 0 or s[0].seq == a[0].max_to_be_acked:
                a[0].max_to_be_acked = a[0].nextseq
        a[0].window = s[0].window + 1
        a[0].lastack = s[0].ack
        a[0].lastack_ts_ns = s[0].ts_ns
        a[0].facts = v[0].facts

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def flying(
        self,
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """Bytes in flight: what is not acknowledged, less what the peer's last segment SACKed."""
        flying: cython.longlong
        if a[0].bits & FLIGHT_UNKNOWN or sent[0].count == 0:
            return
        v[0].bits |= SHOWN
        flying = (self.in_flight(sent, a[0].base) - b[0].sacked) & U32
        if 0 < flying and flying < MOST_IN_FLIGHT:
            v[0].bytes_in_flight = cython.cast(cython.uint, flying - (1 if s[0].flags & (SYN | FIN) else 0))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def complete(self, c: cython.pointer[Conversation], s: cython.pointer[Segment], is_new: cython.bint) -> cython.void:
        """What the capture has of the connection. The first segment counts when it is a SYN, else not."""
        found: cython.int = completes(s)
        if (s[0].flags & (SYN | ACK)) == SYN:
            found &= (HAS_SYN | HAS_DATA) if is_new else ~(HAS_SYN | HAS_DATA)
        elif is_new:
            found = 0
        c[0].completeness |= found

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def handshake(
        self,
        c: cython.pointer[Conversation],
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        s: cython.pointer[Segment],
    ) -> cython.void:
        """The initial RTT: from the newest SYN without ACK to the first ACK without SYN."""
        if s[0].flags & SYN:
            if not (s[0].flags & ACK):
                c[0].syn_ts_ns = s[0].ts_ns
            a[0].bits |= FIRST_ACK
        elif s[0].flags & ACK:
            if c[0].syn_ts_ns != 0 and c[0].first_rtt_ns == 0:
                c[0].first_rtt_ns = s[0].ts_ns - c[0].syn_ts_ns
            a[0].bits &= ~FIRST_ACK

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def options(self, a: cython.pointer[Shark], b: cython.pointer[Shark], s: cython.pointer[Segment]) -> cython.void:
        """Window scale and SACK blocks, which count from the next segment on."""
        i: cython.int
        a[0].sacked = 0
        for i in range(s[0].n_sack if s[0].n_sack < MOST_SACKED else MOST_SACKED):
            a[0].sacked = add(a[0].sacked, cython.cast(cython.longlong, s[0].sack[2 * i + 1]) - s[0].sack[2 * i])
        if s[0].options & WSCALE:
            a[0].scale = 2 + (s[0].wscale if s[0].wscale < MAX_SCALE else MAX_SCALE)
        if s[0].flags & SYN and not cut_short(s):
            if a[0].scale == UNKNOWN_SCALE:
                a[0].scale = NO_SCALE
                b[0].scale = NO_SCALE
            elif s[0].flags & ACK and b[0].scale == NO_SCALE:
                a[0].scale = NO_SCALE
