"""What holds for every text report: width, colour, escaping."""

import re
from dataclasses import replace

import pytest

from reports import made
from tcpdiag.config import Config
from tcpdiag.model.finding import Severity
from tcpdiag.report import Report
from tcpdiag.units import printable

REPORTS = [made.report(), made.crowded(), made.mild(), made.wide(), made.healthy(), made.report(complete=False)]
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_asked(report: Report, width: int) -> None:
    assert max(len(line) for line in report.to_text(width=width).splitlines()) <= width


@pytest.mark.parametrize("report", REPORTS)
def test_plain_text_is_printable_and_has_no_trailing_space(report: Report) -> None:
    for line in report.to_text().splitlines():
        assert line.isprintable()
        assert line == line.rstrip()


def test_colour_changes_nothing_but_colour() -> None:
    colored = made.report().to_text(color=True)
    assert colored.startswith("office.pcap")
    assert "\x1b[1;31mCRITICAL\x1b[0m" in colored
    assert ESCAPE.sub("", colored) == made.report().to_text()


def test_hostile_text_is_shown_escaped() -> None:
    assert printable(made.HOSTILE) in made.report().to_text()
    assert made.HOSTILE not in made.report().to_text(color=True)


def test_causes_come_before_symptoms_and_capture_quality() -> None:
    text = made.report().to_text()
    places = [text.index(part) for part in ("A reset was not obeyed", "Also", "About the capture", "Not examined")]
    assert places == sorted(places)


def test_without_anything_grave_the_first_notice_is_told_and_the_others_listed() -> None:
    text = made.mild().to_text()
    places = ("NOTICE    3 connects", "Nothing graver found", "info: An idle")
    assert sorted(places, key=text.index) == list(places)
    warning = made.finding("half-open", severity=Severity.WARNING, number=3)
    grave = made.report(
        findings=(warning, *made.mild().findings),
        incidents=(made.incident(3, warning), *made.mild().incidents),
    ).to_text()
    assert "NOTICE " not in grave and "notice: 3 connects" in grave and "Nothing grave" not in grave


def test_a_notice_that_was_asked_for_is_told_in_full() -> None:
    warning = made.finding("half-open", severity=Severity.WARNING, number=3)
    text = made.report(
        findings=(warning, *made.mild().findings),
        incidents=(made.incident(3, warning), *made.mild().incidents),
        config=Config(only=("syn-refused",)),
    ).to_text()
    assert "NOTICE    3 connects are refused" in text


def test_symptoms_of_one_kind_are_one_line() -> None:
    cause = made.finding()
    many = tuple(made.finding("half-open", number=n, streams=(n,), severity=Severity.WARNING) for n in range(1, 5))
    text = made.report(findings=(cause, *many), incidents=(made.incident(1, cause, *many),)).to_text(width=200)
    assert [line for line in text.splitlines() if "half-open" in line] == [
        "  Also       warning: A reset was not obeyed: its sequence number is one too low "
        "(half-open; 4 times, streams 1..4; 6 frames from 92)"
    ]


def test_third_incident_of_a_kind_is_listed_unless_the_kind_was_asked_for() -> None:
    findings = tuple(made.finding(number=number, title=f"Finding {number}") for number in range(1, 5))
    incidents = tuple(made.incident(number, each) for number, each in enumerate(findings, 1))
    text = made.report(findings=findings, incidents=incidents).to_text()
    assert re.findall(r"^CRITICAL  (.*)$", text, re.MULTILINE) == ["Finding 1", "Finding 2"]
    assert re.findall(r"^  critical: (Finding \d)", text, re.MULTILINE) == ["Finding 3", "Finding 4"]
    asked = made.report(findings=findings, incidents=incidents, config=Config(only=("rst-off-sequence",))).to_text()
    assert asked.count("CRITICAL") == 4


def test_next_step_that_was_told_before_is_not_told_again() -> None:
    text = made.crowded().to_text()
    assert text.count("set TCP_USER_TIMEOUT on the server") == 1
    assert text.count("Next       as above") == 1


def test_symptom_of_the_same_connection_does_not_repeat_where_it_was() -> None:
    text = " ".join(made.report().to_text().split())
    assert text.count("198.51.100.227:80 -> 198.51.100.240:54837, stream 0") == 1


def test_headline_has_the_gravest_severity_of_the_incident() -> None:
    cause, symptom = made.finding(severity=Severity.NOTICE), made.finding("half-open", severity=Severity.CRITICAL)
    text = made.report(findings=(cause, symptom), incidents=(made.incident(1, cause, symptom),)).to_text()
    assert "CRITICAL  A reset was not obeyed" in text


@pytest.mark.parametrize(
    ("kind", "data", "gone"),
    [
        ("capture-truncated", {"cut_packets": 2}, "cut by the snap length"),
        ("capture-truncated", {"damaged_places": 1}, "damaged at byte"),
        ("capture-loss", {"dropped": 7}, "eth0 dropped"),
        ("capture-clock-step", {"backward_steps": 1}, "time runs backwards"),
    ],
)
def test_note_is_left_to_the_finding_that_tells_the_same(kind: str, data: dict[str, int], gone: str) -> None:
    tables = made.tables()
    file = replace(tables.files[0], backward_steps=1, largest_backward_step_ns=10**9)
    tables = replace(tables, files=(file,))
    without = made.report(tables=tables, findings=(), incidents=())
    with_it = made.report(tables=tables, findings=(made.finding(kind, data=data),), incidents=())
    notes = ["cut by the snap length", "damaged at byte", "eth0 dropped", "time runs backwards"]
    for note in notes:
        assert note in without.to_text()
        assert (note in with_it.to_text()) is (note in with_it.to_markdown()) is (note != gone)
        assert note in with_it.to_json()


def test_long_lists_end_with_a_count() -> None:
    text = made.crowded().to_text()
    assert text.count("CRITICAL") == 2
    assert "... and 25 more: see --format json" in text
    assert "... and 3 more: see --format json" in text


@pytest.mark.parametrize(
    ("streams", "frames", "expected"),
    [
        ((0,), (92, 93, 98), "tcp.stream == 0 && frame.number in {92, 93, 98}"),
        ((0,), tuple(range(1, 200, 2)), "tcp.stream == 0"),
        (tuple(range(0, 200, 2)), tuple(range(1, 200, 2)), "frame.number in {92, 98, 99}"),
        ((), (), None),
    ],
)
def test_wireshark_filter_names_what_a_person_can_look_at(
    streams: tuple[int, ...], frames: tuple[int, ...], expected: str | None
) -> None:
    text = made.report(findings=(made.finding(streams=streams, frames=frames),), incidents=()).to_text()
    shown = " ".join(text.partition("  Wireshark  ")[2].partition("\n\n")[0].split())
    assert (shown or None) == expected
