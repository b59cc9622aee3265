"""The counting kernel: compiled and not, against a model of sets, and with what wants to make it grow."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tcpdiag
from places import FIXTURES, SHARED
from tcpdiag import kernels
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.segment import SEGMENT, Flag
from tcpdiag.model.statistics import MOST_RANGES, SENT
from tcpdiag.model.tables import Tables
from tcpdiag.statistics.gather import FIRST_RANGES, Counter, gather

CAPTURES = [
    FIXTURES / "office" / "office.pcap",
    *(FIXTURES / name / "capture.pcap" for name in ("halfclose", "simopen", "tfo", "derived-dup-http")),
    *(SHARED / "public" / "zeek" / "tcp" / name for name in ("reassembly.pcap", "ssh-dups.pcap")),
]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_compiled_and_uncompiled_give_the_same_sums(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not capture.exists():
        pytest.skip(f"not there: {capture.name} of the larger set")
    report = tcpdiag.analyze(capture, hints=False)
    native = gather(report.tables, report.paths, report.streams)
    load = kernels.load

    def plain(name: str) -> object:
        if name != "counting":
            return load(name)
        with monkeypatch.context() as patch:
            patch.setenv("TCPDIAG_KERNELS", "python")
            return load(name)

    monkeypatch.setattr(kernels, "load", plain)
    python = gather(report.tables, report.paths, report.streams)
    assert python.connections.tobytes() == native.connections.tobytes()
    assert python.frame_bytes.tolist() == native.frame_bytes.tolist()
    for name in native.ends.dtype.names or ():
        np.testing.assert_allclose(python.ends[name], native.ends[name], rtol=1e-12, err_msg=name)


def test_the_kernel_is_compiled() -> None:
    assert kernels.is_native(kernels.load("counting"))


def rows_of(texts: list[tuple[int, int]], *, ack: int = 1, step_ns: int = 1000) -> np.ndarray:
    """Segments of one sender: (sequence number, payload length) each."""
    rows = np.zeros(len(texts), SEGMENT)
    rows["seq"], rows["payload_len"] = np.array(texts, np.int64).reshape(-1, 2).T % 2**32
    rows["captured_len"] = rows["payload_len"]
    rows["ts_ns"] = 10**18 + np.arange(len(texts)) * step_ns
    rows["frame"] = np.arange(1, len(texts) + 1)
    rows["flags"], rows["ack"], rows["window"], rows["family"] = Flag.ACK, ack, 1000, 4
    rows["src_lo"], rows["dst_lo"], rows["sport"], rows["dport"] = 1, 2, 40000, 80
    return rows


def tables_of(rows: np.ndarray) -> Tables:
    tracker = Tracker()
    tracker.feed(rows[:1])
    return tracker.finish()


def count(rows: np.ndarray, sides: np.ndarray | None = None) -> tuple[Counter, np.void]:
    """The counter, and the sums of the sender of the first segment."""
    counter = Counter(tables_of(rows), np.array([0]))
    side = np.zeros(len(rows), np.uint8) if sides is None else sides
    counter.feed(rows, np.zeros(len(rows), np.int64), side, rows["payload_len"])
    return counter, counter.gathered().ends[0]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)), min_size=1, max_size=60),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_bytes_are_counted_as_a_set_would(texts: list[tuple[int, int]], base: int, data: st.DataObject) -> None:
    """Whatever is acknowledged in between, and wherever the sequence numbers wrap."""
    sent = rows_of([(base + left, length) for left, length in texts])
    acks = data.draw(st.lists(st.integers(0, 420), min_size=len(texts), max_size=len(texts)))
    answers = sent.copy()
    answers["payload_len"] = answers["captured_len"] = 0
    answers["ack"] = (np.array(acks) + base) % 2**32
    answers["seq"] = 1
    rows = np.stack((sent, answers), axis=1).reshape(-1)
    sums = count(rows, np.tile(np.array([0, 1], np.uint8), len(texts)))[1]
    seen: set[int] = set()
    again = repeated = 0
    for left, length in texts:
        places = set(range(left, left + length))
        repeated += len(places & seen)
        again += bool(places & seen)
        seen |= places
    assert (sums["unique_bytes"], sums["rexmt_bytes"], sums["rexmt_packets"]) == (len(seen), repeated, again)
    assert sums["unique_bytes"] + sums["rexmt_bytes"] == sums["data_bytes"]


HOSTILE = {
    "every second segment is missing": [(2000 * at, 1000) for at in range(40_000)],
    "the same backwards": [(2000 * at, 1000) for at in reversed(range(40_000))],
    "jumps through the whole space": [(at * 2_654_435_761, 1 + at % 1400) for at in range(40_000)],
    "jumps forward by half of it": [(at * (2**31 - 1), 1) for at in range(40_000)],
}


@pytest.mark.parametrize("texts", HOSTILE.values(), ids=HOSTILE)
def test_what_is_remembered_of_one_endpoint_is_bounded(texts: list[tuple[int, int]]) -> None:
    counter, sums = count(rows_of(texts))
    assert sums["ranges"] <= MOST_RANGES
    assert counter.ranges == FIRST_RANGES
    assert sums["data_packets"] == len(texts)


def test_ranges_that_are_acknowledged_give_their_rows_back() -> None:
    """A long transfer, 64 segments in flight."""
    flight = 64
    sent = rows_of([(1000 * at, 1000) for at in range(50_000)])
    answers = sent.copy()
    answers["payload_len"] = answers["captured_len"] = 0
    answers["seq"], answers["ack"] = 1, np.maximum(0, (np.arange(50_000) - flight) * 1000)
    rows = np.stack((sent, answers), axis=1).reshape(-1)
    sums = count(rows, np.tile(np.array([0, 1], np.uint8), len(sent)))[1]
    assert sums["ranges"] <= flight + 2
    assert sums["time_count"][0] == 50_000 - flight - 1


def test_many_connections_share_a_pool_that_grows() -> None:
    n = 2 * FIRST_RANGES
    rows = rows_of([(1, 100)] * n)
    rows["sport"], rows["src_lo"] = np.arange(n) % 60_000 + 1, np.arange(n) // 60_000 + 10
    tracker = Tracker()
    tracker.feed(rows)
    counter = Counter(tracker.finish(), np.arange(n))
    tracemalloc.start()
    counter.feed(rows, np.arange(n), np.zeros(n, np.uint8), rows["payload_len"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counter.ranges >= n
    assert peak < 40 * n + 10_000_000
    assert counter.gathered().ends["unique_bytes"].reshape(-1, 2)[:, 0].tolist() == [100] * n
    assert SENT.itemsize == 40
