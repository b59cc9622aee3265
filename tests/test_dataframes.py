"""DataFrames: the columns and dtypes that come out are those that the manuals tell, whether there are rows or not."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import tcpdiag
from places import FIXTURES
from reports import made
from tcpdiag import dataframes, second_look
from tcpdiag.model.tables import Tables
from tcpdiag.report import Report
from tcpdiag.sockets.table import SocketTable

Row = tuple[str, str]


def documented(function: Callable[..., Any]) -> list[Row]:
    """(column, dtype) from the table in a docstring; the index is the first."""
    rows = re.findall(r"^ *\| (`.*?) \| ([^|]+) \| [^|]+ \|$", function.__doc__ or "", re.MULTILINE)
    return [(name, dtype) for names, dtype in rows for name in re.findall(r"`(\w+)`", names)]


def came_out(frame: pd.DataFrame) -> list[Row]:
    """(column, dtype) of a DataFrame; a named index counts as a column."""
    index = [(str(frame.index.name), str(frame.index.dtype))] if frame.index.name else []
    return index + [(name, str(dtype)) for name, dtype in frame.dtypes.items()]


@pytest.fixture(scope="module")
def office() -> Report:
    return tcpdiag.analyze(FIXTURES / "office" / "office.pcap")


@pytest.fixture(scope="module")
def listed() -> Report:
    table = FIXTURES / "socket-table"
    return tcpdiag.analyze(table / "capture.pcap", sockets=[table / "ss.txt"])


@pytest.mark.parametrize("report", [made.report(), made.healthy(), Report(Tables(()))])
def test_frames_of_a_report_are_as_documented(report: Report) -> None:
    assert sorted(came_out(report.flows.frame())) == sorted(documented(dataframes.flows_frame))
    assert came_out(report.to_frame("findings")) == documented(dataframes.findings_frame)
    assert came_out(report.to_frame("events")) == documented(dataframes.events_frame)


def test_frames_of_a_flow_are_as_documented(office: Report) -> None:
    flow = office.flow(0)
    assert came_out(flow.segments()) == documented(second_look.segments)
    assert came_out(flow.events()) == documented(dataframes.events_frame)
    assert came_out(flow.timeline_frame()) == documented(dataframes.timeline_frame)


def test_frame_of_the_sockets_is_as_documented(listed: Report) -> None:
    assert listed.sockets is not None
    assert came_out(listed.sockets.frame()) == documented(SocketTable.frame)
    assert came_out(SocketTable(()).frame()) == documented(SocketTable.frame)


def test_severities_can_be_compared(office: Report) -> None:
    frame = office.to_frame()
    assert frame.index[frame["severity"] > "warning"].tolist() == ["rst-off-sequence-1"]


def test_events_name_the_ends_by_their_roles() -> None:
    """Stream 1 of this report has its client on side 1."""
    events = made.report().to_frame("events")
    assert events[events["stream"] == 1]["side"].tolist() == ["server"]
    assert events[events["kind"] == "RST"][["side", "state", "value"]].to_numpy().tolist() == [
        ["server", "CLOSE-WAIT", -1]
    ]
    assert events["frame"].isna().tolist() == events["timer"].tolist()


def test_timeline_has_every_moment(office: Report) -> None:
    flow = office.flow(0)
    frame = flow.timeline_frame()
    assert len(frame) == len(flow.timeline())
    assert frame["count"].sum() == sum(flow.counts["packets"])
    reset = frame[frame["frame"] == 98].iloc[0]
    assert (reset["sender"], reset["server_state"]) == ("client", "CLOSE-WAIT")
    assert "RFC 5961 section 3.2" in reset["verdicts"]
    assert "rst-off-sequence-1" in reset["findings"]
