"""Every renderer's whole output, from reports made by hand."""

import re
from collections.abc import Callable

import pytest

from reports import made
from tcpdiag.flows.vantage import Vantage
from tcpdiag.report import Report

Golden = Callable[[str, str], None]
REPORTS = {"full": made.report, "crowded": made.crowded, "mild": made.mild, "healthy": made.healthy}


def by_name(name: str) -> Report:
    return REPORTS[name]()


@pytest.mark.parametrize("name", REPORTS)
def test_text(name: str, golden: Golden) -> None:
    golden(f"{name}.txt", by_name(name).to_text())


@pytest.mark.parametrize("name", REPORTS)
def test_markdown(name: str, golden: Golden) -> None:
    golden(f"{name}.md", by_name(name).to_markdown())


@pytest.mark.parametrize("name", REPORTS)
def test_json(name: str, golden: Golden) -> None:
    golden(f"{name}.json", by_name(name).to_json())


@pytest.mark.parametrize("name", REPORTS)
def test_html(name: str, golden: Golden) -> None:
    """The document without its style and its script, which say the same for every report."""
    page = by_name(name).to_html(figures=False)
    golden(f"{name}.html", re.sub(r"<style>.*?</style>|<script>.*?</script>|sha256-[^']*", "", page, flags=re.DOTALL))


def test_partial_report_says_so_before_anything_else() -> None:
    lines = made.report(complete=False).to_text().splitlines()
    assert lines[1].startswith("PARTIAL  Reading was interrupted")
    assert made.report(complete=False).to_markdown().splitlines()[2].startswith("**PARTIAL**")


def test_restricted_report_names_the_filter() -> None:
    assert "Only what matches: stream 0 (1 of 3 connections)" in made.report().where("stream 0").to_text()


def test_capture_without_connections_says_that_there_was_nothing_to_look_at() -> None:
    assert "No TCP connection to look at." in made.healthy().where("port 1").to_text()


@pytest.mark.parametrize(
    ("vantage", "words"),
    [
        (Vantage("server", 0.9, ""), ", captured at the server"),
        (Vantage("client", 0.6, ""), ", probably captured at the client"),
        (Vantage("between", 1.0, ""), ", captured between the two ends"),
        (Vantage("unknown", 0.0, ""), ", 14.6 s"),
        (None, ", 14.6 s"),
    ],
)
def test_header_says_where_it_was_captured_and_how_sure_that_is(vantage: Vantage | None, words: str) -> None:
    header = made.report(vantage=vantage).to_text().partition("\n\n")[0]
    assert " ".join(header.split()).endswith(words)
