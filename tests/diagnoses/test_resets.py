"""RSTs: where they stand, who may have sent them, and what their receivers did."""

from pathlib import Path

import pytest

import tcpdiag
from diagnoses.asked import asked, only
from places import FIXTURES, SHARED, needs_shared
from tcpdiag.model.finding import Finding

OPEN = """
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535 [id 999]
+0.10 > P. 1:101(100) ack 1 win 65535 [id 1000]
+0.01 < P. 1:1001(1000) ack 101 win 65535
+0.01 > . 101:101(0) ack 1001 win 65535 [id 1001]
"""
CLOSED_HALF = (
    OPEN
    + """
+0.50 > F. 101:101(0) ack 1001 win 65535 [id 1002]
+0.01 < . 1001:1001(0) ack 102 win 65535
"""
)
CHALLENGED = "+0.01 > R 102:102(0) win 0\n+0.005 < . 1001:1001(0) ack 101 win 65535\n"
ANSWERED = "+0.01 > . 101:101(0) ack 1001 win 65535\n+0.005 < . 1001:1001(0) ack 101 win 65535\n"
ALONE = "+0.30 < P. 1001:2001(1000) ack {ack} win 65535 *5 every 0.8\n"


def off(script: str) -> Finding:
    return only("rst-off-sequence", script, handshake=False)


def captured(path: Path, kind: str) -> Finding:
    (found,) = [finding for finding in tcpdiag.analyze([path]).findings if finding.kind == kind]
    return found


@pytest.mark.parametrize(
    ("script", "name", "delta"),
    [
        (CLOSED_HALF + "+0.01 > R 101:101(0) win 0\n" + ALONE.format(ack=102), "fin-minus-one", -1),
        (OPEN + "+0.50 > R 102:102(0) win 0\n" + ALONE.format(ack=101), "in-window", 1),
        (OPEN + "+0.50 > R 100:100(0) win 0\n" + ALONE.format(ack=101), "below", -1),
        (OPEN + "+0.50 > R 90101:90101(0) win 0\n" + ALONE.format(ack=101), "above", 90000),
        (
            OPEN + "+0.50 > P. 101:201(100) ack 1001 win 65535\n+0.001 > R 101:101(0) win 0\n" + ALONE.format(ack=201),
            "last-ack",
            -100,
        ),
        (
            OPEN + "+0.50 > P. 201:301(100) ack 1001 win 65535\n+0.001 > R 301:301(0) win 0\n" + ALONE.format(ack=101),
            "sack-edge",
            200,
        ),
    ],
    ids=["fin-minus-one", "in-window", "below", "above", "last-ack", "sack-edge"],
)
def test_where_it_stands(script: str, name: str, delta: int) -> None:
    found = off(script)
    assert (found.data["class"], found.data["delta"]) == (name, delta)


@pytest.mark.parametrize(
    ("afterwards", "reaction"),
    [
        ("+0.001 < . 1001:1001(0) ack 101 win 65535\n+1.0 .", "challenged"),
        (ALONE.format(ack=101), "ignored"),
        ("+0.30 > P. 101:201(100) ack 1001 win 65535\n+0.001 < R 1001:1001(0) win 0\n", "obeyed"),
        ("+0.05 .", "unknown"),
    ],
)
def test_what_its_receiver_did(afterwards: str, reaction: str) -> None:
    assert off(OPEN + "+0.50 > R 102:102(0) win 0\n" + afterwards).data["reaction"] == reaction


def test_a_receiver_with_data_under_way_that_falls_silent_obeyed() -> None:
    sent = "+0.50 < P. 1001:2001(1000) ack 101 win 65535\n"
    assert off(OPEN + sent + "+0.01 > R 102:102(0) win 0\n+5.0 .").data["reaction"] == "obeyed"


@pytest.mark.parametrize(
    ("afterwards", "severity"),
    [
        (ALONE.format(ack=101), "critical"),
        ("+0.30 < P. 1001:2001(1000) ack 101 win 65535 *2 every 0.8\n", "warning"),
        ("+0.30 > P. 101:201(100) ack 1001 win 65535\n+0.001 < . 1001:1001(0) ack 201 win 65535\n", "notice"),
        ("+0.001 < . 1001:1001(0) ack 101 win 65535\n+0.01 > R 101:101(0) win 0\n+1.0 .", "notice"),
    ],
    ids=["alone for long", "alone", "the peer goes on", "the challenge worked"],
)
def test_it_is_grave_only_while_its_receiver_goes_on_alone(afterwards: str, severity: str) -> None:
    assert str(off(OPEN + "+0.50 > R 102:102(0) win 0\n" + afterwards).severity) == severity


def test_data_under_way_before_the_fin_arrived_explains_the_number_of_the_fin() -> None:
    under_way = """
+0.50 > F. 101:101(0) ack 1001 win 65535
+0.001 < P. 1001:2001(1000) ack 101 win 65535
+0.01 < . 2001:2001(0) ack 102 win 65535
+0.01 > R 101:101(0) win 0
"""
    found = off(OPEN + under_way + "+0.30 < P. 2001:3001(1000) ack 102 win 65535 *4 every 0.8\n")
    assert (found.data["bytes_under_way"], found.data["likeliest"]) == (1000, "host")


