"""Flows grouped by endpoint, by whole columns: a mass phenomenon is one finding, not one object a flow."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from .view import View

GROUPS_MAX: Final = 8
"""Endpoints that get a finding of their own. Where more show the same, only those do that hold at least this part of
it; the others share one: a scan touches a million, and a fault of sixty servers alike has one cause."""

Column = tuple[str, np.ndarray | None]
"""A column of the flow table; with the side of each flow where it has one value a side."""


class Groups(NamedTuple):
    """Positions in the array of flows that was grouped. `large`: one array an endpoint, the largest first; groups of
    one size stand in order of their first flow. `rest`: all flows of all further endpoints; often empty.
    `rest_first`: the first flow of each of these, those of the largest endpoints first."""

    large: list[np.ndarray]
    rest: np.ndarray
    rest_first: np.ndarray

    @property
    def rest_endpoints(self) -> int:
        """How many endpoints share `rest`."""
        return len(self.rest_first)

    def findings(self) -> Iterator[tuple[np.ndarray, bool]]:
        """Positions, ascending, for each finding to be, and whether they are of one group: not so the rest."""
        for group in self.large:
            yield np.sort(group), True
        if len(self.rest):
            yield self.rest, False


def by_endpoint(view: View, flows: np.ndarray, sides: np.ndarray, most: int | None = None) -> Groups:
    """Flows that share one endpoint: address and port of `sides`, and tunnel. `most`: so many groups stand alone
    whatever their share."""
    columns = (("port", sides), ("addr_lo", sides), ("addr_hi", sides), ("tunnel", None))
    return _groups(view.flows, flows, columns, most)


def by_host_and_endpoint(view: View, flows: np.ndarray, sides: np.ndarray, most: int | None = None) -> Groups:
    """Flows that share the address of `sides` and the whole endpoint of the other side. `most`: as `by_endpoint`."""
    others = 1 - sides
    mine, peer = ("addr_lo", "addr_hi"), ("port", "addr_lo", "addr_hi")
    columns = (*((name, sides) for name in mine), *((name, others) for name in peer), ("tunnel", None))
    return _groups(view.flows, flows, columns, most)


def _groups(table: np.ndarray, flows: np.ndarray, columns: Sequence[Column], most: int | None) -> Groups:
    count = len(flows)
    if not count:
        return Groups([], np.zeros(0, np.int64), np.zeros(0, np.int64))
    order, starts = _ordered(table, flows, columns)
    sizes = np.diff(np.append(starts, count))
    firsts = order[starts]  # each group's first position: the order is stable
    if most is None:
        enough = GROUPS_MAX if len(starts) <= GROUPS_MAX else int(np.count_nonzero(sizes * GROUPS_MAX >= count))
    else:
        enough = most
    ranked = np.lexsort((firsts, -sizes))
    large = [order[starts[g] : starts[g] + sizes[g]] for g in ranked[:enough]]
    alone = np.zeros(count, bool)
    for group in large:
        alone[group] = True
    return Groups(large, np.flatnonzero(~alone), firsts[ranked[len(large) :]])


def _ordered(table: np.ndarray, flows: np.ndarray, columns: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """Positions with those of one group together, ascending inside it; and where in that order each group starts."""
    edge = np.ones(len(flows), bool)
    packed, place_bits = _packed(table, flows, columns), len(flows).bit_length()
    if packed is not None:
        packed.sort()
        order = (packed & np.uint64((1 << place_bits) - 1)).astype(np.int64)
        packed >>= np.uint64(place_bits)
        np.not_equal(packed[1:], packed[:-1], out=edge[1:])
        return order, np.flatnonzero(edge)
    values = [_values(table, flows, column) for column in columns]
    order = np.lexsort(values)
    edge[1:] = False
    for column in values:
        ordered = column[order]
        edge[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(edge)


def _packed(table: np.ndarray, flows: np.ndarray, columns: Sequence[Column]) -> np.ndarray | None:
    """All columns and the position in one number each, which sorts at once; None where they do not fit (IPv6)."""
    packed, room = np.zeros(len(flows), np.uint64), 64 - len(flows).bit_length()
    for column in columns:
        values = _values(table, flows, column)
        lowest = values.min()
        width = int(values.max() - lowest).bit_length()
        room -= width
        if room < 0:
            return None
        if width:
            values -= lowest
            packed <<= np.uint64(width)
            packed |= values
    packed <<= np.uint64(len(flows).bit_length())
    packed |= np.arange(len(flows), dtype=np.uint64)
    return packed


def _values(table: np.ndarray, flows: np.ndarray, column: Column) -> np.ndarray:
    name, sides = column
    values: np.ndarray = table[name][flows] if sides is None else table[name][flows, sides]
    return values
