"""Where the capture was taken: at the client, at the server, on loopback, or between, and how sure that is.

Two independent witnesses. The round trip from the tap to an endpoint and back is almost nothing when the tap stands
beside it (the time that a kernel takes to answer), and the rest of the path otherwise. And a packet that has not
been forwarded yet has the TTL that its sender's stack starts with: 64, 128 or 255 (RFC 1700; RFC 9293 leaves it to IP).
"""

from typing import NamedTuple

import numpy as np

from ..model.tables import Tables
from ..sets import among

__all__ = ["Vantage", "near_side", "vantage"]

BOTH = 2
_INITIAL_TTLS = np.array([32, 64, 128, 255], np.int16)
_BESIDE = 5  # the other side is this many times farther away
_FLOOR_NS = 50_000  # below this both sides are answered by kernels on one host or one segment


class Vantage(NamedTuple):
    """`place`: "client", "server", "loopback", "between" or "unknown".

    `confidence` is the share of flows that agree, 0 to 1; `reason` says in words what they show.
    """

    place: str
    confidence: float
    reason: str


def near_side(tables: Tables) -> np.ndarray:
    """For each flow the side that the tap stands beside (i1): 0, 1, 2 for both, -1 where it cannot be told."""
    flows = tables.flows
    near = np.full(len(flows), -1, np.int8)
    near[_loopback(tables)] = BOTH
    rows = np.flatnonzero((flows["detail"] >= 0) & (near < 0))
    if len(rows):
        near[rows] = _by_time(tables, rows)
    return near


def vantage(tables: Tables) -> Vantage:
    """The vantage of the capture as a whole, from the flows that tell."""
    near = near_side(tables)
    told = np.flatnonzero(near >= 0)
    if not len(told):
        return Vantage("unknown", 0.0, "no connection shows a round trip on both sides of the tap")
    if (near[told] == BOTH).mean() > 0.5:
        return Vantage(
            "loopback", float((near[told] == BOTH).mean()), "both ends have the same address, or loopback ones"
        )
    client = tables.client_side[told]
    at_client = float((near[told] == client).mean())
    at_server = float((near[told] == 1 - client).mean())
    between = 1 - len(told) / max(1, int((tables.flows["detail"] >= 0).sum()))
    place, share = ("client", at_client) if at_client >= at_server else ("server", at_server)
    if share < 0.6 or between > 0.8:
        return Vantage("between", max(between, 1 - share), "neither end answers much sooner than the other")
    return Vantage(place, share * (1 - between / 2), f"the {place} answers at once, the other end takes a path's time")


def _loopback(tables: Tables) -> np.ndarray:
    flows = tables.flows
    v4 = (flows["family"] == 4) & (flows["addr_lo"][:, 0] >> 24 == 127)
    v6 = (flows["family"] == 6) & (flows["addr_hi"][:, 0] == 0) & (flows["addr_lo"][:, 0] == 1)
    same = (flows["addr_lo"][:, 0] == flows["addr_lo"][:, 1]) & (flows["addr_hi"][:, 0] == flows["addr_hi"][:, 1])
    found: np.ndarray = v4 | v6 | same
    return found


def _by_time(tables: Tables, rows: np.ndarray) -> np.ndarray:
    detail = tables.flows["detail"][rows]
    rtt = [tables.details["rtt_min_ns"][detail + side] for side in (0, 1)]
    known = (tables.details["rtt_count"][detail] > 0) & (tables.details["rtt_count"][detail + 1] > 0)
    unforwarded = [_unforwarded(tables.endpoints["ttl_max"][2 * rows + side]) for side in (0, 1)]
    near = np.full(len(rows), -1, np.int8)
    for side in (0, 1):
        other = 1 - side
        beside = known & (rtt[other] > _BESIDE * rtt[side]) & (rtt[other] > _FLOOR_NS) & unforwarded[side]
        near[beside] = side
        near[(near < 0) & unforwarded[side] & ~unforwarded[other] & known & (rtt[side] < rtt[other])] = side
    return near


def _unforwarded(ttl: np.ndarray) -> np.ndarray:
    return among(ttl, _INITIAL_TTLS)