def test_nothing_under_way_leaves_the_number_of_the_fin_to_a_device() -> None:
    found = off(CLOSED_HALF + "+0.01 > R 101:101(0) win 0\n" + ALONE.format(ack=102))
    assert (found.data["bytes_under_way"], found.data["likeliest"]) == (0, "device")


@pytest.mark.parametrize(
    ("ip", "fits"), [("id 1002", True), ("id 1010", True), ("id 900", False), ("id 40000", False), ("id 0", None)]
)
def test_the_ip_id_is_compared_where_the_host_counts(ip: str, fits: bool | None) -> None:
    more = "+0.10 > . 100:100(0) ack 1001 win 65535 [id 1002]\n+0.01 < . 1001:1001(0) ack 101 win 65535\n"
    ip = ip.replace("1002", "1003")
    found = off(OPEN + more + f"+0.50 > R 102:102(0) win 0 [{ip}]\n" + ALONE.format(ack=101))
    assert found.data["ip_id_fits"] is fits


def test_another_ttl_speaks_against_the_host() -> None:
    found = off(CLOSED_HALF + "+0.01 > R 101:101(0) win 0 [ttl 255]\n" + ALONE.format(ack=102))
    assert found.data["ttl_differs"]
    assert "TTL 255" in found.summary
    assert any("255" in reason for cause in found.causes[1:] for reason in cause.against)


def test_one_that_looks_like_the_hosts_own_is_said_to() -> None:
    found = off(CLOSED_HALF + "+0.01 > R 101:101(0) win 0\n" + ALONE.format(ack=102))
    assert "does not tell it from the client's own" in found.summary


def test_a_rst_above_what_is_expected_copies_no_ack() -> None:
    found = off(OPEN + "+0.50 > R 102:102(0) win 0\n" + ALONE.format(ack=101))
    (host,) = [cause for cause in found.causes if cause.text.startswith("the client itself")]
    assert any("cannot be above" in reason for reason in host.against)


def test_a_rst_that_answers_a_segment_names_it() -> None:
    script = OPEN + "+0.50 > P. 101:201(100) ack 1001 win 65535\n+0.002 > R 101:101(0) win 0\n" + ALONE.format(ack=201)
    assert off(script).data["reactive_to"] == 5


@pytest.mark.parametrize(("name", "expected"), [("strict", "ignore"), ("linux", "obey")])
def test_the_rule_is_that_of_the_receivers_profile(name: str, expected: str) -> None:
    linux = "<mss 1460,sackOK,wscale 7>" if name == "linux" else ""
    script = CLOSED_HALF.replace("< S. 0:0(0) ack 1 win 65535", f"< S. 0:0(0) ack 1 win 65160 {linux}".strip())
    found = off(script + "+0.01 > R 101:101(0) win 0\n" + ALONE.format(ack=102))
    assert (found.data["profile"], found.data["expected"]) == (name, expected)
    assert "would have obeyed it; this host did not" in found.summary


def test_repeated_numbers_are_duplicates() -> None:
    assert off(OPEN + "+0.50 > R 100:100(0) win 0 *3 every 0.01\n" + ALONE.format(ack=101)).data["duplicates"] == 2


def test_many_connections_of_one_server_are_one_finding() -> None:
    body = OPEN + "+0.50 > R 102:102(0) win 0\n" + ALONE.format(ack=101)
    (found,) = asked("rst-off-sequence", f"repeat 12 every 20.0\n{body}end\n", handshake=False)
    assert found.data["count"] == 12
    assert len(found.streams) == 12


@pytest.fixture(scope="module")
def office() -> Finding:
    return captured(FIXTURES / "office" / "office.pcap", "rst-off-sequence")


def test_the_firewalls_reset_is_told_with_its_numbers(office: Finding) -> None:
    """All of these were counted with tshark."""
    assert (
        office.data
        | {
            "delta": -1,
            "class": "fin-minus-one",
            "reaction": "ignored",
            "state": "CLOSE-WAIT",
            "rcv_nxt_frame": 95,
            "retransmissions_after": 7,
            "new_text_until": 106,
            "likeliest": "device",
        }
        == office.data
    )
    assert office.data["held_s"] == pytest.approx(13.612, abs=0.001)
    assert {94, 95, 98, 99, 106, 107, 112} <= set(office.frames)


def test_the_firewalls_reset_has_its_cause_in_the_first_sentence(office: Finding) -> None:
    first = office.story[0]
    assert set(first.frames) == {94, 95, 98}
    assert "SEQ 49 is 1 below the 50 that the server expects" in first.text


def test_each_sentence_stands_on_frames_of_the_finding(office: Finding) -> None:
    assert all(set(sentence.frames) <= set(office.frames) for sentence in office.story)


