"""Loss that is located, large segments that never arrive, options that do not get through."""

import pytest

import tcpdiag
from diagnoses.asked import asked, only
from diagnoses.hosts import Between, capture, told
from places import SHARED, needs_shared
from tcpdiag.model.finding import Finding, Severity

HELLO = """
+0.00 > S 0:0(0) win 65535 <mss 1460,sackOK>
+0.02 < S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>
+0.001 > . 1:1(0) ack 1 win 65535
"""


def sent(number: int, gap: str = "0.02") -> str:
    """A segment of the client, and its ACK."""
    begin = 1 + 100 * number
    return f"+{gap} > P. {begin}:{begin + 100}(100) ack 1 win 65535\n" + acked(number)


def lost(number: int, wait: str = "0.1") -> str:
    """A segment of the client that the tap sees twice."""
    begin = 1 + 100 * number
    first = f"+0.02 > P. {begin}:{begin + 100}(100) ack 1 win 65535\n"
    return first + f"+{wait} > P. {begin}:{begin + 100}(100) ack 1 win 65535\n" + acked(number)


def acked(number: int) -> str:
    return f"+0.02 < . 1:1(0) ack {101 + 100 * number} win 65535\n"


def transfer(count: int, every: int, wait: str = "0.1") -> str:
    return HELLO + "".join(lost(n, wait) if n % every == 0 else sent(n) for n in range(count))


def loss(script: str) -> Finding:
    return only("path-loss", script, handshake=False)


@pytest.mark.parametrize(
    ("script", "severity"),
    [
        (transfer(20, 20), Severity.INFO),
        (transfer(400, 100), Severity.NOTICE),
        (transfer(1000, 125), Severity.NOTICE),
        (transfer(200, 10), Severity.WARNING),
        (transfer(20, 20, "0.4"), Severity.NOTICE),
        (transfer(1000, 100, "0.4"), Severity.NOTICE),
    ],
    ids=["one", "four of 400", "eight of 1000: the rate may be chance", "one in ten", "by the timer", "ten timers"],
)
def test_loss_is_as_grave_as_its_effect(script: str, severity: Severity) -> None:
    assert loss(script).severity == severity


def test_a_burst_in_one_round_trip_is_one_event_and_no_fault() -> None:
    burst = "".join(f"+0.0001 > P. {1 + 100 * n}:{101 + 100 * n}(100) ack 1 win 65535\n" for n in range(40))
    again = "".join(f"+0.001 > P. {1 + 100 * n}:{101 + 100 * n}(100) ack 1 win 65535\n" for n in range(1, 20))
    found = loss(
        HELLO + burst + "+0.02 < . 1:1(0) ack 101 win 65535\n+0.05 > . 101:101(0) ack 1 win 65535\n" + again + acked(39)
    )
    assert found.data["lost_after"] == 19
    (way,) = (way for way in found.data["directions"] if way["lost_after"])
    assert way["loss_events"] == 1
    assert found.severity == Severity.INFO


BLACKOUT = (
    HELLO
    + sent(0)
    + "".join(
        f"+{wait} > P. 101:201(100) ack 1 win 65535\n" for wait in ("0.02", "0.3", "0.6", "1.2", "2.4", "4.8", "9.6")
    )
)


def test_an_outage_that_ends_is_a_warning_and_says_how_long() -> None:
    found = loss(BLACKOUT + acked(1))
    assert found.severity == Severity.WARNING
    assert found.data["longest_stall_s"] == 18.9
    assert found.title == "The path lost everything for 18.9 s"


def test_an_outage_without_an_end_is_not_this_one() -> None:
    assert asked("path-loss", BLACKOUT, handshake=False) == []


def test_a_sender_that_pauses_before_its_first_repetition_blames_no_path() -> None:
    found = loss(transfer(20, 20, "60"))
    assert (found.data["stalls"], found.severity) == (0, Severity.INFO)


HOLE = """
+0.01 < . 1:1001(1000) ack 1 win 65535
+0.00 < . 2001:3001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 1001 win 65535 <sack 2001:3001>
+{0} < . 1001:2001(1000) ack 1 win 65535
+0.00 > . 1:1(0) ack 3001 win 65535
"""


def test_what_fills_a_hole_was_lost_before_the_tap() -> None:
    found = loss(HELLO + HOLE.format("0.05"))
    assert (found.data["lost_before"], found.data["lost_after"]) == (1, 0)
    assert "before they came to the tap" in found.summary


