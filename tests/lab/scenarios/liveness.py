"""Peers that are gone: heartbeats, keepalives, flows that a middlebox forgets; and peers that are only quiet."""

import os
import socket
import time
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Connection, Lab, scenario
from lab.segments import Segment
from lab.talk import lose, read_exactly
from lab.wire import Side, other

WIRES = Plan(veth=False)


def _heartbeat(lab: Lab, beats: int, *, ends_well: bool = False) -> tuple[float, tuple[str, str], float]:
    """The server sends so many beats, and the client listens; period, connection, time of the last beat."""
    period, size = lab.rng.uniform(1.1, 1.4), lab.rng.randrange(6, 40)
    last = [0.0]
    done = lab.over.__class__()

    def handle(made: socket.socket) -> None:
        made.recv(100)
        began = time.monotonic()
        for beat in range(beats):
            lab.over.wait(max(0.0, began + (beat + 1) * period * lab.rng.uniform(0.995, 1.005) - time.monotonic()))
            made.sendall(os.urandom(size))
            last[0] = time.time()
        if ends_well:
            made.close()
        done.set()

    made, pair = lab.connect(lab.serve(handle))
    made.sendall(b"subscribe\n")
    done.wait(beats * period + 5)
    lab.pause(0.2)
    return period, pair, last[0]


def _expect_stop(lab: Lab, period: float, pair: tuple[str, str], last: float) -> None:
    lab.expect(
        "keepalive-stopped",
        pairs=[pair],
        pick=Pick(src=pair[1], dst=pair[0], payload=True),
        endpoint=pair[1],
        data={
            "period_s": [period * 0.95, period * 1.05],
            "silent_for_s": [time.time() - last - 2.0, time.time() - last + 2.0],
        },
        why=f"a beat each {period:.2f} s, then none",
    )


@scenario(15)
def heartbeat_stops(lab: Lab) -> None:
    """The server's process hangs: no more beats, but its kernel lives."""
    lab.chatter()
    period, pair, last = _heartbeat(lab, lab.rng.randrange(7, 9))
    lab.pause(4.2 * period, 5 * period)
    _expect_stop(lab, period, pair, last)


@scenario(15, Plan(taps=("client", "router"), veth=False))
def heartbeat_cut_off(lab: Lab) -> None:
    """The server's host is cut off; nobody says a word, other connections go on."""
    lab.chatter()
    period, pair, last = _heartbeat(lab, lab.rng.randrange(7, 9))
    lab.cut(pair, lab.wire_at("server"))
    lab.pause(4.2 * period, 5 * period)
    _expect_stop(lab, period, pair, last)


@scenario(15)
def heartbeat_goes_on(lab: Lab) -> None:
    """The control: the beats go on until the capture ends."""
    lab.chatter()
    _heartbeat(lab, lab.rng.randrange(8, 11))


@scenario(14)
def heartbeat_ends_with_the_connection(lab: Lab) -> None:
    """Another control: after the last beat the server closes, the client too."""
    lab.chatter()
    _heartbeat(lab, lab.rng.randrange(5, 7), ends_well=True)
    lab.pause(4, 5)
    lab.tolerate("close-wait-stuck", "the client does not close")


def _watched(lab: Lab, probes: int = 4) -> Connection:
    """An idle connection with TCP keepalives of the client: idle 2 s, then each second."""

    def handle(made: socket.socket) -> None:
        with suppress(OSError):
            while data := made.recv(1000):
                made.sendall(data)

    made, pair = lab.connect(lab.serve(handle))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 2), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, probes)):
        made.setsockopt(socket.IPPROTO_TCP, option, value)
    made.sendall(b"hello")
    made.recv(100)
    return made, pair


@scenario(15, Plan(taps=("client", "router"), veth=False))
def keepalive_unanswered(lab: Lab) -> None:
    """The server's host is gone; the client's kernel probes, gives up and resets."""
    lab.chatter()
    probes = lab.rng.randrange(3, 6)
    _, pair = _watched(lab, probes)
    lab.pause(2.2, 4.5)
    cut_at = time.time()
    lab.cut(pair, lab.wire_at("server"))
    lab.unseen("server")
    lab.pause(probes + 3.5)
    lab.expect(
        "keepalive-unanswered",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags=".", since=cut_at),
        data={"probes": [probes - 1, probes], "gave_up": True},
        why=f"{probes} probes without an answer",
    )


