"""SYNs that get no answer because of something that they carry: repeated without it, they are answered at once."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit
from ..model.segment import Flag, Option
from .view import View

FEATURES: Final = {
    int(Option.FAST_OPEN): "TCP Fast Open (RFC 7413)",
    int(Option.MPTCP): "MPTCP (RFC 8684)",
    int(Option.MD5): "an MD5 signature (RFC 2385)",
    int(Option.TIMESTAMPS): "timestamps (RFC 7323)",
    int(Option.SACK_PERMITTED): "SACK permitted (RFC 2018)",
    int(Option.WSCALE): "window scaling (RFC 7323)",
}
"""Options of a SYN that something on the path may not let through."""

ECN_NAME: Final = "ECN (RFC 3168)"
_ECN: Final = int(Flag.ECE | Flag.CWR)


class Dropped(NamedTuple):
    """Connects to one host that were answered only when the SYN came without the feature; none with it was."""

    feature: str
    flows: np.ndarray
    repeats: np.ndarray  # the SYNs without it, as events


def opening(view: View, flow: int) -> np.ndarray:
    """The event of a flow's first SYN; empty where its first segment is none."""
    return view.at(flow, int(view.flows["first_frame"][flow]), EventKind.STATE)[:1]


def wants_ecn(view: View, flow: int) -> bool:
    """Whether its first SYN asks for ECN (RFC 3168 section 6.1.1)."""
    return bool(np.any((opening(view, flow)["flags"] & _ECN) == _ECN))


def dropped(view: View, at_least: int) -> Iterator[Dropped]:
    """One for each host and feature to which that many connects went so."""
    repeats = _last_repeats(view)
    flows = repeats["flow"].astype(np.int64)
    if len(flows) < at_least:
        return
    client = view.client[flows].astype(np.int64)
    first, last = view.side("options")[flows, client], repeats["options"].astype(np.int64)
    for bit, name in FEATURES.items():
        without = ((first & bit) != 0) & ((last & bit) == 0)
        yield from _by_host(view, name, repeats[without], at_least, bit)
    plain = (repeats["flags"] & _ECN) == 0
    asked = np.array([plain[i] and wants_ecn(view, int(flow)) for i, flow in enumerate(flows)], bool)
    yield from _by_host(view, ECN_NAME, repeats[asked], at_least, None)


def _last_repeats(view: View) -> np.ndarray:
    """The last SYN of each connect that repeated it and was answered by a single SYN-ACK."""
    rows = view.rows_of(EventKind.SYN_REPEATED)
    flows = view.event_flow[rows].astype(np.int64)
    client = view.client[flows].astype(np.int64)
    mine = view.events["side"][rows] == client
    mine &= (view.side("bits")[flows, client] & int(EndpointBit.SYN_ACKED)) != 0
    mine &= view.side("syns")[flows, 1 - client] == 1
    rows, flows = rows[mine], flows[mine]
    _, latest = np.unique(flows[::-1], return_index=True)
    found: np.ndarray = view.events[rows[::-1][latest]]
    return found


def _by_host(view: View, name: str, repeats: np.ndarray, at_least: int, bit: int | None) -> Iterator[Dropped]:
    flows = repeats["flow"].astype(np.int64)
    server = 1 - view.client[flows].astype(np.int64)
    hosts = np.stack([view.flows[column][flows, server] for column in ("addr_hi", "addr_lo")], axis=1)
    for host in np.unique(hosts, axis=0):
        mine = np.all(hosts == host, axis=1)
        if np.count_nonzero(mine) >= at_least and not _answered_with(view, host, bit):
            yield Dropped(name, flows[mine], repeats[mine])


def _answered_with(view: View, host: np.ndarray, bit: int | None) -> bool:
    """Whether that host answered any SYN with the feature at once."""
    flows = view.with_details
    client = view.client[flows].astype(np.int64)
    same = np.ones(len(flows), bool)
    for value, column in zip(host, ("addr_hi", "addr_lo"), strict=True):
        same &= view.flows[column][flows, 1 - client] == value
    same &= view.side("syns")[flows, client] == 1
    same &= (view.side("bits")[flows, client] & int(EndpointBit.SYN_ACKED)) != 0
    if bit is not None:
        same &= (view.side("options")[flows, client] & bit) != 0
        return bool(np.any(same))
    return any(wants_ecn(view, flow) for flow in flows[same][:100].tolist())
