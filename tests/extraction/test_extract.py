"""Which packets are taken, in which order, and what the file is like."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from capture.frames import ethernet, ipv4, tcp
from capture.reading import read as read_capture
from capture.writing import Packet, enhanced, interface, option, pcap, section, statistics
from extraction.reading import NUMBER, read
from hints.made import Conversation, dns_answer, dns_packet, healthy, leaked, write
from places import FIXTURES
from tcpdiag.errors import UsageError
from tcpdiag.report import Report

ARP = ethernet(b"\0\1\x08\0\6\4\0\1" + bytes(20), 0x0806)
NS = 10**9


@pytest.fixture
def office() -> Report:
    return tcpdiag.analyze(FIXTURES / "office" / "office.pcap", hints=False)


@pytest.fixture
def mixed(tmp_path: Path) -> Report:
    """Three connections, their packets in turn, among others'."""
    flows = [healthy(b"ask", b"answer", sport=port) for port in (5001, 5002, 5003)]
    packets = [packet for each in zip(*flows, strict=True) for packet in each]
    return tcpdiag.analyze(write(tmp_path / "mixed.pcap", [ARP, *packets, ARP]), hints=False)


def quoting(segment: bytes) -> bytes:
    """An ICMP error of a router: fragmentation needed, the next MTU is 1400."""
    return ethernet(ipv4(b"\3\4\0\0\0\0\5\x78" + segment[14:], 1, src="10.9.9.9", dst="10.0.0.1"))