@scenario(13)
def keepalive_answered(lab: Lab) -> None:
    """The control: idle, and each probe is answered."""
    made, _ = _watched(lab)
    lab.pause(9, 11)
    made.sendall(b"still there")
    made.recv(100)
    made.close()


@scenario(21, Plan(taps=("client", "router"), veth=False))
def idle_flow_forgotten(lab: Lab) -> None:
    """A middlebox forgets an idle connection in silence; the next request goes into the void."""
    lab.chatter()
    made, pair = _asked(lab)
    idle = lab.pause(11, 12.5)
    began = time.time()
    lab.cut(pair, lab.wire_at("server"))
    lab.unseen("server")
    made.sendall(os.urandom(200))
    lab.pause(5, 7)
    lab.expect(
        "idle-flow-dropped",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], payload=True, since=began),
        endpoint=pair[0],
        data={"idle_s": [idle - 0.3, idle + 1]},
        why="after the idle time nothing is answered any more",
    )
    lab.tolerate("peer-vanished", "data is sent again and again without an answer")


@scenario(14)
def idle_flow_remembered(lab: Lab) -> None:
    """The control: after the same idle time the request is answered."""
    made, _ = _asked(lab)
    lab.pause(11, 12)
    made.sendall(os.urandom(200))
    read_exactly(made, 200)
    made.close()


def _asked(lab: Lab) -> Connection:
    """A connection that was used a little."""

    def handle(made: socket.socket) -> None:
        with suppress(OSError):
            while data := made.recv(4096):
                made.sendall(data)
            made.close()

    made, pair = lab.connect(lab.serve(handle))
    for _ in range(lab.rng.randrange(1, 4)):
        made.sendall(os.urandom(150))
        read_exactly(made, 150)
        lab.pause(0.05, 0.4)
    return made, pair


@scenario(8)
def half_open(lab: Lab) -> None:
    """The server's host has lost the connection (a restart); the client finds out when it speaks."""
    held: list[socket.socket] = []

    def handle(made: socket.socket) -> None:
        made.sendall(made.recv(100))
        held.append(made)

    made, pair = lab.connect(lab.serve(handle))
    made.sendall(b"hello")
    made.recv(100)
    lab.pause(0.3)
    lose(held[0])
    lab.unseen("server")
    lab.pause(1.5, 4)
    began = time.time()
    with suppress(ConnectionError):
        made.sendall(os.urandom(100))
        made.recv(100)
    lab.expect(
        "half-open",
        pairs=[pair],
        pick=Pick(src=pair[1], dst=pair[0], flags="R", since=began),
        data={"lost_by": pair[1]},
        why="a RST without an ACK answers data on a connection that nobody closed",
    )


@scenario(11, Plan(taps=("client", "server"), veth=False))
def peer_vanishes(lab: Lab) -> None:
    """In the midst of a transfer the path is cut; the sender repeats its data to nobody."""
    sender: Side = "client" if lab.network.tap == "client" else "server"

    def pour(made: socket.socket) -> None:
        with suppress(OSError):
            while not lab.over.is_set():
                made.sendall(os.urandom(2000))
                lab.pause(0.02, 0.1)

    def swallow(made: socket.socket) -> None:
        with suppress(OSError):
            while made.recv(65536):
                pass

    made, pair = lab.connect(lab.serve(pour if sender == "server" else swallow))
    lab.spawn(pour if sender == "client" else swallow, made)
    lab.pause(1, 2)
    lab.cut(pair, lab.wire_at(other(sender)))
    lab.unseen(other(sender))
    cut_at = time.time()
    lab.pause(6, 8)
    src, dst = pair if sender == "client" else pair[::-1]
    lab.expect(
        "peer-vanished",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, payload=True, since=cut_at),
        endpoint=src,
        why="the same data again and again, and never an answer",
    )


@scenario(8, WIRES)
def outage_that_ends(lab: Lab) -> None:
    """The control: for a second and a half everything is lost, then the transfer goes on."""
    made, _ = _asked(lab)
    lost = [True]

    def drop(segment: Segment, toward: Side) -> bool:
        return not lost[0]

    lab.wire_at("server").watch(drop)
    lab.tolerate("path-loss", "everything is lost for a while")
    lab.spawn(made.sendall, os.urandom(3000))
    lab.pause(0.9, 1.5)
    lost[0] = False
    read_exactly(made, 3000)
    made.sendall(b"x" * 500)
    read_exactly(made, 500)
    made.close()
