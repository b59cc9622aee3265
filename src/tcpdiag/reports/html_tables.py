"""The tables of the HTML report: all findings, and the connections, as rows that the page sorts and filters."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ..flow_columns import UNKNOWN
from ..flow_view import FlowTable
from ..model.finding import Finding
from ..report import Report
from ..units import NS, printable
from ..wireshark import display_filter
from .outline import Told, where

FLOWS_SHOWN: Final = 10_000
FINDINGS_OPENED: Final = 2_000
"""Findings whose story is in the page: those behind them have a line."""
ROWS_A_PAGE: Final = 25


@dataclass(frozen=True)
class Column:
    """kind: text, count, seconds, milliseconds, severity, or findings (rows of that table, shown as their number).
    pair: the client's value and the server's. minor: not on a narrow screen. hidden: only in an opened row. choose: the
    page offers its values to choose from."""

    label: str
    kind: str
    pair: bool = False
    minor: bool = False
    hidden: bool = False
    choose: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, ready for JSON; `details` belong to the rows of the same number, and may be fewer. field: the
    display filter field whose value is the first cell."""

    name: str
    columns: tuple[Column, ...]
    rows: list[list[Any]]
    details: list[dict[str, Any]]
    left: int = 0  # rows that are not in the page
    field: str | None = None

    def data(self) -> dict[str, Any]:
        """As the page reads it."""
        columns = [asdict(column) for column in self.columns]
        return {"columns": columns, "rows": self.rows, "details": self.details, "field": self.field}


FINDING_COLUMNS: Final = (
    Column("severity", "severity", choose=True),
    Column("finding", "text"),
    Column("kind", "text", minor=True, choose=True),
    Column("where", "text", minor=True),
    Column("at, s", "seconds", minor=True),
    Column("frames", "count", minor=True),
    Column("confidence", "text", hidden=True),
)

FLOW_COLUMNS: Final = (
    Column("stream", "count"),
    Column("client, server", "text", pair=True),
    Column("state", "text", pair=True, choose=True),
    Column("findings", "findings", minor=True),
    Column("packets", "count", pair=True, minor=True),
    Column("bytes", "count", pair=True, minor=True),
    Column("retrans", "count", pair=True, minor=True),
    Column("at, s", "seconds", minor=True),
    Column("lasts, s", "seconds", minor=True),
    Column("resets", "count", pair=True, hidden=True),
    Column("zero windows", "count", pair=True, hidden=True),
    Column("keepalives", "count", pair=True, hidden=True),
    Column("least round trip, ms", "milliseconds", pair=True, hidden=True),
)

_PAIRS: Final = ("packets", "bytes", "retransmissions")
_HIDDEN_PAIRS: Final = ("resets", "zero_windows", "keepalives")


def finding_table(report: Report, told: Sequence[Told]) -> Table:
    """All findings in rank order."""
    places = _told_at(report, told)
    in_full = {each.cause.id for each in told}
    first_ns = report.tables.first_ts_ns
    rows = [
        [
            int(each.severity),
            printable(each.title),
            each.kind,
            printable(where(each, report.names)),
            None if each.first_ts_ns is None else _seconds(each.first_ts_ns - first_ns),
            len(each.frames),
            f"{each.confidence:.0%}",
        ]
        for each in report.findings
    ]
    details = [
        _details(each, places.get(each.id), in_full=each.id in in_full) for each in report.findings[:FINDINGS_OPENED]
    ]
    return Table("findings", FINDING_COLUMNS, rows, details)


def flow_table(report: Report) -> Table:
    """The connections of findings, then those with most packets, as many as a page can carry; in order of streams."""
    of_findings = _findings_by_stream(report)
    shown = FlowTable(report.tables, report.states, _chosen(report, list(of_findings)), report.paths)
    columns = {name: column.tolist() for name, column in shown.columns().items()}
    first_ns = report.tables.first_ts_ns
    begins = [_seconds(value - first_ns) for value in columns["first_ts_ns"]]
    ends = zip(columns["first_ts_ns"], columns["last_ts_ns"], strict=True)
    cells = [
        columns["stream"],
        _pairs(columns, ("client", "server")),
        _pairs(columns, ("client_state", "server_state")),
        [of_findings.get(stream, []) for stream in columns["stream"]],
        *(_pairs(columns, (f"client_{name}", f"server_{name}")) for name in _PAIRS),
        begins,
        [_seconds(max(0, end - begin)) for begin, end in ends],
        *(_pairs(columns, (f"client_{name}", f"server_{name}")) for name in _HIDDEN_PAIRS),
        _milliseconds(_pairs(columns, ("client_rtt_min_ns", "server_rtt_min_ns"))),
    ]
    rows = [list(row) for row in zip(*cells, strict=True)]
    return Table("flows", FLOW_COLUMNS, rows, [], left=len(report.streams) - len(rows), field="tcp.stream")


def _told_at(report: Report, told: Sequence[Told]) -> dict[str, str]:
    """Id of a finding -> id of the page's element in which its incident is told."""
    numbers = {each.cause.id: number for number, each in enumerate(told, 1)}
    places = {name: f"incident-{number}" for name, number in numbers.items()}
    for incident in report.incidents:
        if incident.findings and incident.findings[0] in numbers:
            places |= dict.fromkeys(incident.findings, f"incident-{numbers[incident.findings[0]]}")
    return places


def _details(finding: Finding, place: str | None, *, in_full: bool) -> dict[str, Any]:
    """place: where its incident is told; in_full: it is told there itself, so that the rest need not be said again."""
    found: dict[str, Any] = {"story": [_clean(sentence.text) for sentence in finding.story]}
    if place:
        found["place"] = place
    if in_full:
        return found
    if finding.next_steps:
        found["next"] = [_clean(step) for step in finding.next_steps]
    if shown := display_filter(finding):
        found["filter"] = shown
    return found


def _findings_by_stream(report: Report) -> dict[int, list[int]]:
    """Rows of the table of findings, by connection, in rank order."""
    found: dict[int, list[int]] = {}
    for row, finding in enumerate(report.findings):
        for stream in finding.streams:
            found.setdefault(stream, []).append(row)
    return found


def _chosen(report: Report, first: Sequence[int]) -> np.ndarray:
    if len(report.streams) <= FLOWS_SHOWN:
        return report.streams
    wanted = np.array(first[:FLOWS_SHOWN], np.int64)
    others = report.flows.sorted_by("packets", FLOWS_SHOWN + len(wanted)).streams
    others = others[~np.isin(others, wanted)][: FLOWS_SHOWN - len(wanted)]
    return np.sort(np.concatenate((wanted[np.isin(wanted, report.streams)], others)))


def _pairs(columns: Mapping[str, list[Any]], names: tuple[str, str]) -> list[list[Any]]:
    return [list(pair) for pair in zip(columns[names[0]], columns[names[1]], strict=True)]


def _milliseconds(pairs: list[list[Any]]) -> list[list[Any]]:
    return [[None if value == UNKNOWN else round(value / 1e6, 3) for value in pair] for pair in pairs]


def _seconds(ns: int) -> float:
    return round(ns / NS, 3)


def _clean(text: str) -> str:
    return printable(text.replace("\n", " "))
