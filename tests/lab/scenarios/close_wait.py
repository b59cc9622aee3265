"""Who never closes: leaks, collisions with what they hold, the sawtooth; and the same traffic of those that close."""

import os
import socket
import time
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Connection, Lab, scenario
from lab.talk import client_hello, read_exactly, read_head, read_response, read_to_end, request, response

HELD_S = 5.0  # what counts as held in close-wait-stuck and close-wait-leak
FIN_TIMEOUT_S = 2  # of the client: the field's 60 s, in small


def leaves_open(lab: Lab) -> tuple[str, int]:
    """A server that answers, and then never closes what its clients have closed."""

    def handle(made: socket.socket) -> None:
        while read_head(made):
            made.sendall(response(lab.rng.randrange(100, 3000)))

    return lab.serve(handle)


def closes(lab: Lab, wait_s: float = 0.0) -> tuple[str, int]:
    """The same, closing: at once, or a while after its client."""

    def handle(made: socket.socket) -> None:
        while read_head(made):
            made.sendall(response(lab.rng.randrange(100, 3000)))
        lab.pause(wait_s)
        made.close()

    return lab.serve(handle)


def visit(lab: Lab, address: tuple[str, int], source_port: int = 0) -> tuple[str, str]:
    """One client: connect, one to three requests, close."""
    made, pair = lab.connect(address, source_port)
    for _ in range(lab.rng.randrange(1, 4)):
        made.sendall(request(lab.rng))
        read_response(made)
    made.close()
    return pair


def visits(lab: Lab, address: tuple[str, int]) -> list[tuple[str, str]]:
    """Several of them, one after the other."""
    found = []
    for _ in range(lab.rng.randrange(8, 15)):
        found.append(visit(lab, address))
        lab.pause(0.1, 0.5)
    return found


def port_of(pair: tuple[str, str]) -> int:
    """The client's port."""
    return int(pair[0].rpartition(":")[2])


def expect_leak(lab: Lab, held: list[tuple[str, str]], server: str, missing: int = 0) -> None:
    """The server holds these; `missing` of them are gone by the end."""
    lab.expect(
        "close-wait-leak",
        pairs=held,
        pick=Pick(dst=server, flags="F."),
        data={"count": [len(held) - missing, len(held)], "role": "server"},
        why="the server got their FINs and never sent its own",
    )


@scenario(16, Plan(taps=("client", "server", "router", "loopback")))
def leaking_listener_with_port_reuse(lab: Lab) -> None:
    """A server leaks; a client's ports are used again and meet the old sockets, which a current Linux then drops."""
    lab.network.client.sysctl("ipv4.tcp_fin_timeout", FIN_TIMEOUT_S)
    address = leaves_open(lab)
    held = visits(lab, address)
    lab.pause(HELD_S + 0.5, HELD_S + 2)
    again = lab.rng.sample(held, lab.rng.randrange(1, 3))
    began = time.time()
    for pair in again:
        visit(lab, address, port_of(pair))
        lab.pause(0.2, 1)
    lab.pause(0.5)
    expect_leak(lab, [pair for pair in held if pair not in again], again[0][1])
    lab.outcome.wanted[-1].data["count"] = [len(held), len(held) + len(again)]  # these are held, so many were leaked
    for pair in again:
        lab.expect(
            "syn-into-close-wait",
            pairs=[pair],
            pick=Pick(src=pair[0], dst=pair[1], flags="S", since=began),
            data={"challenged": [1, len(again)], "outcome": "delayed", "other_tuples_held": [len(held) - 2, len(held)]},
            why="the SYN met the server's old socket and was challenged",
        )


