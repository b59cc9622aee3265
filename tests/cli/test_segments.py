"""`tcpdiag segments`."""

import csv
import io
import json
from pathlib import Path

import pytest

import tcpdiag as library
from cli.run import tcpdiag
from places import FIXTURES

STALL = FIXTURES / "clientleak-stall" / "capture.pcap"


def rows(*arguments: str | Path) -> list[dict[str, str]]:
    text = tcpdiag("segments", STALL, "--flow", "1", "--format", "csv", *arguments).stdout
    return list(csv.DictReader(io.StringIO(text)))


def test_table_tells_each_segment_and_its_verdict_in_80_columns() -> None:
    lines = tcpdiag("segments", STALL, "--flow", "1").stdout.splitlines()
    assert lines[0] == "stream 1: client 172.29.119.26:52464, server 172.29.119.96:7777"
    assert max(map(len, lines)) <= 80
    told = " ".join(" ".join(lines).split())
    assert "retransmission of 72 after 31.6 ms: tail loss probe; needless, as the receiver told later" in told
    assert "answer to a probe: the window is still closed" in told


def test_csv_and_json_have_the_columns_of_the_library() -> None:
    frame = library.analyze(STALL, hints=False).flow(1).segments().reset_index()
    listed = json.loads(tcpdiag("segments", STALL, "--flow", "1", "--format", "json").stdout)
    assert list(rows()[0]) == list(listed[0]) == list(frame.columns)
    assert [row["frame"] for row in listed] == frame["frame"].tolist() == [int(row["frame"]) for row in rows()]
    again = next(row for row in listed if row["frame"] == 73)
    assert (again["rto_frame"], again["retransmission_kind"], again["dsacked"]) == (72, "tail loss probe", True)


def test_with_the_option_it_says_what_wireshark_says() -> None:
    probes = {row["frame"]: (row["keep_alive"], row["zero_window_probe"]) for row in rows()}
    theirs = {row["frame"]: (row["keep_alive"], "challenge_ack" in row) for row in rows("--wireshark")}
    assert probes["76"] == ("false", "true")
    assert theirs["76"] == ("true", False)


def test_limit() -> None:
    assert len(rows("--limit", "2")) == 2
    assert json.loads(tcpdiag("segments", STALL, "--flow", "1", "--format", "json", "--limit", "0").stdout) == []


def test_redacted_it_has_other_addresses() -> None:
    assert "172.29.119" not in tcpdiag("segments", STALL, "--flow", "1", "--redact", "--limit", "1").stdout


@pytest.mark.parametrize("arguments", [["--flow", "99"], []])
def test_a_connection_that_is_not_there(arguments: list[str]) -> None:
    assert tcpdiag("segments", STALL, *arguments, check=2).stderr
