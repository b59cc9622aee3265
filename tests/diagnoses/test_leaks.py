"""Connections that pile up: how fast, up to which limit, and whether the connects went on."""

import numpy as np
import pytest

from diagnoses.asked import asked, only
from tcpdiag.diagnoses.growth import growth
from tcpdiag.diagnoses.held import HELD, End
from tcpdiag.model.finding import Severity
from tcpdiag.units import NS


def rows(since_s: list[float], left_s: dict[int, float] | None = None, end_s: float = 100.0) -> np.ndarray:
    """HELD rows of one holder: when each peer's FIN came, and which of them were closed when."""
    held = np.zeros(len(since_s), HELD)
    held["since_ns"] = [int(second * NS) for second in since_s]
    held["until_ns"] = int(end_s * NS)
    for row, second in (left_s or {}).items():
        held["until_ns"][row], held["end"][row] = int(second * NS), End.CLOSED_BY_ITSELF
    return held


def test_the_number_over_time_counts_what_came_and_what_left() -> None:
    grown = growth(rows([0, 10, 20, 30], {0: 60.0}), 100 * NS)
    assert grown.quarters == [3, 4, 3, 3]
    assert (grown.held, grown.highest) == (3, 4)
    assert grown.listed()[0] == [0.0, 1]


@pytest.mark.parametrize(
    ("every_s", "count", "limit", "left_s"), [(60, 24, 1024, 60_000), (1, 24, 1024, 1000), (1, 24, 24, None)]
)
def test_the_limit_is_met_when_the_pace_goes_on(every_s: int, count: int, limit: int, left_s: int | None) -> None:
    times = [float(every_s * n) for n in range(count)]
    grown = growth(rows(times, end_s=times[-1]), int(times[-1] * NS))
    assert grown.per_minute == pytest.approx(60 / every_s)
    left_ns = grown.left_ns(limit)
    assert (None if left_ns is None else round(left_ns / NS)) == left_s


def client(count: int, every_s: float, *, port: int = 40001, end: bool = True, window: int = 502) -> str:
    """Connects of one client at one pace, each answered; `end`: the server ends them, and the client does not."""
    lines = []
    for number in range(count):
        here = port + number
        lines.append(f"+{every_s - 0.05:.2f} >{here} S 0:0(0) win 64240\n+0.01 <{here} S. 0:0(0) ack 1 win 65160\n")
        lines.append(f"+0.01 >{here} P. 1:41(40) ack 1 win 502\n+0.01 <{here} P. 1:801(800) ack 41 win 502\n")
        lines.append(f"+0.01 >{here} . 41:41(0) ack 801 win {window}\n")
        if end:
            lines.append(
                f"+0.005 <{here} F. 801:801(0) ack 41 win 502\n+0.005 >{here} . 41:41(0) ack 802 win {window}\n"
            )
    return "".join(lines)


def test_a_client_that_leaks_is_named_with_its_server_its_number_and_its_pace() -> None:
    found = only("close-wait-leak", client(8, 60) + "+30 .\n", handshake=False)
    assert (found.endpoint, found.peer) == ("192.0.2.1", "198.51.100.1:80")
    assert found.title == "The client never closes: 8 connections, 1 more each minute"
    first = found.story[0].text
    assert "192.0.2.1 got the server's FIN on 8 connections to 198.51.100.1:80" in first
    assert "1 more come each minute, and it did not stop reading" in first
    assert found.data["limit_in_s"] == pytest.approx(1016 * 60)


def test_those_of_the_last_seconds_count_too() -> None:
    found = only("close-wait-leak", client(8, 2.0), handshake=False)
    assert found.data["count"] == 8
    assert len(found.streams) == 8


@pytest.mark.parametrize(("silence_s", "stopped"), [(60, False), (170, False), (200, True), (3600, True)])
def test_connects_that_are_overdue_by_more_than_usual_have_stopped(silence_s: int, stopped: bool) -> None:
    found = only("close-wait-leak", client(8, 60) + f"+{silence_s} .\n", handshake=False)
    assert found.data["connects_stopped"] is stopped
    assert ("The process still lives" in found.summary) is stopped
    assert (50 in found.frames) is stopped  # the last SYN


def test_a_reader_that_stopped_on_others_of_its_connections_is_linked() -> None:
    stalled = client(2, 10, port=41001, end=False, window=0)
    found = only("close-wait-leak", client(8, 10) + stalled + "+30 .\n", handshake=False)
    assert found.data["stopped_reading"] == 2
    assert "it stopped reading on 2 connections (window closed since [61], after 800 B)" in found.story[0].text
    assert found.causes[0].text.startswith("it never reads the answer")


def test_a_client_that_closes_leaks_nothing() -> None:
    script = client(8, 10).replace(" . 41:41(0) ack 802", " F. 41:41(0) ack 802") + "+60 .\n"
    assert asked("close-wait-leak", script, handshake=False) == []


def test_half_of_the_usual_limit_is_critical() -> None:
    found = only("close-wait-leak", client(520, 1) + "+10 .\n", handshake=False)
    assert found.severity is Severity.CRITICAL


def test_one_that_is_stuck_says_who_acknowledged_what() -> None:
    script = "+1.00 > F. 1:1(0) ack 1 win 502\n+0.04 < . 1:1(0) ack 2 win 502\n+90 .\n"
    found = only("close-wait-stuck", script)
    assert found.story[0].text.startswith("The server got the peer's FIN [4], acknowledged it [5]")
    assert found.story[0].frames == (4, 5)
    assert found.refutations[1].outcome == "not so: the peer's window is 64,256 bytes, and nothing is in flight"
