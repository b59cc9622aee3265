"""When a 4-tuple gets its next stream number: as tshark 4.0 counts, shown by small made captures.

Per direction there is a base sequence number, set once: by the direction's first segment (a SYN or SYN-ACK: its
number; any other: one less), or by what the peer acknowledges (one less). A SYN without ACK opens the next stream when
the base of its direction is set and is another number. Nothing else does: no FIN, no RST, no SYN-ACK.
"""

import subprocess
from pathlib import Path

import dpkt
import pytest

from public import wireshark
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.flows.tracker import Tracker

FLAGS = {"S": 0x02, "SA": 0x12, "SF": 0x03, "A": 0x10, "PA": 0x18, "FA": 0x11, "R": 0x04, "RA": 0x14}
OPENED = "> S 100 0, < SA 500 101, > A 101 501"
CLOSED = OPENED + ", > FA 101 501, < FA 501 102, > A 102 502"

# segments as "direction flags seq ack", and the stream of each
CASES = {
    "SYN again": ("> S 100 0, > S 100 0, < SA 500 101", "0 0 0"),
    "same SYN after the client's RST": ("> S 100 0, < A 900 77, > R 77 0, > S 100 0, < SA 500 101", "0 0 0 0 0"),
    "same SYN after a refusal": ("> S 100 0, < RA 0 101, > S 100 0, < RA 0 101", "0 0 0 0"),
    "same SYN after an established RST": (OPENED + ", < R 501 0, > S 100 0", "0 0 0 0 0"),
    "same SYN after a close": (CLOSED + ", > S 100 0", "0 0 0 0 0 0 0"),
    "other SYN after a close": (CLOSED + ", > S 9000 0, < SA 7000 9001", "0 0 0 0 0 0 1 1"),
    "other SYN while established": (OPENED + ", > S 9000 0, < A 501 101, > R 101 0", "0 0 0 1 1 1"),
    "other SYN before an answer": ("> S 100 0, > S 200 0, < SA 500 201", "0 1 1"),
    "old SYN again after a reuse": (CLOSED + ", > S 9000 0, > S 100 0", "0 0 0 0 0 0 1 2"),
    "old segment after a reuse": (CLOSED + ", > S 9000 0, < FA 501 102", "0 0 0 0 0 0 1 1"),
    "third use": (CLOSED + ", > S 9000 0, < RA 0 9001, > S 12000 0", "0 0 0 0 0 0 1 1 2"),
    "SYN from the other side, simultaneous": ("> S 100 0, < S 500 0, < SA 500 101, > SA 100 501", "0 0 0 0"),
    "SYN from the other side, established": (OPENED + ", < S 9000 0", "0 0 0 1"),
    "SYN from the other side, after a close": (CLOSED + ", < S 9000 0", "0 0 0 0 0 0 1"),
    "SYN from the other side, after its refusal": ("> S 100 0, < RA 0 101, < S 9000 0", "0 0 1"),
    "SYN-ACK with another number": ("> S 100 0, < SA 500 101, < SA 600 101, > A 101 601", "0 0 0 0"),
    "SYN-ACK of a reuse whose SYN is missing": (CLOSED + ", < SA 7000 9001, > A 9001 7001", "0 0 0 0 0 0 0 0"),
    "SYN-ACK first, then its SYN": ("< SA 500 101, > S 100 0, > A 101 501", "0 0 0"),
    "SYN-ACK first, then another SYN": ("< SA 500 101, > S 300 0", "0 1"),
    "SYN-ACK after a midstream ACK": ("> A 101 501, < SA 7000 9001", "0 0"),
    "midstream, then a SYN": ("> A 101 501, < A 501 101, > S 9000 0", "0 0 1"),
    "midstream from the peer alone, then a SYN": ("< PA 501 101, > S 9000 0", "0 1"),
    "midstream, then the SYN just below": ("> PA 101 501, > S 100 0", "0 0"),
    "midstream, then a SYN of the same number": ("> A 101 501, > S 101 0", "0 1"),
    "midstream FIN, then the SYN just below": ("> FA 101 50, > S 100 0", "0 0"),
    "midstream RST, then a SYN": ("> R 101 0, > S 9000 0", "0 1"),
    "midstream RST with ACK from the peer, then a SYN": ("< RA 0 101, > S 9000 0", "0 1"),
    "midstream RST without ACK from the peer, then a SYN": ("< R 55 0, > S 9000 0", "0 0"),
    "SYN with FIN": ("> SF 100 0, > SF 200 0", "0 1"),
}


def packets(text: str, port: int) -> list[bytes]:
    """The segments as Ethernet frames; the client is 10.0.0.1:port."""
    frames = []
    for number, line in enumerate(text.split(", ")):
        direction, flags, seq, ack = line.split()
        ends = [(bytes([10, 0, 0, 1]), port), (bytes([10, 0, 0, 2]), 80)]
        (src, sport), (dst, dport) = ends if direction == ">" else reversed(ends)
        data = b"x" if flags == "PA" else b""
        tcp = dpkt.tcp.TCP(sport=sport, dport=dport, seq=int(seq), ack=int(ack), flags=FLAGS[flags], data=data)
        ip = dpkt.ip.IP(src=src, dst=dst, id=port % 1000 * 50 + number, p=dpkt.ip.IP_PROTO_TCP, data=tcp)
        frames.append(bytes(dpkt.ethernet.Ethernet(data=ip)))
    return frames


def write(path: Path, frames: list[bytes]) -> Path:
    """A pcap with a packet every 10 ms."""
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number, frame in enumerate(frames):
            writer.writepkt(frame, 1000 + number / 100)
    return path


@pytest.mark.parametrize(("segments", "streams"), CASES.values(), ids=CASES)
def test_next_stream(segments: str, streams: str, tmp_path: Path) -> None:
    expected = [int(stream) for stream in streams.split()]
    decoder, tracker = Decoder(), Tracker()
    with Reader([write(tmp_path / "made.pcap", packets(segments, 5000))]) as reader:
        for batch in reader:
            tracker.feed(decoder.decode(batch))
    tables = tracker.finish(reader.files, decoder.tunnels)
    counts = tables.endpoints["packets"].reshape(-1, 2).sum(1)
    got = list(zip(tables.flows["first_frame"].tolist(), tables.flows["last_frame"].tolist(), counts, strict=True))
    assert got == [
        (expected.index(stream) + 1, len(expected) - expected[::-1].index(stream), expected.count(stream))
        for stream in range(max(expected) + 1)
    ]


@pytest.mark.skipif(not wireshark.installed(), reason="tshark is not installed")
def test_the_cases_are_what_tshark_says(tmp_path: Path) -> None:
    frames: list[bytes] = []
    expected: list[int] = []
    for number, (segments, streams) in enumerate(CASES.values()):
        frames += packets(segments, 5000 + number)
        first = max(expected, default=-1) + 1
        expected += [first + int(stream) for stream in streams.split()]
    capture = write(tmp_path / "all.pcap", frames)
    command = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-e", "tcp.stream"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [int(stream) for stream in told.split()] == expected
