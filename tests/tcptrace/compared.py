"""Our columns beside tcptrace's, number by number."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np

import tcpdiag
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import TcpdiagError
from tcpdiag.flow_columns import SIDES, UNKNOWN
from tcpdiag.flow_view import Flow
from tcpdiag.report import Report
from tcptrace import told as tcptrace

Value = float | None
MS = 1e6
PRINTED = 0.0501
"""Half of the last digit that it prints of milliseconds."""


@dataclass(frozen=True)
class Column:
    """One of tcptrace's columns: what we call it, by how much we divide it, and what it makes of our value."""

    ours: str
    divisor: float = 1
    tolerance: float = 1e-9
    theirs: Callable[["Row", float], float] = lambda row, value: value


def _average(samples: str) -> Callable[["Row", float], float]:
    """It divides by 0.0001 more than the number."""
    return lambda row, value: value * row.need(samples) / (row.need(samples) + 0.0001)


def _times(prefix: str, name: str, samples: str, *, last: str = "", deviation: str = "stdev") -> dict[str, Column]:
    return {
        f"{name}_min{last}": Column(f"{prefix}_min_ns", MS, PRINTED),
        f"{name}_max{last}": Column(f"{prefix}_max_ns", MS, PRINTED),
        f"{name}_avg{last}": Column(f"{prefix}_mean_ns", MS, PRINTED, _average(samples)),
        f"{name}_{deviation}{last}": Column(f"{prefix}_stdev_ns", MS, PRINTED),
    }


def _one_more(row: "Row", value: float) -> float:
    """It counts one byte too many in flight."""
    return value + 1


COLUMNS: dict[str, Column] = {
    "total_packets": Column("packets"),
    "resets_sent": Column("resets"),
    "ack_pkts_sent": Column("ack_packets"),
    "pure_acks_sent": Column("pure_acks"),
    "sack_pkts_sent": Column("sack_packets"),
    "dsack_pkts_sent": Column("dsack_packets"),
    "max_sack_blks/ack": Column("max_sack_blocks"),
    "unique_bytes_sent": Column("unique_bytes"),
    "actual_data_pkts": Column("data_packets"),
    "actual_data_bytes": Column("bytes"),
    "rexmt_data_pkts": Column("rexmt_packets"),
    "rexmt_data_bytes": Column("rexmt_bytes"),
    "zwnd_probe_pkts": Column("closed_window_packets"),
    "zwnd_probe_bytes": Column("closed_window_bytes"),
    "outoforder_pkts": Column("late_packets"),
    "pushed_data_pkts": Column("pushed_packets"),
    "SYN_pkts_sent": Column("syns"),
    "FIN_pkts_sent": Column("fins"),
    "req_ws": Column("wscale", theirs=lambda row, value: 1),
    "req_ts": Column("timestamps"),
    "adv_wind_scale": Column("wscale"),
    "req_sack": Column("sack_permitted"),
    "sacks_sent": Column("sack_packets"),
    "urgent_data_pkts": Column("urgent_packets"),
    "urgent_data_bytes": Column("urgent_bytes"),
    "mss_requested": Column("mss"),
    "max_segm_size": Column("max_segment"),
    "min_segm_size": Column("min_segment"),
    "avg_segm_size": Column(
        "mean_segment", 1, 1, lambda row, value: value * row.need("data_packets") / (row.need("data_packets") + 0.001)
    ),
    "max_win_adv": Column("max_window"),
    "min_win_adv": Column("min_window"),
    "zero_win_adv": Column("zero_windows"),
    "avg_win_adv": Column("mean_window", 1, 1),
    "max_owin": Column("max_outstanding", theirs=_one_more),
    "min_non-zero_owin": Column("min_outstanding", theirs=_one_more),
    "avg_owin": Column("mean_outstanding", 1, 1, theirs=_one_more),
    "wavg_owin": Column("weighted_outstanding", 1, 1, theirs=_one_more),
    "initial_window_bytes": Column("initial_window_bytes"),
    "initial_window_pkts": Column("initial_window_packets"),
    "ttl_stream_length": Column("stream_length"),
    "missed_data": Column("missed_bytes"),
    "truncated_data": Column("truncated_bytes"),
    "truncated_packets": Column("truncated_packets"),
    "data_xmit_time": Column("data_duration_ns", 1e9, 0.000501),
    "idletime_max": Column("max_idle_ns", MS, PRINTED),
    "hardware_dups": Column("hardware_duplicates"),
    "throughput": Column("throughput", 1, 0.501),
    "RTT_samples": Column("ack_rtt_samples"),
    "RTT_from_3WHS": Column("handshake_rtt_ns", MS, PRINTED),
    **_times("ack_rtt", "RTT", "ack_rtt_samples"),
    "RTT_full_sz_smpls": Column("full_rtt_samples"),
    **_times("full_rtt", "RTT_full_sz", "full_rtt_samples"),
    "post-loss_acks": Column("post_loss_acks"),
    "ambiguous_acks": Column("ambiguous_acks"),
    **_times("ambiguous_rtt", "RTT", "ambiguous_acks", last="_(last)", deviation="sdv"),
    "segs_cum_acked": Column("segments_acked_together"),
    "duplicate_acks": Column("repeated_acks"),
    "triple_dupacks": Column("triple_duplicate_acks"),
    "max_#_retrans": Column("max_retransmissions"),
    "min_retr_time": Column("rexmt_time_min_ns", MS, PRINTED),
    "max_retr_time": Column("rexmt_time_max_ns", MS, PRINTED),
    "avg_retr_time": Column("rexmt_time_mean_ns", MS, PRINTED, _average("rexmt_time_samples")),
    "sdv_retr_time": Column("rexmt_time_stdev_ns", MS, PRINTED),
}


