"""Read captures in a process of its own, within fixed memory and time, and print what was seen: one JSON line a file.

    python worker.py SECONDS BYTES FILE...

A file that takes longer than SECONDS, or a crash, ends the process: the file after the last printed one is to blame.
"""

import json
import resource
import signal
import sys
from typing import Any

from tcpdiag import analyze
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import UnreadableInput
from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.segment import Origin


def seen(path: str) -> dict[str, Any]:
    """The TCP segments as decoded, the flows as tracked; the rest of the way is gone, too."""
    decoder, tracker, segments = Decoder(), Tracker(), []
    with Reader([path]) as reader:
        for batch in reader:
            rows = decoder.decode(batch)
            tracker.feed(rows)
            plain = rows[(rows["origin"] & int(Origin.QUOTED)) == 0]
            segments += plain[["frame", "seq", "payload_len"]].tolist()
    tables = tracker.finish(reader.files, decoder.tunnels)
    flows = [
        {
            "first": int(flow["first_frame"]),
            "last": int(flow["last_frame"]),
            "packets": tables.endpoints["packets"][2 * row : 2 * row + 2].tolist(),
        }
        for row, flow in enumerate(tables.flows)
    ]
    analyze([path]).to_json()
    return {"packets": sum(file.packets for file in reader.files), "flows": flows, "segments": segments}


def main(seconds: int, memory: int, paths: list[str]) -> None:
    """Print one line a file, at once."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for path in paths:
        signal.alarm(seconds)
        try:
            result = seen(path)
        except UnreadableInput as refusal:
            result = {"unreadable": str(refusal)}
        signal.alarm(0)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"path": path, "peak_kib": peak, **result}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
