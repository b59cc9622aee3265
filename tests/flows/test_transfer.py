"""Text, ACKs, windows, probes, copies and silences: what is counted, and what becomes an event."""

import pytest

from flows.tracked import HANDSHAKE, events, states, tracked
from tcpdiag.model.event import EventKind

DATA = "+0.01 > P. 1:101(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 509\n"


def detail(script: str, side: int):
    return tracked(HANDSHAKE + script).detail(0, side)


def test_text_sent_again_is_a_retransmission() -> None:
    tables = tracked(HANDSHAKE + "+0.01 > P. 1:101(100) ack 1 win 502\n+0.2 > P. 1:101(100) ack 1 win 502")
    (event,) = events(tables, EventKind.RETRANSMISSION)
    assert (event["frame"], event["ref"], event["value"]) == (5, 4, 200_000_000)
    assert tables.detail(0, 0)["retransmissions"] == 1


def test_a_hole_filled_at_once_is_out_of_order() -> None:
    d = detail("+0.01 > P. 101:201(100) ack 1 win 502\n+0.001 > P. 1:101(100) ack 1 win 502\n", 0)
    assert (d["out_of_order"], d["retransmissions"]) == (1, 0)


def test_a_hole_filled_late_is_a_retransmission_of_what_was_not_captured() -> None:
    d = detail("+0.01 > P. 101:201(100) ack 1 win 502\n+0.3 > P. 1:101(100) ack 1 win 502\n", 0)
    assert (d["out_of_order"], d["retransmissions"]) == (0, 1)


def test_acknowledged_bytes_that_were_not_captured() -> None:
    script = "+0.01 > P. 101:201(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 201 win 509\n"
    tables = tracked(HANDSHAKE + script)
    (event,) = events(tables, EventKind.ACK_UNSEEN)
    assert (event["frame"], event["value"]) == (5, 100)


def test_one_ack_beyond_everything_is_a_bad_ack() -> None:
    script = DATA + "+0.01 < . 1:1(0) ack 9001 win 509\n+0.01 < . 1:1(0) ack 101 win 509\n"
    tables = tracked(HANDSHAKE + script)
    (event,) = events(tables, EventKind.BAD_ACK)
    assert event["value"] == 8900
    assert not len(events(tables, EventKind.ACK_UNSEEN))


def test_a_second_ack_beyond_everything_shows_that_the_capture_lacks_segments() -> None:
    script = DATA + "+0.01 < . 1:1(0) ack 1101 win 509\n+0.01 < . 1:1(0) ack 2101 win 509\n"
    (event,) = events(tracked(HANDSHAKE + script), EventKind.ACK_UNSEEN)
    assert event["value"] == 2000


@pytest.mark.parametrize("length", [0, 1])
def test_a_keepalive_probe_and_its_answer(length: int) -> None:
    script = DATA + f"+10 > . 100:{100 + length}({length}) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 509\n"
    tables = tracked(HANDSHAKE + script)
    assert events(tables, EventKind.KEEPALIVE_PROBE)["frame"].tolist() == [6]
    assert events(tables, EventKind.KEEPALIVE_ACK)["ref"].tolist() == [6]


def test_a_last_byte_sent_again_is_no_keepalive() -> None:
    script = "+0.01 > P. 1:2(1) ack 1 win 502\n+0.3 > P. 1:2(1) ack 1 win 502\n"
    tables = tracked(HANDSHAKE + script)
    assert not len(events(tables, EventKind.KEEPALIVE_PROBE))
    assert len(events(tables, EventKind.RETRANSMISSION)) == 1


def test_with_the_window_closed_the_same_shape_is_a_zero_window_probe() -> None:
    script = (
        "+0.01 > P. 1:101(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 0\n"
        "+0.2 > . 100:100(0) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 0\n+1 < . 1:1(0) ack 101 win 509\n"
    )
    tables = tracked(HANDSHAKE + script)
    assert events(tables, EventKind.ZERO_WINDOW_PROBE)["frame"].tolist() == [6]
    assert events(tables, EventKind.ZERO_WINDOW_PROBE_ACK)["ref"].tolist() == [6]
    (closed,) = events(tables, EventKind.WINDOW_CLOSED)
    (opened,) = events(tables, EventKind.WINDOW_OPENED)
    assert (closed["frame"], closed["value"], opened["ref"], opened["value"]) == (5, 100, 5, 1_210_000_000)


def test_round_trips_are_kept_apart_by_side_of_the_tap() -> None:
    tables = tracked(
        HANDSHAKE
        + "+0.1 > P. 1:101(100) ack 1 win 502\n"
        + "+0.03 < P. 1:11(10) ack 101 win 509\n+0.001 > . 101:101(0) ack 11 win 502\n"
    )
    assert tables.detail(0, 0)["rtt_min_ns"] == 1_000_000
    assert tables.detail(0, 1)["rtt_max_ns"] == 30_000_000


