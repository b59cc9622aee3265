"""Every link layer and every tunnel leads to the same TCP segment."""

import struct

import pytest

from capture.frames import A6, B6, A, B, decode, decode_one, ethernet, ipv4, ipv6, reasons, tcp, udp

FOUR = ipv4(tcp())
SIX = ipv6(tcp(A6, B6))
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
DATA_FRAME = b"\x08\x01" + b"\0" * 22
RADIOTAP = struct.pack("<BBHIB3x", 0, 0, 12, 2, 0)
PADDED_RADIOTAP = struct.pack("<BBHIB3x", 0, 0, 12, 2, 0x20)
NFLOG = struct.pack("<BBH", 2, 0, 0) + struct.pack("<HHI", 8, 5, 1)

LINKS = {
    "ethernet": (1, ethernet(FOUR)),
    "ethernet with padding": (1, ethernet(FOUR + b"\0" * 9)),
    "ethernet, IPv6": (1, ethernet(SIX, 0x86DD)),
    "802.1Q": (1, ethernet(b"\0\5\x08\0" + FOUR, 0x8100)),
    "802.1ad and 802.1Q": (1, ethernet(b"\0\5\x81\0\0\6\x08\0" + FOUR, 0x88A8)),
    "MPLS": (1, ethernet(b"\0\1\0\x40\0\1\1\x40" + FOUR, 0x8847)),
    "MPLS, Ethernet pseudowire": (1, ethernet(b"\0\1\1\x40\0\0\0\0" + ethernet(FOUR), 0x8847)),
    "PPPoE": (1, ethernet(struct.pack(">BBHHH", 0x11, 0, 1, len(FOUR) + 2, 0x21) + FOUR, 0x8864)),
    "802.3 with SNAP": (1, ethernet(SNAP + FOUR, 8 + len(FOUR))),
    "PPP": (9, b"\0\x21" + FOUR),
    "PPP in HDLC framing": (50, b"\xff\3\0\x57" + SIX),
    "PPP, short protocol": (9, b"\x21" + FOUR),
    "Cisco HDLC": (104, b"\x0f\0\x08\0" + FOUR),
    "cooked v1": (113, struct.pack(">HHH8sH", 4, 1, 6, b"", 0x0800) + FOUR),
    "cooked v2": (276, struct.pack(">HHIHBB8s", 0x86DD, 0, 2, 1, 4, 6, b"") + SIX),
    "null, little-endian": (0, struct.pack("<I", 2) + FOUR),
    "null, big-endian": (0, struct.pack(">I", 2) + FOUR),
    **{f"null, AF_INET6 {n}": (0, struct.pack("<I", n) + SIX) for n in (10, 24, 28, 30)},
    "loop": (108, struct.pack(">I", 24) + SIX),
    **{f"raw {n}": (n, FOUR) for n in (12, 14, 101, 228)},
    "raw IPv6": (229, SIX),
    "NFLOG": (239, NFLOG + struct.pack("<HH", len(FOUR) + 4, 9) + FOUR),
    "802.11": (105, DATA_FRAME + SNAP + FOUR),
    "802.11 QoS": (105, b"\x88\x01" + b"\0" * 24 + SNAP + FOUR),
    "802.11 four addresses": (105, b"\x08\x03" + b"\0" * 28 + SNAP + FOUR),
    "radiotap": (127, RADIOTAP + DATA_FRAME + SNAP + FOUR),
    "radiotap, padded header": (127, PADDED_RADIOTAP + b"\x88\x01" + b"\0" * 26 + SNAP + FOUR),
    "Prism": (119, struct.pack("<II", 0x44, 144) + b"\0" * 136 + DATA_FRAME + SNAP + FOUR),
    "AVS": (163, struct.pack(">II", 0x80211001, 64) + b"\0" * 56 + DATA_FRAME + SNAP + FOUR),
}

