"""Tables, hints and socket listings with other addresses and names in them; the numbers stay."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ..hints.hint import FlowHints, Hint
from ..model.capture import CaptureFile, Interface
from ..model.tables import Tables, Tunnel
from ..sockets.listing import Listing
from ..sockets.socket import End, Socket
from .names import Redactor

METHODS: Final = frozenset((
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
))  # fmt: skip
"""Methods that everybody has: RFC 9110 section 9, RFC 5789, RFC 4918."""
PROTOCOLS: Final = frozenset(("http/1.0", "http/1.1", "h2", "h2c", "h3", "spdy/3.1", "imap", "pop3", "ftp", "mqtt"))
"""ALPN names, as IANA registers them."""


def tables(old: Tables, redactor: Redactor) -> Tables:
    """The same tables. `captured` remembers what the capture has, for those who read it again."""
    flows = old.flows.copy()
    family = np.repeat(flows["family"], 2)
    hi, lo = redactor.addresses(family, flows["addr_hi"].reshape(-1), flows["addr_lo"].reshape(-1))
    flows["addr_hi"], flows["addr_lo"] = hi.reshape(-1, 2), lo.reshape(-1, 2)
    return replace(
        old,
        files=tuple(_file(file, redactor) for file in old.files),
        flows=flows,
        tunnels=tuple(_tunnel(tunnel, redactor) for tunnel in old.tunnels),
        captured=old.flows if old.captured is None else old.captured,
    )


def hints(old: Mapping[int, FlowHints], redactor: Redactor) -> dict[int, FlowHints]:
    """What connections were about, by stream."""
    return {
        flow: FlowHints(each.client and _hint(each.client, redactor), each.server and _hint(each.server, redactor))
        for flow, each in old.items()
    }


def listing(old: Listing, redactor: Redactor) -> Listing:
    """The sockets of a host."""
    return replace(
        old,
        path=redactor.file(old.path),
        sockets=tuple(_socket(socket, redactor) for socket in old.sockets),
    )


def _file(file: CaptureFile, redactor: Redactor) -> CaptureFile:
    interfaces = tuple(_interface(interface, redactor) for interface in file.interfaces)
    return replace(file, path=redactor.file(file.path), interfaces=interfaces)


def _interface(interface: Interface, redactor: Redactor) -> Interface:
    name = interface.name and f"interface-{redactor.tag('interface', interface.name)}"
    return replace(interface, name=name, description=None, os=None, filter=None)


def _tunnel(tunnel: Tunnel, redactor: Redactor) -> Tunnel:
    return Tunnel(
        tuple(
            (name, _identifier(identifier, redactor), one and redactor.address(one), other and redactor.address(other))
            for name, identifier, one, other in tunnel.layers
        )
    )


def _identifier(text: str, redactor: Redactor) -> str:
    """`vni 42` -> `vni k3v9x2ab`: which network it is is nobody's business, that it is another one is."""
    word, space, number = text.partition(" ")
    return f"{word} {redactor.tag(word, number)}" if space else ""


def _hint(hint: Hint, redactor: Redactor) -> Hint:
    return hint._replace(
        sni=hint.sni and redactor.host(hint.sni),
        alpn=tuple(name if name in PROTOCOLS else redactor.word(name) for name in hint.alpn),
        method=hint.method if hint.method is None or hint.method in METHODS else redactor.word(hint.method).upper(),
        host=hint.host and redactor.host(hint.host),
        path=hint.path and redactor.path(hint.path),
        starts_with=hint.starts_with and redactor.word(hint.starts_with),
    )


def _socket(socket: Socket, redactor: Redactor) -> Socket:
    return replace(
        socket,
        local=_end(socket.local, redactor),
        remote=socket.remote and _end(socket.remote, redactor),
        owners=tuple(owner._replace(name=redactor.process(owner.name)) for owner in socket.owners),
        uid=None,
    )


def _end(end: End, redactor: Redactor) -> End:
    hi, lo = redactor.addresses(np.array([end.family]), np.array([end.hi], np.uint64), np.array([end.lo], np.uint64))
    return End(end.family, int(hi[0]), int(lo[0]), end.port)
