"""A list of connections with all that their segments tell: made by `FlowTable.wide()`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..capture.reader import Progress
from ..model.tables import Tables
from .columns import columns
from .gather import gather
from .sorting import order

if TYPE_CHECKING:
    import pandas as pd


class WideTable:
    """Connections in an order, their columns by name as in `FlowTable.columns`; fractions are f8, NaN is unknown."""

    def __init__(self, columns: dict[str, np.ndarray]) -> None:
        self._columns = columns

    @classmethod
    def of(
        cls,
        narrow: dict[str, np.ndarray],
        tables: Tables,
        paths: Sequence[str],
        *,
        on_progress: Progress | None = None,
    ) -> "WideTable":
        """narrow: columns of the connections, which are read again. Raises UsageError when that cannot be done."""
        streams = narrow["stream"]
        return cls(narrow | columns(tables, gather(tables, paths, streams, on_progress=on_progress)))

    def __len__(self) -> int:
        return len(self._columns["stream"])

    def columns(self) -> dict[str, np.ndarray]:
        """Name -> column."""
        return self._columns

    def frame(self) -> "pd.DataFrame":
        """A pandas DataFrame, one row a connection. Its columns: `help(tcpdiag.statistics.frames.wide_frame)`."""
        from .frames import wide_frame

        return wide_frame(self._columns)

    def parts(self, size: int) -> Iterator["WideTable"]:
        """The same connections in tables of at most `size`; one empty table when there are none."""
        for start in range(0, max(1, len(self)), size):
            yield WideTable({name: column[start : start + size] for name, column in self._columns.items()})

    def sorted_by(self, key: str, limit: int | None = None) -> "WideTable":
        """The same connections by one of its columns, at most `limit` of them: see `sorting.order`. Raises UsageError
        for a column that does not exist."""
        positions = order(self._columns, key)[:limit]
        return WideTable({name: column[positions] for name, column in self._columns.items()})
