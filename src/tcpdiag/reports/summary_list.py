"""Hosts, and pairs of hosts, as a table, CSV or JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..flow_columns import SIDES
from ..units import duration, number, percent, size
from .columns import ROWS_A_CHUNK, Table, comma_separated, json_array, values

HOST_HEADINGS = ("host", "flows", "sent", "received", "retrans", "rtt", "resets", "failed")
PATH_HEADINGS = ("client, server", "flows", "packets", "bytes", "retrans", "rtt", "resets", "failed")


def chunks(columns: Mapping[str, np.ndarray], by: str, format_name: str) -> Iterator[bytes]:
    """The list in pieces. columns: of `statistics.summaries`. by: "host" or "path". format_name: "table", "csv" or
    "json"."""
    parts = _parts(columns)
    if format_name == "json":
        yield from json_array(parts, pairs=by == "path")
    elif format_name == "csv":
        yield from comma_separated(parts)
    elif by == "host":
        yield from Table(HOST_HEADINGS, HOST_HEADINGS[:1], 0).lines(map(_host_rows, parts))
    else:
        yield from Table(PATH_HEADINGS, PATH_HEADINGS[:1], 0).lines(map(_path_rows, parts))


def _parts(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    total = len(columns["flows"])
    for start in range(0, max(1, total), ROWS_A_CHUNK):
        yield {name: column[start : start + ROWS_A_CHUNK] for name, column in columns.items()}


def _host_rows(part: Mapping[str, np.ndarray]) -> list[tuple[str, ...]]:
    """Round trips: the mean. Failed: its own handshakes and those with it."""
    cells = {name: values(name, column) for name, column in part.items()}
    rows = zip(
        cells["host"],
        map(number, cells["flows"]),
        map(size, cells["bytes_sent"]),
        map(size, cells["bytes_received"]),
        map(_share, cells["retransmission_rate"]),
        map(_time, cells["rtt_mean_ns"]),
        map(number, cells["resets_sent"]),
        (number(a + b) for a, b in zip(*(cells[f"failed_handshakes_as_{side}"] for side in SIDES), strict=True)),
        strict=True,
    )
    return list(rows)


def _path_rows(part: Mapping[str, np.ndarray]) -> list[tuple[str, ...]]:
    """Two lines a pair, each with what that host sent."""
    cells = {name: values(name, column) for name, column in part.items()}
    blank = [""] * len(cells["flows"])
    sides = []
    for side in SIDES:
        once = side == SIDES[0]
        sides.append(
            zip(
                cells[side],
                map(number, cells["flows"]) if once else blank,
                map(number, cells[f"{side}_packets"]),
                map(size, cells[f"{side}_bytes"]),
                map(_share, cells[f"{side}_retransmission_rate"]),
                map(_time, cells[f"{side}_rtt_mean_ns"]),
                map(number, cells[f"{side}_resets"]),
                map(number, cells["failed_handshakes"]) if once else blank,
                strict=True,
            )
        )
    return [row for pair in zip(*sides, strict=True) for row in pair]


def _share(value: Any) -> str:
    return "-" if value is None else percent(value)


def _time(value: Any) -> str:
    return "-" if value is None else duration(value)
