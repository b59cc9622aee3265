"""A wire between two hosts, run by this process: it delays, loses, reorders, cuts, and carries what nobody sent.

Each end is a TUN or TAP device in one host's namespace, so what the kernels put on it are finished packets.
"""

import fcntl
import heapq
import os
import select
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from lab.hosts import Host
from lab.segments import Segment, build, parse

Side = Literal["client", "server"]
Watch = Callable[[Segment, Side], bool | None]
"""Sees a segment and the side to which it is going; False: it is lost."""
Rewrite = Callable[[Segment, Side, bytes], bytes]
"""Sees a segment, the side to which it is going, and its IP packet; the packet that goes on instead."""

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_TAP, IFF_NO_PI = 0x0001, 0x0002, 0x1000
ETHERNET = 14
BURST = 64  # packets read from one end before the other gets its turn
LARGEST = 65536


def other(side: Side) -> Side:
    """The opposite side."""
    return "server" if side == "client" else "client"


@dataclass
class Weather:
    """What a wire does to everybody. Times in seconds, one way; shares from 0 to 1."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0  # share of the packets that are overtaken by those behind them
    late_s: float = 0.0  # by how much


@dataclass
class Seen:
    """The newest that one endpoint sent to another."""

    seq_end: int
    ack: int
    window: int
    payload_len: int


@dataclass
class _Direction:
    fd: int  # where packets that go this way come out
    cut: bool = False
    last_due: float = 0.0
    header: bytes = b""  # Ethernet's, of the last segment that went this way
    seen: dict[tuple[str, str], Seen] = field(default_factory=dict)


class Wire:
    """Between the client's side and the server's side of it."""

    def __init__(self, rng: Random, weather: Weather, ends: dict[Side, tuple[Host, str]], *, ethernet: bool) -> None:
        self.weather = weather
        self._rng = rng
        self._skip = ETHERNET if ethernet else 0
        mode = (IFF_TAP if ethernet else IFF_TUN) | IFF_NO_PI
        self._ways = {side: _Direction(host.run(_open, name, mode)) for side, (host, name) in ends.items()}
        self._watches: list[Watch] = []
        self._rewrites: list[Rewrite] = []
        self._queue: list[tuple[float, int, Side, bytes]] = []
        self._order = count()
        self._lock = threading.RLock()
        self._wake_read, self._wake_write = os.pipe()
        threading.Thread(target=self._carry, daemon=True, name="wire").start()

    def watch(self, watch: Watch) -> None:
        """Show every segment from now on to `watch`, before it is delayed."""
        self._watches.append(watch)

    def rewrite(self, rewrite: Rewrite) -> None:
        """Let `rewrite` change every segment from now on."""
        self._rewrites.append(rewrite)

    def cut(self, toward: Side) -> None:
        """Nothing gets through to that side any more."""
        self._ways[toward].cut = True

    def seen(self, src: str, dst: str) -> Seen:
        """The newest that `src` sent to `dst` over this wire. Raises KeyError when it sent nothing."""
        return next(way.seen[src, dst] for way in self._ways.values() if (src, dst) in way.seen)

    def forge(
        self,
        toward: Side,
        src: str,
        dst: str,
        seq: int,
        flags: str,
        *,
        ack: int = 0,
        window: int = 0,
        payload: bytes = b"",
        ttl: int = 64,
        ip_id: int = 0,
    ) -> None:
        """Put a segment on the wire that `src` did not send."""
        packet = build(src, dst, seq, flags, ack=ack, window=window, payload=payload, ttl=ttl, ip_id=ip_id)
        with self._lock:
            self._schedule(toward, self._ways[toward].header + packet, 0.0)
        os.write(self._wake_write, b"!")

    def _carry(self) -> None:
        ends: dict[int, Side] = {way.fd: other(toward) for toward, way in self._ways.items()}
        readable = [*ends, self._wake_read]
        while True:
            wait = max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None
            ready, _, _ = select.select(readable, [], [], wait)
            for fd in ready:
                if fd == self._wake_read:
                    os.read(fd, 4096)
                else:
                    self._take(fd, ends[fd])
            self._deliver()

    def _take(self, fd: int, toward: Side) -> None:
        for _ in range(BURST):
            try:
                packet = os.read(fd, LARGEST)
            except BlockingIOError:
                return
            with self._lock:
                if self._passes(packet, toward):
                    self._schedule(toward, self._rewritten(packet, toward), self._lateness())

    def _passes(self, packet: bytes, toward: Side) -> bool:
        way = self._ways[toward]
        segment = parse(packet[self._skip :])
        if segment is None:
            return not way.cut
        way.header = packet[: self._skip]
        way.seen[segment.src, segment.dst] = Seen(segment.seq_end, segment.ack, segment.window, segment.payload_len)
        wanted = [watch(segment, toward) is not False for watch in self._watches]
        return all(wanted) and not way.cut and self._rng.random() >= self.weather.loss

    def _rewritten(self, packet: bytes, toward: Side) -> bytes:
        head, body = packet[: self._skip], packet[self._skip :]
        segment = parse(body)
        for rewrite in self._rewrites if segment else ():
            body = rewrite(segment, toward, body)
        return head + body

    def _lateness(self) -> float:
        return self.weather.late_s if self._rng.random() < self.weather.reorder else 0.0

    def _schedule(self, toward: Side, packet: bytes, late_s: float) -> None:
        way, weather = self._ways[toward], self.weather
        due = time.monotonic() + weather.delay_s + self._rng.random() * weather.jitter_s
        due = max(due, way.last_due)
        if late_s:
            due += late_s
        else:
            way.last_due = due
        heapq.heappush(self._queue, (due, next(self._order), toward, packet))

    def _deliver(self) -> None:
        with self._lock:
            while self._queue and self._queue[0][0] <= time.monotonic():
                _, _, toward, packet = heapq.heappop(self._queue)
                try:
                    os.write(self._ways[toward].fd, packet)
                except OSError:
                    continue  # the host took its device down


def _open(name: str, mode: int) -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), mode))
    return fd
