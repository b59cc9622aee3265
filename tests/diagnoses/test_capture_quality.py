"""What the capture lacks: told by file name, and a doubt of every finding that it touches."""

from dataclasses import replace
from typing import Any

import pytest

import tcpdiag
from diagnoses.asked import asked
from diagnoses.examples import examples
from flows.tracked import tracked
from places import SHARED, needs_shared
from tcpdiag.diagnoses import by_kind, confidence, examine_all
from tcpdiag.diagnoses.confidence import Doubt
from tcpdiag.model.capture import Damage, Interface
from tcpdiag.model.finding import Finding
from tcpdiag.model.tables import Tables

VANISHED = examples(by_kind("peer-vanished"))[0].script


def judged(tables: Tables, **changes: Any) -> list[Finding]:
    """All findings, with another file around the same packets."""
    (file,) = tables.files
    findings, _, unexamined = examine_all(replace(tables, files=(replace(file, **changes),)))
    assert unexamined == []
    return findings


def interface(**changes: Any) -> Interface:
    return replace(Interface(1, "Ethernet", 65535), **changes)


FILE_DOUBTS: list[tuple[str, Doubt, dict[str, Any]]] = [
    ("capture-loss", confidence.DROPS, {"interfaces": (interface(dropped_os=7),)}),
    ("capture-clock-step", confidence.CLOCK, {"backward_steps": 1, "largest_backward_step_ns": 2_000_000_000}),
    ("capture-truncated", confidence.BROKEN_OFF, {"damage": (Damage(99, 9, "last record incomplete"),)}),
    ("capture-truncated", confidence.BROKEN_OFF, {"complete": False}),
    ("capture-truncated", confidence.DAMAGED, {"damage": (Damage(99, 9, "impossible length", resynchronised=True),)}),
    ("capture-truncated", confidence.OPTIONS_CUT, {"truncated_packets": 9, "interfaces": (interface(snaplen=68),)}),
]


@pytest.mark.parametrize(("kind", "doubt", "changes"), FILE_DOUBTS, ids=[doubt.text for _, doubt, _ in FILE_DOUBTS])
def test_each_fault_of_the_file_is_found_and_doubts_the_others(
    kind: str, doubt: Doubt, changes: dict[str, Any]
) -> None:
    tables = tracked(VANISHED)
    (sure,) = (item for item in judged(tables) if item.kind == "peer-vanished")
    findings = judged(tables, **changes)
    (doubted,) = (item for item in findings if item.kind == "peer-vanished")
    assert kind in {item.kind for item in findings}
    assert doubt.text in doubted.data["doubts"]
    assert doubt.text not in sure.data["doubts"]
    assert doubted.confidence < sure.confidence


def test_a_snap_length_that_spares_the_headers_is_no_doubt() -> None:
    findings = judged(tracked(VANISHED), truncated_packets=9, interfaces=(interface(snaplen=128),))
    (found,) = (item for item in findings if item.kind == "peer-vanished")
    assert confidence.OPTIONS_CUT.text not in found.data["doubts"]


TWICE = VANISHED.replace(
    "+0.10 > P. 1:101(100) ack 1 win 65535", "+0.10 > P. 1:101(100) ack 1 win 65535 [id 9] *2 every 0.00001"
)
HOLE = VANISHED.replace(
    "+5.00",
    "+0.01 > P. 201:301(100) ack 1 win 65535\n+0.01 < . 1:1(0) ack 301 win 65535\n"
    "+0.01 > P. 301:401(100) ack 1 win 65535\n+0.01 < . 1:1(0) ack 401 win 65535\n+5.00",
).replace("101:201(100) ack 1 win 65535 *6", "401:501(100) ack 1 win 65535 *6")


@pytest.mark.parametrize(
    ("script", "doubt"),
    [(TWICE, confidence.COPIES), (HOLE, confidence.HOLES)],
    ids=["packets held twice", "bytes not captured"],
)
def test_what_one_connection_lacks_doubts_its_own_findings_alone(script: str, doubt: Doubt) -> None:
    assert script != VANISHED
    other = "".join(line.replace("> ", ">40001 ").replace("< ", "<40001 ") + "\n" for line in VANISHED.splitlines()
                    if not line.startswith("finding"))  # fmt: skip
    found = {item.streams: item for item in asked("peer-vanished", script + other, handshake=False)}
    assert doubt.text in found[(0,)].data["doubts"]
    assert doubt.text not in found[(1,)].data["doubts"]


def test_what_a_capture_finding_says_is_no_doubt_about_it() -> None:
    for item in judged(tracked(VANISHED), complete=False, interfaces=(interface(dropped_os=7),)):
        if item.kind.startswith("capture-"):
            assert item.data["doubts"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"backward_steps": 1, "largest_backward_step_ns": 2_000_000_000},
        {"damage": (Damage(99, 9, "last record incomplete"),)},
        {"complete": False},
    ],
    ids=["clock", "damage", "interrupted"],
)
def test_files_are_named_without_their_folders(changes: dict[str, Any]) -> None:
    findings = judged(tracked(VANISHED), path="/home/somebody/secret/office\x1b[31m.pcap", **changes)
    told = " ".join(item.summary for item in findings if item.kind.startswith("capture-"))
    assert "office\\x1b[31m.pcap" in told
    assert "secret" not in told


@needs_shared
@pytest.mark.parametrize(
    ("name", "kind", "doubt"),
    [
        ("derived-missing10-upload", "capture-loss", None),
        ("derived-dup-http", "capture-duplicated", None),
        ("derived-cutfile-http", "capture-truncated", None),
        ("asym-server-to-client", "capture-one-sided", None),
        ("derived-snap68-loss", "capture-truncated", confidence.OPTIONS_CUT),
    ],
)
def test_real_faults_of_a_capture(name: str, kind: str, doubt: Doubt | None) -> None:
    (path,) = (SHARED / "captures" / name).glob("capture.pcap*")
    findings = tcpdiag.analyze([str(path)]).findings
    assert kind in {item.kind for item in findings}
    others = [item for item in findings if not item.kind.startswith("capture-")]
    assert all(doubt is None or doubt.text in item.data["doubts"] for item in others)
    assert others or doubt is None
