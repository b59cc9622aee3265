"""Columns as CSV, as JSON and as lines of text: what every list of this package is made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from ..flow_columns import SIDES, UNKNOWN
from ..units import epoch

ROWS_A_CHUNK = 4096
WIDTH = 80
GAP = "  "
YES_OR_NO = ("_sack_permitted", "_timestamps")
"""What the names of columns of 1, 0 and UNKNOWN end in that mean true, false and null."""


def heading(name: str) -> str:
    """What a column is called where its times are seconds."""
    return name.removesuffix("_ns") if name.endswith("_ts_ns") else name


def comma_separated(parts: Iterable[Mapping[str, np.ndarray]]) -> Iterator[bytes]:
    """The same columns of several parts as CSV: times in seconds, what is not known empty."""
    names: list[str] = []
    for columns in parts:
        if not names:
            names = list(columns)
            yield (",".join(map(heading, names)) + "\n").encode()
        cells = [_words(name, columns[name]) for name in names]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True)).encode()


def _words(name: str, column: np.ndarray) -> list[str]:
    if column.dtype == np.int64 and not name.endswith(("_ts_ns", *YES_OR_NO)):  # a value that comes often is made once
        distinct, place = np.unique(column, return_inverse=True)
        words = ["" if value == UNKNOWN else str(value) for value in distinct.tolist()]
        return list(np.array(words, dtype=object)[place.reshape(-1)].tolist()) if words else []
    return [_word(value) for value in values(name, column)]


def _word(value: Any) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if value is True or value is False else str(value)


def json_array(parts: Iterable[Mapping[str, np.ndarray]], *, pairs: bool) -> Iterator[bytes]:
    """The same columns of several parts as a JSON array of objects, one a line. pairs: `client_x` and `server_x` become
    `"x": [client, server]`."""
    yield b"["
    separator = b"\n"
    for columns in parts:
        cells = {heading(name): values(name, column) for name, column in columns.items()}
        if pairs:
            cells = _paired(cells)
        for row in zip(*cells.values(), strict=True):
            yield separator + orjson.dumps(dict(zip(cells, row, strict=True)))
            separator = b",\n"
    yield b"\n]\n"


def _paired(cells: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Both sides of a number in one, where its name says whose it is."""
    found: dict[str, list[Any]] = {}
    for name, column in cells.items():
        side, _, rest = name.partition("_")
        if side == SIDES[0] and (other := f"{SIDES[1]}_{rest}") in cells:
            found[rest] = list(zip(column, cells[other], strict=True))
        elif side != SIDES[1] or not rest:
            found[name] = column
    return found


def values(name: str, column: np.ndarray) -> list[Any]:
    """A column as Python values: times as decimal strings of seconds, None for what is not known."""
    if name.endswith("_ts_ns"):
        return [epoch(value) for value in column.tolist()]
    if column.dtype == np.float64:
        return [None if value != value else value for value in column.tolist()]
    if name.endswith(YES_OR_NO):
        return [None if value == UNKNOWN else bool(value) for value in column.tolist()]
    if column.dtype == np.int64:
        return [None if value == UNKNOWN else value for value in column.tolist()]
    return list(column.tolist())


class Table:
    """Lines of at most WIDTH characters. Widths are those of the first part; where the cell in the column `long` would
    make a line wider, it has one to itself. words: headings of columns that stand on the left of their room."""

    def __init__(self, headings: Sequence[str], words: Iterable[str], long: int) -> None:
        self._headings = tuple(headings)
        self._words = frozenset(words)
        self._long = long

    def lines(self, parts: Iterable[list[tuple[str, ...]]]) -> Iterator[bytes]:
        """The headings, and the rows of all parts."""
        widths: list[int] = []
        for rows in parts:
            if not widths:
                widths = self._widths(rows)
                yield self._line(self._headings, widths)
            yield b"".join(self._line(row, widths) for row in rows)

    def _widths(self, rows: list[tuple[str, ...]]) -> list[int]:
        widths = [max(len(cell) for cell in column) for column in zip(self._headings, *rows, strict=True)]
        others = sum(widths) - widths[self._long] + len(GAP) * (len(widths) - 1)
        widths[self._long] = min(widths[self._long], max(WIDTH - others, len(self._headings[self._long])))
        return widths

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> bytes:
        if len(cells[self._long]) > widths[self._long]:
            before = [f"{cell:>{width}}" for cell, width in zip(cells[: self._long], widths, strict=False)]
            alone = (GAP.join((*before, cells[self._long])) + "\n").encode()
            return alone + self._line(("",) * (self._long + 1) + cells[self._long + 1 :], widths)
        padded = (
            f"{cell:<{width}}" if name in self._words else f"{cell:>{width}}"
            for cell, width, name in zip(cells, widths, self._headings, strict=True)
        )
        return (GAP.join(padded).rstrip() + "\n").encode()