def test_what_fills_a_hole_at_once_was_late() -> None:
    assert asked("path-loss", HELLO + HOLE.format("0.001"), handshake=False) == []


def test_a_dsack_takes_a_loss_back() -> None:
    twice = HELLO + sent(0) + "+0.02 > P. 101:201(100) ack 1 win 65535\n+0.3 > P. 101:201(100) ack 1 win 65535\n"
    assert len(asked("path-loss", twice + acked(1), handshake=False)) == 1
    dsack = "+0.02 < . 1:1(0) ack 201 win 65535 <sack 101:201>\n"
    assert asked("path-loss", twice + dsack, handshake=False) == []


def test_other_paths_are_the_control_group() -> None:
    clean = HELLO + "".join(sent(n) for n in range(200))
    sick = transfer(200, 10)
    (found,) = told(capture(Between(sick), Between(clean, client=2), Between(clean, server=2)), "path-loss")
    assert {(group["paths"], group["lost"]) for group in found.data["other_paths"]} == {
        ("other paths of 192.0.2.1", 0),
        ("other paths of 198.51.100.1", 0),
    }
    assert "only these two hosts" in found.causes[0].text


def test_a_host_that_loses_on_each_of_its_paths_is_named_first() -> None:
    clean, sick = HELLO + "".join(sent(n) for n in range(200)), transfer(200, 10)
    tables = capture(Between(sick), Between(sick, server=2), Between(sick, server=3), Between(clean, client=2))
    found = told(tables, "path-loss")
    assert len(found) == 3
    assert all("near 192.0.2.1" in item.causes[0].text for item in found)


def test_many_paths_that_each_lose_a_little_are_one_finding_among_all_packets() -> None:
    little = [Between(transfer(20, 20), client=number) for number in range(1, 13)]
    clean = [Between(HELLO + "".join(sent(n) for n in range(300)), client=number) for number in range(20, 30)]
    (found,) = told(capture(*little, *clean), "path-loss")
    assert (found.data["paths"], found.data["lost"]) == (12, 12)
    assert sum(way["packets"] for way in found.data["directions"]) > 6000
    assert found.severity <= Severity.NOTICE


def test_syns_that_were_lost_are_told_when_the_server_answers_in_the_end() -> None:
    late = "+0.0 > S 0:0(0) win 65535\n+1.0 > S 0:0(0) win 65535\n" + HELLO.split("\n", 2)[2] + sent(0)
    assert loss(late).data["syns_lost"] == 1
    silent = Between("+0.0 > S 0:0(0) win 65535\n+1.0 > S 0:0(0) win 65535\n+9.0 .\n", client=2)
    assert told(capture(Between(late), silent), "path-loss") == []


def test_segments_that_are_too_large_are_no_loss() -> None:
    large = """
+0.01 > P. 1:101(100) ack 1 win 65535
+0.01 < P. 1:201(200) ack 101 win 65535
+0.01 > . 101:101(0) ack 201 win 65535
+0.01 < . 201:1661(1460) ack 101 win 65535 *3 every 0.8
+0.80 < . 201:1225(1024) ack 101 win 65535
+0.01 > . 101:101(0) ack 1225 win 65535
"""
    found = only("mtu-black-hole", HELLO + large, handshake=False)
    assert (found.data["healed"], found.data["mtu_at_least"], found.data["mtu_below"]) == (True, 1064, 1500)
    assert found.data["mss"] == [1460, 1460]
    assert asked("path-loss", HELLO + large, handshake=False) == []


def test_timestamps_that_only_one_side_uses() -> None:
    both = HELLO.replace("sackOK", "TS val 5 ecr 0")
    used = "+0.01 < P. 1:201(200) ack 1 win 65535 <TS val 9 ecr 5>\n+0.01 > . 1:1(0) ack 201 win 65535\n"
    found = only("options-stripped", both + used + "+0.1 > P. 1:9(8) ack 201 win 65535\n", handshake=False)
    assert (found.data["sign"], found.endpoint) == ("agreed on here, and never used", "192.0.2.1:40000")
    assert found.severity == Severity.NOTICE


