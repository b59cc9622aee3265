"""IP headers, TCP headers, options, checksums, ICMP errors and fragments."""

import itertools
import struct

import pytest

from capture.frames import A6, B6, A, B, batch_of, decode, decode_one, ethernet, ipv4, ipv6, packed, reasons, sum16, tcp
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.fragments import MAX_DATAGRAMS, MAX_PIECES
from tcpdiag.model.segment import Checksum, Option, Origin

NOP = b"\1"
OPTIONS = {
    "MSS": (b"\2\4\5\xb4", Option.MSS, {"mss": 1460}),
    "window scale": (b"\3\3\x0f\1", Option.WSCALE, {"wscale": 15}),
    "SACK permitted": (b"\4\2\1\1", Option.SACK_PERMITTED, {}),
    "SACK, four blocks": (b"\5\x22" + struct.pack(">8I", *range(1, 9)) + NOP * 2, Option.SACK, {"n_sack": 4}),
    "timestamps": (b"\1\1\x08\x0a\0\0\0\1\0\0\0\2", Option.TIMESTAMPS, {"tsval": 1, "tsecr": 2}),
    "timestamps in another place": (b"\x08\x0a\0\0\0\1\0\0\0\2\1\1", Option.TIMESTAMPS, {"tsval": 1, "tsecr": 2}),
    "fast open": (b"\x22\2\1\1", Option.FAST_OPEN, {}),
    "fast open, experimental": (b"\xfe\4\xf9\x89", Option.FAST_OPEN, {}),
    "MPTCP": (b"\x1e\4\0\0", Option.MPTCP, {}),
    "MD5": (b"\x13\x12" + b"\0" * 16 + NOP * 2, Option.MD5, {}),
    "AO": (b"\x1d\4\0\0", Option.AO, {}),
    "user timeout": (b"\x1c\4\0\0", Option.USER_TIMEOUT, {}),
    "unknown": (b"\xfd\4\0\0", Option.UNKNOWN, {}),
    "end of list": (b"\0\2\4\5", Option(0), {}),
    "length 0": (b"\2\0\5\xb4", Option.UNPARSABLE, {"mss": 0}),
    "length beyond the header": (b"\2\5\5\xb4", Option.UNPARSABLE, {"mss": 0}),
    "kind without a length": (b"\1\1\1\2", Option.UNPARSABLE, {}),
    "MSS of 3 bytes": (b"\2\3\5\1", Option.UNPARSABLE, {"mss": 0}),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_option(name):
    options, bits, values = OPTIONS[name]
    row, _ = decode_one(ipv4(tcp(options=options)))
    assert Option(int(row["options"])) == bits
    assert {key: int(row[key]) for key in values} == values
    assert row["payload_len"] == 5 and row["checksum"] == Checksum.GOOD
    if name.startswith("SACK, four"):
        assert row["sack"].tolist() == list(range(1, 9))


def test_options_cut_by_the_snap_length():
    packet = ipv4(tcp(options=b"\2\4\5\xb4\3\3\7\1"))
    row, _ = decode_one(packet[:45], wire=len(packet))
    assert Option(int(row["options"])) == Option.MSS | Option.UNPARSABLE
    assert (row["payload_len"], row["captured_len"], row["origin"]) == (5, 0, Origin.TRUNCATED)


PSEUDO = packed(A) + packed(B)


@pytest.mark.parametrize(
    ("checksum", "verdict"),
    [
        (None, Checksum.GOOD),
        (0x1234, Checksum.BAD),
        (sum16(PSEUDO + struct.pack(">II", 25, 6)), Checksum.PARTIAL),
        (sum16(PSEUDO + struct.pack(">II", 0, 6)), Checksum.PARTIAL),
    ],
)
def test_checksum(checksum, verdict):
    assert decode_one(ipv4(tcp(checksum=checksum)))[0]["checksum"] == verdict


@pytest.mark.parametrize("length", [*range(0, 70), 1459, 65_000])
def test_checksum_of_every_length(length):
    data = bytes(n * 7 & 255 for n in range(length))
    rows, _ = decode([ipv4(tcp(data=data)), ipv6(tcp(A6, B6, data=data))])
    assert rows["checksum"].tolist() == [Checksum.GOOD] * 2


def test_truncated_payload():
    packet = ipv4(tcp(data=b"x" * 100))
    row, _ = decode_one(packet[:68], wire=len(packet))
    assert (row["payload_len"], row["captured_len"], row["payload_offset"]) == (100, 28, 40)
    assert row["origin"] == Origin.TRUNCATED and row["checksum"] == Checksum.UNVERIFIABLE


@pytest.mark.parametrize("kept", [16, 17, 18, 19])
def test_header_cut_where_wireshark_still_numbers_it(kept):
    packet = ipv4(tcp())
    row, _ = decode_one(packet[: 20 + kept], wire=len(packet))
    assert row["origin"] == Origin.HEADER_TRUNCATED | Origin.TRUNCATED and row["flags"] == 0x18


@pytest.mark.parametrize("words", [0, 4, 15])
def test_impossible_header_length(words):
    segment = bytearray(tcp())
    segment[12] = words << 4
    row, _ = decode_one(ipv4(bytes(segment)))
    assert row["origin"] == Origin.HEADER_TRUNCATED and row["payload_len"] == 0
    assert Option(int(row["options"])) == Option.UNPARSABLE


def test_total_length_0_is_guessed_from_the_packet():
    row, _ = decode_one(ipv4(tcp(), total=0))
    assert row["origin"] == Origin.LENGTH_GUESSED and row["payload_len"] == 5
    row, _ = decode_one(ipv6(tcp(A6, B6), length=0))
    assert row["origin"] == Origin.LENGTH_GUESSED and row["payload_len"] == 5


def test_jumbogram_has_its_length():
    jumbo = b"\6\0\xc2\4" + struct.pack(">I", 8 + 20 + 70_000)
    row, _ = decode_one(ipv6(jumbo + tcp(A6, B6, data=b"x" * 70_000), 0, length=0))
    assert row["payload_len"] == 70_000 and row["origin"] == 0 and row["checksum"] == Checksum.GOOD


def test_ipv4_header_fields():
    row, _ = decode_one(ipv4(tcp(), options=b"\1\1\1\0", ident=99, ttl=3))
    assert (row["ip_id"], row["ttl"], row["ecn"], row["payload_len"]) == (99, 3, 1, 5)


EXTENSIONS = {
    "hop-by-hop": (0, b"\6\0\1\4\0\0\0\0"),
    "destination options": (60, b"\6\0\1\4\0\0\0\0"),
    "two": (0, b"\x3c\0\1\4\0\0\0\0" + b"\6\1\1\x0c" + b"\0" * 12),
    "atomic fragment": (44, b"\6\0\0\0\0\0\0\1"),
    "AH": (51, b"\6\4" + b"\0" * 22),
    "mobility": (135, b"\6\0\0\0\0\0\0\0"),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_ipv6_extension(name):
    number, header = EXTENSIONS[name]
    row, _ = decode_one(ipv6(header + tcp(A6, B6), number))
    assert row["sport"] == 1000 and row["checksum"] == Checksum.GOOD and row["origin"] == 0


def test_source_route_ends_at_its_last_address():
    final = "2001:db8::9"
    header = b"\6\2\0\1\0\0\0\0" + packed(final)
    row, _ = decode_one(ipv6(header + tcp(A6, final), 43))
    assert row["dst_lo"] == 9 and row["checksum"] == Checksum.GOOD


@pytest.mark.parametrize(("kept", "flags"), [(8, 0), (16, 0x18), (25, 0x18)])
def test_icmp_error_quotes_a_segment(kept, flags):
    quote = ipv4(tcp()[:kept], total=45, src=B, dst=A)
    row, _ = decode_one(ipv4(b"\3\1\0\0\0\0\0\0" + quote, 1))
    assert (row["icmp_type"], row["icmp_code"], row["seq"], row["flags"]) == (3, 1, 111, flags)
    assert row["src_lo"] == 0x0A000002 and row["checksum"] == Checksum.UNVERIFIABLE
    assert row["origin"] == Origin.QUOTED | (Origin.HEADER_TRUNCATED if kept < 16 else 0)


def test_icmpv6_error_quotes_a_segment():
    row, _ = decode_one(ipv6(b"\2\0\0\0\0\0\5\0" + ipv6(tcp(A6, B6), src=B6, dst=A6), 58))
    assert (row["family"], row["icmp_type"], row["origin"], row["src_lo"]) == (6, 2, Origin.QUOTED, 2)


def test_icmp_error_that_quotes_too_little():
    packet = ipv4(b"\3\1\0\0\0\0\0\0" + ipv4(tcp()[:7], total=45), 1)
    assert reasons(packet) == {"ICMP error that quotes too little of TCP": 1}


def _fragments(segment, cuts, ident=7):
    """IPv4 fragments of the segment, cut at these multiples of 8."""
    edges = [0, *cuts, len(segment)]
    pairs = list(itertools.pairwise(edges))
    return [ipv4(segment[a:b], fragment=a // 8 | (0x2000 if b < len(segment) else 0), ident=ident) for a, b in pairs]


def _fragments6(segment, cut):
    head = struct.pack(">BBHI", 6, 0, 1, 5), struct.pack(">BBHI", 6, 0, cut, 5)
    return [ipv6(head[0] + segment[:cut], 44), ipv6(head[1] + segment[cut:], 44)]


LONG = tcp(data=bytes(range(100)))


@pytest.mark.parametrize(
    "packets",
    [
        _fragments(LONG, [24, 64]),
        _fragments(LONG, [24, 64])[::-1],
        [ethernet(each) for each in _fragments(LONG, [8, 16])],
        _fragments6(tcp(A6, B6, data=bytes(range(100))), 40),
    ],
    ids=["in order", "last first", "header in pieces", "IPv6"],
)
def test_fragments_make_one_segment_at_the_frame_that_completes_it(packets):
    rows, decoder = decode(packets, 1 if packets[0][0] == 2 else 101)
    assert len(rows) == 1
    assert (rows[0]["frame"], rows[0]["payload_len"], rows[0]["captured_len"]) == (len(packets), 100, 0)
    assert rows[0]["origin"] == Origin.REASSEMBLED and rows[0]["checksum"] == Checksum.GOOD
    assert decoder.undecoded(0) == {"IP fragment, reassembled in another frame": len(packets) - 1}


def test_fragments_over_several_batches_keep_frame_order():
    decoder = Decoder()
    first, last = _fragments(LONG, [24])
    assert len(decoder.decode(batch_of([first]))) == 0
    assert decoder.undecoded(0) == {"IP fragment, others missing": 1}
    rows = decoder.decode(batch_of([ipv4(tcp()), last, ipv4(tcp())], first_frame=2))
    assert rows["frame"].tolist() == [2, 3, 4]
    assert decoder.undecoded(0) == {"IP fragment, reassembled in another frame": 1}


def test_overlapping_fragment_loses_to_the_first():
    first, last = _fragments(LONG, [64])
    other = _fragments(tcp(data=b"y" * 100), [64])[0]
    rows, decoder = decode([first, other, last])
    assert len(rows) == 1 and rows[0]["checksum"] == Checksum.GOOD
    assert decoder.undecoded(0)["IP fragment, overlapping or repeated"] == 1


def test_tunnel_of_a_fragmented_outer_packet():
    rows, decoder = decode(_fragments_of(ipv4(LONG), 4))
    assert len(rows) == 1 and decoder.tunnels[rows[0]["tunnel"]].layers[0][0] == "IP-in-IP"


def _fragments_of(payload, proto):
    return [ipv4(payload[:48], proto, fragment=0x2000), ipv4(payload[48:], proto, fragment=6)]


def test_unfinished_datagrams_are_bounded():
    packets = [ipv4(LONG[:24], fragment=0x2000, ident=n & 0xFFFF, src=f"10.1.0.{n >> 8}") for n in range(5_000)]
    rows, decoder = decode(packets)
    counts = decoder.undecoded(0)
    assert len(rows) == 0 and sum(counts.values()) == 5_000
    assert counts["IP fragment, others missing"] <= MAX_DATAGRAMS + 1
    assert counts["IP fragment, too many unfinished datagrams or pieces"] >= 5_000 - MAX_DATAGRAMS - 1


def test_pieces_of_a_datagram_are_bounded():
    segment = tcp(data=bytes(8_000))
    rows, decoder = decode(_fragments(segment, range(8, 8 * MAX_PIECES + 80, 8)))
    assert len(rows) == 0
    assert decoder.undecoded(0)["IP fragment, too many unfinished datagrams or pieces"] == 10


def test_first_fragment_cut_by_the_snap_length_is_decoded_as_far_as_it_goes():
    packet = _fragments(LONG, [64])[0]
    row, _ = decode_one(packet[:60], wire=len(packet))
    assert row["sport"] == 1000 and row["origin"] & Origin.TRUNCATED and row["checksum"] == Checksum.UNVERIFIABLE
