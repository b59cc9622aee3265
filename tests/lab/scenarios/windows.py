"""Windows that a receiver should not offer: taken back, and silly ones."""

import os
import socket
import time

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Lab, ends, scenario
from lab.segments import Segment, rewritten
from lab.talk import read_exactly, read_head, request
from lab.wire import Side

MOD = 1 << 32


@scenario(6, Plan(habits=False))
def window_that_shrinks(lab: Lab) -> None:
    """A client whose kernel may shrink windows does not read many small messages: they need more room than they say."""
    lab.network.client.sysctl("ipv4.tcp_shrink_window", 1)
    messages, size = lab.rng.randrange(400, 600), lab.rng.randrange(40, 100)

    def handle(made: socket.socket) -> None:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        read_head(made)
        for _ in range(messages):
            made.sendall(os.urandom(size))
            time.sleep(0.002)
        made.close()

    address = lab.serve(handle)
    made = lab.client_socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, lab.rng.choice([65536, 100_000]))
    made.connect(address)
    pair = ends(made)
    made.sendall(request(lab.rng))
    lab.pause(2, 3)
    read_exactly(made, messages * size)
    made.close()
    lab.expect(
        "window-shrunk",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags="."),
        why="the right edge of the client's window moves to the left",
    )
    lab.tolerate("zero-window-stall", "the window that shrinks closes in the end")


class _Shaper:
    """Lets the window that one side offers fill up, and then opens it by a few bytes at a time."""

    def __init__(self, after: int, step: int, offers: int) -> None:
        self.after, self.step, self.offers = after, step, offers
        self._first: int | None = None
        self._edge = 0

    def __call__(self, segment: Segment, toward: Side, packet: bytes) -> bytes:
        if toward == "client" or not segment.pure_ack:
            return packet
        if self._first is None:
            self._first, self._edge = segment.ack, segment.ack + segment.window
        acked = (segment.ack - self._first) % MOD
        if acked < self.after or not self.offers:
            self._edge = max(self._edge, self._first + acked + segment.window)
            return packet
        left = self._edge - self._first - acked
        if left <= 0:
            self.offers -= 1
            left = self.step
            self._edge = self._first + acked + left
        return rewritten(packet, window=min(left, 65535))


@scenario(9, Plan(taps=("server", "router"), veth=False, habits=False))
def silly_windows(lab: Lab) -> None:
    """A shaper on the path opens the client's window by some hundred bytes at a time; then it gives up."""
    lab.network.client.sysctl("ipv4.tcp_window_scaling", 0)
    shaper = _Shaper(lab.rng.randrange(10_000, 30_000), lab.rng.randrange(100, 500), lab.rng.randrange(20, 30))
    lab.network.near_client.rewrite(shaper)
    size = lab.rng.randrange(130_000, 160_000)  # more than the window held before, and all that it opens by

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(os.urandom(size))
        made.close()

    made, pair = lab.connect(lab.serve(handle))
    made.sendall(request(lab.rng))
    read_exactly(made, size)
    made.close()
    lab.pause(0.3)
    lab.expect(
        "silly-window",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags="."),
        why="the window opens by less than a segment, again and again",
    )
