"""A list of connections with all that their segments tell: made by `FlowTable.wide()`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..capture.reader import Progress
from .columns import columns
from .gather import gather
from .sorting import order

if TYPE_CHECKING:
    import pandas as pd

    from ..flow_view import FlowTable


class WideTable:
    """Connections in an order, their columns by name as in `FlowTable.columns`; fractions are f8, NaN is unknown.

    make: the columns of the connections from one position to another. They are made when asked for: those of a million
    connections at once take some gigabytes, their sums a third of that.
    """

    def __init__(self, make: Callable[[int, int], dict[str, np.ndarray]], count: int) -> None:
        self._make = make
        self._count = count

    @classmethod
    def of(cls, flows: "FlowTable", paths: Sequence[str], *, on_progress: Progress | None = None) -> "WideTable":
        """All connections of a list, which are read again. Raises UsageError when that cannot be done."""
        gathered = gather(flows.tables, paths, flows.streams, on_progress=on_progress)

        def make(start: int, stop: int) -> dict[str, np.ndarray]:
            return flows.some(start, stop).columns() | columns(flows.tables, gathered.part(start, stop))

        return cls(make, len(flows))

    def __len__(self) -> int:
        return self._count

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> column."""
        return self._make(0, self._count)

    def frame(self) -> "pd.DataFrame":
        """A pandas DataFrame, one row a connection. Its columns: `help(tcpdiag.statistics.frames.wide_frame)`."""
        from .frames import wide_frame

        return wide_frame(self.columns())

    def parts(self, size: int) -> Iterator[dict[str, np.ndarray]]:
        """The columns of at most `size` connections at a time; empty ones when there are none."""
        for start in range(0, max(1, self._count), size):
            yield self._make(start, min(start + size, self._count))

    def sorted_by(self, key: str, limit: int | None = None) -> "WideTable":
        """The same connections by one of its columns, at most `limit` of them: see `sorting.order`. Raises UsageError
        for a column that does not exist."""
        whole = self.columns()
        positions = order(whole, key)[:limit]
        found = {name: column[positions] for name, column in whole.items()}

        def make(start: int, stop: int) -> dict[str, np.ndarray]:
            return {name: column[start:stop] for name, column in found.items()}

        return WideTable(make, len(positions))
