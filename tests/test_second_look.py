"""Segments of one flow, read from the capture again."""

import shutil
import subprocess

import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.errors import UsageError
from tcpdiag.report import Report

OFFICE = FIXTURES / "office" / "office.pcap"
LEAK = next((FIXTURES / "cwleak-accumulate").glob("capture.pcap*"))


@pytest.fixture(scope="module")
def office() -> Report:
    return tcpdiag.analyze(OFFICE)


def test_every_segment_of_the_flow_is_there(office: Report) -> None:
    flow = office.flow(0)
    frame = flow.segments()
    assert len(frame) == sum(flow.counts["packets"])
    assert (frame.index[0], frame.index[-1]) == flow.frames
    assert frame["payload_len"][frame["side"] == "server"].sum() == flow.counts["bytes"][1]


def test_numbers_are_relative_and_unknown_ones_are_missing(office: Report) -> None:
    frame = office.flow(0).segments()
    first = frame.iloc[0]
    assert (first["flags"], first["seq"], first["side"]) == ("S", 0, "client")
    assert frame["ack"].isna().iloc[0]
    assert frame["mss"].notna().iloc[0]
    assert frame["mss"].isna().iloc[-1]


def test_events_stand_beside_their_segments(office: Report) -> None:
    assert "rst" in office.flow(0).segments().loc[98, "events"]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("stream", [0, 3])
def test_the_same_as_tshark_tells(stream: int) -> None:
    fields = ("frame.number", "tcp.seq", "tcp.len", "tcp.window_size", "ip.ttl")
    command = ["tshark", "-r", str(LEAK), "-Y", f"tcp.stream == {stream}", "-T", "fields"]
    command += [word for field in fields for word in ("-e", field)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    frame = tcpdiag.analyze(LEAK).flow(stream).segments().reset_index()
    ours = frame[["frame", "seq", "payload_len", "window_bytes", "ttl"]].to_numpy().tolist()
    assert ours == [[int(value) for value in line.split("\t")] for line in lines]


def test_standard_input_cannot_be_read_twice() -> None:
    report = Report(tcpdiag.analyze(OFFICE).tables, paths=("-",))
    with pytest.raises(UsageError, match="cannot be read twice"):
        report.flow(0).segments()


def test_standard_input_is_kept_for_a_second_look(monkeypatch: pytest.MonkeyPatch) -> None:
    with OFFICE.open("rb") as stream:
        monkeypatch.setattr("tcpdiag.capture.source.STDIN_FD", stream.fileno())
        report = tcpdiag.analyze("-")
    assert report.flow(0).segments().equals(tcpdiag.analyze(OFFICE).flow(0).segments())
