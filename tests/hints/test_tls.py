"""ClientHello, ServerHello and alerts, whole and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hints.made import (
    HELLO,
    POST_QUANTUM,
    alert,
    alpn,
    client_hello,
    extension,
    records,
    server_hello,
    server_name,
    versions,
)
from tcpdiag.hints import tls
from tcpdiag.hints.hint import NAME_MAX, Hint

dpkt = pytest.importorskip("dpkt")


def test_a_client_hello_tells_name_protocols_and_version() -> None:
    assert tls.looks_like(HELLO)
    assert not tls.wants_more(HELLO)
    assert tls.parse(HELLO) == Hint("TLS", version="TLS 1.3", sni="api.example.com", alpn=("h2", "http/1.1"))


def test_dpkt_sees_the_same_in_a_whole_hello() -> None:
    hello = dpkt.ssl.TLSRecord(HELLO)
    message = dpkt.ssl.TLSHandshake(hello.data).data
    found = dict(message.extensions)
    assert found[0].endswith(tls.parse(HELLO).sni.encode())
    assert [name.encode() in found[16] for name in tls.parse(HELLO).alpn] == [True, True]


def test_the_name_is_lower_case() -> None:
    assert tls.parse(client_hello(server_name(b"API.Example.COM"))).sni == "api.example.com"


def test_a_hello_without_extensions_is_still_tls() -> None:
    assert tls.parse(client_hello()) == Hint("TLS", version="TLS 1.2")


def test_a_message_in_several_records_is_put_together() -> None:
    message = HELLO[5:]
    assert tls.parse(records(message, 7)) == tls.parse(HELLO)


def test_the_name_behind_a_post_quantum_key_share_is_found() -> None:
    hello = client_hello(POST_QUANTUM, server_name(b"late.example.com"))
    assert hello.index(b"late") > 1250
    assert tls.parse(hello).sni == "late.example.com"
    assert tls.wants_more(hello[:1300])
    assert tls.parse(hello[:1200]).sni is None


@pytest.mark.parametrize("size", range(6, len(HELLO)))
def test_a_cut_hello_tells_what_is_there_in_full(size: int) -> None:
    hint = tls.parse(HELLO[:size])
    assert hint.sni in (None, "api.example.com")
    assert hint.alpn in ((), ("h2", "http/1.1"))
    assert tls.wants_more(HELLO[:size])


def test_of_a_long_name_so_much_as_a_name_may_have() -> None:
    assert len(tls.parse(client_hello(server_name(b"a" * 10_000))).sni or "") == NAME_MAX


def test_reserved_protocols_are_left_out() -> None:
    assert tls.parse(client_hello(alpn(b"\x1a\x1a", b"h2"))).alpn == ("h2",)


def test_reserved_versions_are_no_version() -> None:
    assert tls.parse(client_hello(versions(0x7A7A, 0x0303))).version == "TLS 1.2"


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (server_hello(), Hint("TLS", version="TLS 1.2")),
        (server_hello(extension(43, b"\3\4")), Hint("TLS", version="TLS 1.3")),
        (server_hello(alpn(b"h2")), Hint("TLS", version="TLS 1.2", alpn=("h2",))),
        (server_hello(version=0x0301), Hint("TLS", version="TLS 1.0")),
        (alert(40), Hint("TLS", alert="handshake_failure")),
        (alert(112), Hint("TLS", alert="unrecognized_name")),
        (alert(255), Hint("TLS", alert="alert 255")),
    ],
)
def test_what_a_server_answers(data: bytes, hint: Hint) -> None:
    assert tls.looks_like(data)
    assert tls.parse(data) == hint


@pytest.mark.parametrize(
    "data", [b"", b"\x16", b"\x16\3\1\0\5\4hell", b"GET / HTTP/1.1", b"\x17\3\3\0\1x", b"\x16\2\0\0\1\1"]
)
def test_other_bytes_are_no_tls(data: bytes) -> None:
    assert not tls.looks_like(data)


def test_the_header_of_a_record_alone_asks_for_more() -> None:
    assert tls.wants_more(HELLO[:5])
    assert not tls.wants_more(b"PING\n")


@given(st.binary(max_size=300), st.integers(0, 250), st.binary(max_size=20))
def test_no_bytes_raise_anything(tail: bytes, at: int, patch: bytes) -> None:
    for data in (b"\x16\3\1" + tail, HELLO[:at] + patch + HELLO[at + len(patch) :], HELLO[:at] + tail):
        if tls.looks_like(data):
            assert tls.parse(data).protocol == "TLS"
        assert tls.wants_more(data) in (True, False)
