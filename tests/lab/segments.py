"""TCP segments as bytes of an IP packet: read those that pass, build those that nobody sent."""

import ipaddress
import struct
from collections.abc import Collection
from dataclasses import dataclass

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
MOD = 1 << 32
END_OF_OPTIONS, NOP, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 0, 1, 3, 4, 8  # kinds of options
LETTERS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, ".": ACK}

_PORTS_TO_WINDOW = struct.Struct(">HHIIBBH")
_IPV4 = struct.Struct(">BBHHHBBH4s4s")
_IPV6 = struct.Struct(">IHBB16s16s")


def endpoint(address: str, port: int) -> str:
    """`192.0.2.1:80` or `[2001:db8::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def address_of(name: str) -> tuple[str, int]:
    """The reverse of `endpoint`."""
    address, _, port = name.rpartition(":")
    return address.strip("[]"), int(port)


def flags_of(letters: str) -> int:
    """`"S."` -> SYN and ACK."""
    return sum(LETTERS[letter] for letter in letters)


@dataclass(frozen=True, slots=True)
class Segment:
    """What the headers of one packet say. `src` and `dst` are endpoints."""

    src: str
    dst: str
    seq: int
    ack: int
    flags: int
    window: int  # as on the wire, not scaled
    payload_len: int
    ttl: int

    @property
    def seq_end(self) -> int:
        """The sequence number after it."""
        return (self.seq + self.payload_len + bool(self.flags & SYN) + bool(self.flags & FIN)) % MOD

    @property
    def pure_ack(self) -> bool:
        """Nothing but an acknowledgement."""
        return self.flags & ~PSH == ACK and not self.payload_len


def parse(packet: bytes) -> Segment | None:
    """The segment in an IP packet without extension headers; None: not TCP, or cut."""
    if len(packet) < 40:
        return None
    if packet[0] >> 4 == 4:
        header, total, ttl, protocol = (packet[0] & 15) * 4, int.from_bytes(packet[2:4]), packet[8], packet[9]
        src, dst = packet[12:16], packet[16:20]
        total = total or len(packet)  # a packet that the card was to cut up may be longer than its field can say
    else:
        header, total, ttl, protocol = 40, int.from_bytes(packet[4:6]) + 40, packet[7], packet[6]
        src, dst = packet[8:24], packet[24:40]
        total = total if total > 40 else len(packet)
    if protocol != 6 or len(packet) < header + 20:
        return None
    sport, dport, seq, ack, offset, flags, window = _PORTS_TO_WINDOW.unpack_from(packet, header)
    return Segment(
        src=endpoint(str(ipaddress.ip_address(src)), sport),
        dst=endpoint(str(ipaddress.ip_address(dst)), dport),
        seq=seq,
        ack=ack,
        flags=flags & 0x1F,
        window=window,
        payload_len=total - header - (offset >> 4) * 4,
        ttl=ttl,
    )


def build(
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
) -> bytes:
    """An IP packet with one segment, its checksums right."""
    (src_address, sport), (dst_address, dport) = address_of(src), address_of(dst)
    one, other = ipaddress.ip_address(src_address), ipaddress.ip_address(dst_address)
    head = _PORTS_TO_WINDOW.pack(sport, dport, seq % MOD, ack % MOD, 5 << 4, flags_of(flags), window)
    pseudo = one.packed + other.packed + struct.pack(">II", 20 + len(payload), 6)
    check = _checksum(pseudo + head + bytes(4) + payload)
    segment = head + struct.pack(">HH", check, 0) + payload
    if one.version == 6:
        return _IPV6.pack(6 << 28, len(segment), 6, ttl, one.packed, other.packed) + segment
    fields = (0x45, 0, 20 + len(segment), ip_id, 0x4000, ttl, 6)
    return (
        _IPV4.pack(*fields, _checksum(_IPV4.pack(*fields, 0, one.packed, other.packed)), one.packed, other.packed)
        + segment
    )


def rewritten(packet: bytes, *, window: int | None = None, without: Collection[int] = ()) -> bytes:
    """The packet with another window, and without options of these kinds: NOPs stand in their place."""
    start = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    segment = bytearray(packet[start:])
    at, end = 20, (segment[12] >> 4) * 4
    while at < end and segment[at] != END_OF_OPTIONS:
        length = 1 if segment[at] == NOP else segment[at + 1]
        if segment[at] in without:
            segment[at : at + length] = bytes([NOP]) * length
        at += length
    if window is not None:
        segment[14:16] = window.to_bytes(2)
    segment[16:18] = bytes(2)
    segment[16:18] = _checksum(addresses + struct.pack(">II", len(segment), 6) + segment).to_bytes(2)
    return packet[:start] + bytes(segment)


def _checksum(data: bytes) -> int:
    data += bytes(len(data) & 1)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
