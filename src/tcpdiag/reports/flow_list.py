"""A list of flows as a table, CSV or JSON."""

from collections.abc import Iterator

import numpy as np

from ..errors import UsageError
from ..flow_columns import SIDES, SORT_KEYS, UNKNOWN
from ..flow_view import FlowTable
from ..units import duration, epoch, size
from .json_rows import flow_lines

ROWS_A_CHUNK = 4096
HEADINGS = ("stream", "client", "server", "packets", "bytes", "duration", "retrans", "client state", "server state")
TEXT_COLUMNS = {"client", "server", "client state", "server state"}


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
    """Widths are those of the first chunk; a wider cell later only shifts its own line."""
    widths: list[int] = []
    for part in flows.parts(ROWS_A_CHUNK):
        rows = _table_rows(part)
        if not widths:
            widths = [max(len(cell) for cell in column) for column in zip(HEADINGS, *rows, strict=True)]
            yield _table_line(HEADINGS, widths)
        yield b"".join(_table_line(row, widths) for row in rows)


def _table_rows(part: FlowTable) -> list[tuple[str, ...]]:
    columns = part.columns()
    client, server = (
        {name: columns[f"{side}_{name}"] for name in ("packets", "bytes", "retransmissions")} for side in SIDES
    )
    both = {name: (client[name] + server[name]).tolist() for name in client}
    return list(
        zip(
            [str(stream) for stream in columns["stream"].tolist()],
            columns["client"].tolist(),
            columns["server"].tolist(),
            [f"{count:,}" for count in both["packets"]],
            [size(count) for count in both["bytes"]],
            [duration(max(0, length)) for length in (columns["last_ts_ns"] - columns["first_ts_ns"]).tolist()],
            [f"{count:,}" for count in both["retransmissions"]],
            columns["client_state"].tolist(),
            columns["server_state"].tolist(),
            strict=True,
        )
    )


def _table_line(cells: tuple[str, ...], widths: list[int]) -> bytes:
    padded = (
        f"{cell:<{width}}" if heading in TEXT_COLUMNS else f"{cell:>{width}}"
        for cell, width, heading in zip(cells, widths, HEADINGS, strict=True)
    )
    return ("  ".join(padded).rstrip() + "\n").encode()
