"""Addresses and endpoints as one number each: for grouping by whole columns, IPv6 as quickly as IPv4.

Hashes: two addresses may share a number, once in 2^64. What depends on it is a count, never a name.
"""

from typing import Final

import numpy as np

from .view import View

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbours
_ODD: Final = np.uint64(0xD1B54A32D192ED03)


def host_keys(view: View, flows: np.ndarray, sides: np.ndarray | int) -> np.ndarray:
    """The address of one side of each flow, its tunnel included."""
    rows = view.flows
    key = (rows["addr_lo"][flows, sides] ^ (rows["addr_hi"][flows, sides] * _GOLDEN)) * _GOLDEN
    key ^= key >> np.uint64(29)
    key += rows["tunnel"][flows].astype(np.uint64)
    keys: np.ndarray = key * _GOLDEN
    return keys


def endpoint_keys(view: View, flows: np.ndarray, sides: np.ndarray | int) -> np.ndarray:
    """Address and port of one side of each flow."""
    keys: np.ndarray = host_keys(view, flows, sides) + view.flows["port"][flows, sides].astype(np.uint64) * _ODD
    return keys
