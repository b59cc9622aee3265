# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What an endpoint has sent, range by range, and which ACK tells of which: repetitions, latecomers, round trips.

The ranges of one endpoint are a list in order of position, with rows in a pool that all endpoints share. A range that
is acknowledged joins its neighbour, so that a healthy connection has one, and what is in flight. `MOST_RANGES` is all
that is remembered of one endpoint: beyond that the lowest two become one, which costs measurements, not counts.
"""

from __future__ import annotations

import cython

from tcpdiag.model.statistics import MOST_RANGES as _MOST_RANGES
from tcpdiag.model.statistics import Known, Times
from tcpdiag.seqnum import diff

MOST_RANGES = cython.declare(cython.uint, _MOST_RANGES)
POSITION = cython.declare(cython.int, int(Known.POSITION))
HANDSHAKE = cython.declare(cython.int, int(Known.HANDSHAKE))
ACKED = cython.declare(cython.int, int(Times.ACKED))
FULL = cython.declare(cython.int, int(Times.FULL))
AMBIGUOUS = cython.declare(cython.int, int(Times.AMBIGUOUS))
RESENT = cython.declare(cython.int, int(Times.RESENT))
SATURATED = cython.declare(cython.int, 255)
TRIPLE = cython.declare(cython.uint, 3)  # that start a fast retransmission, RFC 5681 section 3.2
LEAST_POOL = cython.declare(cython.int, 2 * _MOST_RANGES + 4)  # one segment may need so many rows


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def position(e: cython.pointer[Statistic], number: cython.uint) -> cython.longlong:
    """A sequence number of this endpoint in 64 bits: the position nearest to the last byte that it sent."""
    if not (e[0].known & POSITION):
        e[0].known |= POSITION
        e[0].top_seq = number
        e[0].top_pos = 0
        return 0
    return e[0].top_pos + diff(number, e[0].top_seq)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def timed(e: cython.pointer[Statistic], which: cython.int, elapsed: cython.longlong) -> cython.void:
    """One more value of a distribution: mean and sum of squares as Welford (1962) updates them."""
    before: cython.double = e[0].time_mean[which]
    value: cython.double = cython.cast(cython.double, elapsed)
    if elapsed < 0:
        return
    if e[0].time_count[which] == 0 or elapsed < e[0].time_min_ns[which]:
        e[0].time_min_ns[which] = elapsed
    if elapsed > e[0].time_max_ns[which]:
        e[0].time_max_ns[which] = elapsed
    e[0].time_count[which] += 1
    e[0].time_mean[which] = before + (value - before) / e[0].time_count[which]
    e[0].time_m2[which] += (value - before) * (value - e[0].time_mean[which])


@cython.cclass
class Outstanding:
    """The ranges of all endpoints."""

    def __init__(self) -> None:
        self.free = -1
        self.used = 0

    def bind(self, ends: object, connections: object, sent: object) -> None:
        """Use these tables from now on; `sent` begins with the rows that the earlier one had."""
        self.ends = ends
        self.connections = connections
        self.sent = sent

    @property
    def pool(self) -> int:
        """Rows of the pool that were ever used."""
        return self.used

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def room(self) -> cython.bint:
        """Whether the pool has rows for whatever the next segment does."""
        return self.used + LEAST_POOL <= self.sent.shape[0]

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def new_range(
        self,
        e: cython.pointer[Statistic],
        left: cython.longlong,
        right: cython.longlong,
        ts_ns: cython.longlong,
        before: cython.int,
    ) -> cython.int:
        """Put a range before another one, -1: at the end. Returns its row."""
        row: cython.int = self.free
        r: cython.pointer[Sent]
        if row >= 0:
            self.free = self.sent[row].next
        else:
            row = self.used
            self.used += 1
        r = cython.address(self.sent[row])
        r[0].left_pos = left
        r[0].right_pos = right
        r[0].ts_ns = ts_ns
        r[0].segments = 1
        r[0].resent = 0
        r[0].acked = 0
        r[0].next = before
        if before >= 0:
            r[0].previous = self.sent[before].previous
            self.sent[before].previous = row
        else:
            r[0].previous = e[0].last_range if e[0].ranges else -1
            e[0].last_range = row
        if e[0].ranges == 0 or r[0].previous < 0:
            e[0].first_range = row
        else:
            self.sent[r[0].previous].next = row
        if e[0].ranges == 0:
            e[0].first_waiting = -1
        e[0].ranges += 1
        if e[0].first_waiting < 0 or left < self.sent[e[0].first_waiting].left_pos:
            e[0].first_waiting = row
        return row

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def drop(self, e: cython.pointer[Statistic], row: cython.int) -> cython.void:
        """Take a range out of the list that has one before it."""
        r: cython.pointer[Sent] = cython.address(self.sent[row])
        self.sent[r[0].previous].next = r[0].next
        if r[0].next >= 0:
            self.sent[r[0].next].previous = r[0].previous
        else:
            e[0].last_range = r[0].previous
        e[0].ranges -= 1
        r[0].next = self.free
        self.free = row

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def squeeze(self, e: cython.pointer[Statistic]) -> cython.void:
        """Make one of the lowest two ranges that are of one kind, and of all that lies between them."""
        row: cython.int = e[0].first_range
        other: cython.int = self.sent[row].next
        r: cython.pointer[Sent]
        o: cython.pointer[Sent]
        if self.sent[row].acked != self.sent[other].acked and self.sent[other].next >= 0:
            row = other
            other = self.sent[row].next
        r = cython.address(self.sent[row])
        o = cython.address(self.sent[other])
        r[0].right_pos = o[0].right_pos
        r[0].ts_ns = max(r[0].ts_ns, o[0].ts_ns)
        r[0].segments += o[0].segments
        r[0].resent = max(r[0].resent, o[0].resent)
        r[0].acked = min(r[0].acked, o[0].acked)
        if e[0].first_waiting == other:
            e[0].first_waiting = row
        self.drop(e, other)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def send(
        self,
        e: cython.pointer[Statistic],
        left: cython.longlong,
        right: cython.longlong,
        ts_ns: cython.longlong,
    ) -> cython.void:
        """[left, right) is sent: `old` of it was captured before; `late`: all that is new of it is below what was."""
        row: cython.int = -1
        first: cython.longlong = left
        again: cython.bint = False
        self.old = 0
        self.old_first = False
        self.old_last = False
        self.late = False
        if e[0].ranges and left < self.sent[e[0].last_range].right_pos:
            row = e[0].last_range
            while self.sent[row].previous >= 0 and self.sent[self.sent[row].previous].right_pos > left:
                row = self.sent[row].previous
        while row >= 0 and left < right:
            if left < self.sent[row].left_pos:
                if right < self.sent[row].right_pos:
                    self.late = True
                self.new_range(e, left, min(right, self.sent[row].left_pos), ts_ns, row)
                left = self.sent[row].left_pos
            else:
                self.sent_again(e, row, ts_ns, not again)
                again = True
                if left == first:
                    self.old_first = True
                if right <= self.sent[row].right_pos:
                    self.old_last = True
                self.old += min(right, self.sent[row].right_pos) - left
                left = self.sent[row].right_pos
                row = self.sent[row].next
        if left < right:
            self.new_range(e, left, right, ts_ns, -1)
        while e[0].ranges > MOST_RANGES:
            self.squeeze(e)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sent_again(
        self, e: cython.pointer[Statistic], row: cython.int, ts_ns: cython.longlong, measured: cython.bint
    ) -> cython.void:
        """Another copy of a range, or of a part of it."""
        r: cython.pointer[Sent] = cython.address(self.sent[row])
        if r[0].resent < SATURATED:
            r[0].resent += 1
        if r[0].acked == 0:
            if measured:
                timed(e, RESENT, ts_ns - r[0].ts_ns)
            if r[0].resent > e[0].max_resent:
                e[0].max_resent = r[0].resent
        elif ts_ns > e[0].acked_ts_ns:
            e[0].acked_ts_ns = ts_ns
        r[0].ts_ns = ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acknowledge(
        self,
        e: cython.pointer[Statistic],
        ack: cython.longlong,
        ts_ns: cython.longlong,
        bare: cython.bint,
    ) -> cython.int:
        """The peer acknowledges all below `ack`; bare: by nothing but an ACK that repeats the number and the window of
        the one before. Returns how many gaps of the capture it acknowledges for the first time."""
        row: cython.int = e[0].first_waiting if e[0].ranges else -1
        following: cython.int
        gaps: cython.int = 0
        new: cython.bint = False
        if not bare:
            e[0].duplicates_run = 0
        while row >= 0 and self.sent[row].left_pos < ack:
            if ack < self.sent[row].right_pos:
                if self.sent[row].acked == 0 and self.sent[row].segments == 1:
                    e[0].acks_inside_segments += 1
                new = True
                break
            following = self.sent[row].next
            if self.sent[row].acked == 0:
                new = True
                if self.sent[row].previous >= 0 and self.sent[row].left_pos > e[0].acked_pos:
                    gaps += self.sent[self.sent[row].previous].right_pos < self.sent[row].left_pos
                self.acknowledged(e, row, ack, ts_ns)
            if self.sent[row].previous >= 0 and (
                self.sent[self.sent[row].previous].acked
                and self.sent[self.sent[row].previous].right_pos == self.sent[row].left_pos
            ):
                self.sent[self.sent[row].previous].right_pos = self.sent[row].right_pos
                self.drop(e, row)
            row = following
        if e[0].ranges:
            e[0].first_waiting = row
            if self.sent[e[0].last_range].right_pos < ack and e[0].acked_pos < ack:
                gaps += 1
            if bare and not new:
                self.repeated(e, ack)
        if ack > e[0].acked_pos:
            e[0].acked_pos = ack
        return gaps

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acknowledged(
        self, e: cython.pointer[Statistic], row: cython.int, ack: cython.longlong, ts_ns: cython.longlong
    ) -> cython.void:
        """A range is acknowledged for the first time. Its round trip counts when the ACK is of its last byte, it was
        sent once (Karn's rule), and nothing below it was sent after it: that would be what the ACK had waited for."""
        r: cython.pointer[Sent] = cython.address(self.sent[row])
        length: cython.longlong = r[0].right_pos - r[0].left_pos
        elapsed: cython.longlong = ts_ns - r[0].ts_ns
        r[0].acked = 1
        if ack != r[0].right_pos:
            e[0].segments_acked_together += r[0].segments
        elif e[0].acked_ts_ns > r[0].ts_ns:
            e[0].post_loss_acks += 1
        elif r[0].resent:
            timed(e, AMBIGUOUS, elapsed)
        else:
            timed(e, ACKED, elapsed)
            if length > e[0].full_len:
                e[0].full_len = cython.cast(cython.uint, length)
                e[0].time_count[FULL] = 0
                e[0].time_mean[FULL] = 0
                e[0].time_m2[FULL] = 0
                e[0].time_max_ns[FULL] = 0
            if length == e[0].full_len:
                timed(e, FULL, elapsed)
            if e[0].syns == 1 and r[0].left_pos == e[0].syn_pos and length == 1 and not (e[0].known & HANDSHAKE):
                e[0].known |= HANDSHAKE
                e[0].handshake_ns = elapsed
        if r[0].ts_ns > e[0].acked_ts_ns:
            e[0].acked_ts_ns = r[0].ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def repeated(self, e: cython.pointer[Statistic], ack: cython.longlong) -> cython.void:
        """A bare ACK that says what the one before it said: one more of the range that ends there, if there is one."""
        row: cython.int = e[0].last_range
        if e[0].first_waiting >= 0:
            row = self.sent[e[0].first_waiting].previous
        while row >= 0 and self.sent[row].left_pos >= ack:
            row = self.sent[row].previous
        if row < 0 or self.sent[row].right_pos != ack or e[0].flight_samples == 0:
            return
        e[0].repeated_acks += 1
        if ack < e[0].top_pos:
            e[0].duplicates_run += 1
            if e[0].duplicates_run == TRIPLE:
                e[0].triple_duplicate_acks += 1
