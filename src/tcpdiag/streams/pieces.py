"""Text of one direction in its order, and what was delivered last, to compare with what is sent again."""

from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from .chunk import Lost

HISTORY_BYTES: Final = 16 << 20
"""Of what was delivered, kept to be compared: several windows of most connections."""
HISTORY_ITEMS: Final = 1 << 16


class Span:
    """What a receiver holds as one: a segment's text, or that of several that it joined."""

    __slots__ = ("begin", "end")

    def __init__(self, begin: int, end: int) -> None:
        self.begin = begin
        self.end = end


class Piece(NamedTuple):
    """Bytes of one segment, or a gap (`data` is None)."""

    begin: int
    end: int
    data: bytes | None
    frame: int
    ts_ns: int
    side: int
    span: Span
    why: Lost | None = None

    def part(self, begin: int, end: int) -> "Piece":
        """Those of its bytes."""
        data = None if self.data is None else self.data[begin - self.begin : end - self.begin]
        return self._replace(begin=begin, end=end, data=data)


class Run(NamedTuple):
    """Many pieces of both directions: PIECE rows and their text."""

    rows: np.ndarray
    text: bytes

    def overlapping(self, side: int, begin: int, end: int) -> Iterator[Piece]:
        """Pieces of that side with some byte in [begin, end)."""
        rows = self.rows[self.rows["side"] == side]
        offsets = rows["offset"]
        first = max(0, int(np.searchsorted(offsets, begin, side="right")) - 1)
        last = int(np.searchsorted(offsets, end, side="left"))
        for offset, ts_ns, at, length, captured, frame, _ in rows[first:last].tolist():
            if offset + captured > begin:
                data = self.text[at : at + captured]
                yield Piece(offset, offset + captured, data, frame, ts_ns, side, Span(offset, offset + length))

    def cut(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Begins and ends of what the snap length cut off of that side's text."""
        rows = self.rows[(self.rows["side"] == side) & (self.rows["captured"] < self.rows["length"])]
        return rows["offset"] + rows["captured"], rows["offset"] + rows["length"]


class History:
    """The text of one direction that was delivered last."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._begins: list[int] = []
        self._items: list[Piece | Run] = []
        self._gone = 0  # items at the front that were let go
        self._bytes = 0
        self._sizes: list[int] = []

    def add(self, begin: int, size: int, item: Piece | Run) -> None:
        """What goes on at `begin`."""
        self._begins.append(begin)
        self._items.append(item)
        self._sizes.append(size)
        self._bytes += size
        while self._bytes > HISTORY_BYTES or len(self._items) - self._gone > HISTORY_ITEMS:
            self._bytes -= self._sizes[self._gone]
            self._gone += 1
        if self._gone > 64 and 2 * self._gone > len(self._items):
            del self._begins[: self._gone], self._items[: self._gone], self._sizes[: self._gone]
            self._gone = 0

    def overlapping(self, begin: int, end: int) -> Iterator[Piece]:
        """What it still has of [begin, end), gaps among it."""
        at = max(self._gone, bisect_right(self._begins, begin) - 1)
        while at < len(self._items) and self._begins[at] < end:
            item = self._items[at]
            if isinstance(item, Run):
                yield from item.overlapping(self._side, begin, end)
            elif item.end > begin:
                yield item
            at += 1