@scenario(14, Plan(taps=("client", "server", "router", "loopback"), late=True))
def leak_older_than_the_capture(lab: Lab) -> None:
    """The server's old sockets stem from before the capture; all that shows is a SYN that an ACK answers."""
    lab.network.client.sysctl("ipv4.tcp_fin_timeout", FIN_TIMEOUT_S)
    address = leaves_open(lab)
    held = visits(lab, address)
    lab.pause(FIN_TIMEOUT_S + 0.5, FIN_TIMEOUT_S + 2)
    lab.begin_capture()
    lab.chatter()
    pair = lab.rng.choice(held)
    lab.pause(0.3, 1)
    began = time.time()
    visit(lab, address, port_of(pair))
    lab.pause(0.5, 2)
    lab.expect(
        "syn-into-close-wait",
        "syn-in-connection",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags="S", since=began),
        data={"challenged": [1, 1]},
        why="the SYN was answered with the numbers of an older connection",
    )


def silent(lab: Lab, pair: tuple[str, str]) -> None:
    """Behind the tap something drops the server's challenge ACKs."""
    client, server = pair
    lab.wire_at("server").watch(lambda s, _: not (s.src == server and s.dst == client and s.pure_ack))


def deaf(lab: Lab, pair: tuple[str, str]) -> None:
    """Behind the tap something drops the client's RSTs, so the server's old socket stays."""
    client, server = pair
    lab.wire_at("server").watch(lambda s, _: not (s.src == client and s.dst == server and s.flags & 4))


def _fails(lab: Lab, obstacle: object) -> None:
    lab.network.client.sysctl("ipv4.tcp_fin_timeout", FIN_TIMEOUT_S)
    address = leaves_open(lab)
    held = visits(lab, address)
    lab.pause(HELD_S + 0.5, HELD_S + 1)
    pair = lab.rng.choice(held)
    lab.unseen("server")
    assert callable(obstacle)
    obstacle(lab, pair)
    began = time.time()
    made = lab.client_socket(port_of(pair))
    made.settimeout(lab.rng.uniform(5.5, 8))
    with suppress(TimeoutError):
        made.connect(address)
        lab.check(False, "the connect should have failed")
    expect_leak(lab, held, pair[1], missing=1)
    lab.expect(
        "syn-into-close-wait",
        pairs=[pair],
        pick=Pick(src=pair[0], dst=pair[1], flags="S", since=began),
        data={"outcome": "failed"},
        why="every SYN met the server's old socket",
    )


@scenario(20, Plan(taps=("client", "router"), veth=False))
def leaking_listener_and_challenges_dropped(lab: Lab) -> None:
    """As before, but a firewall eats the challenge ACKs: the SYNs stay unanswered and connect() times out."""
    _fails(lab, silent)


@scenario(20, Plan(taps=("client", "router"), veth=False))
def leaking_listener_and_resets_dropped(lab: Lab) -> None:
    """As before, but a firewall eats the client's RSTs: SYN and challenge ACK go round and round."""
    _fails(lab, deaf)


@scenario(14, Plan(taps=("client", "server", "router", "loopback"), habits=False))
def closing_listener_with_port_reuse(lab: Lab) -> None:
    """The control: the same clients and the same ports (which takes timestamps), of a server that closes."""
    lab.network.client.sysctl("ipv4.tcp_tw_reuse", 1)
    address = closes(lab)
    pairs = visits(lab, address)
    lab.pause(1.5, 6)
    for pair in lab.rng.sample(pairs, 3):
        visit(lab, address, port_of(pair))
        lab.pause(0.2, 1)


@scenario(14)
def closing_listener_that_is_late(lab: Lab) -> None:
    """Another control: each socket is closed some seconds after its client, by a time-out of its own."""
    address = closes(lab, lab.rng.uniform(2, 3.5))
    visits(lab, address)
    lab.pause(4.5)


