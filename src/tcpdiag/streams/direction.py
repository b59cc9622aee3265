"""One direction of a connection: its segments in, its text in order out."""

from typing import Final, NamedTuple

import numpy as np

from ..seqnum import add, diff
from .chunk import Conflict, Copy, Lost, Urgent
from .edges import BY_ACK, NEVER, NO, OWN
from .gaps import Gaps
from .held import HELD_BYTES, Held
from .keeping import IN_ORDER, Keeping
from .pieces import History, Piece, Run, Span

FAR: Final = 1 << 30
"""No window reaches farther (RFC 7323 section 2.3): text beyond it is of no receiver."""
PATIENCE_NS: Final = 3_000_000
"""A hole that the receiver has acknowledged may still be filled: captures of several interfaces are out of order."""
NOTES_MOST: Final = 4096
"""Conflicts and urgent pointers that are told of each direction; the rest is counted."""


class Segment(NamedTuple):
    """What counts of a SEGMENT row."""

    seq: int  # of its first byte of text
    payload_len: int
    data: bytes  # what was captured of it
    frame: int
    ts_ns: int
    corrupted: bool = False


class Direction:
    """The text of one side, in order: `out` gets pieces, gaps among them. Offsets count from the stream's beginning.

    Held are ranges above the edge, so memory does not grow with sequence numbers. A gap is declared when the receiver
    has acknowledged all of it and then sends text, or PATIENCE_NS later it is still there; when more would have to be
    held than `held.HELD_BYTES`; and at the end.
    """

    def __init__(self, side: int, *, first_byte: int | None, checks: bool, keeping: Keeping, wanted: bool) -> None:
        self.side = side
        self.wanted = wanted
        self.checks = checks
        self.started = NO if first_byte is None else OWN
        self.next = first_byte or 0
        self.offset = 0
        self.acked = NEVER
        self.beyond = NEVER
        self.out: list[Piece] = []
        self.gaps = Gaps()
        self.conflicts: list[Conflict] = []
        self.more_conflicts = 0
        self.urgent: list[Urgent] = []
        self.left_out: dict[str, int] = {}
        self._keeping = keeping
        self._held = Held()
        self._history = History(side)
        self._doubtful: list[Segment] = []
        self._doubtful_bytes = 0
        self._fin: int | None = None
        self._empty_start = False  # the stream began with a segment without text
        self._acked_hole_ns: int | None = None  # when the lowest hole was seen to be acknowledged

    @property
    def busy(self) -> bool:
        """Whether the next segment may concern more than the edge."""
        return bool(self._held) or bool(self._doubtful)

    def begin(self, seq: int, payload_len: int, *, is_syn: bool) -> int:
        """The stream begins with this segment, the first one of its side; how many of its bytes come before it.

        A probe of a keepalive is one below SND.NXT, with or without a byte of garbage (RFC 9293 section 3.8.4).
        """
        known = self.next if self.started == BY_ACK else None
        self._empty_start = not payload_len and not is_syn
        probes = int(known is not None and not is_syn and payload_len <= 1 and known == add(seq, 1))
        self.next, self.offset, self.acked, self.beyond = add(seq, probes), 0, NEVER, NEVER
        if known is not None:
            self.acknowledge(known, 0)
        self.started = OWN
        return probes

    def acknowledge(self, ack: int, ts_ns: int) -> None:
        """The receiver expects `ack`. Beyond all that was captured it must say so twice: it may be anybody's number."""
        if self.started == NO:
            self.next, self.started = ack, BY_ACK
        to = self.offset + diff(ack, self.next)
        high = self._held.end if self._held else self.offset
        sure = to
        if to > high:
            sure, self.beyond = min(self.beyond, to), to
        self.acked = max(self.acked, sure)
        if self._doubtful:
            self._trust()
        self._note_acked_hole(ts_ns)

    def take(self, segment: Segment) -> None:
        """Text. What is not in order is held, what is old is compared."""
        begin = self.offset + diff(segment.seq, self.next)
        end = begin + segment.payload_len
        if begin < 0:
            self._leave_out("sent before the capture", min(end, 0) - begin)
        if begin == 1 and self.offset == 0 and self._empty_start and not self._held:  # the empty one was a probe
            self.next = segment.seq
            begin, end = 0, segment.payload_len
        if begin > max(self.offset, self.acked) + FAR:
            self._leave_out("beyond any window", segment.payload_len)
            return
        if segment.corrupted and end > self.acked:
            self._doubt(segment, end)
            return
        self._empty_start = False
        captured = begin + len(segment.data)
        new = Piece(begin, captured, segment.data, segment.frame, segment.ts_ns, self.side, Span(begin, end))
        if begin < self.offset:
            if segment.payload_len > 1:
                self._compare(new)
            if end <= self.offset:
                return
        joined = self._held.ending_at(begin) if self._keeping.joins and begin > self.offset else None
        if joined is not None:
            joined.end = end
            new = new._replace(span=joined)
        for piece in (new, new._replace(begin=new.end, end=end, data=None, why=Lost.SNAPPED)):
            if piece.end > max(self.offset, piece.begin):
                self._held.insert(piece.part(max(piece.begin, self.offset), piece.end), self._second_wins)
        self._drain()
        self._note_acked_hole(segment.ts_ns)

    def took(self, run: Run, offset: int, seq: int, acked: int, beyond: int) -> None:
        """The kernel went on to here."""
        if offset > self.offset:
            self._history.add(self.offset, offset - self.offset, run)
            self.gaps.add(Lost.SNAPPED, *run.cut(self.side))
            self._empty_start = False
        self.offset, self.next, self.acked, self.beyond = offset, seq, acked, beyond

    def finish_at(self, seq: int) -> None:
        """A FIN has this number: it takes one, and is no text."""
        self._fin = self.offset + diff(seq, self.next)

    def point(self, seq: int, frame: int) -> None:
        """An urgent pointer says that urgent data end with this byte."""
        if len(self.urgent) < NOTES_MOST:
            self.urgent.append(Urgent(self.offset + diff(seq, self.next), frame))

    def tick(self, ts_ns: int, frame: int, *, answered: bool = False) -> None:
        """Time goes on: declare the gaps that nothing will fill any more. answered: the receiver sends text."""
        if answered and self._acked_hole_ns is not None:
            self._acked_hole_ns = ts_ns - PATIENCE_NS
        while self._held and (self._is_due(ts_ns) or self._held.full):
            self._skip(self._held.begin, ts_ns, frame)
            self._drain()
            self._acked_hole_ns = None
            self._note_acked_hole(ts_ns - PATIENCE_NS)  # what was acknowledged with it

    def finish(self, ts_ns: int, frame: int) -> None:
        """The capture ends: what is held goes out, and the gaps around it."""
        while self._held:
            self._skip(self._held.begin, ts_ns, frame)
            self._drain()
        end = self.acked
        if self._fin is not None and self._fin >= self.offset:
            end = min(end, self._fin)
        elif self._fin is None and end == self.offset + 1:
            end = self.offset  # a FIN that was not captured takes a number, too; so does a probe
        if end > self.offset and self.wanted:
            self._skip(end, ts_ns, frame)

    def leave_out(self, why: str, size: int) -> None:
        """Count text that is no part of the stream."""
        self._leave_out(why, size)

    def _leave_out(self, why: str, size: int) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + size

    def _is_due(self, ts_ns: int) -> bool:
        return self._acked_hole_ns is not None and ts_ns - self._acked_hole_ns >= PATIENCE_NS

    def _note_acked_hole(self, ts_ns: int) -> None:
        """Remember since when the lowest hole is acknowledged."""
        if not self._held:
            self._acked_hole_ns = None
        elif self._acked_hole_ns is None:
            if self.beyond <= self._held.end:
                self.acked = max(self.acked, self.beyond)
            if self.acked >= self._held.begin:
                self._acked_hole_ns = ts_ns

    def _drain(self) -> None:
        """Deliver what is in order now."""
        for piece in self._held.take(self.offset):
            self._emit(piece)

    def _emit(self, piece: Piece) -> None:
        self.out.append(piece)
        size = 0 if piece.data is None else len(piece.data)
        self._history.add(piece.begin, size, piece)
        self.next = add(self.next, piece.end - piece.begin)
        self.offset = piece.end
        if piece.why is not None:
            self.gaps.add(piece.why, np.array([piece.begin]), np.array([piece.end]))

    def _skip(self, to: int, ts_ns: int, frame: int) -> None:
        """A gap from the edge on, in parts by what the receiver acknowledged of it."""
        if self._fin == self.offset and to == self.offset + 1:  # text after a FIN: its number is between
            self.offset, self.next = to, add(self.next, 1)
            return
        acked = min(max(self.acked, self.offset), to)
        unacked = Lost.UNKNOWN if self.acked == NEVER else Lost.NEVER_ACKNOWLEDGED
        for begin, end, why in ((self.offset, acked, Lost.NOT_CAPTURED), (acked, to, unacked)):
            if end > begin:
                self._emit(Piece(begin, end, None, frame, ts_ns, self.side, Span(begin, end), why))

    def _doubt(self, segment: Segment, end: int) -> None:
        """Damaged on its way: it counts only if the receiver takes it, so acknowledges it before a whole copy comes."""
        self._leave_out("wrong checksum", segment.payload_len)
        if end > self.offset and self._doubtful_bytes + len(segment.data) <= HELD_BYTES:
            self._doubtful.append(segment)
            self._doubtful_bytes += len(segment.data)

    def _trust(self) -> None:
        """Take doubtful segments that the receiver acknowledged; forget those of which a whole copy came."""
        doubtful, self._doubtful, self._doubtful_bytes = self._doubtful, [], 0
        for segment in doubtful:
            begin = self.offset + diff(segment.seq, self.next)
            end = begin + segment.payload_len
            if end <= self.offset:
                continue
            if end <= max(self.acked, self.beyond):
                self._leave_out("wrong checksum", -segment.payload_len)
                self.acked = max(self.acked, end)
                self.take(segment._replace(corrupted=False))
            else:
                self._doubtful.append(segment)
                self._doubtful_bytes += len(segment.data)

    def _compare(self, new: Piece) -> None:
        """What is sent again, with what was delivered: the same?"""
        for old in self._history.overlapping(new.begin, min(new.end, self.offset)):
            span = _differing(old, new)
            if old.data is None and old.why is not Lost.SNAPPED:
                self._leave_out("later than its gap was told", min(old.end, new.end) - max(old.begin, new.begin))
            if span is not None:
                certain = self.acked >= span[1]
                self._note(Conflict(span[0], span[1] - span[0], old.frame, new.frame, Copy.FIRST, certain, IN_ORDER))

    def _second_wins(self, old: Piece, new: Piece) -> bool:
        """Of two copies that are both held."""
        if old.data is None or new.data is None:
            return old.data is None and new.data is not None
        keeping = self._keeping
        wins = keeping.second_wins(old.span, new.span)
        span = _differing(old, new)
        if span is not None:
            kept = Copy.UNKNOWN if not keeping.known else Copy.SECOND if wins else Copy.FIRST
            self._note(Conflict(span[0], span[1] - span[0], old.frame, new.frame, kept, False, keeping.rule))
        return wins

    def _note(self, conflict: Conflict) -> None:
        if len(self.conflicts) < NOTES_MOST:
            self.conflicts.append(conflict)
        else:
            self.more_conflicts += 1


def _differing(one: Piece, two: Piece) -> tuple[int, int] | None:
    """From the first byte in which they differ to after the last one; None: what both have is the same."""
    begin, end = max(one.begin, two.begin), min(one.end, two.end)
    if begin >= end or one.data is None or two.data is None:
        return None
    first = one.data[begin - one.begin : end - one.begin]
    second = two.data[begin - two.begin : end - two.begin]
    if first == second:
        return None
    places = np.flatnonzero(np.frombuffer(first, np.uint8) != np.frombuffer(second, np.uint8))
    return begin + int(places[0]), begin + int(places[-1]) + 1
