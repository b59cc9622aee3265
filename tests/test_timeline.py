"""A flow in order of time: what is shown, what is folded, and how it is set in each format."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import tcpdiag
from places import FIXTURES
from reports import made
from tcpdiag.cli.app import app
from tcpdiag.errors import UsageError
from tcpdiag.model.event import EventBit
from tcpdiag.model.states import State
from tcpdiag.report import Report
from tcpdiag.reports import timelines
from tcpdiag.timeline import Moment, notable
from tcpdiag.timeline.moment import Verdict
from tcpdiag.units import printable

OFFICE = FIXTURES / "office" / "office.pcap"


@pytest.fixture(scope="module")
def office() -> Report:
    return tcpdiag.analyze(OFFICE)


def test_unfolded_has_every_segment_of_the_flow(office: Report) -> None:
    moments = office.flow(0).timeline(fold=False)
    assert [moment.frame for moment in moments] == office.flow(0).segments().index.tolist()


def test_folds_stand_for_every_segment_once(office: Report) -> None:
    flow = office.flow(0)
    moments = [moment for moment in flow.timeline() if not moment.is_silence]
    assert sum(moment.fold.count if moment.fold else 1 for moment in moments) == len(flow.segments())
    bytes_of = flow.segments().groupby("side", observed=True)["payload_len"].sum()
    folded = [moment.fold.payload_bytes for moment in moments if moment.fold]
    assert all(sum(part) <= total for part, total in zip(zip(*folded, strict=True), bytes_of, strict=True))


def test_states_are_those_of_both_ends_after_the_segment(office: Report) -> None:
    by_frame = {moment.frame: moment.states for moment in office.flow(0).timeline()}
    fin = next(f.frame for f in office.flow(0).states["server"] if f.state is State.CLOSE_WAIT)
    assert by_frame[fin] == (State.FIN_WAIT_1, State.CLOSE_WAIT)


def test_rst_carries_its_verdict_with_the_clause_and_the_finding_that_it_proves(office: Report) -> None:
    moment = next(moment for moment in office.flow(0).timeline() if moment.verdicts)
    assert moment.verdicts == (Verdict("RST: 1 below RCV.NXT, which counts a FIN", "RFC 5961 section 3.2"),)
    assert "rst-off-sequence-1" in moment.findings


def test_a_long_silence_is_said(office: Report) -> None:
    moments = office.flow(0).timeline()
    silences = [(index, moment) for index, moment in enumerate(moments) if moment.is_silence]
    assert silences
    for index, moment in silences:
        assert moments[index + 1].ts_ns - moment.ts_ns == moment.silence_ns >= 10**9


def test_evidence_is_never_folded(office: Report) -> None:
    shown = {moment.frame for moment in office.flow(0).timeline() if not moment.fold}
    for finding in office.findings:
        assert {item.frame for item in finding.evidence if item.frame} <= shown


def test_whole_capture_has_the_notable_events_of_all_flows_in_order(office: Report) -> None:
    moments, total = notable(office.tables, office.streams, office.findings)
    assert len(moments) == total > 0
    assert [moment.ts_ns for moment in moments] == sorted(moment.ts_ns for moment in moments)
    assert len(notable(office.tables, office.streams, office.findings, 2)[0]) == 2
    assert notable(office.tables, office.streams[:0], office.findings) == ([], 0)


def test_what_was_withdrawn_is_not_told() -> None:
    report = made.report()
    withdrawn = {int(e["frame"]) for e in report.tables.events if e["bits"] & EventBit.WITHDRAWN}
    shown = [
        moment for moment in notable(report.tables, report.streams, report.findings)[0] if moment.frame in withdrawn
    ]
    assert withdrawn
    assert all(len(moment.changes) < 2 for moment in shown)


HOSTILE = Moment(
    made.START_NS, 7, (State.ESTABLISHED, None), frame=1, sender="client", segment=f"client > server  {made.HOSTILE}"
)


def test_hostile_text_is_escaped_in_every_format() -> None:
    flow = made.report().flow(0)
    text = "\n".join(timelines.text([HOSTILE], made.START_NS))
    markdown = "\n".join(timelines.markdown(flow, [HOSTILE], made.START_NS))
    assert printable(made.HOSTILE) in text
    for shown in (text, markdown, "".join(timelines.comma_separated([HOSTILE]))):
        assert "\x1b" not in shown or shown.startswith("stream,")
    assert "<b>" not in markdown


def test_diagram_of_a_long_timeline_says_what_it_leaves_out() -> None:
    flow = made.report().flow(0)
    many = [
        Moment(n, 0, (None, None), frame=n, sender="client", segment="client > server  . 1:1(0)") for n in range(99)
    ]
    lines = list(timelines.diagram(flow, many, 0))
    assert sum("->>" in line for line in lines) == timelines.DIAGRAM_MAX
    assert any("39 lines left out" in line for line in lines)


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["timeline", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_command_prints_text_within_80_columns() -> None:
    lines = run(OFFICE, "--flow", "0").splitlines()
    assert lines[0].startswith("stream 0: client ")
    assert max(map(len, lines)) <= 80


def test_command_prints_one_object_a_line_as_json_and_one_row_as_csv(office: Report) -> None:
    count = len(office.flow(0).timeline())
    rows = json.loads(run(OFFICE, "--flow", "0", "--format", "json"))
    assert len(rows) == count and tuple(rows[0]) == timelines.FIELDS
    table = list(csv.DictReader(run(OFFICE, "--flow", "0", "--format", "csv").splitlines()))
    assert len(table) == count and tuple(table[0]) == timelines.FIELDS


def test_command_prints_markdown_with_a_diagram() -> None:
    assert "```mermaid\nsequenceDiagram\n" in run(OFFICE, "--flow", "0", "--format", "markdown")


def test_command_prints_all_notable_events_up_to_a_limit() -> None:
    assert run(OFFICE, "--all", "--limit", "1").startswith("1 of ")
    assert run(OFFICE, "--all", "--where", "port 1").startswith("0 of 0")
    assert json.loads(run(OFFICE, "--all", "--where", "port 1", "--format", "json")) == []


@pytest.mark.parametrize("arguments", [(), ("--flow", "0", "--all"), ("--flow", "99")])
def test_command_refuses_what_makes_no_sense(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["timeline", str(OFFICE), *arguments])
    assert isinstance(result.exception, UsageError)
