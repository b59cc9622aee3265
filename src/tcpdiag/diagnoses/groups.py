"""Flows grouped by endpoint, by whole columns: a mass phenomenon is one finding, not one object a flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .view import View

GROUPS_MAX: Final = 8
"""Endpoints that get a finding of their own. Where more show the same, only those do that hold at least this part of
it; the others share one: a scan touches a million, and a fault of sixty servers alike has one cause."""


@dataclass(frozen=True)
class Groups:
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


def by_endpoint(view: View, flows: np.ndarray, sides: np.ndarray, most: int | None = None) -> Groups:
    """Flows that share one endpoint: address and port of `sides`, and tunnel. `most`: so many groups stand alone
    whatever their share."""
    table = view.flows
    return _groups(
        table["port"][flows, sides],
        table["addr_lo"][flows, sides],
        table["addr_hi"][flows, sides],
        table["tunnel"][flows],
        most=most,
    )


def by_host_and_endpoint(view: View, flows: np.ndarray, sides: np.ndarray, most: int | None = None) -> Groups:
    """Flows that share the address of `sides` and the whole endpoint of the other side. `most`: as `by_endpoint`."""
    table, others = view.flows, 1 - sides
    return _groups(
        table["addr_lo"][flows, sides],
        table["addr_hi"][flows, sides],
        table["port"][flows, others],
        table["addr_lo"][flows, others],
        table["addr_hi"][flows, others],
        table["tunnel"][flows],
        most=most,
    )


def _groups(*columns: np.ndarray, most: int | None) -> Groups:
    count = len(columns[0])
    if not count:
        return Groups([], np.zeros(0, np.int64), np.zeros(0, np.int64))
    order, starts = _ordered(columns)
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


def _ordered(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Positions with those of one group together, ascending inside it; and where in that order each group starts."""
    count = len(columns[0])
    lowest, spans = [column.min() for column in columns], [int(column.max()) - int(column.min()) for column in columns]
    widths, place_bits = [span.bit_length() for span in spans], count.bit_length()
    edge = np.ones(count, bool)
    if sum(widths) + place_bits <= 64:  # IPv4: columns and position in one number, sorted at once
        packed = np.zeros(count, np.uint64)
        for column, low, width in zip(columns, lowest, widths, strict=True):
            if width:
                packed = (packed << np.uint64(width)) | (column - low).astype(np.uint64)
        packed = (packed << np.uint64(place_bits)) | np.arange(count, dtype=np.uint64)
        packed.sort()
        order = (packed & np.uint64((1 << place_bits) - 1)).astype(np.int64)
        packed >>= np.uint64(place_bits)
        np.not_equal(packed[1:], packed[:-1], out=edge[1:])
        return order, np.flatnonzero(edge)
    order = np.lexsort(columns)
    edge[1:] = False
    for column in columns:
        ordered = column[order]
        edge[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(edge)
