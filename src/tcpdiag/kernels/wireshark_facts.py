# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The rules by which Wireshark 4.0 calls a segment a probe, a duplicate ACK, a retransmission, and so on.

What it compares: the numbers that it remembers of a direction (`verdict_memory.SHARK`), before the segment counts.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import SharkBit
from tcpdiag.model.segment import Flag
from tcpdiag.model.verdict import Fact, VerdictBit
from tcpdiag.seqnum import add, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Unacked = uncompiled("unacked").Unacked

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))

RETRANSMISSION = cython.declare(cython.uint, int(Fact.RETRANSMISSION))
FAST_RETRANSMISSION = cython.declare(cython.uint, int(Fact.RETRANSMISSION | Fact.FAST_RETRANSMISSION))
SPURIOUS_RETRANSMISSION = cython.declare(cython.uint, int(Fact.RETRANSMISSION | Fact.SPURIOUS_RETRANSMISSION))
OUT_OF_ORDER = cython.declare(cython.uint, int(Fact.OUT_OF_ORDER))
LOST_SEGMENT = cython.declare(cython.uint, int(Fact.LOST_SEGMENT))
ACK_LOST_SEGMENT = cython.declare(cython.uint, int(Fact.ACK_LOST_SEGMENT))
DUPLICATE_ACK = cython.declare(cython.uint, int(Fact.DUPLICATE_ACK))
KEEP_ALIVE = cython.declare(cython.uint, int(Fact.KEEP_ALIVE))
KEEP_ALIVE_ACK = cython.declare(cython.uint, int(Fact.KEEP_ALIVE_ACK))
ZERO_WINDOW = cython.declare(cython.uint, int(Fact.ZERO_WINDOW))
WINDOW_FULL = cython.declare(cython.uint, int(Fact.WINDOW_FULL))
WINDOW_UPDATE = cython.declare(cython.uint, int(Fact.WINDOW_UPDATE))
ZERO_WINDOW_PROBE = cython.declare(cython.uint, int(Fact.ZERO_WINDOW_PROBE))
ZERO_WINDOW_PROBE_ACK = cython.declare(cython.uint, int(Fact.ZERO_WINDOW_PROBE_ACK))


SHOWN = cython.declare(cython.int, int(VerdictBit.SHOWN))

FLIGHT_UNKNOWN = cython.declare(cython.int, int(SharkBit.FLIGHT_UNKNOWN))
FIRST_ACK = cython.declare(cython.int, int(SharkBit.FIRST_ACK))

# Shark.scale: unknown, none, or 2 + the shift.
UNKNOWN_SCALE = cython.declare(cython.int, 0)
NO_SCALE = cython.declare(cython.int, 1)

FAST_NS = cython.declare(cython.ulonglong, 20_000_000)
REORDERING_NS = cython.declare(cython.ulonglong, 3_000_000)
U64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)


