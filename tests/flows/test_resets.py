"""Where a RST stands, who obeys it, and who lives on."""

import pytest

from flows.tracked import HANDSHAKE, events, states, tracked
from tcpdiag.model.event import EventBit, EventKind, RstClass
from tcpdiag.model.segment import Option

ESTABLISHED = (
    HANDSHAKE
    + """
+0.01 > P. 1:101(100) ack 1 win 502
+0.01 < . 1:1(0) ack 101 win 509
"""
)
CLOSED_BY_CLIENT = (
    ESTABLISHED
    + """
+0.01 > F. 101:101(0) ack 1 win 502
+0.01 < . 1:1(0) ack 102 win 509
"""
)
WINDOW = 509 << 7


@pytest.mark.parametrize(
    ("before", "seq", "profile", "where", "delta"),
    [
        (ESTABLISHED, 101, None, RstClass.EXACT, 0),
        (ESTABLISHED, 100, None, RstClass.BELOW, -1),
        (ESTABLISHED, 102, None, RstClass.IN_WINDOW, 1),
        (ESTABLISHED, 100 + WINDOW, "strict", RstClass.IN_WINDOW, WINDOW - 1),
        (ESTABLISHED, 101 + WINDOW, "linux", RstClass.IN_WINDOW, WINDOW),
        (ESTABLISHED, 101 + WINDOW, "strict", RstClass.ABOVE, WINDOW),
        (ESTABLISHED, 102 + WINDOW, "linux", RstClass.ABOVE, WINDOW + 1),
        (CLOSED_BY_CLIENT, 101, None, RstClass.FIN_MINUS_ONE, -1),
        (CLOSED_BY_CLIENT, 102, None, RstClass.EXACT, 0),
        (CLOSED_BY_CLIENT, 100, None, RstClass.BELOW, -2),
        (ESTABLISHED + "+0.01 > P. 101:201(100) ack 1 win 502\n", 201, None, RstClass.EXACT_UNACKED, 0),
        (ESTABLISHED + "+0.01 > P. 101:201(100) ack 1 win 502\n", 101, None, RstClass.LAST_ACK, -100),
        (ESTABLISHED + "+0.01 > P. 301:401(100) ack 1 win 502\n", 401, None, RstClass.SACK_EDGE, 300),
    ],
)
def test_class(before: str, seq: int, profile: str | None, where: RstClass, delta: int) -> None:
    (rst,) = events(tracked(before + f"+0.01 > R {seq}:{seq}(0) win 0", profile), EventKind.RST)
    assert (RstClass(int(rst["detail"])), int(rst["value"])) == (where, delta)


def test_the_event_names_the_ack_that_set_rcv_nxt() -> None:
    (rst,) = events(tracked(CLOSED_BY_CLIENT + "+0.01 > R 101:101(0) win 0"), EventKind.RST)
    assert rst["ref"] == 7


@pytest.mark.parametrize(
    ("profile", "last"), [("linux", "CLOSED"), ("strict", "CLOSE-WAIT"), ("linux-3.6", "CLOSE-WAIT")]
)
def test_one_below_after_a_fin_depends_on_the_stack(profile: str, last: str) -> None:
    tables = tracked(CLOSED_BY_CLIENT + "+0.01 > R 101:101(0) win 0", profile)
    assert states(tables)["server"][-1][0] == last


def test_going_on_long_after_it_withdraws_the_close() -> None:
    script = CLOSED_BY_CLIENT + "+0.01 > R 101:101(0) win 0\n+1.0 < P. 1:101(100) ack 102 win 509"
    tables = tracked(script, "linux")
    assert states(tables)["server"][-1] == ("CLOSE-WAIT", 6)
    (alive,) = events(tables, EventKind.ALIVE_AFTER_RST)
    assert (alive["frame"], alive["ref"], alive["detail"]) == (9, 8, 0)


def test_what_was_on_its_way_does_not() -> None:
    script = ESTABLISHED + "+0.01 > R 101:101(0) win 0\n+0.005 < P. 1:101(100) ack 101 win 509"
    assert states(tracked(script))["server"][-1] == ("CLOSED", 6)


