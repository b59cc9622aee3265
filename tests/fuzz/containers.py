"""Capture files that nearly make sense: real ones damaged, and made ones whose headers lie."""

import bz2
import gzip
import lzma
import struct
from pathlib import Path

import lz4.frame
import zstandard
from hypothesis import strategies as st

from fuzz.packets import ANY_U16, LINK_TYPES, framed, seldom
from places import FIXTURES, capture_files

SEED_BYTES = 6000
U32 = st.one_of(
    st.sampled_from((0, 1, 64, 65535, 262144, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)), st.integers(0, 0xFFFFFFFF)
)
PCAP_MAGICS = (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)
KUZNETZOV = 0xA1B2CD34
COMPRESSORS = (gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lz4.frame.compress)


def seeds() -> list[bytes]:
    """The small captures among the fixtures."""
    return [path.read_bytes() for path in capture_files(FIXTURES) if path.stat().st_size <= SEED_BYTES]


def lengths(true: int) -> st.SearchStrategy[int]:
    """Mostly the truth, else anything that fits 32 bits."""
    return seldom(st.one_of(U32, st.just(true + 1)), true)


@st.composite
def pcap(draw: st.DrawFn) -> bytes:
    """A pcap of any variant and byte order."""
    order, magic = draw(st.sampled_from("<>")), draw(st.sampled_from(PCAP_MAGICS))
    link_type = draw(seldom(U32, draw(st.sampled_from(LINK_TYPES))))
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, draw(seldom(U32, 262144)), link_type)]
    for _ in range(draw(st.integers(0, 8))):
        packet = draw(framed(link_type))
        captured, wire = draw(lengths(len(packet))), draw(lengths(len(packet)))
        parts.append(struct.pack(order + "IIII", draw(U32), draw(st.integers(0, 999_999)), captured, wire))
        parts.append(bytes(8) if magic == KUZNETZOV else b"")
        parts.append(packet)
    return b"".join(parts)


@st.composite
def pcapng(draw: st.DrawFn) -> bytes:
    """Sections with interfaces, every kind of packet block, statistics, unknown blocks and options."""
    parts: list[bytes] = []
    for _ in range(draw(st.integers(1, 2))):
        order = draw(st.sampled_from("<>"))
        section = struct.pack(order + "IHHq", 0x1A2B3C4D, draw(seldom(st.just(2), 1)), 0, -1)
        parts.append(draw(_block(order, 0x0A0D0D0A, section)))
        links = draw(st.lists(st.sampled_from(LINK_TYPES), min_size=1, max_size=3))
        for link_type in links:
            body = struct.pack(order + "HHI", link_type, 0, draw(seldom(U32, 262144))) + draw(_options(order))
            parts.append(draw(_block(order, 1, body)))
        parts.extend(draw(_packet_block(order, links)) for _ in range(draw(st.integers(0, 6))))
    return b"".join(parts)


@st.composite
def _packet_block(draw: st.DrawFn, order: str, links: list[int]) -> bytes:
    interface = draw(seldom(ANY_U16, draw(st.integers(0, max(0, len(links) - 1)))))
    packet = draw(framed(links[interface] if interface < len(links) else 1))
    padded = packet.ljust(-(-len(packet) // 4) * 4, b"\0")
    captured, wire, high, low = draw(lengths(len(packet))), draw(lengths(len(packet))), draw(U32), draw(U32)
    bodies = {
        6: struct.pack(order + "IIIII", interface, high, low, captured, wire) + padded,
        3: struct.pack(order + "I", wire) + padded,
        2: struct.pack(order + "HHIIII", interface & 0xFFFF, 0, high, low, captured, wire) + padded,
        5: struct.pack(order + "III", interface, high, low) + draw(_options(order)),
        0x0BAD: padded,
    }
    kind = draw(st.sampled_from((6, 6, 6, 3, 2, 5, 0x0BAD)))
    return draw(_block(order, kind, bodies[kind]))


@st.composite
def _options(draw: st.DrawFn, order: str) -> bytes:
    parts = []
    for code in draw(st.lists(st.sampled_from((0, 1, 2, 4, 5, 7, 9, 11, 14, 2988)), max_size=4)):
        value = draw(st.binary(max_size=8))
        size = draw(seldom(ANY_U16, len(value)))
        parts.append(struct.pack(order + "HH", code, size) + value.ljust(-(-len(value) // 4) * 4, b"\0"))
    return b"".join(parts)


@st.composite
def _block(draw: st.DrawFn, order: str, kind: int, body: bytes) -> bytes:
    first, last = draw(lengths(12 + len(body))), draw(lengths(12 + len(body)))
    return struct.pack(order + "II", kind, first & 0xFFFFFFFF) + body + struct.pack(order + "I", last & 0xFFFFFFFF)


@st.composite
def damaged(draw: st.DrawFn, sources: list[bytes]) -> bytes:
    """A real capture after a few accidents."""
    data = bytearray(draw(st.sampled_from(sources)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size = draw(st.integers(1, 64))
        accident = draw(st.sampled_from(("cut", "flip", "number", "drop", "repeat", "insert", "swap")))
        if accident == "cut":
            del data[at:]
        elif accident == "flip" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif accident == "number":
            order = draw(st.sampled_from(("little", "big")))
            data[at : at + 4] = draw(U32).to_bytes(4, order)
        elif accident == "drop":
            del data[at : at + size]
        elif accident == "repeat":
            data[at:at] = data[at : at + size]
        elif accident == "insert":
            data[at:at] = draw(st.binary(max_size=64))
        else:
            data[at : at + 2 * size] = data[at + size : at + 2 * size] + data[at : at + size]
    return bytes(data)


def captures() -> st.SearchStrategy[bytes]:
    """Any of these, sometimes compressed."""
    plain = st.one_of(pcap(), pcapng(), damaged(seeds()))
    packed = st.tuples(plain, st.sampled_from(COMPRESSORS)).map(lambda pair: pair[1](pair[0]))
    return st.one_of(plain, plain, plain, packed)


def crashers() -> list[Path]:
    """Inputs that once broke something; kept so that they never do again."""
    return sorted((Path(__file__).parent / "found").glob("*"))
