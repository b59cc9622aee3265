# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Verdicts of our own on probes, and on what ACKs bring: something new, an answer, a duplicate, SACK, a window."""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import WatchBit
from tcpdiag.model.segment import Flag
from tcpdiag.model.verdict import Fact, RetransmissionKind
from tcpdiag.seqnum import add, diff, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Text = uncompiled("verdict_text").Text

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))

ACK_LOST_SEGMENT = cython.declare(cython.uint, int(Fact.ACK_LOST_SEGMENT))
DUPLICATE_ACK = cython.declare(cython.uint, int(Fact.DUPLICATE_ACK))
KEEP_ALIVE = cython.declare(cython.uint, int(Fact.KEEP_ALIVE))
KEEP_ALIVE_ACK = cython.declare(cython.uint, int(Fact.KEEP_ALIVE_ACK))
ZERO_WINDOW_PROBE = cython.declare(cython.uint, int(Fact.ZERO_WINDOW_PROBE))
ZERO_WINDOW_PROBE_ACK = cython.declare(cython.uint, int(Fact.ZERO_WINDOW_PROBE_ACK))
WINDOW_UPDATE = cython.declare(cython.uint, int(Fact.WINDOW_UPDATE))
NOT_AGAIN = cython.declare(cython.int, int(RetransmissionKind.NONE))

SND_KNOWN = cython.declare(cython.int, int(WatchBit.SND_KNOWN))
ACKED = cython.declare(cython.int, int(WatchBit.ACKED))
SACKS = cython.declare(cython.int, int(WatchBit.SACKS))
APPEARED = cython.declare(cython.int, int(WatchBit.APPEARED))
WINDOW_KNOWN = cython.declare(cython.int, int(WatchBit.WINDOW_KNOWN))
SUSPECT_ACK = cython.declare(cython.int, int(WatchBit.SUSPECT_ACK))
PROBED = cython.declare(cython.int, int(WatchBit.PROBED))
LACKED = cython.declare(cython.int, int(WatchBit.LACKED))

