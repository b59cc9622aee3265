"""`tcpdiag analyze`: exit status, input, output, laziness."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.run import tcpdiag
from places import FIXTURES

OFFICE = FIXTURES / "office" / "office.pcap"


def test_text_opens_with_the_capture_and_the_cause() -> None:
    lines = tcpdiag("analyze", OFFICE).stdout.splitlines()
    assert lines[0].startswith("office.pcap: 112 packets, 1 TCP connection, 14.6 s")
    assert lines[1] == ""
    assert lines[2].startswith("CRITICAL  A reset was not obeyed")
    assert max(map(len, lines)) <= 80


def test_piped_text_has_no_colour() -> None:
    assert "\x1b" not in tcpdiag("analyze", OFFICE).stdout


def test_json_and_markdown() -> None:
    document = json.loads(tcpdiag("analyze", OFFICE, "--format", "json").stdout)
    assert document["captures"][0]["packets"] == 112
    assert tcpdiag("analyze", OFFICE, "--format", "markdown").stdout.startswith("# office.pcap: ")


def test_standard_input_gives_the_same_as_the_file() -> None:
    piped = json.loads(tcpdiag("analyze", "-", "--format", "json", stdin=OFFICE.read_bytes()).stdout)
    direct = json.loads(tcpdiag("analyze", OFFICE, "--format", "json").stdout)
    assert piped["flows"] == direct["flows"]
    assert piped["findings"] == direct["findings"]


def test_output_files_go_by_extension_and_silence_standard_output(tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("report.txt", "report.md", "report.json")]
    done = tcpdiag("analyze", OFFICE, *(word for name in names for word in ("-o", name)))
    assert done.stdout == ""
    assert names[0].read_text().startswith("office.pcap:")
    assert names[1].read_text().startswith("# office.pcap")
    assert json.loads(names[2].read_text())["schema_version"] == 1


def test_format_beside_output_prints_too(tmp_path: Path) -> None:
    done = tcpdiag("analyze", OFFICE, "-o", tmp_path / "r.json", "--format", "text")
    assert done.stdout.startswith("office.pcap:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent.pcap"], "absent.pcap"),
        ([__file__], "test_analyze.py"),
        ([OFFICE, "-o", "report.pdf"], ".txt, .md, .html, .json"),
        ([OFFICE, "-o", "absent/report.md"], "no folder"),
        ([OFFICE, "--only", "bogus"], "bogus"),
        ([OFFICE, "--skip", "bogus"], "bogus"),
        ([OFFICE, "--stack", "bogus"], "bogus"),
        ([OFFICE, "--flow", "port x"], "expected a port"),
        ([OFFICE, "--config", "absent.toml"], "absent.toml"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(arguments: list[str], words: str) -> None:
    done = tcpdiag("analyze", *arguments, check=2)
    assert done.stdout == ""
    assert words in done.stderr
    assert done.stderr.startswith("tcpdiag: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [[], ["--format", "bogus", OFFICE], ["--bogus", OFFICE], ["--fail-on", "bad", OFFICE]]
)
def test_wrong_usage_is_status_2_without_traceback(arguments: list[str]) -> None:
    done = tcpdiag("analyze", *arguments, check=2)
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_file_name_cannot_steer_the_terminal() -> None:
    done = tcpdiag("analyze", "\x1b[2Jabsent.pcap", check=2)
    assert "\x1b" not in done.stderr


@pytest.mark.parametrize(("severity", "status"), [("info", 1), ("warning", 1), ("critical", 1)])
def test_fail_on_turns_a_finding_into_status_1(severity: str, status: int) -> None:
    tcpdiag("analyze", OFFICE, "--fail-on", severity, check=status)


def test_fail_on_is_status_0_where_nothing_is_found() -> None:
    tcpdiag("analyze", OFFICE, "--flow", "port 1", "--fail-on", "warning", check=0)


def test_only_and_skip_choose_what_is_looked_for() -> None:
    def kinds(*arguments: str) -> set[str]:
        done = tcpdiag("analyze", OFFICE, "--format", "json", *arguments)
        return {finding["kind"] for finding in json.loads(done.stdout)["findings"]}

    assert kinds("--only", "rst-off-sequence") == {"rst-off-sequence"}
    assert "rst-off-sequence" not in kinds("--skip", "rst-off-sequence")


def test_flow_filter_restricts_findings_and_flows() -> None:
    document = json.loads(tcpdiag("analyze", OFFICE, "--format", "json", "--flow", "not stream 0").stdout)
    assert document["flows"] == []
    assert [f for f in document["findings"] if not f["kind"].startswith("capture-")] == []
    assert document["filter"] == "not stream 0"


def test_config_file_sets_thresholds(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text("[thresholds.close-wait-stuck]\nbogus = 1\n")
    assert "bogus" in tcpdiag("analyze", OFFICE, "--config", config, check=2).stderr
    config.write_text('skip = ["rst-off-sequence"]\n')
    assert "A reset was not obeyed" not in tcpdiag("analyze", OFFICE, "--config", config).stdout


def test_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "tcpdiag", "analyze", "--format", "json", str(OFFICE)]
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=60)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_small_text_report_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['tcpdiag', 'analyze', sys.argv[1]]\n"
        "from tcpdiag.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('pandas', 'matplotlib', 'rich', 'jinja2', 'dpkt', 'orjson', 'tomllib', 'asyncio',"
        "         'tcpdiag.notebook')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(OFFICE)], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert done.stdout.startswith("office.pcap")