@dataclass(frozen=True)
class Row:
    """One end of one of our connections."""

    report: Report
    columns: dict[str, np.ndarray]
    at: int
    side: str

    def value(self, name: str) -> Value:
        found = self.columns[name][self.at]
        return None if found == UNKNOWN or found != found else float(found)

    def get(self, name: str) -> Value:
        return self.value(f"{self.side}_{name}")

    def need(self, name: str) -> float:
        return self.get(name) or 0.0

    @property
    def other(self) -> "Row":
        return Row(self.report, self.columns, self.at, SIDES[1 - SIDES.index(self.side)])


@dataclass(frozen=True)
class Difference:
    """A number of tcptrace that is not ours."""

    path: Path
    row: Row
    column: str
    theirs: Value
    ours: Value

    def __str__(self) -> str:
        stream = int(self.row.columns["stream"][self.row.at])
        return f"{self.path} stream {stream} {self.row.side}: {self.column} {self.theirs}, {self.ours}"

    def get(self, name: str) -> Value:
        """Our column of this end."""
        return self.row.get(name)

    def need(self, name: str) -> float:
        """The same, 0 where it is not known."""
        return self.row.need(name)

    def peer(self, name: str) -> Value:
        """Our column of the other end."""
        return self.row.other.get(name)

    def peer_need(self, name: str) -> float:
        """The same, 0 where it is not known."""
        return self.row.other.need(name)

    def shared(self, name: str) -> Value:
        """Our column of the connection."""
        return self.row.value(name)

    def shared_need(self, name: str) -> float:
        """The same, 0 where it is not known."""
        return self.row.value(name) or 0.0

    def samples(self) -> int:
        """How many values a deviation is of."""
        name = COLUMNS[self.column].ours.removesuffix("_stdev_ns")
        return int(self.need("ambiguous_acks" if name == "ambiguous_rtt" else f"{name}_samples"))

    def clock_goes_back(self) -> bool:
        """Whether a packet of the capture is older than the one before it."""
        latest = -(2**63)
        with Reader([str(self.path)]) as reader:
            for batch in reader:
                times = batch.records["ts_ns"]
                if np.any(np.concatenate(([latest], times[:-1])) > times):
                    return True
                latest = int(times[-1])
        return False

    def sends_below_ack(self) -> bool:
        """Whether one of its segments ends below what its peer had acknowledged."""
        acked = 0
        segments = self._flow().segments()
        columns = (segments["side"], segments["seq"], segments["ack"].fillna(-1), segments["payload_len"])
        for side, seq, ack, length in zip(*columns, strict=True):
            if side == self.row.side and seq + length < acked:
                return True
            if side != self.row.side and ack >= 0:
                acked = ack
        return False

    def _flow(self) -> Flow:
        return self.row.report.flow(int(self.row.columns["stream"][self.row.at]))

    def _segments(self) -> Any:
        frame = self._flow().segments()
        return frame[(frame["side"] == self.row.side) & (frame["payload_len"] > 0)]

    def flagged_repeats(self) -> int:
        """SYNs, FINs and RSTs of the peer without payload that repeat ACK and window of what it sent before."""
        segments = self._flow().segments()
        segments = segments[segments["side"] != self.row.side]
        columns = (segments["flags"], segments["ack"].fillna(-1), segments["window_bytes"].fillna(-1))
        found, last = 0, (-1, -1)
        for flags, ack, window, length in zip(*columns, segments["payload_len"], strict=True):
            special = bool(set(flags) & set("SFR"))
            found += special and length == 0 and (ack, window) == last
            last = last if "R" in flags else (ack, window)
        return found

    def repeats_several(self) -> bool:
        """Whether one of its segments holds the end of an earlier one inside."""
        ends: set[int] = set()
        for left, length in self._segments()[["seq", "payload_len"]].itertuples(index=False):
            if any(left < end < left + length for end in ends):
                return True
            ends.add(left + length)
        return False

    def crosses_quarter(self) -> bool:
        """Whether its sequence numbers pass a multiple of 2**30."""
        stream = int(self.row.columns["stream"][self.row.at])
        side = int(self.row.report.tables.client_side[stream]) ^ SIDES.index(self.row.side)
        base = int(self.row.report.tables.endpoint(stream, side)["isn"])
        segments = self._segments()
        if not len(segments):
            return False
        last = int((segments["seq"] + segments["payload_len"]).max())
        return base >> 30 != (base + last) >> 30


