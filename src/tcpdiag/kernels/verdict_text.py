# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Verdicts of our own on text, SYN and FIN: new, late, or sent again, why, and where the first copy was lost."""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import MOST_UNACKED, WatchBit
from tcpdiag.model.event import LossPlace
from tcpdiag.model.segment import Flag, Option
from tcpdiag.model.verdict import Fact, RetransmissionKind
from tcpdiag.seqnum import add, diff, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Unacked = uncompiled("unacked").Unacked

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
ACK = cython.declare(cython.int, int(Flag.ACK))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))

RETRANSMISSION = cython.declare(cython.uint, int(Fact.RETRANSMISSION))
FAST_RETRANSMISSION = cython.declare(cython.uint, int(Fact.FAST_RETRANSMISSION))
SPURIOUS_RETRANSMISSION = cython.declare(cython.uint, int(Fact.SPURIOUS_RETRANSMISSION))
OUT_OF_ORDER = cython.declare(cython.uint, int(Fact.OUT_OF_ORDER))
LOST_SEGMENT = cython.declare(cython.uint, int(Fact.LOST_SEGMENT))
WINDOW_FULL = cython.declare(cython.uint, int(Fact.WINDOW_FULL))

UNKNOWN = cython.declare(cython.int, int(LossPlace.UNKNOWN))
BEFORE = cython.declare(cython.int, int(LossPlace.BEFORE))
AFTER = cython.declare(cython.int, int(LossPlace.AFTER))
NOWHERE = cython.declare(cython.int, int(LossPlace.NOWHERE))

NOT_AGAIN = cython.declare(cython.int, int(RetransmissionKind.NONE))
TIMEOUT = cython.declare(cython.int, int(RetransmissionKind.TIMEOUT))
FAST = cython.declare(cython.int, int(RetransmissionKind.FAST))
SACK_RECOVERY = cython.declare(cython.int, int(RetransmissionKind.SACK))
TAIL_LOSS_PROBE = cython.declare(cython.int, int(RetransmissionKind.TAIL_LOSS_PROBE))
NO_REASON = cython.declare(cython.int, int(RetransmissionKind.UNKNOWN))

SND_KNOWN = cython.declare(cython.int, int(WatchBit.SND_KNOWN))
ACKED = cython.declare(cython.int, int(WatchBit.ACKED))
ISN_KNOWN = cython.declare(cython.int, int(WatchBit.ISN_KNOWN))
SACKS = cython.declare(cython.int, int(WatchBit.SACKS))
FIN_SENT = cython.declare(cython.int, int(WatchBit.FIN_SENT))
APPEARED = cython.declare(cython.int, int(WatchBit.APPEARED))
WINDOW_KNOWN = cython.declare(cython.int, int(WatchBit.WINDOW_KNOWN))
SYN_ACKED = cython.declare(cython.int, int(WatchBit.SYN_ACKED))
LACKED = cython.declare(cython.int, int(WatchBit.LACKED))
OVERFLOWED = cython.declare(cython.int, int(WatchBit.OVERFLOWED))
SUSPECT_ACK = cython.declare(cython.int, int(WatchBit.SUSPECT_ACK))
PROBED = cython.declare(cython.int, int(WatchBit.PROBED))

