"""TLS from its first bytes: the ClientHello's server name and ALPN, what the ServerHello chose, or an alert.

Not dpkt: that wants a message whole, and a hello with a post-quantum key share (1,216 bytes of it) is often cut by the
snap length or by a lost segment, behind the name. Here all extensions count that are there in full.
"""

from collections.abc import Iterator
from typing import Final

from ..units import shortened
from .hint import ALPN_MAX, NAME_MAX, WORD_MAX, Hint, decoded

RECORD_HEADER: Final = 5  # RFC 8446 section 5.1
MESSAGE_HEADER: Final = 4  # RFC 8446 section 4
HANDSHAKE, ALERT = 22, 21
CLIENT_HELLO, SERVER_HELLO = 1, 2
SERVER_NAME, ALPN, SUPPORTED_VERSIONS = 0, 16, 43  # RFC 8446 section 4.2
RANDOM: Final = 32
HOST_NAME: Final = 0  # RFC 6066 section 3

VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}

ALERTS: Final = {  # RFC 8446 section 6
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


class _Cut(Exception):
    """The bytes end before the field does."""


class _Fields:
    """Reads the fields of a message one after the other (RFC 8446 section 3)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def left(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise _Cut
        found, self._at = self._data[self._at : end], end
        return found

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """Bytes behind their length, which takes `size` bytes."""
        return self.take(self.number(size))

    def rest_of_vector(self, size: int) -> bytes:
        """The same; of one that is cut, what is there."""
        return self.take(min(self.number(size), len(self._data) - self._at))


def looks_like(data: bytes) -> bool:
    """Whether this is a record that a handshake can begin with."""
    if len(data) <= RECORD_HEADER or data[1] != 3 or data[2] > 4:
        return False
    return data[0] == ALERT or (data[0] == HANDSHAKE and data[RECORD_HEADER] in (CLIENT_HELLO, SERVER_HELLO))


def wants_more(data: bytes) -> bool:
    """Whether further bytes of the stream belong to the hello."""
    if len(data) <= RECORD_HEADER:
        return data[:2] == bytes((HANDSHAKE, 3))
    if not looks_like(data) or data[0] != HANDSHAKE:
        return False
    message = _message(data)
    return len(message) < MESSAGE_HEADER + int.from_bytes(message[1:MESSAGE_HEADER])


def parse(data: bytes) -> Hint:
    """The hint of bytes that `looks_like` accepts."""
    if data[0] == ALERT:
        number = data[RECORD_HEADER + 1] if len(data) > RECORD_HEADER + 1 else None
        return Hint("TLS", alert=None if number is None else ALERTS.get(number, f"alert {number}"))
    message = _message(data)
    fields = _Fields(message[MESSAGE_HEADER : MESSAGE_HEADER + int.from_bytes(message[1:MESSAGE_HEADER])])
    is_client = message[0] == CLIENT_HELLO
    version, sni = 0, None
    alpn: tuple[str, ...] = ()
    try:
        version = fields.number(2)
        _skip_to_extensions(fields, is_client)
        for kind, body in _extensions(fields):
            if kind == SERVER_NAME and is_client:
                sni = _server_name(body)
            elif kind == ALPN:
                alpn = tuple(_protocols(body))
            elif kind == SUPPORTED_VERSIONS:
                version = _newest(body, is_client, version)
    except _Cut:
        pass  # what was read until here stands
    return Hint("TLS", version=VERSIONS.get(version), sni=sni, alpn=alpn)


def _message(data: bytes) -> bytes:
    """The handshake messages without the headers of their records, as far as they are there."""
    parts, at = [], 0
    while at + RECORD_HEADER <= len(data) and data[at] == HANDSHAKE:
        end = at + RECORD_HEADER + int.from_bytes(data[at + 3 : at + RECORD_HEADER])
        parts.append(data[at + RECORD_HEADER : end])
        at = end
    return b"".join(parts)


def _skip_to_extensions(fields: _Fields, is_client: bool) -> None:
    fields.take(RANDOM)
    fields.vector(1)  # session
    if is_client:
        fields.vector(2)  # cipher suites
        fields.vector(1)  # compression methods
    else:
        fields.take(3)  # the chosen ones


def _extensions(fields: _Fields) -> Iterator[tuple[int, bytes]]:
    inner = _Fields(fields.rest_of_vector(2))
    while inner.left():
        yield inner.number(2), inner.vector(2)


def _server_name(body: bytes) -> str | None:
    try:
        names = _Fields(_Fields(body).vector(2))
        while names.left():
            kind, name = names.number(1), names.vector(2)
            if kind == HOST_NAME and name:
                return shortened(decoded(name).lower(), NAME_MAX)
    except _Cut:
        pass
    return None


def _protocols(body: bytes) -> Iterator[str]:
    try:
        names = _Fields(_Fields(body).vector(2))
        for _ in range(ALPN_MAX):
            if not names.left():
                return
            name = names.vector(1)
            if not _is_grease(name):
                yield shortened(decoded(name), WORD_MAX)
    except _Cut:
        return


def _newest(body: bytes, is_client: bool, version: int) -> int:
    """The highest version that the client offers, or the one that the server chose; `version` where none is known."""
    numbers = body[1:] if is_client else body
    offered = [int.from_bytes(numbers[at : at + 2]) for at in range(0, len(numbers) - 1, 2)]
    return max((number for number in offered if number in VERSIONS), default=version)


def _is_grease(name: bytes) -> bool:
    """A reserved name without meaning that keeps servers tolerant (RFC 8701 section 2)."""
    return len(name) == 2 and name[0] == name[1] and name[0] & 0x0F == 0x0A
