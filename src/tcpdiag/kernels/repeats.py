# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What is sent again: where its first copy was lost, whether it was needless, and whether it says the same.

Late to the tap is not sent again; the hole that it fills, and for how long that was open, tell the two apart.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import PROBE_ROWS as _PROBE_ROWS
from tcpdiag.model.event import RETRANSMISSION_ROWS as _RETRANSMISSION_ROWS
from tcpdiag.model.event import EventKind
from tcpdiag.model.event import LossPlace as _LossPlace
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Checksum, Option, Origin
from tcpdiag.seqnum import add, diff, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Resets = uncompiled("reset").Resets
    covered = uncompiled("ranges").covered

RCV_KNOWN = cython.declare(cython.uint, int(EndpointBit.RCV_KNOWN))
ACKED = cython.declare(cython.uint, int(EndpointBit.ACKED))
WINDOW_IS_CLOSED = cython.declare(cython.uint, int(EndpointBit.WINDOW_CLOSED))

UNKNOWN = cython.declare(cython.int, int(_LossPlace.UNKNOWN))
BEFORE = cython.declare(cython.int, int(_LossPlace.BEFORE))
AFTER = cython.declare(cython.int, int(_LossPlace.AFTER))
NOWHERE = cython.declare(cython.int, int(_LossPlace.NOWHERE))

RETRANSMISSION = cython.declare(cython.int, int(EventKind.RETRANSMISSION))
OTHER_CONTENT = cython.declare(cython.int, int(EventKind.OTHER_CONTENT))
GAP_TOLD = cython.declare(cython.int, int(EventKind.GAP_TOLD))
TIMESTAMPS = cython.declare(cython.int, int(Option.TIMESTAMPS))
CUT = cython.declare(cython.int, int(Origin.TRUNCATED | Origin.HEADER_TRUNCATED))
CHECKSUM_BAD = cython.declare(cython.int, int(Checksum.BAD))

RETRANSMISSION_ROWS = cython.declare(cython.uint, _RETRANSMISSION_ROWS)
PROBE_ROWS = cython.declare(cython.uint, _PROBE_ROWS)
SATURATED = cython.declare(cython.int, 65535)
GAP_MOST = cython.declare(cython.int, 255)  # room of Event.detail
# A hole filled sooner than this is reordering, not a retransmission (Wireshark's default for an unknown RTT).
REORDERING_NS = cython.declare(cython.longlong, 3_000_000)
RECENT = cython.declare(cython.int, 4)  # room of Detail.recent_seq and its fellows, a power of two
LONGEST_KEPT = cython.declare(cython.uint, 0xFFFF)
ZERO_SUM = cython.declare(cython.uint, 0xFFFF)  # in one's complement the other zero


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def comparable(s: cython.pointer[Segment]) -> cython.bint:
    """Whether the sum of the payload says what its sender sent.

    Not when it was cut or corrupted; one byte may be the garbage of a probe (RFC 9293 section 3.8.4).
    """
    return (
        s[0].payload_len > 1
        and s[0].payload_len <= LONGEST_KEPT
        and not (s[0].origin & CUT)
        and s[0].checksum != CHECKSUM_BAD
    )


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def remember(d: cython.pointer[Detail], s: cython.pointer[Segment]) -> cython.void:
    """Keep what is needed to compare the segment with one that is sent again; the oldest kept gives way."""
    i: cython.int = d[0].recent_next
    d[0].recent_seq[i] = s[0].seq
    d[0].recent_frame[i] = s[0].frame
    d[0].recent_len[i] = cython.cast(cython.ushort, s[0].payload_len)
    d[0].recent_sum[i] = s[0].payload_sum
    d[0].recent_ttl[i] = s[0].ttl
    d[0].recent_next = (i + 1) & (RECENT - 1)


