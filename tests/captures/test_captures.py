"""Every capture with a truth beside it: the fault is found, first, with its frames; and nothing else is claimed."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from captures.cases import Case, case_id, cases, label
from places import FIXTURES, SHARED, needs_shared

CASES = cases()
every_case = pytest.mark.parametrize("case", CASES, ids=case_id)


@every_case
def test_expected_findings_are_found(case: Case) -> None:
    assert [f"{label(want)} {want['flow']} frames {want['frames'][:8]}: {want['why']}" for want in case.missed()] == []


@every_case
def test_nothing_wrong_is_claimed(case: Case) -> None:
    assert case.alarms() == []


@pytest.mark.parametrize("case", [case for case in CASES if case.has_cause and case.kinds()], ids=case_id)
def test_report_opens_with_the_cause(case: Case) -> None:
    titles = [f"{finding['kind']}: {finding['title']}" for finding in case.report["findings"]]
    assert case.first_is_expected(), f"the report opens with {titles[:1]}"


@every_case
def test_findings_point_at_packets_and_streams_that_exist(case: Case) -> None:
    packets = sum(capture["packets"] for capture in case.report["captures"])
    streams = {flow["stream"] for flow in case.report["flows"]}
    for finding in case.report["findings"]:
        frames = set(finding["frames"]) | {line["frame"] for line in finding["evidence"]} - {None}
        assert all(1 <= frame <= packets for frame in frames), finding["kind"]
        assert set(finding["streams"]) <= streams, finding["kind"]


@every_case
def test_nothing_is_left_unexamined(case: Case) -> None:
    failed = [entry for entry in case.report["unexamined"] if "Error" in str(entry) or "failed" in str(entry)]
    assert failed == []


@pytest.mark.parametrize(
    "folder", [FIXTURES, pytest.param(SHARED / "captures", marks=needs_shared)], ids=["fixtures", "captures"]
)
def test_states_agree_with_the_kernels(folder: Path) -> None:
    compared = [(case, row) for case in CASES if case.folder.parent == folder for row in case.states()]
    total = sum(row.seconds for _, row in compared)
    good = sum(row.seconds for _, row in compared if row.agrees)
    wrong = [
        f"{case.name}: {row.endpoint} for {row.seconds:.2f} s from {row.since:.3f}: kernel {row.kernel}, we {row.ours}"
        for case, row in compared
        if not row.agrees
    ]
    assert total > 0
    assert good / total >= 0.99, f"{100 * good / total:.2f} % of {total:.0f} s\n" + "\n".join(wrong)


@pytest.mark.parametrize("folder", sorted(FIXTURES.glob("*/case.toml")), ids=lambda path: path.parent.name)
def test_fixture_is_the_capture_that_its_note_describes(folder: Path) -> None:
    note = tomllib.loads(folder.read_text())
    assert hashlib.sha256((folder.parent / note["capture"]).read_bytes()).hexdigest() == note["sha256"]
    assert note["origin"]
    assert note["holds"]


@needs_shared
def test_office_capture_is_what_its_script_makes(tmp_path: Path) -> None:
    source = SHARED / "captures" / "asa-nminus1-oldkernel" / "capture.pcap"
    made = tmp_path / "office.pcap"
    script = FIXTURES / "office" / "make.py"
    subprocess.run([sys.executable, script, source, "198.51.100.227", made], check=True)
    assert made.read_bytes() == (FIXTURES / "office" / "office.pcap").read_bytes()