@dataclass
class Outcome:
    """What comparing one capture gave: column -> how many numbers are equal, and the others."""

    equal: dict[str, int]
    differences: list[Difference]
    connections: int = 0
    apart: int = 0  # connections that the two cut or see differently
    note: str = ""


def compare(path: Path) -> Outcome:
    """Both on one capture."""
    outcome = Outcome(defaultdict(int), [])
    try:
        report = tcpdiag.analyze(path, hints=False)
    except TcpdiagError:
        outcome.note = "not readable for us"
        return outcome
    told = tcptrace.read(path)
    if not told or not len(report.flows):
        outcome.note = "no connection for tcptrace" if len(report.flows) else "no connection"
        return outcome
    columns = report.flows.wide().columns()
    for row, connection in _matched(report, columns, told, outcome):
        outcome.connections += 1
        for end, values in ((row, connection.a2b), (row.other, connection.b2a)):
            for name, theirs, ours, same in _numbers(end, values):
                if same:
                    outcome.equal[name] += 1
                else:
                    outcome.differences.append(Difference(path, end, name, theirs, ours))
    return outcome


def _matched(
    report: Report, columns: dict[str, np.ndarray], told: list[tcptrace.Connection], outcome: Outcome
) -> Iterator[tuple[Row, tcptrace.Connection]]:
    """The same connections: same endpoints, the n-th of them, as many packets of each end."""
    ours: dict[frozenset[Any], list[int]] = defaultdict(list)
    for at in range(len(columns["stream"])):
        ours[frozenset(_end(columns[side][at]) for side in SIDES)].append(at)
    theirs: dict[frozenset[Any], list[tcptrace.Connection]] = defaultdict(list)
    for connection in told:
        theirs[frozenset((_address(connection.a), _address(connection.b)))].append(connection)
    for key, connections in theirs.items():
        rows = ours.get(key, [])
        if len(rows) != len(connections) or len(key) != 2:
            outcome.apart += len(connections)
            continue
        for at, connection in zip(rows, connections, strict=True):
            first = SIDES[0] if _end(columns["client"][at]) == _address(connection.a) else SIDES[1]
            row = Row(report, columns, at, first)
            counts = [int(values["total_packets"]) for values in (connection.a2b, connection.b2a)]
            if counts == [row.need("packets"), row.other.need("packets")]:
                yield row, connection
            else:
                outcome.apart += 1


def _end(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _address(end: tuple[str, int]) -> tuple[str, int]:
    try:
        return str(ip_address(end[0])), end[1]
    except ValueError:
        return end


def _numbers(row: Row, told: dict[str, str]) -> Iterator[tuple[str, Value, Value, bool]]:
    values = dict(told)
    values["SYN_pkts_sent"], values["FIN_pkts_sent"] = values["SYN/FIN_pkts_sent"].split("/")
    values["req_ws"], values["req_ts"] = values["req_1323_ws/ts"].split("/")
    for name, column in COLUMNS.items():
        theirs, ours = _parsed(values[name]), row.get(column.ours)
        if ours is not None:
            ours /= column.divisor
        yield name, theirs, ours, _same(row, column, theirs, ours)


def _parsed(text: str) -> Value:
    if text in ("NA", ""):
        return None
    return {"Y": 1.0, "N": 0.0}[text] if text in "YN" else float(text)


def _same(row: Row, column: Column, theirs: Value, ours: Value) -> bool:
    """It says 0 for what was not offered or measured, or NA."""
    if ours is None:
        return theirs is None or theirs == 0
    return theirs is not None and abs(theirs - column.theirs(row, ours)) <= column.tolerance
