"""Several files as one capture; progress; stopping."""

import pytest

from capture.reading import read
from capture.writing import Packet, pcap, pcapng
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UnreadableInput

SECOND = 10**9


def _capture(folder, name, seconds, write=pcap, **arguments):
    path = folder / name
    path.write_bytes(write([Packet(second * SECOND, name.encode()) for second in seconds], **arguments))
    return path


def test_files_are_ordered_by_their_first_packet_and_numbered_on(tmp_path):
    late = _capture(tmp_path, "a.pcap", [30, 5])
    early = _capture(tmp_path, "b.pcap", [10, 11, 12], network=113)
    middle = _capture(tmp_path, "c.pcapng", [20], pcapng, interfaces=3)
    rows, files = read(late, early, middle)
    assert [(row.frame, row.ts_ns // SECOND) for row in rows] == [(1, 10), (2, 11), (3, 12), (4, 20), (5, 30), (6, 5)]
    assert [(file.path, file.first_frame, file.packets) for file in files] == [
        (str(early), 1, 3),
        (str(middle), 4, 1),
        (str(late), 5, 2),
    ]


def test_interface_rows_count_over_all_files(tmp_path):
    paths = [
        _capture(tmp_path, "a", [1]),
        _capture(tmp_path, "b", [2], pcapng, interfaces=3),
        _capture(tmp_path, "c", [3]),
    ]
    rows, files = read(*paths)
    assert [row.interface for row in rows] == [0, 1, 4]
    assert [len(file.interfaces) for file in files] == [1, 3, 1]


def test_file_without_packets_comes_last(tmp_path):
    empty, full = _capture(tmp_path, "empty", []), _capture(tmp_path, "full", [1])
    _, files = read(empty, full)
    assert [(file.path, file.packets) for file in files] == [(str(full), 1), (str(empty), 0)]


def test_pattern_is_expanded(tmp_path):
    for name, second in (("x1.pcap", 2), ("x2.pcap", 1), ("y.txt", 0)):
        _capture(tmp_path, name, [second])
    rows, _ = read(tmp_path / "x*.pcap")
    assert [row.data for row in rows] == [b"x2.pcap", b"x1.pcap"]


def test_name_that_looks_like_a_pattern_is_a_name_where_it_exists(tmp_path):
    path = _capture(tmp_path, "a[1].pcap", [1])
    _capture(tmp_path, "a1.pcap", [2])
    rows, _ = read(path)
    assert [row.data for row in rows] == [b"a[1].pcap"]


def test_file_named_twice_is_read_once(tmp_path):
    path = _capture(tmp_path, "a.pcap", [1])
    rows, _ = read(path, tmp_path / "*.pcap")
    assert len(rows) == 1


def test_one_unreadable_file_fails_all_before_any_batch(tmp_path):
    good, bad = _capture(tmp_path, "good", [1]), tmp_path / "bad"
    bad.write_bytes(b"nonsense")
    with pytest.raises(UnreadableInput, match="bad: is not a pcap or pcapng capture"):
        Reader([good, bad])


def test_progress_ends_at_the_total(tmp_path):
    paths = [_capture(tmp_path, name, range(start, start + 500)) for name, start in (("a", 0), ("b", 500))]
    seen = []
    read(*paths, batch_bytes=4096, on_progress=lambda done, total: seen.append((done, total)))
    size = sum(path.stat().st_size for path in paths)
    assert seen[-1] == (size, size)
    assert {total for _, total in seen} == {size}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_stop_leaves_files_marked_incomplete(tmp_path):
    paths = [_capture(tmp_path, name, range(start, start + 500)) for name, start in (("a", 0), ("b", 500), ("c", 1000))]
    with Reader(paths, batch_records=100) as reader:
        for count, batch in enumerate(reader):
            assert batch.file == count // 5
            if count == 6:
                reader.stop()
        files = reader.files
    assert count == 6
    assert [(file.packets, file.complete) for file in files] == [(500, True), (200, False), (0, False)]


def test_files_are_valid_while_reading(tmp_path):
    with Reader([_capture(tmp_path, "a", range(300))], batch_records=100) as reader:
        packets = [reader.files[0].packets for _ in reader]
        assert packets == [100, 200, 300]
        assert reader.files[0].complete
