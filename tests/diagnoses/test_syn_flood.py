"""What is a flood of SYNs, and what only looks like one."""

import numpy as np
import pytest

from diagnoses.hosts import Between, capture, told
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.finding import Finding, Severity
from tcpdiag.model.script import CLIENT_ADDRESS, Script, parse_script
from tcpdiag.model.tables import Tables

SYN = "+0.000 > S 0:0(0) win 1024 <mss 1460>\n"
OFFER = "+0.001 < S. 0:0(0) ack 1 win 65160 <mss 1460>\n"
AGAIN = "+1.000 < S. 0:0(0) ack 1 win 65160 <mss 1460>\n+2.000 < S. 0:0(0) ack 1 win 65160 <mss 1460>\n"
FINISHED = OFFER + "+0.001 > . 1:1(0) ack 1 win 1024\n+0.1 > R. 1:1(0) ack 1 win 1024\n"
REAL = "+0.0 >60000 S 0:0(0) win 64240 <mss 1460,sackOK>\n"


def many(count: int, body: str, every_s: float = 0.01) -> str:
    return f"repeat {count} every {every_s}\n{body}end\n+6 .\n"


def scattered(script: str, *others: str, hosts: int = 1_000_000) -> Tables:
    """The script with each client port at an address of its own; `others` as they are."""
    parsed = [parse_script(text) for text in (script, *others)]
    rows = parsed[0].segments.copy()
    for address, port in (("src_lo", "sport"), ("dst_lo", "dport")):
        mine = rows[address] == CLIENT_ADDRESS
        rows[address][mine] = (10 << 24) + rows[port][mine].astype(np.uint64) % hosts
    segments = np.concatenate([rows, *(other.segments for other in parsed[1:])])
    segments = segments[np.argsort(segments["ts_ns"], kind="stable")]
    segments["frame"] = np.arange(1, len(segments) + 1)
    tracker = Tracker(None)
    tracker.feed(segments)
    return tracker.finish([Script(segments, max(each.last_ts_ns for each in parsed)).file])


def flood(tables: Tables) -> Finding:
    (finding,) = told(tables, "syn-flood")
    return finding


def test_half_open_handshakes_from_addresses_that_occur_once() -> None:
    served = REAL + "+0.01 <60000 S. 0:0(0) ack 1 win 65160\n+0.01 >60000 . 1:1(0) ack 1 win 64240\n"
    found = flood(scattered(many(300, SYN + OFFER + AGAIN), served))
    assert found.severity is Severity.WARNING
    assert (found.data["half_open"], found.data["completed_meanwhile"], found.data["cookies"]) == (300, 1, False)
    assert (found.data["sources"], found.data["sources_once_share"]) == (300, 1.0)
    assert "forged" in found.causes[0].text
    assert "300 were answered with a SYN-ACK that nobody acknowledged" in found.story[0].text


def test_few_addresses_are_a_tool_before_an_attack() -> None:
    found = flood(scattered(many(300, SYN + OFFER + AGAIN), hosts=3))
    assert found.data["sources"] == 3
    assert "scanner" in found.causes[0].text


@pytest.mark.parametrize(("repeated", "cookies"), [(300, False), (40, True), (0, True)])
def test_syn_acks_that_are_not_repeated_show_syn_cookies(repeated: int, cookies: bool) -> None:
    served = REAL + "+0.01 <60000 S. 0:0(0) ack 1 win 65160\n+0.01 >60000 . 1:1(0) ack 1 win 64240\n"
    parts = [many(repeated, SYN + OFFER + AGAIN)] if repeated else []
    if repeated < 300:
        parts.append(many(300 - repeated, (SYN + OFFER).replace("> ", ">20000 ").replace("< ", "<20000 ")))
    found = flood(scattered("".join(parts), served))
    assert found.data["cookies"] is cookies
    assert ("SYN cookies" in found.summary) is cookies


def test_real_clients_without_an_answer_make_it_critical() -> None:
    starved = REAL + "+1 >60000 S 0:0(0) win 64240 <mss 1460,sackOK>\n+2 >60000 S 0:0(0) win 64240 <mss 1460,sackOK>\n"
    elsewhere = (
        "+0.0 >61000 S 0:0(0) win 64240\n+0.01 <61000 S. 0:0(0) ack 1 win 65160\n+0.01 >61000 . 1:1(0) ack 1 win 502\n"
    )
    found = flood(scattered(many(300, SYN), starved, elsewhere))
    assert found.severity is Severity.CRITICAL
    assert found.data["starved_meanwhile"] == 1


def test_its_connects_are_neither_unanswered_nor_refused_besides() -> None:
    tables = scattered(many(300, SYN) + many(100, "+0.0 >20000 S 0:0(0) win 1024\n+0.0 <20000 R. 0:0(0) ack 1 win 0\n"))
    assert told(tables, "syn-unanswered") == []
    assert told(tables, "syn-refused") == []
    assert flood(tables).data["refused"] == 100


def test_without_it_the_others_tell_of_them() -> None:
    from tcpdiag.diagnoses import examine_all

    findings, _, _ = examine_all(scattered(many(300, SYN)), skip=("syn-flood",))
    assert "syn-unanswered" in [finding.kind for finding in findings]


@pytest.mark.parametrize(
    "script",
    [
        many(100, SYN + OFFER + AGAIN),
        many(300, SYN + FINISHED),
        many(300, SYN + OFFER + "+0.001 > R 1:1(0) win 0\n"),
        many(300, SYN + "+0.001 < R. 0:0(0) ack 1 win 0\n"),
        many(300, SYN + "+1 > S 0:0(0) win 1024 <mss 1460>\n+2 > S 0:0(0) win 1024 <mss 1460>\n"),
        many(300, SYN + OFFER + "+0.1 < P. 1:101(100) ack 11 win 65160\n"),
        f"repeat 300 every 0.001\n{SYN}end\n",
    ],
    ids=[
        "fewer than any queue holds",
        "finished handshakes",
        "reset by the sender",
        "all refused",
        "clients that repeat their SYN",
        "the server goes on: the ACKs were not captured",
        "the capture ends at once",
    ],
)
def test_no_flood(script: str) -> None:
    assert told(scattered(script), "syn-flood") == []


def test_a_busy_server_that_some_clients_leave_is_none() -> None:
    busy = many(250, (SYN + FINISHED).replace("> ", ">20000 ").replace("< ", "<20000 "))
    assert told(scattered(many(200, SYN + OFFER), busy), "syn-flood") == []


def test_a_scan_of_many_hosts_is_none() -> None:
    tables = capture(
        *(Between(f"+{number / 100:.2f} > S 0:0(0) win 1024\n+6 .\n", server=number) for number in range(200))
    )
    assert told(tables, "syn-flood") == []


def test_a_capture_of_nothing_but_syns_is_a_notice() -> None:
    found = flood(scattered(many(300, SYN + OFFER)))
    assert found.severity is Severity.NOTICE
    assert "if a filter left only these" in found.summary
