"""Senders that repeat in vain: the pace, whether they gave up, and by which rule."""

import pytest

from diagnoses.asked import asked, only
from tcpdiag.diagnoses.giving_up import model_timeout_ns
from tcpdiag.units import NS

DATA = "+1.00 > P. 1:101(100) ack 1 win 502\n"


def repeats(*gaps_s: float, then_s: float = 0, first: str = DATA) -> str:
    """Data, its repetitions after these times, and how long the capture goes on."""
    line = first.split(" ", 1)[1]
    return first + "".join(f"+{gap} {line}" for gap in gaps_s) + (f"+{then_s} .\n" if then_s else "")


@pytest.mark.parametrize(
    ("retries", "seconds"), [(2, 1.4), (5, 12.6), (8, 102.2), (9, 204.6), (10, 324.6), (15, 924.6)]
)
def test_the_hypothetical_timeout_is_that_of_the_kernel(retries: int, seconds: float) -> None:
    assert model_timeout_ns(retries) / NS == pytest.approx(seconds)


@pytest.mark.parametrize(("then_s", "gave_up"), [(0, False), (6.0, False), (7.0, False), (9.0, True), (600, True)])
def test_a_sender_has_given_up_when_the_next_repetition_is_overdue(then_s: float, gave_up: bool) -> None:
    found = only("peer-vanished", repeats(0.2, 0.4, 0.8, 1.6, 3.2, then_s=then_s))
    assert found.data["gave_up"] is gave_up
    assert ("still trying" in found.summary) is not gave_up


def test_the_rule_is_that_whose_time_lies_between_the_last_and_the_next() -> None:
    found = only("peer-vanished", repeats(0.22, 0.22, 0.46, 0.91, 1.8, 3.7, then_s=60))
    assert found.data["rules"] == ["Linux with tcp_retries2 = 5", "a TCP_USER_TIMEOUT of 7.3 s to 14.7 s"]


def test_fifteen_repetitions_are_the_default_of_linux() -> None:
    gaps = [0.2 * 2**n for n in range(10)] + [120.0] * 5
    found = only("peer-vanished", repeats(*gaps, then_s=400))
    assert found.data["rules"] == ["Linux with tcp_retries2 = 15 (the default)"]
    assert found.severity.name == "CRITICAL"
    assert found.data["doubling"]


def test_a_fin_that_nobody_acknowledges_is_given_up_by_the_rule_for_orphans() -> None:
    fin = "+1.00 > F. 1:1(0) ack 1 win 502\n"
    found = only("peer-vanished", repeats(*[0.2 * 2**n for n in range(8)], then_s=400, first=fin))
    assert any("tcp_orphan_retries" in rule for rule in found.data["rules"])
    assert "The client's FIN [4] got no answer" in found.summary


def test_a_tail_loss_probe_does_not_hide_that_the_distances_double() -> None:
    found = only("peer-vanished", repeats(0.22, 0.224, 0.472, 0.896, 1.792, 3.776))
    assert found.data["doubling"]
    assert found.data["repeats"] == 6
    assert found.data["first_sent_frame"] == 4


def test_an_even_pace_is_not_called_doubling() -> None:
    assert not only("peer-vanished", repeats(0.8, 0.8, 0.8, 0.8)).data["doubling"]


def test_a_rst_of_the_sender_says_that_it_gave_up() -> None:
    found = only("peer-vanished", repeats(0.2, 0.4, 0.8, 1.6) + "+3.2 > R. 101:101(0) ack 1 win 0\n")
    assert "said so with a RST [9]" in found.summary
    assert found.data["gave_up"]


def test_another_connection_of_the_peers_host_is_the_control_group() -> None:
    other = (
        "+0.1 >40001 S 0:0(0) win 64240\n+0.01 <40001 S. 0:0(0) ack 1 win 65160\n+0.01 >40001 . 1:1(0) ack 1 win 502\n"
    )
    worked = "+0.10 < P. 1:11(10) ack 1 win 502\n+0.01 > . 1:1(0) ack 11 win 502\n"
    lost = worked + repeats(0.2, 0.4, 0.8, 1.6)
    alone, beside = only("peer-vanished", lost), only("peer-vanished", lost + other)
    assert (alone.data["host_heard_on_others"], beside.data["host_heard_on_others"]) == (0, 1)
    assert beside.causes[0].text.startswith("a NAT or firewall")
    assert "found: 198.51.100.1 sent packets on 1 other connection" in str(beside.refutations[1].outcome)


def test_a_server_that_only_shook_hands_may_have_sent_a_cookie() -> None:
    assert "SYN cookie" in only("peer-vanished", repeats(0.2, 0.4, 0.8, 1.6)).causes[0].text


def test_more_than_ten_connections_of_one_server_are_one_finding() -> None:
    script = "".join(
        f"+0.01 >{port} S 0:0(0) win 64240\n+0.01 <{port} S. 0:0(0) ack 1 win 65160\n"
        f"+0.01 >{port} P. 1:101(100) ack 1 win 502 *6 every 0.5\n"
        for port in range(41000, 41015)
    )
    (found,) = asked("peer-vanished", script, handshake=False)
    assert len(found.streams) == 15


def test_idle_time_and_its_candidates() -> None:
    used = "+0.10 > P. 1:101(100) ack 1 win 502\n+0.01 < P. 1:101(100) ack 101 win 502\n"
    later = "+352 > P. 101:201(100) ack 101 win 502\n"
    found = only("idle-flow-dropped", used + repeats(0.2, 0.4, 0.8, 1.6, first=later))
    assert found.data["idle_s"] == 352
    assert [row["timeout_s"] for row in found.data["candidates"]] == [350, 300, 240, 60]
    assert "5 min 52 s is just longer than the default of AWS network load balancers" in found.summary
