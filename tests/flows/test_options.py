"""Options that are used: text told of behind a gap, and what the SYNs had not agreed on."""

import pytest

from flows.tracked import events, tracked
from tcpdiag.model.event import EventKind
from tcpdiag.model.segment import Option


def handshake(client: str, server: str) -> str:
    return f"""
+0.00 > S 0:0(0) win 64240 <mss 1460{client}>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460{server}>
+0.01 > . 1:1(0) ack 1 win 502
"""


SACK = handshake(",sackOK", ",sackOK")
PLAIN = handshake("", "")
AHEAD = "+0.01 > P. 101:301(200) ack 1 win 502\n+0.00 > P. 301:401(100) ack 1 win 502\n"
AGAIN = "+0.00 < . 1:1(0) ack 1 win 65160\n"


def block(left: int, right: int) -> str:
    return f"+0.00 < . 1:1(0) ack 1 win 65160 <sack {left}:{right}>\n"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (SACK + AHEAD + block(301, 401) + block(101, 401), [(1, 300, 2)]),
        (SACK + AHEAD + AGAIN * 2, []),
        (PLAIN + AHEAD + AGAIN * 2, [(1, 0, 2)]),
        (PLAIN + "+0.01 > P. 1:101(100) ack 1 win 502\n" + "+0.00 < . 0:0(0) ack 1 win 65160\n" * 3, []),
        (
            SACK + AHEAD + block(101, 301) + "+0.01 < . 1:1(0) ack 301 win 65160\n"
            "+0.01 > P. 501:601(100) ack 1 win 502\n+0.00 < . 1:1(0) ack 301 win 65160 <sack 501:601>\n",
            [(1, 200, 1), (1, 100, 1)],
        ),
    ],
    ids=["SACK", "a bare ACK where SACK is agreed on", "repeated ACKs", "keepalive probes", "a second gap"],
)
def test_gap_told(script: str, told: list[tuple[int, int, int]]) -> None:
    found = events(tracked(script), EventKind.GAP_TOLD)
    assert [(int(e["side"]), int(e["value"]), int(e["detail"])) for e in found] == told


STAMPED = "+0.01 > P. 1:101(100) ack 1 win 502 <TS val 5 ecr 7>\n"
BOTH = ",TS val 1 ecr 0"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (handshake(BOTH, "") + STAMPED * 2, [Option.TIMESTAMPS]),
        (handshake(BOTH, BOTH) + STAMPED, []),
        (PLAIN + AHEAD + block(101, 401) * 2, [Option.SACK]),
        (SACK + AHEAD + block(101, 401), []),
        (STAMPED, []),
    ],
    ids=["timestamps without", "timestamps with", "SACK without", "SACK with", "no SYN captured"],
)
def test_options_not_agreed_on(script: str, told: list[Option]) -> None:
    found = events(tracked(script), EventKind.OPTION_UNAGREED)
    assert [Option(int(e["detail"])) for e in found] == told
