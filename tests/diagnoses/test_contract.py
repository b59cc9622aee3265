"""What every diagnosis keeps: its manual, its thresholds, its references, and examples that do what they say."""

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

import tcpdiag.diagnoses
import tcpdiag.reports
from diagnoses.examples import (
    HEADINGS,
    Example,
    defaults,
    examples,
    fits,
    headings,
    references,
    section,
    threshold_rows,
)
from flows.tracked import tracked
from tcpdiag.cli.app import app
from tcpdiag.diagnoses import DIAGNOSES, Diagnosis, by_kind, examine_all, limits_of
from tcpdiag.diagnoses.view import View
from tcpdiag.errors import UsageError
from tcpdiag.model.event import EventKind
from tcpdiag.model.finding import Finding, Unexamined
from tcpdiag.model.script import parse_script
from tcpdiag.reports import manual

SCHEMA = json.loads((Path(tcpdiag.reports.__file__).parent / "schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLES = [example for diagnosis in DIAGNOSES for example in examples(diagnosis)]

every_diagnosis = pytest.mark.parametrize("diagnosis", DIAGNOSES, ids=[each.kind for each in DIAGNOSES])
every_example = pytest.mark.parametrize("example", EXAMPLES, ids=str)


@every_diagnosis
def test_manual_has_its_headings_in_order(diagnosis: Diagnosis) -> None:
    assert headings(diagnosis.manual) == HEADINGS
    assert all(section(diagnosis.manual, heading).strip() for heading in HEADINGS)


@every_diagnosis
def test_table_of_thresholds_is_the_dataclass(diagnosis: Diagnosis) -> None:
    rows = threshold_rows(diagnosis.manual)
    assert [(name, default) for name, default, _ in rows] == defaults(diagnosis)
    assert all(len(source) >= 20 for _, _, source in rows), "a threshold needs a source"


@every_diagnosis
def test_references_are_those_of_the_manual(diagnosis: Diagnosis) -> None:
    assert diagnosis.references
    named = {(rfc.number, rfc.section) for rfc in diagnosis.references}
    assert named == references(section(diagnosis.manual, "RFC"))
    page = r"https://www\.rfc-editor\.org/rfc/rfc\d+(#\S+)?"
    assert all(re.fullmatch(page, rfc.link) for rfc in diagnosis.references)


@every_diagnosis
def test_manual_speaks_and_stays_silent(diagnosis: Diagnosis) -> None:
    assert {example.speaks for example in examples(diagnosis)} == {True, False}


@every_diagnosis
def test_events_are_declared(diagnosis: Diagnosis) -> None:
    source = inspect.getsource(inspect.getmodule(type(diagnosis)))  # type: ignore[arg-type]
    used = {EventKind[name] for name in re.findall(r"EventKind\.([A-Z_]+)\b", source)}
    assert set(diagnosis.events) <= used


@every_diagnosis
def test_explain_prints_the_manual(diagnosis: Diagnosis) -> None:
    shown = CliRunner().invoke(app, ["explain", diagnosis.kind])
    assert shown.exit_code == 0
    assert shown.stdout == manual.render(diagnosis.kind)


def test_explain_lists_all() -> None:
    shown = CliRunner().invoke(app, ["explain"]).stdout
    assert [line.split()[0] for line in shown.splitlines() if re.match(r"[a-z-]+  ", line)] == [
        diagnosis.kind for diagnosis in DIAGNOSES
    ]


def test_registry_is_the_folder() -> None:
    found = set()
    for info in pkgutil.iter_modules(tcpdiag.diagnoses.__path__):
        module = importlib.import_module(f"tcpdiag.diagnoses.{info.name}")
        classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
        found |= {(info.name, c) for c in classes if issubclass(c, Diagnosis) and c is not Diagnosis}
    assert {(each.kind.replace("-", "_"), type(each)) for each in DIAGNOSES} == found


def test_kinds_are_unique() -> None:
    kinds = [diagnosis.kind for diagnosis in DIAGNOSES]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", kind) for kind in kinds)


@every_example
def test_example_does_what_its_manual_says(example: Example) -> None:
    assert bool(example.expected) == example.speaks
    report = example.report()
    assert report.unexamined == ()
    kinds = {example.kind, *(line.split()[0] for line in example.expected)}
    left = [finding for finding in report.findings if finding.kind in kinds]
    for line in example.expected:
        match = next((finding for finding in left if fits(line, finding)), None)
        assert match is not None, f"{line}: not among {[(f.kind, str(f.severity), f.data) for f in left]}"
        left.remove(match)
    assert [(finding.kind, finding.summary) for finding in left] == []


@every_example
def test_frames_named_are_frames_of_the_script(example: Example) -> None:
    last = len(parse_script(example.script).segments)
    for finding in example.report().findings:
        named = {*finding.frames, *_in_text(finding.summary)}
        named |= {line.frame for line in finding.evidence if line.frame is not None}
        assert all(1 <= frame <= last for frame in named), (finding.kind, sorted(named), last)
        assert list(finding.frames) == sorted(set(finding.frames))


@every_example
def test_evidence_and_brackets_are_among_the_frames(example: Example) -> None:
    for finding in example.report().findings:
        shown = {line.frame for line in finding.evidence if line.frame is not None}
        assert shown | set(_in_text(finding.summary)) <= set(finding.frames), (finding.kind, finding.summary)


@every_example
def test_evidence_stands_in_order_of_time(example: Example) -> None:
    for finding in example.report().findings:
        if len(finding.streams) == 1:
            times = [line.ts_ns for line in finding.evidence if line.ts_ns is not None]
            assert times == sorted(times), finding.kind


@every_example
def test_finding_is_readable(example: Example) -> None:
    for finding in example.report().findings:
        assert 0 < len(finding.title) <= 72
        assert finding.title[0].isupper()
        assert not finding.title.endswith(".")
        assert finding.summary.endswith(".")
        assert "  " not in finding.summary
        assert finding.causes
        assert finding.next_steps
        assert 0 < finding.confidence < 1


@every_example
def test_examining_again_gives_the_same(example: Example) -> None:
    tables = tracked(example.script)
    assert examine_all(tables) == examine_all(tables)


@every_example
def test_report_of_an_example_fits_the_schema(example: Example) -> None:
    document = json.loads(example.report().to_json())
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)] == []


