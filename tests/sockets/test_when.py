"""Times as `date` and people write them."""

import pytest

from tcpdiag.errors import UsageError
from tcpdiag.sockets.when import GIVEN, parse, stamp

SECONDS = 1_795_235_517  # 2026-11-21 04:31:57 UTC


@pytest.mark.parametrize(
    ("text", "fraction", "resolution_ns", "assumed"),
    [
        ("1795235517", 0, 10**9, False),
        ("1795235517.371654", 371_654_000, 1000, False),
        ("2026-11-21T04:31:57Z", 0, 10**9, False),
        ("2026-11-21 04:31:57 UTC", 0, 10**9, False),
        ("2026-11-21T04:31:57", 0, 10**9, True),
        ("2026-11-21T05:31:57+01:00", 0, 10**9, False),
        ("2026-11-20T23:31:57-0500", 0, 10**9, False),
        ("2026-11-21T04:31:57,003230656+00:00", 3_230_656, 1, False),
        ("Sat Nov 21 04:31:57 UTC 2026", 0, 10**9, False),
        ("Sat Nov 21 04:31:57 AM UTC 2026", 0, 10**9, False),
        ("Fri Nov 20 11:31:57 PM EST 2026", 0, 10**9, False),
        ("Sat Nov 21 04:31:57 2026", 0, 10**9, True),
        ("Sat, 21 Nov 2026 04:31:57 +0000", 0, 10**9, False),
        ("Sat 21 Nov 2026 05:31:57 +0100", 0, 10**9, False),
        ("# Sat Nov 21 04:31:57 UTC 2026", 0, 10**9, False),
    ],
)
def test_a_date_is_a_moment(text: str, fraction: int, resolution_ns: int, assumed: bool) -> None:
    moment = stamp(text)
    assert moment is not None
    assert (moment.ts_ns, moment.resolution_ns) == (SECONDS * 10**9 + fraction, resolution_ns)
    assert moment.assumed_utc is assumed


@pytest.mark.parametrize(
    "text",
    ["", "12", "ESTAB 0 0 10.0.0.1:22 10.0.0.2:3", "2026-13-41T04:31:57Z", "Sat Nov 21 04:31:57 CET 2026",
     "Sat Nov 41 04:31:57 UTC 2026", "1795235517 or so", "x" * 1000],
)  # fmt: skip
def test_other_lines_are_no_dates(text: str) -> None:
    assert stamp(text) is None


def test_a_user_gives_a_time_or_hears_that_it_is_none() -> None:
    assert parse("1795235517").source == GIVEN
    with pytest.raises(UsageError, match="yesterday"):
        parse("yesterday")
