"""A list of connections with all that their segments tell: made by `FlowTable.wide()`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..capture.reader import Progress
from ..errors import UsageError
from ..flow_columns import COUNTS, SIDES, SORT_KEYS, UNKNOWN
from ..model.tables import Tables
from .columns import COUNTS as WIDE_COUNTS
from .columns import columns
from .gather import gather

if TYPE_CHECKING:
    import pandas as pd

ADDED = frozenset((*COUNTS, *WIDE_COUNTS, "frame_bytes"))
"""Sorted by such a name, the sum of both sides counts; of any other the larger of them."""


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
        """The same connections by one of its columns, at most `limit` of them.

        Without `client_` or `server_` a number of both sides: their sum where it is a count of segments or bytes, the
        larger one otherwise. Numbers descend, unknown ones last; words, `stream` and `first_ts` ascend. Raises
        UsageError for a column that does not exist.
        """
        order = self._order(self._sort_column(key), key in ("stream", "first_ts"))[:limit]
        return WideTable({name: column[order] for name, column in self._columns.items()})

    def _sort_column(self, key: str) -> np.ndarray:
        for name in (key, f"{key}_ns"):
            if name in self._columns:
                return self._columns[name]
        pair = [self._columns[name] for side in SIDES if (name := f"{side}_{key}") in self._columns]
        if not pair:
            raise UsageError(f"cannot sort by {key!r}: no such column")
        if key in ADDED:
            return pair[0] + pair[1]
        found: np.ndarray = np.maximum(*pair) if pair[0].dtype == np.int64 else np.fmax(*pair)
        return found

    def _order(self, column: np.ndarray, ascending: bool) -> np.ndarray:
        if column.dtype == object or ascending:
            return np.argsort(column, kind="stable")
        if column.dtype == np.float64:
            return np.argsort(-column, kind="stable")  # NaN comes last
        return np.argsort(-np.maximum(column.astype(np.int64), UNKNOWN + 1), kind="stable")


def is_narrow(key: str) -> bool:
    """Whether connections can be sorted by it before they are read again."""
    return key in SORT_KEYS
