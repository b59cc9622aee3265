"""HTTP/1 from its first bytes: method, host and path of a request, the status of an answer; HTTP/2 by its preface.

Not dpkt: that wants all headers, and the body that they announce; here the first lines are enough.
"""

import re
from typing import Final

from ..units import shortened
from .hint import NAME_MAX, PATH_MAX, WORD_MAX, Hint, decoded

REQUEST: Final = re.compile(rb"([A-Z][A-Z_-]{1,31}) (\S{1,4096}) HTTP/(\d\.\d)\r?\n")
CUT_REQUEST: Final = re.compile(
    rb"(GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS) (/[!-~]{0,4096})(?: (?:H(?:T(?:T(?:P(?:/[\d.]{0,3}\r?)?)?)?)?)?)?\Z"
)
STATUS: Final = re.compile(rb"HTTP/(\d\.\d) (\d{3})(?=[ \r\n]|\Z)")
TARGET: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#]*))?([^?#]*)")  # RFC 3986, without user
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 section 3.4
PREFACE_LEAST: Final = 14
HEADERS_END: Final = re.compile(rb"\r?\n\r?\n")


def looks_like(data: bytes) -> bool:
    """Whether this is the beginning of a request or of an answer."""
    return bool(_is_preface(data) or STATUS.match(data) or REQUEST.match(data) or CUT_REQUEST.match(data))


def wants_more(data: bytes) -> bool:
    """Whether further bytes of the stream belong to the request's head; of an answer the first line is enough."""
    if _is_preface(data) or STATUS.match(data):
        return False
    return HEADERS_END.search(data) is None


def parse(data: bytes) -> Hint:
    """The hint of bytes that `looks_like` accepts."""
    if _is_preface(data):
        return Hint("HTTP/2")
    if match := STATUS.match(data):
        return Hint("HTTP", version=match[1].decode(), status=int(match[2]))
    if match := REQUEST.match(data):
        method, version = shortened(match[1].decode(), WORD_MAX), match[3].decode()
        header = _host_header(data[match.end() :])
        if match[1] == b"CONNECT":  # the target is a host and a port, RFC 9112 section 3.2.3
            return Hint("HTTP", version=version, method=method, host=_name(decoded(match[2])))
        host, path = _split(match[2])
        return Hint("HTTP", version=version, method=method, host=_name(header or host), path=shortened(path, PATH_MAX))
    match = CUT_REQUEST.match(data)
    if match is None:
        return Hint()
    path = _split(match[2])[1]
    if match.end(2) == len(data) and b"?" not in match[2]:
        path += "..."
    return Hint("HTTP", method=match[1].decode(), path=shortened(path, PATH_MAX))


def _is_preface(data: bytes) -> bool:
    return data.startswith(PREFACE[:PREFACE_LEAST])


def _split(target: bytes) -> tuple[str, str]:
    """Host, "" where there is none, and path of a request's target (RFC 9112 section 3.2)."""
    match = TARGET.match(decoded(target))
    return (match[1] or "", match[2] or "/") if match else ("", "/")


def _name(host: str) -> str | None:
    return shortened(host.lower(), NAME_MAX) or None


def _host_header(data: bytes) -> str:
    """The Host header among these header lines, "" without one; a last line that is cut does not count."""
    lines = data.split(b"\n")
    for line in lines if lines[-1].endswith(b"\r") else lines[:-1]:
        name, colon, value = line.strip().partition(b":")
        if not name:
            break
        if colon and name.lower() == b"host":
            return decoded(value.strip())
    return ""