class Failing(Diagnosis):
    """Finds nothing but its own mistake."""

    kind = "syn-refused"
    thresholds = type(by_kind("syn-refused").thresholds())

    def examine(self, view: View, limits: Any) -> Iterator[Finding]:
        raise ZeroDivisionError("by design")


def test_one_that_fails_is_unexamined_and_the_others_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [Failing() if each.kind == "syn-refused" else each for each in DIAGNOSES]
    monkeypatch.setattr(tcpdiag.diagnoses, "DIAGNOSES", tuple(others))
    for kind in ("syn-refused", "syn-unanswered"):
        example = examples(by_kind(kind))[0]
        findings, _, unexamined = examine_all(tracked(example.script))
        assert unexamined == [Unexamined("syn-refused", "ZeroDivisionError: by design")]
        assert [finding.kind for finding in findings if finding.kind == kind] == (
            [] if kind == "syn-refused" else ["syn-unanswered"]
        )


def test_only_and_skip_choose() -> None:
    tables = tracked(examples(by_kind("peer-vanished"))[0].script)
    assert {finding.kind for finding in examine_all(tables, only=("peer-vanished",))[0]} == {"peer-vanished"}
    assert "peer-vanished" not in {finding.kind for finding in examine_all(tables, skip=("peer-vanished",))[0]}


def test_a_threshold_changes_what_is_found() -> None:
    tables = tracked(examples(by_kind("peer-vanished"))[0].script)
    findings, _, _ = examine_all(tables, thresholds={"peer-vanished": {"repeats_min": 100}})
    assert "peer-vanished" not in {finding.kind for finding in findings}


@pytest.mark.parametrize("values", [{"no_such": 1}, {"wait_s": -1}, {"wait_s": True}, {"wait_s": "1"}])
def test_a_wrong_threshold_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="syn-unanswered"):
        limits_of(by_kind("syn-unanswered"), values)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="half-open"):
        by_kind("half-closed")


def test_an_empty_capture_gives_nothing() -> None:
    from tcpdiag.model.tables import Tables

    assert examine_all(Tables(())) == ([], [], [])


def _in_text(summary: str) -> list[int]:
    """Frames in brackets."""
    return [int(number) for group in re.findall(r"\[([\d, .]+)\]", summary) for number in re.findall(r"\d+", group)]
