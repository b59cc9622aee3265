"""Capture files as bytes, written field by field: what the reader's tests read back."""

import struct
from dataclasses import dataclass

MICROSECONDS = 0xA1B2C3D4
NANOSECONDS = 0xA1B23C4D
MODIFIED = 0xA1B2CD34


@dataclass(frozen=True)
class Packet:
    """One packet. `wire_len` None: it was captured whole."""

    ts_ns: int
    data: bytes
    wire_len: int | None = None
    interface: int = 0

    @property
    def original(self) -> int:
        return len(self.data) if self.wire_len is None else self.wire_len


def pcap_header(*, magic=MICROSECONDS, order="<", version=(2, 4), snaplen=65535, network=1):
    return struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, snaplen, network)


def pcap_record(packet, *, magic=MICROSECONDS, order="<"):
    fraction = packet.ts_ns % 10**9 // (1 if magic == NANOSECONDS else 1000)
    head = struct.pack(f"{order}IIII", packet.ts_ns // 10**9, fraction, len(packet.data), packet.original)
    return head + (b"\1\2\3\4\5\6\7\10" if magic == MODIFIED else b"") + packet.data


def pcap(packets, *, magic=MICROSECONDS, order="<", **header):
    records = (pcap_record(packet, magic=magic, order=order) for packet in packets)
    return pcap_header(magic=magic, order=order, **header) + b"".join(records)


def block(kind, body, *, order="<", total=None, trailer=None):
    body += bytes(-len(body) % 4)
    length = 12 + len(body) if total is None else total
    return (
        struct.pack(f"{order}II", kind, length)
        + body
        + struct.pack(f"{order}I", length if trailer is None else trailer)
    )


def section(*, order="<", version=(1, 0)):
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, *version, -1), order=order)


def option(code, value, *, order="<"):
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(*, link_type=1, snaplen=0, options=b"", order="<"):
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snaplen) + options, order=order)


def enhanced(packet, *, ticks=None, order="<", captured=None, **lengths):
    ticks = packet.ts_ns // 1000 if ticks is None else ticks
    captured = len(packet.data) if captured is None else captured
    fields = (packet.interface, ticks >> 32, ticks & 0xFFFFFFFF, captured, packet.original)
    return block(6, struct.pack(f"{order}IIIII", *fields) + packet.data, order=order, **lengths)


def obsolete(packet, *, order="<"):
    ticks = packet.ts_ns // 1000
    fields = (packet.interface, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(packet.data), packet.original)
    return block(2, struct.pack(f"{order}HHIIII", *fields) + packet.data, order=order)


def simple(packet, *, order="<"):
    return block(3, struct.pack(f"{order}I", packet.original) + packet.data, order=order)


def statistics(number, *, order="<", **counters):
    codes = {"received": 4, "dropped_interface": 5, "accepted": 6, "dropped_os": 7}
    options = b"".join(
        option(codes[name], struct.pack(f"{order}Q", value), order=order) for name, value in counters.items()
    )
    return block(5, struct.pack(f"{order}III", number, 0, 0) + options, order=order)


def pcapng(packets, *, order="<", options=None, interfaces=1, scale=1):
    """`scale`: nanoseconds a tick of if_tsresol 9 holds; every interface gets the same."""
    options = option(9, b"\x09", order=order) if options is None else options
    blocks = [enhanced(packet, order=order, ticks=packet.ts_ns // scale) for packet in packets]
    described = interface(options=options, order=order) * interfaces
    return section(order=order) + described + b"".join(blocks)
