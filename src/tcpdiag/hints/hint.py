"""What the first bytes of a connection tell. Names and labels: nothing is judged by them."""

from typing import Any, Final, NamedTuple

NAME_MAX: Final = 253  # characters of a host name, RFC 1035 section 2.3.4 without the two that only the wire has
PATH_MAX: Final = 80
WORD_MAX: Final = 32  # a method or an ALPN name
START_MAX: Final = 24
ALPN_MAX: Final = 8


class Hint(NamedTuple):
    """How one side's part of a connection begins. A field is None, or empty, where that did not tell it.

    Everything is text from the capture, cut to a length that a report bears; whoever prints it escapes it.
    """

    protocol: str | None = None  # "TLS", "HTTP", "HTTP/2", "SSH", ...; None: not recognised
    version: str | None = None  # "TLS 1.3": the highest offered, or the one chosen; "1.1" of HTTP
    sni: str | None = None  # server name that the ClientHello asks for (RFC 6066 section 3), lower case
    alpn: tuple[str, ...] = ()  # offered, or the one chosen (RFC 7301)
    method: str | None = None
    host: str | None = None  # of the Host header or of the request's target, lower case
    path: str | None = None  # without query: that is often secret, and never the same twice
    status: int | None = None
    alert: str | None = None  # TLS alert instead of a ServerHello: "handshake_failure"
    starts_with: str | None = None  # printable bytes at the beginning of anything else
    frames: tuple[int, ...] = ()  # that the bytes came from
    ts_ns: int | None = None  # of the first of them

    def to_dict(self) -> dict[str, Any]:
        """Without what is not known."""
        values = {name: getattr(self, name) for name in self._fields if name != "ts_ns"}
        return {name: value for name, value in values.items() if value is not None and value != ()}


class FlowHints(NamedTuple):
    """How both directions of a connection begin; None where nothing was sent, or its first bytes are not there."""

    client: Hint | None = None
    server: Hint | None = None


def decoded(data: bytes) -> str:
    """Bytes of a name as text; what is no UTF-8 is written out."""
    return data.decode("utf-8", "backslashreplace")
