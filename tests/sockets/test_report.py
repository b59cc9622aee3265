"""The socket table in reports, in JSON and as a DataFrame."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import tcpdiag
from sockets.made import TABLE, at, joined, listing, report_of
from tcpdiag.errors import UnreadableInput, UsageError
from tcpdiag.report import Report

HOSTILE = 'ESTAB 0 0 198.51.100.80:8085 198.51.100.7:1 users:(("\x1b[31m|`<b>\u202e",pid=7,fd=4))\n'


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of("socket-table").with_sockets(TABLE / "ss.txt")


@pytest.mark.parametrize(
    "line",
    [
        "Sockets of 198.51.100.80, 2001:db8:51::80 by ss (ss.txt), 2026-11-21 04:58:51 UTC (+6.381, the date line in "
        "it):",
        "14 connected, 7 listeners; joined to their connections: 12 in the predicted state, 1 in another for a known "
        "reason; never in the capture (or behind a NAT): 1 ESTABLISHED on port 2222",
        "CLOSE-WAIT: leaky (pid 23697) holds 8 sockets, 270 B of 6 unread, 2 read to the end (ports 8080, 8081)",
        "CLOSE-WAIT: 2 sockets of no process, 90 B unread (port 8082): not accepted yet",
        "Accept queue of 0.0.0.0:8082 (leaky (pid 23697, fd 5)): 2 waiting, 1 allowed: full",
        "Explained: 198.51.100.80:8083 -> 198.51.100.7:45726, stream 11: the kernel says FIN-WAIT-1, the capture "
        "ESTABLISHED [72]: its application has closed; the FIN waits behind 21,200 bytes that it has not got rid of",
        "Missing: 198.51.100.80:8084 -> 198.51.100.7:47082, stream 12: the capture predicts ESTABLISHED [83], the "
        "kernel has no such socket: half-open, or its end was not captured",
    ],
)  # fmt: skip
def test_people_read_what_the_kernel_had(line: str, report: Report) -> None:
    assert line in report.to_text(width=1000).replace("\n    ", " ")
    assert line.rstrip(":") in report.to_markdown().replace("\\", "")


def test_without_a_listing_there_is_no_section() -> None:
    assert "Sockets of" not in report_of("socket-table").to_text()
    assert json.loads(report_of("socket-table").to_json())["sockets"] is None


def test_an_assumed_time_and_one_outside_are_said_to_be_so(tmp_path: Path) -> None:
    path = tmp_path / "ss.txt"
    path.write_text("ESTAB 0 0 198.51.100.80:8085 198.51.100.7:1\n")
    text = report_of("socket-table").with_sockets(path).to_text(width=1000)
    assert "an assumption: the time of the file" in text
    assert "the capture: states are compared with those at its" in text


@pytest.mark.parametrize("name", ["ss.txt", "netstat.txt", "lsof.txt", "proc.txt"])
def test_json_is_as_its_schema_says(name: str) -> None:
    document = json.loads(report_of("socket-table").with_sockets(TABLE / name).to_json())
    jsonschema.validate(document, json.loads((files("tcpdiag.reports") / "schema.json").read_text()))
    (found,) = document["sockets"]
    assert (found["when"], found["ts_from"]) == ("during", "date line")
    assert found["agreement"]["differs"] == 0
    assert found["never_captured"] == [{"state": "ESTABLISHED", "local_port": 2222, "count": 1}]


def test_json_tells_a_joined_socket_whole(report: Report) -> None:
    document = json.loads(report.to_json())["sockets"][0]
    row = next(row for row in document["joined"] if row["stream"] == 0)
    expected = {
        "local": "198.51.100.80:8080",
        "side": "server",
        "state": "CLOSE-WAIT",
        "predicted": "CLOSE-WAIT",
        "predicted_frame": 6,
        "certain": True,
        "agreement": "agrees",
        "recv_q": 46,
        "unread": 45,
        "end_read": False,
    }
    assert {name: row[name] for name in expected} == expected
    assert [(owner["name"], owner["fd"]) for owner in row["processes"]] == [("leaky", 10)]
    assert next(queue for queue in document["accept_queues"] if queue["waiting"])["allowed"] == 1
    assert [absent["stream"] for absent in document["absent"]] == [12]


def test_a_dataframe_has_every_socket(report: Report) -> None:
    assert report.sockets is not None
    frame = report.sockets.frame()
    assert len(frame) == 21
    assert frame["stream"].isna().sum() == 8
    close_wait = frame[frame["state"] == "CLOSE-WAIT"]
    assert set(close_wait["agreement"]) == {"agrees"}
    assert close_wait["unread"].sum() == 360
    assert str(frame["ts"].dtype).endswith("UTC]")


def test_a_filter_leaves_the_sockets_of_its_flows(report: Report) -> None:
    fewer = report.where("stream 12,13")
    assert [row.stream for row in joined(fewer).joined] == [13]
    assert [row.stream for row in joined(fewer).absent] == [12]
    again = report_of("socket-table").where("stream 12,13").with_sockets(TABLE / "ss.txt")
    assert [row.stream for row in joined(again).joined] == [13]


def test_listings_add_up_in_order_of_time(report: Report) -> None:
    assert report.sockets is not None
    both = report_of("socket-table").with_sockets(TABLE / "proc.txt").with_sockets(TABLE / "ss.txt").sockets
    assert both is not None
    assert [each.listing.format for each in both.listings] == ["ss", "/proc/net/tcp"]
    assert len(both) == 2 * len(report.sockets)
    assert len(list(both)) == len(both)


def test_nothing_from_a_listing_reaches_a_page_unescaped(tmp_path: Path) -> None:
    report = report_of("socket-table")
    rows = HOSTILE + HOSTILE.replace("ESTAB", "CLOSE-WAIT").replace("7:1 ", "7:2 ")
    found = report.with_sockets(listing(rows, at(report, 3), tmp_path))
    for page in (found.to_text(), found.to_markdown(), found.to_json()):
        assert "\x1b" not in page
        assert "\u202e" not in page
    assert "<b>" not in found.to_markdown().replace("\\<", "")


def test_numbers_of_a_listing_that_no_kernel_counts_to_harm_nothing(tmp_path: Path) -> None:
    report = report_of("socket-table")
    nines = "9" * 18
    rows = (
        f"ESTAB 999999999999 999999999999 198.51.100.80:8085 {report.flow(13).client} timer:(on,{'9' * 8}day,99999) "
        f'users:(("x",pid=9999999999,fd=9999999999)) uid:{nines} ino:{nines}\n\t lastsnd:{nines}\n'
    )
    found = report.with_sockets(listing(rows, at(report, 3), tmp_path))
    assert json.loads(found.to_json())["sockets"][0]["joined"][0]["inode"] == int(nines)
    assert found.to_text()
    assert found.sockets is not None
    assert found.sockets.frame()["inode"].max() == int(nines)


def test_the_library_takes_listings_with_captures() -> None:
    report = tcpdiag.analyze(TABLE / "capture.pcap", sockets=[TABLE / "ss.txt"], where="stream 0-9")
    assert len(joined(report).joined) == 10
    assert "leaky" in report.findings[0].summary


@pytest.mark.parametrize(
    ("name", "error"),
    [("nothing.txt", UnreadableInput), ("capture.pcap", UnreadableInput), ("ss.txt@noon", UsageError)],
)
def test_what_is_no_listing_is_said_before_the_capture_is_read(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        tcpdiag.analyze("no-such.pcap", sockets=[TABLE / name])


def test_an_empty_capture_joins_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pcap"
    empty.write_bytes((TABLE / "capture.pcap").read_bytes()[:24])
    found = joined(tcpdiag.analyze(empty, sockets=[TABLE / "ss.txt"]))
    assert (len(found.joined), len(found.unseen), np.count_nonzero(found.absent)) == (0, 14, 0)
