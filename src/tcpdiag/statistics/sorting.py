"""The order of a table by one of its columns."""

from collections.abc import Mapping

import numpy as np

from ..errors import UsageError
from ..flow_columns import COUNTS, SIDES, UNKNOWN
from .columns import COUNTS as WIDE_COUNTS

ADDED = frozenset((*COUNTS, *WIDE_COUNTS, "frame_bytes"))
"""Of such a name the sum of both sides counts; of any other the larger of them."""
ASCENDING = ("stream", "first_ts_ns", "last_ts_ns")


def order(columns: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    """Positions of the rows by a column: its name, with or without `_ns`.

    Without `client_` or `server_` both sides count: their sum where it is a number of segments or bytes, the larger
    one otherwise. Numbers descend, unknown ones last; words, streams and times of day ascend. Raises UsageError for a
    column that does not exist.
    """
    name = next((each for each in (key, f"{key}_ns") if each in columns), None)
    if name is not None:
        return _positions(columns[name], name in ASCENDING)
    pair = [columns[each] for side in SIDES for each in (f"{side}_{key}", f"{side}_{key}_ns") if each in columns]
    if len(pair) != len(SIDES) or pair[0].dtype == object:
        raise UsageError(f"cannot sort by {key!r}: the first line of --format csv tells the columns")
    if key in ADDED:
        return _positions(pair[0] + pair[1], False)
    return _positions(np.fmax(*pair), False)


def _positions(column: np.ndarray, ascending: bool) -> np.ndarray:
    if column.dtype == object or ascending:
        return np.argsort(column, kind="stable")
    if column.dtype == np.float64:
        return np.argsort(-column, kind="stable")  # NaN comes last
    return np.argsort(-np.maximum(column.astype(np.int64), UNKNOWN + 1), kind="stable")
