"""Text that came before what is in front of it: a list of ranges, as long as segments are held, never a buffer."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from .pieces import Piece, Span

HELD_BYTES: Final = 64 << 20
"""Of one direction: the largest window that Linux offers by default is 6 MB, the largest there can be 1 GB."""
HELD_PIECES: Final = 1 << 16

Overlap = Callable[[Piece, Piece], bool]
"""Told of two pieces that overlap, the first and the second; whether the second one wins."""


class Held:
    """Pieces of one direction above its edge, ascending, without overlap."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def begin(self) -> int:
        """Of the lowest."""
        return self._pieces[0].begin

    @property
    def end(self) -> int:
        """Of the highest."""
        return self._pieces[-1].end

    @property
    def full(self) -> bool:
        """More than is held of one direction."""
        return self._bytes > HELD_BYTES or len(self._pieces) > HELD_PIECES

    def insert(self, new: Piece, overlap: Overlap) -> None:
        """Put it in its place; where it overlaps others, each byte is the winner's."""
        pieces = self._pieces
        if not pieces or new.begin >= pieces[-1].end:
            pieces.append(new)
            self._bytes += _size(new)
            return
        low = bisect_left(pieces, (new.begin,))
        if low and pieces[low - 1].end > new.begin:
            low -= 1
        high = low
        while high < len(pieces) and pieces[high].begin < new.end:
            high += 1
        merged = _merged(pieces[low:high], new, overlap)
        self._bytes += sum(map(_size, merged)) - sum(map(_size, pieces[low:high]))
        pieces[low:high] = merged

    def ending_at(self, place: int) -> Span | None:
        """What ends exactly there, unless another one reaches over that place."""
        low = bisect_left(self._pieces, (place,))
        if not low or self._pieces[low - 1].end != place:
            return None
        span = self._pieces[low - 1].span
        crossed = low < len(self._pieces) and self._pieces[low].span.begin < place
        return span if span.end == place and not crossed else None

    def take(self, edge: int) -> list[Piece]:
        """Let go what goes on at the edge without a hole."""
        count = 0
        while count < len(self._pieces) and self._pieces[count].begin == edge:
            edge = self._pieces[count].end
            count += 1
        taken = self._pieces[:count]
        del self._pieces[:count]
        self._bytes -= sum(map(_size, taken))
        return taken


def _merged(olds: list[Piece], new: Piece, overlap: Overlap) -> list[Piece]:
    """The new piece among the old ones that it overlaps, ascending."""
    merged: list[Piece] = []
    at = new.begin  # where what is left of the new one begins
    for old in olds:
        if not overlap(old, new):
            if at < old.begin:
                merged.append(new.part(at, old.begin))
            merged.append(old)
            at = old.end
            continue
        if old.begin < at:
            merged.append(old.part(old.begin, at))
        if old.end > new.end:
            merged.append(new.part(at, new.end))
            merged.append(old.part(new.end, old.end))
            at = new.end
    if at < new.end:
        merged.append(new.part(at, new.end))
    return merged


def _size(piece: Piece) -> int:
    return 0 if piece.data is None else len(piece.data)