OUTER = ("10.0.0.1", "10.0.0.2")
VXLAN = struct.pack(">II", 0x08000000, 42 << 8)
GENEVE = struct.pack(">HHIQ", 0x0200, 0x6558, 42 << 8, 0)  # with an option
GRE_KEY = struct.pack(">HHI", 0x2000, 0x0800, 42)
TUNNELS = {
    "GRE": (ipv4(struct.pack(">HH", 0, 0x0800) + FOUR, 47), "GRE", ""),
    "GRE with key": (ipv4(GRE_KEY + FOUR, 47), "GRE", "key 0x2a"),
    "GRE with everything": (ipv4(struct.pack(">HHIII", 0xB000, 0x86DD, 0, 42, 1) + SIX, 47), "GRE", "key 0x2a"),
    "GRE with Ethernet": (ipv4(struct.pack(">HH", 0, 0x6558) + ethernet(FOUR), 47), "GRE", ""),
    "ERSPAN I": (ipv4(struct.pack(">HH", 0, 0x88BE) + ethernet(FOUR), 47), "ERSPAN", ""),
    "ERSPAN II": (ipv4(struct.pack(">HHIQ", 0x1000, 0x88BE, 9, 0) + ethernet(FOUR), 47), "ERSPAN", ""),
    "ERSPAN III": (ipv4(struct.pack(">HHI12s", 0x1000, 0x22EB, 9, b"") + ethernet(FOUR), 47), "ERSPAN", ""),
    "PPTP": (ipv4(struct.pack(">HHIIH", 0x3001, 0x880B, 9, 1, 0x21) + FOUR, 47), "PPTP", ""),
    "VXLAN": (ipv4(udp(VXLAN + ethernet(FOUR), 4789), 17), "VXLAN", "vni 42"),
    "VXLAN, old port": (ipv4(udp(VXLAN + ethernet(FOUR), 8472), 17), "VXLAN", "vni 42"),
    "VXLAN-GPE": (ipv4(udp(struct.pack(">II", 0x0C000002, 42 << 8) + SIX, 4790), 17), "VXLAN", "vni 42"),
    "Geneve": (
        ipv4(udp(struct.pack(">HHIQ", 0x0200, 0x6558, 42 << 8, 0) + ethernet(FOUR), 6081), 17),
        "Geneve",
        "vni 42",
    ),
    "IP in IP": (ipv4(FOUR, 4), "IP-in-IP", ""),
    "6in4": (ipv4(SIX, 41), "IP-in-IP", ""),
    "GTP-U": (ipv4(udp(struct.pack(">BBHI", 0x30, 255, len(FOUR), 5) + FOUR, 2152), 17), "GTP-U", ""),
    "GTP-U with extension": (
        ipv4(udp(struct.pack(">BBHIHBB", 0x36, 255, 0, 5, 1, 0, 0x85) + b"\1\0\0\0" + FOUR, 2152), 17),
        "GTP-U",
        "",
    ),
    "Teredo": (ipv4(udp(SIX, 3544), 17), "Teredo", ""),
    "Teredo, authenticated, with origin": (ipv4(udp(b"\0\1" + b"\0" * 11 + b"\0" * 8 + SIX, 3544), 17), "Teredo", ""),
    "GRE in UDP": (ipv4(udp(GRE_KEY + FOUR, 4754), 17), "GRE", "key 0x2a"),
    "MPLS in UDP": (ipv4(udp(b"\0\1\1\x40" + FOUR, 6635), 17), "MPLS-in-IP", ""),
    "AYIYA": (ipv4(udp(struct.pack(">BBBBI", 0x41, 0x52, 0x11, 41, 0) + b"\0" * 36 + SIX, 5072), 17), "AYIYA", ""),
}


def _check(row):
    seen = [int(row[name]) for name in ("sport", "dport", "seq", "ack", "payload_len", "captured_len", "checksum")]
    assert seen == [1000, 80, 111, 222, 5, 5, 1]
    assert row["flags"] == 0x18 and row["window"] == 500 and row["urgent"] == 7 and row["origin"] == 0
    assert (int(row["src_lo"]), int(row["dst_lo"])) == ((0x0A000001, 0x0A000002) if row["family"] == 4 else (1, 2))


