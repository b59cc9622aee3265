"""Numbers of real captures, counted once by hand with another tool: what closing and liveness say of them is right."""

from functools import cache
from typing import Any

import pytest

import tcpdiag
from places import SHARED, needs_shared
from tcpdiag.model.finding import Finding


@cache
def found(capture: str) -> dict[str, list[Finding]]:
    """The findings of a capture by kind."""
    (path,) = (SHARED / "captures" / capture).glob("capture.pcap*")
    kinds: dict[str, list[Finding]] = {}
    for finding in tcpdiag.analyze([str(path)]).findings:
        kinds.setdefault(finding.kind, []).append(finding)
    return kinds


NUMBERS: list[tuple[str, str, dict[str, Any]]] = [
    ("sawtooth", "close-wait-sawtooth", {"period_s": 15.0, "releases": 3, "count": 55, "answered": 0, "still_open": 4}),
    ("clientleak-small", "close-wait-leak", {"count": 22, "role": "client", "per_minute": 58.6, "stopped_reading": 0}),
    ("clientleak-small", "close-wait-leak", {"smallest_window": 76800, "connects_stopped": False}),
    ("cwleak-accumulate", "close-wait-leak", {"count": 100, "role": "server", "per_minute": 207.0}),
    (
        "appkeepalive-stops",
        "keepalive-stopped",
        {"period_s": 2.0, "beats": 6, "payload_len": 8, "silent_for_s": 24.158},
    ),
    ("appkeepalive-stops", "keepalive-stopped", {"last_beat_frame": 39, "came_back": "nothing", "peer_sent_since": 0}),
    ("appkeepalive-then-send", "peer-vanished", {"repeats": 6, "first_sent_frame": 56, "last_heard_frame": 39}),
    ("appkeepalive-then-send", "peer-vanished", {"alone_s": 7.216, "unacknowledged_bytes": 15, "gave_up": True}),
    ("appkeepalive-reboot", "half-open", {"silence_s": 13.51, "last_alive_frame": 39, "bytes_lost": 15}),
    ("appkeepalive-reboot", "keepalive-stopped", {"came_back": "rst", "silent_for_s": 13.51}),
    ("nat-idle-drop", "idle-flow-dropped", {"idle_s": 12.0, "repeats": 6, "alone_s": 7.16, "last_heard_frame": 17}),
    ("keepalive-unanswered", "keepalive-unanswered", {"probes": 4, "interval_s": 2.0, "idle_s": 2.001}),
    ("keepalive-unanswered", "keepalive-unanswered", {"gave_up": True, "silence_s": 10.061}),
]


@needs_shared
@pytest.mark.parametrize(
    ("capture", "kind", "expected"), NUMBERS, ids=[f"{name} {kind} {next(iter(data))}" for name, kind, data in NUMBERS]
)
def test_numbers_are_those_of_the_capture(capture: str, kind: str, expected: dict[str, Any]) -> None:
    (finding,) = found(capture)[kind]
    for name, value in expected.items():
        close = pytest.approx(value, rel=0.01) if isinstance(value, float) else value
        assert finding.data[name] == close, name


FIRST: list[tuple[str, str, tuple[str, ...]]] = [
    ("sawtooth", "close-wait-sawtooth", ("198.51.100.77:5001", "every 15 s", "20 within", "[139, 141, ... 176]")),
    (
        "clientleak-small",
        "close-wait-leak",
        ("10.213.185.54", "22 connections", "10.213.185.13:8080", "58.6 more", "did not stop reading"),
    ),
    (
        "clientleak-stall",
        "reader-stopped",
        ("172.29.119.26", "3 connections", "172.29.119.96:7777", "27,512 bytes", "[37, 74, 113]", "nor closed"),
    ),
    (
        "appkeepalive-stops",
        "keepalive-stopped",
        ("8-byte message every 2 s, 6 times", "[17, 22,", "24.2 s, 12.1 periods"),
    ),
    ("appkeepalive-then-send", "peer-vanished", ("15 bytes [56]", "6 repetitions in 7.2 s", "heartbeat [39]")),
    ("appkeepalive-reboot", "half-open", ("15 bytes [62]", "[63]")),
    ("nat-idle-drop", "idle-flow-dropped", ("until [17]", "idle for 12 s", "[34]", "6 repetitions in 7.2 s")),
    (
        "keepalive-unanswered",
        "keepalive-unanswered",
        ("4 keepalive probes [32, 36, 40, 44]", "every 2 s", "[28]", "[48]"),
    ),
]


@needs_shared
@pytest.mark.parametrize(("capture", "kind", "words"), FIRST, ids=[name for name, _, _ in FIRST])
def test_the_first_sentence_names_the_cause_with_its_frames_and_numbers(
    capture: str, kind: str, words: tuple[str, ...]
) -> None:
    (finding,) = found(capture)[kind]
    assert [word for word in words if word not in finding.story[0].text] == []


@needs_shared
def test_the_file_that_ends_with_a_beat_claims_no_silence() -> None:
    assert "keepalive-stopped" not in found("keepalive-answered")
    assert "keepalive-stopped" not in found("idle-clean")
