"""`tcpdiag extract`, and `tcpdiag analyze --wireshark-filter`."""

from pathlib import Path

import pytest

from cli.run import tcpdiag
from extraction.reading import read
from places import FIXTURES
from redaction.searching import KEY, REDACTOR
from tcpdiag import analyze

OFFICE = FIXTURES / "office" / "office.pcap"
SAWTOOTH = FIXTURES / "sawtooth" / "capture.pcap"


def test_a_connection(tmp_path: Path) -> None:
    done = tcpdiag("extract", OFFICE, "--flow", "0", "-o", tmp_path / "x.pcapng")
    assert done.stderr == "tcpdiag: 110 packets of 1 connection\n" and done.stdout == ""
    assert len(read(tmp_path / "x.pcapng").packets) == 110


def test_the_evidence_of_a_finding_is_what_the_report_shows(tmp_path: Path) -> None:
    tcpdiag("extract", OFFICE, "--finding", "rst-off-sequence-1", "--evidence", "-o", tmp_path / "x.pcapng")
    assert read(tmp_path / "x.pcapng").frames == list(analyze(OFFICE).finding("rst-off-sequence-1").frames)


def test_to_a_pipe_and_from_one() -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "tcpdiag"]
    done = subprocess.run([*command, "extract", "-", "-o", "-"], input=OFFICE.read_bytes(), capture_output=True)
    again = subprocess.run([*command, "analyze", "--format", "json", "-"], input=done.stdout, capture_output=True)
    assert b'"rst-off-sequence-1"' in again.stdout


def test_redacted_with_a_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(KEY)
    tcpdiag("extract", OFFICE, "--redact-key", tmp_path / "key", "-o", tmp_path / "x.pcapng", "--times", "shift")
    report = analyze(tmp_path / "x.pcapng")
    assert report.flow(0).client.startswith(REDACTOR.address("198.51.100.240"))
    assert report.tables.first_ts_ns < 946_684_801 * 10**9


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    from capture.writing import Packet, enhanced, interface, section
    from hints.made import healthy

    packets = healthy(b"a")
    snap = b"\x08\x01" + bytes(22) + b"\xaa\xaa\3\0\0\0\x08\0"
    blocks = [section(), interface(), interface(link_type=105)]
    blocks += [enhanced(Packet(n, data)) for n, data in enumerate(packets)]
    blocks += [enhanced(Packet(99, snap + packets[0][14:], interface=1))]
    (tmp_path / "in.pcapng").write_bytes(b"".join(blocks))
    done = tcpdiag("extract", tmp_path / "in.pcapng", "--redact", "-o", tmp_path / "x.pcapng")
    assert "left out, because it cannot be anonymised: 1 packet (link layer IEEE802_11: 1)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--payload", "cut", "-o", "x.pcapng"), "go with --redact"),
        (("-o", "x.txt"), "must end in"),
        (("-o", OFFICE), "what is read"),
        (("--finding", "x", "-o", "x.pcapng"), "no finding 'x'"),
        (("--flow", "port", "-o", "x.pcapng"), "filter 'port'"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], words: str) -> None:
    done = tcpdiag("extract", OFFICE, *arguments, check=2)
    assert words in done.stderr and done.stderr.count("\n") == 1 and not Path("x.pcapng").exists()


def test_filters_to_copy() -> None:
    lines = tcpdiag("analyze", "--wireshark-filter", OFFICE).stdout.splitlines()
    assert lines[0].startswith("# CRITICAL rst-off-sequence-1: ")
    assert lines[1].startswith("tcp.stream == 0 && frame.number in {")
    assert len(lines) == 2 * len(analyze(OFFICE).findings)


def test_filters_of_several_captures_and_of_none() -> None:
    cut = FIXTURES / "derived-snap68-loss" / "capture.pcap"
    out = tcpdiag("analyze", "--wireshark-filter", OFFICE, SAWTOOTH, cut).stdout
    assert "mergecap -a" in out.splitlines()[0] and "# about the capture as a whole" in out
    assert "leave out --format" in tcpdiag("analyze", "--wireshark-filter", "--format", "json", OFFICE, check=2).stderr
