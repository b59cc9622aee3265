"""Segments that their supposed sender did not send, and ranges with two contents."""

from pathlib import Path

import pytest

import tcpdiag
from diagnoses.asked import asked, only
from places import FIXTURES, SHARED, needs_shared
from tcpdiag.model.finding import Finding

OPEN = """
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:7(6) ack 1 win 65535
+0.01 < P. 1:101(100) ack 7 win 65535
+0.01 > . 7:7(0) ack 101 win 65535
"""
INJECTED = (
    OPEN
    + """
+0.50 > P. 7:20(13) ack 101 win 65535
+0.01 < P. 101:201(100) ack 20 win 65535
+0.20 > . 7:7(0) ack 201 win 65535
"""
)


def injected(script: str) -> list[Finding]:
    return asked("segment-injected", script, handshake=False)


def captured(path: Path, kind: str) -> Finding:
    (found,) = [finding for finding in tcpdiag.analyze([path]).findings if finding.kind == kind]
    return found


@pytest.mark.parametrize(
    ("name", "frame", "victim", "fin", "differs", "severity"),
    [
        ("inject-data", 14, "server", False, False, "critical"),
        ("inject-data-ttl", 14, "client", False, True, "critical"),
        ("inject-fin", 14, "server", True, False, "critical"),
    ],
)
def test_what_a_real_kernel_took_is_found(
    name: str, frame: int, victim: str, fin: bool, differs: bool, severity: str
) -> None:
    found = captured(FIXTURES / name / "capture.pcap", "segment-injected")
    data = found.data
    assert (data["injected_frame"], data["victim"], data["fin"], data["ttl_differs"]) == (frame, victim, fin, differs)
    assert str(found.severity) == severity
    assert frame in found.story[0].frames


@needs_shared
def test_a_recorded_man_on_the_side_is_found() -> None:
    found = captured(SHARED / "public" / "zeek" / "tcp" / "qi_internet_SYNACK_curl_jsonip.pcap", "segment-injected")
    assert (found.data["injected_frame"], found.data["ttl"], found.data["ttl_others"]) == (5, 56, 54)


def test_an_old_number_alone_is_enough() -> None:
    (found,) = injected(INJECTED)
    assert (found.data["bytes"], found.data["stuck"]) == (13, False)
    assert str(found.severity) == "warning"


def test_its_own_content_sent_again_clears_the_sender() -> None:
    assert injected(INJECTED + "+0.20 > P. 7:20(13) ack 201 win 65535\n") == []


def test_its_own_other_content_convicts() -> None:
    (found,) = injected(INJECTED + "+0.20 > P. 7:20(13) ack 201 win 65535 [text 9]\n")
    assert found.data["other_content"]
    assert found.confidence > injected(INJECTED)[0].confidence


def test_what_the_peer_has_not_acknowledged_is_not_judged() -> None:
    assert injected(OPEN + "+0.50 > P. 7:20(13) ack 101 win 65535\n+0.2 > . 7:7(0) ack 101 win 65535\n+1.0 .") == []


def test_a_capture_that_begins_in_the_middle_is_not_judged() -> None:
    assert injected("\n".join(INJECTED.strip().splitlines()[3:])) == []


def test_a_capture_that_lacks_segments_is_not_judged() -> None:
    missing = "+0.10 < . 101:101(0) ack 20 win 65535\n+0.1 > . 20:20(0) ack 701 win 65535 *2 every 0.1\n"
    assert injected(INJECTED + missing) == []


def test_text_behind_a_fin_shows_that_the_fin_was_not_its_own() -> None:
    (found,) = injected(OPEN + "+0.5 > F. 7:7(0) ack 101 win 65535\n+0.1 > P. 7:27(20) ack 101 win 65535\n")
    assert (found.data["fin"], found.data["injected_frame"]) == (True, 7)


@pytest.mark.parametrize(
    "afterwards",
    [
        "+0.1 < . 101:101(0) ack 8 win 65535\n+0.5 < P. 101:201(100) ack 8 win 65535\n+0.01 > R 8:8(0) win 0\n",
        "+0.3 > F. 7:7(0) ack 101 win 65535 *3 every 0.4\n+0.1 < . 101:101(0) ack 8 win 65535\n",
        "+0.1 < . 101:101(0) ack 8 win 65535\n"
        "repeat 3 every 10.0 same port\n+9.0 > . 7:7(0) ack 101 win 65535\n+0.1 < . 101:101(0) ack 8 win 65535\nend\n",
    ],
    ids=["reset by late data", "sent again", "keepalives of the closed half"],
)
def test_a_fin_of_its_own_is_in_order(afterwards: str) -> None:
    assert injected(OPEN + "+0.5 > F. 7:7(0) ack 101 win 65535\n" + afterwards) == []


def test_a_side_that_answers_data_with_the_number_before_its_fin_does_not_know_of_it() -> None:
    script = (
        OPEN
        + """
+0.50 > F. 7:7(0) ack 101 win 65535
+0.01 < . 101:101(0) ack 8 win 65535
+0.50 < P. 101:201(100) ack 8 win 65535
+0.30 < P. 101:201(100) ack 8 win 65535
+0.001 > . 7:7(0) ack 101 win 65535
+0.60 < P. 101:201(100) ack 8 win 65535
+0.001 > . 7:7(0) ack 101 win 65535
"""
    )
    (found,) = injected(script)
    assert (found.data["fin"], found.data["victim"], found.data["stuck"]) == (True, "server", True)


@pytest.mark.parametrize(("first", "second", "frame"), [(41, 64, 4), (64, 41, 6), (41, 41, None), (64, 64, None)])
def test_of_two_contents_the_one_that_came_another_way_is_injected(first: int, second: int, frame: int | None) -> None:
    script = f"""
+0.00 > S 0:0(0) win 65535
+0.01 < S. 0:0(0) ack 1 win 65535
+0.01 > . 1:1(0) ack 1 win 65535
+0.10 > P. 1:101(100) ack 1 win 65535 [ttl {first},text 1]
+0.01 < . 1:1(0) ack 101 win 65535
+0.30 > P. 1:101(100) ack 1 win 65535 [ttl {second},text 2]
+0.01 < . 1:1(0) ack 101 win 65535
"""
    found = injected(script)
    assert [finding.data["injected_frame"] for finding in found] == ([] if frame is None else [frame])
    assert only("conflicting-overlap", script, handshake=False).data["injected"] is (frame is not None)


@pytest.mark.parametrize(("acknowledged", "kept"), [(True, "first"), (False, "unknown")])
def test_a_receiver_keeps_what_it_has_acknowledged(acknowledged: bool, kept: str) -> None:
    ack = "+0.01 < . 101:101(0) ack 107 win 65535\n" if acknowledged else ""
    text = "+0.10 > P. 7:107(100) ack 101 win 65535 [text {0}]\n"
    found = only("conflicting-overlap", OPEN + text.format(1) + ack + text.format(2), handshake=False)
    assert found.data["kept"] == kept


def test_each_content_counts_once() -> None:
    text = "+0.10 > P. 7:107(100) ack 101 win 65535 [text {0}]\n"
    script = OPEN + "".join(text.format(n) for n in (1, 2, 1, 2, 3))
    assert only("conflicting-overlap", script, handshake=False).data["conflicts"] == 2
