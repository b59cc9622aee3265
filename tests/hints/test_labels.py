"""Findings say what their connections were about; nothing else about them changes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tcpdiag
from cli.run import tcpdiag as command
from hints.made import (
    GET,
    HELLO,
    OK,
    Conversation,
    alert,
    client_hello,
    dns_answer,
    dns_packet,
    healthy,
    leaked,
    server_hello,
    server_name,
    write,
)
from tcpdiag.hints import cohorts, labels
from tcpdiag.model.finding import Finding, Severity
from tcpdiag.report import Report

SLOW = b"POST /call/%d HTTP/1.1\r\nHost: api\r\n\r\n"
FAST = b"GET /page/%d HTTP/1.1\r\nHost: www\r\n\r\n"
GAP_NS = 100_000_000


def leak(path: Path, *, count: int = 12, request: bytes = SLOW, others: int = 8, other: bytes = FAST) -> Path:
    """A server that keeps some connections for good, and closes others."""
    packets: list[bytes] = []
    for n in range(count):
        packets += leaked(request.replace(b"%d", b"%d" % n), sport=40_000 + n, dport=80)
    for n in range(others):
        packets += healthy(other.replace(b"%d", b"%d" % n), OK, sport=50_000 + n, dport=80)
    tail = healthy(b"PING", b"PONG", sport=60_000, dport=9999) * 8  # time passes
    return write(path, [*packets, *tail], gap_ns=GAP_NS)


def only_finding(report: Report, kind: str) -> Finding:
    return next(finding for finding in report.findings if finding.kind == kind)


def label_of(path: Path, kind: str = "close-wait-leak") -> str:
    finding = only_finding(tcpdiag.analyze(path), kind)
    assert "application" in finding.data, finding.story
    sentence = finding.story[-1]
    assert set(sentence.frames) <= set(finding.frames)
    assert all(str(frame) in sentence.text for frame in sentence.frames)
    return sentence.text


def test_a_request_that_only_the_cohort_made_sets_it_apart(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap")
    finding = only_finding(tcpdiag.analyze(path), "close-wait-leak")
    data: dict[str, Any] = finding.data["application"]
    assert finding.story[-1].text == (
        "All 12 asked for the same: HTTP POST /call/... on host api [4, 11, 18, ... 81]; of 8 other connections to the "
        "same endpoint none did."
    )
    assert data["sets_apart"] is True
    assert (data["looked_at"], data["of"], data["alike"]) == (12, 12, 12)
    assert data["others"] == {"looked_at": 8, "of": 8, "alike": 0}
    assert data["shared"] == {"protocol": "HTTP", "method": "POST", "host": "api", "path": "/call/..."}
    assert data["values"]["host"] == [{"value": "api", "count": 12, "others": 0}]


def test_a_request_that_everybody_makes_is_only_a_label(tmp_path: Path) -> None:
    text = label_of(leak(tmp_path / "a.pcap", other=SLOW))
    assert text.endswith(
        "; of 8 other connections to the same endpoint 8 did: it tells the service, not the difference."
    )


def test_without_others_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    text = label_of(leak(tmp_path / "a.pcap", others=0))
    assert text.endswith("; no other connection to the same endpoint is there to compare them with.")


def test_different_requests_are_counted(tmp_path: Path) -> None:
    text = label_of(leak(tmp_path / "a.pcap", request=b"GET /%d HTTP/1.1\r\n\r\n"))
    assert text.startswith("All 12 carried HTTP GET, with different paths: /0 (1), /1 (1), /2 (1) and 9 more [4, ")


def test_tls_names_are_shared_too(tmp_path: Path) -> None:
    assert label_of(leak(tmp_path / "a.pcap", request=HELLO)).startswith(
        "All 12 asked for the same: TLS for api.example.com (ALPN h2, http/1.1) ["
    )


def test_first_words_of_an_unknown_protocol_are_shared_too(tmp_path: Path) -> None:
    assert label_of(leak(tmp_path / "a.pcap", request=b"JOB 7 START\n")).startswith(
        'All 12 asked for the same: beginning with "JOB 7 START" ['
    )


def single(path: Path, request: bytes, answer: bytes = b"") -> Path:
    """One connection that its server does not close."""
    tail = healthy(b"PING", b"PONG", sport=60_000, dport=9999) * 20
    return write(path, [*leaked(request, answer), *tail], gap_ns=GAP_NS)


@pytest.mark.parametrize(
    ("request_", "answer", "text"),
    [
        (
            GET,
            OK,
            "Its first request is GET /doc/1 on host www.example.com [4]; the answer has status 200 [6].",
        ),
        (GET, b"", "Its first request is GET /doc/1 on host www.example.com [4]; no answer to it is in the capture."),
        (
            HELLO,
            server_hello(),
            "It is a TLS connection for api.example.com (ALPN h2, http/1.1) [4]; the server chose TLS 1.2 [6].",
        ),
        (
            HELLO,
            alert(40),
            "It is a TLS connection for api.example.com (ALPN h2, http/1.1) [4]; the server answered with the TLS "
            "alert handshake_failure [6].",
        ),
        (
            client_hello(),
            b"",
            "It is a TLS connection that names no server [4]; no answer to the ClientHello is in the capture.",
        ),
        (b"HELLO WORLD\n", b"\1", 'It begins with "HELLO WORLD" [4]; the server answered [6].'),
    ],
)
def test_a_single_connection(tmp_path: Path, request_: bytes, answer: bytes, text: str) -> None:
    assert label_of(single(tmp_path / "a.pcap", request_, answer), "close-wait-stuck") == text


def test_bytes_that_tell_nothing_give_no_label(tmp_path: Path) -> None:
    report = tcpdiag.analyze(single(tmp_path / "a.pcap", b"\0\1\2\3"))
    assert "application" not in only_finding(report, "close-wait-stuck").data


def test_connects_that_are_refused_are_told_by_what_others_asked(tmp_path: Path) -> None:
    packets: list[bytes] = []
    for n in range(6):
        packets += healthy(HELLO, server_hello(), sport=50_000 + n)
    for n in range(4):
        packets += Conversation(sport=40_000 + n).refused().packets
    assert label_of(write(tmp_path / "a.pcap", packets), "syn-refused") == (
        "Nothing was asked on them; of 6 other connections to the same endpoint 6 carried TLS for api.example.com "
        "(ALPN h2, http/1.1)."
    )


def test_no_verdict_depends_on_hints(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap")
    with_, without = tcpdiag.analyze(path), tcpdiag.analyze(path, hints=False)

    def verdicts(report: Report) -> list[Finding]:
        plain = [{k: v for k, v in finding.data.items() if k != "application"} for finding in report.findings]
        return [replace(f, story=(), frames=(), data=data) for f, data in zip(report.findings, plain, strict=True)]

    assert verdicts(with_) == verdicts(without)
    assert not any("application" in finding.data for finding in without.findings)
    labelled = [
        replace(finding, story=finding.story[:-1]) for finding in with_.findings if "application" in finding.data
    ]
    assert [finding.story for finding in labelled] == [
        finding.story for finding in without.findings if finding.id in {each.id for each in labelled}
    ]


def test_the_incident_tells_it_too(tmp_path: Path) -> None:
    report = tcpdiag.analyze(leak(tmp_path / "a.pcap"))
    assert any("POST /call/..." in sentence.text for sentence in report.incidents[0].narrative)


def test_names_of_addresses_come_from_dns(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap")
    plain = write(tmp_path / "dns.pcap", [dns_packet(dns_answer("www.example.com", ("www.example.com", "10.0.0.2")))])
    report = tcpdiag.analyze([plain, path])
    assert report.names == {"10.0.0.2": "www.example.com"}
    assert "10.0.0.2:80 (www.example.com)" in report.to_text()
    assert json.loads(report.to_json())["names"] == {"10.0.0.2": "www.example.com"}
    assert tcpdiag.analyze([plain, path], hints=False).names == {}


@pytest.mark.parametrize("port", [5353, 54])
def test_only_answers_from_the_dns_port_count(tmp_path: Path, port: int) -> None:
    answer = dns_answer("www.example.com", ("www.example.com", "10.0.0.2"))
    plain = write(tmp_path / "dns.pcap", [dns_packet(answer, source_port=port)])
    assert tcpdiag.analyze([plain, leak(tmp_path / "a.pcap")]).names == {}


HOSTILE = "\x1b[31mx\u202e<script>alert(1)</script>|`a`\nb"


def test_hostile_names_reach_no_terminal_and_no_page(tmp_path: Path) -> None:
    hello = client_hello(server_name(HOSTILE.encode()))
    dns = dns_packet(dns_answer("x", ("x", "10.0.0.2")).replace(b"\1x\0\0\1", b"\x09\x1b[2J<b>|`\0\0\1", 1))
    path = leak(tmp_path / "a.pcap", request=hello)
    report = tcpdiag.analyze([write(tmp_path / "dns.pcap", [dns]), path])
    assert "\x1b" in report.findings[0].data["application"]["shared"]["sni"]
    text, markdown, document = report.to_text(), report.to_markdown(), report.to_json()
    for shown in (text, markdown, document):
        assert not {"\x1b", "\u202e"} & set(shown)
    assert "\\x1b[31mx\\u202e<script>" in text
    assert "<script>" not in markdown
    assert "<b>" not in markdown
    json.loads(document)


def test_a_very_long_name_is_cut(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap", request=client_hello(server_name(b"n" * 2000)))
    assert len(label_of(path)) < 500


def test_only_some_of_many_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "FLOWS_MAX", 5)
    monkeypatch.setattr(cohorts.spread, "__defaults__", (5,))
    finding = only_finding(tcpdiag.analyze(leak(tmp_path / "a.pcap")), "close-wait-leak")
    assert finding.story[-1].text.startswith("All 5 that were looked at (of 12) asked for the same")
    assert finding.data["application"]["others"] == {"looked_at": 5, "of": 8, "alike": 0}


def test_of_a_large_capture_the_first_ones_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "LARGE_PACKETS", 0)
    monkeypatch.setattr(cohorts, "LEAST_OF_LARGE", cohorts.LEAST)
    monkeypatch.setattr(cohorts, "FIRST_OF_LARGE", 3)
    report = tcpdiag.analyze(leak(tmp_path / "a.pcap"))
    finding = only_finding(report, "close-wait-leak")
    assert finding.story[-1].text.startswith("All 3 that were looked at (of 12) asked for the same")
    assert report.hints is not None
    assert set(finding.streams[:3]) <= set(report.hints)
    assert max(report.hints) <= finding.streams[2], "nothing behind them is read"


def test_what_was_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohorts, "TOTAL_MAX", 1)
    packets: list[bytes] = []
    for n in range(3):
        packets += leaked(GET, sport=40_000 + n, dport=80 + n)
    tail = healthy(b"PING", b"PONG", sport=60_000, dport=9999) * 20
    report = tcpdiag.analyze(write(tmp_path / "a.pcap", [*packets, *tail], gap_ns=GAP_NS))
    assert [item.what for item in report.unexamined] == ["application hints"]
    assert sum("application" in finding.data for finding in report.findings) == 1


def test_a_mistake_in_the_hints_costs_only_the_hints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = leak(tmp_path / "a.pcap")
    plain = tcpdiag.analyze(path, hints=False)

    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(labels, "label", fail)
    report = tcpdiag.analyze(path)
    assert report.findings == plain.findings
    assert [(item.what, item.reason) for item in report.unexamined] == [("application hints", "RuntimeError: broken")]


def test_the_command_looks_at_standard_input_again(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap")
    piped = json.loads(command("analyze", "-", "--format", "json", stdin=path.read_bytes()).stdout)
    direct = json.loads(command("analyze", path, "--format", "json").stdout)
    assert piped["findings"] == direct["findings"]
    assert "application" in piped["findings"][0]["data"]
    bare = json.loads(command("analyze", path, "--no-hints", "--format", "json").stdout)
    assert "application" not in bare["findings"][0]["data"]


def test_of_standard_input_only_the_beginning_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = leak(tmp_path / "a.pcap")
    monkeypatch.setattr("tcpdiag.analysis.COPY_FOR_HINTS", 2_000)
    with path.open("rb") as stream:
        monkeypatch.setattr("tcpdiag.capture.source.STDIN_FD", stream.fileno())
        report = tcpdiag.analyze("-", keep_stdin=False)
    assert [item.what for item in report.unexamined] == ["application hints"]
    assert report.findings[0].data["application"]["looked_at"] < 12
    assert report.paths == ("-",)


def test_a_configuration_may_switch_them_off(tmp_path: Path) -> None:
    path = leak(tmp_path / "a.pcap")
    config = tcpdiag.Config(hints=False)
    assert not any("application" in f.data for f in tcpdiag.analyze(path, config=config).findings)
    assert any("application" in f.data for f in tcpdiag.analyze(path, config=config, hints=True).findings)


def test_healthy_traffic_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.pcap", healthy(GET, OK))
    monkeypatch.setattr(labels, "read", lambda *_: pytest.fail("read again"))
    report = tcpdiag.analyze(path)
    assert not any(finding.severity >= Severity.NOTICE for finding in report.findings)
    assert report.unexamined == ()
