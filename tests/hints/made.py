"""First bytes and captures made by hand: hellos, DNS answers, conversations."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from capture.frames import ethernet, ipv4, ipv6, tcp
from capture.writing import Packet, pcap

START_NS = 1_795_218_621_000_000_000
SYN, ACK, FIN, PSH = 2, 16, 1, 8
CLIENT_ISN, SERVER_ISN = 1000, 4_294_967_000  # the server's numbers wrap


def vector(data: bytes, size: int) -> bytes:
    """Bytes behind their length."""
    return len(data).to_bytes(size) + data


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack("!H", kind) + vector(body, 2)


def server_name(name: bytes) -> bytes:
    return extension(0, vector(b"\0" + vector(name, 2), 2))


def alpn(*names: bytes) -> bytes:
    return extension(16, vector(b"".join(vector(name, 1) for name in names), 2))


def versions(*numbers: int) -> bytes:
    return extension(43, vector(b"".join(struct.pack("!H", number) for number in numbers), 1))


def client_hello(*extensions: bytes) -> bytes:
    """A ClientHello in one record."""
    body = b"\3\3" + bytes(32) + vector(bytes(32), 1) + vector(b"\x13\1\x13\2", 2) + vector(b"\0", 1)
    body += vector(b"".join(extensions), 2)
    return records(b"\1" + vector(body, 3))


def server_hello(*extensions: bytes, version: int = 0x0303) -> bytes:
    body = struct.pack("!H", version) + bytes(32) + vector(b"", 1) + b"\xc0\x2f\0"
    return records(b"\2" + vector(body + vector(b"".join(extensions), 2), 3))


def records(message: bytes, size: int = 1 << 14) -> bytes:
    """A handshake message in records of at most `size` bytes."""
    parts = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\3\1" + vector(part, 2) for part in parts)


def alert(number: int) -> bytes:
    return b"\x15\3\3\0\2\2" + bytes([number])


POST_QUANTUM = extension(51, bytes(1216 + 4))
HELLO = client_hello(server_name(b"api.example.com"), alpn(b"h2", b"http/1.1"), versions(0x0304, 0x0303))
GET = b"GET /doc/1?token=secret HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def dns_name(name: str) -> bytes:
    return b"".join(vector(label.encode(), 1) for label in name.split(".")) + b"\0"


def dns_answer(asked: str, *records: tuple[str, str | bytes], kind: int = 1) -> bytes:
    """A response; a record is (owner, address or name of a CNAME), bytes: a record of type RRSIG."""
    message = struct.pack("!HHHHHH", 7, 0x8180, 1, len(records), 0, 0) + dns_name(asked) + struct.pack("!HH", kind, 1)
    for owner, value in records:
        if isinstance(value, bytes):
            number, data = 46, value
        elif value[0].isdigit():
            data = ip_address(value).packed
            number = 1 if len(data) == 4 else 28
        else:
            number, data = 5, dns_name(value)
        message += dns_name(owner) + struct.pack("!HHI", number, 1, 60) + vector(data, 2)
    return message


def dns_packet(message: bytes, source_port: int = 53) -> bytes:
    datagram = struct.pack(">HHHH", source_port, 40_000, 8 + len(message), 0) + message
    return ethernet(ipv4(datagram, 17, src="10.0.0.53", dst="10.0.0.1"))


@dataclass
class Conversation:
    """Packets of one connection, to be put into a capture in any order."""

    sport: int = 40_000
    dport: int = 443
    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    packets: list[bytes] = field(default_factory=list)

    def segment(self, flags: int, seq: int, ack: int, data: bytes = b"", *, by_server: bool = False) -> "Conversation":
        """Append a segment; numbers are relative to the sender's and the peer's ISN."""
        src, dst = (self.server, self.client) if by_server else (self.client, self.server)
        mine, theirs = (SERVER_ISN, CLIENT_ISN) if by_server else (CLIENT_ISN, SERVER_ISN)
        ports = (self.dport, self.sport) if by_server else (self.sport, self.dport)
        text = tcp(
            src,
            dst,
            sport=ports[0],
            dport=ports[1],
            seq=(mine + seq) % 2**32,
            ack=(theirs + ack) % 2**32 if flags & ACK else 0,
            flags=flags,
            data=data,
        )
        six = ":" in src
        self.packets.append(ethernet((ipv6 if six else ipv4)(text, src=src, dst=dst), 0x86DD if six else 0x0800))
        return self

    def opened(self) -> "Conversation":
        """The three-way handshake."""
        self.segment(SYN, 0, 0).segment(SYN | ACK, 0, 1, by_server=True)
        return self.segment(ACK, 1, 1)

    def asked(self, data: bytes, answer: bytes = b"", mss: int = 1400) -> "Conversation":
        """A request in segments of `mss` bytes, acknowledged, and an answer."""
        for at in range(0, len(data), mss):
            self.segment(ACK | PSH, 1 + at, 1, data[at : at + mss])
        self.segment(ACK, 1, 1 + len(data), by_server=True)
        if answer:
            self.segment(ACK | PSH, 1, 1 + len(data), answer, by_server=True)
            self.segment(ACK, 1 + len(data), 1 + len(answer))
        return self

    def left(self, sent: int, got: int) -> "Conversation":
        """The client ends it, and the server does not."""
        self.segment(ACK | FIN, 1 + sent, 1 + got)
        return self.segment(ACK, 1 + got, 2 + sent, by_server=True)

    def closed(self, sent: int, got: int) -> "Conversation":
        """Both end it."""
        self.left(sent, got).segment(ACK | FIN, 1 + got, 2 + sent, by_server=True)
        return self.segment(ACK, 2 + sent, 2 + got)

    def refused(self) -> "Conversation":
        """A SYN that gets a RST."""
        return self.segment(SYN, 0, 0).segment(4 | ACK, 0, 1, by_server=True)


def leaked(request: bytes, answer: bytes = b"", **ends: Any) -> list[bytes]:
    """A connection that its client ended and its server holds."""
    return Conversation(**ends).opened().asked(request, answer).left(len(request), len(answer)).packets


def healthy(request: bytes, answer: bytes = b"", **ends: Any) -> list[bytes]:
    """A connection that both ended."""
    return Conversation(**ends).opened().asked(request, answer).closed(len(request), len(answer)).packets


def write(path: Path, packets: Iterable[bytes], *, gap_ns: int = 10_000_000, snaplen: int = 65_535) -> Path:
    """A pcap file of these packets, `gap_ns` apart."""
    cut: Sequence[Packet] = [
        Packet(START_NS + number * gap_ns, data[:snaplen], len(data)) for number, data in enumerate(packets)
    ]
    path.write_bytes(pcap(cut, snaplen=snaplen))
    return path
