"""Connects that fail, each for its own reason; and one that only looks as if it did."""

import socket
from collections.abc import Callable
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Lab, ends, scenario
from lab.segments import SYN, Segment, endpoint
from lab.talk import read_head, read_response, request, response
from lab.wire import Side


def attempt(lab: Lab, address: tuple[str, int], patience_s: float, found: list[tuple[str, str]]) -> Callable[[], None]:
    """A connect that will not succeed; its endpoints go to `found`."""

    def act() -> None:
        made = lab.client_socket()
        made.bind((lab.network.client_address, 0))
        pair = (endpoint(*made.getsockname()[:2]), endpoint(*address))
        made.settimeout(patience_s)
        try:
            made.connect(address)
        except (TimeoutError, ConnectionRefusedError):
            found.append(pair)

    return act


@scenario(8)
def refused_port(lab: Lab) -> None:
    """Nobody listens there."""
    lab.chatter()
    refused: list[tuple[str, str]] = []
    address = (lab.network.server_address, lab.port())
    for _ in range(lab.rng.randrange(3, 6)):
        attempt(lab, address, 5, refused)()
        lab.pause(0.2, 1)
    lab.expect(
        "syn-refused",
        pairs=refused,
        pick=Pick(src=endpoint(*address), flags="R."),
        endpoint=endpoint(*address),
        data={"count": len(refused)},
        why="a RST answers each SYN",
    )


@scenario(12, Plan(taps=("client", "router"), veth=False))
def firewall_drop(lab: Lab) -> None:
    """A firewall drops the SYNs to one port; another port of the same host is served."""
    lab.chatter()
    listener, address = lab.listen()
    server = endpoint(*address)

    def drop(segment: Segment, _: Side) -> bool:
        return segment.dst != server

    lab.wire_at("server").watch(drop)
    lost: list[tuple[str, str]] = []
    for _ in range(lab.rng.randrange(1, 4)):
        lab.spawn(attempt(lab, address, 7, lost))
        lab.pause(0.1, 1)
    lab.pause(7.5)
    lab.expect(
        "syn-unanswered",
        pairs=lost,
        pick=Pick(dst=server, flags="S"),
        endpoint=server,
        data={"count": len(lost)},
        why="no SYN is answered",
    )
    listener.close()


@scenario(6, Plan(veth=False))
def syn_lost_once(lab: Lab) -> None:
    """The control of the firewall: the first SYN is lost, the second is answered."""
    first = [True]

    def lose(segment: Segment, toward: Side) -> bool:
        lost = first[0] and toward == "server" and segment.flags == SYN
        first[0] = first[0] and not lost
        return not lost

    lab.wire_at("server").watch(lose)
    _served(lab, 2)


def _served(lab: Lab, clients: int, accept_after_s: float = 0.0) -> None:
    def handle(made: socket.socket) -> None:
        lab.pause(accept_after_s)
        while read_head(made):
            made.sendall(response(lab.rng.randrange(10, 5000)))
        made.close()

    address = lab.serve(handle)

    def ask() -> None:
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
        read_response(made)
        made.close()

    lab.together(*[ask] * clients)


@scenario(11)
def full_accept_queue(lab: Lab) -> None:
    """A listener that never accepts: its queue fills, and from then on SYNs are dropped."""
    backlog = lab.rng.randrange(1, 4)
    _, address = lab.listen(backlog=backlog)
    lab.chatter()
    for _ in range(backlog + 1):
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
        lab.pause(0.05, 0.3)
    lost: list[tuple[str, str]] = []
    for _ in range(lab.rng.randrange(2, 5)):
        lab.spawn(attempt(lab, address, 7, lost))
        lab.pause(0.05, 0.5)
    lab.pause(7.5)
    lab.expect(
        "syn-unanswered",
        "accept-queue-overflow",
        pairs=lost,
        pick=Pick(dst=endpoint(*address), flags="S"),
        why="SYNs are dropped while the queue is full",
    )


@scenario(12, Plan(delays_s=(0.02, 0.04), veth=False))
def full_accept_queue_in_a_burst(lab: Lab) -> None:
    """All SYNs come while there is room, so it is their final ACKs that find the queue full."""
    backlog = lab.rng.randrange(3, 6)
    _, address = lab.listen(backlog=backlog)
    for _ in range(backlog):  # one more would fit
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
    late = [lab.client_socket() for _ in range(backlog)]  # as many as there may be half-open
    for made in late:
        made.setblocking(False)
        made.connect_ex(address)
    lab.pause(0.3)
    pairs = [ends(made) for made in late]
    for made in late:
        made.send(request(lab.rng))
    lab.pause(1.5)
    states = lab.truth.states(lab.network.server)
    dropped = [pair for pair in pairs if states.get(pair[::-1]) != "ESTABLISHED"]
    lab.pause(6.5)
    lab.check(bool(dropped), "no final ACK was dropped")
    lab.expect(
        "accept-queue-overflow",
        pairs=dropped,
        pick=Pick(src=endpoint(*address), flags="S."),
        endpoint=endpoint(*address),
        data={"connections": len(dropped)},
        why="the SYN-ACK comes again although the client's ACK had arrived",
    )
    lab.tolerate("peer-vanished", "the requests of those clients are never acknowledged")


@scenario(6)
def slow_accept(lab: Lab) -> None:
    """The control of the full queue: a small backlog, and a listener that accepts late, but does."""
    listener, address = lab.listen(backlog=10)

    def ask() -> None:
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
        read_response(made)
        made.close()

    def accept() -> None:
        listener.settimeout(2)
        with suppress(TimeoutError):
            while not lab.over.is_set():
                lab.pause(0.1, 0.3)
                made = lab.network.server.hold(listener.accept()[0])
                read_head(made)
                made.sendall(response(500))
                made.close()

    serving = lab.spawn(accept)
    lab.together(*[ask] * lab.rng.randrange(4, 9))
    serving.join(5)


@scenario(5, Plan(delays_s=(0.02, 0.05), taps=("client", "server", "router"), veth=False))
def simultaneous_open(lab: Lab) -> None:
    """Both sides connect to each other at the same moment (RFC 9293 section 3.5, figure 7): legal, and rare."""
    ports = lab.rng.sample(range(20_000, 30_000), 2)
    one = lab.client_socket(ports[0])
    another = lab.network.server.make_socket(one.family)
    another.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    another.bind((lab.network.server_address, ports[1]))
    lab.together(
        lambda: one.connect((lab.network.server_address, ports[1])),
        lambda: another.connect((lab.network.client_address, ports[0])),
    )
    lab.check(ends(one) == ends(another)[::-1], "the two did not meet")
    for _ in range(3):
        one.sendall(b"from one")
        another.recv(100)
        another.sendall(b"from the other")
        one.recv(100)
        lab.pause(0.1, 0.4)
    one.close()
    another.close()
