"""Where bytes come from: compression, pipes, standard input, what cannot be read."""

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys
import threading
import tracemalloc

import lz4.frame
import pytest
import zstandard

from capture.reading import read, read_bytes
from capture.writing import Packet, enhanced, interface, pcap, pcapng, section
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UnreadableInput

PACKETS = [Packet(n * 1_000_000, n.to_bytes(4, "big") * 50) for n in range(500)]
PLAIN = pcap(PACKETS)
COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bzip2": lambda data: bz2.compress(data, 1),
    "lz4": lz4.frame.compress,
}
COMPRESSIONS = pytest.mark.parametrize("compression", COMPRESS)


@COMPRESSIONS
def test_compression_is_told_by_the_first_bytes(tmp_path, compression):
    rows, file = read_bytes(tmp_path, COMPRESS[compression](PLAIN), name="wrong.extension")
    assert [row.data for row in rows] == [packet.data for packet in PACKETS]
    assert (file.compression, file.damage, file.bytes_read) == (compression, (), len(PLAIN))


@COMPRESSIONS
def test_several_compressed_streams_after_each_other_are_one_file(tmp_path, compression):
    compress = COMPRESS[compression]
    content = b"".join(compress(PLAIN[at : at + 1000]) for at in range(0, len(PLAIN), 1000))
    rows, file = read_bytes(tmp_path, content)
    assert len(rows) == len(PACKETS)
    assert file.damage == ()


@COMPRESSIONS
def test_truncated_compressed_stream_is_read_up_to_there(tmp_path, compression):
    content = COMPRESS[compression](pcap([Packet(p.ts_ns, os.urandom(1000)) for p in PACKETS]))
    rows, file = read_bytes(tmp_path, content[: len(content) * 2 // 3])
    assert rows == [] or [row.frame for row in rows] == list(range(1, len(rows) + 1))
    assert f"the {compression} stream ends early" in file.damage[-1].cause
    assert not file.damage[-1].resynchronised


@COMPRESSIONS
def test_damaged_compressed_stream_is_read_up_to_there(tmp_path, compression):
    compress = COMPRESS[compression]
    random = pcap([Packet(p.ts_ns, os.urandom(1000)) for p in PACKETS])
    content = compress(random[:300_000]) + compress(random[300_000:])[:9] + b"\xff" * 60_000
    rows, file = read_bytes(tmp_path, content)
    assert 290 <= len(rows) < 500
    assert f"the {compression} stream" in file.damage[-1].cause


@pytest.mark.parametrize("compression", ["gzip", "xz"])
def test_zeros_after_a_compressed_stream_are_padding(tmp_path, compression):
    _, file = read_bytes(tmp_path, COMPRESS[compression](PLAIN) + bytes(512))
    assert file.damage == ()


def test_bytes_after_a_compressed_stream_are_told(tmp_path):
    rows, file = read_bytes(tmp_path, gzip.compress(PLAIN) + b"something else")
    assert len(rows) == len(PACKETS)
    assert "bytes after its end" in file.damage[0].cause


def test_skippable_zstd_frame_may_come_first(tmp_path):
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    rows, file = read_bytes(tmp_path, skippable + COMPRESS["zstd"](PLAIN))
    assert (len(rows), file.compression) == (500, "zstd")


@COMPRESSIONS
def test_memory_is_bounded_whatever_a_stream_unpacks_to(tmp_path, compression):
    # 64 MiB of zeros in one block of unknown type: to be stepped over.
    size = 64 << 20
    head = section() + interface() + struct.pack("<II", 0x777, size)
    tail = struct.pack("<I", size) + enhanced(PACKETS[0])
    path = tmp_path / "bomb"
    path.write_bytes(COMPRESS[compression](head + bytes(size - 12) + tail))
    tracemalloc.start()
    try:
        rows, _ = read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rows) == 1
    assert peak < 48 << 20


def test_fifo_is_read_once_and_to_its_end(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(PLAIN,))
    writer.start()
    rows, (file,) = read(fifo)
    writer.join()
    assert len(rows) == len(PACKETS)
    assert file.complete


def test_fifo_takes_its_place_among_files(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    later = tmp_path / "later"
    later.write_bytes(pcap([Packet(10**12, b"later")]))
    writer = threading.Thread(target=fifo.write_bytes, args=(gzip.compress(PLAIN),))
    writer.start()
    rows, files = read(later, fifo)
    writer.join()
    assert [file.path for file in files] == [str(fifo), str(later)]
    assert [row.frame for row in rows] == list(range(1, 502))


@pytest.mark.parametrize("content", [PLAIN, pcapng(PACKETS), gzip.compress(PLAIN)], ids=["pcap", "pcapng", "gzip"])
def test_standard_input(content):
    code = """
import sys
from tcpdiag.capture.reader import Reader
with Reader(["-"]) as reader:
    print(sum(len(batch.records) for batch in reader), reader.files[0].path)
"""
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)
    assert done.stdout.split() == [b"500", b"-"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"GIF89a", "is not a pcap or pcapng capture"),
        (b"\xd4\xc3\xb2\xa1", "ends within the pcap file header (4 of 24 bytes)"),
        (PLAIN[:23], "ends within the pcap file header (23 of 24 bytes)"),
        (gzip.compress(b"text"), "is not a pcap or pcapng capture"),
        (gzip.compress(PLAIN)[:8], "the gzip stream ends early"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "the zstd stream is damaged"),
        (pcapng([])[:12] + b"\2" + pcapng([])[13:], "pcapng version 2 is not known"),
    ],
)
def test_what_is_no_capture_is_said_in_one_line(tmp_path, content, reason):
    path = tmp_path / "input"
    path.write_bytes(content)
    with pytest.raises(UnreadableInput) as caught:
        Reader([path])
    assert str(caught.value).startswith(f"{path}: {reason}")
    assert "\n" not in str(caught.value)


def test_missing_file_directory_and_pattern_without_match(tmp_path):
    for path, reason in [
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "is a directory"),
        (tmp_path / "*.pcap", "no file matches"),
    ]:
        with pytest.raises(UnreadableInput) as caught:
            Reader([path])
        assert str(caught.value) == f"{path}: {reason}"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_file_without_permission(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(PLAIN)
    path.chmod(0)
    with pytest.raises(UnreadableInput, match="Permission denied"):
        Reader([path])
