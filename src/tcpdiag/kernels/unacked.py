# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What each endpoint has sent and its peer has not acknowledged: a list a direction, at most MOST segments long.

The lists share one array of rows; row 0 is none. The caller makes sure that there is a row for each segment
(`Unacked.n_sent`). A list whose segments follow one another, as nearly all do, is never searched.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.verdict_memory import MOST_UNACKED
from tcpdiag.seqnum import le, lt

MOST = cython.declare(cython.uint, MOST_UNACKED)
U32 = cython.declare(cython.longlong, 0xFFFFFFFF)


@cython.cclass
class Unacked:
    """The lists. Subclasses judge."""

    def __init__(self) -> None:
        self.n_sent = 1
        self.free = 0

    def use(self, sent: object) -> None:
        """Use these rows from now on; they begin with the ones that the earlier array had."""
        self.sent = sent

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def remember(self, f: cython.pointer[Flight], s: cython.pointer[Segment], end: cython.uint) -> cython.void:
        """`s` was sent, up to `end`. A list that is full stays as it is."""
        place: cython.uint = self.free
        if f[0].count >= MOST:
            return
        if place:
            self.free = self.sent[place].newer
        else:
            place = self.n_sent
            self.n_sent += 1
        self.sent[place].ts_ns = s[0].ts_ns
        self.sent[place].seq = s[0].seq
        self.sent[place].end = end
        self.sent[place].frame = s[0].frame
        self.sent[place].times = 0
        self.sent[place].newer = 0
        self.sent[place].older = f[0].newest
        if f[0].newest:
            if not le(self.sent[f[0].newest].end, s[0].seq) or not lt(self.sent[f[0].oldest].seq, end):
                f[0].disordered = 1
            self.sent[f[0].newest].newer = place
        else:
            f[0].disordered = 0
            f[0].oldest = place
        f[0].newest = place
        f[0].count += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def forget(self, f: cython.pointer[Flight], place: cython.uint) -> cython.void:
        """Take a row out of its list."""
        newer: cython.uint = self.sent[place].newer
        older: cython.uint = self.sent[place].older
        if newer:
            self.sent[newer].older = older
        else:
            f[0].newest = older
        if older:
            self.sent[older].newer = newer
        else:
            f[0].oldest = newer
        f[0].count -= 1
        self.sent[place].newer = self.free
        self.free = place

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acknowledge(
        self, f: cython.pointer[Flight], s: cython.pointer[Segment], v: cython.pointer[Verdict]
    ) -> cython.void:
        """SEG.ACK of `s` takes out what it covers. The oldest segment that ends there is the one that it acknowledges;
        of what was sent more than `times` = 0 times the round trip is not known (Karn).

        The numbers of a list without disorder ascend and span less than 2**31: behind the first one that is not
        covered there is nothing to do, unless the last one is so far that it counts as old.
        """
        ack: cython.uint = s[0].ack
        place: cython.uint = f[0].oldest
        newer: cython.uint
        kept: cython.uint = 0
        disordered: cython.uint = 0
        while place:
            newer = self.sent[place].newer
            if ack == self.sent[place].end or not lt(ack, self.sent[place].end):
                if ack == self.sent[place].end and v[0].acks_frame == 0:
                    v[0].acks_frame = self.sent[place].frame
                    if self.sent[place].times == 0:
                        v[0].ack_rtt_ns = s[0].ts_ns - self.sent[place].ts_ns
                self.forget(f, place)
            else:
                if lt(self.sent[place].seq, ack):
                    self.sent[place].seq = ack
                if not f[0].disordered and lt(ack, self.sent[f[0].newest].end):
                    return
                if kept and not le(self.sent[kept].end, self.sent[place].seq):
                    disordered = 1
                kept = place
            place = newer
        if kept and not lt(self.sent[f[0].oldest].seq, self.sent[kept].end):
            disordered = 1
        f[0].disordered = disordered

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def in_flight(self, f: cython.pointer[Flight], base: cython.uint) -> cython.longlong:
        """From the lowest to the highest number that is not acknowledged, counted from `base`; 0: there is none."""
        low: cython.longlong
        high: cython.longlong
        place: cython.uint = f[0].newest
        if not place:
            return 0
        high = diff_u32(self.sent[place].end, base)
        low = diff_u32(self.sent[f[0].oldest].seq, base)
        if not f[0].disordered and low <= high:
            return high - low
        low = diff_u32(self.sent[place].seq, base)
        while place:
            if diff_u32(self.sent[place].end, base) > high:
                high = diff_u32(self.sent[place].end, base)
            if diff_u32(self.sent[place].seq, base) < low:
                low = diff_u32(self.sent[place].seq, base)
            place = self.sent[place].older
        return high - low

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def oldest_from(self, f: cython.pointer[Flight], seq: cython.uint) -> cython.uint:
        """Row of the oldest segment that begins at `seq` or after it; 0: there is none."""
        place: cython.uint = f[0].oldest
        while place and lt(self.sent[place].seq, seq):
            place = self.sent[place].newer
        return place


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def diff_u32(a: cython.uint, b: cython.uint) -> cython.longlong:
    """`a - b` as an unsigned distance."""
    return (cython.cast(cython.longlong, a) - b) & U32
