"""Each socket to its flow: by its 4-tuple, its local end telling the side, at the time of the listing."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..flow_columns import StateIndex
from ..model.states import State
from ..model.tables import Tables
from .compare import compare
from .listing import Listing
from .predict import Predictions
from .socket import Socket
from .table import Absent, Joined, JoinedListing, SocketTable

LASTING: Final = (State.ESTABLISHED, State.CLOSE_WAIT)
"""States that no timer ends: only in these the absence of a socket is a contradiction."""


def join(tables: Tables, states: StateIndex, listings: Iterable[Listing]) -> SocketTable:
    """The listings in order of time, each joined to the flows."""
    predictions = Predictions(tables, states)
    ordered = sorted(listings, key=lambda listing: listing.taken.ts_ns)
    return SocketTable(tuple(_joined(predictions, listing) for listing in ordered))


def _joined(predictions: Predictions, listing: Listing) -> JoinedListing:
    taken = listing.taken
    first_ns, last_ns = predictions.first_ts_ns, predictions.last_ts_ns
    before_ns, after_ns = (
        gap if gap > taken.margin_ns else 0 for gap in (first_ns - taken.ts_ns, taken.ts_ns - last_ns)
    )
    at_ns = min(max(taken.ts_ns, first_ns), last_ns)
    pairs = {(s.local, s.remote): place for place, s in enumerate(listing.sockets) if s.remote is not None}
    found = predictions.find(pairs)
    current = predictions.at(at_ns)
    joined, unseen = [], []
    for place in pairs.values():
        socket = listing.sockets[place]
        endpoint = predictions.flow_of(found[place], at_ns + taken.margin_ns) if place in found else None
        if endpoint is None:
            unseen.append(socket)
        else:
            joined.append(_row(predictions, socket, endpoint, current, at_ns, taken.margin_ns, after_ns, before_ns))
    hosts = frozenset(socket.local[:3] for socket in listing.sockets if not socket.local.any_address)
    untold = _untold(listing, before_ns, after_ns)
    listed = {endpoint for place in found for endpoint in found[place]}
    absent = () if untold else _absent(predictions, listing, hosts, listed, at_ns)
    when = "before" if before_ns else "after" if after_ns else "during"
    return JoinedListing(listing, when, at_ns, tuple(joined), tuple(unseen), tuple(absent), untold, hosts)


def _row(
    predictions: Predictions,
    socket: Socket,
    endpoint: int,
    current: np.ndarray,
    at_ns: int,
    margin_ns: int,
    after_ns: int,
    before_ns: int,
) -> Joined:
    predicted = predictions.prediction(int(current[endpoint]))
    around = predictions.states_between(endpoint, at_ns - margin_ns, at_ns + margin_ns)
    return Joined(
        socket,
        endpoint,
        _side(predictions, endpoint),
        predictions.lineage(endpoint),
        predicted,
        compare(socket, predicted, around, after_ns, before_ns),
    )


def _side(predictions: Predictions, endpoint: int) -> str:
    client = int(predictions.tables.client_side[endpoint >> 1])
    return "client" if endpoint & 1 == client else "server"


def _untold(listing: Listing, before_ns: int, after_ns: int) -> str | None:
    """Why a socket that is not in the listing need not be missing."""
    if before_ns or after_ns:
        return "it was not taken while the capture ran"
    if not listing.families:
        return f"{listing.format} does not list all sockets"
    if listing.filtered or not listing.listeners:
        return "it does not list all sockets (take it with -a and without a filter)"
    return None


def _absent(
    predictions: Predictions,
    listing: Listing,
    hosts: frozenset[tuple[int, int, int]],
    listed: set[int],
    at_ns: int,
) -> Iterable[Absent]:
    """Endpoints at this host that were in one lasting state all around this moment, and that are not listed.

    A filter by port or address cannot be seen in a listing. So it must also hold sockets of the same sort: the
    listener of a server's port, or a connection from a port that nobody listens on for a client's.
    """
    margin_ns, tables = listing.taken.margin_ns, predictions.tables
    early, late = predictions.at(at_ns - margin_ns), predictions.at(at_ns + margin_ns)
    lasting = (early == late) & (early >= 0)
    lasting[lasting] = np.isin(tables.events["state"][early[lasting]], [int(state) for state in LASTING])
    ports = {socket.local.port for socket in listing.listeners}
    clients = any(s.remote is not None and s.local.port not in ports for s in listing.sockets)
    for endpoint in np.flatnonzero(lasting).tolist():
        local = predictions.end(endpoint)
        if local[:3] not in hosts or endpoint in listed or local.family not in listing.families:
            continue
        if local.port in ports or clients:
            yield Absent(
                endpoint,
                _side(predictions, endpoint),
                local,
                predictions.end(endpoint ^ 1),
                predictions.prediction(int(early[endpoint])),
            )
