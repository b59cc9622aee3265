"""Receivers that do not read: for ever, for a while, and hardly."""

import os
import socket
import time

from lab.outcome import Pick
from lab.scenario import Connection, Lab, ends, scenario
from lab.talk import read_exactly, read_head, request


def _large_answer(lab: Lab) -> tuple[Connection, int]:
    """The client has asked for more than its own buffer takes; how much is coming."""
    size = lab.rng.randrange(400_000, 900_000)
    closes = lab.rng.random() < 0.5

    def handle(made: socket.socket) -> None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
        read_head(made)
        made.sendall(os.urandom(size))
        if closes:
            made.close()

    address = lab.serve(handle)
    made = lab.client_socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, lab.rng.choice([8192, 16384, 32768]))
    made.connect(address)
    made.sendall(request(lab.rng))
    return (made, ends(made)), size


def _expect_closed_window(lab: Lab, pair: tuple[str, str], since: float, *kinds: str) -> None:
    lab.expect(
        *kinds,
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags=".", window=0, since=since),
        why="the client's window is closed while the server has more to send",
    )


@scenario(13)
def client_that_stops_reading(lab: Lab) -> None:
    """A client reads the beginning of a large answer, then nothing more, and does not close."""
    lab.chatter()
    (made, pair), _ = _large_answer(lab)
    since = time.time()
    read_exactly(made, lab.rng.randrange(1000, 20_000))
    lab.pause(9, 12)
    _expect_closed_window(lab, pair, since, "reader-stopped")


@scenario(9)
def client_that_pauses(lab: Lab) -> None:
    """A client stops reading for some seconds, and then goes on: a stall, not the end."""
    (made, pair), size = _large_answer(lab)
    since = time.time()
    read_exactly(made, 10_000)
    lab.pause(3, 5)
    read_exactly(made, size - 10_000)
    made.close()
    _expect_closed_window(lab, pair, since, "zero-window-stall")


@scenario(9)
def client_that_reads_slowly(lab: Lab) -> None:
    """The control: small bites with short pauses, up to the end."""
    (made, _), size = _large_answer(lab)
    while size:
        bite = min(size, lab.rng.randrange(20_000, 60_000))
        read_exactly(made, bite)
        size -= bite
        lab.pause(0.05, 0.25)
    made.close()
