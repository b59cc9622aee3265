"""What a 4-tuple remembers: a new SYN against what the other end still holds."""

import pytest

from flows.tracked import HANDSHAKE, events, states, tracked
from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.segment import Option
from tcpdiag.model.states import State

HELD = (
    HANDSHAKE
    + """
+0.1 > F. 1:1(0) ack 1 win 502
+0.01 < . 1:1(0) ack 2 win 509
"""
)
NEW = 5000  # the new connection's initial sequence number, relative to the first one's


def test_a_new_isn_opens_the_next_stream() -> None:
    tables = tracked(HELD + f"+60 > S {NEW}:{NEW}(0) win 64240 <mss 1460>")
    assert tables.flows["previous"].tolist() == [-1, 0]


def test_the_same_syn_again_does_not() -> None:
    tables = tracked("+0 > S 0:0(0) win 64240 <mss 1460> *3 every 1.0")
    assert len(tables.flows) == 1
    assert events(tables, EventKind.SYN_REPEATED)["value"].tolist() == [1_000_000_000, 2_000_000_000]


def test_the_peer_keeps_what_it_held() -> None:
    tables = tracked(HELD + f"+60 > S {NEW}:{NEW}(0) win 64240 <mss 1460>")
    (event,) = events(tables, EventKind.SYN_IN_CONNECTION, flow=1)
    assert (event["state"], event["ref"], event["value"]) == (State.CLOSE_WAIT, 4, 0)
    assert states(tables, 1)["server"] == [("CLOSE-WAIT", 6)]


def test_challenge_reset_and_second_syn_heal_it() -> None:
    tables = tracked(
        HELD
        + f"""
        +60 > S {NEW}:{NEW}(0) win 64240 <mss 1460>
        +0.001 < . 1:1(0) ack 2 win 509
        +0.001 > R 2:2(0) win 0
        +0.01 > S {NEW}:{NEW}(0) win 64240 <mss 1460>
        +0.001 < S. 9000:9000(0) ack {NEW + 1} win 65160 <mss 1460>
        """
    )
    assert states(tables, 1) == {
        "client": [("SYN-SENT", 6), ("ESTABLISHED", 10)],
        "server": [("CLOSE-WAIT", 6), ("CLOSED", 8), ("SYN-RECEIVED", 10), ("ESTABLISHED", 10)][:3],
    }
    assert events(tables, EventKind.SYN_IN_CONNECTION, flow=1)["bits"][0] & EventBit.CHALLENGED
    assert events(tables, EventKind.BAD_ACK_RST, flow=1)["ref"].tolist() == [7]


def test_a_past_older_than_the_capture_is_betrayed_by_the_ack() -> None:
    tables = tracked(
        """
        +0 > S 0:0(0) win 64240 <mss 1460>
        +0.001 < . 777:777(0) ack 99999 win 509
        +0.001 > R 99999:99999(0) win 0
        """
    )
    (event,) = events(tables, EventKind.SYN_IN_CONNECTION)
    assert (event["state"], event["value"], event["ref"]) == (State.MIDSTREAM, -1, 1)
    assert states(tables)["server"] == [("MIDSTREAM", 2), ("CLOSED", 3)]


def test_time_wait_lets_a_new_connection_in_without_a_word() -> None:
    tables = tracked(
        HELD
        + f"""
        +0.1 < F. 1:1(0) ack 2 win 509
        +0.01 > . 2:2(0) ack 2 win 502
        +5 > S {NEW}:{NEW}(0) win 64240 <mss 1460>
        +0.001 < S. 9000:9000(0) ack {NEW + 1} win 65160 <mss 1460>
        """
    )
    assert not len(events(tables, EventKind.SYN_IN_CONNECTION, flow=1))


def test_a_forged_syn_does_not_move_the_connection() -> None:
    tables = tracked(
        HANDSHAKE
        + f"""
        +0.1 > S {NEW}:{NEW}(0) win 64240 <mss 1460>
        +0.001 < . 1:1(0) ack 1 win 509
        +0.1 > P. 1:101(100) ack 1 win 502
        +0.01 < . 1:1(0) ack 101 win 509
        """
    )
    assert states(tables, 1)["client"][-1] == ("ESTABLISHED", 6)
    assert states(tables, 1)["server"] == [("ESTABLISHED", 4)]


