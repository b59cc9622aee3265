"""SYNs that meet old connections: the numbers of the story, the minefield, and what else a SYN may have met."""

import pytest

from diagnoses.asked import asked, only
from places import SHARED, needs_shared
from tcpdiag import analyze
from tcpdiag.diagnoses.minefield import EPHEMERAL
from tcpdiag.model.finding import Finding, Severity

KIND = "syn-into-close-wait"


def held(port: int = 40000) -> str:
    """A connection whose client has ended it, and whose server has not."""
    return (
        f"+0.0 >{port} S 0:0(0) win 64240\n+0.01 <{port} S. 0:0(0) ack 1 win 65160\n"
        f"+0.01 >{port} . 1:1(0) ack 1 win 502\n"
        f"+0.1 >{port} F. 1:1(0) ack 1 win 502\n+0.01 <{port} . 1:1(0) ack 2 win 502\n"
    )


HEALED = (
    "+70 > S 9000000:9000000(0) win 64240\n+0.001 < . 1:1(0) ack 2 win 502\n+0.001 > R 2:2(0) win 0\n"
    "+{pause} > S 9000000:9000000(0) win 64240\n+0.001 < S. 70000000:70000000(0) ack 9000001 win 65160\n"
    "+0.001 > . 9000001:9000001(0) ack 70000001 win 502\n"
)
SILENT = "+70 > S 9000000:9000000(0) win 64240\n+1 > S 9000000:9000000(0) win 64240 *4 every 1.0\n+1 .\n"


def real(name: str, kind: str = KIND) -> Finding:
    found = [f for f in analyze(SHARED / "captures" / name / "capture.pcap").findings if f.kind == kind]
    assert len(found) == 1
    return found[0]


def test_the_first_sentence_has_cause_frames_and_numbers() -> None:
    found = only(KIND, held() + SILENT, handshake=False)
    assert found.story[0].text == (
        "SYN [6] and its 4 repetitions [7, 8, 9, 10] got no answer in 4 s: 198.51.100.1:80 still holds that 4-tuple's "
        "earlier connection (stream 0) in CLOSE-WAIT, 1 min 10 s after the client's FIN [4]."
    )
    assert set(found.story[0].frames) == {4, 6, 7, 8, 9, 10}
    assert found.severity is Severity.CRITICAL


@pytest.mark.parametrize(("pause", "delay_s"), [("0.008", 0.011), ("1.0", 1.003)])
def test_one_that_heals_is_told_with_its_delay(pause: str, delay_s: float) -> None:
    found = only(KIND, held() + HEALED.format(pause=pause), handshake=False)
    assert (found.data["outcome"], found.data["delay_s"]) == ("delayed", delay_s)
    assert found.severity is Severity.WARNING
    assert "challenge ACK [7], the client's RST [8], which removes that socket, the SYN again [9]" in found.summary


def test_the_challenges_numbers_are_compared_with_the_old_connections() -> None:
    found = only(KIND, held() + HEALED.format(pause="1.0"), handshake=False)
    (numbers,) = (r for r in found.refutations if "carries other numbers" in r.what)
    assert numbers.outcome == "not so: it acknowledges 2, RCV.NXT is 2"


@pytest.mark.parametrize(("others", "in_all"), [(0, 0), (3, 3)])
def test_the_minefield_counts_the_other_tuples(others: int, in_all: int) -> None:
    mines = "".join(held(40001 + number) for number in range(others))
    found = only(KIND, held() + mines + SILENT, handshake=False)
    assert found.data["other_tuples_held"] == found.data["other_tuples_held_towards_client"] == in_all
    assert found.data["next_collision_chance"] == round(others / 28_232, 6)
    assert ("ports" in found.summary) == (others > 0)


@pytest.mark.parametrize(("port", "size"), [(40000, 28_232), (32768, 28_232), (62000, 16_384), (2000, 64_512)])
def test_the_chance_is_one_of_the_ports_that_the_client_picks_from(port: int, size: int) -> None:
    found = only(KIND, held(port) + held(port + 1) + SILENT.replace("> ", f">{port} "), handshake=False)
    first, last = found.data["port_range"]
    assert last - first + 1 == size
    assert size in [known.size for known in EPHEMERAL]


