"""What clients and servers of the laboratory say to each other."""

import os
import socket
import ssl
import struct
from contextlib import suppress
from random import Random

END_OF_HEAD = b"\r\n\r\n"
WORDS = ("orders", "users", "health", "images", "search", "cart", "metrics", "login", "static", "items")


def request(rng: Random, method: str = "GET") -> bytes:
    """An HTTP request without a body."""
    path = "/".join(rng.sample(WORDS, rng.randrange(1, 4)))
    host = f"{rng.choice(WORDS)}.example"
    return f"{method} /{path}?id={rng.randrange(10**6)} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode()


def response(body: int) -> bytes:
    """An HTTP response with so many bytes of body, none of which can be compressed or mistaken."""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n".encode() + os.urandom(body)


def client_hello(name: str) -> bytes:
    """The first bytes of a TLS client that asks for this name."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def read_head(made: socket.socket) -> bytes:
    """What comes up to the end of a request's or a response's head; empty when the connection ends before."""
    data = b""
    while END_OF_HEAD not in data:
        part = made.recv(65536)
        if not part:
            return b""
        data += part
    return data


def read_response(made: socket.socket) -> int:
    """Read one response of `response`; how long its body was."""
    head, _, body = read_head(made).partition(END_OF_HEAD)
    length = int(head.rpartition(b" ")[2])
    read_exactly(made, length - len(body))
    return length


def read_exactly(made: socket.socket, count: int) -> None:
    """Read so many bytes, and forget them. Raises EOFError when there are fewer."""
    while count > 0:
        part = made.recv(min(count, 1 << 18))
        if not part:
            raise EOFError(f"{count} bytes are missing")
        count -= len(part)


def read_to_end(made: socket.socket) -> int:
    """Read until the peer has ended its direction; how many bytes that were."""
    total = 0
    while part := made.recv(1 << 18):
        total += len(part)
    return total


def end(made: socket.socket) -> None:
    """Say that nothing more will be sent, and go on reading."""
    made.shutdown(socket.SHUT_WR)


def abort(made: socket.socket) -> None:
    """Close with a RST."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()


def lose(made: socket.socket) -> None:
    """Forget the connection without a word to the peer, as a host does that restarts (TCP_REPAIR, then close)."""
    tcp_repair = 19
    made.setsockopt(socket.IPPROTO_TCP, tcp_repair, 1)
    made.close()
