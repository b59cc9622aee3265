"""A list of flows as a table, CSV or JSON."""

from collections.abc import Iterator

import numpy as np

from ..errors import UsageError
from ..flow_columns import SORT_KEYS, UNKNOWN
from ..flow_view import FlowTable
from ..units import duration, epoch, size
from .json_rows import flow_lines

ROWS_A_CHUNK = 4096
WIDTH = 80
HEADINGS = ("stream", "client, server", "state", "packets", "bytes", "retrans", "duration")
ENDPOINT = HEADINGS.index("client, server")
TEXT_COLUMNS = {"client, server", "state"}
GAP = "  "


def check_sort(key: str) -> None:
    """Raises UsageError for a column that flows cannot be sorted by."""
    if key not in SORT_KEYS:
        raise UsageError(f"cannot sort by {key!r}; there are: {', '.join(SORT_KEYS)}")


def chunks(flows: FlowTable, format_name: str) -> Iterator[bytes]:
    """The list in pieces. format_name: "table", "csv" or "json"."""
    if format_name == "json":
        yield from _json(flows)
    elif format_name == "csv":
        yield from _csv(flows)
    else:
        yield from _table(flows)


def _json(flows: FlowTable) -> Iterator[bytes]:
    yield b"[\n"
    separator = b""
    for text in flow_lines(flows.tables, flows.states, flows.streams):
        yield separator + text.removesuffix(b",\n")
        separator = b",\n"
    yield b"\n]\n"


def _csv(flows: FlowTable) -> Iterator[bytes]:
    names: list[str] = []
    for part in flows.parts(ROWS_A_CHUNK):
        columns = part.columns()
        if not names:
            names = list(columns)
            yield (",".join(_heading(name) for name in names) + "\n").encode()
        cells = [_csv_cells(name, columns[name]) for name in names]
        yield "".join(",".join(row) + "\n" for row in zip(*cells, strict=True)).encode()


def _heading(name: str) -> str:
    return name.removesuffix("_ns") if name.endswith("_ts_ns") else name


def _csv_cells(name: str, column: np.ndarray) -> list[str]:
    if name.endswith("_ts_ns"):
        return [epoch(value) for value in column.tolist()]
    if column.dtype == np.bool_:
        return ["true" if value else "false" for value in column.tolist()]
    return ["" if value == UNKNOWN else str(value) for value in column.tolist()]


def _table(flows: FlowTable) -> Iterator[bytes]:
    """Two lines a flow, the client's and the server's.

    Widths are those of the first chunk. An endpoint that would make lines wider than WIDTH has a line to itself.
    """
    widths: list[int] = []
    for part in flows.parts(ROWS_A_CHUNK):
        rows = _table_rows(part)
        if not widths:
            widths = [max(len(cell) for cell in column) for column in zip(HEADINGS, *rows, strict=True)]
            others = sum(widths) - widths[ENDPOINT] + len(GAP) * (len(widths) - 1)
            widths[ENDPOINT] = min(widths[ENDPOINT], max(WIDTH - others, len(HEADINGS[ENDPOINT])))
            yield _table_line(HEADINGS, widths)
        yield b"".join(_table_line(row, widths) for row in rows)


def _table_rows(part: FlowTable) -> list[tuple[str, ...]]:
    columns = {name: column.tolist() for name, column in part.columns().items()}
    lengths = zip(columns["first_ts_ns"], columns["last_ts_ns"], strict=True)
    once = {
        "client": ([str(stream) for stream in columns["stream"]], [duration(max(0, b - a)) for a, b in lengths]),
        "server": ([""] * len(part), [""] * len(part)),
    }
    by_side = []
    for side, (streams, durations) in once.items():
        by_side.append(
            zip(
                streams,
                columns[side],
                columns[f"{side}_state"],
                [f"{count:,}" for count in columns[f"{side}_packets"]],
                [size(count) for count in columns[f"{side}_bytes"]],
                [f"{count:,}" for count in columns[f"{side}_retransmissions"]],
                durations,
                strict=True,
            )
        )
    return [row for pair in zip(*by_side, strict=True) for row in pair]


def _table_line(cells: tuple[str, ...], widths: list[int]) -> bytes:
    if len(cells[ENDPOINT]) > widths[ENDPOINT]:
        alone = f"{cells[0]:>{widths[0]}}{GAP}{cells[ENDPOINT]}\n".encode()
        return alone + _table_line(("", "", *cells[ENDPOINT + 1 :]), widths)
    padded = (
        f"{cell:<{width}}" if heading in TEXT_COLUMNS else f"{cell:>{width}}"
        for cell, width, heading in zip(cells, widths, HEADINGS, strict=True)
    )
    return (GAP.join(padded).rstrip() + "\n").encode()
