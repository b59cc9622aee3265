"""Tables for people and programs: columns as documented, sums that agree, and what cannot be had says so."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import tcpdiag
from places import FIXTURES
from reports import made
from tcpdiag.capture.again import reader_again
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UsageError
from tcpdiag.model.tables import Tables
from tcpdiag.report import Report
from tcpdiag.statistics import frames
from test_dataframes import came_out, documented

SEVERAL = next((FIXTURES / "cwleak-accumulate").glob("capture.pcap*"))
OFFICE = FIXTURES / "office" / "office.pcap"


@pytest.fixture(scope="module")
def report() -> Report:
    return tcpdiag.analyze(SEVERAL)


def wide_columns() -> list[tuple[str, str]]:
    """(column, dtype) that the manual adds to those of `flows_frame`."""
    shared, ends = re.split("Of each end, with", frames.wide_frame.__doc__ or "")
    ends = ends.partition("How they are counted")[0]
    rows = [documented(type("part", (), {"__doc__": part})) for part in (shared, ends)]
    return rows[0] + [(f"{side}_{name}", dtype) for name, dtype in rows[1] for side in ("client", "server")]


@pytest.mark.parametrize("capture", [SEVERAL, None])
def test_wide_columns_are_as_documented(capture: Path | None) -> None:
    report = Report(Tables(())) if capture is None else tcpdiag.analyze(capture)
    narrow = came_out(report.flows.frame())
    wide = came_out(report.flows.frame(wide=True))
    assert wide[: len(narrow)] == narrow
    assert sorted(wide[len(narrow) :]) == sorted(wide_columns())


@pytest.mark.parametrize("report", [made.report(), Report(Tables(()))])
def test_hosts_and_paths_are_as_documented(report: Report) -> None:
    assert came_out(report.hosts()) == documented(frames.hosts_frame)
    assert sorted(came_out(report.host_pairs())) == sorted(documented(frames.paths_frame))


def test_every_name_in_the_table_of_differences_is_a_column(report: Report) -> None:
    told = (frames.wide_frame.__doc__ or "").partition("What tcptrace calls these")[2]
    names = {name for name in re.findall(r"`(\w+)`", told) if not name.startswith("_")}
    columns = {name.partition("_")[2] for name in report.flows.frame(wide=True).columns}
    assert len(names) > 10
    assert names <= columns


def test_reading_again_needs_the_capture() -> None:
    with pytest.raises(UsageError, match="report in JSON"):
        Report.from_json(made.report().to_json()).flows.frame(wide=True)
    with pytest.raises(UsageError, match="cannot be read twice"):
        Report(tcpdiag.analyze(OFFICE).tables, paths=("-",)).flows.frame(wide=True)


def test_a_chosen_connection_has_the_numbers_that_it_has_among_all(report: Report) -> None:
    every = report.flows.frame(wide=True)
    one = report.where("stream 2").flows.frame(wide=True)
    pd.testing.assert_frame_equal(one, every.loc[[2]], check_index_type=False)


def test_progress_is_told_by_the_second_reading(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = []

    def reading(paths: Sequence[str], *, on_progress: Any) -> Reader:
        callbacks.append(on_progress)
        return reader_again(paths, on_progress=on_progress)

    def watch(done: int, total: int | None) -> None:
        """Called once a batch."""

    monkeypatch.setattr("tcpdiag.again.reader_again", reading)
    report.flows.frame(wide=True, on_progress=watch)
    assert callbacks == [watch]


def test_redacted_it_tells_the_same_of_other_addresses() -> None:
    report = tcpdiag.analyze(OFFICE)
    real, redacted = (each.flows.frame(wide=True) for each in (report, report.redacted(b"k" * 32)))
    assert real["client"].tolist() != redacted["client"].tolist()
    pd.testing.assert_frame_equal(real.drop(columns=["client", "server"]), redacted.drop(columns=["client", "server"]))
    assert set(report.redacted(b"k" * 32).hosts().index).isdisjoint(report.hosts().index)


def test_hosts_add_up_to_the_connections(report: Report) -> None:
    flows, hosts = report.flows.frame(), report.hosts()
    for name in ("packets", "bytes", "resets"):
        total = flows[f"client_{name}"].sum() + flows[f"server_{name}"].sum()
        assert hosts[f"{name}_sent"].sum() == hosts[f"{name}_received"].sum() == total
    assert hosts["as_client"].sum() == hosts["as_server"].sum() == len(flows)
    assert hosts["retransmissions"].sum() == flows[["client_retransmissions", "server_retransmissions"]].sum().sum()
    assert hosts["first_ts"].min() == flows["first_ts"].min()
    assert hosts["last_ts"].max() == flows["last_ts"].max()


def test_paths_add_up_to_the_connections(report: Report) -> None:
    flows, paths = report.flows.frame(), report.host_pairs()
    assert paths["flows"].sum() == len(flows)
    for name in ("packets", "bytes", "retransmissions", "out_of_order", "rtt_samples"):
        both = [f"client_{name}", f"server_{name}"]
        assert paths[both].sum().sum() == flows[both].sum().sum()
    assert paths["client_rtt_min_ns"].min() == flows["client_rtt_min_ns"].min()


def test_a_path_keeps_its_directions_whoever_opens() -> None:
    """Of the made report the second connection has its client on the other side."""
    paths = made.report().host_pairs()
    first = paths[paths["client"] == "198.51.100.240"].iloc[0]
    assert (first["flows"], first["client_bytes"], first["server_bytes"]) == (2, 276 + 20, 70_000 + 1_000)


def test_handshakes_that_fail_are_counted() -> None:
    report = tcpdiag.analyze(next((FIXTURES / "synfail-refused").glob("capture.pcap*")))
    refused = report.flows.frame(wide=True)["conn_state"].eq("REJ").sum()
    assert refused > 0
    assert report.hosts()["failed_handshakes_as_client"].sum() == refused
    assert report.host_pairs()["failed_handshakes"].sum() == refused


@pytest.mark.parametrize("key", ["client_ack_rtt_max", "ack_rtt_max_ns", "throughput", "max_idle", "unique_bytes"])
def test_sorted_the_largest_is_first_and_the_unknown_last(report: Report, key: str) -> None:
    wide = report.flows.wide()
    frame = wide.sorted_by(key).frame()
    names = [name for name in frame.columns if name in (key, f"{key}_ns")] or [
        name for name in frame.columns if name.partition("_")[2] in (key, f"{key}_ns")
    ]
    values = frame[names].sum(axis=1) if key == "unique_bytes" else frame[names].max(axis=1)
    known = values.dropna().astype(float).to_numpy()
    assert np.all(np.diff(known) <= 0)
    assert values.isna().tolist() == sorted(values.isna().tolist())


def test_sorting_by_words_and_by_nothing(report: Report) -> None:
    wide = report.flows.wide()
    words = wide.sorted_by("conn_state", 3).columns()["conn_state"].tolist()
    assert words == sorted(wide.columns()["conn_state"].tolist())[:3]
    with pytest.raises(UsageError, match="cannot sort by 'colour'"):
        wide.sorted_by("colour")
