"""A table that grows without a second copy of itself, and whose unused rows cost no memory.

The rows lie in private anonymous memory: a page costs nothing before it is written, and where the system can move
pages (Linux `mremap`) growing copies nothing. Elsewhere it is a copy into a larger array.
"""

import mmap

import numpy as np

__all__ = ["GrowingTable"]

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
        self.rows = np.frombuffer(self._memory, self._dtype, count)


def _anonymous(size: int) -> mmap.mmap:
    # Private, because pages of a shared mapping beyond its first size cannot be touched after a resize.
    return mmap.mmap(-1, size, flags=_FLAGS) if _FLAGS else mmap.mmap(-1, size)
