"""Segments that are too large for a path, and a receiver that only waits for them."""

import pytest

from diagnoses.hosts import Between, capture, told

HOLE = """
+0.00 > S 0:0(0) win 65535 <mss 1460{0}>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1460{0}>
+0.01 > . 1:1(0) ack 1 win 65535
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < . 1:1461(1460) ack 101 win 65535
+0.00 < . 1461:2921(1460) ack 101 win 65535
+0.00 < P. 2921:3121(200) ack 101 win 65535
{1}
+0.40 < . 1:1461(1460) ack 101 win 65535
+0.80 < . 1:1461(1460) ack 101 win 65535
+1.60 < . 1:1461(1460) ack 101 win 65535
+3.20 < . 1:1461(1460) ack 101 win 65535
"""
SACK = "+0.01 > . 101:101(0) ack 1 win 65535 <sack {}>"
AGAIN = "+0.01 > . 101:101(0) ack 1 win 65535"


@pytest.mark.parametrize(
    ("options", "said", "kind"),
    [
        (",sackOK", SACK.format("2921:3121"), "mtu-black-hole"),
        ("", AGAIN, "mtu-black-hole"),
        (",sackOK", SACK.format("1461:2921"), "peer-vanished"),
        (",sackOK", AGAIN, "peer-vanished"),
        ("", f"{AGAIN}\n{AGAIN}", "peer-vanished"),
        ("", "", "peer-vanished"),
    ],
    ids=[
        "SACK of the small end",
        "one ACK again",
        "SACK of a large one",
        "no SACK though agreed on",
        "an ACK for each",
        "nothing",
    ],
)
def test_a_receiver_that_only_waits(options: str, said: str, kind: str) -> None:
    tables = capture(Between(HOLE.format(options, said)))
    found = {name: len(told(tables, name)) for name in ("mtu-black-hole", "peer-vanished")}
    assert found == {name: int(name == kind) for name in found}