@needs_shared
@pytest.mark.parametrize(
    ("name", "reaction", "severity"),
    [
        ("asa-nplus1", "challenged", "critical"),
        ("asa-nplus1-challenge-works", "challenged", "notice"),
        ("asa-nminus1-established", "ignored", "critical"),
        ("asa-nminus1-linux618", "unknown", "notice"),
        ("inject-rst-inwindow", "challenged", "notice"),
        ("inject-rst-outside", "ignored", "notice"),
    ],
)
def test_reactions_of_real_kernels(name: str, reaction: str, severity: str) -> None:
    found = captured(SHARED / "captures" / name / "capture.pcap", "rst-off-sequence")
    assert (found.data["reaction"], str(found.severity)) == (reaction, severity)


@needs_shared
def test_resets_of_a_client_that_closed_early_are_in_order() -> None:
    report = tcpdiag.analyze([SHARED / "captures" / "asa-good" / "capture.pcap"])
    assert [finding.kind for finding in report.findings if finding.kind.startswith("rst-")] == []


def test_a_number_that_was_never_acknowledged_is_no_answer() -> None:
    found = off(OPEN + "+0.50 > R 100:100(0) win 0\n" + ALONE.format(ack=101))
    assert found.data["likeliest"] == "device"


# rst-injected


def test_a_sack_edge_that_linux_obeys_is_an_injected_reset_when_its_sender_goes_on() -> None:
    found = captured(FIXTURES / "inject-rst-sack-edge" / "capture.pcap", "rst-injected")
    assert (found.data["obeyed"], found.data["contradicted"]) == (True, True)
    assert "right edge of the server's newest SACK block" in found.summary


def test_a_host_that_answers_late_answers_nothing() -> None:
    found = only(
        "rst-injected",
        OPEN + "+2.00 > R 101:101(0) win 0\n+0.50 > P. 101:201(100) ack 1001 win 65535\n+0.01 < R 1001:1001(0) win 0\n",
        handshake=False,
    )
    assert "answers nothing" in found.summary


def test_a_ttl_that_changes_all_the_time_proves_nothing() -> None:
    script = (
        OPEN.replace("[id 1000]", "[ttl 60]").replace("[id 1001]", "[ttl 66]") + "+0.5 > R 101:101(0) win 0 [ttl 62]\n"
    )
    assert asked("rst-injected", script + "+5.0 .", handshake=False) == []


@needs_shared
def test_a_reset_that_no_stack_obeys_before_the_handshake_is_a_notice() -> None:
    found = captured(SHARED / "public" / "zeek" / "tcp" / "rst-inject-rae.pcap", "rst-injected")
    assert (str(found.severity), found.data["ttl"], found.data["ttl_others"]) == ("notice", 46, 49)


# rst-spray


def test_a_guess_that_hits_is_critical() -> None:
    guesses = "".join(f"+0.01 > R {n}000001:{n}000001(0) win 0\n" for n in range(1, 7))
    found = only("rst-spray", OPEN + "+0.50 .\n" + guesses + "+0.01 > R 101:101(0) win 0\n+5.0 .", handshake=False)
    assert (str(found.severity), found.data["exact"], found.data["survived"]) == ("critical", 1, False)


# reset-loop


@pytest.mark.parametrize(("rounds", "found"), [(31, 0), (32, 1), (200, 1)])
def test_a_loop_begins_at_64_segments(rounds: int, found: int) -> None:
    body = f"repeat {rounds} every 0.02 same port\n{CHALLENGED}end\n"
    loops = asked("reset-loop", OPEN + "+0.5 .\n" + body, handshake=False)
    assert len(loops) == found
    assert [loop.data["segments"] for loop in loops] == [2 * rounds] * found


def test_a_loop_is_told_instead_of_its_resets() -> None:
    body = (
        "repeat 64 every 0.02 same port\n+0.01 > R 102:102(0) win 0\n+0.005 < . 1001:1001(0) ack 101 win 65535\nend\n"
    )
    assert asked("rst-off-sequence", OPEN + "+0.5 .\n" + body, handshake=False) == []


@pytest.mark.parametrize(
    "body",
    [
        "repeat 100 every 1.0 same port\n+0.00 > . 100:100(0) ack 1001 win 65535\n"
        "+0.01 < . 1001:1001(0) ack 101 win 65535\nend\n",
        "repeat 100 every 0.02 same port\n+0.01 < P. 1001:1101(100) ack 101 win 65535\n"
        "+0.001 > . 101:101(0) ack 1001 win 65535\nend\n",
        "repeat 100 every 0.6 same port\n+0.01 > R 102:102(0) win 0\n+0.01 < . 1001:1001(0) ack 101 win 65535\nend\n",
    ],
    ids=["keepalives", "retransmissions and duplicate ACKs", "limited to two a second"],
)
def test_other_exchanges_are_no_loop(body: str) -> None:
    assert asked("reset-loop", OPEN + "+0.5 .\n" + body, handshake=False) == []


def test_data_ends_a_loop() -> None:
    turn = f"repeat 20 every 0.02 same port\n{ANSWERED}end\n"
    data = "+0.01 < P. 1001:1101(100) ack 101 win 65535\n+0.01 > . 101:101(0) ack 1101 win 65535\n"
    later = turn.replace("1001", "1101")
    assert asked("reset-loop", OPEN + turn + data + later, handshake=False) == []
