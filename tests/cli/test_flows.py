"""`tcpdiag flows` and `tcpdiag explain`."""

import csv
import io
import json
from pathlib import Path

import pytest

from cli.run import tcpdiag
from places import FIXTURES

LEAK = next((FIXTURES / "cwleak-accumulate").glob("capture.pcap*"))


def rows(*arguments: str | Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tcpdiag("flows", LEAK, "--format", "csv", *arguments).stdout)))


def test_table_has_a_heading_and_a_line_for_each_endpoint() -> None:
    lines = tcpdiag("flows", LEAK).stdout.splitlines()
    assert lines[0].split()[:4] == ["stream", "client,", "server", "state"]
    assert len(lines) == 1 + 2 * len(rows())
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[:3] == ["0", rows()[0]["client"], rows()[0]["client_state"]]
    assert lines[2].split()[:2] == [rows()[0]["server"], rows()[0]["server_state"]]


def test_csv_and_json_tell_the_same() -> None:
    flows = json.loads(tcpdiag("flows", LEAK, "--format", "json").stdout)
    assert [flow["stream"] for flow in flows] == [int(row["stream"]) for row in rows()]
    assert [flow["client"] for flow in flows] == [row["client"] for row in rows()]
    assert [flow["first_ts"] for flow in flows] == [row["first_ts"] for row in rows()]
    assert [flow["bytes"] for flow in flows] == [[int(row["client_bytes"]), int(row["server_bytes"])] for row in rows()]


def test_sorted_by_bytes_the_largest_is_first() -> None:
    found = [int(row["client_bytes"]) + int(row["server_bytes"]) for row in rows("--sort", "bytes")]
    assert found == sorted(found, reverse=True)


def test_limit_and_filter() -> None:
    assert len(rows("--limit", "2")) == 2
    assert rows("--limit", "0") == []
    assert {row["stream"] for row in rows("--flow", "stream 1-2")} == {"1", "2"}
    stuck = rows("--flow", "state CLOSE-WAIT")
    assert stuck and all("CLOSE-WAIT" in (row["client_state"], row["server_state"]) for row in stuck)


@pytest.mark.parametrize("format_name", ["table", "csv", "json"])
def test_no_connection_is_an_empty_list(format_name: str) -> None:
    text = tcpdiag("flows", LEAK, "--flow", "port 1", "--format", format_name).stdout
    assert json.loads(text) == [] if format_name == "json" else len(text.splitlines()) == 1


def test_unknown_sort_is_refused_before_reading() -> None:
    assert "cannot sort by 'colour'" in tcpdiag("flows", "absent.pcap", "--sort", "colour", check=2).stderr


def test_explain_lists_every_kind_and_tells_of_each() -> None:
    catalogue = tcpdiag("explain").stdout
    assert max(map(len, catalogue.splitlines())) <= 80
    text = tcpdiag("explain", "rst-off-sequence").stdout
    assert text.startswith("rst-off-sequence\n")
    for heading in ("What it sees", "Why it matters", "What it cannot know", "Thresholds", "Speaks", "Stays silent"):
        assert heading in text
    assert "rst-off-sequence" in catalogue


def test_explain_refuses_an_unknown_kind() -> None:
    assert "bogus" in tcpdiag("explain", "bogus", check=2).stderr


@pytest.mark.parametrize("command", [[], ["analyze"], ["flows"], ["explain"]])
def test_help_has_examples_and_fits_a_terminal(command: list[str]) -> None:
    text = tcpdiag(*command, "--help").stdout
    assert text.startswith("Usage: tcpdiag ")
    assert "Examples:" in text
    assert "  tcpdiag " in text
    assert "..." not in text.partition("\nCommands:")[2], "a summary is cut"
    assert max(map(len, text.splitlines())) <= 80


def test_version() -> None:
    import tcpdiag as package

    assert tcpdiag("--version").stdout == f"tcpdiag {package.__version__}\n"
