"""Which middleboxes would have forgotten a connection after some idle time."""

import pytest

from tcpdiag.diagnoses.middleboxes import ESTABLISHED, HALF_CLOSED, Box, forgetting
from tcpdiag.units import NS


@pytest.mark.parametrize("table", [ESTABLISHED, HALF_CLOSED], ids=["established", "half-closed"])
def test_tables_ascend_and_name_their_sources(table: tuple[Box, ...]) -> None:
    assert [box.seconds for box in table] == sorted(box.seconds for box in table)
    assert all(len(box.source) > 10 for box in table)


@pytest.mark.parametrize(
    ("idle_s", "closest", "near"),
    [
        (12, None, False),
        (58.9, 60, True),  # a box may sweep a little early
        (200, 60, False),
        (345, 350, True),
        (352, 350, True),
        (384, 350, True),
        (400, 350, False),
        (3_700, 3600, True),
        (10**9, 432_000, False),
    ],
)
def test_the_longest_time_out_that_was_exceeded_is_the_first_candidate(
    idle_s: float, closest: int | None, near: bool
) -> None:
    found = forgetting(int(idle_s * NS))
    assert (found.boxes[0].seconds if found.boxes else None) == closest
    assert found.near is near


def test_all_shorter_ones_are_candidates_too() -> None:
    assert [row["timeout_s"] for row in forgetting(360 * NS).listed()] == [350, 300, 240, 60]


def test_half_closed_connections_are_forgotten_sooner() -> None:
    assert forgetting(70 * NS, HALF_CLOSED).boxes[0].name == "Linux conntrack"
    assert forgetting(610 * NS, HALF_CLOSED).boxes[0].name == "Cisco ASA"


def test_nothing_is_said_for_a_middlebox_where_the_silence_was_short() -> None:
    assert forgetting(NS).support() == ()
    assert forgetting(351 * NS).support()[0].startswith("just longer than the default of AWS network")
