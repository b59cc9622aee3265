"""Packets with a secret in every field of every layer, and what of them must not be left."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from capture.frames import ipv4, ipv6, packed, sum16, tcp

A, B, OUTER_A, OUTER_B, ROUTER = "198.51.100.7", "203.0.113.9", "192.0.2.33", "192.0.2.44", "198.18.7.7"
A6, B6, VIA6 = "2001:db8:cafe::7", "2001:db8:beef::9", "2001:db8:face::5"
SECRET = b"Zugspitze!Payroll"
COOKIE = b"\xc0\x0c\x1e\xc0\x0c\x1e\xc0\x0c"
KEY32 = 0xCAFED00D
VNI = 0xABCDEF
MAC_A, MAC_B = b"\x00\x1b\x21\xaa\xbb\xcc", b"\x3c\xfd\xfe\x11\x22\x33"
TCP6 = tcp(A6, B6, data=SECRET)
TCP4 = tcp(A, B, data=SECRET)
IP4 = ipv4(TCP4, src=A, dst=B)
IP6 = ipv6(TCP6, src=A6, dst=B6)


def ip_checksum(packet: bytes) -> bytes:
    """An IPv4 packet with the right header checksum."""
    size = (packet[0] & 15) * 4
    return packet[:10] + struct.pack(">H", ~sum16(packet[:10] + b"\0\0" + packet[12:size]) & 0xFFFF) + packet[12:]


def udp(payload: bytes, port: int, *, src: str = OUTER_A, dst: str = OUTER_B, wrong: int = 0) -> bytes:
    """UDP with a checksum."""
    head = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0)
    pseudo = packed(src) + packed(dst) + struct.pack(">II", 8 + len(payload), 17)
    total = (~sum16(pseudo + head + payload) & 0xFFFF or 0xFFFF) ^ wrong
    return head[:6] + struct.pack(">H", total) + payload


def icmp(body: bytes) -> bytes:
    return body[:2] + struct.pack(">H", ~sum16(body[:2] + b"\0\0" + body[4:]) & 0xFFFF) + body[4:]


def icmp6(body: bytes, src: str, dst: str) -> bytes:
    pseudo = packed(src) + packed(dst) + struct.pack(">II", len(body), 58)
    return body[:2] + struct.pack(">H", ~sum16(pseudo + body[:2] + b"\0\0" + body[4:]) & 0xFFFF) + body[4:]


def outer(payload: bytes, proto: int) -> bytes:
    return ip_checksum(ipv4(payload, proto, src=OUTER_A, dst=OUTER_B))


def frame(payload: bytes, ethertype: int = 0x0800) -> bytes:
    return MAC_A + MAC_B + struct.pack(">H", ethertype) + payload


def option(kind: int, data: bytes) -> bytes:
    return bytes([kind, 2 + len(data)]) + data


def padded(options: bytes) -> bytes:
    return options.ljust(-(-len(options) // 4) * 4, b"\1")


def with_options(options: bytes, **more: object) -> bytes:
    return ip_checksum(ipv4(tcp(A, B, options=padded(options), data=SECRET, **more), src=A, dst=B))


def extension(following: int, body: bytes) -> bytes:
    body = body.ljust(-(-(len(body) + 2) // 8) * 8 - 2, b"\0")
    return bytes([following, (len(body) + 2) // 8 - 1]) + body


def routed(kind: int, head: bytes = bytes(4)) -> bytes:
    """IPv6 by way of VIA6, the last address being the destination."""
    addresses = (VIA6, B6) if kind != 4 else (B6, VIA6)
    body = bytes([kind, 1]) + head + b"".join(map(packed, addresses))
    return ipv6(extension(6, body) + tcp(A6, B6, data=SECRET), 43, src=A6, dst=VIA6)


GRE_SUM = struct.pack(">HHHHI", 0xA000, 0x0800, 0, 0, KEY32) + IP4
GRE = GRE_SUM[:4] + struct.pack(">H", ~sum16(GRE_SUM) & 0xFFFF) + GRE_SUM[6:]
GENEVE = struct.pack(">BBHI", 3, 0, 0x6558, VNI << 8) + struct.pack(">HBB", 0x0102, 0x80, 2) + COOKIE + frame(IP4)
GTP = struct.pack(">BBHI", 0x34, 255, 4 + len(IP4), KEY32) + b"\xbe\xef\x77\x85\x01\xca\xfe\x00" + IP4
TEREDO = b"\0\1\4\4" + COOKIE[:4] + COOKIE[4:] + COOKIE + b"\0" + b"\0\0\x12\x34" + packed(ROUTER) + IP6
ERSPAN2 = struct.pack(">HHI", 0x1000, 0x88BE, 5) + struct.pack(">HHI", 0x1ABC, 0x0BCD, 0x000BEEF1) + frame(IP4)
ERSPAN3 = struct.pack(">HHI", 0x1000, 0x22EB, 5) + b"\x2a\xbc\x0b\xcd" + COOKIE[:6] + b"\x00\x01" + COOKIE + frame(IP4)
AYIYA = b"\x44\x52\x11\x29" + COOKIE[:4] + packed(VIA6) + COOKIE * 2 + COOKIE[:4] + IP6
QUOTE = icmp(b"\3\4\0\0\x07\x44\5\x78" + IP4)
REDIRECT = icmp(b"\5\1\0\0" + packed(ROUTER) + IP4[:28])
TOO_BIG = icmp6(b"\2\0\0\0\0\0\5\x78" + IP6, VIA6, A6)
MPTCP = option(30, b"\x00\x81" + COOKIE)
ADD_ADDRESS = option(30, b"\x30\x05" + packed(ROUTER))
LSRR = bytes([131, 7, 4]) + packed(ROUTER) + b"\0"

PACKETS: dict[str, tuple[int, bytes]] = {
    "Ethernet": (1, frame(ip_checksum(IP4))),
    "Ethernet padding": (1, frame(ip_checksum(IP4)) + COOKIE),
    "VLAN in VLAN": (1, frame(struct.pack(">HHHH", 0x6ABC, 0x8100, 0x0DEF, 0x0800) + IP4, 0x88A8)),
    "PPPoE": (1, frame(b"\x11\0\xca\xfe" + struct.pack(">H", 2 + len(IP4)) + b"\0\x21" + IP4, 0x8864)),
    "MPLS": (1, frame(struct.pack(">II", 0xABCDE040, 0xCAFED140) + IP4, 0x8847)),
    "pseudowire": (1, frame(struct.pack(">II", 0xABCDE140, 0x0000BEEF) + frame(IP4), 0x8847)),
    "LLC": (1, MAC_A + MAC_B + struct.pack(">H", 8 + len(IP4)) + b"\xaa\xaa\3\0\0\0\x08\0" + IP4),
    "cooked": (113, struct.pack(">HHH", 0, 1, 6) + MAC_A + b"\xbe\xef\x08\x00" + IP4),
    "cooked, long address": (113, struct.pack(">HHH", 0, 1, 8) + COOKIE + b"\x08\x00" + IP4),
    "cooked v2": (276, struct.pack(">HHIHBB", 0x0800, 0, 3, 1, 4, 6) + MAC_A + b"\xbe\xef" + IP4),
    "null": (0, b"\2\0\0\0" + IP4),
    "PPP": (9, b"\xff\3\0\x21" + IP4),
    "HDLC": (104, b"\x0f\0\x08\0" + IP4),
    "InfiniBand": (242, COOKIE * 5 + b"\x08\0\0\0" + IP4),
    "IPv4": (228, ip_checksum(IP4)),
    "IPv4 options": (101, ip_checksum(ipv4(TCP4, src=A, dst=B, options=LSRR))),
    "IPv6": (229, bytes([0x6A]) + b"\x4b\xee\xf1" + IP6[4:]),
    "source route": (101, routed(0)),
    "home address route": (101, ipv6(extension(6, bytes([2, 1]) + bytes(4) + packed(B6)) + TCP6, 43, A6, VIA6)),
    "segment routing": (101, routed(4, b"\1\0\xbe\xef")),
    "hop-by-hop": (101, ipv6(extension(6, option(0x1E, COOKIE)[0:2] + COOKIE) + TCP6, 0, A6, B6)),
    "destination options": (101, ipv6(extension(6, bytes([0xC9, 16]) + packed(VIA6)) + TCP6, 60, A6, B6)),
    "mobility": (101, ipv6(extension(6, COOKIE + COOKIE[:6]) + TCP6, 135, A6, B6)),
    "authentication": (101, ipv6(b"\x06\4\0\0" + COOKIE[:4] + bytes(4) + COOKIE + COOKIE[:4] + TCP6, 51, A6, B6)),
    "authentication, IPv4": (101, ipv4(b"\x06\4\0\0" + COOKIE[:4] + bytes(4) + COOKIE + COOKIE[:4] + TCP4, 51, A, B)),
    "IP in IP": (101, outer(IP4, 4)),
    "6in4": (101, outer(IP6, 41)),
    "GRE": (101, outer(GRE, 47)),
    "PPTP": (101, outer(struct.pack(">HHHHI", 0x3001, 0x880B, 4 + len(IP4), 0xCAFE, 9) + b"\xff\3\0\x21" + IP4, 47)),
    "ERSPAN II": (101, outer(ERSPAN2, 47)),
    "ERSPAN III": (101, outer(ERSPAN3, 47)),
    "WCCP": (101, outer(struct.pack(">HHI", 0, 0x883E, 0x00BEEF01) + IP4, 47)),
    "VXLAN": (101, outer(udp(struct.pack(">II", 0x08BEEF01, VNI << 8 | 0x77) + frame(IP4), 4789), 17)),
    "VXLAN, wrong sum": (101, outer(udp(struct.pack(">II", 8 << 24, VNI << 8) + frame(IP4), 4789, wrong=77), 17)),
    "VXLAN-GPE": (101, outer(udp(struct.pack(">II", 0x0CBEEF01, VNI << 8) + IP4, 4790), 17)),
    "Geneve": (101, outer(udp(GENEVE, 6081), 17)),
    "GTP-U": (101, outer(udp(GTP, 2152), 17)),
    "Teredo": (101, outer(udp(TEREDO, 3544), 17)),
    "AYIYA": (101, outer(udp(AYIYA, 5072), 17)),
    "GRE in UDP": (101, outer(udp(GRE, 4754), 17)),
    "MPLS in UDP": (101, outer(udp(struct.pack(">I", 0xABCDE140) + IP4, 6635), 17)),
    "deep": (101, outer(udp(struct.pack(">II", 8 << 24, VNI << 8) + frame(outer(GRE, 47)), 4789), 17)),
    "ICMP error": (101, ip_checksum(ipv4(QUOTE, 1, src=ROUTER, dst=A))),
    "redirect": (101, ip_checksum(ipv4(REDIRECT, 1, src=ROUTER, dst=A))),
    "ICMPv6 error": (101, ipv6(TOO_BIG, 58, src=VIA6, dst=A6)),
    "wrong sums": (101, ipv4(tcp(A, B, data=SECRET, checksum=0x1234), src=A, dst=B)),
    "no sums": (101, ipv4(tcp(A, B, data=SECRET, checksum=0), src=A, dst=B)),
    "left to the card": (101, ipv4(tcp(A, B, data=SECRET, checksum=0x1111), src=A, dst=B)),
    "known options": (101, with_options(option(2, b"\5\xb4") + option(3, b"\7") + option(4, b"") + b"\1")),
    "times and SACK": (101, with_options(option(8, bytes(range(8))) + option(5, bytes(range(16))) + b"\1\1\1")),
    "Fast Open": (101, with_options(option(34, COOKIE))),
    "experimental Fast Open": (101, with_options(option(254, b"\xf9\x89" + COOKIE))),
    "MPTCP": (101, with_options(MPTCP)),
    "MPTCP address": (101, with_options(ADD_ADDRESS)),
    "MD5": (101, with_options(option(19, COOKIE * 2))),
    "AO": (101, with_options(option(29, b"\1\2" + COOKIE))),
    "unknown option": (101, with_options(option(99, COOKIE))),
    "bad option": (101, with_options(option(8, COOKIE[:7]) + b"\x1c\xff" + COOKIE)),
    "behind the last option": (101, with_options(b"\0" + COOKIE)),
    "bad header length": (101, ip_checksum(ipv4(TCP4[:12] + b"\x2f" + TCP4[13:], src=A, dst=B))),
    "header longer than the segment": (101, ip_checksum(ipv4(TCP4[:12] + b"\xff" + TCP4[13:30], src=A, dst=B))),
}


def partial(packet: bytes) -> bytes:
    """The TCP checksum of a plain IPv4 packet left to the network card."""
    length = len(packet) - 20
    value = sum16(packet[12:20] + struct.pack(">II", length, 6))
    return packet[:36] + struct.pack(">H", value) + packet[38:]


PACKETS["left to the card"] = (101, partial(PACKETS["left to the card"][1]))


@dataclass(frozen=True)
class Secret:
    """Bytes that must not be found."""

    name: str
    octets: bytes


SECRETS = [
    *(Secret(each, ip_address(each).packed) for each in (A, B, OUTER_A, OUTER_B, ROUTER, A6, B6, VIA6)),
    *(Secret("part of the payload", SECRET[at : at + 4]) for at in range(len(SECRET) - 3)),
    *(Secret("part of the cookie", (COOKIE * 2)[at : at + 4]) for at in range(8)),
    Secret("MAC address", MAC_A),
    Secret("MAC address", MAC_B),
    Secret("key", struct.pack(">I", KEY32)),
    Secret("network", struct.pack(">I", VNI)[1:]),
    Secret("PPPoE session", b"\x11\0\xca\xfe"),
    Secret("MPLS label", b"\xab\xcd\xe0"),
    Secret("MPLS label", b"\xab\xcd\xe1"),
    Secret("small field", b"\xbe\xef"),
]
