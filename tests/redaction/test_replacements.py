"""Other addresses and other names: consistent, of the same kind, and decided by the key."""

import ipaddress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redaction.searching import KEY, REDACTOR, SIX
from tcpdiag.errors import UsageError
from tcpdiag.redaction import Redactor
from tcpdiag.redaction.prefixes import KEPT

# --- addresses


def shared_bits(one: str, other: str) -> int:
    """How many leading bits two addresses share."""
    a, b = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return a.max_prefixlen - (int(a) ^ int(b)).bit_length()


IPV4 = st.integers(0, 2**32 - 1).map(lambda value: str(ipaddress.IPv4Address(value)))
IPV6 = st.integers(0, 2**128 - 1).map(lambda value: str(ipaddress.IPv6Address(value)))


@given(st.one_of(st.tuples(IPV4, IPV4), st.tuples(IPV6, IPV6)))
def test_two_addresses_share_as_many_bits_as_before(pair: tuple[str, str]) -> None:
    one, other = pair
    if ipaddress.ip_address(one).version == 6 and (int(ipaddress.ip_address(one)) >> 32 == 0xFFFF):
        return
    assert shared_bits(REDACTOR.address(one), REDACTOR.address(other)) == shared_bits(one, other)


@pytest.mark.parametrize(
    "pair",
    [
        ("198.51.100.1", "198.51.100.2"),
        ("198.51.100.1", "198.51.101.1"),
        ("203.0.113.255", "4.5.6.7"),
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8:1::", "2001:db8:2::"),
    ],
)
def test_neighbours_stay_neighbours(pair: tuple[str, str]) -> None:
    assert shared_bits(*map(REDACTOR.address, pair)) == shared_bits(*pair)
    assert all(REDACTOR.address(each) != each for each in pair)


@pytest.mark.parametrize("network", KEPT, ids=str)
def test_special_networks_become_themselves(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    inside = {network[0], network[-1], network[network.num_addresses // 3]}
    for each in inside:
        assert ipaddress.ip_address(REDACTOR.address(str(each))) in network
    for outside in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= outside < 1 << network.max_prefixlen:
            beside = type(network[0])(outside)
            assert ipaddress.ip_address(REDACTOR.address(str(beside))) not in network


def test_what_tells_of_nobody_stays() -> None:
    for each in ("0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1"):
        assert REDACTOR.address(each) == each


def test_a_mapped_address_is_mapped_as_the_ipv4_address_in_it() -> None:
    assert REDACTOR.address("::ffff:198.51.100.7") == f"::ffff:{REDACTOR.address('198.51.100.7')}"


def test_no_two_addresses_become_one() -> None:
    lo = np.arange(0xC6336400, 0xC6346400, dtype=np.uint64)
    zero = np.zeros(len(lo), np.uint64)
    _, other = REDACTOR.addresses(np.full(len(lo), 4, np.uint8), zero, lo)
    assert len(np.unique(other)) == len(lo)


def test_the_key_decides() -> None:
    assert Redactor(KEY).address(SIX) == REDACTOR.address(SIX)
    others = {Redactor(bytes([n]) * 16).address(SIX) for n in range(50)}
    assert len(others) == 50 and SIX not in others
    assert Redactor().address("2001:db8::1") != Redactor().address("2001:db8::1")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(UsageError, match="16 bytes"):
        Redactor(b"secret")


# --- names


def test_names_are_alike_where_the_originals_were() -> None:
    assert REDACTOR.host("API.Example.com") == REDACTOR.host("api.example.com.") != REDACTOR.host("api.example.org")
    assert REDACTOR.host("10.1.2.3:8080") == f"{REDACTOR.address('10.1.2.3')}:8080"
    assert REDACTOR.host("[2001:db8::1]") == REDACTOR.address("2001:db8::1")
    one, other = REDACTOR.path("/call/17/state"), REDACTOR.path("/call/18/...")
    assert one.split("/")[1] == other.split("/")[1] and one.split("/")[2] != other.split("/")[2]
    assert other.endswith("/...") and one.count("/") == 3
    assert REDACTOR.file("/home/me/office.pcap.gz") == REDACTOR.file("office.pcap.gz")
    assert REDACTOR.file("office.pcap.gz").endswith(".pcap.gz") and "secret" not in REDACTOR.file("a.secret.pcap")
    assert REDACTOR.file("-") == "-"
