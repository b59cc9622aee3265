"""Connections with all that their segments tell, as a table, CSV or JSON."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..flow_columns import SIDES
from ..statistics.table import WideTable
from ..units import duration, number, rate
from .columns import GAP, ROWS_A_CHUNK, WIDTH, comma_separated, json_array, values

HEADING = ("stream", *SIDES, "client_state", "server_state", "duration_ns", "conn_state", "history")
"""What the first lines of a connection tell."""
NAME_WIDTH, VALUE_WIDTH = 28, 22
BYTES = ("bytes", "segment", "window", "outstanding", "_length")
"""What the names of columns end in that are bytes."""


def chunks(wide: WideTable, format_name: str) -> Iterator[bytes]:
    """The list in pieces. format_name: "table", "csv" or "json"."""
    parts = wide.parts(ROWS_A_CHUNK)
    if format_name == "json":
        yield from json_array(parts, pairs=True)
    elif format_name == "csv":
        yield from comma_separated(parts)
    else:
        yield from _blocks(parts)


def _blocks(parts: Iterator[dict[str, np.ndarray]]) -> Iterator[bytes]:
    """One block a connection: who, how it ended, and a line for each number that either side has and that is not 0."""
    separator = b""
    for part in parts:
        cells = {name: values(name, column) for name, column in part.items()}
        for at in range(len(cells["stream"])):
            row = {name: column[at] for name, column in cells.items()}
            yield separator + "".join(f"{line}\n" for line in _block(row)).encode()
            separator = b"\n"


def _block(row: dict[str, Any]) -> Iterator[str]:
    head = f"stream {row['stream']}{GAP}{row['client']} > {row['server']}"
    if len(head) > WIDTH:
        yield f"stream {row['stream']}{GAP}{row['client']}"
        yield f"{GAP}> {row['server']}"
    else:
        yield head
    told = f"{row['conn_state']}{GAP}{duration(row['duration_ns'])}"
    yield f"{GAP}{told}{GAP}{row['history']}" if len(told) + len(row["history"]) < WIDTH - 6 else f"{GAP}{told}"
    yield _line("", *SIDES)
    yield _line("state", row["client_state"], row["server_state"])
    for name, client in row.items():
        side, _, short = name.partition("_")
        if side == SIDES[0] and short and name not in HEADING:
            server = row[f"{SIDES[1]}_{short}"]
            if client or server:
                yield _line(short.removesuffix("_ns"), _shown(short, client), _shown(short, server))


def _line(name: str, client: str, server: str) -> str:
    return f"{GAP}{name:<{NAME_WIDTH}}{client:>{VALUE_WIDTH}}{server:>{VALUE_WIDTH}}"


def _shown(name: str, value: Any) -> str:
    """A value as people say it; `-`: not known."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_ns"):
        return duration(value)
    if name == "throughput":
        return rate(value, 1_000_000_000)
    if name.endswith(BYTES):
        return f"{value:,.0f} B"
    return number(value) if isinstance(value, int) else f"{value:,.1f}"
