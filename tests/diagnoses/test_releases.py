"""Which ends of stays in CLOSE-WAIT count as a common release."""

import numpy as np
import pytest
from numpy.random import default_rng

from tcpdiag.diagnoses.close_wait_sawtooth import Thresholds, enough, releases
from tcpdiag.diagnoses.held import HELD, End
from tcpdiag.units import NS

LIMITS = Thresholds()


def _rows(since_s: np.ndarray, until_s: np.ndarray, end: End = End.CLOSED_BY_ITSELF) -> np.ndarray:
    rows = np.zeros(len(since_s), HELD)
    rows["since_ns"], rows["until_ns"], rows["end"] = since_s * NS, until_s * NS, end
    rows["flow"] = np.arange(len(rows))
    return rows


def _teeth(period_s: float = 10.0, count: int = 3, each: int = 20) -> np.ndarray:
    since = np.concatenate([default_rng(n).uniform(n, n + 0.9, each) for n in range(count)]) * period_s
    until = (np.floor(since / period_s) + 1) * period_s
    return _rows(since, until + np.tile(np.arange(each) * 1e-4, count))


@pytest.mark.parametrize("period_s", [2.0, 10.0, 300.0, 3600.0])
def test_each_tooth_is_one_release_whatever_the_period(period_s: float) -> None:
    windows = releases(_teeth(period_s), LIMITS)
    assert [window.size for window in windows] == [20, 20, 20]
    assert np.diff([window.first_ns for window in windows]) / NS == pytest.approx(period_s)


def test_independent_closes_are_none() -> None:
    for seed in range(50):
        random = default_rng(seed)
        since = np.sort(random.uniform(0, 600, 400))
        assert releases(_rows(since, since + random.exponential(10, 400)), LIMITS) == []


def test_a_time_out_of_each_connection_is_none() -> None:
    since = default_rng(1).uniform(0, 100, 300)
    assert releases(_rows(since, since + 10), LIMITS) == []


def test_connections_ended_together_and_timed_out_together_are_none() -> None:
    since = np.repeat(np.arange(5) * 20.0, 20) + np.tile(np.arange(20) * 1e-3, 5)
    assert releases(_rows(since, since + 8), LIMITS) == []


def test_a_sweep_that_leaves_the_younger_ones_is_none() -> None:
    since = np.sort(default_rng(2).uniform(0, 200, 600))
    until = np.ceil((since + 10) / 10) * 10  # closed by a sweep every 10 s, when older than 10 s
    assert releases(_rows(since, until), LIMITS) == []


def test_what_peers_reset_is_none() -> None:
    rows = _teeth()
    rows["end"] = End.RESET
    assert releases(rows, LIMITS) == []


def test_a_second_burst_right_behind_is_the_same_release() -> None:
    rows = _teeth(count=1, each=40)
    late = np.argsort(rows["since_ns"])[:8]
    rows["until_ns"][late] += NS
    assert len(releases(rows, LIMITS)) == 1


@pytest.mark.parametrize(
    ("count", "each", "by_client", "told"),
    [(1, 9, False, False), (1, 10, False, True), (1, 40, True, False), (2, 5, False, True), (2, 5, True, True)],
)
def test_a_release_that_stands_alone_must_be_large_and_a_servers(
    count: int, each: int, by_client: bool, told: bool
) -> None:
    windows = releases(_teeth(count=count, each=each), LIMITS)
    assert len(windows) == count
    assert enough(windows, LIMITS, by_client) is told
