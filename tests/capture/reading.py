"""What the reader makes of a file, as plain values."""

from typing import NamedTuple

from tcpdiag.capture.reader import Reader
from tcpdiag.model.capture import CaptureFile


class Row(NamedTuple):
    """One RECORD row with its bytes."""

    frame: int
    ts_ns: int
    data: bytes
    wire_len: int
    interface: int
    link_type: int


def read(*paths, **arguments) -> tuple[list[Row], tuple[CaptureFile, ...]]:
    """All packets of the files, and what the reader says of the files."""
    rows = []
    with Reader(paths, **arguments) as reader:
        for batch in reader:
            for record in batch.records:
                frame, ts_ns, wire_len = (int(record[name]) for name in ("frame", "ts_ns", "wire_len"))
                at, length = int(record["offset"]), int(record["captured_len"])
                data = batch.buffer[at : at + length].tobytes()
                assert len(data) == length
                rows.append(Row(frame, ts_ns, data, wire_len, int(record["interface"]), int(record["link_type"])))
        return rows, reader.files


def read_bytes(folder, content, name="capture", **arguments):
    """The same for one file of these bytes."""
    path = folder / name
    path.write_bytes(content)
    rows, (file,) = read(path, **arguments)
    assert file.packets == len(rows)
    return rows, file
