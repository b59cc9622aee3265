"""`tcpdiag analyze --sockets`."""

import json

import pytest

from cli.run import tcpdiag
from sockets.made import TABLE

CAPTURE = TABLE / "capture.pcap"


def test_listings_are_told_with_the_capture() -> None:
    done = tcpdiag("analyze", CAPTURE, "--sockets", TABLE / "ss.txt", "--sockets", TABLE / "proc.txt")
    assert "by ss (ss.txt)" in done.stdout
    assert "by /proc/net/tcp (proc.txt)" in done.stdout
    assert "it is full" in done.stdout


def test_a_time_can_be_given() -> None:
    done = tcpdiag("analyze", "--format", "json", "--sockets", f"{TABLE / 'ss.txt'}@1795237128.5", CAPTURE)
    (listing,) = json.loads(done.stdout)["sockets"]
    assert (listing["ts"], listing["ts_from"]) == ("1795237128.500000000", "given")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.txt", "No such file"),
        ("capture.pcap", "no socket listing"),
        ("ss.txt@noon", "'noon' is not a time"),
        ("", "Is a directory"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(name: str, words: str) -> None:
    done = tcpdiag("analyze", CAPTURE, "--sockets", TABLE / name, check=2)
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_help_shows_how() -> None:
    text = " ".join(tcpdiag("analyze", "--help").stdout.split())
    assert "--sockets FILE[@TIME]" in text
    assert "(date; ss -tanpoie) > s.txt" in text
