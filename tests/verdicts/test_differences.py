"""Where our verdicts differ from Wireshark's on purpose: each row of the table in `tcpdiag.verdicts`, by an example."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from places import FIXTURES, SHARED
from tcpdiag import verdicts
from tcpdiag.model.verdict import VERDICT, Fact
from tcpdiag.verdicts import VerdictArrays

CHALLENGE, COPY, NOTHING = Fact.CHALLENGE_ACK, Fact.COPY, Fact(0)
SPURIOUS = Fact.SPURIOUS_RETRANSMISSION | Fact.RETRANSMISSION

# Row of the table, capture, frame, Wireshark's facts, ours.
FACTS = [
    (1, "clientleak-stall", 38, Fact.KEEP_ALIVE, Fact.ZERO_WINDOW_PROBE),
    (1, "clientleak-stall", 39, Fact.ZERO_WINDOW, Fact.ZERO_WINDOW | Fact.ZERO_WINDOW_PROBE_ACK),
    (3, "inject-rst-inwindow", 20, Fact.DUPLICATE_ACK, CHALLENGE),
    (3, "cwreuse-loop-default", 11, NOTHING, CHALLENGE),
    (3, "cwreuse-loop-default", 14, Fact.REUSED_PORTS | Fact.LOST_SEGMENT, NOTHING),
    (3, "cwreuse-loop-default", 15, Fact.ACK_LOST_SEGMENT, NOTHING),
    (4, "inject-data", 17, Fact.DUPLICATE_ACK, NOTHING),
    (5, "public/zeek/tunnels/gre-aruba.pcap", 998, Fact.WINDOW_UPDATE, Fact.DUPLICATE_ACK),
    (6, "derived-dup-http", 8, Fact.RETRANSMISSION, COPY),
    (6, "derived-dup-http", 10, Fact.DUPLICATE_ACK, COPY),
    (7, "inject-rst-inwindow", 21, Fact.RETRANSMISSION, NOTHING),
    (8, "derived-snap68-loss", 55, Fact.OUT_OF_ORDER, Fact.RETRANSMISSION | Fact.FAST_RETRANSMISSION),
    (8, "captures/reorder/capture.pcap", 58, Fact.RETRANSMISSION | Fact.FAST_RETRANSMISSION, Fact.OUT_OF_ORDER),
    (9, "public/zeek/tcp/handshake-reorder.pcap", 2, NOTHING, Fact.OUT_OF_ORDER),
    (9, "public/zeek/link/ipv6-http-atomic-frag.pcap", 8, SPURIOUS, Fact.OUT_OF_ORDER),
    (
        10,
        "public/zeek/tcp/retransmit-fast009.pcap",
        34,
        Fact.RETRANSMISSION,
        Fact.RETRANSMISSION | Fact.FAST_RETRANSMISSION,
    ),
    (11, "clientleak-stall", 73, Fact.RETRANSMISSION | Fact.WINDOW_FULL, SPURIOUS),
    (11, "public/zeek/tcp/fin_retransmission.pcap", 4, Fact.RETRANSMISSION, SPURIOUS),
    (12, "simopen", 11, Fact.RETRANSMISSION, NOTHING),
    (13, "derived-missing10-upload", 22, NOTHING, Fact.ACK_LOST_SEGMENT),
    (14, "clientleak-stall", 112, Fact.RETRANSMISSION | Fact.WINDOW_FULL, SPURIOUS),
    (20, "derived-snap68-loss", 199, NOTHING, Fact.DUPLICATE_ACK),
]
# Row of the table, capture, frame, number, Wireshark's, ours; 0: not shown, not known.
NUMBERS = [
    (15, "asym-server-to-client", 4, "bytes_in_flight", 44, 43),
    (16, "captures/asa-nplus1/capture.pcap", 97, "rto_frame", 92, 94),
    (17, "clientleak-stall", 74, "ack_rtt_ns", 31_653_000, 0),
    (18, "synfail-refused", 12, "initial_rtt_ns", 24_000, 0),
    (19, "asym-server-to-client", 3, "completeness", 0, 6),
]
# Of these no captured example: made ones are in test_made.
MADE = {2}


def path_of(name: str) -> Path:
    path = SHARED / name if "/" in name else next((FIXTURES / name).glob("capture.pcap*"))
    if not path.exists():
        pytest.skip(f"not there: {name} of the larger set")
    return path


@cache
def arrays(path: Path, *, wireshark: bool) -> VerdictArrays:
    return tcpdiag.analyze(path, hints=False).flows.verdicts(wireshark=wireshark)


def row(name: str, frame: int, *, wireshark: bool) -> np.void:
    found = arrays(path_of(name), wireshark=wireshark)
    judged: np.void = found.verdicts[found.frames.tolist().index(frame)]
    assert judged.dtype == VERDICT
    return judged


@pytest.mark.parametrize(("number", "name", "frame", "theirs", "ours"), FACTS)
def test_facts(number: int, name: str, frame: int, theirs: Fact, ours: Fact) -> None:
    assert Fact(int(row(name, frame, wireshark=True)["facts"])) == theirs
    assert Fact(int(row(name, frame, wireshark=False)["facts"])) == ours


@pytest.mark.parametrize(("number", "name", "frame", "column", "theirs", "ours"), NUMBERS)
def test_numbers(number: int, name: str, frame: int, column: str, theirs: int, ours: int) -> None:
    assert [int(row(name, frame, wireshark=each)[column]) for each in (True, False)] == [theirs, ours]


def test_every_row_of_the_table_has_an_example() -> None:
    told = {int(number) for number in re.findall(r"^\| (\d+) \|", verdicts.__doc__ or "", re.MULTILINE)}
    assert told == {example[0] for example in [*FACTS, *NUMBERS]} | MADE
