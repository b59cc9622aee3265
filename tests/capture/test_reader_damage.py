"""Damaged files: read up to the damage, gone on with where that is safe, always told."""

import struct

import pytest

from capture.reading import read_bytes
from capture.writing import Packet, block, enhanced, interface, pcap, pcap_header, pcap_record, pcapng, section

SECOND = 10**9
PACKETS = [Packet(1_700_000_000 * SECOND + n * 1_000_000, bytes([n]) * 80) for n in range(20)]
RECORD = 16 + 80
BLOCK = 32 + 80


def _damage(file):
    return [(each.offset, each.frame, each.cause, each.resynchronised) for each in file.damage]


@pytest.mark.parametrize(("kept", "cause"), [(90, "90 of 96 bytes"), (7, "7 of 16 bytes"), (16, "16 of 96 bytes")])
def test_truncated_last_record(tmp_path, kept, cause):
    content = pcap(PACKETS[:3])
    rows, file = read_bytes(tmp_path, content[: 24 + 2 * RECORD + kept])
    assert [row.frame for row in rows] == [1, 2]
    assert _damage(file) == [(24 + 2 * RECORD, 2, f"last record incomplete: {cause}", False)]
    assert file.bytes_read == 24 + 2 * RECORD + kept


@pytest.mark.parametrize(("kept", "cause"), [(100, "100 of 112 bytes"), (7, "7 of 12 bytes"), (13, "13 of 112 bytes")])
def test_truncated_last_block(tmp_path, kept, cause):
    content = pcapng(PACKETS[:3])
    start = len(content) - BLOCK
    rows, file = read_bytes(tmp_path, content[: start + kept])
    assert [row.frame for row in rows] == [1, 2]
    assert _damage(file) == [(start, 2, f"last record incomplete: {cause}", False)]


def test_skipped_block_that_the_file_does_not_hold(tmp_path):
    content = section() + interface() + enhanced(PACKETS[0]) + struct.pack("<II", 0x777, 1 << 20) + bytes(100)
    rows, file = read_bytes(tmp_path, content)
    assert len(rows) == 1
    assert file.damage[0].cause.startswith("last block incomplete")