def fragments(packet: bytes, size: int = 16, ident: int = 99) -> list[bytes]:
    """An Ethernet packet's IPv4 datagram in pieces."""
    data = packet[34:]
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [
        ethernet(ipv4(part, fragment=index * size // 8 | (0x2000 if index + 1 < len(parts) else 0), ident=ident))
        for index, part in enumerate(parts)
    ]


# --- which packets


def test_all_of_one_connection_in_order(mixed: Report, tmp_path: Path) -> None:
    done = mixed.extract(tmp_path / "one.pcapng", flows=1)
    found = read(tmp_path / "one.pcapng")
    assert found.frames == sorted(found.frames) == [3 + 3 * n for n in range(len(found.packets))]
    assert (done.packets, done.connections) == (len(found.packets), 1)
    original, _ = read_capture(mixed.paths[0])
    assert [data for *_, data in found.packets] == [original[frame - 1].data for frame in found.frames]


@pytest.mark.parametrize("flows", ["port 5001 or port 5003", [0, 2], (2, 0, 2)])
def test_several_connections(mixed: Report, tmp_path: Path, flows: str | list[int]) -> None:
    mixed.extract(tmp_path / "two.pcapng", flows=flows)
    streams = {match[2] for texts in read(tmp_path / "two.pcapng").comments if (match := NUMBER.match(texts[0]))}
    assert streams == {"0", "2"}


def test_without_a_choice_all_connections_of_the_report(mixed: Report, tmp_path: Path) -> None:
    assert mixed.extract(tmp_path / "all.pcapng").connections == 3
    assert mixed.where("port 5002").extract(tmp_path / "some.pcapng").connections == 1


def test_fragments_and_icmp_errors_belong_to_their_connection(tmp_path: Path) -> None:
    talk = Conversation(sport=5001).opened().segment(24, 1, 1, b"x" * 40)
    other = Conversation(sport=5002).opened().segment(24, 1, 1, b"y" * 40)
    packets = [*talk.packets[:3], *other.packets[:3], *fragments(other.packets[3], ident=1)]
    packets += [*reversed(fragments(talk.packets[3])), quoting(talk.packets[3]), quoting(other.packets[3])]
    report = tcpdiag.analyze(write(tmp_path / "f.pcap", packets), hints=False)
    report.extract(tmp_path / "one.pcapng", flows="port 5001")
    pieces = len(fragments(talk.packets[3]))
    assert read(tmp_path / "one.pcapng").frames == [1, 2, 3, *range(7 + pieces, 7 + 2 * pieces), 7 + 2 * pieces]


def test_an_icmp_error_after_the_last_segment(tmp_path: Path) -> None:
    talk = Conversation(sport=5001).opened()
    packets = [*talk.packets, *healthy(b"a", sport=5002), quoting(talk.packets[2])]
    report = tcpdiag.analyze(write(tmp_path / "late.pcap", packets), hints=False)
    report.extract(tmp_path / "one.pcapng", flows=0)
    assert read(tmp_path / "one.pcapng").frames == [1, 2, 3, len(packets)]


def test_of_a_finding_all_connections_that_its_frames_are_of(office: Report, tmp_path: Path) -> None:
    for finding in office.findings:
        office.extract(tmp_path / "f.pcapng", finding=finding.id)
        assert set(finding.frames) <= set(read(tmp_path / "f.pcapng").frames)
    whole = read(tmp_path / "f.pcapng").frames
    office.extract(tmp_path / "f.pcapng", finding=office.findings[0].id, evidence=True)
    told = {each.frame for each in office.findings[0].evidence if each.frame} | set(office.findings[0].frames)
    assert set(read(tmp_path / "f.pcapng").frames) == told < set(whole)


def test_an_incident_is_its_findings(office: Report, tmp_path: Path) -> None:
    (incident,) = office.incidents
    office.extract(tmp_path / "i.pcapng", finding=incident.id, evidence=True)
    frames = {frame for name in incident.findings for frame in office.finding(name).frames}
    assert frames <= set(read(tmp_path / "i.pcapng").frames)


def test_the_evidence_about_a_connection(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "e.pcapng", flows=0, evidence=True)
    frames = {frame for finding in office.findings for frame in finding.frames}
    assert frames <= set(read(tmp_path / "e.pcapng").frames)
    assert not read(tmp_path / "e.pcapng").statistics, "what came between and after them is not here"


@pytest.mark.parametrize("name", [p.parent.name for p in sorted(FIXTURES.glob("*/capture.pcap"))])
def test_a_finding_is_found_again_in_its_extract(name: str, tmp_path: Path) -> None:
    report = tcpdiag.analyze(FIXTURES / name / "capture.pcap", hints=False)
    for finding in report.findings:
        if finding.streams:
            report.extract(tmp_path / "f.pcapng", finding=finding.id)
            frames = [0, *read(tmp_path / "f.pcapng").frames]
            again = tcpdiag.analyze(tmp_path / "f.pcapng", hints=False)
            found = [(each.kind, each.severity, tuple(frames[f] for f in each.frames)) for each in again.findings]
            assert (finding.kind, finding.severity, finding.frames) in found


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"flows": 99}, "no stream 99"),
        ({"flows": "port 1"}, "no connection matches"),
        ({"finding": "half-open-9"}, "no finding 'half-open-9'"),
        ({"finding": []}, "no finding named"),
        ({"flows": 0, "finding": "half-open-1"}, "either"),
        ({"flows": 1, "evidence": True}, "no evidence"),
        ({"cut": True}, "redacted packets only"),
        ({"keep_times": False}, "redacted packets only"),
        ({"redact": b"short"}, "16 bytes"),
    ],
)
def test_what_does_not_exist_is_said(mixed: Report, tmp_path: Path, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        mixed.extract(tmp_path / "x.pcapng", **arguments)  # type: ignore[arg-type]
    assert not (tmp_path / "x.pcapng").exists()


def test_a_finding_about_the_capture_has_no_packets(tmp_path: Path) -> None:
    report = tcpdiag.analyze(FIXTURES / "derived-snap68-loss" / "capture.pcap", hints=False)
    with pytest.raises(UsageError, match="capture as a whole"):
        report.extract(tmp_path / "x.pcapng", finding="capture-truncated-1")


def test_a_redacted_report_and_one_from_json_give_no_packets(office: Report, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="redact=key"):
        office.redacted().extract(tmp_path / "x.pcapng")
    with pytest.raises(UsageError, match="JSON"):
        Report.from_json(office.to_json()).extract(tmp_path / "x.pcapng")


# --- the file


def test_comments_tell_frame_stream_verdicts_and_findings(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "c.pcapng")
    found = read(tmp_path / "c.pcapng")
    texts = dict(zip(found.frames, found.comments, strict=True))
    assert texts[98][0] == "tcpdiag: frame 98, stream 0"
    assert any(text.startswith("verdict: RST: 1 below RCV.NXT") for text in texts[98])
    assert any(text.startswith("CRITICAL rst-off-sequence-1: A reset was not obeyed") for text in texts[98])
    assert "verdict: retransmission (timeout) of frame 111, the first copy passed the tap" in texts[112]
    assert "state: server: CLOSE-WAIT" in texts[94]
    assert found.said[0] == "tcpdiag: 1 of 1 connection in office.pcap"
    assert any("rst-off-sequence-1" in text for text in found.said)
    assert dict(found.section)[4].decode().startswith("tcpdiag ")


def test_verdicts_of_the_evidence_alone_are_those_of_the_connection(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "whole.pcapng")
    office.extract(tmp_path / "part.pcapng", flows=0, evidence=True)
    whole, part = read(tmp_path / "whole.pcapng"), read(tmp_path / "part.pcapng")
    texts = dict(zip(whole.frames, whole.comments, strict=True))
    assert part.comments == [texts[frame] for frame in part.frames]


def test_without_comments(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "c.pcapng", comments=False)
    found = read(tmp_path / "c.pcapng")
    assert not found.said and not any(found.comments)


def test_of_several_files_each_is_named(tmp_path: Path) -> None:
    first = write(tmp_path / "b.pcap", healthy(b"a", sport=5001))
    packets = [Packet(1_795_218_700 * NS + n, data) for n, data in enumerate(healthy(b"b", sport=5002))]
    (tmp_path / "a.pcap").write_bytes(pcap(packets))
    report = tcpdiag.analyze([tmp_path / "a.pcap", first], hints=False)
    report.extract(tmp_path / "x.pcapng")
    texts = [each[0] for each in read(tmp_path / "x.pcapng").comments]
    n = report.files[0].packets
    assert texts[0] == "tcpdiag: frame 1, stream 0 (frame 1 of b.pcap)"
    assert texts[n] == f"tcpdiag: frame {n + 1}, stream 1 (frame 1 of a.pcap)"


def test_interfaces_counters_and_the_end_of_the_capture(tmp_path: Path) -> None:
    packets = [Packet(NS * n, data, len(data) + 9, n % 2) for n, data in enumerate(healthy(b"a"), 1)]
    late = Packet(NS * 100, ARP, len(ARP), 1)
    blocks = [section(), interface(snaplen=2000, options=option(2, b"eth7")), interface(options=option(2, b"lo"))]
    blocks += [*map(enhanced, packets), enhanced(late), statistics(1, received=50, dropped_os=2)]
    (tmp_path / "in.pcapng").write_bytes(b"".join(blocks))
    report = tcpdiag.analyze(tmp_path / "in.pcapng", hints=False)
    report.extract(tmp_path / "out.pcapng")
    found = read(tmp_path / "out.pcapng")
    assert [(link, snaplen, each[2]) for link, snaplen, each in found.interfaces] == [(1, 2000, b"eth7"), (1, 0, b"lo")]
    assert [(i, ticks, wire) for i, ticks, wire, _ in found.packets] == [
        (packet.interface, packet.ts_ns, packet.original) for packet in packets
    ]
    again = tcpdiag.analyze(tmp_path / "out.pcapng", hints=False)
    assert again.tables.last_ts_ns == report.tables.last_ts_ns == NS * 100
    assert [(i.received, i.dropped_os) for i in again.files[0].interfaces] == [(None, None), (50, 2)]


def test_times_before_1970(tmp_path: Path) -> None:
    talk = healthy(b"a")
    blocks = [section(), interface(options=option(14, (-10).to_bytes(8, "little", signed=True)))]
    blocks += [enhanced(Packet(NS * n * 5 + 7000, data)) for n, data in enumerate(talk)]
    (tmp_path / "old.pcapng").write_bytes(b"".join(blocks))
    report = tcpdiag.analyze(tmp_path / "old.pcapng", hints=False)
    assert report.tables.first_ts_ns < 0 < report.tables.last_ts_ns
    report.extract(tmp_path / "x.pcapng")
    assert tcpdiag.analyze(tmp_path / "x.pcapng").tables.first_ts_ns == report.tables.first_ts_ns
    with pytest.raises(UsageError, match="cannot hold the times"):
        report.extract(tmp_path / "x.pcap")
    assert not (tmp_path / "x.pcap").exists()


def test_pcap_is_plain(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "x.pcap")
    again = tcpdiag.analyze(tmp_path / "x.pcap", hints=False)
    assert again.files[0].format == "pcap"
    rows = again.flow(0).segments()
    assert np.array_equal(rows["ts"].to_numpy(), office.flow(0).segments()["ts"].to_numpy())


def test_pcap_has_one_link_type(tmp_path: Path) -> None:
    talk = healthy(b"a", sport=5001)
    raw = [packet[14:] for packet in healthy(b"b", sport=5002)]
    blocks = [section(), interface(), interface(link_type=101)]
    blocks += [enhanced(Packet(n, data)) for n, data in enumerate(talk)]
    blocks += [enhanced(Packet(99 + n, data, interface=1)) for n, data in enumerate(raw)]
    (tmp_path / "in.pcapng").write_bytes(b"".join(blocks))
    report = tcpdiag.analyze(tmp_path / "in.pcapng", hints=False)
    assert report.extract(tmp_path / "x.pcap", flows=1).packets == len(raw)
    with pytest.raises(UsageError, match="ETHERNET, RAW"):
        report.extract(tmp_path / "y.pcap")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.pcapng", "x.pcap"]


def test_a_stream_gets_pcapng(office: Report, tmp_path: Path) -> None:
    office.extract(tmp_path / "x.pcapng")
    stream = io.BytesIO()
    office.extract(stream)
    assert stream.getvalue() == (tmp_path / "x.pcapng").read_bytes()


def test_no_input_is_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "in.pcap", leaked(b"a"))
    before = path.read_bytes()
    os.link(path, tmp_path / "hard.pcap")
    (tmp_path / "soft.pcap").symlink_to(path)
    report = tcpdiag.analyze(path, hints=False)
    for name in ("in.pcap", "hard.pcap", "soft.pcap"):
        with pytest.raises(UsageError, match="what is read"):
            report.extract(tmp_path / name)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "words"), [("x.txt", "must end in"), ("no/x.pcap", "no folder"), ("d.pcap", "is a")])
