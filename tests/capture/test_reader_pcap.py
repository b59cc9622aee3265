"""pcap files: variants, byte orders, oddities."""

import struct

import pytest

from capture.reading import read_bytes
from capture.writing import MICROSECONDS, MODIFIED, NANOSECONDS, Packet, pcap, pcap_header, pcap_record
from tcpdiag.capture.reader import Reader

SECOND = 10**9
PACKETS = [
    Packet(1_700_000_000 * SECOND + 123_456_000, b"first packet"),
    Packet(1_700_000_001 * SECOND + 999_999_000, b"cut", wire_len=1514),
    Packet(4_000_000_000 * SECOND + 1_000, b"after 2038"),
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [MICROSECONDS, NANOSECONDS, MODIFIED])
def test_every_variant_and_byte_order_reads_alike(tmp_path, magic, order):
    rows, file = read_bytes(tmp_path, pcap(PACKETS, magic=magic, order=order, network=113))
    assert [(row.ts_ns, row.data, row.wire_len) for row in rows] == [(p.ts_ns, p.data, p.original) for p in PACKETS]
    assert [row.frame for row in rows] == [1, 2, 3]
    assert {row.link_type for row in rows} == {113}
    assert (file.format, file.compression, file.truncated_packets, file.damage) == ("pcap", None, 1, ())
    assert (file.first_ts_ns, file.last_ts_ns) == (PACKETS[0].ts_ns, PACKETS[-1].ts_ns)
    assert file.complete


def test_nanoseconds_are_exact(tmp_path):
    packet = Packet(1_700_000_000 * SECOND + 123_456_789, b"x")
    rows, _ = read_bytes(tmp_path, pcap([packet], magic=NANOSECONDS))
    assert rows[0].ts_ns == packet.ts_ns


@pytest.mark.parametrize("network", [1, 0x54000001, 0x0001_0001, 0xFFFF_0001])
def test_upper_bits_of_the_link_type_field_are_not_part_of_it(tmp_path, network):
    rows, file = read_bytes(tmp_path, pcap(PACKETS[:1], network=network))
    assert rows[0].link_type == file.interfaces[0].link_type == 1
    assert file.interfaces[0].link_name == "ETHERNET"


@pytest.mark.parametrize("snaplen", [0, 1, 65535, 0x7FFFFFFF, 0xFFFFFFFF])
def test_any_snap_length_is_tolerated(tmp_path, snaplen):
    rows, file = read_bytes(tmp_path, pcap(PACKETS, snaplen=snaplen))
    assert len(rows) == 3
    assert file.interfaces[0].snaplen == (snaplen or None)


@pytest.mark.parametrize(
    ("version", "swapped"), [((2, 2), True), ((2, 3), True), ((2, 4), False), ((9, 9), False), ((543, 0), True)]
)
def test_old_versions_have_their_lengths_swapped(tmp_path, version, swapped):
    lengths = (100, 60) if swapped else (60, 100)
    record = struct.pack("<IIII", 1, 5, *lengths) + bytes(60)
    rows, file = read_bytes(tmp_path, pcap_header(version=version) + record)
    assert [(len(row.data), row.wire_len) for row in rows] == [(60, 100)]
    assert file.damage == ()


def test_version_2_3_is_swapped_only_where_it_shows(tmp_path):
    content = pcap_header(version=(2, 3)) + struct.pack("<IIII", 1, 5, 60, 100) + bytes(60)
    rows, _ = read_bytes(tmp_path, content)
    assert [(len(row.data), row.wire_len) for row in rows] == [(60, 100)]


def test_fraction_of_more_than_a_second_is_added(tmp_path):
    rows, _ = read_bytes(tmp_path, pcap_header() + struct.pack("<IIII", 1, 3_000_000, 1, 1) + b"x")
    assert rows[0].ts_ns == 4 * SECOND


def test_empty_packets_count(tmp_path):
    rows, file = read_bytes(tmp_path, pcap([Packet(1, b""), Packet(2000, b"", wire_len=5)]))
    assert [len(row.data) for row in rows] == [0, 0]
    assert file.truncated_packets == 1


def test_capture_without_packets_is_a_capture(tmp_path):
    rows, file = read_bytes(tmp_path, pcap([]))
    assert rows == []
    assert (file.packets, file.first_ts_ns, file.last_ts_ns, file.complete) == (0, None, None, True)


def test_steps_backward_in_time_are_counted_with_the_largest(tmp_path):
    times = [10, 8, 9, 4, 20]
    rows, file = read_bytes(tmp_path, pcap([Packet(t * SECOND, b"x") for t in times]))
    assert [row.ts_ns // SECOND for row in rows] == times
    assert (file.backward_steps, file.largest_backward_step_ns) == (2, 5 * SECOND)
    assert (file.first_ts_ns, file.last_ts_ns) == (4 * SECOND, 20 * SECOND)


def test_record_larger_than_the_buffer_is_read(tmp_path):
    packets = [Packet(1000, b"a"), Packet(2000, bytes(200_000)), Packet(3000, b"b")]
    rows, file = read_bytes(tmp_path, pcap(packets, snaplen=262144), batch_bytes=4096)
    assert [len(row.data) for row in rows] == [1, 200_000, 1]
    assert file.damage == ()


def test_a_batch_holds_no_more_records_than_asked(tmp_path):
    path = tmp_path / "many"
    path.write_bytes(pcap([Packet(n * 1000, b"x") for n in range(25)]))
    with Reader([path], batch_records=10) as reader:
        assert [len(batch.records) for batch in reader] == [10, 10, 5]


def test_batches_stay_valid_until_four_more_were_taken(tmp_path):
    path = tmp_path / "long"
    packets = [Packet(n * 1000, n.to_bytes(2, "big") * 500) for n in range(100)]
    path.write_bytes(pcap(packets))
    held = []
    with Reader([path], batch_bytes=4096) as reader:
        for batch in reader:
            held.append((batch, batch.buffer.copy(), batch.records.copy()))
            for kept, buffer, records in held[-5:]:
                assert (kept.buffer == buffer).all()
                assert (kept.records == records).all()
    assert len(held) > 12


def test_bytes_read_are_the_files(tmp_path):
    content = pcap(PACKETS) + pcap_record(Packet(1, b"x"))
    _, file = read_bytes(tmp_path, content)
    assert file.bytes_read == len(content)
