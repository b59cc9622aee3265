"""The filter language: what matches, and where an error is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import made
from tcpdiag.errors import UsageError
from tcpdiag.flow_filter import FilterError, parse
from tcpdiag.report import Report

REPORT = made.report()
"""0: 198.51.100.240:54837 > .227:80 CLOSED, CLOSE-WAIT; 1: .240:50000 > .227:443; 2: [2001:db8::1]:60000 > ::2:8080."""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0", [0]),
        ("stream 1", [1]),
        ("stream 0,2", [0, 2]),
        ("1-2", [1, 2]),
        ("stream 2-99", [2]),
        ("stream 7", []),
        ("198.51.100.240", [0, 1]),
        ("198.51.100.224/28", [0, 1]),
        ("198.51.100.228/32", []),
        ("0.0.0.0/0", [0, 1]),
        ("::/0", [2]),
        ("2001:db8::2", [2]),
        ("[2001:db8::1]", [2]),
        ("[2001:db8::1]:60000", [2]),
        ("[2001:db8::1]:8080", []),
        ("198.51.100.227:443", [1]),
        ("198.51.100.227:50000", []),
        ("port 80", [0]),
        ("port 80,440-450", [0, 1]),
        ("state CLOSE-WAIT", [0]),
        ("state close_wait", [0]),
        ("state UNSEEN", [2]),
        ("was FIN-WAIT-1", [0]),
        ("was ESTABLISHED or was MIDSTREAM", [0, 1]),
        ("kind rst-off-sequence", [0]),
        ("kind capture-truncated", []),
        ("not kind rst-off-sequence", [1, 2]),
        ("198.51.100.240 and port 443", [1]),
        ("port 80 or port 443 and stream 0", [0]),
        ("(port 80 or port 443) and stream 1", [1]),
        ("not (0 or 1)", [2]),
        ("not not 1", [1]),
        ("NOT 0 AND PORT 443", [1]),
        ("(((1)))", [1]),
    ],
)
def test_matches(expression: str, expected: list[int]) -> None:
    assert REPORT.where(expression).streams.tolist() == expected


@pytest.mark.parametrize(
    ("expression", "position", "words"),
    [
        ("", 0, "expected an address"),
        ("   ", 3, "expected an address"),
        ("bogus", 0, "'bogus' is neither"),
        ("port", 4, "expected a port"),
        ("port 70000", 5, "at most 65535"),
        ("port 80-70", 5, "runs backwards"),
        ("stream x", 7, "expected a stream number"),
        ("stream 99999999999", 7, "at most"),
        ("state BOGUS", 6, "expected a state"),
        ("kind bogus", 5, "expected a kind"),
        ("port 80 and", 11, "expected an address"),
        ("(port 80", 8, "expected ')'"),
        ("port 80)", 7, "one word too many"),
        ("1 2", 2, "one word too many"),
        ("10.0.0.0/40", 0, "neither"),
        ("10.0.0.1:99999", 0, "neither"),
        ("\x1b[2J", 0, "\\x1b[2J"),
        ("not " * 60 + "1", 200, "too deeply nested"),
    ],
)
def test_errors_say_where_and_what(expression: str, position: int, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(expression, REPORT.examined)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(alphabet="()0123456789-,:./[] abdehiknoprstw", max_size=40))
def test_any_text_is_an_expression_or_a_filter_error(text: str) -> None:
    try:
        test = parse(text)
    except FilterError:
        return
    assert test is not None


def test_restricts_findings_and_incidents_but_keeps_what_is_about_the_capture() -> None:
    report = REPORT.where("stream 2")
    assert [finding.kind for finding in report.findings] == ["syn-unanswered", "capture-truncated"]
    assert [incident.id for incident in report.incidents] == ["incident-2", "incident-3"]
    assert len(report.flows) == 1


def test_filters_can_be_put_on_one_another() -> None:
    assert REPORT.where("198.51.100.240").where("not port 80").streams.tolist() == [1]


def test_capture_without_flows_can_be_filtered() -> None:
    empty = Report(made.Tables(()))
    for expression in ("1", "port 80", "10.0.0.1", "state CLOSED", "was CLOSED", "kind x"):
        assert empty.where(expression).streams.tolist() == []


def test_unknown_stream_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no stream 3: the last one is 2"):
        REPORT.flow(3)
    assert np.array_equal(REPORT.streams, [0, 1, 2])
