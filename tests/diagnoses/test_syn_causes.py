"""The rule that ranks the reasons for unanswered SYNs, and the control groups that feed it."""

import numpy as np
import pytest

from diagnoses.hosts import Between, capture, icmp_error, told
from tcpdiag.diagnoses.syn_causes import SPECIAL, Clue, Why, clear, ranked
from tcpdiag.model.finding import Finding, Severity

SYN = "S 0:0(0) win 64240 <mss 1460,sackOK>"
SILENT = f"+0.0 > {SYN} *4 every 1.0\n+2 .\n"
SERVED = (
    f"+1.5 >41000 {SYN}\n+0.01 <41000 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>\n"
    "+0.01 >41000 P. 1:11(10) ack 1 win 64240\n+0.01 <41000 P. 1:21(20) ack 11 win 65160\n"
    "+0.01 >41000 . 11:11(0) ack 21 win 64240\n"
)
LATE = f"+0.2 >41000 {SYN}\n+1.0 >41000 {SYN}\n" + SERVED.partition("\n")[2]
MUTE = (
    f"+0.0 >42000 {SYN}\n+0.01 <42000 S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>\n"
    "+0.01 >42000 P. 1:11(10) ack 1 win 64240\n+0.01 <42000 . 1:1(0) ack 11 win 65160\n"
)


def unanswered(*parts: Between, extra: np.ndarray | None = None) -> Finding:
    (finding,) = told(capture(*parts, extra=extra), "syn-unanswered")
    return finding


def likely(*parts: Between, extra: np.ndarray | None = None) -> str | None:
    return unanswered(*parts, extra=extra).data["likely"]  # type: ignore[no-any-return]


def test_causes_stand_in_the_order_of_their_scores() -> None:
    clues = [Clue(Why.QUEUE, 2, "a"), Clue(Why.STALE, 4, "b"), Clue(Why.QUEUE, 1, "c"), Clue(Why.DOWN, -4, "d")]
    found = ranked(clues)
    assert [(each.why, each.score) for each in found] == [
        (Why.STALE, 4),
        (Why.QUEUE, 3),
        (Why.FIREWALL, 0),
        (Why.DOWN, -4),
    ]
    assert found[1].cause.support == ("a", "c")
    assert found[3].cause.against == ("d",)


def test_of_equal_scores_the_more_frequent_cause_is_first() -> None:
    assert [each.why for each in ranked([])] == [why for why in Why if why not in SPECIAL]


def test_special_causes_need_something_that_speaks_for_them() -> None:
    assert Why.TAP not in [each.why for each in ranked([Clue(Why.TAP, -2, "a")])]
    assert Why.TAP in [each.why for each in ranked([Clue(Why.TAP, 1, "a"), Clue(Why.TAP, -2, "b")])]


@pytest.mark.parametrize(
    ("clues", "expected"),
    [
        ([Clue(Why.QUEUE, 2, "a")], True),
        ([Clue(Why.QUEUE, 2, "a"), Clue(Why.FIREWALL, 1, "b")], False),
        ([Clue(Why.FIREWALL, -2, "a"), Clue(Why.DOWN, -2, "a"), Clue(Why.STALE, -2, "a")], False),  # nothing for it
    ],
)
def test_a_cause_is_clear_when_it_is_ahead_and_supported(clues: list[Clue], expected: bool) -> None:
    assert clear(ranked(clues)) is expected


def test_alone_nothing_can_be_told() -> None:
    assert likely(Between(SILENT)) is None


def test_another_port_of_the_host_answers_a_firewall() -> None:
    assert likely(Between(SILENT), Between(SERVED, port=22)) == "firewall"


def test_other_hosts_answer_the_client_and_this_one_sends_nothing_it_is_down() -> None:
    assert likely(Between(SILENT), Between(SERVED, server=2)) == "down"


def test_the_client_itself_is_answered_from_other_ports_it_is_this_tuple() -> None:
    assert likely(Between(SILENT), Between(SERVED)) == "stale"


def test_only_other_clients_are_answered_the_tuple_or_a_rule_against_the_client() -> None:
    found = unanswered(Between(SILENT), Between(SERVED, client=2))
    assert found.data["likely"] is None
    assert {name for name, score in found.data["scores"].items() if score > 0} == {"firewall", "stale"}


def test_others_are_answered_only_late_the_queue_is_first() -> None:
    found = unanswered(Between(SILENT), Between(LATE, client=2))
    assert "accept queue" in found.causes[0].text
    assert max(found.data["scores"], key=found.data["scores"].get) == "queue"


def test_requests_that_nobody_answers_the_queue() -> None:
    late = "+0.5 .\n" + SILENT
    assert likely(Between(MUTE), Between(late)) == "queue"


