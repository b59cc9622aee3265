"""Addresses with ports as the tools write them."""

import re
import socket
from functools import lru_cache
from typing import Final

from .socket import End

_PORT: Final = re.compile(r"[0-9]{1,5}\Z")
_MAPPED: Final = 0xFFFF
_LOW_32: Final = 0xFFFFFFFF
_LONGEST: Final = 256  # no address with an interface name behind it is longer


class NotUnderstood(ValueError):
    """A row of a listing that cannot be read. The text is the reason, the same for all rows of its kind."""


@lru_cache(maxsize=1 << 12)
def end(text: str, separator: str = ":", family: int = 0) -> End | None:
    """`10.0.0.1:80`, `[::1]:443`, `:::22`, `*:80`, `127.0.0.1%lo:53`; BSD's `10.0.0.1.80` with the separator `.`.

    None: not connected (`*:*`, `0.0.0.0:*`). `family`: what `*` stands for, 6 when it is not known. Raises
    NotUnderstood for names, for addresses that the tool has cut, and for ports that nobody knows by that name.
    """
    if len(text) > _LONGEST:
        raise NotUnderstood("no address")
    host, found, name = text.rpartition(separator)
    if not found:
        raise NotUnderstood("no address")
    port = None if name == "*" else _port(name)
    family, hi, lo = _address(host, family)
    return None if not port and not hi and not lo else End(family, hi, lo, port or 0)


def named_port(text: str, separator: str = ":") -> bool:
    """Whether the port is written as the name of a service, which /etc/services of this machine had to resolve."""
    name = text.rpartition(separator)[2]
    return name != "*" and not _PORT.match(name)


def digits(word: str, most: int = 12) -> bool:
    """Whether int() takes it: not "²", and no number that nobody counts to."""
    return word.isascii() and word.isdigit() and len(word) <= most


def _address(text: str, family: int) -> tuple[int, int, int]:
    if text in ("*", ""):
        return family or 6, 0, 0
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    bare = bare.partition("%")[0]
    bare = bare[1:] if bare.startswith("[") else bare  # [fe80::1]%eth0
    bare = bare.removesuffix("]")
    if bare == "*":
        return family or 6, 0, 0
    for kind, words in ((4, socket.AF_INET), (6, socket.AF_INET6)):
        try:
            value = int.from_bytes(socket.inet_pton(words, bare))
        except (OSError, ValueError):
            continue
        return normal(kind, value >> 64, value & ((1 << 64) - 1))
    raise NotUnderstood("names or cut addresses instead of addresses (take the listing with -n, netstat also with -W)")


def normal(family: int, hi: int, lo: int) -> tuple[int, int, int]:
    """An IPv4-mapped IPv6 address as the IPv4 address that is on the wire."""
    if family == 6 and not hi and lo >> 32 == _MAPPED:
        return 4, 0, lo & _LOW_32
    return family, hi, lo


def _port(name: str) -> int:
    if _PORT.match(name):
        port = int(name)
        if port > 0xFFFF:
            raise NotUnderstood("no port")
        return port
    try:
        return socket.getservbyname(name, "tcp")
    except (OSError, ValueError):
        raise NotUnderstood("ports by names that are unknown here (take the listing with -n)") from None
