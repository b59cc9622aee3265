"""Packets that nearly make sense: stacks of real headers whose lengths and fields sometimes lie."""

from hypothesis import strategies as st

from tcpdiag.model.segment import Flag

ETHERNET, RAW, SLL, SLL2, NULL, PPP, NFLOG, RADIOTAP = 1, 101, 113, 276, 0, 9, 239, 127
LINK_TYPES = (ETHERNET, ETHERNET, RAW, SLL, SLL2, NULL, PPP, NFLOG, RADIOTAP, 108, 12, 14, 228, 229, 105, 51, 192)

IPV4, IPV6, MPLS, PPPOE, TRANSPARENT_BRIDGING = 0x0800, 0x86DD, 0x8847, 0x8864, 0x6558
ADDRESSES = st.integers(1, 3).map(lambda n: bytes([10, 0, 0, n]))
PORTS = st.sampled_from((80, 443, 5000, 36613))
ANY_U16 = st.integers(0, 0xFFFF)
LIES = 16


def u16(value: int) -> bytes:
    """Big-endian, wrapped."""
    return (value & 0xFFFF).to_bytes(2, "big")


@st.composite
def seldom(draw: st.DrawFn, other: st.SearchStrategy[int], usual: int) -> int:
    """`usual`, but once in LIES times something else: with more lies nothing deep in the stack is ever reached."""
    return draw(other) if draw(st.integers(1, LIES)) == LIES else usual


def lied(true: int) -> st.SearchStrategy[int]:
    """Mostly the truth; else zero, an edge, or anything that fits 16 bits."""
    false = st.one_of(st.sampled_from((0, 1, true - 1, true + 1, 0xFFFF)), ANY_U16)
    return seldom(false, true).map(lambda value: value & 0xFFFF)