@pytest.mark.parametrize("name", LINKS)
def test_link(name):
    link_type, packet = LINKS[name]
    row, decoder = decode_one(packet, link_type)
    _check(row)
    assert row["tunnel"] == 0 and len(decoder.tunnels) == 1
    assert row["pkttype"] == (4 if "cooked" in name else 255)


@pytest.mark.parametrize("name", TUNNELS)
def test_tunnel(name):
    packet, carrier, identifier = TUNNELS[name]
    row, decoder = decode_one(packet)
    _check(row)
    assert decoder.tunnels[row["tunnel"]].layers == ((carrier, identifier, *OUTER),)


def test_4in6_names_outer_ipv6_addresses():
    row, decoder = decode_one(ipv6(FOUR, 4))
    assert decoder.tunnels[row["tunnel"]].layers == (("IP-in-IP", "", A6, B6),)


def test_tunnels_in_tunnels_stand_outermost_first():
    row, decoder = decode_one(ipv4(ipv6(ipv4(GRE_KEY + FOUR, 47), 4), 41))
    assert [layer[0] for layer in decoder.tunnels[row["tunnel"]].layers] == ["IP-in-IP", "IP-in-IP", "GRE"]


def test_too_many_tunnels():
    packet = FOUR
    for _ in range(9):
        packet = ipv4(packet, 4)
    assert reasons(packet) == {"headers nested too deep": 1}


def test_both_directions_are_one_tunnel():
    back = ipv4(struct.pack(">HHI", 0x2000, 0x0800, 42) + ipv4(tcp(B, A), src=B, dst=A), 47, B, A)
    rows, _ = decode([ipv4(GRE_KEY + FOUR, 47), back, ipv4(GRE_KEY[:4] + b"\0\0\0\x2b" + FOUR, 47)])
    assert rows["tunnel"].tolist() == [1, 1, 2]


REASONS = {
    "UDP": (101, ipv4(udp(b"x" * 8, 53), 17)),
    "ICMP": (101, ipv4(b"\x08" + b"\0" * 11, 1)),
    "ARP": (1, ethernet(b"\0" * 28, 0x0806)),
    "EtherType 0x1234": (1, ethernet(b"", 0x1234)),
    "IP protocol 253": (101, ipv4(b"", 253)),
    "LLC": (1, ethernet(b"\x42\x42\x03", 3)),
    "encrypted": (105, b"\x08\x41" + b"\0" * 40),
    "802.11 management or control frame": (105, b"\x80\0" + b"\0" * 40),
    "802.11 frame without data": (105, b"\x48\1" + b"\0" * 40),
    "unsupported link type 160": (160, b"x"),
    "no bytes captured": (1, b""),
    "truncated link-layer header": (1, b"\0" * 13),
    "truncated IPv4 header": (101, FOUR[:19]),
    "truncated IPv6 header": (101, SIX[:39]),
    "bad IP version": (228, SIX),
    "bad IPv4 header length": (101, b"\x44" + FOUR[1:]),
    "IPv4 total length below the header length": (101, ipv4(tcp(), total=19)),
    "truncated TCP header": (101, ipv4(tcp()[:15])),
    "GRE of an unknown version": (101, ipv4(b"\0\2\x08\0" + FOUR, 47)),
    "truncated tunnel header": (101, ipv4(b"\0\0\x08", 47)),
    "IPv6 without a next header": (101, ipv6(b"", 59)),
    "loopback frame that is not IP": (0, struct.pack("<I", 7) + FOUR),
}


@pytest.mark.parametrize("reason", REASONS)
def test_reason(reason):
    link_type, packet = REASONS[reason]
    assert reasons(packet, link_type) == {reason: 1}


def test_esp_is_encrypted():
    assert reasons(ipv4(b"\0" * 40, 50)) == {"encrypted": 1}


def test_udp_port_of_a_tunnel_with_something_else_inside_is_udp():
    assert reasons(ipv4(udp(b"\0" * 40, 4789), 17)) == {"UDP": 1}
