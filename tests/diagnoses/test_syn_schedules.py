"""SYN repetitions as fingerprints of stacks, and what they foretell."""

from collections.abc import Sequence

import pytest

from tcpdiag.diagnoses.syn_schedules import Match, match
from tcpdiag.units import NS

LINUX = [0, 1.004, 2.028, 3.052, 4.076, 5.1, 7.12, 11.212, 19.5, 35.6, 68]  # measured on 6.18
OLD_LINUX = [0, 1.0, 3.0, 7.02, 15.05, 31.1, 63.2]


def matched(times_s: Sequence[float], until_s: float = 0, ttl: int = 64, window: int = 64240) -> Match | None:
    times = [round(time * NS) for time in times_s]
    return match(times, max(times[-1], round(until_s * NS)), ttl, window)


@pytest.mark.parametrize(
    ("times_s", "ttl", "window", "name"),
    [
        (LINUX, 64, 64240, "Linux 6.5 or later"),
        (LINUX[:3], 64, 64240, "Linux 6.5 or later"),
        (LINUX[:8], 51, 29200, "Linux 6.5 or later"),
        (LINUX[:8], 64, 65535, "FreeBSD or macOS"),
        (OLD_LINUX, 64, 29200, "Linux 3.1 to 6.4"),
        (OLD_LINUX[:3], 64, 29200, "Linux 3.1 to 6.4"),
        (OLD_LINUX[:4], 128, 64240, "Windows 10 or later"),
        (OLD_LINUX[:4], 115, 65535, "Windows 10 or later"),
        ([0, 3, 9], 128, 8192, "Windows before 10"),
        ([0, 3, 9, 21], 64, 5840, "Linux before 3.1"),
    ],
)
def test_schedules_of_known_stacks(times_s: list[float], ttl: int, window: int, name: str) -> None:
    found = matched(times_s, ttl=ttl, window=window)
    assert found is not None
    assert found.schedule.name == name


@pytest.mark.parametrize(
    ("times_s", "ttl"),
    [
        (LINUX[:2], 64),  # one gap of a second: many begin so
        ([0, 2, 4, 6], 64),
        ([0, 0.5, 1.0, 1.5], 64),
        ([0, 1.3, 2.6, 3.9], 64),  # beyond the tolerance
        (LINUX[:8], 255),  # no such stack starts with this TTL
        ([*LINUX, 200], 64),  # more than it ever sends
    ],
    ids=["too few", "every 2 s", "every 500 ms", "30 % late", "other TTL", "too many"],
)
def test_what_fits_no_stack_is_not_named(times_s: list[float], ttl: int) -> None:
    assert matched(times_s, ttl=ttl) is None


def test_a_quick_repetition_takes_the_place_of_the_first_gap() -> None:
    measured = [0, 0.011, 1.023, 2.047, 3.071, 4.095, 6.111, 10.207]  # after each challenge ACK only one is quick
    found = matched(measured)
    assert found is not None
    assert found.schedule.name == "Linux 6.5 or later"
    assert found.gaps_s == (1, 1, 1, 1, 2, 4)


@pytest.mark.parametrize(
    ("times_s", "until_s", "gave_up", "next_s"),
    [
        (LINUX[:7], 7.12, False, 4),
        (LINUX[:7], 11.4, False, 4),  # due, but within the tolerance
        (LINUX[:7], 13, True, 4),
        (LINUX, 100, False, 66),
        (LINUX, 150, True, 66),
    ],
)
def test_whether_the_client_gave_up(times_s: list[float], until_s: float, gave_up: bool, next_s: float) -> None:
    found = matched(times_s, until_s)
    assert found is not None
    assert found.gave_up is gave_up
    assert found.next_ns == pytest.approx(next_s * NS)


def test_it_is_told_whether_the_stack_or_the_application_gave_up() -> None:
    texts = [found.told() for found in (matched(LINUX[:7], 7), matched(LINUX[:7], 30), matched(LINUX, 500)) if found]
    assert texts[0] == (
        "The repetitions after 1, 1, 1, 1, 1 and 2 s match Linux 6.5 or later, which by default gives up 2 min 14 s "
        "after the first SYN."
    )
    assert "the next, due 4 s after the last, did not come: the client gave up, sooner than that stack" in texts[1]
    assert texts[2].endswith("match Linux 6.5 or later; it has given up.")
