"""A small round of the benchmark: it makes what it says, and tcpdiag gets through it. No time is asserted."""

from pathlib import Path

import pytest

import tcpdiag
from benchmarks.__main__ import main
from benchmarks.make import SHAPES, make
from tcpdiag.model.finding import Severity


@pytest.mark.parametrize("shape", SHAPES)
def test_captures_hold_what_they_claim(shape: str, tmp_path: Path) -> None:
    made = make(tmp_path / "made.pcap", shape, 300)
    report = tcpdiag.analyze(tmp_path / "made.pcap")
    assert report.files[0].packets == report.files[0].tcp_packets == made["packets"]
    assert len(report.flows) == made["connections"]
    assert int(report.tables.details["bad_checksums"].sum()) == 0
    assert report.files[0].damage == ()


@pytest.mark.parametrize("shape", ["web", "bulk"])
def test_healthy_shapes_are_silent(shape: str, tmp_path: Path) -> None:
    make(tmp_path / "made.pcap", shape, 300)
    findings = tcpdiag.analyze(tmp_path / "made.pcap").findings
    assert [finding.title for finding in findings if finding.severity >= Severity.WARNING] == []


def test_the_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--scale", "0.001", "--rounds", "1", "--only", "tcpdump -w"])
    printed = capsys.readouterr().out
    assert status == 0
    assert all(name in printed for name in ("web-20", "bulk-200", "synflood-300", "small-16", "growth", "tcpdiag"))
