"""Both endpoints' states over whole connections, one way of opening or closing each."""

import pytest

from flows.tracked import HANDSHAKE, states, tracked

CASES = {
    "opening": (
        HANDSHAKE,
        [("SYN-SENT", 1), ("ESTABLISHED", 2)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3)],
    ),
    "client closes first": (
        HANDSHAKE
        + """
        +0.1 > F. 1:1(0) ack 1 win 502
        +0.01 < . 1:1(0) ack 2 win 509
        +0.1 < F. 1:1(0) ack 2 win 509
        +0.01 > . 2:2(0) ack 2 win 502
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("FIN-WAIT-1", 4), ("FIN-WAIT-2", 5), ("TIME-WAIT", 6)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("CLOSE-WAIT", 4), ("LAST-ACK", 6), ("CLOSED", 7)],
    ),
    "FIN with the ACK of the FIN": (
        HANDSHAKE
        + """
        +0.1 > F. 1:1(0) ack 1 win 502
        +0.01 < F. 1:1(0) ack 2 win 509
        +0.01 > . 2:2(0) ack 2 win 502
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("FIN-WAIT-1", 4), ("TIME-WAIT", 5)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("CLOSE-WAIT", 4), ("LAST-ACK", 5), ("CLOSED", 6)],
    ),
    "simultaneous close": (
        HANDSHAKE
        + """
        +0.1 > F. 1:1(0) ack 1 win 502
        +0.001 < F. 1:1(0) ack 1 win 509
        +0.01 > . 2:2(0) ack 2 win 502
        +0.001 < . 2:2(0) ack 2 win 509
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("FIN-WAIT-1", 4), ("CLOSING", 5), ("TIME-WAIT", 7)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("FIN-WAIT-1", 5), ("TIME-WAIT", 6)],
    ),
    "a FIN sent again because its ACK was still under way": (
        HANDSHAKE
        + """
        +0.1 < F. 1:1(0) ack 1 win 509
        +0.001 > F. 1:1(0) ack 2 win 502
        +0.001 < F. 1:1(0) ack 1 win 509
        +0.001 > . 2:2(0) ack 2 win 502
        +0.01 < . 2:2(0) ack 2 win 509
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("CLOSE-WAIT", 4), ("LAST-ACK", 5), ("CLOSED", 8)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("FIN-WAIT-1", 4), ("TIME-WAIT", 7)],
    ),
    "half-close with data going on": (
        HANDSHAKE
        + """
        +0.1 > F. 1:1(0) ack 1 win 502
        +0.01 < . 1:1(0) ack 2 win 509
        +0.5 < P. 1:1001(1000) ack 2 win 509
        +0.01 > . 2:2(0) ack 1001 win 502
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("FIN-WAIT-1", 4), ("FIN-WAIT-2", 5)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("CLOSE-WAIT", 4)],
    ),
    "simultaneous open": (
        """
        +0.000 > S 0:0(0) win 64240 <mss 1460>
        +0.001 < S 0:0(0) win 64240 <mss 1460>
        +0.010 > S. 0:0(0) ack 1 win 64240 <mss 1460>
        +0.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
        """,
        [("SYN-SENT", 1), ("SYN-RECEIVED", 2), ("ESTABLISHED", 4)],
        [("SYN-SENT", 2), ("ESTABLISHED", 3)],
    ),
    "abort": (
        HANDSHAKE + "+0.1 > R. 1:1(0) ack 1 win 0",
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("CLOSED", 4)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("CLOSED", 4)],
    ),
    "refused": (
        """
        +0.00 > S 0:0(0) win 64240 <mss 1460>
        +0.01 < R. 0:0(0) ack 1 win 0
        """,
        [("SYN-SENT", 1), ("CLOSED", 2)],
        [("CLOSED", 2)],
    ),
    "older than the capture": (
        """
        +0.00 > P. 5001:5101(100) ack 7001 win 502
        +0.01 < . 7001:7001(0) ack 5101 win 509
        +0.10 < F. 7001:7001(0) ack 5101 win 509
        +0.01 > . 5101:5101(0) ack 7002 win 502
        """,
        [("MIDSTREAM", 1), ("CLOSE-WAIT", 3)],
        [("MIDSTREAM", 2), ("FIN-WAIT-1", 3), ("FIN-WAIT-2", 4)],
    ),
    "SYN-ACK not captured": (
        """
        +0.00 > S 0:0(0) win 64240 <mss 1460>
        +0.02 > . 1:1(0) ack 1 win 502
        +0.01 > P. 1:101(100) ack 1 win 502
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2)],
        [("ESTABLISHED", 2)],
    ),
    "a lost segment holds the FIN back": (
        HANDSHAKE
        + """
        +0.1 > F. 101:101(0) ack 1 win 502
        +0.3 > P. 1:101(100) ack 1 win 502
        +0.01 < . 1:1(0) ack 102 win 509
        """,
        [("SYN-SENT", 1), ("ESTABLISHED", 2), ("FIN-WAIT-1", 4), ("FIN-WAIT-2", 6)],
        [("SYN-RECEIVED", 2), ("ESTABLISHED", 3), ("CLOSE-WAIT", 5)],
    ),
    "SYN-ACK repeated although the ACK came: the server dropped it": (
        HANDSHAKE + "+1.0 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>",
        [("SYN-SENT", 1), ("ESTABLISHED", 2)],
        [("SYN-RECEIVED", 2)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_states(case: str) -> None:
    script, client, server = CASES[case]
    assert states(tracked(script)) == {"client": client, "server": server}


def test_roles_come_from_the_syn() -> None:
    tables = tracked("+0.0 < S. 0:0(0) ack 1 win 65160 <mss 1460>\n+0.01 > . 1:1(0) ack 1 win 502")
    assert tables.client_side[0] == 1


def test_without_a_syn_the_lower_port_is_guessed_to_be_the_server() -> None:
    tables = tracked("+0.0 < P. 1:11(10) ack 1 win 502")
    assert tables.client_side[0] == 1
    assert not tables.flows["bits"][0] & 1
