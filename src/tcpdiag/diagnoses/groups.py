"""Flows grouped by endpoint, by whole columns: a mass phenomenon is one finding, not one object a flow."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from .view import View

GROUPS_MAX: Final = 50
"""Endpoints that get a finding of their own. A scan touches a million; the rest of them share one."""


@dataclass(frozen=True)
class Groups:
    """Positions in the array of flows that was grouped. `large`: one array an endpoint, the largest first; groups of
    one size stand in order of their first flow. `rest`: all flows of all further endpoints; often empty."""

    large: list[np.ndarray]
    rest: np.ndarray
    rest_endpoints: int


def by_endpoint(view: View, flows: np.ndarray, sides: np.ndarray) -> Groups:
    """Flows that share one endpoint: address and port of `sides`, and tunnel."""
    table = view.flows
    return _groups(
        table["port"][flows, sides],
        table["addr_lo"][flows, sides],
        table["addr_hi"][flows, sides],
        table["tunnel"][flows],
    )


def by_host_and_endpoint(view: View, flows: np.ndarray, sides: np.ndarray) -> Groups:
    """Flows that share the address of `sides` and the whole endpoint of the other side."""
    table, others = view.flows, 1 - sides
    return _groups(
        table["addr_lo"][flows, sides],
        table["addr_hi"][flows, sides],
        table["port"][flows, others],
        table["addr_lo"][flows, others],
        table["addr_hi"][flows, others],
        table["tunnel"][flows],
    )


def _groups(*columns: np.ndarray) -> Groups:
    count = len(columns[0])
    if not count:
        return Groups([], np.zeros(0, np.int64), 0)
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
    large = [order[starts[g] : starts[g] + sizes[g]] for g in ranked[:GROUPS_MAX]]
    taken = np.zeros(count, bool)
    for group in large:
        taken[group] = True
    return Groups(large, np.flatnonzero(~taken), max(0, len(starts) - GROUPS_MAX))
