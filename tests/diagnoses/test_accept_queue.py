"""The signs of a full accept queue, and what else shows one of them."""

import pytest

from diagnoses.asked import asked, only
from diagnoses.hosts import Between, capture, told
from places import SHARED, needs_shared
from tcpdiag import analyze
from tcpdiag.model.finding import Severity

WAITING = (
    "+0.0 > S 0:0(0) win 64240\n+0.0001 < S. 0:0(0) ack 1 win 65160\n"
    "+0.01 > P. 1:11(10) ack 1 win 64240\n+0.0001 < . 1:1(0) ack 11 win 65160\n"
)
SERVED = WAITING + "+0.01 < P. 1:21(20) ack 11 win 65160\n+0.01 > . 11:11(0) ack 21 win 64240\n"
COOKIE = (
    "+0.5 >41000 S 0:0(0) win 64240\n+0.0001 <41000 S. 0:0(0) ack 1 win 65160\n"
    "+0.01 >41000 . 1:1(0) ack 1 win 64240\n+0.01 >41000 P. 1:11(10) ack 1 win 64240 *6 every 0.8\n"
)
LATE = (
    "+0.0 > S 0:0(0) win 64240\n+1.0 > S 0:0(0) win 64240\n+0.0001 < S. 0:0(0) ack 1 win 65160\n"
    "+0.01 > P. 1:11(10) ack 1 win 64240\n+0.5 < P. 1:21(20) ack 11 win 65160\n+0.01 > . 11:11(0) ack 21 win 64240\n"
)
KIND = "accept-queue-overflow"


@needs_shared
@pytest.mark.parametrize(
    ("name", "backlog", "sign", "count"),
    [
        ("acceptq-ack-drop", 3, "acks_dropped", 2),
        ("acceptq-syn-drop", 1, "syns_dropped", 4),
        ("acceptq-syncookies", 1, "cookies", 4),
    ],
)
def test_each_sign_in_a_real_capture_and_the_backlog(name: str, backlog: int, sign: str, count: int) -> None:
    (found,) = [f for f in analyze(SHARED / "captures" / name / "capture.pcap").findings if f.kind == KIND]
    assert found.data[sign] == found.data["connections"] == count
    assert found.data["waiting"] == backlog + 1
    assert f"its backlog is {backlog} " in found.summary


@needs_shared
@pytest.mark.parametrize(
    "name", ["synfail-lost-then-ok", "synfail-firewall-drop", "synfail-nohost", "cwreuse-loop-silent"]
)
def test_other_unanswered_syns_are_none(name: str) -> None:
    assert KIND not in [f.kind for f in analyze(SHARED / "captures" / name / "capture.pcap").findings]


def test_syn_cookies_need_another_connection_that_shows_the_server_alive() -> None:
    assert only(KIND, WAITING + COOKIE, handshake=False).data["cookies"] == 1
    assert asked(KIND, COOKIE, handshake=False) == []


def test_a_server_that_serves_others_has_no_full_queue() -> None:
    assert asked(KIND, SERVED + COOKIE, handshake=False) == []


def test_a_service_that_only_reads_has_no_full_queue() -> None:
    reading = (
        "+0.0 > S 0:0(0) win 64240\n+0.001 < S. 0:0(0) ack 1 win 65160\n"
        "repeat 60 every 0.02 same port\n+0.0 > . 1:1401(1400) ack 1 win 64240\n"
        "+0.001 < . 1:1(0) ack 1401 win 65160\nend\n"
    )
    silent = "+2 >41000 S 0:0(0) win 64240 *4 every 1.0\n+1 .\n"
    assert asked(KIND, reading + silent, handshake=False) == []


def test_a_queue_that_lets_others_in_at_once_is_not_full() -> None:
    silent = "+2 >41000 S 0:0(0) win 64240 *4 every 1.0\n"
    let_in = WAITING.replace("> ", ">42000 ").replace("< ", "<42000 ")
    between = silent.replace("*4 every 1.0", "*2 every 1.0") + let_in + silent.replace("+2 ", "+1 ")
    assert asked(KIND, WAITING + between + "+1 .\n", handshake=False) == []


def test_a_rst_for_the_final_ack_counts_where_nobody_accepts() -> None:
    reset = (
        "+1.0 >41000 S 0:0(0) win 64240\n+0.0001 <41000 S. 0:0(0) ack 1 win 65160\n"
        "+0.01 >41000 . 1:1(0) ack 1 win 64240\n+0.0001 <41000 R 1:1(0) win 0\n"
    )
    assert only(KIND, WAITING + reset, handshake=False).data["resets"] == 1
    assert asked(KIND, SERVED + reset, handshake=False) == []


def test_syns_dropped_now_and_then_are_told_as_not_unique() -> None:
    served = SERVED.replace("> ", ">45000 ").replace("< ", "<45000 ")
    script = f"repeat 6 every 0.3\n{LATE}end\nrepeat 6 every 0.3\n{served}end\n"
    found = only(KIND, script, handshake=False)
    assert found.data["answered_late"] == 6
    assert "something else looks the same from here" in found.data["doubts"]


@pytest.mark.parametrize("count", [1, 4])
def test_a_few_lost_syns_are_everyday_life(count: int) -> None:
    assert asked(KIND, f"repeat {count} every 0.3\n{LATE}end\n", handshake=False) == []


def test_a_path_that_loses_data_as_well_is_none() -> None:
    lossy = LATE.replace("win 64240\n+0.5", "win 64240\n+0.3 > P. 1:11(10) ack 1 win 64240\n+0.5")
    assert asked(KIND, f"repeat 8 every 0.3\n{lossy}end\n", handshake=False) == []


def test_connects_of_many_clients_that_wait_long_are_critical() -> None:
    silent = "+2 > S 0:0(0) win 64240 *8 every 2.0\n+1 .\n"
    parts = [Between(WAITING)] + [Between(f"+{number / 10} .\n" + silent, client=number + 2) for number in range(12)]
    (found,) = told(capture(*parts), KIND)
    assert found.severity is Severity.CRITICAL
    assert found.data["syns_dropped"] == 12