@st.composite
def options(draw: st.DrawFn) -> bytes:
    """TCP options, whole or with lengths that cannot be; padded to words."""
    good = (
        b"\x02\x04\x05\xb4",
        b"\x03\x03\x07",
        b"\x04\x02",
        b"\x08\x0a" + bytes(range(8)),
        b"\x05\x0a" + bytes(8),
        b"\x05\x22" + bytes(32),
        b"\x22\x02",
        b"\x1e\x0c" + bytes(10),
        b"\x01",
        b"\x00",
    )
    bad = (b"\x02\x00", b"\x08\x01", b"\x05\xff", b"\x03", b"\xfe\x03\xf9")
    text = b"".join(draw(st.lists(st.sampled_from(good + bad), max_size=4)))[:40]
    return text.ljust(-(-len(text) // 4) * 4, b"\x01")


@st.composite
def tcp(draw: st.DrawFn) -> bytes:
    """A TCP segment from a small world of ports and sequence numbers, so that flows form."""
    near = st.one_of(st.integers(0, 40), st.just(0xFFFFFFF0), st.integers(0, 0xFFFFFFFF))
    extra = draw(options())
    words = draw(seldom(st.integers(0, 15), 5 + len(extra) // 4))
    flags = draw(st.one_of(st.sampled_from((2, 18, 16, 24, 17, 4, 20, 0)), st.integers(0, sum(Flag))))
    header = (
        u16(draw(PORTS)) + u16(draw(PORTS)) + draw(near).to_bytes(4, "big") + draw(near).to_bytes(4, "big")
        + u16(words << 12 | flags) + u16(draw(ANY_U16)) + bytes(4)
    )  # fmt: skip
    return header + extra + draw(st.binary(max_size=30))


def icmp(quoted: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A destination-unreachable error around the start of a packet."""
    return st.tuples(st.sampled_from((b"\x03\x01", b"\x03\x04", b"\x0b\x00")), quoted, st.integers(0, 80)).map(
        lambda parts: parts[0] + bytes(6) + parts[1][: parts[2]]
    )


@st.composite
def ipv4(draw: st.DrawFn, protocol: int, inner: bytes) -> bytes:
    """IPv4 around `inner`, sometimes with options, a fragment, a lie or the total length 0 of an offload."""
    extra = bytes(4 * draw(st.sampled_from((0, 0, 0, 1, 10))))
    words = draw(seldom(st.sampled_from((0, 4, 15)), 5 + len(extra) // 4))
    fragment = draw(seldom(st.sampled_from((0x2000, 1, 0x2001, 0x1FFF)), 0x4000))
    length = draw(lied(20 + len(extra) + len(inner)))
    ident = u16(draw(st.integers(0, 3)))
    header = bytes([0x40 | words, 0]) + u16(length) + ident + u16(fragment) + bytes([64, protocol, 0, 0])
    return header + draw(ADDRESSES) + draw(ADDRESSES) + extra + inner


@st.composite
def ipv6(draw: st.DrawFn, protocol: int, inner: bytes) -> bytes:
    """IPv6 around `inner`, with up to two extension headers."""
    for kind in draw(st.lists(st.sampled_from((0, 43, 44, 51, 60, 135)), max_size=2)):
        size = draw(seldom(st.sampled_from((1, 255)), 0))
        body = draw(st.sampled_from((bytes(6), b"\x00\x01\x00\x00\x00\x07", b"\x00\x08\x00\x00\x00\x07")))
        inner = bytes([protocol, size]) + body + inner
        protocol = kind
    length = draw(lied(len(inner)))
    address = bytes(15)
    return b"\x60\0\0\0" + u16(length) + bytes([protocol, 64]) + address + b"\x01" + address + b"\x02" + inner


@st.composite
def ip(draw: st.DrawFn, depth: int = 3) -> tuple[int, bytes]:
    """(ethertype, packet): TCP, quoted TCP, or a tunnel around another one."""
    kinds = ["tcp"] * 5 + ["icmp", "noise"] + ["gre", "erspan", "vxlan", "geneve", "gtp", "teredo", "ip"] * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    protocol, inner = 6, b""
    if kind == "tcp":
        inner = draw(tcp())
    elif kind == "icmp":
        protocol, inner = 1, draw(icmp(ip(depth=0).map(lambda pair: pair[1])))
    elif kind == "noise":
        protocol, inner = draw(st.sampled_from((0, 6, 17, 41, 47, 89, 132))), draw(st.binary(max_size=40))
    else:
        ethertype, packet = draw(ip(depth=depth - 1))
        protocol, inner = draw(_tunnelled(kind, ethertype, packet))
    if draw(st.integers(0, 3)):
        return IPV4, draw(ipv4(protocol, inner))
    return IPV6, draw(ipv6(protocol, inner))


@st.composite
def _tunnelled(draw: st.DrawFn, kind: str, ethertype: int, packet: bytes) -> tuple[int, bytes]:
    if kind == "ip":
        return (4 if ethertype == IPV4 else 41), packet
    if kind == "gre":
        flags = draw(st.sampled_from((0, 0x2000, 0x1000, 0x8000, 0xB000, 1)))
        words = bytes(4 * sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000)))
        return 47, u16(flags) + u16(ethertype) + words + packet
    if kind == "erspan":
        number, size = draw(st.sampled_from(((0x88BE, 8), (0x22EB, 12), (0x88BE, 0))))
        return 47, u16(0x1000) + u16(number) + bytes(4) + bytes([0x10 if size == 8 else 0x20]) + bytes(
            max(0, size - 1)
        ) + bytes(12) + u16(ethertype) + packet
    frame = bytes(12) + u16(ethertype) + packet
    port, inner = {
        "vxlan": (4789, b"\x08" + bytes(7) + frame),
        "geneve": (6081, bytes([draw(st.integers(0, 3)), 0]) + u16(TRANSPARENT_BRIDGING) + bytes(4) + frame),
        "gtp": (
            2152,
            bytes([draw(st.sampled_from((0x30, 0x32, 0x34)))]) + b"\xff" + u16(len(packet)) + bytes(4) + packet,
        ),
        "teredo": (3544, draw(st.sampled_from((b"", b"\0\0" + bytes(6), b"\0\1\xff\xff"))) + packet),
    }[kind]
    return 17, u16(40000) + u16(port) + u16(draw(lied(8 + len(inner)))) + bytes(2) + inner


@st.composite
def framed(draw: st.DrawFn, link_type: int) -> bytes:
    """A packet with the link layer's header in front, sometimes cut short."""
    ethertype, packet = draw(ip())
    if link_type == ETHERNET:
        for tag in draw(st.lists(st.sampled_from((0x8100, 0x88A8, 0x9100, MPLS, PPPOE)), max_size=3)):
            if tag == MPLS:
                packet = bytes([0, 1, draw(st.sampled_from((0x01, 0x00))), 64]) + packet
            elif tag == PPPOE:
                packet = (
                    b"\x11\0\0\x01" + u16(len(packet) + 2) + (b"\0\x21" if ethertype == IPV4 else b"\0\x57") + packet
                )
            else:
                packet = u16(draw(ANY_U16)) + u16(ethertype) + packet
            ethertype = tag
        packet = bytes(12) + u16(ethertype) + packet
    elif link_type == SLL:
        packet = u16(draw(st.integers(0, 4))) + u16(1) + u16(6) + bytes(8) + u16(ethertype) + packet
    elif link_type == SLL2:
        packet = u16(ethertype) + bytes(8) + bytes([draw(st.integers(0, 4)), 6]) + bytes(8) + packet
    elif link_type in (NULL, 108):
        family = 2 if ethertype == IPV4 else draw(st.sampled_from((10, 24, 28, 30)))
        packet = family.to_bytes(4, draw(st.sampled_from(("little", "big")))) + packet
    elif link_type == PPP:
        packet = draw(st.sampled_from((b"\xff\x03", b""))) + (b"\0\x21" if ethertype == IPV4 else b"\0\x57") + packet
    elif link_type == NFLOG:
        attribute = (4 + len(packet)).to_bytes(2, "little") + b"\x09\0" + packet
        packet = bytes([2 if ethertype == IPV4 else 10, 0, 0, 0]) + attribute
    elif link_type == RADIOTAP:
        snap = b"\xaa\xaa\x03\0\0\0" + u16(ethertype)
        packet = b"\0\0\x08\0" + bytes(4) + draw(st.sampled_from((b"\x08\0", b"\x88\1"))) + bytes(24) + snap + packet
    return packet[: draw(seldom(st.integers(0, len(packet)), len(packet)))]
