"""What holds for every text report: width, colour, escaping."""

import re

import pytest

from reports import made
from tcpdiag.report import Report
from tcpdiag.units import printable

REPORTS = [made.report(), made.crowded(), made.healthy(), made.report(complete=False)]
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


def test_long_lists_end_with_a_count() -> None:
    text = made.crowded().to_text()
    assert text.count("CRITICAL") == 2
    assert "... and 25 more: see --format json" in text
    assert "... and 3 more: see --format json" in text