def test_a_name_that_cannot_be_is_refused(office: Report, tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "d.pcap").mkdir()
    with pytest.raises(UsageError, match=words):
        office.extract(tmp_path / name)


def test_an_interrupted_write_leaves_nothing_behind(office: Report, tmp_path: Path) -> None:
    (tmp_path / "x.pcapng").write_bytes(b"older")

    def stop(done: int, total: int | None) -> None:
        if total and done > total // 2:
            assert len(list(tmp_path.iterdir())) == 2, "it is being written"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        office.extract(tmp_path / "x.pcapng", on_progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["x.pcapng"]
    assert (tmp_path / "x.pcapng").read_bytes() == b"older"


def test_progress_grows_to_the_end(office: Report, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    office.extract(tmp_path / "x.pcapng", on_progress=lambda *now: seen.append(now))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) and seen[-1][0] == seen[-1][1]


def test_filters_for_wireshark_are_by_finding(office: Report) -> None:
    assert list(office.wireshark_filters) == [finding.id for finding in office.findings]
    assert office.wireshark_filters["rst-off-sequence-1"] is not None
    assert str(office.wireshark_filters["rst-off-sequence-1"]).startswith("tcp.stream == 0 && frame.number in {")


def test_dns_answers_are_nobodys(tmp_path: Path) -> None:
    packets = [dns_packet(dns_answer("a.test", ("a.test", "10.0.0.2"))), *healthy(b"a"), ethernet(tcp(), 0x1234)]
    report = tcpdiag.analyze(write(tmp_path / "d.pcap", packets))
    report.extract(tmp_path / "x.pcapng")
    assert read(tmp_path / "x.pcapng").frames == list(range(2, len(packets)))
