"""The kernels of verdicts: compiled and uncompiled alike, bounded, quick."""

import time
from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.kernels.verdict_memory import MOST_UNACKED
from tcpdiag.model.flow import ENDPOINT, FLOW
from tcpdiag.model.segment import SEGMENT, Flag
from tcpdiag.model.tables import Tables
from tcpdiag.model.verdict import VERDICT
from tcpdiag.verdicts import verdicts
from tcpdiag.verdicts.judge import Judge
from verdicts.hostile import segments

CAPTURES = [
    *(
        FIXTURES / name / "capture.pcap"
        for name in ("cwreuse-loop-default", "keepalive-unanswered", "derived-dup-http")
    ),
    *(FIXTURES / name / "capture.pcap" for name in ("halfclose", "simopen", "inject-rst-inwindow")),
    FIXTURES / "office" / "office.pcap",
]
RULES = pytest.mark.parametrize("wireshark", [True, False], ids=["wireshark", "ours"])


def empty_tables(flows: int) -> Tables:
    """Tables of so many flows of which nothing is known."""
    return Tables(files=(), flows=np.zeros(flows, FLOW), endpoints=np.zeros(2 * flows, ENDPOINT))


def judged(rows: np.ndarray, flows: np.ndarray, sides: np.ndarray, *, wireshark: bool) -> np.ndarray:
    judge = Judge(empty_tables(int(flows.max()) + 1), np.arange(int(flows.max()) + 1), wireshark=wireshark)
    middle = len(rows) // 2  # two batches: what is remembered lives on
    halves = (slice(0, middle), slice(middle, None))
    return np.concatenate([judge.judge(rows[half], flows[half], sides[half]) for half in halves])


@RULES
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.parent.name)
def test_compiled_and_uncompiled_agree(capture: Path, wireshark: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = tcpdiag.analyze(capture, hints=False).tables
    found = []
    for which in ("native", "python"):
        monkeypatch.setenv("TCPDIAG_KERNELS", which)
        found.append(np.concatenate([part.verdicts for part in verdicts(tables, [str(capture)], wireshark=wireshark)]))
    assert len(found[0])
    assert found[0].tobytes() == found[1].tobytes()


@RULES
def test_compiled_and_uncompiled_agree_on_hostile_segments(wireshark: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = segments(7, flows=40, each=40)
    found = []
    for which in ("native", "python"):
        monkeypatch.setenv("TCPDIAG_KERNELS", which)
        found.append(judged(*made, wireshark=wireshark))
    assert np.count_nonzero(found[0]["facts"]) > len(found[0]) / 4
    different = [name for name in VERDICT.names or () if (found[0][name] != found[1][name]).any()]
    assert different == []


def one_sided(count: int, seq: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of ten bytes that nobody acknowledges."""
    rows = np.zeros(count, SEGMENT)
    rows["frame"], rows["ts_ns"] = np.arange(1, count + 1), np.arange(1, count + 1) * 1_000_000
    rows["flags"], rows["payload_len"], rows["seq"] = Flag.ACK, 10, seq
    return rows, np.zeros(count, np.int64), np.zeros(count, np.uint8)


@RULES
@pytest.mark.parametrize("order", ["ascending", "backwards", "anywhere"])
def test_memory_is_bounded_whatever_the_numbers_are(order: str, wireshark: bool) -> None:
    count = 3 * MOST_UNACKED // 2
    ascending = np.arange(count, dtype=np.int64) * 10
    anywhere = np.random.default_rng(1).integers(0, 2**32, count)
    seq = {"ascending": ascending, "backwards": ascending[::-1] + 5, "anywhere": anywhere}[order]
    rows, flows, sides = one_sided(count, seq.astype(np.uint32))
    judge = Judge(empty_tables(1), np.array([0]), wireshark=wireshark)
    judge.judge(rows, flows, sides)
    assert judge.remembered == MOST_UNACKED


@RULES
def test_a_million_segments_take_less_than_a_second(wireshark: bool) -> None:
    rows, flows, sides = one_sided(1_000_000, np.arange(1_000_000, dtype=np.uint32) * 10)
    rows["flags"][1::2], sides[1::2], rows["payload_len"][1::2] = Flag.ACK, 1, 0
    rows["ack"][1::2], rows["seq"][1::2] = rows["seq"][::2] + 10, 0
    judge = Judge(empty_tables(1), np.array([0]), wireshark=wireshark)
    began = time.process_time()
    judge.judge(rows, flows, sides)
    assert time.process_time() - began < 1
