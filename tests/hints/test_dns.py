"""DNS answers give names to addresses."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hints.made import dns_answer
from tcpdiag.hints.dns import addresses, names_of
from tcpdiag.hints.hint import NAME_MAX

ONE, TWO, SIX = (ip_address(text).packed for text in ("192.0.2.1", "192.0.2.2", "2001:db8::1"))


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (dns_answer("www.example.com", ("www.example.com", "192.0.2.1")), {ONE: "www.example.com"}),
        (dns_answer("wWw.Example.com", ("www.examPLE.com", "192.0.2.1")), {ONE: "www.example.com"}),
        (dns_answer("a.b", ("a.b", "192.0.2.1"), ("a.b", "192.0.2.2")), {ONE: "a.b", TWO: "a.b"}),
        (dns_answer("a.b", ("a.b", "2001:db8::1"), kind=28), {SIX: "a.b"}),
        (dns_answer("a.b", ("a.b", "c.d"), ("c.d", "e.f"), ("e.f", "192.0.2.1")), {ONE: "a.b"}),
        (dns_answer("a.b", ("c.d", "192.0.2.1"), ("a.b", "c.d")), {ONE: "a.b"}),
        (dns_answer("a.b", ("other", "192.0.2.1")), {}),
        (dns_answer("a.b", ("a.b", "a.b"), ("a.b", "192.0.2.1")), {ONE: "a.b"}),
        (dns_answer("a.b", ("a.b", b"signature"), ("a.b", "192.0.2.1")), {ONE: "a.b"}),
        (dns_answer("a.b", ("a.b", "192.0.2.1"), ("a.b", "192.0.2.2"))[:-3], {ONE: "a.b"}),
        (b"", {}),
        (b"\0" * 12, {}),
    ],
)
def test_an_address_gets_the_name_that_was_asked_for(message: bytes, found: dict[bytes, str]) -> None:
    assert addresses(message) == found


def test_only_wanted_addresses_are_named_and_the_commonest_name_wins() -> None:
    messages = [
        dns_answer("rare.example", ("rare.example", "192.0.2.1")),
        *[dns_answer("often.example", ("often.example", "192.0.2.1"), ("often.example", "192.0.2.2"))] * 2,
    ]
    assert names_of(messages, [ONE, SIX]) == {ONE: "often.example"}


def test_names_that_point_at_themselves_end() -> None:
    message = bytearray(dns_answer("a.b", ("a.b", "192.0.2.1")))
    message[12:14] = b"\xc0\x0c"
    assert addresses(bytes(message)) == {}


def test_a_message_of_pointers_is_not_followed() -> None:
    head = dns_answer("a", ("a", "192.0.2.1"))[:12]
    pointers = b"".join((0xC000 | max(12, at - 2)).to_bytes(2) for at in range(12, 4000, 2))
    assert addresses(head + pointers) == {}


@given(st.binary(max_size=200), st.integers(0, 60), st.binary(max_size=10))
def test_no_bytes_raise_anything(tail: bytes, at: int, patch: bytes) -> None:
    message = dns_answer("www.example.com", ("www.example.com", "192.0.2.1"), ("x", "2001:db8::1"))
    for data in (tail, message[:12] + tail, message[:at] + patch + message[at + len(patch) :]):
        assert all(len(name) <= NAME_MAX for name in addresses(data).values())
        assert set(names_of([data], [ONE])) <= {ONE}
