"""What holds of every second look at any bytes whatever: verdicts, statistics, streams, extracts."""

from pathlib import Path

import numpy as np

from tcpdiag import Report, analyze
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UsageError
from tcpdiag.flow_columns import SIDES

STREAMS_MAX = 4
BYTES_MAX = 1 << 16
KEY = b"sixteen bytes ok"


def check(report: Report, path: Path) -> None:
    """All of them over this report of `path`."""
    if not len(report.tables.flows):
        return
    packets = report.tables.endpoints["packets"].astype(np.int64)
    for wireshark in (False, True):
        judged = report.flows.verdicts(wireshark=wireshark)
        owners = 2 * judged.streams + judged.sides
        assert np.bincount(owners, minlength=len(packets)).tolist() == packets.tolist()
    assert len(report.flows.wide()) == len(report.tables.flows)
    for flow in list(report.flows)[:STREAMS_MAX]:
        for side in SIDES:
            _is_whole(report, flow.number, side)
    _is_hidden(report, path.with_name("extract.pcapng"))


def _is_whole(report: Report, stream: int, side: str) -> None:
    """A stream's chunks go on from each other, but for the number of a FIN, and hold no more than was sent."""
    at = size = 0
    for chunk in report.flow(stream).stream(side):
        assert chunk.offset in (at, at + 1)
        assert chunk.length > 0
        assert chunk.data is None or len(chunk.data) == chunk.length
        at = chunk.offset + chunk.length
        size += 0 if chunk.data is None else chunk.length
        if size > BYTES_MAX:
            break
    assert size <= sum(report.flow(stream).counts["bytes"])


def _is_hidden(report: Report, path: Path) -> None:
    """A redacted extract is a capture, and has none of the payload."""
    try:
        done = report.extract(path, redact=KEY)
    except UsageError as refusal:
        assert str(refusal), "refused without a reason"
        return
    again = analyze([path])
    assert sum(file.packets for file in again.files) == done.packets
    if not any(file.damage for file in report.files):
        assert not any(file.damage for file in again.files)
    with Reader([path]) as reader:
        for batch in reader:
            for row in Decoder().decode(batch):
                start = int(row["payload_offset"])
                payload = batch.buffer[start : start + int(row["captured_len"])]
                assert len(np.unique(payload)) <= 1, "contents are left"
