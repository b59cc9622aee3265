"""Windows that close, stay closed, shrink, or open in crumbs: who waited, for how long, and what was looked for."""

import pytest

import tcpdiag
from diagnoses.asked import asked, only
from places import SHARED, needs_shared
from tcpdiag.model.finding import Finding, Severity

# The reader's window is 8,000 bytes, and full; no options, so windows are as they stand.
FULL = """
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 > P. 1:101(100) ack 1 win 8000
+0.01 < . 1:8001(8000) ack 101 win 65535
+0.01 > . 101:101(0) ack 8001 win 0
"""
PROBE = "+{0} < . 8000:8000(0) ack 101 win 65535\n"
STILL = "+0.01 > . 101:101(0) ack 8001 win 0\n"
OPEN = "+{0} > . 101:101(0) ack 8001 win 8000\n"
REST = "+0.01 < P. 8001:9001(1000) ack 101 win 65535\n+0.01 > . 101:101(0) ack 9001 win 7000\n"


def stall(script: str) -> Finding:
    return only("zero-window-stall", FULL + script, handshake=False)


def refutation(finding: Finding, word: str) -> str | None:
    (found,) = (item.outcome for item in finding.refutations if word in item.what)
    return found


def test_a_stall_says_who_since_when_at_which_byte_and_what_came_then() -> None:
    found = stall(PROBE.format(1) + STILL + OPEN.format(2) + REST)
    assert found.data["reader"] == found.endpoint == "192.0.2.1:40000"
    assert (found.data["closed_frame"], found.data["bytes_taken"], found.data["longest_s"]) == (6, 8000, 3.01)
    assert (found.data["probes"], found.data["answered"]) == (1, 1)
    assert (found.data["opened_to"], found.data["bytes_sent_after"]) == (8000, 1000)
    assert found.data["ended"] == "the connection was still open when the capture ended"
    assert {6, 7, 8, 9} <= set(found.frames)


@pytest.mark.parametrize(("waited", "severity"), [(1.5, Severity.NOTICE), (9, Severity.NOTICE), (11, Severity.WARNING)])
def test_a_stall_grows_graver_with_its_length(waited: float, severity: Severity) -> None:
    assert stall(PROBE.format(0.3) + STILL + OPEN.format(waited) + REST).severity == severity


@pytest.mark.parametrize("script", [PROBE.format(0.3) + OPEN.format(0.5) + REST, OPEN.format(30) + REST])
def test_no_stall_without_a_long_wait_or_without_anybody_waiting(script: str) -> None:
    assert asked("zero-window-stall", FULL + script, handshake=False) == []


def test_stalls_of_one_reader_share_one_finding_that_tells_the_longest() -> None:
    again = OPEN.format(2) + "+0.01 < . 8001:16001(8000) ack 101 win 65535\n+0.01 > . 101:101(0) ack 16001 win 0\n"
    second = "+0.5 < . 16000:16000(0) ack 101 win 65535\n+5.0 > . 101:101(0) ack 16001 win 8000\n"
    found = stall(PROBE.format(1) + STILL + again + second)
    assert (found.data["stalls"], found.data["longest_s"], found.data["total_s"]) == (2, 5.5, 8.51)
    assert "longest of 2" in found.summary


def test_a_probe_that_nobody_answers_leaves_the_path_in_doubt() -> None:
    found = stall(PROBE.format(1) + OPEN.format(2) + REST)
    assert "no answer to a probe" in str(refutation(found, "whole host"))


def test_a_window_closed_with_another_ttl_may_be_another_hosts() -> None:
    plain = FULL.replace("ack 8001 win 0", "ack 8001 win 0 [ttl 250]")
    rest = PROBE.format(1) + STILL + OPEN.format(2) + REST
    assert "not found" in str(refutation(stall(rest), "device"))
    assert "TTL 250" in str(refutation(only("zero-window-stall", plain + rest, handshake=False), "device"))


STOPPED = PROBE.format(1) + STILL + PROBE.format(30) + STILL + PROBE.format(60) + STILL


def test_a_reader_that_stops_is_told_with_its_share_of_the_connections_life() -> None:
    found = only("reader-stopped", FULL + STOPPED, handshake=False)
    assert found.severity == Severity.WARNING
    assert (found.data["probes"], found.data["answered"], found.data["last_probes_unanswered"]) == (3, 3, 0)
    assert found.data["bytes_taken"] == 8000
    assert "99.8 % of the connection's life" in found.summary
    assert "not found" in str(refutation(found, "whole host"))


def test_probes_that_end_without_answers_say_that_the_host_may_be_gone() -> None:
    sure = only("reader-stopped", FULL + STOPPED, handshake=False)
    found = only("reader-stopped", FULL + STOPPED + PROBE.format(60) + PROBE.format(60), handshake=False)
    assert found.data["last_probes_unanswered"] == 2
    assert found.confidence < sure.confidence
    assert any("is gone" in cause.text for cause in found.causes)


