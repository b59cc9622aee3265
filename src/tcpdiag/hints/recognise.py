"""First bytes of a direction -> a hint. No bytes raise anything."""

from . import banners, http, tls
from .hint import Hint


def hint_of(data: bytes) -> Hint:
    """What these bytes, the first of their direction, tell."""
    if tls.looks_like(data):
        return tls.parse(data)
    if http.looks_like(data):
        return http.parse(data)
    return banners.parse(data)


def wants_more(data: bytes) -> bool:
    """Whether further bytes of the stream would tell more."""
    return http.wants_more(data) if http.looks_like(data) else tls.wants_more(data)
