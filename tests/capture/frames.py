"""Packets put together by hand, and what the decoder makes of them."""

import struct
from ipaddress import ip_address

import numpy as np

from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Batch
from tcpdiag.model.segment import RECORD

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"


def packed(address):
    return ip_address(address).packed


def sum16(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def tcp(src=A, dst=B, *, sport=1000, dport=80, seq=111, ack=222, flags=0x18, options=b"", data=b"hello", checksum=None):
    """A TCP segment; `checksum` None: the right one."""
    header = 20 + len(options)
    assert header % 4 == 0
    head = struct.pack(">HHIIHHHH", sport, dport, seq, ack, (header // 4) << 12 | flags, 500, 0, 7) + options
    pseudo = packed(src) + packed(dst) + struct.pack(">II", header + len(data), 6)
    if checksum is None:
        checksum = ~sum16(pseudo + head + data) & 0xFFFF
    return head[:16] + struct.pack(">H", checksum) + head[18:] + data


def ipv4(payload, proto=6, src=A, dst=B, *, total=None, fragment=0, ident=7, options=b"", ttl=64):
    header = 20 + len(options)
    length = header + len(payload) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x40 | header // 4, 1, length, ident, fragment, ttl, proto, 0)
    return head + packed(src) + packed(dst) + options + payload


def ipv6(payload, proto=6, src=A6, dst=B6, *, length=None):
    length = len(payload) if length is None else length
    return struct.pack(">IHBB", 6 << 28, length, proto, 61) + packed(src) + packed(dst) + payload


def udp(payload, dport):
    return struct.pack(">HHHH", 40000, dport, 8 + len(payload), 0) + payload


def ethernet(payload, ethertype=0x0800):
    return b"\2" * 6 + b"\4" * 6 + struct.pack(">H", ethertype) + payload


def batch_of(packets, link_type=101, *, wire=None, first_frame=1, file=0):
    """A batch with nothing around the packets: a read beyond the last one is a read beyond the buffer."""
    records = np.zeros(len(packets), RECORD)
    records["captured_len"] = [len(packet) for packet in packets]
    records["offset"] = np.cumsum(records["captured_len"]) - records["captured_len"]
    records["wire_len"] = records["captured_len"] if wire is None else wire
    records["frame"] = np.arange(first_frame, first_frame + len(packets))
    records["link_type"] = link_type
    return Batch(np.frombuffer(b"".join(packets), np.uint8), records, file)


def decode(packets, link_type=101, **arguments):
    """The rows, and the decoder."""
    decoder = Decoder()
    return decoder.decode(batch_of(packets, link_type, **arguments)), decoder


def decode_one(packet, link_type=101, **arguments):
    """The one row of one packet, and the decoder."""
    rows, decoder = decode([packet], link_type, **arguments)
    assert len(rows) == 1, decoder.undecoded(0)
    return rows[0], decoder


def reasons(packet, link_type=101, **arguments):
    """Why a packet gave no row."""
    rows, decoder = decode([packet], link_type, **arguments)
    assert len(rows) == 0
    return decoder.undecoded(0)