def test_a_reset_of_the_waiting_server_is_how_it_ended() -> None:
    reset = only("reader-stopped", FULL + STOPPED + "+1.0 < R. 8001:8001(0) ack 101 win 0\n", handshake=False)
    assert reset.data["ended"] == "the server reset the connection"


SHRUNK = """
+0.00 > S 0:0(0) win 8000 <mss 1000>
+0.01 < S. 0:0(0) ack 1 win 65535 <mss 1000>
+0.01 > . 1:1(0) ack 1 win 8000
+0.10 < . 1:1001(1000) ack 1 win 65535
+0.00 < . 1001:2001(1000) ack 1 win 65535
+0.00 < . 2001:3001(1000) ack 1 win 65535
+0.01 > . 1:1(0) ack 1001 win 500
"""


KEPT = "+0.01 > . 1:1(0) ack 3001 win 8000\n"


@pytest.mark.parametrize(
    ("then", "severity", "again"),
    [
        ("+1.0 > . 1:1(0) ack 3001 win 8000\n", Severity.INFO, 0),
        ("+0.3 < . 1001:2001(1000) ack 1 win 65535\n", Severity.NOTICE, 1),
        ("+3.0 < . 1001:2001(1000) ack 1 win 65535\n", Severity.WARNING, 1),
        ("+3.0 < . 1:501(500) ack 1 win 65535\n", Severity.INFO, 0),
    ],
    ids=["kept after all", "sent again soon", "sent again late", "sent again before the edge"],
)
def test_a_window_taken_back_is_as_grave_as_what_the_sender_had_to_repeat(
    then: str, severity: Severity, again: int
) -> None:
    found = only("window-shrunk", SHRUNK + then, handshake=False)
    assert (found.severity, found.data["sent_again"], found.data["bytes"]) == (severity, again, 6500)


def test_what_is_sent_again_beyond_the_edge_is_no_loss_on_the_path() -> None:
    assert asked("path-loss", SHRUNK + "+3.0 < . 1001:2001(1000) ack 1 win 65535\n" + KEPT, handshake=False) == []


def test_an_older_segment_captured_late_takes_nothing_back() -> None:
    late = "+0.001 > . 1:1(0) ack 1 win 8000\n"
    moved = SHRUNK.replace("ack 1001 win 500", "ack 1001 win 7000")
    assert asked("window-shrunk", moved + late, handshake=False) == []


def crumbs(count: int, size: int) -> str:
    lines = [FULL.replace("+0.01 > . 101:101(0) ack 8001 win 0", f"+0.01 > . 101:101(0) ack 8001 win {size}")]
    for number in range(count):
        begin, end = 8001 + number * size, 8001 + (number + 1) * size
        lines.append(f"+0.05 < . {begin}:{end}({size}) ack 101 win 65535\n")
        lines.append(f"+0.30 > . 101:101(0) ack {end} win {size}\n")
    return "".join(lines)


@pytest.mark.parametrize(
    ("count", "size", "severities"),
    [
        (4, 50, []),
        (20, 50, [Severity.NOTICE]),
        (60, 50, [Severity.WARNING]),
        (60, 1000, []),
    ],
    ids=["a moment", "a habit", "a transfer that crawls", "whole segments"],
)
def test_crumbs_of_window_are_a_matter_of_how_many_and_how_long(
    count: int, size: int, severities: list[Severity]
) -> None:
    assert [item.severity for item in asked("silly-window", crumbs(count, size), handshake=False)] == severities


def test_crumbs_are_told_with_the_segments_that_they_cut_short() -> None:
    found = only("silly-window", crumbs(200, 50), handshake=False)
    assert found.data["small_windows"] >= 199
    assert found.data["cut_short"] >= 199
    assert found.data["segment"] == 1000
    assert found.data["largest_window"] == 8000


@needs_shared
@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("zerowin-recovers", "zero-window-stall", {"longest_s": 3.94, "closed_frame": 19, "probes": 4, "answered": 3}),
        ("derived-bigendian-zerowin", "zero-window-stall", {"longest_s": 3.94, "bytes_taken": 10136}),
        ("clientleak-stall", "reader-stopped", {"count": 3, "last_probes_unanswered": 0, "bytes_taken": 27512}),
    ],
)
def test_real_kernels_windows(name: str, kind: str, data: dict[str, object]) -> None:
    (path,) = (SHARED / "captures" / name).glob("capture.pcap*")
    (found,) = (item for item in tcpdiag.analyze([str(path)]).findings if item.kind == kind)
    for key, value in data.items():
        assert found.data[key] == (pytest.approx(value, rel=0.01) if isinstance(value, float) else value), key
