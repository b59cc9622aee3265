"""Heartbeats that stop, probes without answers, and two ends that disagree."""

import pytest

from diagnoses.asked import asked, only
from tcpdiag.model.finding import Severity

OTHER = "+0.0 >40001 S 0:0(0) win 64240\n+0.01 <40001 S. 0:0(0) ack 1 win 65160\n+0.01 >40001 . 1:1(0) ack 1 win 502\n"


def beats(count: int, every_s: float = 30.0, size: int = 8) -> str:
    """Messages of the server at one pace, each acknowledged."""
    lines = []
    for number in range(count):
        begin, end = 1 + number * size, 1 + (number + 1) * size
        lines.append(f"+{every_s - 0.01:.2f} < P. {begin}:{end}({size}) ack 1 win 502\n")
        lines.append(f"+0.01 > . 1:1(0) ack {end} win 502\n")
    return "".join(lines)


def test_the_first_and_the_last_beat_are_among_the_frames() -> None:
    found = only("keepalive-stopped", beats(7) + "+300 .\n")
    assert found.frames[0] == 4
    assert found.data["last_beat_frame"] == found.frames[-1] == 16
    assert (found.data["beats"], found.data["period_s"], found.data["payload_len"]) == (7, 30.0, 8)


@pytest.mark.parametrize(("silence_s", "found"), [(60, 0), (85, 0), (95, 1), (3000, 1)])
def test_three_periods_without_a_beat_are_too_many(silence_s: float, found: int) -> None:
    assert len(asked("keepalive-stopped", beats(7) + f"+{silence_s} .\n")) == found


def test_a_capture_that_ends_with_the_last_beat_says_nothing_of_silence() -> None:
    assert asked("keepalive-stopped", beats(7)) == []


@pytest.mark.parametrize(
    ("then", "came_back", "text"),
    [
        ("", "nothing", "did not notice"),
        ("+1 > P. 1:11(10) ack 57 win 502 *4 every 1.0\n", "nothing", "nothing came back"),
        ("+1 > P. 1:11(10) ack 57 win 502\n+0.01 < R 57:57(0) win 0\n", "rst", "a RST came back [19]"),
        (
            "+1 > . 0:0(0) ack 57 win 502\n+0.01 < . 57:57(0) ack 1 win 502\n+200 .\n",
            "ack",
            "the server's TCP still answered [19]",
        ),
    ],
    ids=["sent nothing", "sent into the void", "reset", "answered by its TCP"],
)
def test_whether_the_other_side_noticed_and_what_came_back(then: str, came_back: str, text: str) -> None:
    found = only("keepalive-stopped", beats(7) + "+200 .\n" + then)
    assert found.data["came_back"] == came_back
    assert text in found.summary


def test_keepalives_of_tcp_on_the_same_connection_are_told() -> None:
    probed = beats(7) + "+200 > . 0:0(0) ack 57 win 502\n+0.01 < . 57:57(0) ack 1 win 502\n+100 .\n"
    assert "TCP keepalives are in use on this connection: 1 probe" in only("keepalive-stopped", probed).summary
    assert "No TCP keepalive was seen" in only("keepalive-stopped", beats(7) + "+300 .\n").summary


def test_other_connections_prove_that_the_tap_was_alive() -> None:
    blind = only("keepalive-stopped", beats(7) + "+300 .\n")
    watched = only("keepalive-stopped", beats(7) + "+150 .\n" + OTHER + "+150 .\n")
    assert (blind.data["others_captured_meanwhile"], watched.data["others_captured_meanwhile"]) == (0, 1)
    assert watched.confidence > blind.confidence
    assert "The tap was alive" in watched.summary
    assert "cannot be excluded" in str(blind.refutations[1].outcome)


def test_few_beats_are_a_notice() -> None:
    assert only("keepalive-stopped", beats(5) + "+300 .\n").severity is Severity.NOTICE
    assert only("keepalive-stopped", beats(6) + "+300 .\n").severity is Severity.WARNING


USED = "+0.10 > P. 1:101(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 502\n"
PROBE = "> . 100:100(0) ack 1 win 502\n"