def test_two_other_hosts_are_silent_too_the_clients_path_is_first() -> None:
    findings = told(capture(Between(SILENT), Between(SILENT, server=2), Between(SILENT, server=3)), "syn-unanswered")
    assert len(findings) == 3
    assert all("path" in found.causes[0].text for found in findings)


def test_an_earlier_connection_that_the_server_ended_is_no_stale_one() -> None:
    closed = (
        SERVED.replace("41000", "40000")
        + "+0.1 < F. 21:21(0) ack 11 win 65160\n+0.01 > F. 11:11(0) ack 22 win 64240\n"
        + "+0.01 < . 22:22(0) ack 12 win 65160\n"
        + "+5 > S 700000:700000(0) win 64240 <mss 1460,sackOK> *4 every 1.0\n+2 .\n"
    )
    found = unanswered(Between(closed))
    (stale,) = (cause for cause in found.causes if "older connection" in cause.text)
    assert any("ended the earlier connection" in reason for reason in stale.against)


@pytest.mark.parametrize(("code", "name"), [(1, "host unreachable"), (0, "network unreachable")])
def test_a_router_says_that_the_host_cannot_be_reached(code: int, name: str) -> None:
    found = unanswered(Between(SILENT), extra=icmp_error(Between(SILENT), 3, code))
    assert found.data["likely"] == "down"
    assert f"ICMP {name} [2]" in found.causes[0].support
    assert 2 in found.frames


@pytest.mark.parametrize(("code", "name"), [(3, "port unreachable"), (13, "communication administratively prohibited")])
def test_icmp_that_forbids_is_a_refusal_by_a_firewall(code: int, name: str) -> None:
    tables = capture(Between(f"+0.0 > {SYN}\n+2 .\n"), extra=icmp_error(Between(SILENT), 3, code))
    assert told(tables, "syn-unanswered") == []
    (found,) = told(tables, "syn-refused")
    assert f"ICMP {name}" in found.story[0].text
    assert "firewall" in found.causes[0].text
    assert found.frames == (1, 2)


def test_other_connections_with_the_host_lack_a_direction_the_tap() -> None:
    half = "+0.2 >43000 S 0:0(0) win 64240\n+0.02 >43000 . 1:1(0) ack 1 win 64240\n"
    found = unanswered(Between(f"+0.0 > {SYN}\n+3 .\n"), Between(half, client=2))
    assert found.data["likely"] == "tap"


def test_an_option_that_no_answered_syn_has() -> None:
    fast = f"+0.0 > {SYN.replace('sackOK', 'sackOK,mptcp')} *4 every 1.0\n+2 .\n"
    before = SERVED.replace("+1.5", "+0.0")
    found = unanswered(Between("+3 .\n" + fast), Between(before))
    assert any("MPTCP" in reason for cause in found.causes for reason in cause.support)


def test_severity_is_a_notice_for_what_may_be_everyday_loss() -> None:
    found = unanswered(Between(f"+0.0 > {SYN} *2 every 1.0\n+2 .\n"))
    assert found.severity is Severity.NOTICE


FAST = f"+0.0 > {SYN.replace('sackOK', 'sackOK,fastopen')}\n+1.0 > {SYN}\n"
ANSWER = "+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>\n+0.01 > . 1:1(0) ack 1 win 64240\n"


@pytest.mark.parametrize(("count", "found"), [(2, 0), (3, 1), (9, 1)])
def test_syns_that_are_answered_only_without_an_option(count: int, found: int) -> None:
    findings = told(capture(Between(f"repeat {count} every 3.0\n{FAST}{ANSWER}end\n")), "syn-unanswered")
    assert [finding.data["feature"] for finding in findings] == ["TCP Fast Open (RFC 7413)"] * found


def test_one_that_is_answered_with_the_option_clears_it() -> None:
    with_it = f"+0.0 >45000 {SYN.replace('sackOK', 'sackOK,fastopen')}\n" + ANSWER.replace("< ", "<45000 ").replace(
        "> ", ">45000 "
    )
    tables = capture(Between(f"repeat 5 every 3.0\n{FAST}{ANSWER}end\n"), Between(with_it))
    assert told(tables, "syn-unanswered") == []


def test_ecn_that_is_dropped() -> None:
    script = f"+0.0 > {SYN.replace('S ', 'SEW ', 1)}\n+1.0 > {SYN}\n{ANSWER}"
    (found,) = told(capture(Between(f"repeat 4 every 3.0\n{script}end\n")), "syn-unanswered")
    assert found.data["feature"] == "ECN (RFC 3168)"


def test_what_cannot_be_told_apart_gets_a_step_for_each() -> None:
    steps = " ".join(unanswered(Between(SILENT)).next_steps)
    assert "ping" in steps
    assert "firewall rules" in steps
