"""The signs of a full accept queue, as the kernels of servers show them, gathered by listening endpoint."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit
from ..model.states import State
from ..sets import among, distinct
from .groups import by_endpoint
from .neighbours import Neighbours, Seen
from .view import View

REPEATS_MIN: Final = 3
"""Retransmissions of a client before its data counts as never acknowledged (RFC 9293 section 3.8.3: R1)."""

ONCE_EACH: Final = 10
"""A path that loses SYNs loses data as well: below a tenth of that share it is the SYNs that are dropped."""


class Queue(NamedTuple):
    """One listening endpoint, and the connections that show each sign; flows ascending, often empty."""

    side: int  # of the server, in the first of the flows
    acks: np.ndarray  # SYN-ACK repeated although the client's ACK had been captured: the ACK is dropped
    cookies: np.ndarray  # handshake complete, the client's data never acknowledged, the SYN-ACK never repeated
    resets: np.ndarray  # RST for the ACK that finishes the handshake
    silent: np.ndarray  # SYNs without an answer
    late: np.ndarray  # SYNs that were answered only when they were repeated
    sent: int  # segments of the clients with that endpoint, apart from SYNs
    lost: int  # of these, sent again
    seen: Seen  # how the endpoint treated others

    @property
    def flows(self) -> np.ndarray:
        """All of them."""
        return distinct(np.concatenate([self.acks, self.cookies, self.resets, self.silent, self.late]))

    @property
    def stuck(self) -> bool:
        """Requests are acknowledged, and none is ever answered: the application is not at work."""
        return self.seen.mute > 0 and self.seen.served == 0

    @property
    def only_syns_lost(self) -> bool:
        """Far more of the first SYNs are dropped than of the clients' other segments."""
        tried = len(self.late) + len(self.silent) + self.seen.meanwhile
        dropped = len(self.late) + len(self.silent)
        return self.sent >= tried and self.lost * tried * ONCE_EACH <= dropped * self.sent


def queues(view: View, repeats_min: int, dropped_min: int) -> Iterator[Queue]:
    """Endpoints with signs that hold together; those with the most connections alone, as `by_endpoint` has it."""
    neighbours = view.once(Neighbours)
    acks = _acks_dropped(view, repeats_min)
    mute = _never_acknowledged(view)
    resets = _reset_at_once(view)
    silent, late = _syns_dropped(view)
    every = distinct(np.concatenate([acks, mute, resets, silent, late]))
    if not len(every):
        return
    groups = by_endpoint(view, every, 1 - view.client[every].astype(np.int64))
    for group in groups.large:
        flows = every[np.sort(group)]
        queue = _queue(view, neighbours, flows, (acks, mute, resets, silent, late))
        queue = _holding(queue, dropped_min)
        if len(queue.flows):
            yield queue


def rest_of(view: View, told: np.ndarray, repeats_min: int) -> np.ndarray:
    """Flows with dropped ACKs, the surest sign, of all endpoints that were not told."""
    acks = _acks_dropped(view, repeats_min)
    return acks[~among(acks, told)]


def _queue(view: View, neighbours: Neighbours, flows: np.ndarray, signs: tuple[np.ndarray, ...]) -> Queue:
    flow = int(flows[0])
    side = 1 - int(view.client[flow])
    acks, mute, resets, silent, late = signs
    resets = _of_endpoint(view, resets, flow, side)
    mine = [flows[among(flows, sign)] for sign in (acks, mute, silent, late)]
    every = np.concatenate([flows, neighbours.established(flow, side)])
    sent, lost = _text_loss(view, distinct(every))
    seen = neighbours.of(flow, side, flows, np.concatenate([resets, mine[3]]))
    return Queue(side, mine[0], mine[1], resets, mine[2], mine[3], sent, lost, seen)


def _holding(queue: Queue, dropped_min: int) -> Queue:
    """Without the signs that something else explains as well."""
    none = np.zeros(0, np.int64)
    sure = queue.stuck or len(queue.acks) > 0
    dropped = len(queue.silent) + len(queue.late)
    at_once = queue.seen.meanwhile > queue.seen.late  # others were let in at their first SYN: the queue had room
    bursts = len(queue.late) > 0 and dropped >= dropped_min and queue.only_syns_lost
    return queue._replace(
        cookies=queue.cookies if sure else none,
        resets=queue.resets if queue.stuck else none,
        silent=queue.silent if (sure and not at_once) or bursts else none,
        late=queue.late if sure or bursts else none,
    )


