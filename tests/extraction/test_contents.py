"""Zeros instead of contents, and what was said twice is still told apart from what was said another way."""

from pathlib import Path

import pytest

import tcpdiag
from capture.frames import ethernet, ipv4
from extraction.reading import read
from hints.made import Conversation, write
from tcpdiag.extraction.contents import CONTENTS_MAX, Filling, _another

KEY = b"k" * 32
LINE = b"transfer 1,000 to account 4711\n"
OTHER = b"transfer 9,999 to account 0815\n"
SWAPPED = LINE[2:4] + LINE[:2] + LINE[4:]  # another content of the same sum


def talk(*contents: bytes) -> list[bytes]:
    """A connection on which one range is sent several times."""
    made = Conversation(sport=5001).opened()
    for content in contents:
        made.segment(24, 1, 1, content)
    return made.segment(16, 1, 1 + len(contents[0]), by_server=True).packets


def analysed(folder: Path, packets: list[bytes], name: str = "in.pcap") -> tcpdiag.Report:
    return tcpdiag.analyze(write(folder / name, packets, gap_ns=300_000_000), hints=False)


def kinds(report: tcpdiag.Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def payloads(path: Path, at: int = 54) -> list[bytes]:
    return [data[at:] for *_, data in read(path).packets if len(data) > at]


def test_payload_is_zeros(tmp_path: Path) -> None:
    analysed(tmp_path, talk(LINE, LINE)).extract(tmp_path / "x.pcapng", redact=KEY)
    assert payloads(tmp_path / "x.pcapng") == [bytes(len(LINE))] * 2


def test_payload_is_cut(tmp_path: Path) -> None:
    analysed(tmp_path, talk(LINE)).extract(tmp_path / "x.pcapng", redact=KEY, cut=True)
    assert [(len(data), wire) for _, _, wire, data in read(tmp_path / "x.pcapng").packets] == [
        (54, 54), (54, 54), (54, 54), (54, 54 + len(LINE)), (54, 54)
    ]  # fmt: skip


@pytest.mark.parametrize("contents", [(LINE, OTHER), (LINE, OTHER, LINE, OTHER), (LINE, LINE, OTHER, bytes(31))])
def test_another_content_stays_another_one(contents: tuple[bytes, ...], tmp_path: Path) -> None:
    report = analysed(tmp_path, talk(*contents))
    assert "conflicting-overlap" in kinds(report)
    report.extract(tmp_path / "x.pcapng", redact=KEY)
    again = tcpdiag.analyze(tmp_path / "x.pcapng", hints=False)
    assert [(f.kind, f.severity, f.frames) for f in again.findings] == [
        (f.kind, f.severity, f.frames) for f in report.findings
    ]
    assert again.finding("conflicting-overlap-1").data == report.finding("conflicting-overlap-1").data
    found = payloads(tmp_path / "x.pcapng")
    assert found[0] == bytes(len(LINE))
    for one, here in zip(contents, found, strict=True):
        for other, there in zip(contents, found, strict=True):
            assert (one == other) == (here == there)
    assert all(len(set(each)) == 1 for each in found), "one octet, and nothing of what was said"


def test_what_was_not_found_to_differ_does_not_differ(tmp_path: Path) -> None:
    report = analysed(tmp_path, talk(LINE, SWAPPED))
    assert "conflicting-overlap" not in kinds(report)
    report.extract(tmp_path / "x.pcapng", redact=KEY)
    assert len(set(payloads(tmp_path / "x.pcapng"))) == 1
    assert kinds(tcpdiag.analyze(tmp_path / "x.pcapng", hints=False)) == kinds(report)


def test_two_contents_in_fragments(tmp_path: Path) -> None:
    packets = talk(LINE, OTHER)
    data = packets[4][34:]
    parts = (
        ethernet(ipv4(data[:24], fragment=0x2000, ident=9)),
        ethernet(ipv4(data[24:], fragment=3, ident=9)),
    )
    report = analysed(tmp_path, [*packets[:4], *reversed(parts), *packets[5:]])
    assert "conflicting-overlap" in kinds(report)
    report.extract(tmp_path / "x.pcapng", redact=KEY)
    again = tcpdiag.analyze(tmp_path / "x.pcapng", hints=False)
    assert [finding.frames for finding in again.findings] == [finding.frames for finding in report.findings]
    checks = again.flow(0).segments()["checksum"]
    assert (checks == "good").all()
    assert not [data for *_, data in read(tmp_path / "x.pcapng").packets if OTHER[8:16] in data]


@pytest.mark.parametrize("length", [2, 3, 4, 510, 511, 512, 1020, 1448, 65_535])
def test_fillings_have_sums_of_their_own(length: int) -> None:
    contents: dict[int, Filling] = {}
    for number in range(CONTENTS_MAX):
        contents[number] = _another(length, contents)
    assert contents[0] == Filling(0, length)
    assert len({filling.sum for filling in contents.values()}) == CONTENTS_MAX
    assert _another(length, contents) == Filling(255, length)
