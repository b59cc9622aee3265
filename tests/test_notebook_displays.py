"""What a notebook shows of reports, connections, findings, sockets and plots."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

import tcpdiag
from places import FIXTURES
from reports import made
from tcpdiag.model.finding import Incident
from tcpdiag.report import Report

HOSTILE = f"$\\href{{javascript:x}}{{y}}$ {made.HOSTILE} </td><script>alert(1)</script>"
PLAIN = {"div", "p", "b", "br", "span", "code", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


class Tags(HTMLParser):
    """Checks that tags are closed in the order in which they were opened, and collects them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def shown(thing: Any) -> str:
    """The display, found sound: closed elements of the plainest kind, no link, no script, nothing invisible."""
    markup: str = thing._repr_html_()
    tags = Tags()
    tags.feed(markup)
    assert not tags.open
    assert tags.seen <= PLAIN
    assert markup.startswith('<div class="tcpdiag tex2jax_ignore mathjax_ignore">')
    assert all(char.isprintable() for char in markup)
    return markup


def words(thing: Any) -> str:
    """Its text alone."""
    return unescape(re.sub(r"<[^>]*>", " ", shown(thing)))


@pytest.fixture(scope="module")
def office() -> Report:
    return tcpdiag.analyze(FIXTURES / "office" / "office.pcap")


def test_a_report_shows_its_incidents_with_severity_and_first_sentence(office: Report) -> None:
    text = words(office)
    assert text.split()[:3] == ["office.pcap:", "112", "packets,"]
    cause = office.findings[0]
    for part in ("critical", cause.title, cause.id, cause.story[0].text, office.findings[1].title):
        assert part in text
    assert cause.story[-1].text not in text


def test_a_report_shows_all_that_a_text_report_has_in_its_lists() -> None:
    text = words(made.report(complete=False).where("stream 0"))
    for part in ("Reading was interrupted", "Only what matches: stream 0", "close-wait-leak", "2 packets are cut"):
        assert part in text


def test_a_flow_shows_ends_states_counts_and_findings(office: Report) -> None:
    text = words(office.flow(0))
    for part in ("198.51.100.240:54837", "CLOSE-WAIT [94]", "retransmissions", "87,325", "rst-off-sequence-1"):
        assert part in text
    assert "older than the capture" in words(made.report().flow(1))
    assert "in VXLAN vni 42" in words(made.report().flow(2))


def test_a_flow_table_shows_its_first_rows_and_how_many_more() -> None:
    flows = tcpdiag.analyze(FIXTURES / "sawtooth" / "capture.pcap").flows
    assert shown(flows).count("<tr>") == 1 + 20
    assert "... and 41 more" in words(flows)
    assert shown(made.report().where("port 1").flows).count("<tr>") == 0


def test_a_finding_shows_story_evidence_next_steps_and_filter() -> None:
    finding = made.finding()
    text = words(finding)
    evidence = ("client > server R 276:276(0) win 0", "1 below RCV.NXT", "23:50:22.044")
    for part in (finding.title, finding.summary, *finding.next_steps, *evidence, "tcp.stream == 0"):
        assert part in text
    assert shown(finding).count("<tr>") == 1 + len(finding.evidence)


def test_an_incident_shows_what_happened_and_its_findings(office: Report) -> None:
    incident = office.incidents[0]
    text = words(incident)
    for part in (incident.title, *incident.findings, *incident.next_steps, *(each.text for each in incident.narrative)):
        assert part in text


def test_sockets_show_where_kernel_and_capture_differ() -> None:
    table = FIXTURES / "socket-table"
    report = tcpdiag.analyze(table / "capture.pcap", sockets=[table / "ss.txt"])
    text = words(report.sockets)
    assert "Sockets of 198.51.100.80" in text
    assert "leaky (pid" in text
    assert "Explained:" in text
    assert "Sockets of 198.51.100.80" in words(report)


@pytest.mark.parametrize("field", ["title", "endpoint", "id", "kind"])
def test_nothing_from_a_capture_is_taken_for_markup(field: str) -> None:
    finding = made.finding(**{field: HOSTILE})
    incident = Incident(HOSTILE, HOSTILE, finding.severity, (HOSTILE,), (0,), finding.story, next_steps=(HOSTILE,))
    report = made.report(findings=(finding, *made.report().findings), incidents=())
    for thing in (finding, incident, report, report.flow(0), report.flows):
        assert "<script" not in shown(thing)
    assert "\x1b" not in repr(finding)


def test_displays_are_short_whatever_the_report() -> None:
    crowded = made.crowded()
    many = Incident("i", "t", crowded.findings[0].severity, tuple(f.id for f in crowded.findings) * 50, (0,), ())
    for thing in (crowded, crowded.flow(0), crowded.flows, many):
        assert len(shown(thing)) < 12_000
        assert len(repr(thing)) < 500 or isinstance(thing, Incident)


def test_axes_show_themselves_as_a_picture_that_is_the_same_each_time(office: Report) -> None:
    first, second = (office.flow(0).plot.states()._repr_png_() for _ in range(2))  # type: ignore[attr-defined]
    assert first.startswith(b"\x89PNG")
    assert first == second