AGAINS = cython.declare(cython.int, 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def window_of(a: cython.pointer[Watch], s: cython.pointer[Segment]) -> cython.uint:
    """SEG.WND in bytes: not scaled in a SYN (RFC 7323 section 2.2), raw where the scale is not known."""
    return s[0].window if s[0].flags & SYN or a[0].scale == 0 else s[0].window << (a[0].scale - 1)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def duplicate_sack(s: cython.pointer[Segment]) -> cython.bint:
    """Whether the first block is a DSACK: below SEG.ACK, or inside the second one (RFC 2883 section 4)."""
    if s[0].n_sack == 0 or not lt(s[0].sack[0], s[0].sack[1]):
        return False
    return lt(s[0].sack[0], s[0].ack) or (
        s[0].n_sack > 1 and le(s[0].sack[2], s[0].sack[0]) and le(s[0].sack[1], s[0].sack[3])
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sacks_more(a: cython.pointer[Watch], s: cython.pointer[Segment]) -> cython.bint:
    """Whether it tells of text above a gap that `a` had not got before: so it accepted what it answers."""
    i: cython.int
    for i in range(1 if duplicate_sack(s) else 0, s[0].n_sack):
        if not (a[0].bits & SACKS) or lt(a[0].sack_high, s[0].sack[2 * i + 1]):
            return True
    return False


@cython.cclass
class Acks(Text):
    """What an endpoint says of what it has got."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def probe(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.bint:
        """Whether it is a keepalive or a probe of a closed window, which the peer's window and ACK tell apart.

        RFC 9293 sections 3.8.4 and 3.8.6.1. A byte that is not acknowledged is no keepalive but text sent again.
        """
        if s[0].payload_len > 1 or s[0].flags & FIN or not (a[0].bits & SND_KNOWN) or not (b[0].bits & ACKED):
            return False
        if b[0].window == 0:
            if s[0].seq != add(b[0].last_ack, -1) and (s[0].payload_len == 0 or s[0].seq != b[0].last_ack):
                return False
            v[0].facts |= ZERO_WINDOW_PROBE
            a[0].probe_frame = s[0].frame
            if s[0].payload_len > 0 and s[0].seq == a[0].snd_nxt:
                a[0].probe_end = add(s[0].seq, 1)
                a[0].bits |= PROBED
            return True
        if s[0].seq != add(a[0].snd_nxt, -1) or lt(b[0].last_ack, a[0].snd_nxt):
            return False
        v[0].facts |= KEEP_ALIVE
        a[0].keepalive_frame = s[0].frame
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acks(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        theirs: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """SEG.ACK of `a`, and with it SACK and window. `theirs`: what `b` has sent."""
        if not (b[0].bits & SND_KNOWN):
            b[0].bits |= SND_KNOWN
            b[0].first = s[0].ack
            b[0].snd_nxt = s[0].ack
            b[0].contiguous = s[0].ack
            self.lacking(b, add(s[0].ack, -1), s)
        if b[0].bits & PROBED and lt(b[0].snd_nxt, s[0].ack) and le(s[0].ack, b[0].probe_end):
            # The byte of its probe was taken.
            if b[0].contiguous == b[0].snd_nxt:
                b[0].contiguous = s[0].ack
            b[0].snd_nxt = s[0].ack
            b[0].bits &= ~PROBED
        if lt(b[0].snd_nxt, s[0].ack) and not self.beyond(a, b, s, v):
            return
        if not (a[0].bits & ACKED) or lt(a[0].last_ack, s[0].ack):
            self.progress(a, b, theirs, s, v)
        elif s[0].ack != a[0].last_ack:
            return
        elif s[0].payload_len == 0 and not (s[0].flags & (FIN | SYN)) and s[0].seq == a[0].snd_nxt:
            self.nothing_new(a, b, s, v)
        a[0].last_ack_ts_ns = s[0].ts_ns
        self.sacks(a, b, s, v)
        self.advertise(a, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def beyond(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.bint:
        """It acknowledges what was not captured at all. False: it may be forged, until a second ACK says the same."""
        if not (b[0].bits & APPEARED):
            self.lacking(b, b[0].snd_nxt, s)
            b[0].snd_nxt = s[0].ack
            b[0].contiguous = s[0].ack
            return True
        if a[0].bits & SUSPECT_ACK and le(a[0].suspect_ack, s[0].ack):
            a[0].bits &= ~SUSPECT_ACK
            b[0].snd_nxt = s[0].ack
            b[0].contiguous = a[0].suspect_ack
            return True
        self.lacking(b, b[0].snd_nxt, s)
        a[0].bits |= SUSPECT_ACK
        a[0].suspect_ack = s[0].ack
        v[0].facts |= ACK_LOST_SEGMENT
        return False

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def lacking(self, b: cython.pointer[Watch], left: cython.uint, s: cython.pointer[Segment]) -> cython.void:
        """The capture has nothing of `b` from `left` to SEG.ACK: that was lost by the tap, or is still to come."""
        b[0].bits |= LACKED
        b[0].lacked = left
        b[0].lacked_end = s[0].ack
        b[0].lacked_ts_ns = s[0].ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def progress(
        self,
        a: cython.pointer[Watch],
        b: cython.pointer[Watch],
        theirs: cython.pointer[Flight],
        s: cython.pointer[Segment],
        v: cython.pointer[Verdict],
    ) -> cython.void:
        """It acknowledges something new, perhaps what the capture lacks."""
        a[0].bits &= ~SUSPECT_ACK
        if lt(b[0].contiguous, s[0].ack):
            if not self.seen(b, theirs, b[0].contiguous, s[0].ack):
                v[0].facts |= ACK_LOST_SEGMENT
                self.lacking(b, b[0].contiguous, s)
            b[0].contiguous = s[0].ack if s[0].ack == b[0].snd_nxt else self.reach(theirs, s[0].ack)
        self.acknowledge(theirs, s, v)
        if v[0].ack_rtt_ns > 0 and (a[0].rtt_min_ns == 0 or v[0].ack_rtt_ns < a[0].rtt_min_ns):
            a[0].rtt_min_ns = v[0].ack_rtt_ns
        a[0].bits |= ACKED
        a[0].last_ack = s[0].ack
        a[0].fresh_ack_frame = s[0].frame
        a[0].dup_acks = 0
        if b[0].recovery != NOT_AGAIN and le(b[0].recover, s[0].ack):
            b[0].recovery = NOT_AGAIN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def nothing_new(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """An empty segment with the ACK of the one before: the answer to a probe, a window, or a duplicate.

        A duplicate ACK only while something is outstanding, or may be (RFC 5681 section 2). With SACK it may bring
        another window (RFC 6675 section 2).
        """
        window: cython.uint = window_of(a, s)
        sacked: cython.bint = s[0].n_sack > (1 if duplicate_sack(s) else 0)
        if b[0].keepalive_frame:
            v[0].facts |= KEEP_ALIVE_ACK
            v[0].cause_frame = b[0].keepalive_frame
        elif b[0].probe_frame and window == 0:
            v[0].facts |= ZERO_WINDOW_PROBE_ACK
            v[0].cause_frame = b[0].probe_frame
        elif window == 0:
            return
        elif (b[0].snd_nxt != s[0].ack or sacked or not (b[0].bits & APPEARED)) and (
            window == a[0].window or (sacked and a[0].window != 0)
        ):
            a[0].dup_acks += 1
            v[0].facts |= DUPLICATE_ACK
            v[0].duplicate_ack_num = a[0].dup_acks
            v[0].duplicate_ack_frame = a[0].fresh_ack_frame
        elif window != a[0].window:
            v[0].facts |= WINDOW_UPDATE

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sacks(
        self, a: cython.pointer[Watch], b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """What `a` has above its ACK, and what it has got twice (RFC 2018, RFC 2883)."""
        i: cython.int = 0
        left: cython.uint
        right: cython.uint
        a[0].sacked = 0
        if s[0].n_sack == 0:
            a[0].bits &= ~SACKS
            return
        if duplicate_sack(s):
            self.needless(b, s, v)
            i = 1
        a[0].bits &= ~SACKS
        while i < s[0].n_sack:
            left = s[0].sack[2 * i]
            right = s[0].sack[2 * i + 1]
            if le(s[0].ack, left) and lt(left, right) and le(right, b[0].snd_nxt):
                a[0].sacked = add(a[0].sacked, diff(right, left))
                if not (a[0].bits & SACKS) or lt(a[0].sack_high, right):
                    a[0].sack_high = right
                a[0].bits |= SACKS
            i += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def needless(self, b: cython.pointer[Watch], s: cython.pointer[Segment], v: cython.pointer[Verdict]) -> cython.void:
        """A DSACK: the newest retransmission of `b` that it covers, or lies in, was not needed."""
        i: cython.int
        n: cython.int
        for i in range(AGAINS):
            n = (b[0].again_next + AGAINS - 1 - i) & (AGAINS - 1)
            if b[0].again_frame[n] == 0:
                return
            if (le(s[0].sack[0], b[0].again_seq[n]) and le(b[0].again_end[n], s[0].sack[1])) or (
                le(b[0].again_seq[n], s[0].sack[0]) and le(s[0].sack[1], b[0].again_end[n])
            ):
                v[0].needless_frame = b[0].again_frame[n]
                return

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def advertise(self, a: cython.pointer[Watch], s: cython.pointer[Segment]) -> cython.void:
        """SEG.WND of `a`."""
        a[0].window = window_of(a, s)
        if s[0].flags & SYN or a[0].scale != 0:
            a[0].bits |= WINDOW_KNOWN
        else:
            a[0].bits &= ~WINDOW_KNOWN
