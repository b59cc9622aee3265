"""The analysis of an extract finds what that of the original finds, redacted or not, on every capture."""

from ipaddress import ip_address
from pathlib import Path

import pytest

import tcpdiag
from extraction.reading import read
from places import FIXTURES, SHARED, capture_files
from redaction.searching import KEY, REDACTOR, address_spellings
from tcpdiag.model.finding import Finding
from tcpdiag.report import Report
from tcpdiag.units import address

CAPTURES = [*capture_files(FIXTURES), *capture_files(SHARED / "captures")]
DAMAGE = "capture-truncated"
"""Of the damage of a file its packets know nothing."""
HTTP_WORDS = (b"HTTP/1.", b"Host: ", b"GET /", b"User-Agent", b"Content-")


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def facts(finding: Finding, frames: list[int], *, damaged: bool) -> tuple[object, ...]:
    """What a finding rests on, by frames of the original."""
    return (
        (finding.kind, finding.severity, finding.streams, None if damaged else finding.confidence),
        tuple(frames[frame] for frame in finding.frames),
        [(each.frame and frames[each.frame], each.stream) for each in finding.evidence],
        [tuple(frames[frame] for frame in each.frames) for each in finding.story],
    )


def both(path: Path, extract: Path, *, redact: bool) -> tuple[Report, Report, list[int]]:
    report = tcpdiag.analyze(path, hints=False)
    report.extract(extract, redact=KEY if redact else False)
    return report, tcpdiag.analyze(extract, hints=False), [0, *read(extract).frames]


def compare(report: Report, again: Report, frames: list[int]) -> None:
    damaged = any(file.damage for file in report.files)
    there = [finding for finding in report.findings if finding.kind != DAMAGE or not damaged]
    before = list(range(max(report.tables.flows["last_frame"].max(), frames[-1]) + 1))
    assert len(again.flows) == len(report.flows)
    assert [facts(finding, frames, damaged=damaged) for finding in again.findings] == [
        facts(finding, before, damaged=damaged) for finding in there
    ]


@pytest.mark.parametrize("path", CAPTURES, ids=named)
def test_redacted(path: Path, tmp_path: Path) -> None:
    report, again, frames = both(path, tmp_path / "x.pcapng", redact=True)
    compare(report, again, frames)
    data = (tmp_path / "x.pcapng").read_bytes()
    for one in addresses(report):
        assert ip_address(one).packed not in data, one
        assert not [text for text in address_spellings(one) if len(text) > 6 and text.encode() in data]
    assert not [word for word in HTTP_WORDS if word in data]
    assert path.name.encode() not in data or path.name == "capture.pcap"


@pytest.mark.parametrize("path", capture_files(FIXTURES), ids=named)
def test_as_it_was(path: Path, tmp_path: Path) -> None:
    compare(*both(path, tmp_path / "x.pcapng", redact=False))


def test_names_are_those_of_the_redacted_report(tmp_path: Path) -> None:
    path = FIXTURES / "office" / "office.pcap"
    report, again, _ = both(path, tmp_path / "x.pcapng", redact=True)
    other = report.redacted(KEY)
    assert [finding.endpoint for finding in again.findings] == [finding.endpoint for finding in other.findings]
    assert [finding.title for finding in again.findings] == [finding.title for finding in other.findings]
    found = read(tmp_path / "x.pcapng")
    assert REDACTOR.file("office.pcap") in found.said[0]
    assert not any(set(options) & {2, 3, 11, 12} for *_, options in found.interfaces), "no names of interfaces"


def test_times_that_do_not_tell_when_it_was(tmp_path: Path) -> None:
    report = tcpdiag.analyze(FIXTURES / "office" / "office.pcap", hints=False)
    report.extract(tmp_path / "x.pcapng", redact=KEY, keep_times=False)
    again = tcpdiag.analyze(tmp_path / "x.pcapng", hints=False)
    compare(report, again, [0, *read(tmp_path / "x.pcapng").frames])
    began = report.tables.first_ts_ns - int(report.flow(0).segments()["ts"].iloc[0].value)
    assert again.tables.first_ts_ns + began == 946_684_800 * 10**9


def addresses(report: Report) -> set[str]:
    """Of all ends, those that are replaced."""
    flows = report.tables.flows
    rows = zip(flows["family"].tolist(), flows["addr_hi"].tolist(), flows["addr_lo"].tolist(), strict=True)
    ends = {(family, hi, lo) for family, his, los in rows for hi, lo in zip(his, los, strict=True)}
    return {text for end in ends if REDACTOR.address(text := address(*end)) != text}
