"""Whatever the bytes: a row or a reason for each packet; compiled and uncompiled kernels agree; memory is bounded."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.frames import A6, B6, batch_of, decode, ethernet, ipv4, ipv6, tcp, udp
from capture.test_decode_links import LINKS, TUNNELS
from places import SHARED, needs_shared
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.capture.reasons import MOST_REASONS, WORDS
from tcpdiag.errors import UnreadableInput
from tcpdiag.kernels.decode_layers import MAX_TUNNELS, Reason

LINK_TYPES = [0, 1, 9, 12, 50, 51, 101, 104, 105, 108, 113, 119, 127, 163, 166, 204, 228, 229, 239, 242, 276, 65_535]
MADE = [*LINKS.values(), *((101, packet) for packet, _, _ in TUNNELS.values())]
MADE += [
    (101, ipv4(b"\3\1\0\0\0\0\0\0" + ipv4(tcp()), 1)),
    (101, ipv4(tcp()[:24], fragment=0x2000)),
    (101, ipv4(tcp()[24:], fragment=3)),
    (101, ipv6(struct.pack(">BBHI", 6, 0, 1, 5) + tcp(A6, B6)[:24], 44)),
    (101, ipv4(tcp(options=b"\5\x0a" + b"\0" * 8 + b"\1\1"))),
]


def both():
    """A decoder with compiled kernels, and one without."""
    decoders = []
    for choice in ("", "python"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TCPDIAG_KERNELS", choice)
            decoders.append(Decoder())
    return decoders


@st.composite
def packets(draw):
    """A link type and bytes: random ones, or a good packet with a few bytes changed, cut at any place."""
    if draw(st.booleans()):
        return draw(st.sampled_from(LINK_TYPES)), draw(st.binary(max_size=120))
    link_type, good = draw(st.sampled_from(MADE))
    changed = bytearray(good)
    for at in draw(st.lists(st.integers(0, len(good) - 1), max_size=4)):
        changed[at] = draw(st.integers(0, 255))
    return link_type, bytes(changed[: draw(st.integers(0, len(good)))] if draw(st.booleans()) else changed)


@settings(max_examples=300, deadline=None)
@given(packet=packets(), extra=st.integers(0, 2_000))
def test_any_bytes_give_a_row_or_a_reason_and_kernels_agree(packet, extra):
    link_type, data = packet
    batch = batch_of([data], link_type, wire=len(data) + extra)
    compiled, plain = both()
    rows, same = compiled.decode(batch), plain.decode(batch)
    assert rows.tobytes() == same.tobytes()
    assert len(rows) + sum(compiled.undecoded(0).values()) == 1
    assert compiled.undecoded(0) == plain.undecoded(0) and compiled.tunnels == plain.tunnels
    for row in rows:
        assert int(row["payload_offset"]) + int(row["captured_len"]) <= len(data)
        assert row["captured_len"] <= row["payload_len"]


def test_a_record_outside_the_buffer_is_not_read():
    batch = batch_of([ipv4(tcp())])
    for offset, length in ((-1, 10), (0, 1_000), (2**40, 10), (40, 10)):
        batch.records["offset"], batch.records["captured_len"] = offset, length
        decoder = Decoder()
        assert len(decoder.decode(batch)) == 0
        assert decoder.undecoded(0) == {"no bytes captured": 1}


def test_tunnel_table_is_bounded():
    decoder = Decoder()
    inner = ethernet(ipv4(tcp()))
    made = [ipv4(udp(struct.pack(">II", 0x08000000, n << 8) + inner, 4789), 17) for n in range(MAX_TUNNELS + 10)]
    rows = decoder.decode(batch_of(made))
    assert rows["tunnel"].tolist() == [*range(1, MAX_TUNNELS - 1), *[MAX_TUNNELS - 1] * 12]
    assert len(decoder.tunnels) == MAX_TUNNELS
    assert "more tunnels" in str(decoder.tunnels[-1])


def test_every_reason_has_words():
    assert set(WORDS) == set(Reason) and len(set(WORDS.values())) == len(WORDS)


def test_reasons_of_a_hostile_capture_are_bounded():
    rows, decoder = decode([ethernet(b"", number) for number in range(0x2000, 0x2100)], 1)
    counts = decoder.undecoded(0)
    assert len(rows) == 0 and len(counts) == MOST_REASONS + 1
    assert counts["other protocols"] == 256 - MOST_REASONS


def test_rows_stay_valid_for_four_more_calls():
    decoder = Decoder()
    first = decoder.decode(batch_of([ipv4(tcp(seq=5))]))
    kept = first.copy()
    for n in range(4):
        decoder.decode(batch_of([ipv4(tcp(seq=n + 10))]))
    assert np.array_equal(first, kept)


@needs_shared
def test_compiled_and_uncompiled_agree_on_real_captures():
    small = [path for path in sorted((SHARED / "public").rglob("*")) if path.is_file() and path.stat().st_size < 4_000]
    assert len(small) > 100
    for path in small:
        compiled, plain = both()
        try:
            with Reader([path]) as reader:
                for batch in reader:
                    assert compiled.decode(batch).tobytes() == plain.decode(batch).tobytes(), path
        except UnreadableInput:
            continue
        assert compiled.undecoded(0) == plain.undecoded(0), path