@cython.cclass
class Facts(Unacked):
    """Rules only; `wireshark.Wireshark` applies them."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def probes_and_windows(
        self,
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """Probes, windows, and ACKs that bring nothing new."""
        plain: cython.bint = not (s[0].flags & (SYN | FIN | RST))
        scale: cython.int
        if s[0].payload_len == 1 and s[0].seq == a[0].nextseq and b[0].window == 1:
            v[0].facts |= ZERO_WINDOW_PROBE
        else:
            if s[0].window == 0 and plain:
                v[0].facts |= ZERO_WINDOW
            if a[0].nextseq != 0 and lt(a[0].nextseq, s[0].seq) and not (s[0].flags & RST):
                v[0].facts |= LOST_SEGMENT
                a[0].bits |= FLIGHT_UNKNOWN
            if plain:
                if s[0].payload_len <= 1 and s[0].seq == add(a[0].nextseq, -1):
                    v[0].facts |= KEEP_ALIVE
                if s[0].payload_len > 0 and b[0].scale != UNKNOWN_SCALE:
                    scale = 0 if b[0].bits & FIRST_ACK or b[0].scale == NO_SCALE else b[0].scale - 2
                    if add(s[0].seq, s[0].payload_len) == add(
                        b[0].lastack, cython.cast(cython.longlong, add(b[0].window, -1)) << scale
                    ):
                        v[0].facts |= WINDOW_FULL
                if s[0].payload_len == 0 and s[0].seq == a[0].nextseq and s[0].ack == a[0].lastack:
                    self.empty_segment(a, b, s, v)
        if s[0].ack != a[0].lastack:
            a[0].last_fresh_frame = s[0].frame
            a[0].dup_acks = 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def empty_segment(
        self,
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """No payload, no new number, no new ACK: an update of the window, the answer to a probe, or a duplicate."""
        if s[0].window + 1 != a[0].window:
            if s[0].window != 0:
                v[0].facts |= WINDOW_UPDATE
        elif s[0].window != 0 and b[0].facts & KEEP_ALIVE:
            v[0].facts |= KEEP_ALIVE_ACK
        elif s[0].window == 0:
            if b[0].facts & ZERO_WINDOW_PROBE:
                v[0].facts |= ZERO_WINDOW_PROBE_ACK
        else:
            a[0].dup_acks = 1 if a[0].dup_acks < 0 else a[0].dup_acks + 1
            v[0].facts |= DUPLICATE_ACK
            v[0].duplicate_ack_num = a[0].dup_acks
            v[0].duplicate_ack_frame = a[0].last_fresh_frame

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def unseen(
        self,
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """It acknowledges more than was captured: told once."""
        if b[0].max_to_be_acked == 0 or not lt(b[0].max_to_be_acked, s[0].ack) or not (s[0].flags & ACK):
            return
        v[0].bits |= SHOWN
        if lt(b[0].max_to_be_acked, b[0].nextseq):
            b[0].max_to_be_acked = b[0].nextseq
            v[0].facts |= ACK_LOST_SEGMENT
        else:
            if b[0].dup_acks == 0:
                v[0].facts |= ACK_LOST_SEGMENT
            b[0].dup_acks = -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def again(
        self,
        c: cython.pointer[Conversation],
        a: cython.pointer[Shark],
        b: cython.pointer[Shark],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """Payload, SYN or FIN below the highest number: sent again, or late."""
        old: cython.bint = a[0].nextseq != 0 and lt(s[0].seq, a[0].nextseq)
        end: cython.uint = add(s[0].seq, s[0].payload_len)
        since: cython.longlong
        place: cython.uint
        if v[0].facts & KEEP_ALIVE:
            return
        if s[0].payload_len > 1 and s[0].seq == add(a[0].nextseq, -1):
            old = False
        if s[0].payload_len > 0 and b[0].lastack != 0 and le(end, b[0].lastack):
            v[0].facts |= SPURIOUS_RETRANSMISSION
            return
        if not old:
            return
        since = s[0].ts_ns - b[0].lastack_ts_ns
        if (b[0].dup_acks >= 2 or b[0].dup_acks < 0) and b[0].lastack == s[0].seq and (since & U64) < FAST_NS:
            v[0].facts |= FAST_RETRANSMISSION
            return
        since = s[0].ts_ns - a[0].nextseq_ts_ns
        if (since & U64) < ((c[0].first_rtt_ns & U64) if c[0].first_rtt_ns != 0 else REORDERING_NS):
            if s[0].flags & (SYN | FIN):
                end = add(end, 1)
            if end != a[0].nextseq:
                v[0].facts |= OUT_OF_ORDER
                return
        v[0].facts |= RETRANSMISSION
        v[0].rto_frame = a[0].nextseq_frame
        v[0].rto_ns = since
        place = sent[0].oldest
        if place:
            v[0].rto_frame = self.sent[place].frame
            v[0].rto_ns = s[0].ts_ns - self.sent[place].ts_ns
