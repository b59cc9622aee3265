"""`flow.stream(side)`, `flow.follow()`: what the library promises of them."""

from pathlib import Path

import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.errors import UsageError
from tcpdiag.report import Report
from tcpdiag.streams import Copy, Lost, stream

HTTP = FIXTURES / "http-keepalive" / "capture.pcap"
MISSING = FIXTURES / "derived-missing10-upload" / "capture.pcap"
INJECTED = FIXTURES / "inject-data" / "capture.pcap"
FAST_OPEN = FIXTURES / "tfo" / "capture.pcap"
SNAPPED = FIXTURES / "derived-snap68-loss" / "capture.pcap"


def report_of(path: Path) -> Report:
    return tcpdiag.analyze(path, hints=False)


def test_a_stream_says_whose_it_is() -> None:
    flow = report_of(HTTP).flow(0)
    assert repr(flow.stream("client")) == f"<Stream: what the client of stream {flow.number} sent>"


def test_chunks_have_their_place_their_time_and_their_frame() -> None:
    flow = report_of(HTTP).flow(0)
    chunks = list(flow.stream("client"))
    assert chunks[0].data is not None and chunks[0].data.startswith(b"GET /page/0 HTTP/1.1\r\n")
    rows = flow.segments().loc[[chunk.frame for chunk in chunks]]
    assert [chunk.length for chunk in chunks] == rows["payload_len"].tolist()
    assert [chunk.offset + 1 for chunk in chunks] == rows["seq"].tolist()  # the SYN has number 0
    assert [chunk.ts_ns for chunk in chunks] == rows["ts"].astype("int64").tolist()
    assert set(rows["side"]) == {"client"}


def test_both_directions_come_in_the_order_of_the_conversation() -> None:
    flow = report_of(HTTP).flow(0)
    chunks = list(flow.follow())
    sides = [chunk.side for chunk in chunks]
    assert sides[:2] == ["client", "server"]
    assert [chunk.frame for chunk in chunks] == sorted(chunk.frame for chunk in chunks)
    for side in ("client", "server"):
        assert [chunk for chunk in chunks if chunk.side == side] == list(flow.stream(side))
    assert list(flow.follow("server")) == list(flow.stream("server"))


def test_all_bytes_at_once_or_the_first_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = report_of(HTTP).flow(0).stream("server")
    whole = bytes(sent)
    assert len(whole) == 20_400
    assert sent.read(100) == whole[:100]
    assert sent.read(0) == b""
    monkeypatch.setattr(stream, "READ_MOST", 1000)
    with pytest.raises(UsageError, match="more than 1,000 bytes"):
        bytes(sent)


def test_what_the_capture_does_not_have_is_a_chunk_without_data() -> None:
    sent = report_of(MISSING).flow(0).stream("client")
    missing = [(chunk.offset, chunk.length, chunk.why) for chunk in sent if chunk.data is None]
    assert len(missing) == 11
    assert {why for _, _, why in missing} == {Lost.NOT_CAPTURED}
    assert [tuple(gap) for gap in sent.gaps] == missing


def test_a_snap_length_leaves_gaps_of_its_own_kind() -> None:
    flow = report_of(SNAPPED).flow(0)
    assert {gap.why for gap in flow.stream("server").gaps} >= {Lost.SNAPPED}


def test_other_content_of_the_same_range_is_a_conflict_with_both_frames() -> None:
    conflicts = report_of(INJECTED).flow(0).stream("client").conflicts
    assert (conflicts[0].first_frame, conflicts[0].second_frame) == (14, 19)
    assert (conflicts[0].offset, conflicts[0].length, conflicts[0].kept) == (18, 6, Copy.FIRST)
    assert "RFC 9293" in conflicts[0].rule


def test_text_in_a_syn_is_the_beginning() -> None:
    report = report_of(FAST_OPEN)
    first = [next(iter(flow.stream("client")), None) for flow in report.flows]
    frames = {flow.frames[0] for flow in report.flows}
    assert any(chunk is not None and chunk.offset == 0 and chunk.frame in frames for chunk in first)


def test_it_is_read_only_as_far_as_it_is_asked_for() -> None:
    read = iter(report_of(HTTP).flow(0).follow())
    assert next(read).side == "client"
    read.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("side", ["both", "", "0"])
def test_there_are_two_sides(side: str) -> None:
    with pytest.raises(UsageError, match="no side"):
        report_of(HTTP).flow(0).stream(side)
    with pytest.raises(UsageError, match="no side"):
        report_of(HTTP).flow(0).follow(side)


def test_what_was_carried_cannot_be_redacted() -> None:
    with pytest.raises(UsageError, match="redacted"):
        report_of(HTTP).redacted().flow(0).stream("client")


def test_a_stored_report_does_not_hold_it() -> None:
    stored = Report.from_json(report_of(HTTP).to_json())
    with pytest.raises(UsageError, match="analyze the capture"):
        stored.flow(0).stream("client")