SYN_AT_5000 = f"+60 > S {NEW}:{NEW}(0) win 64240 <mss 1460,TS val 5000 ecr 0>\n"


@pytest.mark.parametrize(
    ("script", "ages"),
    [
        (HELD + SYN_AT_5000 + "+0.001 < . 1:1(0) ack 2 win 509 <TS val 9 ecr 3000>\n", [(6, 2000)]),
        (SYN_AT_5000 + "+0.001 < . 777:777(0) ack 99999 win 509 <TS val 9 ecr 4999>\n", [(1, 1)]),
        (SYN_AT_5000 + "+0.001 < . 777:777(0) ack 99999 win 509 <TS val 9 ecr 4294967295>\n", [(1, 5001)]),
        (
            HELD
            + SYN_AT_5000
            + "+0.001 < . 1:1(0) ack 2 win 509 <TS val 9 ecr 3000>\n"
            + SYN_AT_5000.replace("+60", "+1").replace("val 5000", "val 6000")
            + "+0.001 < . 1:1(0) ack 2 win 509 <TS val 9 ecr 3000>\n",
            [(6, 2000)],
        ),
        (HELD + SYN_AT_5000 + "+0.001 < P. 1:11(10) ack 2 win 509 <TS val 9 ecr 3000>\n", []),
        (HELD + SYN_AT_5000 + "+0.001 < . 1:1(0) ack 2 win 509\n", []),
        (HELD + f"+60 > S {NEW}:{NEW}(0) win 1\n+0.001 < . 1:1(0) ack 2 win 509 <TS val 9 ecr 3000>\n", []),
    ],
    ids=[
        "of a captured connection",
        "of one before the capture",
        "the clock may wrap",
        "told once",
        "text is no answer",
        "an ACK without timestamps",
        "a SYN without timestamps",
    ],
)
def test_the_challenge_tells_the_age_of_what_is_held(script: str, ages: list[tuple[int, int]]) -> None:
    tables = tracked(script)
    rows = events(tables, EventKind.STALE_ECHO, flow=len(tables.flows) - 1)
    assert [(int(row["ref"]), int(row["value"])) for row in rows] == ages


@pytest.mark.parametrize(("options", "value"), [("mss 1460,TS val 4294967295 ecr 0", 4294967295), ("mss 1460", -1)])
def test_syn_sent_keeps_the_timestamp_of_the_syn(options: str, value: int) -> None:
    (event,) = events(tracked(f"+0 > S 0:0(0) win 64240 <{options}>"), EventKind.STATE)
    assert (event["state"], event["value"]) == (State.SYN_SENT, value)


def test_a_repeated_syn_tells_which_options_it_carries() -> None:
    tables = tracked("+0 > S 0:0(0) win 1 <mss 1460,sackOK,fastopen>\n+1 > S 0:0(0) win 1 <mss 1460,sackOK>")
    (event,) = events(tables, EventKind.SYN_REPEATED)
    assert event["detail"] == Option.MSS | Option.SACK_PERMITTED


@pytest.mark.parametrize("first", ["holder", "alleged sender"])
def test_a_forged_syn_loses_nothing_of_the_connection_that_goes_on(first: str) -> None:
    speak = {"holder": "+0.01 < P. 1:201(200) ack 101 win 509\n", "alleged sender": ""}[first]
    acked = 201 if speak else 1
    tables = tracked(
        HANDSHAKE
        + f"""
        +0.1 > P. 1:101(100) ack 1 win 502
        +0.01 < . 1:1(0) ack 101 win 509
        +0.1 > S 900000:900000(0) win 1000
        +0.001 < . 1:1(0) ack 101 win 509
        {speak}+0.01 > . 101:101(0) ack {acked} win 502
        +0.01 > P. 101:301(200) ack {acked} win 502
        +0.01 < . {acked}:{acked}(0) ack 301 win 509
        """
    )
    assert len(tables.flows) == 2
    assert tables.details["unseen_bytes"].sum() == 0
    (withdrawn,) = tables.events[(tables.events["bits"] & EventBit.WITHDRAWN) != 0]
    assert (withdrawn["frame"], withdrawn["state"]) == (6, State.SYN_SENT), "it was nobody's"
