"""Requests, status lines and the HTTP/2 preface, whole and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag.hints import http
from tcpdiag.hints.hint import NAME_MAX, PATH_MAX, Hint

dpkt = pytest.importorskip("dpkt")


def request(method: str = "GET", host: str | None = None, path: str | None = "/", version: str | None = "1.1") -> Hint:
    return Hint("HTTP", version=version, method=method, host=host, path=path)


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"GET /a/b?q=secret#x HTTP/1.1\r\nHost: www\r\n\r\n", request(host="www", path="/a/b")),
        (b"POST /x HTTP/1.0\r\nA: b\r\nhOsT:  H.Example:8080 \r\n\r\n", request("POST", "h.example:8080", "/x", "1.0")),
        (b"GET / HTTP/1.1\nHost: bare\n\n", request(host="bare")),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", request(host="a")),
        (b"GET / HTTP/1.1\r\n\r\nHost: body\r\n", request()),
        (b"GET / HTTP/1.1\r\nNot-Host: a\r\n\r\n", request()),
        (b"GET http://u:p@h.example/a?b HTTP/1.1\r\n\r\n", request(host="h.example", path="/a")),
        (b"GET http://h.example HTTP/1.1\r\n\r\n", request(host="h.example")),
        (b"GET http://h.example/ HTTP/1.1\r\nHost: other\r\n\r\n", request(host="other")),
        (b"CONNECT h.example:443 HTTP/1.1\r\n\r\n", request("CONNECT", "h.example:443", None)),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", request("OPTIONS", path="*")),
        (b"M-SEARCH * HTTP/1.1\r\n\r\n", request("M-SEARCH", path="*")),
        (b"HTTP/1.1 503 Service Unavailable\r\n", Hint("HTTP", version="1.1", status=503)),
        (b"HTTP/1.0 200", Hint("HTTP", version="1.0", status=200)),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4", Hint("HTTP/2")),
    ],
)
def test_what_the_first_lines_tell(data: bytes, hint: Hint) -> None:
    assert http.looks_like(data)
    assert http.parse(data) == hint


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"GET /long/path", request(path="/long/path...", version=None)),
        (b"GET /search?q=sec", request(path="/search", version=None)),
        (b"GET /a HT", request(path="/a", version=None)),
        (b"GET / HTTP/1.1\r\nHost: cut.exam", request()),
        (b"GET / HTTP/1.1\r\nHost: whole.example\r", request(host="whole.example")),
    ],
)
def test_a_cut_head_tells_what_is_whole(data: bytes, hint: Hint) -> None:
    assert http.looks_like(data)
    assert http.wants_more(data)
    assert http.parse(data) == hint


@pytest.mark.parametrize(
    "data",
    [b"", b"GET", b"GETX / HTTP", b"get / HTTP/1.1\r\n", b"HELLO THERE", b"HTTP/1.1 20", b"DESCRIBE x RTSP/1.0\r\n"],
)
def test_other_bytes_are_no_http(data: bytes) -> None:
    assert not http.looks_like(data)


def test_lengths_are_bounded() -> None:
    hint = http.parse(b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nHost: " + b"h" * 900 + b"\r\n\r\n")
    assert hint.path is not None
    assert hint.host is not None
    assert (len(hint.path), len(hint.host)) == (PATH_MAX, NAME_MAX)
    assert hint.path.endswith("...")


@pytest.mark.parametrize("host", ["www.example.com", "[2001:db8::1]:8080"])
def test_dpkt_sees_the_same_in_a_whole_request(host: str) -> None:
    data = f"PUT /a/b HTTP/1.1\r\nUser-Agent: x\r\nHost: {host}\r\n\r\n".encode()
    theirs, ours = dpkt.http.Request(data), http.parse(data)
    assert (ours.method, ours.path, ours.host) == (theirs.method, theirs.uri, theirs.headers["host"])


@given(st.sampled_from([b"GET ", b"GET /", b"HTTP/1.1 2", b"PRI * HTTP/2.0", b"POST http://"]), st.binary(max_size=400))
def test_no_bytes_raise_anything(start: bytes, tail: bytes) -> None:
    for data in (start + tail, start + tail + b" HTTP/1.1\r\nHost: " + tail + b"\r\n\r\n"):
        if http.looks_like(data):
            hint = http.parse(data)
            assert len(hint.path or "") <= PATH_MAX
            assert len(hint.host or "") <= NAME_MAX
            assert http.wants_more(data) in (True, False)