def test_sack_needs_only_the_leave_of_whom_it_is_sent_to() -> None:
    block = HOLE.format("0.05")
    allowed = HELLO.replace("> S 0:0(0) win 65535 <mss 1460,sackOK>", "> S 0:0(0) win 65535 <mss 1460>")
    assert asked("options-stripped", allowed + block, handshake=False) == []
    forbidden = HELLO.replace("ack 1 win 65535 <mss 1460,sackOK>", "ack 1 win 65535 <mss 1460>")
    assert only("options-stripped", forbidden + block, handshake=False).data["option"] == "SACK"


UNSCALED = """
+0.00 > S 0:0(0) win 64240 <mss 1460,wscale 7>
+0.01 < S. 0:0(0) ack 1 win 65160 <mss 1460>
+0.01 > . 1:1(0) ack 1 win 64240
"""


@pytest.mark.parametrize(
    ("pace", "severity"), [("0.01", Severity.NOTICE), ("0.5", Severity.WARNING)], ids=["soon done", "crawling"]
)
def test_a_window_that_makes_sense_only_when_scaled(pace: str, severity: Severity) -> None:
    turns = "".join(
        f"+{pace} > P. {1 + 509 * n}:{510 + 509 * n}(509) ack 1 win 64240\n"
        f"+0.01 < . 1:1(0) ack {510 + 509 * n} win 509\n"
        for n in range(30)
    )
    found = only("options-stripped", UNSCALED + turns, handshake=False)
    assert (found.data["option"], found.severity) == ("window scaling", severity)


def test_a_window_that_shrinks_as_its_buffer_fills_is_no_sign() -> None:
    full = "+0.01 > P. 1:60001(60000) ack 1 win 64240\n+0.01 < . 1:1(0) ack 60001 win 5160\n"
    slow = "+0.01 > P. 1:1001(1000) ack 1 win 64240\n+0.01 < . 1:1(0) ack 1001 win 64160\n"
    assert asked("options-stripped", UNSCALED + slow + full.replace("1:60001(60000)", "1001:61001(60000)"),
                 handshake=False) == []  # fmt: skip


OFFER = "+0.0{1} >{0} S 0:0(0) win 64240 <mss 1460,wscale 7>\n+0.01 <{0} S. 0:0(0) ack 1 win 65160 <mss 1460{2}>\n"


def offers(given: str, count: int = 4) -> str:
    return "".join(
        OFFER.format(40000 + n, n, given) + f"+0.01 >{40000 + n} . 1:1(0) ack 1 win 64240\n+1.0 .\n"
        for n in range(count)
    )


@pytest.mark.parametrize(
    ("clients", "found"),
    [
        ({1: "", 2: ",wscale 7", 3: ",wscale 7"}, 1),
        ({1: "", 2: ",wscale 7"}, 0),
        ({1: "", 2: "", 3: ""}, 0),
    ],
    ids=["one of three hosts", "a single other host is no control group", "an old server"],
)
def test_an_option_that_one_host_never_gets(clients: dict[int, str], found: int) -> None:
    tables = capture(*(Between(offers(given), client=number) for number, given in clients.items()))
    assert len(told(tables, "options-stripped")) == found


def test_a_server_that_gives_it_now_and_then_is_several_servers() -> None:
    mixed = Between(offers("", 3) + offers(",wscale 7", 1).replace("40000", "40009"), client=4)
    others = [Between(offers(",wscale 7"), client=number) for number in (2, 3)]
    assert told(capture(Between(offers("")), *others, mixed), "options-stripped") == []


@needs_shared
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("loss", [(13, 0)]),
        ("derived-seqwrap-loss", [(13, 0)]),
        ("twosided-seqrand", [(0, 3)]),
        ("reorder", []),
        ("upload", []),
        ("derived-missing10-upload", []),
        ("download-tso", []),
    ],
)
def test_real_losses_by_place(name: str, found: list[tuple[int, int]]) -> None:
    report = tcpdiag.analyze([str(SHARED / "captures" / name / "capture.pcap")])
    places = [item.data for item in report.findings if item.kind == "path-loss"]
    assert [(data["lost_before"], data["lost_after"]) for data in places] == found


@needs_shared
def test_the_other_end_of_the_path_sees_the_same_losses_before_it() -> None:
    report = tcpdiag.analyze([str(SHARED / "captures" / "twosided-seqrand" / "capture-client.pcap")])
    (found,) = (item for item in report.findings if item.kind == "path-loss")
    assert (found.data["lost_before"], found.data["lost_after"]) == (3, 0)
