"""pcapng files: sections, interfaces, time, block kinds."""

import struct

import pytest

from capture.reading import read_bytes
from capture.writing import Packet, block, enhanced, interface, obsolete, option, pcapng, section, simple, statistics

SECOND = 10**9
I64_MAX = 2**63 - 1
PACKETS = [Packet(1_700_000_000_123_456_000, b"first"), Packet(1_700_000_001_000_000_000, b"cut", wire_len=90)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("write", [enhanced, obsolete])
def test_packet_blocks_of_both_byte_orders(tmp_path, write, order):
    content = section(order=order) + interface(order=order, link_type=276)
    rows, file = read_bytes(tmp_path, content + b"".join(write(p, order=order) for p in PACKETS))
    assert [(r.frame, r.ts_ns, r.data, r.wire_len) for r in rows] == [
        (n, p.ts_ns, p.data, p.original) for n, p in enumerate(PACKETS, 1)
    ]
    assert {row.link_type for row in rows} == {276}
    assert (file.format, file.truncated_packets, file.damage) == ("pcapng", 1, ())


@pytest.mark.parametrize("order", ["<", ">"])
def test_simple_packet_block_has_the_time_of_the_packet_before(tmp_path, order):
    content = section(order=order) + interface(snaplen=4, order=order) + enhanced(PACKETS[0], order=order)
    rows, _ = read_bytes(tmp_path, content + simple(Packet(0, b"abcd", wire_len=60), order=order))
    assert (rows[1].ts_ns, rows[1].data, rows[1].wire_len) == (PACKETS[0].ts_ns, b"abcd", 60)


def test_simple_packet_block_shorter_than_its_padding(tmp_path):
    rows, _ = read_bytes(tmp_path, section() + interface() + simple(Packet(0, b"abcde")))
    assert rows[0].data == b"abcde"


def test_sections_of_both_byte_orders_in_one_file(tmp_path):
    content = b"".join(
        section(order=order) + interface(order=order, link_type=link) + enhanced(PACKETS[0], order=order)
        for order, link in (("<", 1), (">", 113), ("<", 101))
    )
    rows, file = read_bytes(tmp_path, content)
    assert [(row.interface, row.link_type) for row in rows] == [(0, 1), (1, 113), (2, 101)]
    assert [each.link_type for each in file.interfaces] == [1, 113, 101]


@pytest.mark.parametrize(
    ("resolution", "ticks", "ts_ns"),
    [
        (0, 1_700_000_000, 1_700_000_000 * SECOND),
        (3, 1_700_000_000_001, 1_700_000_000_001_000_000),
        (6, 1_700_000_000_000_001, 1_700_000_000_000_001_000),
        (9, 1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
        (12, 17_000 * 10**12 + 1_999, 17_000 * SECOND + 1),
        (18, 2**64 - 1, 18_446_744_073),
        (27, 2**64 - 1, 18),
        (60, 2**64 - 1, 0),
        (127, 2**64 - 1, 0),
        (0x80 | 0, 1_700_000_000, 1_700_000_000 * SECOND),
        (0x80 | 10, (1_700_000_000 << 10) + 1, 1_700_000_000 * SECOND + 976_562),
        (0x80 | 32, (1_700_000_000 << 32) + 1, 1_700_000_000 * SECOND),
        (0x80 | 32, (1_700_000_000 << 32) + 2**32 - 1, 1_700_000_000 * SECOND + 999_999_999),
        (0x80 | 33, (1_700_000_000 << 33) + 2**33 - 1, 1_700_000_000 * SECOND + 999_999_999),
        (0x80 | 60, 2**64 - 1, 15_999_999_999),
        (0x80 | 64, 2**64 - 1, 999_999_999),
        (0x80 | 70, 2**64 - 1, 15_624_999),
        (0x80 | 127, 2**64 - 1, 0),
    ],
)
def test_time_resolution_is_exact_and_rounded_down(tmp_path, resolution, ticks, ts_ns):
    described = interface(options=option(9, bytes([resolution])))
    rows, file = read_bytes(tmp_path, section() + described + enhanced(PACKETS[0], ticks=ticks))
    assert rows[0].ts_ns == ts_ns
    assert file.damage == ()


@pytest.mark.parametrize("resolution", [0, 6, 9, 0x80, 0x81])
def test_time_that_64_bits_cannot_hold_is_clamped_and_told(tmp_path, resolution):
    described = interface(options=option(9, bytes([resolution])))
    rows, file = read_bytes(tmp_path, section() + described + enhanced(PACKETS[0], ticks=2**64 - 1))
    assert rows[0].ts_ns == I64_MAX
    assert "1 packet times" in file.damage[0].cause
    assert file.damage[0].resynchronised


@pytest.mark.parametrize(
    ("offset", "ts_ns"),
    [(1000, 1001 * SECOND), (-1000, -999 * SECOND), (2**62, I64_MAX), (-(2**62), -I64_MAX + SECOND)],
)
def test_time_offset_is_in_seconds(tmp_path, offset, ts_ns):
    described = interface(options=option(14, struct.pack("<q", offset)))
    rows, _ = read_bytes(tmp_path, section() + described + enhanced(PACKETS[0], ticks=1_000_000))
    assert rows[0].ts_ns == ts_ns


def test_interfaces_keep_their_own_clock_link_type_and_description(tmp_path):
    options = (
        option(2, b"eth0") + option(3, "Küche".encode()) + option(12, b"Linux 6.18") + option(11, b"\0tcp port 80")
    )
    content = section() + interface(options=options, snaplen=96) + interface(link_type=101, options=option(9, b"\x09"))
    packets = [Packet(5_000, b"a"), Packet(7, b"b", interface=1), Packet(3_000, b"c")]
    content += b"".join(enhanced(p, ticks=p.ts_ns // (1 if p.interface else 1000)) for p in packets)
    rows, file = read_bytes(tmp_path, content)
    assert [(row.ts_ns, row.interface, row.link_type) for row in rows] == [(5_000, 0, 1), (7, 1, 101), (3_000, 0, 1)]
    first, second = file.interfaces
    assert (first.name, first.description, first.os, first.filter) == ("eth0", "Küche", "Linux 6.18", "tcp port 80")
    assert (first.snaplen, second.snaplen, second.name) == (96, None, None)
    # Interface 1 is not late: only packets of one interface are compared.
    assert (file.backward_steps, file.largest_backward_step_ns) == (1, 2_000)


@pytest.mark.parametrize("order", ["<", ">"])
def test_interface_statistics_are_kept(tmp_path, order):
    content = section(order=order) + interface(order=order) * 2
    content += statistics(1, order=order, received=1) + statistics(
        1, order=order, received=2**40, dropped_interface=3, accepted=9, dropped_os=4
    )
    _, file = read_bytes(tmp_path, content + statistics(7, order=order, received=5))
    first, second = file.interfaces
    assert (first.received, first.dropped_interface, first.dropped_os) == (None, None, None)
    assert (second.received, second.dropped_interface, second.dropped_os, second.accepted) == (2**40, 3, 4, 9)
    assert file.damage == ()


@pytest.mark.parametrize("kind", [4, 7, 10, 0x777, 0x80000001])
@pytest.mark.parametrize("size", [0, 5, 9_000])
def test_other_blocks_are_skipped(tmp_path, kind, size):
    content = section() + interface() + enhanced(PACKETS[0]) + block(kind, bytes(size)) + enhanced(PACKETS[1])
    rows, file = read_bytes(tmp_path, content, batch_bytes=4096)
    assert [row.frame for row in rows] == [1, 2]
    assert (file.damage, file.bytes_read) == ((), len(content))


@pytest.mark.parametrize("kind", [9, 0xBAD, 0x40000BAD, 0x204])
def test_blocks_that_wireshark_numbers_take_a_frame_number(tmp_path, kind):
    content = section() + interface() + enhanced(PACKETS[0]) + block(kind, bytes(24)) + enhanced(PACKETS[1])
    rows, file = read_bytes(tmp_path, content)
    assert [row.frame for row in rows] == [1, 3]
    assert file.packets == 2


def test_length_without_its_padding_is_tolerated(tmp_path):
    odd = enhanced(Packet(1000, bytes(62)), total=94)
    rows, file = read_bytes(tmp_path, section() + interface() + odd + enhanced(PACKETS[0]))
    assert [len(row.data) for row in rows] == [62, 5]
    assert file.damage == ()


def test_more_interfaces_than_the_first_table_holds(tmp_path):
    packets = [Packet(n, bytes([n]), interface=n) for n in range(50)]
    rows, file = read_bytes(tmp_path, pcapng(packets, interfaces=50))
    assert [row.interface for row in rows] == list(range(50))
    assert len(file.interfaces) == 50


def test_option_list_that_overruns_its_block_is_cut(tmp_path):
    described = interface(options=option(2, b"ok") + struct.pack("<HH", 3, 999) + b"abcd")
    _, file = read_bytes(tmp_path, section() + described)
    assert (file.interfaces[0].name, file.interfaces[0].description) == ("ok", None)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "offset_s", "ticks", "ended_ns"),
    [
        (9, 0, 1_700_000_009_000_000_001, 1_700_000_009_000_000_001),
        (6, 0, 1_700_000_009_000_001, 1_700_000_009_000_001_000),
        (6, 100, 1_699_999_909_000_000, 1_700_000_009_000_000_000),
        (12, 0, 1_700_000_009_500, PACKETS[1].ts_ns),  # earlier than the last packet
        (0x80 | 3, 0, 1_700_000_009 * 8 + 1, 1_700_000_009_125_000_000),
        (0, 0, 2**63, PACKETS[1].ts_ns),  # beyond 64 bits of nanoseconds
        (6, 0, 1_699_999_999_000_000, PACKETS[1].ts_ns),
    ],
)
def test_a_capture_that_went_on_after_its_last_packet(tmp_path, order, resolution, offset_s, ticks, ended_ns):
    options = option(9, bytes([resolution]), order=order)
    options += option(14, struct.pack(f"{order}q", offset_s), order=order)
    end = option(3, struct.pack(f"{order}II", ticks >> 32, ticks & 0xFFFFFFFF), order=order)
    blocks = [section(order=order), interface(order=order), interface(options=options, order=order)]
    blocks += [enhanced(packet, order=order) for packet in PACKETS]
    blocks.append(block(5, struct.pack(f"{order}III", 1, 0, 0) + end, order=order))
    _, file = read_bytes(tmp_path, b"".join(blocks))
    assert (file.last_ts_ns, file.damage) == (ended_ns, ())
