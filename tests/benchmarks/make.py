"""Captures for the benchmark: deterministic, with right lengths and checksums, Ethernet, IPv4, microsecond pcap.

    python -m tests.benchmarks.make FILE SHAPE COUNT

Prints what it made as JSON. Shapes, and what COUNT counts:
web       connections: handshake, one to three exchanges of request and response, close; about 1,000 open at a time
bulk      data segments of 1,448 bytes, spread over 20 connections, with an ACK for every second one
synflood  SYNs from as many addresses; a third of them is reset
"""

import json
import random
import sys
from pathlib import Path

import numpy as np

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SEED = 9293
EPOCH_US = 1_700_000_000_000_000
MSS = 1448
POOL_BYTES = 1 << 20
CHUNK = 50_000
SERVERS = 40
CONCURRENT = 1000
LIFETIME_US = 150_000

ROW = np.dtype(
    [
        ("time_us", "<i8"),
        ("client", "<u4"),
        ("server", "<u4"),
        ("port", "<u2"),
        ("reply", "?"),
        ("flags", "u1"),
        ("seq", "<u4"),
        ("ack", "<u4"),
        ("size", "<u4"),
    ]
)

PCAP_HEADER = np.array([0xA1B2C3D4, 0x00040002, 0, 0, 262144, 1], "<u4").tobytes()
RECORD, ETHERNET, IP, TCP = 16, 14, 20, 20
SYN_OPTIONS = bytes.fromhex("020405b40402080a00000001000000000103030700")[:20]
OPTIONS = bytes.fromhex("0101080a0000000100000001")


class Connection:
    """Appends the segments of one connection to `rows`; times in microseconds."""

    def __init__(self, rows: list[tuple[int, ...]], client: int, server: int, port: int, isn: tuple[int, int]) -> None:
        self.rows = rows
        self.names = (client, server, port)
        self.next = list(isn)

    def send(self, time_us: int, reply: bool, flags: int, size: int = 0) -> None:
        """One segment; it occupies `size` bytes, and one more for a SYN or FIN."""
        mine, other = (1, 0) if reply else (0, 1)
        ack = self.next[other] if flags & ACK else 0
        self.rows.append((time_us, *self.names, reply, flags, self.next[mine] & 0xFFFFFFFF, ack & 0xFFFFFFFF, size))
        self.next[mine] += size + bool(flags & (SYN | FIN))

    def open(self, time_us: int, rtt_us: int) -> int:
        """The handshake; when it ends."""
        self.send(time_us, False, SYN)
        self.send(time_us + 60, True, SYN | ACK)
        self.send(time_us + rtt_us, False, ACK)
        return time_us + rtt_us

    def burst(self, time_us: int, reply: bool, size: int) -> int:
        """Text in full segments, acknowledged every second one and at the end; when that ends."""
        sent = 0
        while size > 0:
            part = min(size, MSS)
            size -= part
            sent += 1
            self.send(time_us, reply, ACK | (0 if size else PSH), part)
            time_us += 12
            if sent % 2 == 0 or size <= 0:
                self.send(time_us, not reply, ACK)
        return time_us

    def close(self, time_us: int, rtt_us: int) -> None:
        """FIN from the client, FIN from the server, ACK."""
        self.send(time_us, False, FIN | ACK)
        self.send(time_us + 90, True, FIN | ACK)
        self.send(time_us + rtt_us, False, ACK)


