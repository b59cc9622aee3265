"""Properties of the reader: what is written is read, and no bytes make it fail."""

import os
import struct
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.reading import read, read_bytes
from capture.writing import MICROSECONDS, MODIFIED, NANOSECONDS, Packet, enhanced, interface, pcap, pcapng, section
from tcpdiag import kernels
from tcpdiag.errors import UnreadableInput

SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
INTERFACES = 3

PACKETS = st.lists(
    st.builds(
        lambda ticks, size, fill, extra, number: Packet(ticks * 1000, bytes([fill]) * size, size + extra, number),
        ticks=st.integers(0, 2**32 * 10**6 - 1),
        size=st.one_of(st.integers(0, 100), st.integers(0, 6_000)),
        fill=st.integers(0, 255),
        extra=st.sampled_from([0, 0, 1, 9_000]),
        number=st.integers(0, INTERFACES - 1),
    ),
    max_size=40,
)
ORDERS = st.sampled_from("<>")
BATCH_BYTES = st.sampled_from([1, 4096, 5000, 8192, 1 << 20])
BATCH_RECORDS = st.integers(1, 50)


def _read(content, **arguments):
    with tempfile.TemporaryDirectory() as folder:
        return read_bytes(Path(folder), content, **arguments)


@SETTINGS
@given(PACKETS, st.sampled_from([MICROSECONDS, NANOSECONDS, MODIFIED]), ORDERS, BATCH_BYTES, BATCH_RECORDS)
def test_pcap_round_trip(packets, magic, order, batch_bytes, batch_records):
    rows, file = _read(pcap(packets, magic=magic, order=order), batch_bytes=batch_bytes, batch_records=batch_records)
    assert [(r.ts_ns, r.data, r.wire_len) for r in rows] == [(p.ts_ns, p.data, p.original) for p in packets]
    assert [r.frame for r in rows] == list(range(1, len(packets) + 1))
    _check_counts(file, packets, interfaces=1)


@SETTINGS
@given(PACKETS, ORDERS, BATCH_BYTES, BATCH_RECORDS)
def test_pcapng_round_trip(packets, order, batch_bytes, batch_records):
    content = pcapng(packets, order=order, interfaces=INTERFACES)
    rows, file = _read(content, batch_bytes=batch_bytes, batch_records=batch_records)
    assert [(r.ts_ns, r.data, r.wire_len, r.interface) for r in rows] == [
        (p.ts_ns, p.data, p.original, p.interface) for p in packets
    ]
    _check_counts(file, packets, interfaces=INTERFACES)


def _check_counts(file, packets, interfaces):
    steps = [
        before.ts_ns - after.ts_ns
        for number in range(interfaces)
        for series in [[p for p in packets if interfaces == 1 or p.interface == number]]
        for before, after in pairwise(series)
        if after.ts_ns < before.ts_ns
    ]
    times = [packet.ts_ns for packet in packets]
    assert (file.first_ts_ns, file.last_ts_ns) == (min(times, default=None), max(times, default=None))
    assert (file.backward_steps, file.largest_backward_step_ns) == (len(steps), max(steps, default=0))
    assert file.truncated_packets == sum(len(packet.data) < packet.original for packet in packets)
    assert file.damage == ()


HEADS = st.sampled_from(
    [
        b"",
        pcap([]),
        pcap([], order=">", magic=NANOSECONDS),
        pcap([], magic=MODIFIED),
        pcap([], version=(2, 3)),
        section(),
        section() + interface(),
        section(order=">") + interface(order=">") * 2,
    ]
)
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=200),
        st.builds(bytes, st.integers(0, 5000)),
        st.sampled_from(
            [
                section(),
                interface(),
                enhanced(Packet(1, b"abc")),
                enhanced(Packet(1, b"abc"), order=">"),
                struct.pack("<IIII", 1, 1, 3, 3) + b"abc",
                struct.pack(">IIII", 1, 1, 3, 3) + b"abc",
                struct.pack("<IIII", 1, 1, 262_144, 3),
                struct.pack("<II", 6, 0xFFFFFFFF),
                struct.pack("<II", 0x777, 1 << 20),
            ]
        ),
    ),
    max_size=20,
)


def _check_any(content, **arguments):
    """The reader ends, its rows lie in the file, and it accounts for all that it did not read."""
    try:
        rows, file = _read(content, **arguments)
    except UnreadableInput as error:
        assert "\n" not in str(error)
        return None
    assert sum(len(row.data) for row in rows) <= len(content)
    assert [row.frame for row in rows] == sorted({row.frame for row in rows})
    assert all(row.interface < len(file.interfaces) for row in rows)
    assert file.complete
    assert file.bytes_read == len(content) or file.damage
    assert all(0 <= each.offset <= len(content) for each in file.damage)
    return rows, file


@settings(SETTINGS, max_examples=200)
@given(HEADS, PIECES, BATCH_BYTES)
def test_any_bytes_give_rows_or_reasons(head, pieces, batch_bytes):
    _check_any(head + b"".join(pieces), batch_bytes=batch_bytes)


@settings(SETTINGS, max_examples=200)
@given(
    PACKETS,
    st.sampled_from(["pcap", "pcapng"]),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["flip", "cut", "insert"]), st.integers(0, 255)), max_size=4),
    BATCH_BYTES,
)
def test_random_corruption_gives_rows_or_reasons(packets, form, wounds, batch_bytes):
    content = bytearray(pcap(packets) if form == "pcap" else pcapng(packets, interfaces=INTERFACES))
    for place, kind, value in wounds:
        at = int(place * len(content))
        if kind == "flip":
            content[at : at + 1] = bytes(byte ^ value for byte in content[at : at + 1])
        elif kind == "cut":
            del content[at : at + value]
        else:
            content[at:at] = bytes([value]) * value
    _check_any(bytes(content), batch_bytes=batch_bytes)


@pytest.mark.skipif(not kernels.is_native(kernels.load("index")), reason="the kernels are not compiled")
@settings(SETTINGS, max_examples=40)
@given(HEADS, PIECES, PACKETS, st.sampled_from(["pcap", "pcapng"]))
def test_compiled_and_uncompiled_kernels_agree(head, pieces, packets, form):
    written = pcap(packets[:10]) if form == "pcap" else pcapng(packets[:10], interfaces=INTERFACES)
    for content in (head + b"".join(pieces), written + b"".join(pieces)):
        results = []
        for choice in ("native", "python"):
            with mock.patch.dict(os.environ, TCPDIAG_KERNELS=choice):
                results.append(_check_any(content, batch_bytes=4096))
        if results[0] is not None:
            assert results[0][0] == results[1][0]
            assert replace(results[0][1], path="") == replace(results[1][1], path="")


@pytest.mark.parametrize("batch_bytes", [4096, 1 << 20])
def test_order_of_buffers_does_not_change_what_is_read(tmp_path, batch_bytes):
    path = tmp_path / "one"
    path.write_bytes(pcap([Packet(n * 1000, bytes(n % 1500)) for n in range(3000)]))
    rows, _ = read(path, batch_bytes=batch_bytes)
    assert [len(row.data) for row in rows] == [n % 1500 for n in range(3000)]