@scenario(20)
def sawtooth(lab: Lab) -> None:
    """Nobody is answered while a lock is held; clients give up; when the lock falls, all sockets close at once."""
    period, name = lab.rng.uniform(3.5, 4.6), f"{lab.rng.choice(['shop', 'files', 'login'])}.example"
    waiting: list[socket.socket] = []
    pairs: list[tuple[str, str]] = []

    def handle(made: socket.socket) -> None:
        made.recv(4096)
        waiting.append(made)

    address = lab.serve(handle)

    def give_up(connection: Connection) -> None:
        made, pair = connection
        pairs.append(pair)
        made.sendall(client_hello(name))
        lab.pause(0.2, 0.6)
        made.close()

    def release() -> None:
        while waiting:
            waiting.pop().close()

    teeth = 3
    for _ in range(teeth):
        until = time.monotonic() + period
        while time.monotonic() < until - 1.1:
            lab.spawn(give_up, lab.connect(address))
            lab.pause(0.15, 0.3)
        lab.over.wait(until - time.monotonic())
        release()
    lab.pause(0.5)
    lab.expect(
        "close-wait-sawtooth",
        pairs=pairs[2:],
        pick=Pick(src=pairs[0][1], flags="F."),
        endpoint=pairs[0][1],
        data={"releases": teeth, "period_s": [period * 0.85, period * 1.15], "answered": 0, "role": "server"},
        why=f"{teeth} times all sockets that wait are closed at the same moment",
    )


@scenario(14)
def sawtooth_control(lab: Lab) -> None:
    """The same clients, which ask and give up, of a server that answers each of them in its own time."""

    def handle(made: socket.socket) -> None:
        made.recv(4096)
        lab.pause(0.1, 0.5)
        made.sendall(os.urandom(2000))
        read_to_end(made)
        made.close()

    address = lab.serve(handle)

    def ask() -> None:
        made, _ = lab.connect(address)
        made.sendall(client_hello("shop.example"))
        read_exactly(made, 2000)
        made.close()

    until = time.monotonic() + lab.rng.uniform(9, 12)
    while time.monotonic() < until:
        lab.spawn(ask)
        lab.pause(0.15, 0.3)
    lab.pause(0.5)


def _certificate_checks(lab: Lab, keep: bool) -> list[tuple[str, str]]:
    """A monitor asks again and again, and forgets to close what it asked, or not."""

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(lab.rng.randrange(200, 2000)))
        made.close()

    address = lab.serve(handle)
    lab.chatter()  # without any packet a capture does not show that time goes on
    pairs = []
    for _ in range(lab.rng.randrange(8, 13)):
        made, pair = lab.connect(address)
        pairs.append(pair)
        made.sendall(request(lab.rng))
        read_response(made)
        lab.pause(0.02, 0.1)
        if not keep:
            made.close()
        lab.pause(0.3, 0.8)
    lab.pause(HELD_S + 0.7, HELD_S + 2)
    return pairs


@scenario(16)
def leaking_client(lab: Lab) -> None:
    """A client reads each answer and never closes; the server closes, so the client's sockets pile up."""
    pairs = _certificate_checks(lab, keep=True)
    lab.expect(
        "close-wait-leak",
        pairs=pairs,
        pick=Pick(src=pairs[0][1], flags="F."),
        data={"count": len(pairs), "role": "client"},
        why="the client got the server's FINs and never sent its own",
    )


@scenario(14)
def leaking_client_control(lab: Lab) -> None:
    """The same client, closing."""
    _certificate_checks(lab, keep=False)


@scenario(12)
def half_close(lab: Lab) -> None:
    """The client ends its direction at once, the server goes on sending for long: legal, and no fault."""

    def handle(made: socket.socket) -> None:
        read_to_end(made)
        for _ in range(lab.rng.randrange(8, 15)):
            made.sendall(os.urandom(lab.rng.randrange(100, 5000)))
            lab.pause(0.2, 1.0)
        made.close()

    address = lab.serve(handle)

    def ask() -> None:
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
        made.shutdown(socket.SHUT_WR)
        read_to_end(made)
        made.close()

    lab.together(*[ask] * lab.rng.randrange(1, 7))
