"""Read captures in a process of its own, within fixed memory and time, and print what was seen: one JSON line a file.

    python worker.py FILE...

A file that takes longer than LIMIT_S, or a crash, ends the process: the file after the last printed one is to blame.
"""

import json
import resource
import signal
import sys
from typing import Any

from tcpdiag.capture.decoder import Decoder

from tcpdiag import analyze
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UnreadableInput
from tcpdiag.model.segment import Origin

LIMIT_S = 30
MEMORY_BYTES = 2 << 30


def seen(path: str) -> dict[str, Any]:
    """Flows as the tables hold them, and the TCP segments as decoded."""
    tables = analyze([path]).tables
    flows = [
        {
            "first": int(flow["first_frame"]),
            "last": int(flow["last_frame"]),
            "packets": tables.endpoints["packets"][2 * row : 2 * row + 2].tolist(),
            "copies": int(flow["copies"]),
        }
        for row, flow in enumerate(tables.flows)
    ]
    packets = sum(file.packets for file in tables.files)
    return {"packets": packets, "flows": flows, "segments": segments(path)}


def segments(path: str) -> list[tuple[int, int, int]]:
    """Frame, raw sequence number and payload length of each segment that was on the wire as such."""
    decoder, found = Decoder(), []
    with Reader([path]) as reader:
        for batch in reader:
            rows = decoder.decode(batch)
            plain = rows[(rows["origin"] & int(Origin.QUOTED)) == 0]
            found += plain[["frame", "seq", "payload_len"]].tolist()
    return found


def main(paths: list[str]) -> None:
    """Print one line a file, at once."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for path in paths:
        signal.alarm(LIMIT_S)
        try:
            result = seen(path)
        except UnreadableInput as refusal:
            result = {"unreadable": str(refusal)}
        signal.alarm(0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"path": path, "peak_kib": peak, **result}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
