"""`tcpdiag flows --wide`, `--by`, and lists in files."""

import csv
import io
import json
from pathlib import Path

import pytest

import tcpdiag as package
from cli.run import tcpdiag
from places import FIXTURES
from tcpdiag.errors import UsageError
from tcpdiag.reports import lists
from tcpdiag.reports.columns import WIDTH

OFFICE = FIXTURES / "office" / "office.pcap"
SEVERAL = next((FIXTURES / "cwleak-accumulate").glob("capture.pcap*"))


def rows(*arguments: str | Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tcpdiag("flows", *arguments, "--format", "csv").stdout)))


def test_wide_table_is_a_block_for_each_connection() -> None:
    lines = tcpdiag("flows", "--wide", OFFICE).stdout.splitlines()
    assert lines[0] == "stream 0  198.51.100.240:54837 > 198.51.100.227:80"
    assert lines[1].split() == ["RSTO", "14.6", "s", "ShADadFRt"]
    assert lines[2].split() == ["client", "server"]
    assert max(map(len, lines)) <= WIDTH
    told = {line.split()[0]: line.split()[1:] for line in lines[3:]}
    assert told["max_segment"] == ["48", "B", "1,448", "B"]
    assert told["stream_length"] == ["48", "B", "-"]
    assert "urgent_packets" not in told, "what is 0 on both sides is left out"


def test_wide_csv_and_json_tell_the_same() -> None:
    flows = json.loads(tcpdiag("flows", "--wide", SEVERAL, "--format", "json").stdout)
    told = rows("--wide", SEVERAL)
    assert [flow["history"] for flow in flows] == [row["history"] for row in told]
    for name in ("unique_bytes", "mean_window", "max_outstanding"):
        words = [["" if value is None else str(value) for value in flow[name]] for flow in flows]
        assert words == [[row[f"client_{name}"], row[f"server_{name}"]] for row in told]
    assert flows[0]["sack_permitted"] == [value == "true" for value in (told[0]["client_sack_permitted"],) * 2]
    assert [flow["first_ts"] for flow in flows] == [row["first_ts"] for row in told]


def test_wide_can_be_sorted_limited_and_filtered() -> None:
    found = [int(row["server_max_idle_ns"]) for row in rows("--wide", SEVERAL, "--sort", "server_max_idle")]
    assert found == sorted(found, reverse=True)
    assert len(found) > 2
    assert len(rows("--wide", SEVERAL, "--sort", "server_max_idle", "--limit", "2")) == 2
    assert [
        row["stream"] for row in rows("--wide", SEVERAL, "--sort", "bytes", "--limit", "1", "--flow", "stream 1")
    ] == ["1"]


@pytest.mark.parametrize("by", ["host", "path"])
def test_tables_of_hosts_and_paths_fit_a_terminal(by: str) -> None:
    lines = tcpdiag("flows", "--by", by, SEVERAL).stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) > 2
    assert lines[0].split()[-1] == "failed"
    flows = sum(int(row["flows"]) for row in rows("--by", by, SEVERAL))
    assert flows == len(rows(SEVERAL)) * (2 if by == "host" else 1)


def test_hosts_in_json_and_sorted() -> None:
    hosts = json.loads(tcpdiag("flows", "--by", "host", "--sort", "packets_sent", SEVERAL, "--format", "json").stdout)
    sent = [host["packets_sent"] for host in hosts]
    assert sent == sorted(sent, reverse=True)


@pytest.mark.parametrize(("name", "start"), [("x.csv", b"stream,"), ("x.json", b"[\n"), ("x.txt", b"stream ")])
def test_the_extension_tells_the_format(tmp_path: Path, name: str, start: bytes) -> None:
    assert tcpdiag("flows", OFFICE, "-o", tmp_path / name).stdout == ""
    assert (tmp_path / name).read_bytes().startswith(start)


@pytest.mark.parametrize("options", [[], ["--wide"], ["--by", "host"], ["--by", "path"]])
def test_parquet_is_read_back_as_the_frame(tmp_path: Path, options: list[str]) -> None:
    pandas, _ = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    file = tmp_path / "flows.parquet"
    tcpdiag("flows", *options, SEVERAL, "-o", file)
    report = package.analyze(SEVERAL)
    frame = {
        "": lambda: report.flows.frame(),
        "--wide": lambda: report.flows.frame(wide=True),
        "host": report.hosts,
        "path": report.host_pairs,
    }[options[-1] if options else ""]()
    read = pandas.read_parquet(file)
    assert (
        read.astype(str).to_numpy().tolist()
        == (frame.reset_index() if frame.index.name else frame).astype(str).to_numpy().tolist()
    )


def test_parquet_without_pyarrow_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpdiag.reports.parquet.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'tcpdiag\[parquet\]'"):
        lists.check("flows", "parquet", None, Path("x.parquet"), terminal=False)


def test_parquet_is_not_for_a_terminal() -> None:
    with pytest.raises(UsageError, match="-o"):
        lists.check("wide", "parquet", None, None, terminal=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wide", "--by", "host"], "only one of them"),
        (["--wide", "--sort", "colour"], "cannot sort by 'colour'"),
        (["--by", "path", "--sort", "history"], "cannot sort by 'history'"),
        (["-o", "x.xyz"], "must end in one of"),
        (["-o", "nowhere/x.csv"], "no folder"),
    ],
)
def test_what_cannot_be_is_refused_before_reading(arguments: list[str], words: str) -> None:
    error = tcpdiag("flows", *arguments, "absent.pcap", check=2).stderr
    assert words in error
    assert len(error.splitlines()) == 1


def test_standard_input_is_kept_to_be_read_again() -> None:
    told = tcpdiag("flows", "--wide", "--format", "csv", "-", stdin=OFFICE.read_bytes()).stdout
    assert told == tcpdiag("flows", "--wide", "--format", "csv", OFFICE).stdout


@pytest.mark.parametrize("options", [["--wide"], ["--by", "host"], ["--by", "path"]])
def test_no_connection_is_an_empty_list(options: list[str]) -> None:
    assert rows(*options, SEVERAL, "--flow", "port 1") == []
    assert json.loads(tcpdiag("flows", *options, SEVERAL, "--flow", "port 1", "--format", "json").stdout) == []
    assert len(tcpdiag("flows", *options, SEVERAL, "--flow", "port 1").stdout.splitlines()) <= 1


def test_redacted_nothing_of_the_addresses_is_left() -> None:
    for options in (["--wide"], ["--by", "host"], ["--by", "path"]):
        assert "198.51.100" not in tcpdiag("flows", *options, "--redact", OFFICE).stdout
