"""The segments of a connection with their verdicts -> table, CSV, JSON."""

import csv
import io
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from ..flow_view import Flow
from ..units import duration, epoch, plural, relative

if TYPE_CHECKING:
    import pandas as pd

WIDTH: Final = 80
INDENT: Final = 21  # columns before what belongs to a segment
ROWS_A_CHUNK: Final = 4096

Row = dict[str, Any]


def chunks(flow: Flow, frame: "pd.DataFrame", format_name: str) -> Iterator[bytes]:
    """The list in pieces. frame: of `flow.segments()`; format_name: "table", "csv" or "json"."""
    write: Callable[[Flow, Iterator[Row]], Iterator[str]] = {"table": _table, "csv": _csv, "json": _json}[format_name]
    for text in write(flow, rows(frame)):
        yield text.encode()


def rows(frame: "pd.DataFrame") -> Iterator[Row]:
    """One flat object a segment: columns of the DataFrame, times in seconds as in every JSON of ours, None for <NA>."""
    for start in range(0, len(frame), ROWS_A_CHUNK):
        part = frame.iloc[start : start + ROWS_A_CHUNK].reset_index()
        columns = {name: part[name].astype(object).where(part[name].notna(), None).tolist() for name in part.columns}
        columns["ts"] = [epoch(ts_ns) for ts_ns in part["ts"].astype("int64").tolist()]
        for cells in zip(*columns.values(), strict=True):
            yield dict(zip(columns, cells, strict=True))


def _json(flow: Flow, found: Iterator[Row]) -> Iterator[str]:
    separator = "[\n"
    for row in found:
        yield separator + orjson.dumps(row).decode()
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _csv(flow: Flow, found: Iterator[Row]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for number, row in enumerate(found):
        if number == 0:
            writer.writerow(row)
        writer.writerow(_cell(value) for value in row.values())
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(f"{left}-{right}" for left, right in value)
    return "" if value is None else value


def _table(flow: Flow, found: Iterator[Row]) -> Iterator[str]:
    """A line a segment, and below it its verdict, where there is one to tell."""
    yield f"stream {flow.number}: client {flow.client}, server {flow.server}\n\n"
    for row in found:
        since = relative(_ns(row["ts"]) - flow.first_ts_ns)
        yield f"{row['frame']:>8} {since:>9}  {_segment(row)}\n"
        for sentence in sentences(row):
            indent = " " * INDENT
            lines = textwrap.wrap(sentence, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
            yield "".join(f"{line}\n" for line in lines)


def _ns(text: str) -> int:
    seconds, fraction = text.split(".")
    return int(seconds) * 1_000_000_000 + (int(fraction) if not text.startswith("-") else -int(fraction))


def _segment(row: Row) -> str:
    """`client  P.  165:206(41)  ack 665  win 64512`"""
    words = [f"{row['side']:<6}", f"{row['flags']:<3}", f"{row['seq']}:{row['seq'] + row['payload_len']}"]
    words[-1] += f"({row['payload_len']})"
    if row["ack"] is not None:
        words.append(f"ack {row['ack']}")
    if row["window_bytes"] is not None:
        words.append(f"win {row['window_bytes']}")
    return " ".join(words)


def sentences(row: Row) -> Iterator[str]:
    """The verdict of one segment in words; none where there is nothing to tell."""
    if row["retransmission"]:
        yield _retransmission(row)
    for name, words in _FACTS.items():
        if row.get(name):
            yield words.format_map(row)
    if row["acks_frame"] is not None:
        rtt = "" if row["ack_rtt_ns"] is None else f", {duration(row['ack_rtt_ns'])} after it"
        yield f"acknowledges {row['acks_frame']}{rtt}"
    if row["bytes_in_flight"] is not None and row["bytes_in_flight"] != row["payload_len"]:
        yield f"{plural(row['bytes_in_flight'], 'byte')} in flight"


_FACTS: Final = {
    "out_of_order": "out of order",
    "lost_segment": "something before it was not captured",
    "ack_lost_segment": "acknowledges what was not captured",
    "duplicate_ack": "duplicate ACK {duplicate_ack_num} of {duplicate_ack_frame}",
    "keep_alive": "keepalive probe",
    "keep_alive_ack": "answer to a keepalive probe",
    "zero_window": "window closed",
    "window_full": "fills the window",
    "window_update": "window update",
    "zero_window_probe": "probe of the closed window",
    "zero_window_probe_ack": "answer to a probe: the window is still closed",
    "reused_ports": "same ports as an earlier connection",
    "challenge_ack": "challenge ACK: does not accept {cause_frame}",
    "copy": "copy of {cause_frame}, made by the capture",
}


def _retransmission(row: Row) -> str:
    """`retransmission of 92 after 31.6 ms: tail loss probe; lost after the tap`"""
    words = "retransmission"
    if row["rto_frame"] is not None:
        words += f" of {row['rto_frame']} after {duration(row['rto_ns'])}"
    if "retransmission_kind" not in row:
        kinds = [name for name in ("fast", "spurious") if row[f"{name}_retransmission"]]
        return " ".join([*kinds, words])
    reason = _REASONS.get(row["retransmission_kind"], "")
    lost = "" if row["loss"] in (None, "unknown") else f"lost {row['loss']}"
    if row["dsacked"]:
        lost = "needless, as the receiver told later"
    elif row["spurious_retransmission"]:
        lost = "needless, it was acknowledged before"
    return words + "".join(f"{mark} {what}" for mark, what in ((":", reason), (";" if reason else ":", lost)) if what)


_REASONS: Final = {
    "timeout": "time-out",
    "fast": "duplicate ACKs asked for it",
    "sack": "SACK asked for it",
    "tail loss probe": "tail loss probe",
}