# A hole filled sooner than this is reordering, not a retransmission, as in the first pass.
REORDERING_NS = cython.declare(cython.longlong, 3_000_000)
# What feedback brings about follows it at once; a sender's own delay is granted.
PROMPT_NS = cython.declare(cython.longlong, 20_000_000)
# No stack's retransmission timer is shorter (Linux: TCP_RTO_MIN; RFC 6298 section 2.4: 1 s).
TIMER_NS = cython.declare(cython.longlong, 200_000_000)
DUP_ACKS = cython.declare(cython.uint, 3)  # RFC 5681 section 3.2
STEADY = cython.declare(cython.int, 3)  # so many IP IDs in a row ascended: the sender counts them
STEP = cython.declare(cython.int, 256)
AGAINS = cython.declare(cython.int, 4)  # room of Watch.again_seq and its fellows, a power of two
PASSES = cython.declare(cython.int, 4)
MOST = cython.declare(cython.uint, MOST_UNACKED)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def end_of(s: cython.pointer[Segment]) -> cython.uint:
    """SEG.SEQ + SEG.LEN, SYN and FIN counted."""
    length: cython.longlong = s[0].payload_len
    if s[0].flags & SYN:
        length += 1
    if s[0].flags & FIN:
        length += 1
    return add(s[0].seq, length)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def overtaken(a: cython.pointer[Watch], s: cython.pointer[Segment], end: cython.uint) -> cython.bint:
    """Whether its ACK came to the tap shortly before it: the tap does not keep the two directions in order."""
    return (
        (a[0].bits & LACKED) != 0
        and le(a[0].lacked, s[0].seq)
        and le(end, a[0].lacked_end)
        and s[0].ts_ns - a[0].lacked_ts_ns <= REORDERING_NS
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def first_of_its_kind(a: cython.pointer[Watch], s: cython.pointer[Segment]) -> cython.bint:
    """Whether it uses a number again for something else: the SYN-ACK of a simultaneous open (RFC 9293 section 3.5), or
    text where an endpoint was said to have sent its FIN."""
    if s[0].flags & SYN:
        return (s[0].flags & ACK) != 0 and not (a[0].bits & SYN_ACKED)
    return (a[0].bits & FIN_SENT) != 0 and s[0].payload_len > 0 and s[0].seq == add(a[0].snd_nxt, -1)


@cython.cclass
class Text(Unacked):
    """Sequence space that is used."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def text(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """Payload, SYN or FIN of `a`, that is no probe."""
        end: cython.uint = end_of(s)
        seen: cython.bint
        if not (a[0].bits & SND_KNOWN):
            a[0].bits |= SND_KNOWN
            a[0].first = s[0].seq
            a[0].snd_nxt = s[0].seq
            a[0].contiguous = s[0].seq
        if lt(a[0].snd_nxt, s[0].seq):
            v[0].facts |= LOST_SEGMENT
            if a[0].contiguous == a[0].snd_nxt:
                a[0].hole_ts_ns = s[0].ts_ns
        elif lt(s[0].seq, a[0].snd_nxt):
            seen = self.seen(a, sent, s[0].seq, end if lt(end, a[0].snd_nxt) else a[0].snd_nxt)
            if (not seen and a[0].contiguous != a[0].snd_nxt and self.late(a, b, s)) or overtaken(a, s, end):
                v[0].facts |= OUT_OF_ORDER
            elif not first_of_its_kind(a, s):
                self.again(a, b, sent, s, v, end, seen)
        if lt(a[0].snd_nxt, end):
            if b[0].bits & WINDOW_KNOWN and not (s[0].flags & (SYN | FIN)):
                if le(add(b[0].last_ack, b[0].window), end) and lt(s[0].seq, add(b[0].last_ack, b[0].window)):
                    v[0].facts |= WINDOW_FULL
            self.fresh(a, s, end)
        if sent[0].count >= MOST:
            a[0].bits |= OVERFLOWED
        self.remember(sent, s, end)
        if v[0].facts & RETRANSMISSION:
            self.sent[sent[0].newest].times = 1
        if (s[0].flags & (SYN | ACK)) == SYN | ACK:
            a[0].bits |= SYN_ACKED
        if le(s[0].seq, a[0].contiguous) and lt(a[0].contiguous, end):
            a[0].contiguous = end if end == a[0].snd_nxt else self.reach(sent, end)
        if s[0].payload_len > 0:
            self.flying(a, b, s, v)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def fresh(self, a: cython.pointer[Watch], s: cython.pointer[Segment], end: cython.uint) -> cython.void:
        """SND.NXT moves."""
        step: cython.int = (s[0].ip_id - a[0].newest_ip_id) & 0xFFFF
        a[0].snd_nxt = end
        a[0].newest_frame = s[0].frame
        a[0].newest_ts_ns = s[0].ts_ns
        a[0].newest_tsval = s[0].tsval if s[0].options & TIMESTAMPS else 0
        if s[0].ip_id == 0 or step == 0 or step > STEP:
            a[0].ip_id_run = 0
        elif a[0].ip_id_run < STEADY:
            a[0].ip_id_run += 1
        a[0].newest_ip_id = s[0].ip_id
        if s[0].flags & FIN:
            a[0].bits |= FIN_SENT
        else:
            a[0].bits &= ~FIN_SENT

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def seen(
        self, a: cython.pointer[Watch], sent: cython.pointer[Flight], left: cython.uint, right: cython.uint
    ) -> cython.bint:
        """Whether all of [left, right) was captured before, or is acknowledged."""
        if lt(left, a[0].contiguous):
            left = a[0].contiguous
        if lt(left, right):
            left = self.reach(sent, left)
        return not lt(left, right)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def reach(self, sent: cython.pointer[Flight], left: cython.uint) -> cython.uint:
        """How far what was captured goes on from `left`. A list in disorder is gone through PASSES times at most."""
        place: cython.uint
        moved: cython.bint = True
        passes: cython.int = 0
        while moved and passes < PASSES:
            moved = False
            passes += 1
            place = sent[0].oldest
            while place:
                if le(self.sent[place].seq, left):
                    if lt(left, self.sent[place].end):
                        left = self.sent[place].end
                        moved = True
                elif not sent[0].disordered:
                    return left
                place = self.sent[place].newer
            if not sent[0].disordered:
                break
        return left

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def late(self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment]) -> cython.bint:
        """Whether what fills a hole was overtaken on its way, and not sent again.

        Its timestamp tells, if it is another than that of the newest text. It was when it comes sooner than the sender
        can have heard of the hole: a round trip on both sides of the tap. After that the IP ID tells, where the sender
        counts them; else what came soon was late.
        """
        path_ns: cython.longlong = a[0].rtt_min_ns + b[0].rtt_min_ns
        since: cython.longlong = s[0].ts_ns - a[0].hole_ts_ns
        newer: cython.longlong = diff(s[0].tsval, a[0].newest_tsval)
        step: cython.int = (s[0].ip_id - a[0].newest_ip_id) & 0xFFFF
        if b[0].bits & ACKED and le(end_of(s), b[0].last_ack):
            return False
        if s[0].options & TIMESTAMPS and a[0].newest_tsval != 0 and (newer < 0 or newer > 1):
            return newer < 0
        if a[0].rtt_min_ns != 0 and b[0].rtt_min_ns != 0 and since < path_ns:
            return True
        if a[0].ip_id_run >= STEADY and s[0].ip_id != 0 and (step <= STEP or step >= 0x10000 - STEP) and step != 0:
            return step > STEP
        return since <= REORDERING_NS or since < path_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def again(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
        end: cython.uint,
        seen: cython.bint,
    ) -> cython.void:
        """A retransmission: of what, where that was lost, and why."""
        kind: cython.int
        n: cython.int = a[0].again_next
        v[0].facts |= RETRANSMISSION
        self.before(sent, s, v, end)
        v[0].loss = self.loss(a, b, sent, s, end, seen)
        if v[0].loss == NOWHERE:
            v[0].facts |= SPURIOUS_RETRANSMISSION
        kind = self.kind(a, b, s, v, end)
        if kind == FAST or kind == SACK_RECOVERY:
            v[0].facts |= FAST_RETRANSMISSION
        v[0].retransmission_kind = kind
        a[0].again_seq[n] = s[0].seq
        a[0].again_end[n] = end
        a[0].again_frame[n] = s[0].frame
        a[0].again_next = (n + 1) & (AGAINS - 1)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def before(
        self, sent: cython.pointer[Flight], s: cython.pointer[Segment], v: cython.pointer[Verdict], end: cython.uint
    ) -> cython.void:
        """The newest segment that had the first byte of this one. The round trip of what it repeats is not known."""
        place: cython.uint = sent[0].newest
        while place:
            if lt(self.sent[place].seq, end) and lt(s[0].seq, self.sent[place].end):
                self.sent[place].times += 1
                if v[0].rto_frame == 0 and le(self.sent[place].seq, s[0].seq):
                    v[0].rto_frame = self.sent[place].frame
                    v[0].rto_ns = s[0].ts_ns - self.sent[place].ts_ns
            elif not sent[0].disordered and le(self.sent[place].end, s[0].seq):
                break
            place = self.sent[place].older

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def loss(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        sent: cython.pointer[Flight],
        s: cython.pointer[Segment],
        end: cython.uint,
        seen: cython.bint,
    ) -> cython.int:
        """LossPlace, by the rules of the first pass (`repeats`)."""
        if s[0].flags & SYN:
            return UNKNOWN
        if b[0].bits & ACKED and le(end, b[0].last_ack):
            return NOWHERE
        if (b[0].bits & APPEARED and b[0].window == 0) or le(s[0].seq, a[0].first):
            return UNKNOWN
        if seen:
            return AFTER if b[0].bits & APPEARED else UNKNOWN
        return UNKNOWN if a[0].bits & OVERFLOWED else BEFORE

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def kind(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
        end: cython.uint,
    ) -> cython.int:
        """RetransmissionKind. What the peer's newest ACK brings about comes a round trip to the sender after it.

        Feedback: duplicate ACKs, or SACK of what is above. What follows until all that was sent then is acknowledged
        has the same reason. Without feedback the last segment alone is a probe of the tail, when something before it
        is not acknowledged either or when it comes sooner than any timer; the first one is a time-out.
        """
        since_ack: cython.longlong = s[0].ts_ns - b[0].last_ack_ts_ns
        since_sent: cython.longlong = v[0].rto_ns if v[0].rto_frame else s[0].ts_ns - a[0].newest_ts_ns
        prompt: cython.bint = (b[0].bits & ACKED) != 0 and 0 <= since_ack <= PROMPT_NS + a[0].rtt_min_ns
        sacked: cython.bint = (b[0].bits & SACKS) != 0 and lt(s[0].seq, b[0].sack_high)
        found: cython.int = NO_REASON
        if since_sent < 0:
            return NO_REASON
        if s[0].flags & SYN:
            return TIMEOUT
        if prompt and a[0].recovery != NOT_AGAIN and lt(b[0].last_ack, a[0].recover):
            if a[0].recovery == TIMEOUT:
                return TIMEOUT
            return SACK_RECOVERY if sacked and s[0].seq != b[0].last_ack else FAST
        if prompt and (sacked or b[0].dup_acks + 1 >= DUP_ACKS):
            found = FAST if s[0].seq == b[0].last_ack and b[0].dup_acks + 1 >= DUP_ACKS else SACK_RECOVERY
        elif end == a[0].snd_nxt and b[0].bits & ACKED and lt(b[0].last_ack, s[0].seq):
            return TAIL_LOSS_PROBE
        elif since_sent >= TIMER_NS:
            found = TIMEOUT
        elif end == a[0].snd_nxt and not prompt and v[0].loss != NOWHERE:
            return TAIL_LOSS_PROBE
        if found != NO_REASON:
            a[0].recovery = found
            a[0].recover = a[0].snd_nxt
        return found

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def flying(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """Bytes in flight: what is sent and neither acknowledged nor SACKed. SYN and FIN are no bytes."""
        una: cython.uint = b[0].last_ack if b[0].bits & ACKED and le(a[0].first, b[0].last_ack) else a[0].first
        length: cython.longlong = diff(a[0].snd_nxt, una)
        if a[0].bits & ISN_KNOWN and una == a[0].first:
            length -= 1
        if a[0].bits & FIN_SENT and length > 0:
            length -= 1
        length -= cython.cast(cython.longlong, b[0].sacked)
        if length > 0:
            v[0].bytes_in_flight = cython.cast(cython.uint, length)
