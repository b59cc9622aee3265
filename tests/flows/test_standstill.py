"""Runs of empty segments that answer each other."""

import pytest

from flows.tracked import HANDSHAKE, events, tracked
from tcpdiag.model.event import EventKind

MINE, YOURS = "> . 1:1(0) ack 1 win 502", "< . 1:1(0) ack 1 win 509"


def run(rounds: int, gap_s: float = 0.01, mine: str = MINE, yours: str = YOURS) -> str:
    """Both sides in turn."""
    return f"repeat {rounds} every {2 * gap_s} same port\n+{gap_s} {mine}\n+{gap_s} {yours}\nend\n"


@pytest.mark.parametrize(("rounds", "powers"), [(15, []), (16, [5]), (31, [5]), (32, [5, 6]), (500, [5, 6, 7, 8, 9])])
def test_a_run_is_told_at_each_power_of_two(rounds: int, powers: list[int]) -> None:
    found = events(tracked(HANDSHAKE + run(rounds)), EventKind.STANDSTILL)
    assert [int(event["detail"]) for event in found] == powers
    assert {int(event["ref"]) for event in found} <= {4}


def test_it_tells_since_when() -> None:
    (found,) = events(tracked(HANDSHAKE + run(16)), EventKind.STANDSTILL)
    assert found["value"] == 31 * 10_000_000


@pytest.mark.parametrize(
    "between",
    [
        "+0.01 > P. 1:2(1) ack 1 win 502\n",
        "+0.01 > F. 1:1(0) ack 1 win 502\n",
        "+0.01 > S 9:9(0) win 502\n",
        "+0.25 > . 1:1(0) ack 1 win 502\n",
    ],
    ids=["text", "FIN", "SYN", "a pause that a timer may end"],
)
def test_a_run_ends_with(between: str) -> None:
    assert len(events(tracked(HANDSHAKE + run(15) + between + run(15)), EventKind.STANDSTILL)) == 0


def test_resets_take_part() -> None:
    script = HANDSHAKE + run(16, mine="> R 5:5(0) win 0")
    assert len(events(tracked(script), EventKind.STANDSTILL)) == 1


@pytest.mark.parametrize("gap_s", [0.2, 0.21])
def test_an_answer_comes_at_once(gap_s: float) -> None:
    assert len(events(tracked(HANDSHAKE + run(16, gap_s)), EventKind.STANDSTILL)) == (gap_s <= 0.2)


def test_both_sides_must_take_part() -> None:
    assert len(events(tracked(HANDSHAKE + f"+0.01 {MINE} *200 every 0.01\n"), EventKind.STANDSTILL)) == 0
