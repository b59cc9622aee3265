# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Statistics of every endpoint, segment by segment: rows in, sums out. `model.statistics` tells the columns."""

from __future__ import annotations

import cython

from tcpdiag.model.segment import Flag, Origin
from tcpdiag.model.statistics import RECENT_IDS as _RECENT_IDS
from tcpdiag.model.statistics import Known
from tcpdiag.seqnum import add, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Endings = uncompiled("endings").Endings
    position = uncompiled("outstanding").position

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
PSH = cython.declare(cython.int, int(Flag.PSH))
ACK = cython.declare(cython.int, int(Flag.ACK))
URG = cython.declare(cython.int, int(Flag.URG))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))
IPV4 = cython.declare(cython.int, 4)
RECENT_IDS = cython.declare(cython.int, _RECENT_IDS)

POSITION = cython.declare(cython.int, int(Known.POSITION))
WINDOW = cython.declare(cython.int, int(Known.WINDOW))
ACK_KNOWN = cython.declare(cython.int, int(Known.ACK))
DATA_ACKED = cython.declare(cython.int, int(Known.DATA_ACKED))
SYN_KNOWN = cython.declare(cython.int, int(Known.SYN))
FIN_KNOWN = cython.declare(cython.int, int(Known.FIN))
FLIGHT = cython.declare(cython.int, int(Known.FLIGHT))
SEGMENT = cython.declare(cython.int, int(Known.SEGMENT))
DATA = cython.declare(cython.int, int(Known.DATA))
SYN_WINDOW = cython.declare(cython.int, int(Known.SYN_WINDOW))


