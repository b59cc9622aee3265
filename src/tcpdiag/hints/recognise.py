"""First bytes of a direction -> a hint. No bytes raise anything."""

from . import banners, tls
from .hint import Hint

_UPPER = range(ord("A"), ord("Z") + 1)


def hint_of(data: bytes) -> Hint:
    """What these bytes, the first of their direction, tell."""
    if tls.looks_like(data):
        return tls.parse(data)
    if _may_be_http(data):
        from . import http  # dpkt: 40 ms, for nobody who does not need it

        if http.looks_like(data):
            return http.parse(data)
    return banners.parse(data)


def wants_more(data: bytes) -> bool:
    """Whether further bytes of the stream would tell more."""
    if _may_be_http(data):
        from . import http

        return http.looks_like(data) and http.wants_more(data)
    return tls.wants_more(data)


def _may_be_http(data: bytes) -> bool:
    """Both a request and a status line begin with a capital letter."""
    return bool(data) and data[0] in _UPPER
