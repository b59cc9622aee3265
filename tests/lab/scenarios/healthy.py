"""Plain healthy traffic of many kinds: nothing to report."""

import os
import socket
from contextlib import suppress

from lab.network import Plan
from lab.scenario import Lab, scenario
from lab.talk import end, read_exactly, read_head, read_response, read_to_end, request, response

TCP_FASTOPEN_CONNECT = 30  # with a cookie, connect() sends nothing: the first data go with the SYN
EVERYWHERE = Plan(taps=("client", "server", "router", "loopback"))


def web(lab: Lab, largest: int = 20_000, think_s: float = 0.0) -> tuple[str, int]:
    """A server of requests that closes after its client."""

    def handle(made: socket.socket) -> None:
        while read_head(made):
            lab.pause(think_s)
            made.sendall(response(lab.rng.randrange(0, largest)))
        made.close()

    return lab.serve(handle)


@scenario(8, EVERYWHERE)
def requests(lab: Lab) -> None:
    """Clients that keep their connections, and ask with pauses."""
    address = web(lab)

    def client() -> None:
        made, _ = lab.connect(address)
        for _ in range(lab.rng.randrange(3, 12)):
            made.sendall(request(lab.rng))
            read_response(made)
            lab.pause(0.01, 0.8)
        made.close()

    lab.together(*[client] * lab.rng.randrange(2, 8))


@scenario(7, EVERYWHERE)
def many_connections(lab: Lab) -> None:
    """A new connection for each request, several at a time; who closes first varies."""

    def closes_first(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(lab.rng.randrange(0, 3000)))
        made.close()

    addresses = [web(lab, 3000), lab.serve(closes_first)]

    def client() -> None:
        for _ in range(lab.rng.randrange(10, 25)):
            made, _ = lab.connect(lab.rng.choice(addresses))
            made.sendall(request(lab.rng))
            read_response(made)
            made.close()
            lab.pause(0.0, 0.2)

    lab.together(*[client] * 4)


@scenario(8, Plan(taps=("client", "server", "router", "loopback"), late=True))
def requests_seen_late(lab: Lab) -> None:
    """The capture begins in the midst of connections, one of which is idle, one in a transfer."""
    address, large = web(lab), lab.rng.randrange(3_000_000, 6_000_000)

    def pour(made: socket.socket) -> None:
        for _ in range(100):
            made.sendall(os.urandom(large // 100))
            lab.pause(0.02)
        made.close()

    def client(requests: int) -> None:
        made, _ = lab.connect(address)
        for _ in range(requests):
            made.sendall(request(lab.rng))
            read_response(made)
            lab.pause(0.1, 0.6)
        made.close()

    made, _ = lab.connect(lab.serve(pour))
    idle, _ = lab.connect(address)
    clients = [lab.spawn(client, lab.rng.randrange(5, 10)) for _ in range(3)]
    lab.pause(0.5, 1)
    lab.begin_capture()
    read_to_end(made)
    made.close()
    for thread in clients:
        thread.join()
    lab.check(idle.fileno() >= 0, "the idle connection was closed")


@scenario(12)
def long_poll(lab: Lab) -> None:
    """Each answer comes after seconds of silence."""
    address = web(lab, 500, lab.rng.uniform(2.5, 4))
    made, _ = lab.connect(address)
    for _ in range(3):
        made.sendall(request(lab.rng))
        read_response(made)
    made.close()


@scenario(6)
def download(lab: Lab) -> None:
    """A few megabytes from the server."""
    size = lab.rng.randrange(1_000_000, 4_000_000)

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(size))
        made.close()

    made, _ = lab.connect(lab.serve(handle))
    made.sendall(request(lab.rng))
    lab.check(read_response(made) == size, "the answer is not whole")
    made.close()


@scenario(6)
def upload(lab: Lab) -> None:
    """A few megabytes to the server, the client ends first and waits for the answer."""

    def handle(made: socket.socket) -> None:
        read_to_end(made)
        made.sendall(response(10))
        made.close()

    made, _ = lab.connect(lab.serve(handle))
    made.sendall(os.urandom(lab.rng.randrange(1_000_000, 3_000_000)))
    end(made)
    read_response(made)
    made.close()


@scenario(12, Plan(loss=0.012, reorder=0.01, delays_s=(0.003, 0.02)))
def download_over_a_poor_path(lab: Lab) -> None:
    """Loss of more than a percent, and packets that overtake each other: slower, but it works."""
    size = lab.rng.randrange(500_000, 1_500_000)

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(size))
        read_to_end(made)
        made.close()

    made, _ = lab.connect(lab.serve(handle))
    made.sendall(request(lab.rng))
    read_response(made)
    made.close()
    lab.pause(1)


@scenario(10, EVERYWHERE)
def typing(lab: Lab) -> None:
    """A terminal: single keys, each echoed, with pauses for thought."""

    def handle(made: socket.socket) -> None:
        while data := made.recv(100):
            made.sendall(data)
        made.close()

    made, _ = lab.connect(lab.serve(handle))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(lab.rng.randrange(20, 40)):
        made.sendall(os.urandom(1))
        read_exactly(made, 1)
        lab.pause(0.03, 0.25 if lab.rng.random() < 0.95 else 1.5)
    made.close()


@scenario(6)
def time_wait_reuse(lab: Lab) -> None:
    """The server closes first, and the same client port comes again while the server is in TIME-WAIT."""

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(100))
        made.close()

    address = lab.serve(handle)
    port = lab.rng.randrange(30_000, 60_000)
    for _ in range(3):
        made, _ = lab.connect(address, port)
        made.sendall(request(lab.rng))
        read_response(made)
        read_to_end(made)
        made.close()
        lab.pause(1.1, 1.6)


@scenario(5)
def fast_open(lab: Lab) -> None:
    """TCP Fast Open: a cookie first, then data in the SYN (RFC 7413)."""
    for host in (lab.network.client, lab.network.server):
        host.sysctl("ipv4.tcp_fastopen", 3)

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(lab.rng.randrange(100, 2000)))
        made.close()

    listener, address = lab.listen()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)

    def accept() -> None:
        with suppress(TimeoutError):
            while not lab.over.is_set():
                lab.spawn(handle, lab.network.server.hold(listener.accept()[0]))

    lab.spawn(accept)
    for _ in range(4):
        made = lab.client_socket()
        made.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        made.connect(address)
        made.sendall(request(lab.rng))
        read_response(made)
        read_to_end(made)
        made.close()
        lab.pause(0.1, 0.5)


@scenario(6, Plan(delays_s=(0.02, 0.05), veth=False))
def simultaneous_close(lab: Lab) -> None:
    """Both sides close at the same moment: FINs cross, and both come to TIME-WAIT by CLOSING."""
    accepted: list[socket.socket] = []

    def handle(made: socket.socket) -> None:
        made.sendall(made.recv(100))
        accepted.append(made)

    address = lab.serve(handle)
    for _ in range(3):
        made, _ = lab.connect(address)
        made.sendall(b"hello")
        made.recv(100)
        lab.pause(0.3)
        lab.together(made.close, accepted.pop().close)
        lab.pause(0.2, 0.5)
