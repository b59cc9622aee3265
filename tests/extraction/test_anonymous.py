"""Anonymised packets: no field of any layer tells what it told, and TCP is as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.frames import batch_of, decode
from extraction.layers import PACKETS, SECRETS
from fuzz.packets import LINK_TYPES, framed
from tcpdiag.extraction.anonymous import Anonymiser
from tcpdiag.kernels.hide_rows import Fate
from tcpdiag.model.segment import SEGMENT
from tcpdiag.redaction import Redactor

KEY = b"k" * 32
ADDRESSES = ("src_hi", "src_lo", "dst_hi", "dst_lo")
KEPT = [name for name in SEGMENT.names or () if name not in (*ADDRESSES, "payload_sum")]
NAMES = sorted(PACKETS)
ANY_PACKETS = st.sampled_from(LINK_TYPES).flatmap(lambda link: st.tuples(st.just(link), framed(link)))


def hidden(packet: bytes, link_type: int, key: bytes = KEY, wire: int | None = None) -> tuple[bytes, np.void]:
    """One packet anonymised, and what became of it."""
    batch = batch_of([packet], link_type, wire=wire)
    out, places = Anonymiser(Redactor(key)).batch(batch.buffer, batch.records, {}, {})
    return out.tobytes(), places[0]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left(name: str) -> None:
    link_type, packet = PACKETS[name]
    out, place = hidden(packet, link_type)
    assert place["fate"] == Fate.SEGMENT and len(out) == len(packet)
    had = [secret for secret in SECRETS if secret.octets in packet]
    assert had and not [secret.name for secret in had if secret.octets in out]


@pytest.mark.parametrize("name", NAMES)
def test_tcp_is_as_it_was(name: str) -> None:
    link_type, packet = PACKETS[name]
    out, _ = hidden(packet, link_type)
    rows, decoder = decode([packet], link_type)
    others, other_decoder = decode([out], link_type)
    assert len(rows) == len(others) == 1
    for column in KEPT:
        assert np.array_equal(rows[column], others[column]), column
    kinds = [[layer[0] for layer in tunnel.layers] for tunnel in decoder.tunnels]
    assert kinds == [[layer[0] for layer in tunnel.layers] for tunnel in other_decoder.tunnels]


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_those_of_the_report(name: str) -> None:
    link_type, packet = PACKETS[name]
    out, _ = hidden(packet, link_type)
    (row,), (other,) = decode([packet], link_type)[0], decode([out], link_type)[0]
    for end in ("src", "dst"):
        family, hi, lo = (np.array([row[column]]) for column in ("family", f"{end}_hi", f"{end}_lo"))
        new_hi, new_lo = Redactor(KEY).addresses(family, hi, lo)
        assert (new_hi[0], new_lo[0]) == (other[f"{end}_hi"], other[f"{end}_lo"])


@pytest.mark.parametrize("name", NAMES)
def test_two_keys_give_two_packets(name: str) -> None:
    link_type, packet = PACKETS[name]
    assert hidden(packet, link_type)[0] != hidden(packet, link_type, b"o" * 32)[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_packet_cut_anywhere_tells_nothing(name: str) -> None:
    link_type, packet = PACKETS[name]
    for size in range(len(packet)):
        out, place = hidden(packet[:size], link_type, wire=len(packet))
        rows, _ = decode([packet[:size]], link_type, wire=len(packet))
        assert (place["fate"] != Fate.REFUSED) == (len(rows) == 1)
        if len(rows):
            assert not [secret.name for secret in SECRETS if secret.octets in out], size
            others, _ = decode([out], link_type, wire=len(packet))
            assert all(np.array_equal(rows[column], others[column]) for column in KEPT), size


@pytest.mark.parametrize("name", NAMES)
def test_compiled_and_uncompiled_hide_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    link_type, packet = PACKETS[name]
    native = hidden(packet, link_type)
    monkeypatch.setenv("TCPDIAG_KERNELS", "python")
    python = hidden(packet, link_type)
    assert native[0] == python[0] and native[1].tobytes() == python[1].tobytes()


@pytest.mark.parametrize(
    ("link_type", "packet", "why"),
    [
        (105, b"\x08\x00" + bytes(60), "link layer IEEE802_11"),
        (239, bytes(60), "link layer NFLOG"),
        (147, bytes(60), "link layer USER0"),
        (1, bytes(12) + b"\x08\x06" + bytes(40), "ARP"),
        (101, b"\x45\0\0\x24" + bytes(5) + b"\x11" + bytes(30), "UDP"),
    ],
)
def test_what_is_not_known_is_refused(link_type: int, packet: bytes, why: str) -> None:
    batch = batch_of([packet], link_type)
    anonymiser = Anonymiser(Redactor(KEY))
    _, places = anonymiser.batch(batch.buffer, batch.records, {}, {})
    assert places["fate"].tolist() == [Fate.REFUSED] and anonymiser.refused == {why: 1}


def test_records_outside_of_the_buffer_are_refused() -> None:
    batch = batch_of([PACKETS["IPv4"][1]] * 3)
    batch.records["offset"] = -1, 10**12, 20
    _, places = Anonymiser(Redactor(KEY)).batch(batch.buffer, batch.records, {}, {})
    assert places["fate"].tolist() == [Fate.REFUSED] * 3


@settings(max_examples=150, deadline=None)
@given(ANY_PACKETS)
def test_any_packet_is_hidden_or_refused(made: tuple[int, bytes]) -> None:
    link_type, packet = made
    out, place = hidden(packet, link_type)
    rows, _ = decode([packet], link_type)
    if place["fate"] == Fate.SEGMENT:
        others, _ = decode([out], link_type)
        assert len(rows) == len(others) == 1
        assert all(np.array_equal(rows[column], others[column]) for column in KEPT)
        assert not any(out[int(place["data"]) :]), "nothing behind the last header"


def test_networks_stay_apart_and_reserved_numbers_stay() -> None:
    fields = Redactor(KEY).fields
    for kind, bits, reserved in (("vlan", 12, 1), ("mpls", 20, 16)):
        old = np.arange(1 << 12, dtype=np.uint32)
        new = fields.numbers(kind, bits, reserved, old)
        assert len(np.unique(new)) == len(old) and (new < 1 << bits).all()
        assert new[:reserved].tolist() == old[:reserved].tolist() and (new[reserved:] >= reserved).all()
    assert fields.numbers("vlan", 12, 1, np.array([4095], np.uint32)).tolist() == [4095]


def test_mac_addresses_stay_of_their_kind() -> None:
    old = np.array([[0, 0x1B, 0x21, 1, 2, 3], [1, 0, 0x5E, 1, 2, 3], [255] * 6, [0] * 6], np.uint8)
    new = Redactor(KEY).fields.macs(old)
    assert [int(mac[0]) & 3 for mac in new[:2]] == [2, 3]
    assert new[2:].tolist() == old[2:].tolist()
    assert not (new[:2] == old[:2]).all(axis=1).any()
