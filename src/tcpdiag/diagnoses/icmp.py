"""ICMP errors that answer a SYN: their names, and what they say about who sent them (RFC 792, RFC 1812, RFC 4443)."""

from typing import Final

import numpy as np

from ..sets import among
from .view import View

_NAMES: Final = {
    (4, 3, 0): "network unreachable",
    (4, 3, 1): "host unreachable",
    (4, 3, 2): "protocol unreachable",
    (4, 3, 3): "port unreachable",
    (4, 3, 4): "fragmentation needed",
    (4, 3, 6): "network unknown",
    (4, 3, 7): "host unknown",
    (4, 3, 9): "network administratively prohibited",
    (4, 3, 10): "host administratively prohibited",
    (4, 3, 13): "communication administratively prohibited",
    (4, 11, 0): "time to live exceeded",
    (6, 1, 0): "no route to destination",
    (6, 1, 1): "communication administratively prohibited",
    (6, 1, 3): "address unreachable",
    (6, 1, 4): "port unreachable",
    (6, 1, 5): "source address failed policy",
    (6, 1, 6): "reject route",
    (6, 2, 0): "packet too big",
    (6, 3, 0): "hop limit exceeded",
}
_PORT: Final = {(4, 3, 2), (4, 3, 3), (6, 1, 4)}
_PROHIBITED: Final = {(4, 3, 9), (4, 3, 10), (4, 3, 13), (6, 1, 1), (6, 1, 5), (6, 1, 6)}
_UNREACHABLE: Final = {(4, 3, 0), (4, 3, 1), (4, 3, 6), (4, 3, 7), (4, 11, 0), (6, 1, 0), (6, 1, 3), (6, 3, 0)}


def name(family: int, kind: int, code: int) -> str:
    """`host unreachable`; type and code where they have no name here."""
    return _NAMES.get((family, kind, code), f"type {kind} code {code}")


def prohibited(family: int, kind: int, code: int) -> bool:
    """A firewall says that it forbids this. It is one, too, that answers TCP with port unreachable: where nobody
    listens, a kernel sends a RST (RFC 9293 section 3.10.7.1)."""
    return (family, kind, code) in _PROHIBITED | _PORT


def unreachable(family: int, kind: int, code: int) -> bool:
    """A router says that it cannot reach the host: no route, nobody answers there, or a loop."""
    return (family, kind, code) in _UNREACHABLE


def refuses(view: View, rows: np.ndarray) -> np.ndarray:
    """Which of these ICMP_ERROR events end a connect at once, as a RST would: port unreachable, or prohibited."""
    family = view.flows["family"][view.event_flow[rows]].astype(np.int64)
    events = view.events[rows]
    key = (family << 16) | (events["detail"].astype(np.int64) << 8) | (events["value"] & 0xFF)
    wanted = [(fam << 16) | (kind << 8) | code for fam, kind, code in _PORT | _PROHIBITED]
    found: np.ndarray = among(key, wanted)
    return found