@cython.cclass
class Repeats(Resets):
    """Text and FIN below SND.NXT."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def old_text(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], right: cython.uint
    ) -> cython.void:
        """Sequence space below SND.NXT: sent again, or late to the tap."""
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        seen: cython.bint = (b[0].bits & RCV_KNOWN) != 0 and covered(b, db, s[0].seq, right)
        place: cython.int
        if (b[0].bits & RCV_KNOWN) and db[0].n_holes > 0 and not seen and self.late(flow, side, s):
            da[0].out_of_order += 1
            if comparable(s):
                remember(da, s)
            return
        db[0].rtt_seq_ts_ns = 0
        da[0].flight_len = 0
        da[0].retransmissions += 1
        da[0].retrans_bytes += s[0].payload_len
        if da[0].retrans_run == 0:
            da[0].retrans_first_ts_ns = s[0].ts_ns
            da[0].retrans_run_frame = s[0].frame
        da[0].retrans_run += 1
        place = self.loss_place(flow, side, s, right, seen)
        if da[0].retransmissions <= RETRANSMISSION_ROWS:
            da[0].retrans_event = cython.cast(
                cython.uint,
                self.note(RETRANSMISSION, flow, side, s, place, a[0].last_frame, s[0].ts_ns - da[0].last_new_ts_ns),
            )
        else:
            da[0].events_full = 1
        da[0].last_retrans_frame = s[0].frame
        if comparable(s):
            self.compare(flow, side, s)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def late(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.bint:
        """Whether what fills a hole was overtaken on its way, and not sent again.

        Its timestamp tells: older than the newest text, or newer by more than one tick of the clock. Else it was
        when it comes sooner than the sender can have heard of the hole: a round trip on both sides of the tap.
        """
        row: cython.longlong = self.flows[flow].detail
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        since: cython.longlong = s[0].ts_ns - db[0].hole_ts_ns
        newer: cython.longlong = diff(s[0].tsval, da[0].last_new_tsval)
        if (s[0].options & TIMESTAMPS) and da[0].last_new_tsval != 0 and (newer < 0 or newer > 1):
            return newer < 0
        return since <= REORDERING_NS or since < da[0].rtt_min_ns + db[0].rtt_min_ns

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def loss_place(
        self,
        flow: cython.longlong,
        side: cython.int,
        s: cython.pointer[Segment],
        right: cython.uint,
        seen: cython.bint,
    ) -> cython.int:
        """LossPlace of what is sent again, `seen` before by the tap or not; counted.

        Unknown: what was sent before the capture's first segment, what a closed window had no room for, what a
        receiver that was never captured may have acknowledged, and holes among ranges that found no place.
        """
        row: cython.longlong = self.flows[flow].detail
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        if (b[0].bits & ACKED) and le(right, b[0].last_ack):
            da[0].needless += 1
            return NOWHERE
        if (b[0].bits & WINDOW_IS_CLOSED) or not (b[0].bits & RCV_KNOWN) or le(s[0].seq, a[0].isn):
            return UNKNOWN
        if seen:
            if b[0].packets == 0:
                return UNKNOWN
            da[0].lost_after += 1
            return AFTER
        if self.details[row + 1 - side].forgotten:
            return UNKNOWN
        da[0].lost_before += 1
        return BEFORE

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def sacked(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """SACK blocks of `side`: the first one is a DSACK when it is below SEG.ACK or inside the second (RFC 2883
        section 4). What it reports was not lost, if it is what the peer sent again last."""
        row: cython.longlong = self.flows[flow].detail
        da: cython.pointer[Detail] = cython.address(self.details[row + side])
        db: cython.pointer[Detail] = cython.address(self.details[row + 1 - side])
        left: cython.uint = s[0].sack[0]
        right: cython.uint = s[0].sack[1]
        e: cython.pointer[Event]
        if not lt(left, right):
            return
        if not lt(left, s[0].ack) and not (s[0].n_sack > 1 and le(s[0].sack[2], left) and le(right, s[0].sack[3])):
            self.tell_gap(flow, side, s)
            return
        if da[0].dsacks < SATURATED:
            da[0].dsacks += 1
        if db[0].retransmissions == 0:
            return
        e = cython.address(self.events[db[0].retrans_event])
        if le(left, e[0].seq) and le(add(e[0].seq, cython.cast(cython.longlong, e[0].payload_len)), right):
            if e[0].detail == BEFORE:
                db[0].lost_before -= 1
            elif e[0].detail == AFTER:
                db[0].lost_after -= 1
            else:
                return
            db[0].needless += 1
            e[0].detail = NOWHERE

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def tell_gap(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """`side` says that it has text behind a gap: by its SACK blocks (RFC 2018 section 4), or by its ACK alone."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        e: cython.pointer[Event]
        length: cython.longlong
        i: cython.int
        if d[0].gap_event == 0:
            if d[0].gaps_told < SATURATED:
                d[0].gaps_told += 1
            if d[0].gaps_told > PROBE_ROWS:
                d[0].events_full = 1
                return
            d[0].gap_event = cython.cast(cython.uint, self.note(GAP_TOLD, flow, side, s, 0, 0, 0))
        e = cython.address(self.events[d[0].gap_event])
        if e[0].detail < GAP_MOST:
            e[0].detail += 1
        for i in range(s[0].n_sack):
            length = diff(s[0].sack[2 * i + 1], s[0].sack[2 * i])
            if lt(s[0].ack, s[0].sack[2 * i]) and length > e[0].value:
                e[0].value = length

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def compare(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Whether the range had another content before. Each content is told once, as long as it is remembered."""
        d: cython.pointer[Detail] = cython.address(self.details[self.flows[flow].detail + side])
        other: cython.int = -1
        i: cython.int
        for i in range(RECENT):
            if d[0].recent_frame[i] != 0 and d[0].recent_seq[i] == s[0].seq and d[0].recent_len[i] == s[0].payload_len:
                if d[0].recent_sum[i] % ZERO_SUM == s[0].payload_sum % ZERO_SUM:
                    return
                if other < 0 or d[0].recent_frame[i] < d[0].recent_frame[other]:
                    other = i
        if other >= 0:
            if d[0].conflicts < SATURATED:
                d[0].conflicts += 1
            if d[0].conflicts <= PROBE_ROWS:
                self.note(OTHER_CONTENT, flow, side, s, 0, d[0].recent_frame[other], d[0].recent_ttl[other])
        remember(d, s)
