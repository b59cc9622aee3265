"""What holds for any bytes whatever: rows or a reason, in bounded time and memory, and counts that add up."""

import json
from pathlib import Path

import numpy as np

from fuzz import second_looks
from tcpdiag import Report, analyze
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UnreadableInput
from tcpdiag.model.event import EventKind
from tcpdiag.model.segment import Origin
from tcpdiag.model.states import State

PRINTABLE_CONTROLS = {"\n"}


def check(data: bytes, path: Path) -> Report | None:
    """Analyse `data`, written to `path`; None when it is refused with a reason. Whatever else is raised is a bug."""
    path.write_bytes(data)
    try:
        report = analyze([path])
    except UnreadableInput as refusal:
        assert str(refusal), "refused without a reason"
        return None
    _counts_add_up(report, path)
    _tables_are_whole(report)
    _reports_are_clean(report)
    second_looks.check(report, path)
    return report


def _counts_add_up(report: Report, path: Path) -> None:
    """Every packet is a row or has a reason; every row is in a flow, but for headers that ICMP errors quote."""
    for file in report.files:
        assert file.packets == file.tcp_packets + sum(file.undecoded.values()), file
        assert all(count > 0 for count in file.undecoded.values())
    decoder, rows, quoted = Decoder(), 0, 0
    with Reader([path]) as reader:
        for batch in reader:
            segments = decoder.decode(batch)
            rows += len(segments)
            quoted += int(np.count_nonzero(segments["origin"] & int(Origin.QUOTED)))
    assert rows == sum(file.tcp_packets for file in report.files)
    assert rows - quoted == int(report.tables.endpoints["packets"].sum())
    assert int(report.tables.flows["icmp_errors"].sum()) <= quoted


def _tables_are_whole(report: Report) -> None:
    tables = report.tables
    # Wireshark numbers some blocks of a pcapng that hold no packet as frames, too.
    frames = [file.packets for file in report.files if file.format == "pcap"] or [0xFFFFFFFF]
    last_frame = sum(frames)
    flows, events, endpoints = tables.flows, tables.events, tables.endpoints
    assert len(endpoints) == 2 * len(flows)
    assert (flows["first_frame"] >= 1).all()
    assert (flows["first_frame"] <= flows["last_frame"]).all()
    assert (flows["last_frame"] <= last_frame).all()
    assert (np.diff(flows["first_frame"].astype(np.int64)) >= 0).all(), "flows stand in order of their first frame"
    assert (flows["previous"] < np.arange(len(flows))).all()
    assert (flows["tunnel"] <= len(tables.tunnels)).all()
    assert (events["flow"] < len(flows)).all()
    assert (events["frame"] <= last_frame).all()
    assert (events["ref"] <= last_frame).all()
    assert np.isin(events["kind"], [int(kind) for kind in EventKind]).all()
    assert (np.maximum(events["state"], 0) <= max(State)).all()
    assert (endpoints["state"] <= max(State)).all()


def _reports_are_clean(report: Report) -> None:
    for entry in report.unexamined:
        assert "Error" not in entry.reason, entry
    parsed = json.loads(report.to_json())
    assert len(parsed["flows"]) == len(report.tables.flows)
    for text in (report.to_text(), report.to_markdown()):
        odd = {letter for letter in text if not letter.isprintable()} - PRINTABLE_CONTROLS
        assert not odd, f"unescaped control characters {odd!r}"