def test_an_alleged_sender_that_goes_on_did_not_send_it() -> None:
    tables = tracked(ESTABLISHED + "+0.01 > R 101:101(0) win 0\n+0.5 > P. 101:201(100) ack 1 win 502")
    (alive,) = events(tables, EventKind.ALIVE_AFTER_RST)
    assert (alive["side"], alive["detail"]) == (0, 1)
    assert states(tables)["client"][-1] == ("ESTABLISHED", 2)


def test_a_challenge_ack_is_linked_to_the_rst() -> None:
    tables = tracked(ESTABLISHED + "+0.01 > R 111:111(0) win 0\n+0.001 < . 1:1(0) ack 101 win 509")
    (rst,) = events(tables, EventKind.RST)
    (challenge,) = events(tables, EventKind.CHALLENGE_ACK)
    assert rst["bits"] & EventBit.CHALLENGED
    assert (challenge["ref"], challenge["frame"]) == (6, 7)


def test_an_ack_of_something_new_is_no_challenge() -> None:
    script = (
        ESTABLISHED
        + "+0.01 > P. 101:201(100) ack 1 win 502\n+0.001 > R 250:250(0) win 0\n+0.01 < . 1:1(0) ack 201 win 509"
    )
    assert not len(events(tracked(script), EventKind.CHALLENGE_ACK))


@pytest.mark.parametrize(
    ("blocks", "challenges"),
    [(("201:301",), 0), (("201:301", "201:401"), 0), (("201:301", "201:301"), 1)],
    ids=["a gap", "more behind it", "nothing new"],
)
def test_an_ack_that_tells_of_text_behind_a_gap_is_no_challenge(blocks: tuple[str, ...], challenges: int) -> None:
    script = ESTABLISHED + "+0.01 > P. 201:301(100) ack 1 win 502\n"
    script += "".join(f"+0.001 < . 1:1(0) ack 101 win 509 <sack {block}>\n" for block in blocks[:-1])
    script += f"+0.01 > R 111:111(0) win 0\n+0.001 < . 1:1(0) ack 101 win 509 <sack {blocks[-1]}>\n"
    assert len(events(tracked(script), EventKind.CHALLENGE_ACK)) == challenges


@pytest.mark.parametrize(
    ("reset", "answers"),
    [
        ("R 101:101(0) win 0", 5),
        ("R 100:100(0) win 0", None),
        ("R. 101:101(0) ack 1 win 0", None),
        ("R 101:101(0) win 502", None),
        ("R 101:101(0) win 0 <TS val 1 ecr 1>", None),
    ],
    ids=["copies the ACK", "another number", "with ACK", "with a window", "with options"],
)
def test_a_bare_rst_with_the_last_ack_answers_that_segment(reset: str, answers: int | None) -> None:
    found = events(tracked(ESTABLISHED + f"+0.01 > {reset}\n"), EventKind.REACTIVE)
    assert [(event["ref"], event["value"]) for event in found] == ([] if answers is None else [(answers, 10_000_000)])


def test_a_rst_does_not_answer_a_rst() -> None:
    both = ESTABLISHED + "+0.01 < R 1:1(0) win 0\n+0.01 > R 101:101(0) win 0\n"
    assert [event["frame"] for event in events(tracked(both), EventKind.REACTIVE)] == [6]


def test_an_event_knows_the_options_of_its_segment() -> None:
    (reset,) = events(tracked(ESTABLISHED + "+0.01 > R. 101:101(0) ack 1 win 0 <TS val 1 ecr 1>\n"), EventKind.RST)
    assert Option(int(reset["options"])) is Option.TIMESTAMPS


@pytest.mark.parametrize(("ack", "challenged"), [(101, True), (201, False)], ids=["at once", "of later text"])
def test_an_ack_of_what_came_after_the_rst_is_no_challenge(ack: int, challenged: bool) -> None:
    script = ESTABLISHED + "+0.01 > R 102:102(0) win 0\n"
    if not challenged:
        script += "+0.01 > P. 101:201(100) ack 1 win 502\n+0.001 < . 1:1(0) ack 201 win 509\n"
    (rst,) = events(tracked(script + f"+0.2 < . 1:1(0) ack {ack} win 509"), EventKind.RST)
    assert bool(rst["bits"] & EventBit.CHALLENGED) is challenged
