"""Flows grouped by endpoint, by whole columns: a mass phenomenon is one finding, not one object a flow."""

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
    varying = [column for column in columns if np.any(column != column[0])]
    order = np.lexsort(varying) if varying else np.arange(count)
    edge = np.zeros(count, bool)
    edge[0] = True
    for column in varying:
        ordered = column[order]
        edge[1:] |= ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(edge)
    sizes = np.diff(np.append(starts, count))
    ranked = np.lexsort((order[starts], -sizes))  # lexsort is stable: order[starts] is each group's first position
    if most is None:
        most = GROUPS_MAX if len(ranked) <= GROUPS_MAX else int(np.count_nonzero(sizes * GROUPS_MAX >= count))
    own = ranked[:most]
    large = [order[starts[g] : starts[g] + sizes[g]] for g in own]
    taken = np.zeros(count, bool)
    for group in large:
        taken[group] = True
    return Groups(large, np.flatnonzero(~taken), order[starts[ranked[len(own) :]]])
