"""Both directions of a connection, batch by batch: the kernel takes what is in order, this the exceptions."""

from typing import Final

import numpy as np

from .. import kernels
from ..model.flow import CORRUPTED_SHARE, EndpointBit
from ..model.segment import Checksum, Flag, Origin
from ..model.tables import Tables
from ..seqnum import add
from .direction import Direction, Segment
from .edges import EDGE, OWN, PIECE
from .keeping import keeping_of
from .pieces import Piece, Run

COLUMNS: Final = (
    "flags",
    "seq",
    "ack",
    "payload_len",
    "captured_len",
    "payload_offset",
    "frame",
    "ts_ns",
    "checksum",
    "origin",
    "urgent",
)
SYN, FIN, RST, ACK, URG = (int(flag) for flag in (Flag.SYN, Flag.FIN, Flag.RST, Flag.ACK, Flag.URG))
BAD, HEADER_TRUNCATED = int(Checksum.BAD), int(Origin.HEADER_TRUNCATED)

Item = Piece | Run


class Reassembly:
    """The two streams of one connection. Feed it the connection's segments in capture order."""

    def __init__(self, *directions: Direction) -> None:
        """directions: of side 0 and of side 1."""
        self._kernel = kernels.load("in_order")
        self.directions = directions
        self._ts_ns = 0
        self._frame = 0

    def feed(self, rows: np.ndarray, sides: np.ndarray, buffer: np.ndarray) -> list[Item]:
        """Text that is in order after these SEGMENT rows. `buffer`: where their payload is."""
        found: list[Item] = []
        columns: list[tuple[int, ...]] | None = None
        n, at = len(rows), 0
        one, two = self.directions
        while at < n:
            if not (one.busy or two.busy):
                at = self._in_order(rows, sides, buffer, at, found)
                if at >= n:
                    break
            if columns is None:
                columns, first = _tuples(rows, at), at
            sender = int(sides[at])
            self._one(columns[at - first], sender, buffer)
            for direction in (self.directions[1 - sender], self.directions[sender]):  # what it answers comes first
                found += direction.out
                direction.out.clear()
            at += 1
        if n:
            self._ts_ns, self._frame = int(rows["ts_ns"][-1]), int(rows["frame"][-1])
        return found

    def finish(self) -> list[Item]:
        """The rest: no more segments come."""
        found: list[Item] = []
        for direction in self.directions:
            direction.finish(self._ts_ns, self._frame)
            found += direction.out
            direction.out.clear()
        return found

    def _in_order(self, rows: np.ndarray, sides: np.ndarray, buffer: np.ndarray, at: int, found: list[Item]) -> int:
        """Let the kernel go on from row `at`; where it stopped."""
        edges = np.zeros(2, EDGE)
        for side, each in enumerate(self.directions):
            state = (each.offset, each.acked, each.beyond, each.next, each.started, each.wanted, each.checks, 0)
            edges[side] = state
        pieces, text = np.empty(len(rows) - at, PIECE), np.empty(len(buffer), np.uint8)
        counts = np.zeros(2, np.int64)
        values = (rows, sides, buffer), (edges, pieces, text, counts)
        before, after = (kernels.arrays(self._kernel, *each) for each in values)
        at = self._kernel.take(*before, at, *after)
        count, used = counts.tolist()
        run = Run(pieces[:count].copy(), text[:used].tobytes())
        for each, edge in zip(self.directions, edges.tolist(), strict=True):
            each.took(run, edge[0], edge[3], edge[1], edge[2])
        if count:
            found.append(run)
        return at

    def _one(self, row: tuple[int, ...], side: int, buffer: np.ndarray) -> None:
        """One segment, whatever it is."""
        flags, seq, ack, payload_len, captured_len, at, frame, ts_ns, checksum, origin, urgent = row
        mine, other = self.directions[side], self.directions[1 - side]
        if origin & HEADER_TRUNCATED:
            return
        if flags & RST:  # what text it has explains the reset (RFC 9293 section 3.5.3); its ACK may be anything
            if payload_len:
                mine.leave_out("in a RST", payload_len)
            return
        seq = add(seq, 1) if flags & SYN else seq
        probe = 0
        if mine.started != OWN:
            probe = mine.begin(seq, payload_len, is_syn=bool(flags & SYN))
        if flags & ACK and other.wanted:
            other.acknowledge(ack, ts_ns)
        other.tick(ts_ns, frame, answered=payload_len > 0)
        if payload_len > probe and mine.wanted:
            text = buffer[at : at + captured_len].tobytes()
            mine.take(Segment(seq, payload_len, text, frame, ts_ns, mine.checks and checksum == BAD))
        if flags & URG and mine.wanted and payload_len:
            mine.point(add(seq, urgent - 1), frame)
        if flags & FIN:
            mine.finish_at(add(seq, payload_len))
        mine.tick(ts_ns, frame)


def _tuples(rows: np.ndarray, start: int) -> list[tuple[int, ...]]:
    """The columns that count of the rows from `start` on, as Python integers."""
    return list(zip(*(rows[name][start:].tolist() for name in COLUMNS), strict=True))


def reassembly_of(tables: Tables, stream: int, wanted: tuple[bool, bool] = (True, True)) -> Reassembly:
    """Of one connection of a capture. wanted: by side, whose text is to be put together."""
    return Reassembly(*(_direction(tables, stream, side, wanted[side]) for side in (0, 1)))


def _direction(tables: Tables, stream: int, side: int, wanted: bool) -> Direction:
    """What the first pass knows of this side."""
    endpoint, detail = tables.endpoint(stream, side), tables.detail(stream, side)
    bad = 0 if detail is None else int(detail["bad_checksums"])
    return Direction(
        side,
        first_byte=add(int(endpoint["isn"]), 1) if endpoint["bits"] & EndpointBit.ISN_KNOWN else None,
        checks=0 < bad * CORRUPTED_SHARE <= int(endpoint["packets"]),
        keeping=keeping_of(int(tables.endpoint(stream, 1 - side)["profile"])),
        wanted=wanted,
    )
