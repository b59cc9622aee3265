"""Formats of time, sizes and addresses."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag import units
from tcpdiag.errors import UsageError

S = units.NS


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0.000000000"),
        (1_795_218_621_075_721_000, "1795218621.075721000"),
        (-1, "-0.000000001"),
        (-1_500_000_000, "-1.500000000"),
        (2**63 - 1, "9223372036.854775807"),
    ],
)
def test_epoch(ns: int, expected: str) -> None:
    assert units.epoch(ns) == expected


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "+0.000"),
        (1_021_499_999, "+1.021"),
        (1_021_500_000, "+1.022"),
        (-2_000_000_000, "-2.000"),
        (3600 * S, "+3600.000"),
    ],
)
def test_relative(ns: int, expected: str) -> None:
    assert units.relative(ns) == expected


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (12_400, "12 us"),
        (999_499, "999 us"),
        (999_500, "1 ms"),
        (340_000_000, "340 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1 s"),
        (13_900_000_000, "13.9 s"),
        (59_949_999_999, "59.9 s"),
        (59_950_000_000, "1 min"),
        (125 * S, "2 min 5 s"),
        (3599 * S, "59 min 59 s"),
        (3600 * S, "1 h"),
        (12_000 * S, "3 h 20 min"),
        (187_200 * S, "2 d 4 h"),
        (-13_900_000_000, "-13.9 s"),
    ],
)
def test_duration(ns: int, expected: str) -> None:
    assert units.duration(ns) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (4_100, "4.1 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (940_000_000, "940 MB"),
        (1_600_000_000, "1.6 GB"),
        (10**12, "1 TB"),
        (10**16, "10000 TB"),
    ],
)
def test_size(count: int, expected: str) -> None:
    assert units.size(count) == expected


def test_rate_and_plural() -> None:
    assert units.rate(4_100_000, S) == "4.1 MB/s"
    assert units.rate(1, 0) == "-"
    assert units.plural(1, "packet") == "1 packet"
    assert units.plural(2_345, "packet") == "2,345 packets"
    assert units.plural(2, "query", "queries") == "2 queries"


@pytest.mark.parametrize(
    ("ts_ns", "expected"),
    [(0, "1970-01-01 00:00:00 UTC"), (1_795_218_621 * S, "2026-11-20 23:50:21 UTC"), (-S, "1969-12-31 23:59:59 UTC")],
)
def test_utc(ts_ns: int, expected: str) -> None:
    assert units.utc(ts_ns) == expected


def test_endpoint() -> None:
    assert units.endpoint(4, 0, 0x0A000001, 80) == "10.0.0.1:80"
    assert units.endpoint(6, 0x20010DB8_00000000, 1, 80) == "[2001:db8::1]:80"


@pytest.mark.parametrize(
    "text",
    [
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:0:0:1::1",
        "2001:db8:0:1:1:1:1:1",
        "::ffff:192.0.2.1",
        "2001:db8::1:0:0:1",
    ],
)
def test_addresses_as_rfc_5952_writes_them(text: str) -> None:
    assert units.address(*units.parse_address(text)) == text


@given(st.integers(0, 2**128 - 1))
def test_ipv6_round_trip(value: int) -> None:
    text = units.address(6, value >> 64, value & (2**64 - 1))
    assert units.parse_address(text) == (6, value >> 64, value & (2**64 - 1))
    if ipaddress.IPv6Address(value).ipv4_mapped is None:
        assert text == str(ipaddress.IPv6Address(value))


@given(st.integers(0, 2**32 - 1))
def test_ipv4_round_trip(value: int) -> None:
    assert units.address(4, 0, value) == str(ipaddress.IPv4Address(value))
    assert units.parse_address(units.address(4, 0, value)) == (4, 0, value)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "1:2", "[10.0.0.1", "::g", "10.0.0.1\0", "fe80::1%eth0"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        units.parse_address(text)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/x", "10.0.0.0/-1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        units.parse_network(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("caf\u00e9 \u65e5", "caf\u00e9 \u65e5"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("\u200bzero", "\\u200bzero"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("a\nb\rc\td\x7f", "a\\x0ab\\x0dc\\x09d\\x7f"),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert units.printable(text) == expected


@given(st.text())
def test_printable_leaves_nothing_that_moves_a_cursor(text: str) -> None:
    assert units.printable(text).isprintable()