def _acks_dropped(view: View, repeats_min: int) -> np.ndarray:
    """Flows whose SYN-ACK was repeated that often although the client's ACK had been captured."""
    rows = view.rows_of(EventKind.SYN_REPEATED)
    sides, flows = view.events["side"][rows].astype(np.int64), view.event_flow[rows].astype(np.int64)
    doubted = view.has(EndpointBit.DOUBTED)[flows, sides] & (sides != view.client[flows])
    flows = flows[doubted]
    many = distinct(flows)
    found: np.ndarray = many[np.bincount(np.searchsorted(many, flows), minlength=len(many)) >= repeats_min]
    return found


def _never_acknowledged(view: View) -> np.ndarray:
    """Flows whose server sent a single SYN-ACK and nothing more, while the client repeats its data."""
    flows = view.with_details
    client = view.client[flows].astype(np.int64)
    at = np.arange(len(flows))
    repeating = view.detail_column("retrans_run")[at, client] >= REPEATS_MIN
    flows, server = flows[repeating], 1 - client[repeating]
    silent = (view.side("packets")[flows, server] == 1) & (view.side("syns")[flows, server] == 1)
    found: np.ndarray = flows[silent]
    return found


def _reset_at_once(view: View) -> np.ndarray:
    """Flows in which the server sent one SYN-ACK and, for the client's ACK, a RST, without a byte between."""
    flows = view.with_details
    client, at = view.client[flows].astype(np.int64), np.arange(len(flows))
    bits = view.side("bits")[flows]
    chosen = (bits[at, 1 - client] & int(EndpointBit.RST_SENT)) != 0
    chosen &= (bits[at, client] & int(EndpointBit.ACKED)) != 0
    flows, server = flows[chosen], 1 - client[chosen]
    rows = view.tables.endpoints[2 * flows + server]
    found: np.ndarray = flows[(rows["syns"] == 1) & (rows["packets"] == rows["syns"] + rows["resets"])]
    return found


def _syns_dropped(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Flows whose SYN was repeated: those that never got an answer, and those that got one only then."""
    rows = view.rows_of(EventKind.SYN_REPEATED)
    flows = view.event_flow[rows].astype(np.int64)
    flows = distinct(flows[view.events["side"][rows] == view.client[flows]])
    met = view.by_kind(EventKind.SYN_IN_CONNECTION)["flow"]  # an older connection on the 4-tuple is why
    flows = flows[~view.flooding[flows] & ~view.one_sided[flows] & ~among(flows, met)]
    client = view.client[flows].astype(np.int64)
    waiting = view.side("state")[flows, client] == State.SYN_SENT
    silent = waiting & (view.side("packets")[flows, 1 - client] == 0)
    late = (view.side("bits")[flows, client] & int(EndpointBit.SYN_ACKED)) != 0
    late &= view.side("syns")[flows, 1 - client] == 1  # a SYN-ACK that is repeated as well was lost on its way
    return flows[silent], flows[late]


def _of_endpoint(view: View, flows: np.ndarray, flow: int, side: int) -> np.ndarray:
    """Those of these flows that are to the server endpoint that is `side` of `flow`."""
    server, mine = 1 - view.client[flows].astype(np.int64), view.flows[flow]
    same = np.ones(len(flows), bool)
    for column in ("port", "addr_lo", "addr_hi"):
        same &= view.flows[column][flows, server] == mine[column][side]
    found: np.ndarray = flows[same]
    return found


def _text_loss(view: View, flows: np.ndarray) -> tuple[int, int]:
    """Segments that the clients of these flows sent besides SYNs, and how many of them were retransmissions."""
    client = view.client[flows].astype(np.int64)
    sent = view.side("packets")[flows, client].astype(np.int64) - view.side("syns")[flows, client]
    rows = view.flows["detail"][flows].astype(np.int64)
    again = view.tables.details["retransmissions"][(rows + client)[rows >= 0]]
    return int(sent.sum()), int(again.sum())


def longest_ns(view: View, queue: Queue) -> int:
    """For how long the connect that was tried for longest got nowhere."""
    flows = queue.flows
    ends = view.flows["last_ts_ns"][flows].copy()
    for index in np.flatnonzero(among(flows, queue.late)).tolist():
        ends[index] = answered_ns(view, int(flows[index]))
    return int((ends - view.flows["first_ts_ns"][flows]).max())


def answered_ns(view: View, flow: int) -> int:
    """When the server's first segment of a flow was captured."""
    return int(view.tables.endpoint(flow, 1 - int(view.client[flow]))["first_ts_ns"])