def test_a_round_trip_with_a_retransmission_is_not_measured() -> None:
    script = (
        "+0.1 > P. 1:101(100) ack 1 win 502\n+0.3 > P. 1:101(100) ack 1 win 502\n+0.001 < . 1:1(0) ack 101 win 509\n"
    )
    assert detail(script, 1)["rtt_count"] == 1


@pytest.mark.parametrize(
    ("second", "copies"),
    [
        ("+0.00001 > P. 1:101(100) ack 1 win 502 [id 77]", 1),
        ("+0.00001 > P. 1:101(100) ack 1 win 502 [id 78]", 0),
        ("+0.3 > P. 1:101(100) ack 1 win 502 [id 77]", 0),
    ],
    ids=["same IP ID", "another IP ID", "much later"],
)
def test_the_same_packet_twice_is_a_copy(second: str, copies: int) -> None:
    tables = tracked(HANDSHAKE + "+0.1 > P. 1:101(100) ack 1 win 502 [id 77]\n" + second)
    assert tables.flows["copies"][0] == copies
    assert tables.detail(0, 0)["retransmissions"] == 1 - copies


def test_small_messages_with_one_period_are_a_heartbeat() -> None:
    d = detail(
        "+2 < P. 1:11(10) ack 1 win 509\n+2 < P. 11:21(10) ack 1 win 509\n+2.1 < P. 21:31(10) ack 1 win 509\n", 1
    )
    assert (d["beats"], d["beat_min_ns"], d["beat_max_ns"]) == (3, 2_000_000_000, 2_100_000_000)


def test_a_message_out_of_the_period_begins_another_run() -> None:
    d = detail("+2 < P. 1:11(10) ack 1 win 509\n+2 < P. 11:21(10) ack 1 win 509\n+9 < P. 21:31(10) ack 1 win 509\n", 1)
    assert d["beats"] == 2


def test_beats_are_linked_and_their_run_has_a_beginning() -> None:
    beats = "".join(
        f"+{gap} < P. {1 + 10 * n}:{11 + 10 * n}(10) ack 1 win 509\n" for n, gap in enumerate((2, 2, 2, 9, 9))
    )
    tables = tracked(HANDSHAKE + beats)
    assert events(tables, EventKind.BEAT)["ref"].tolist() == [4, 5, 6, 7]
    d = tables.detail(0, 1)
    assert (d["beats"], d["beat_first_frame"], d["beat_frame"]) == (3, 6, 8)


def test_the_first_text_of_each_side() -> None:
    script = "+1 > . 1:1(0) ack 1 win 502\n" + DATA + "+0.01 > P. 101:201(100) ack 1 win 502\n"
    tables = tracked(HANDSHAKE + script)
    assert (tables.detail(0, 0)["text_frame"], tables.detail(0, 1)["text_frame"]) == (5, 0)


def test_a_sender_whose_next_retransmission_never_came_has_given_up() -> None:
    text = "1:101(100) ack 1 win 502\n"
    script = f"+0.1 > P. {text}+0.2 > P. {text}+0.4 > P. {text}+0.8 > P. {text}+30 .\n"
    assert states(tracked(HANDSHAKE + script))["client"][-1] == ("CLOSED", 0)


def test_while_it_may_still_come_the_sender_is_there() -> None:
    text = "1:101(100) ack 1 win 502\n"
    script = f"+0.1 > P. {text}+0.2 > P. {text}+0.4 > P. {text}+0.8 > P. {text}+1.0 .\n"
    assert states(tracked(HANDSHAKE + script))["client"][-1] == ("ESTABLISHED", 2)


def test_a_host_that_opens_a_4_tuple_again_forgets_fin_wait_2() -> None:
    script = "+0.1 > F. 1:1(0) ack 1 win 502\n+0.01 < . 1:1(0) ack 2 win 509\n+9 > S 5000:5000(0) win 64240 <mss 1460>"
    assert states(tracked(HANDSHAKE + script))["client"][-2:] == [("FIN-WAIT-2", 5), ("UNSEEN", 0)]


def test_sequence_numbers_far_ahead_cost_no_memory() -> None:
    script = "".join(f"+0.001 > . {1 + 100_000 * n}:{101 + 100_000 * n}(100) ack 1 win 502\n" for n in range(1, 200))
    tables = tracked(HANDSHAKE + script)
    assert tables.detail(0, 1)["n_holes"] == 4
    assert len(tables.events) < 2 * 200


def test_ranges_that_found_no_place_are_not_called_missing() -> None:
    ahead = "".join(f"+0.001 > . {1 + 200 * n}:{101 + 200 * n}(100) ack 1 win 502\n" for n in range(1, 9))
    filling = "".join(f"+0.3 > . {1 + 200 * n}:{201 + 200 * n}(200) ack 1 win 502\n" for n in (0, 1, 2))
    tables = tracked(HANDSHAKE + ahead + filling + "+0.01 < . 1:1(0) ack 1701 win 509\n")
    assert tables.detail(0, 0)["unseen_bytes"] == 500
