"""A table that grows without a second copy of itself, and whose unused rows cost no memory.

The rows lie in private anonymous memory: a page costs nothing before it is written, and where the system can move
pages (Linux `mremap`) growing copies nothing. Elsewhere it is a copy into a larger array.
"""

import mmap
from contextlib import suppress
from typing import Final

import numpy as np

__all__ = ["GrowingTable"]

WIDE: Final = 512
"""Bytes of a row from which on large pages (2 MB) are asked for: a new row then seldom means a new page, and what is
looked up here and there misses the translation cache less. Narrow rows fill small pages as well."""
HUGE: Final = 8 << 20
"""Bytes of a table below which they would cost a short run more than they give."""

_FLAGS = getattr(mmap, "MAP_PRIVATE", 0) | getattr(mmap, "MAP_ANONYMOUS", 0)


class GrowingTable:
    """`rows` is the table, all zero at first. While it grows, nobody else may hold a view of it."""

    def __init__(self, dtype: np.dtype, count: int) -> None:
        self._dtype = dtype
        self._memory = _anonymous(dtype.itemsize * count)
        self.rows = np.frombuffer(self._memory, dtype, count)

    def __len__(self) -> int:
        return len(self.rows)

    def grow(self, count: int) -> None:
        """Make it `count` rows long; the new ones are zero."""
        size, before = self._dtype.itemsize * count, len(self.rows)
        self.rows = self.rows[:0].copy()
        try:
            self._memory.resize(size)
        except (BufferError, OSError, SystemError, ValueError):
            old, self._memory = self._memory, _anonymous(size)
            self._memory[: before * self._dtype.itemsize] = old[: before * self._dtype.itemsize]
        if self._dtype.itemsize >= WIDE and size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):  # a kernel without them
                self._memory.madvise(mmap.MADV_HUGEPAGE)
        self.rows = np.frombuffer(self._memory, self._dtype, count)


def _anonymous(size: int) -> mmap.mmap:
    # Private, because pages of a shared mapping beyond its first size cannot be touched after a resize.
    return mmap.mmap(-1, size, flags=_FLAGS) if _FLAGS else mmap.mmap(-1, size)