@cython.cclass
class Counting(Endings):
    """The kernel of the statistics."""

    def feed(
        self,
        segments: Segment[::1],
        places: cython.longlong[::1],
        sides: cython.uchar[::1],
        start: cython.longlong,
    ) -> int:
        """Count `segments[start:]`; places: row of the connection of each, sides: of its sender. Returns the number of
        the first for which there was no room in the pool."""
        i: cython.longlong = start
        n: cython.longlong = segments.shape[0]
        with cython.nogil:
            while i < n and self.room():
                if not (segments[i].origin & HEADER_TRUNCATED):
                    self.segment(places[i], sides[i], cython.address(segments[i]))
                i += 1
        return i

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def segment(self, place: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """One segment."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        o: cython.pointer[Statistic] = cython.address(self.ends[2 * place + 1 - side])
        before: cython.int = e[0].known
        top: cython.longlong = e[0].top_pos
        left: cython.longlong = position(e, s[0].seq)
        right: cython.longlong = left + s[0].payload_len + ((s[0].flags & SYN) != 0) + ((s[0].flags & FIN) != 0)
        ack: cython.longlong
        again: cython.bint = False
        gaps: cython.int = 0
        if before & SEGMENT and s[0].ts_ns - e[0].last_ts_ns > e[0].max_idle_ns:
            e[0].max_idle_ns = s[0].ts_ns - e[0].last_ts_ns
        e[0].last_ts_ns = s[0].ts_ns
        e[0].known |= SEGMENT
        e[0].options |= s[0].options
        if s[0].family == IPV4 and s[0].ip_id != 0:
            self.identify(e, s)
        if s[0].flags & SYN:
            e[0].syns += 1
            e[0].syn_pos = left
            e[0].known |= SYN_KNOWN
            e[0].syn_options = s[0].options
            e[0].mss = s[0].mss
            e[0].wscale = s[0].wscale
        if s[0].flags & FIN:
            e[0].fins += 1
            e[0].fin_pos = right - 1
            e[0].known |= FIN_KNOWN
        if s[0].payload_len:
            self.text(e, s)
        if right > left and not (s[0].flags & RST):
            again = self.space(e, o, s, left, right)
        self.history(place, side, s, again and (before & POSITION) != 0 and right <= top)
        self.ending(place, side, s)
        if s[0].flags & ACK:
            ack = position(o, s[0].ack)
            e[0].ack_packets += 1
            gaps = self.acknowledge(o, ack, s[0].ts_ns, self.repeats(e, o, s, ack))
            if gaps:
                self.gaps(place, 1 - side, gaps)
            if not (s[0].flags & RST):
                o[0].ack_pos = ack
                o[0].known |= ACK_KNOWN
                if not (o[0].known & SYN_KNOWN) or ack != o[0].syn_pos + 1:
                    o[0].known |= DATA_ACKED
                self.acks(e, s)
        if s[0].flags & RST:
            return
        if s[0].flags & (ACK | SYN):
            self.window(e, s)
        if right > left and s[0].payload_len and not again and not (e[0].known & DATA_ACKED):
            e[0].initial_bytes += s[0].payload_len
            e[0].initial_packets += 1
        if not (s[0].flags & SYN) and not again and not (right > left and self.late):
            self.flight(e, s, right - ((s[0].flags & FIN) != 0))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def identify(self, e: cython.pointer[Statistic], s: cython.pointer[Segment]) -> cython.void:
        """The same IP ID and sequence number as a segment just before: a copy made below IP."""
        i: cython.int
        if s[0].seq == 0:
            return
        for i in range(RECENT_IDS):
            if e[0].recent_id[i] == s[0].ip_id and e[0].recent_seq[i] == s[0].seq:
                e[0].hardware_duplicates += 1
                return
        e[0].recent_id[e[0].recent_next] = s[0].ip_id
        e[0].recent_seq[e[0].recent_next] = s[0].seq
        e[0].recent_next = (e[0].recent_next + 1) % RECENT_IDS

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def text(self, e: cython.pointer[Statistic], s: cython.pointer[Segment]) -> cython.void:
        """A segment with text, new or not."""
        e[0].data_packets += 1
        e[0].data_bytes += s[0].payload_len
        if s[0].flags & PSH:
            e[0].pushed_packets += 1
        if s[0].flags & URG:
            e[0].urgent_packets += 1
            e[0].urgent_bytes += s[0].urgent
        if s[0].payload_len > e[0].max_segment:
            e[0].max_segment = s[0].payload_len
        if e[0].min_segment == 0 or s[0].payload_len < e[0].min_segment:
            e[0].min_segment = s[0].payload_len
        if s[0].captured_len < s[0].payload_len:
            e[0].truncated_packets += 1
            e[0].truncated_bytes += cython.cast(cython.longlong, s[0].payload_len) - s[0].captured_len
        if not (e[0].known & DATA):
            e[0].known |= DATA
            e[0].first_data_ts_ns = s[0].ts_ns
        e[0].last_data_ts_ns = s[0].ts_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def space(
        self,
        e: cython.pointer[Statistic],
        o: cython.pointer[Statistic],
        s: cython.pointer[Segment],
        left: cython.longlong,
        right: cython.longlong,
    ) -> cython.bint:
        """A segment that takes sequence space: whether any of that was captured before."""
        text: cython.longlong
        if o[0].known & WINDOW and o[0].last_window == 0:
            e[0].closed_window_packets += 1
            e[0].closed_window_bytes += s[0].payload_len
        self.send(e, left, right, s[0].ts_ns)
        if right > e[0].top_pos:
            e[0].top_seq = add(e[0].top_seq, right - e[0].top_pos)
            e[0].top_pos = right
        text = self.old
        if s[0].flags & SYN and self.old_first:
            text -= 1
        if s[0].flags & FIN and self.old_last:
            text -= 1
        e[0].unique_bytes += s[0].payload_len - text
        if self.late:
            e[0].late_packets += 1
        if self.old > 0:
            e[0].rexmt_packets += 1
            e[0].rexmt_bytes += self.old
        return self.old > 0

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def window(self, e: cython.pointer[Statistic], s: cython.pointer[Segment]) -> cython.void:
        """SEG.WND as in the header; apart for SYNs, in which it is never scaled (RFC 7323 section 2.2)."""
        e[0].known |= WINDOW
        e[0].known &= ~SYN_WINDOW
        e[0].last_window = s[0].window
        if s[0].flags & SYN:
            e[0].known |= SYN_WINDOW
            e[0].syn_windows += 1
            e[0].syn_window_sum += s[0].window
            if s[0].window > e[0].syn_window_max:
                e[0].syn_window_max = s[0].window
            if s[0].window and (e[0].syn_window_min == 0 or s[0].window < e[0].syn_window_min):
                e[0].syn_window_min = s[0].window
            return
        e[0].windows += 1
        e[0].window_sum += s[0].window
        if s[0].window > e[0].window_max:
            e[0].window_max = s[0].window
        if s[0].window and (e[0].window_min == 0 or s[0].window < e[0].window_min):
            e[0].window_min = s[0].window

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def repeats(
        self,
        e: cython.pointer[Statistic],
        o: cython.pointer[Statistic],
        s: cython.pointer[Segment],
        ack: cython.longlong,
    ) -> cython.bint:
        """Whether it is an ACK and no more, and repeats number and window of the one before (RFC 5681 section 2)."""
        return (
            s[0].payload_len == 0
            and not (s[0].flags & (SYN | FIN | RST))
            and (o[0].known & ACK_KNOWN) != 0
            and ack == o[0].ack_pos
            and s[0].window == e[0].last_window
            and not (e[0].known & SYN_WINDOW)
        )

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def acks(self, e: cython.pointer[Statistic], s: cython.pointer[Segment]) -> cython.void:
        """ACKs by their kind. A DSACK begins with a block below SEG.ACK, or inside the second (RFC 2883 section 4)."""
        if s[0].payload_len == 0 and not (s[0].flags & (SYN | FIN)):
            e[0].pure_acks += 1
        if s[0].n_sack == 0:
            return
        e[0].sack_packets += 1
        if s[0].n_sack > e[0].max_sack_blocks:
            e[0].max_sack_blocks = s[0].n_sack
        if lt(s[0].sack[0], s[0].ack) or (
            s[0].n_sack > 1 and le(s[0].sack[2], s[0].sack[0]) and le(s[0].sack[1], s[0].sack[3])
        ):
            e[0].dsack_packets += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def flight(self, e: cython.pointer[Statistic], s: cython.pointer[Segment], right: cython.longlong) -> cython.void:
        """What is not acknowledged once this segment is sent. Without an ACK of the peer that is known of a connection
        from its beginning only."""
        amount: cython.longlong
        if e[0].known & ACK_KNOWN:
            amount = max(right - e[0].ack_pos, 0)
        elif e[0].known & SYN_KNOWN:
            amount = max(right - e[0].syn_pos - 1, 0)
        else:
            return
        if e[0].known & FLIGHT:
            e[0].flight_integral += cython.cast(cython.double, e[0].flight_bytes) * (s[0].ts_ns - e[0].flight_ts_ns)
        e[0].known |= FLIGHT
        e[0].flight_bytes = amount
        e[0].flight_ts_ns = s[0].ts_ns
        e[0].flight_samples += 1
        e[0].flight_sum += amount
        if amount > e[0].flight_max:
            e[0].flight_max = amount
        if amount > 0 and (e[0].flight_min == 0 or amount < e[0].flight_min):
            e[0].flight_min = amount