@pytest.mark.parametrize(
    ("idle_s", "interval_s", "count", "whose"),
    [(7200, 75, 9, "Linux"), (7200, 75, 8, "FreeBSD and macOS"), (7200, 1, 10, "Windows"), (60, 10, 6, None)],
)
def test_the_settings_of_a_keepalive_show_in_its_probes(
    idle_s: int, interval_s: int, count: int, whose: str | None
) -> None:
    probes = f"+{idle_s} {PROBE}" + f"+{interval_s} {PROBE}" * (count - 1)
    found = only("keepalive-unanswered", f"{USED}{probes}+{interval_s} > R. 101:101(0) ack 1 win 0\n")
    assert (found.data["idle_s"], found.data["interval_s"], found.data["probes"]) == (idle_s, interval_s, count)
    assert found.data["defaults_of"] == whose
    assert found.data["gave_up"]


def test_a_keepalive_that_goes_on_has_not_given_up() -> None:
    found = only("keepalive-unanswered", f"{USED}+60 {PROBE}+10 {PROBE}+10 {PROBE}+5 .\n")
    assert not found.data["gave_up"]
    assert found.data["defaults_of"] is None
    assert "not given up" in found.summary


def test_zero_window_probes_are_no_keepalives() -> None:
    full = "+0.10 > P. 1:101(100) ack 1 win 502\n+0.01 < . 1:1(0) ack 101 win 0\n"
    assert asked("keepalive-unanswered", full + f"+1 {PROBE}+2 {PROBE}+4 {PROBE}+8 {PROBE}") == []


def test_the_two_disagree_from_the_last_sign_of_life_to_the_rst() -> None:
    talk = "+0.10 < P. 1:101(100) ack 1 win 502\n+0.01 > . 1:1(0) ack 101 win 502\n"
    found = only("half-open", talk + "+600 > P. 1:11(10) ack 101 win 502\n+0.02 < R 101:101(0) win 0\n")
    believer, loser = found.data["beliefs"]
    assert believer["state"] == "ESTABLISHED"
    assert (believer["until_frame"], loser["since_frame_earliest"]) == (7, 4)
    assert found.data["silence_s"] == pytest.approx(600.03)
    assert found.data["bytes_lost"] == 10
    assert found.data["candidates"][0]["timeout_s"] == 600


def test_a_rst_with_another_ttl_speaks_for_a_box_between() -> None:
    talk = "+0.10 < P. 1:101(100) ack 1 win 502 [ttl 64]\n+600 > P. 1:11(10) ack 101 win 502\n"
    found = only("half-open", talk + "+0.02 < R 101:101(0) win 0 [ttl 255]\n")
    assert found.causes[0].text.startswith("a NAT, firewall")
    assert str(found.refutations[2].outcome).startswith("found: TTL 255")


def test_an_abort_by_the_application_is_no_half_open_connection() -> None:
    assert asked("half-open", "+600 > P. 1:11(10) ack 1 win 502\n+0.02 < R. 1:1(0) ack 11 win 0\n") == []


def test_a_restarted_server_that_resets_many_is_one_finding() -> None:
    ports = range(41000, 41012)
    opened = (
        f"+0.01 >{port} S 0:0(0) win 64240\n+0.01 <{port} S. 0:0(0) ack 1 win 65160\n+0.01 >{port} . 1:1(0) ack 1\n"
        for port in ports
    )
    reset = (f"+0.01 >{port} P. 1:11(10) ack 1 win 502\n+0.01 <{port} R 1:1(0) win 0\n" for port in ports)
    script = "".join((*opened, "+60 .\n", *reset))
    (found,) = asked("half-open", script, handshake=False)
    assert len(found.streams) == 12


def test_of_a_ping_and_its_answer_the_ping_is_missed_and_told_as_a_notice() -> None:
    lines = []
    for number in range(10):
        begin = 1 + 8 * number
        lines.append(f"+29.9 < P. {begin}:{begin + 8}(8) ack {begin} win 502\n")
        lines.append(f"+0.1 > P. {begin}:{begin + 8}(8) ack {begin + 8} win 502\n")
    found = only("keepalive-stopped", "".join(lines) + "+300 .\n")
    assert found.endpoint == "198.51.100.1:80"
    assert found.severity is Severity.NOTICE
    assert found.causes[0].text.startswith("the two only stopped asking each other")