@pytest.mark.parametrize("captured", [262_145, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("batch_bytes", [4096, 1 << 20])
def test_impossible_captured_length_is_stepped_over(tmp_path, captured, batch_bytes):
    broken = struct.pack("<IIII", 1_700_000_000, 0, captured, 80) + bytes(80)
    content = pcap(PACKETS[:10]) + broken + b"".join(map(pcap_record, PACKETS[10:]))
    rows, file = read_bytes(tmp_path, content, batch_bytes=batch_bytes)
    assert [row.data for row in rows] == [packet.data for packet in PACKETS]
    assert [row.frame for row in rows] == list(range(1, 21))
    [(offset, frame, cause, resynchronised)] = _damage(file)
    assert (offset, frame, resynchronised) == (24 + 10 * RECORD, 10, True)
    assert f"a record of {captured} captured and 80 original bytes" in cause


def test_lost_bytes_in_the_middle_of_a_pcap(tmp_path):
    content = pcap(PACKETS)
    cut = 24 + 5 * RECORD + 40
    rows, file = read_bytes(tmp_path, content[:cut] + content[cut + 30 :])
    # The record that lost bytes takes its rest from the next one; both are gone, no others.
    assert [row.data[0] for row in rows[:5]] == [0, 1, 2, 3, 4]
    assert [row.data for row in rows[-13:]] == [packet.data for packet in PACKETS[7:]]
    assert len(file.damage) == 1
    assert file.damage[0].resynchronised


def test_nothing_to_go_on_with_after_damage(tmp_path):
    rows, file = read_bytes(tmp_path, pcap(PACKETS[:3]) + b"\xff" * 5000)
    assert len(rows) == 3
    assert [(each.offset, each.resynchronised) for each in file.damage] == [(24 + 3 * RECORD, False)]
    assert file.complete


def test_records_inside_a_packet_are_not_taken_for_records(tmp_path):
    # A capture of a capture being copied: the last packet is cut, and what it carries looks like records.
    inner = b"".join(map(pcap_record, PACKETS))
    outer = pcap([Packet(PACKETS[0].ts_ns, b"x"), Packet(PACKETS[0].ts_ns, inner)])
    rows, file = read_bytes(tmp_path, outer[:-10])
    assert len(rows) == 1
    assert not file.damage[0].resynchronised


@pytest.mark.parametrize(
    "broken",
    [
        enhanced(PACKETS[0], trailer=0),
        enhanced(PACKETS[0], total=8),
        enhanced(PACKETS[0], total=0xFFFFFFF0),
        enhanced(PACKETS[0], captured=500),
        enhanced(PACKETS[0], captured=0xFFFFFFFF),
        enhanced(Packet(0, b"x", interface=3)),
        block(0x0A0D0D0A, bytes(16)),
        block(1, b"abcd"),
        block(5, b"abcd"),
        block(0x777, b"abcd", trailer=99),
        block(0x777, b"abcd", total=0),
        section(version=(3, 0)),
        bytes(64),
        b"garbage of odd length",
    ],
)
@pytest.mark.parametrize("batch_bytes", [4096, 1 << 20])
def test_damaged_block_is_stepped_over(tmp_path, broken, batch_bytes):
    head = section() + interface()
    before = b"".join(map(enhanced, PACKETS[:10]))
    after = b"".join(map(enhanced, PACKETS[10:]))
    rows, file = read_bytes(tmp_path, head + before + broken + after, batch_bytes=batch_bytes)
    assert [row.data for row in rows] == [packet.data for packet in PACKETS]
    assert [(each.offset, each.frame, each.resynchronised) for each in file.damage] == [
        (len(head) + len(before), 10, True)
    ]


def test_packet_of_an_interface_that_is_not_described(tmp_path):
    _, file = read_bytes(tmp_path, section() + interface() + enhanced(Packet(0, b"x", interface=3)))
    assert file.damage[0].cause == "a packet of interface 3, which the section does not describe"


def test_new_section_forgets_the_interfaces(tmp_path):
    rows, file = read_bytes(tmp_path, pcapng(PACKETS[:1]) + section() + enhanced(PACKETS[1]) + pcapng(PACKETS[2:3]))
    assert [row.data for row in rows] == [PACKETS[0].data, PACKETS[2].data]
    assert len(file.damage) == 1


def test_damage_rows_are_bounded_and_the_rest_is_counted(tmp_path):
    broken = enhanced(Packet(0, b"x", interface=9))
    rows, file = read_bytes(tmp_path, section() + interface() + (broken + enhanced(PACKETS[0])) * 500)
    assert len(rows) == 500
    assert len(file.damage) == 65
    assert file.damage[-1].cause == "436 more damaged places"


def test_file_of_nothing_but_damage_is_given_up(tmp_path):
    broken = enhanced(Packet(0, b"x", interface=9))
    rows, file = read_bytes(tmp_path, section() + interface() + broken * 20_000 + enhanced(PACKETS[0]))
    assert rows == []
    assert any(each.cause == "given up after 10000 damaged places" for each in file.damage)
    assert not file.damage[-2].resynchronised or not file.damage[-1].resynchronised


def test_pcap_appended_to_a_pcap(tmp_path):
    # As in Wireshark, the first 16 bytes of the second file header pass for an empty packet of 2056.
    rows, file = read_bytes(tmp_path, pcap(PACKETS[:10]) + pcap(PACKETS[10:]))
    assert [row.data for row in rows[-10:]] == [packet.data for packet in PACKETS[10:]]
    assert len(file.damage) <= 1


def test_search_of_a_large_hole_takes_linear_time(tmp_path):
    # Every 16 bytes look like the header of a record that leaves the buffer.
    lure = struct.pack("<IIII", 1_700_000_000, 0, 200_000, 200_000)
    broken = struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0)
    rows, file = read_bytes(tmp_path, pcap(PACKETS[:10]) + broken + lure * 250_000 + pcap_header(), batch_bytes=1 << 16)
    assert len(rows) >= 10
    assert file.damage
