"""Endpoints that do not know of what was sent in their name."""

import pytest

from flows.tracked import HANDSHAKE, events, tracked
from tcpdiag.model.event import EventKind

TIMED = """
+0.000 > S 0:0(0) win 64240 <mss 1460,wscale 7,TS val 100 ecr 0>
+0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,wscale 7,TS val 900 ecr 100>
+0.010 > . 1:1(0) ack 1 win 502 <TS val 120 ecr 900>
"""
TEXT = "+0.50 > P. 1:101(100) ack 1 win 502\n"
TIMED_TEXT = "+0.50 > P. 1:101(100) ack 1 win 502 <TS val 620 ecr 900>\n"
TAKEN = "+0.01 < . 1:1(0) ack 101 win 509\n"
TIMED_TAKEN = "+0.01 < . 1:1(0) ack 101 win 509 <TS val 1400 ecr 620>\n"
BACK = "+0.001 > . 1:1(0) ack 1 win 502\n"
LATE_BACK = "+0.3 > . 1:1(0) ack 1 win 502\n"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        (HANDSHAKE + TEXT + TAKEN + LATE_BACK, [(6, 4, -100)]),
        (HANDSHAKE + TEXT + TAKEN + BACK, []),
        (
            HANDSHAKE + TEXT + TAKEN + "+0.01 < P. 1:11(10) ack 101 win 509\n+0.001 > . 1:1(0) ack 11 win 502\n",
            [(7, 4, -100)],
        ),
        (HANDSHAKE + TEXT + TAKEN + "+0.01 < P. 1:11(10) ack 101 win 509\n+0.001 > . 101:101(0) ack 11 win 502\n", []),
        (TIMED + TIMED_TEXT + TIMED_TAKEN + "+0.001 > . 1:1(0) ack 1 win 502 <TS val 631 ecr 900>\n", [(6, 4, -100)]),
        (TIMED + TIMED_TEXT + TIMED_TAKEN + "+0.3 > . 1:1(0) ack 1 win 502 <TS val 620 ecr 900>\n", []),
        (TIMED + TEXT + TIMED_TAKEN + "+0.001 > . 1:1(0) ack 1 win 502 <TS val 631 ecr 900>\n", []),
        (TIMED + TIMED_TEXT + TIMED_TAKEN + LATE_BACK, []),
        (HANDSHAKE + TEXT + LATE_BACK, [(5, 4, -100)]),
        (HANDSHAKE + TEXT + "+0.3 > P. 1:101(100) ack 1 win 502\n" + LATE_BACK, []),
        (HANDSHAKE + TEXT + TAKEN + "+0.3 > . 100:100(0) ack 1 win 502\n", []),
        (HANDSHAKE + TEXT + TAKEN + "+0.3 > F. 1:1(0) ack 1 win 502\n", []),
        (HANDSHAKE + TEXT + "+0.01 < . 1:1(0) ack 501 win 509\n" * 2 + LATE_BACK, []),
        (HANDSHAKE + TEXT + "+0.01 < . 1:1(0) ack 51 win 0\n+0.3 > . 51:51(0) ack 1 win 502\n", []),
    ],
    ids=[
        "long after the text",
        "soon after it: may have been overtaken",
        "it answers something newer",
        "an ACK as it should be",
        "newer by its timestamp",
        "not newer by its timestamp",
        "text without the timestamps agreed on",
        "an ACK without the timestamps agreed on",
        "the text was not acknowledged",
        "it goes back itself to send again",
        "a keepalive probe",
        "a FIN is no bare ACK",
        "not all of its text was captured",
        "the right edge of a window that was taken back",
    ],
)
def test_seq_back(script: str, found: list[tuple[int, int, int]]) -> None:
    tables = tracked(script)
    rows = events(tables, EventKind.SEQ_BACK)
    assert [(int(row["frame"]), int(row["ref"]), int(row["value"])) for row in rows] == found
    assert tables.detail(0, 0)["seq_back"] == len(found)