def web(count: int, rng: random.Random) -> list[tuple[int, ...]]:
    """Short connections, about CONCURRENT of them open at a time."""
    rows: list[tuple[int, ...]] = []
    for number in range(count):
        start = number * LIFETIME_US // CONCURRENT + rng.randrange(200)
        client, server = number % 3000, rng.randrange(SERVERS)
        one = Connection(rows, client, server, 32768 + number // 3000, (rng.getrandbits(32), rng.getrandbits(32)))
        rtt = rng.randrange(5_000, 60_000)
        time = one.open(start, rtt)
        for _ in range(rng.choice((1, 1, 2, 3))):
            time = one.burst(time + 500, False, 2 * rng.randrange(60, 500))
            time = one.burst(
                time + rng.randrange(300, 9000), True, 2 * min(30_000, int(rng.lognormvariate(7, 1.2)) + 50)
            )
            time += rtt
        one.close(time, rtt)
    return rows


def bulk(count: int, rng: random.Random) -> list[tuple[int, ...]]:
    """Twenty long transfers from the servers."""
    rows: list[tuple[int, ...]] = []
    flows = [
        Connection(rows, number, number % SERVERS, 40000, (rng.getrandbits(32), rng.getrandbits(32)))
        for number in range(20)
    ]
    times = [one.open(rng.randrange(5_000), 20_000) for one in flows]
    for _ in range(-(-count // (20 * 10))):
        for number, one in enumerate(flows):
            times[number] = one.burst(times[number] + rng.randrange(200), True, 10 * MSS)
    for one, time in zip(flows, times, strict=True):
        one.close(time + 1000, 20_000)
    return rows


def synflood(count: int, rng: random.Random) -> list[tuple[int, ...]]:
    """SYNs to one server, each from another address; every third one is reset."""
    rows: list[tuple[int, ...]] = []
    for number in range(count):
        one = Connection(rows, number, 0, rng.randrange(1024, 65536), (rng.getrandbits(32), 0))
        one.send(number * 5, False, SYN)
        if number % 3 == 0:
            one.send(number * 5 + 40, True, RST | ACK)
    return rows


SHAPES = {"web": web, "bulk": bulk, "synflood": synflood}


def make(path: Path, shape: str, count: int) -> dict[str, int]:
    """Write the capture; how many packets and connections it holds."""
    rng = random.Random(SEED)
    rows = np.array(SHAPES[shape](count, rng), ROW)
    rows = rows[np.argsort(rows["time_us"], kind="stable")]
    pool = np.random.default_rng(SEED).integers(0, 256, POOL_BYTES, np.uint8)
    with path.open("wb") as file:
        file.write(PCAP_HEADER)
        for at in range(0, len(rows), CHUNK):
            file.write(_encoded(rows[at : at + CHUNK], pool))
    flows = len(np.unique(rows[["client", "server", "port"]]))
    return {"packets": len(rows), "connections": flows, "bytes": path.stat().st_size}


def _encoded(rows: np.ndarray, pool: np.ndarray) -> bytes:
    """Records of these rows: headers by kind, payloads by a gather."""
    syn = (rows["flags"] & SYN) != 0
    header = RECORD + ETHERNET + IP + TCP + np.where(syn, len(SYN_OPTIONS), len(OPTIONS))
    size = header + rows["size"]
    start = np.cumsum(size) - size
    out = np.zeros(int(size.sum()), np.uint8)
    source = (rows["seq"].astype(np.int64) & 0x7FFFE) % (POOL_BYTES - MSS) & ~1
    sums = np.concatenate([[0], np.cumsum(pool.view(">u2").astype(np.int64))])
    payload = sums[(source + rows["size"]) // 2] - sums[source // 2]
    for kind, options in ((True, SYN_OPTIONS), (False, OPTIONS)):
        chosen = np.flatnonzero(syn == kind)
        heads = _headers(rows[chosen], options, payload[chosen])
        out[start[chosen][:, None] + np.arange(heads.shape[1])] = heads
    lengths = rows["size"].astype(np.int64)
    step = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    out[np.repeat(start + header, lengths) + step] = pool[np.repeat(source, lengths) + step]
    return out.tobytes()


def _headers(rows: np.ndarray, options: bytes, payload: np.ndarray) -> np.ndarray:
    """Record, Ethernet, IPv4 and TCP headers as one row of bytes for each segment."""
    count, tcp = len(rows), TCP + len(options)
    wire = ETHERNET + IP + tcp + rows["size"]
    heads = np.zeros((count, RECORD + ETHERNET + IP + tcp), np.uint8)
    time = EPOCH_US + rows["time_us"]
    record = np.stack([time // 1_000_000, time % 1_000_000, wire, wire], 1).astype("<u4")
    heads[:, :RECORD] = record.view(np.uint8)
    ends = np.stack([0x0A000000 + rows["client"], 0xC0A80000 + rows["server"]], 1)
    ports = np.stack([rows["port"], np.full(count, 443)], 1)
    reply = rows["reply"][:, None]
    source, target = np.where(reply, ends[:, ::-1], ends).T
    sport, dport = np.where(reply, ports[:, ::-1], ports).T
    total = IP + tcp + rows["size"]
    fixed = [np.full(count, word) for word in (0x4500, 0x4000, 64 << 8 | 6, 0)]
    halves = [source >> 16, source & 0xFFFF, target >> 16, target & 0xFFFF]
    ip = np.stack([fixed[0], total, rows["seq"] & 0xFFFF, *fixed[1:], *halves], 1).astype(np.int64)
    ip[:, 5] = _checksum(ip.sum(1))
    words = np.frombuffer(options, ">u2")
    body = np.stack([sport, dport, rows["seq"] >> 16, rows["seq"] & 0xFFFF, rows["ack"] >> 16, rows["ack"] & 0xFFFF,
                     (tcp // 4 << 12) | rows["flags"].astype(np.int64), np.full(count, 0xFFFF), np.zeros(count),
                     np.zeros(count), *(np.full(count, word) for word in words)], 1).astype(np.int64)  # fmt: skip
    body[:, 8] = _checksum(body.sum(1) + ip[:, 6:].sum(1) + 6 + tcp + rows["size"] + payload)
    at = RECORD + ETHERNET
    heads[:, RECORD + 12] = 0x08
    heads[:, at : at + IP] = ip.astype(">u2").view(np.uint8)
    heads[:, at + IP :] = body.astype(">u2").view(np.uint8)
    return heads


def _checksum(total: np.ndarray) -> np.ndarray:
    for _ in range(3):
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


if __name__ == "__main__":
    print(json.dumps(make(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
