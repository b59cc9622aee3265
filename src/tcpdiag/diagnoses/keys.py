"""Addresses and endpoints as one number each: for grouping by whole columns, IPv6 as quickly as IPv4.

Hashes: two addresses may share a number, once in 2^64. What depends on it is a count, never a name.
"""

import numpy as np

from ..sets import mixed
from .view import View


def host_keys(view: View, flows: np.ndarray, sides: np.ndarray | int) -> np.ndarray:
    """The address of one side of each flow, its tunnel included."""
    return mixed(*_host(view, flows, sides))


def endpoint_keys(view: View, flows: np.ndarray, sides: np.ndarray | int) -> np.ndarray:
    """Address and port of one side of each flow."""
    return mixed(*_host(view, flows, sides), view.flows["port"][flows, sides])


def _host(view: View, flows: np.ndarray, sides: np.ndarray | int) -> tuple[np.ndarray, ...]:
    rows = view.flows
    return rows["addr_hi"][flows, sides], rows["addr_lo"][flows, sides], rows["tunnel"][flows]