def test_silence_is_laid_to_the_rate_limit_only_when_the_syns_come_that_fast() -> None:
    fast = "+70 > S 9000000:9000000(0) win 64240 *3 every 0.2\n+1 .\n"
    assert "no rate limit" in only(KIND, held() + SILENT, handshake=False).summary
    found = only(KIND, held() + fast, handshake=False)
    assert "no rate limit" not in found.summary
    assert any("500 ms" in cause.text for cause in found.causes)


def test_a_syn_inside_an_established_connection_is_another_kind() -> None:
    alive = "+5 > S 9000000:9000000(0) win 64240\n+0.001 < . 1:1(0) ack 1 win 502\n+1 > P. 1:11(10) ack 1 win 502\n"
    assert asked(KIND, alive) == []
    assert only("syn-in-connection", alive).data["goes_on"] is True


@needs_shared
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "cwreuse-loop-silent",
            "SYN [10] and its 7 repetitions [11, 12, 13, ... 17] got no answer in 11.2 s: 127.0.0.1:5693 still holds "
            "that 4-tuple's earlier connection (stream 0) in CLOSE-WAIT, 3.4 s after the client's FIN [8].",
        ),
        (
            "cwreuse-veth-default",
            "SYN [12] met a stale socket: 203.0.113.87:7777 still holds that 4-tuple's earlier connection (stream 0) "
            "in CLOSE-WAIT, 3.4 s after the client's FIN [10]; the connect took 10.1 ms.",
        ),
        (
            "cwreuse-loop-challenge",
            "SYN [10] and its 7 repetitions [12, 13, 15, ... 23] got only challenge ACKs [11, 14, 16, ... 24]: "
            "127.0.0.1:5660 still holds that 4-tuple's earlier connection (stream 0) in CLOSE-WAIT, 3.4 s after the "
            "client's FIN [8].",
        ),
    ],
)
def test_the_first_sentence_of_real_ones(name: str, sentence: str) -> None:
    assert real(name).story[0].text == sentence


@needs_shared
def test_the_minefield_of_a_real_leak() -> None:
    data = real("cwreuse-minefield-default").data
    assert (data["collisions"], data["other_tuples_held"], data["other_tuples_held_towards_client"]) == (13, 37, 37)
    assert "13 of its 20 connects" in real("cwreuse-minefield-default").summary


@needs_shared
@pytest.mark.parametrize("name", ["cwreuse-loop-silent", "cwreuse-loop-challenge"])
def test_the_schedule_of_a_real_client(name: str) -> None:
    assert "match Linux 6.5 or later, which by default gives up 2 min 14 s" in real(name).summary


@needs_shared
def test_the_timestamp_echo_tells_the_age_of_a_connection_older_than_the_capture() -> None:
    found = real("cwreuse-late-default", "syn-in-connection")
    assert found.data["old_connection_heard_s"] == pytest.approx(3.5, abs=0.3)


@needs_shared
def test_a_forged_syn_inside_a_connection_that_goes_on() -> None:
    found = real("inject-syn-inwindow", "syn-in-connection")
    assert (found.data["inside"], found.data["goes_on"], found.severity) == (True, True, Severity.NOTICE)
    assert {19, 20, 21} <= set(found.frames)
    assert "forged" in found.causes[0].text


def test_a_syn_that_time_wait_does_not_take_names_that_connection() -> None:
    script = (
        "+0.0 > S 5000:5000(0) win 64240\n+0.01 < S. 0:0(0) ack 5001 win 65160\n+0.01 > . 5001:5001(0) ack 1 win 502\n"
        "+0.1 < F. 1:1(0) ack 5001 win 502\n+0.01 > F. 5001:5001(0) ack 2 win 502\n+0.01 < . 2:2(0) ack 5002 win 502\n"
        "+5 > S 100:100(0) win 64240\n+0.001 < . 2:2(0) ack 5002 win 502\n+0.001 > R 5002:5002(0) win 0\n"
        "+1.0 > S 100:100(0) win 64240\n+0.001 < S. 90000:90000(0) ack 101 win 65160\n"
        "+0.001 > . 101:101(0) ack 90001 win 502\n"
    )
    found = only("syn-in-connection", script, handshake=False)
    assert found.data["state"] == "TIME-WAIT"
    assert found.streams == (0, 1)
    assert "TIME-WAIT [5]" in found.summary


def test_the_rst_that_answers_a_challenge_is_no_half_open_connection() -> None:
    assert asked("half-open", held() + HEALED.format(pause="1.0"), handshake=False) == []
