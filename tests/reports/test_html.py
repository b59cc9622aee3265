"""The HTML report: nothing from a capture becomes markup, and the page asks for nothing."""

import base64
import hashlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from places import FIXTURES
from reports import made
from tcpdiag.diagnoses import DIAGNOSES
from tcpdiag.figures.capture_plots import CAPTURE_PLOTS
from tcpdiag.figures.flow_plots import FLOW_PLOTS
from tcpdiag.model.finding import Evidence, Sentence, Severity, Unexamined
from tcpdiag.report import Report
from tcpdiag.reports import html_figures, html_tables
from tcpdiag.reports.html_figures import CAPTIONS, PLOTS

HOSTILE = made.HOSTILE + "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}\"'<!--"
VOID = {"meta", "img", "input", "br"}
OFFICE = FIXTURES / "office" / "office.pcap"
STORY_FIGURES = {
    "office/office.pcap": ["states", "sequence"],
    "cwreuse-loop-silent/capture.pcap": ["states", "ladder"],
    "sawtooth/capture.pcap": ["held", "lifetimes"],
    "clientleak-stall/capture.pcap": ["window", "sequence"],
    "appkeepalive-stops/capture.pcap": ["heartbeat", "states"],
}


class Page(HTMLParser):
    """What a browser would make of it: elements with their attributes, and the text in each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def script(self, kind: int) -> str:
        """0: the data; 1: the program."""
        return self.texts["script"][kind]


def hostile_report() -> Report:
    """Hostile text wherever a capture's or a file's text can come to stand."""
    finding = made.finding(
        title=HOSTILE,
        story=(Sentence(HOSTILE, (92,), made.START_NS),),
        evidence=(Evidence(92, made.START_NS, HOSTILE, HOSTILE, 0),),
        endpoint=HOSTILE,
        next_steps=(HOSTILE,),
        references=(HOSTILE, "RFC 5961 section 3.2"),
    )
    return made.report(
        findings=(finding, made.finding("half-open", severity=Severity.NOTICE, title=HOSTILE)),
        incidents=(),
        unexamined=(Unexamined(HOSTILE, HOSTILE),),
        names={"198.51.100.240": HOSTILE},
    )


def many(findings: int, flows: int) -> Report:
    """A report of so many findings over so many connections."""
    tables = made.tables()
    rows = np.resize(tables.flows, flows)
    rows["previous"] = -1
    rows["port"][:, 0] = np.arange(flows) % 60_000
    found = tuple(
        made.finding(number=number, title=f"Finding {number}", streams=(3 * number % flows,))
        for number in range(1, findings + 1)
    )
    return made.report(
        tables=replace(tables, flows=rows, endpoints=np.resize(tables.endpoints, 2 * flows)),
        findings=found,
        incidents=tuple(made.incident(number, each) for number, each in enumerate(found, 1)),
    )


@pytest.fixture(scope="module")
def office() -> str:
    return tcpdiag.analyze(OFFICE).to_html()


@pytest.fixture(scope="module")
def hostile() -> str:
    return hostile_report().to_html(figures=False)


def test_every_element_is_closed(office: str, hostile: str) -> None:
    assert Page(office).unbalanced == []
    assert Page(hostile).unbalanced == []


def test_page_refers_to_nothing_but_itself_and_rfcs(office: str) -> None:
    page = Page(office)
    for tag, attributes in page.elements:
        for name in ("src", "srcset", "data", "action", "poster", "background"):
            assert attributes.get(name, "data:").startswith("data:")
        for name in ("href", "xlink:href"):
            link = attributes.get(name, "#")
            assert link.startswith("#") or (tag == "a" and link.startswith("https://www.rfc-editor.org/rfc/rfc"))
    without_links = re.sub(r'href="https://www\.rfc-editor\.org/[^"]*"', "", office)
    assert re.findall(r"(?i)https?:|//\w+\.\w|@import|url\((?!#)", without_links) == []
    assert {"link", "base", "iframe", "object", "embed"} & {tag for tag, _ in page.elements} == set()


def test_browser_is_told_to_run_only_the_pages_own_script(office: str) -> None:
    page = Page(office)
    (policy,) = [each["content"] for each in page.named("meta") if "http-equiv" in each]
    digest = base64.b64encode(hashlib.sha256(page.script(1).encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy


def test_hostile_text_makes_no_element_and_no_attribute(hostile: str) -> None:
    page = Page(hostile)
    counts = Counter(tag for tag, _ in page.elements)
    assert counts["script"] == 2
    assert counts["img"] == counts["b"] == 0
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "{{ 7*7 }}" in hostile


def test_hostile_characters_are_visible(hostile: str) -> None:
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", hostile) == []
    assert r"evil\x1b[31m\u202e|`&lt;b&gt;*x*" in hostile


def test_data_of_the_tables_is_json_that_cannot_leave_its_element(hostile: str) -> None:
    text = Page(hostile).script(0)
    assert "<" not in text
    assert json.loads(text)["tables"]["findings"]["rows"][0][1].startswith(r"evil\x1b[31m")


def test_script_writes_text_only() -> None:
    script = Path(html_tables.__file__).with_name("page") / "report.js"
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()) == []


@pytest.mark.parametrize("kind", [each.kind for each in DIAGNOSES if not each.kind.startswith("capture-")])
def test_every_kind_of_finding_has_figures(kind: str) -> None:
    assert 1 <= len(PLOTS[kind]) <= 2
    assert set(PLOTS[kind]) <= {*FLOW_PLOTS, *CAPTURE_PLOTS} & set(CAPTIONS)


@pytest.mark.parametrize("capture", STORY_FIGURES)
def test_cause_is_drawn(capture: str) -> None:
    page = Page(tcpdiag.analyze(FIXTURES / capture).to_html())
    drawn = [each["aria-label"] for each in page.named("svg")]
    assert drawn == [CAPTIONS[name] for name in STORY_FIGURES[capture]]
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    links = {attributes["xlink:href"] for _, attributes in page.elements if "xlink:href" in attributes}
    assert {link[1:] for link in links} <= set(ids)


def test_report_whose_capture_is_gone_says_what_is_not_drawn() -> None:
    page = made.report().to_html()
    assert "<svg" in page  # the states are in the report itself
    assert "Not drawn: sequence: captures/office.pcap: " in page


def test_plot_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> str:
        raise ZeroDivisionError("made to fail")

    monkeypatch.setattr(html_figures, "embedded", fail)
    assert "Not drawn: states: ZeroDivisionError: made to fail" in made.report().to_html()


def test_capture_that_is_long_to_read_again_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_figures, "PACKETS_AGAIN", 100)
    page = tcpdiag.analyze(OFFICE).to_html()
    assert "112 packets would have to be read again; tcpdiag plot --flow 0 does it" in page


def test_plot_that_would_be_long_as_svg_is_a_png(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcpdiag.figures.embedding.LONGEST_SVG", 1000)
    page = Page(tcpdiag.analyze(OFFICE).to_html())
    assert [each["alt"] for each in page.named("img")] == [CAPTIONS["states"], CAPTIONS["sequence"]]
    assert all(each["src"].startswith("data:image/png;base64,iVBOR") for each in page.named("img"))


def test_usual_incident_is_under_two_megabytes(office: str) -> None:
    assert len(office) < 2_000_000


def test_same_report_gives_the_same_page(office: str) -> None:
    assert tcpdiag.analyze(OFFICE).to_html() == office


def test_ten_thousand_findings_over_fifty_thousand_connections() -> None:
    report = many(10_000, 50_000)
    start = time.monotonic()
    page = report.to_html()
    assert time.monotonic() - start < 10
    assert len(page) < 10_000_000
    data = json.loads(Page(page).script(0))["tables"]
    assert (len(data["findings"]["rows"]), len(data["flows"]["rows"])) == (10_000, 10_000)
    assert "Connections (50,000)" in page
    assert "40,000 more are in the JSON report" in page


def test_connections_of_findings_are_shown_before_others() -> None:
    table = html_tables.flow_table(many(40, 15_000))
    assert (len(table.rows), table.left) == (html_tables.FLOWS_SHOWN, 15_000 - html_tables.FLOWS_SHOWN)
    assert [row[0] for row in table.rows if row[3]] == [3 * number for number in range(1, 41)]


def test_table_has_its_first_page_without_the_script() -> None:
    page = many(60, 100).to_html(figures=False)
    _, _, tables = page.partition('id="findings"')
    assert tables.partition('id="flows"')[0].count("<tr>") == 1 + html_tables.ROWS_A_PAGE
    assert "Without JavaScript these are the first 25 of 60." in page


def test_finding_that_is_told_above_is_linked() -> None:
    details = json.loads(Page(made.report().to_html(figures=False)).script(0))["tables"]["findings"]["details"]
    assert [each.get("place") for each in details] == ["incident-1", "incident-1", "incident-2", None]
    assert ["filter" in each for each in details] == [False, True, False, True]


def test_report_without_connections_has_no_tables() -> None:
    text = made.healthy().where("port 1").to_html()
    page = Page(text)
    assert page.unbalanced == page.named("table") == []
    assert "No TCP connection to look at." in text


def test_page_is_written_to_a_file(tmp_path: Path) -> None:
    report = made.report()
    text = report.to_html(tmp_path / "a.html", figures=False)
    assert (tmp_path / "a.html").read_text() == text
    report.save(tmp_path / "b.html")
    assert (tmp_path / "b.html").read_text() == report.to_html()


def test_command_draws_what_came_from_standard_input() -> None:
    command = [sys.executable, "-m", "tcpdiag", "analyze", "--format", "html", "-"]
    with OFFICE.open("rb") as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, check=True, text=True)
    assert len(Page(done.stdout).named("svg")) == 2
    assert "Not drawn" not in done.stdout
