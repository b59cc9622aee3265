"""What was lost between two hosts, by direction: how much, where seen from the tap, in how many events, and the time
that the senders lost by waiting for their retransmission timers."""

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind, LossPlace
from ..model.flow import EndpointBit
from ..model.segment import Option
from ..sets import among, distinct
from .groups import GROUPS_MAX
from .keys import host_keys
from .view import View

RTO_MIN_NS: Final = 200_000_000
"""The smallest retransmission time-out in use (Linux; RFC 6298 section 2.4 asks for 1 s): what is sent again sooner
was not waited for."""

_RTO_INITIAL_NS: Final = 3_000_000_000
"""The longest first time-out: before there is a round trip to learn from, RFC 1122 section 4.2.3.1 asked for 3 s."""

_MSS: Final = 1460  # where the SYNs do not tell: IPv4 over Ethernet


class Stalls(NamedTuple):
    """Each time that a sender stood still until its timer sent a segment again: how long, until which frame, in which
    flow; in capture order."""

    ns: np.ndarray
    frames: np.ndarray
    flows: np.ndarray

    @property
    def longest(self) -> int:
        """In ns; 0 where nobody had to wait."""
        return int(self.ns.max(initial=0))

    @property
    def longest_frame(self) -> int:
        """The frame that ended it."""
        return int(self.frames[int(np.argmax(self.ns))]) if len(self.ns) else 0


class Way(NamedTuple):
    """One direction of a path. `rows`: RETRANSMISSION events that prove a loss; RETRANSMISSION_ROWS of a connection
    have one."""

    flow: int  # the connection that lost most this way, and the side that sends: to name the hosts
    side: int
    packets: int  # sent this way as far as the tap tells, SYNs and RSTs left out
    before: int
    after: int
    needless: int
    late: int  # came out of order, but came
    dsacks: int  # DSACKs that came back for what was sent this way
    unseen: int  # bytes that were only not captured
    events: int  # losses of one connection within one round trip are one event (RFC 5348 section 5.2)
    rows: np.ndarray
    stalls: Stalls

    @property
    def lost(self) -> int:
        """Copies that did not arrive."""
        return self.before + self.after

    @property
    def sent(self) -> int:
        """Packets, those included that were lost before they came to the tap."""
        return self.packets + self.before

    @property
    def share(self) -> float:
        """Lost packets of those sent."""
        return self.lost / max(1, self.sent)

    @property
    def rate_at_least(self) -> float:
        """Loss events a packet, as low as chance allows (Poisson, one-sided 95 %)."""
        return max(0.0, self.events - 1.645 * math.sqrt(self.events)) / max(1, self.sent)


class Path(NamedTuple):
    """Two hosts, or several such pairs together."""

    flows: np.ndarray  # connections that lost something
    ways: tuple[Way, Way]  # from the host with the lower address, and back; of several pairs from clients, to clients
    pairs: int

    @property
    def worse(self) -> Way:
        """The direction that lost more."""
        return max(self.ways, key=lambda way: way.lost)


class Grave(NamedTuple):
    """From where on a path is bad enough to stand alone: lost packets, or one wait in ns."""

    events: float
    stall_ns: float


class Losses:
    """Loss of every connection with traffic. Columns of shape (flows with details, 2), by sender."""

    def __init__(self, view: View) -> None:
        self._view = view
        self.flows = view.with_details
        before = view.detail_column("lost_before").astype(np.int64)
        after = view.detail_column("lost_after").astype(np.int64)
        run = view.detail_column("retrans_run").astype(np.int64)
        self.after = np.maximum(0, after - run)  # unanswered to the end: nobody knows where these went
        self.before = np.maximum(0, before - np.maximum(0, run - after))
        lossy = np.flatnonzero(np.any(self.before + self.after > 0, axis=1))
        unsure = np.zeros((len(self.flows), 2), bool)
        unsure[lossy] = _by_listener(view, self.flows[lossy]) | view.one_sided[self.flows[lossy]][:, None]
        self.after[unsure] = self.before[unsure] = 0

    @property
    def lossy(self) -> np.ndarray:
        """Where `flows` lost something."""
        found: np.ndarray = np.any(self.before + self.after > 0, axis=1)
        return found


def losses(view: View) -> Losses:
    """For `View.once`."""
    return Losses(view)


def packets(view: View, flows: np.ndarray) -> np.ndarray:
    """Packets that each side sent, SYNs and RSTs left out; shape (flows, 2).

    Super-segments of a card that offloads count as the segments that they become on the wire.
    """
    sent = view.side("packets")[flows].astype(np.int64) - view.side("syns")[flows] - view.side("resets")[flows]
    new_bytes = _detail(view, flows, "new_bytes")
    large, side = np.nonzero(new_bytes > _MSS * sent)
    if len(large):
        both = flows[large]
        offered = (view.tables.endpoints["options"][2 * both + side] & int(Option.MSS)) != 0
        taken = (view.tables.endpoints["options"][2 * both + 1 - side] & int(Option.MSS)) != 0
        mss = np.minimum(view.tables.endpoints["mss"][2 * both], view.tables.endpoints["mss"][2 * both + 1])
        size = np.maximum(1, np.where(offered & taken, mss, _MSS).astype(np.int64))
        sent[large, side] = np.maximum(sent[large, side], -(-new_bytes[large, side] // size))
    counted: np.ndarray = sent
    return counted


def paths(view: View, found: Losses, spared: np.ndarray, grave: Grave) -> Iterator[Path]:
    """The paths that lost something, those that lost most first. Where there are more than GROUPS_MAX, only those stand
    alone that are bad enough by themselves; of the others, chosen because they lost, each has a share that means
    nothing: they are told together, among all the packets that other paths carried.

    `spared`: flows whose retransmissions have another cause.
    """
    lossy = np.flatnonzero(found.lossy)
    lossy = lossy[~among(found.flows[lossy], spared)]
    if not len(lossy):
        return
    flows = found.flows[lossy]
    pair = _pairs(view, flows)
    keys = distinct(pair)
    place = np.searchsorted(keys, pair)
    lost = np.bincount(place, (found.before + found.after)[lossy].sum(axis=1), len(keys))
    stalls = _stalls(view, _loss_rows(view, flows))
    waited = np.zeros(len(keys), np.int64)
    np.maximum.at(waited, place[np.searchsorted(flows, stalls.flows)], stalls.ns)
    bad = (lost >= grave.events) | (waited >= grave.stall_ns)
    order = np.lexsort((-lost, ~bad))
    alone = order if len(order) <= GROUPS_MAX else order[bad[order]][: GROUPS_MAX - 1]
    if len(alone):
        everywhere = _pairs(view, found.flows)
        nearest = np.minimum(np.searchsorted(keys, everywhere), len(keys) - 1)
        nearest[keys[nearest] != everywhere] = -1
        nearest[among(found.flows, spared)] = -1
        for group in alone.tolist():
            index = np.flatnonzero(nearest == group)
            yield _Traffic(view, found, index, _first_side(view, found.flows[index])).path(1)
    if len(order) > len(alone):
        rest = ~among(place, alone)
        told = _Traffic(view, found, lossy[rest], view.client[flows[rest]].astype(np.int64))
        others = found.flows if not len(alone) else found.flows[~among(nearest, alone)]
        sent, client = packets(view, others), view.client[others].astype(np.int64)
        by_client = int(np.take_along_axis(sent, client[:, None], axis=1).sum())
        yield told.path(len(order) - len(alone), (by_client, int(sent.sum()) - by_client))


class _Traffic:
    """Columns of shape (flows, 2) of chosen flows: what their `first` sides sent, and what came back."""

    def __init__(self, view: View, found: Losses, index: np.ndarray, first: np.ndarray) -> None:
        self._view, self._first = view, first
        self.flows = found.flows[index]
        self._before = self._turned(found.before[index])
        self._after = self._turned(found.after[index])

    def path(self, pairs: int, sent: tuple[int, int] | None = None) -> Path:
        """All of them together. `sent`: packets of each direction, if not only these flows'."""
        lossy = self.flows[np.any(self.lost > 0, axis=1)]
        rows = _loss_rows(self._view, lossy)
        forward = rows["side"] == self._first[np.searchsorted(self.flows, rows["flow"])]
        if sent is None:
            both = self._turned(packets(self._view, self.flows)).sum(axis=0)
            sent = (int(both[0]), int(both[1]))
        return Path(lossy, (self._way(0, rows[forward], sent[0]), self._way(1, rows[~forward], sent[1])), pairs)

    def _way(self, turned: int, rows: np.ndarray, sent: int) -> Way:
        view, flows = self._view, self.flows
        worst = int(np.argmax(self.lost[:, turned]))
        lost = int(self.lost[:, turned].sum())
        events = _loss_events(view, rows)

        def total(column: str, of_sender: bool = True) -> int:
            return int(self._turned(_detail(view, flows, column))[:, turned if of_sender else 1 - turned].sum())

        return Way(
            flow=int(flows[worst]),
            side=int(self._first[worst]) ^ turned,
            packets=sent,
            before=int(self._before[:, turned].sum()),
            after=int(self._after[:, turned].sum()),
            needless=total("needless"),
            late=total("out_of_order"),
            dsacks=total("dsacks", of_sender=False),
            unseen=total("unseen_bytes"),
            events=min(lost, round(events * max(1.0, lost / len(rows)))) if len(rows) else min(lost, 1),
            rows=rows,
            stalls=_stalls(view, rows),
        )

    @property
    def lost(self) -> np.ndarray:
        """Packets lost, by direction."""
        both: np.ndarray = self._before + self._after
        return both

    def _turned(self, column: np.ndarray) -> np.ndarray:
        order = np.stack([self._first, 1 - self._first], axis=1)
        turned: np.ndarray = np.take_along_axis(column, order, axis=1)
        return turned


def _detail(view: View, flows: np.ndarray, column: str) -> np.ndarray:
    """One column of the details of these flows; shape (flows, 2)."""
    first = view.flows["detail"][flows].astype(np.int64)
    values: np.ndarray = view.tables.details[column][np.stack([first, first + 1], axis=1)].astype(np.int64)
    return values


def _by_listener(view: View, flows: np.ndarray) -> np.ndarray:
    """Where the receiver repeats its SYN-ACK although it was acknowledged: it drops, not the path."""
    doubted = view.has(EndpointBit.DOUBTED)[flows] & (view.side("syns")[flows] > 1)
    towards: np.ndarray = doubted[:, ::-1]
    return towards


def _pairs(view: View, flows: np.ndarray) -> np.ndarray:
    """One number for each pair of hosts, whichever of them opened the connection; shape (flows,)."""
    pair: np.ndarray = host_keys(view, flows, 0) + host_keys(view, flows, 1)
    return pair


def _first_side(view: View, flows: np.ndarray) -> np.ndarray:
    """The side that has the lower address; the client where both have the same."""
    hi, lo = view.flows["addr_hi"][flows], view.flows["addr_lo"][flows]
    swap = (hi[:, 0] > hi[:, 1]) | ((hi[:, 0] == hi[:, 1]) & (lo[:, 0] > lo[:, 1]))
    same = (hi[:, 0] == hi[:, 1]) & (lo[:, 0] == lo[:, 1])
    side: np.ndarray = np.where(same, view.client[flows], swap).astype(np.int64)
    return side


def _loss_rows(view: View, flows: np.ndarray) -> np.ndarray:
    """RETRANSMISSION events that prove a loss and were answered, in capture order."""
    rows = view.by_kind(EventKind.RETRANSMISSION)
    rows = rows[among(rows["detail"], (int(LossPlace.BEFORE), int(LossPlace.AFTER)))]
    rows = rows[among(rows["flow"], flows)]
    details = view.tables.details[view.flows["detail"][rows["flow"]].astype(np.int64) + rows["side"]]
    unanswered = (details["retrans_run"] > 0) & (rows["frame"] >= details["retrans_run_frame"])
    kept: np.ndarray = rows[~unanswered]
    return kept


def _round_trips(view: View, rows: np.ndarray) -> np.ndarray:
    """Mean round trip of each row's connection, from the sender and back, in ns; 0 where none was measured."""
    first = view.flows["detail"][rows["flow"]].astype(np.int64)
    trip = np.zeros(len(rows), np.int64)
    for side in (0, 1):
        trip += view.tables.details["rtt_sum_ns"][first + side] // np.maximum(
            view.tables.details["rtt_count"][first + side], 1
        )
    return trip


def _stalls(view: View, rows: np.ndarray) -> Stalls:
    """Waits that the first retransmission came too late for are left out: there the sender's own host had paused."""
    patience = np.maximum(RTO_MIN_NS, 2 * _round_trips(view, rows))  # no fast retransmission takes so long
    sender = 2 * rows["flow"].astype(np.int64) + rows["side"]
    since_ns = rows["ts_ns"] - rows["value"]
    order = np.lexsort((rows["value"], since_ns, sender))
    edge = np.ones(len(order) + 1, bool)  # of the retransmissions during one wait the last one tells how long it was
    edge[1:-1] = (np.diff(since_ns[order]) != 0) | (np.diff(sender[order]) != 0)
    first, last = rows[order[edge[:-1]]], rows[order[edge[1:]]]
    limit = np.maximum(_RTO_INITIAL_NS, 2 * patience[order[edge[:-1]]])
    paused = (first["detail"] == int(LossPlace.AFTER)) & (first["value"] > limit)
    ended = last[(last["value"] >= patience[order[edge[1:]]]) & ~paused]
    ended = ended[np.argsort(ended["frame"])]
    return Stalls(ended["value"].astype(np.int64), ended["frame"].astype(np.int64), ended["flow"].astype(np.int64))


def _loss_events(view: View, rows: np.ndarray) -> int:
    """Losses of one connection within a round trip are one event; where each costs a round trip (NewReno), as well."""
    sender = 2 * rows["flow"].astype(np.int64) + rows["side"]
    order = np.argsort(sender, kind="stable")
    trip = _round_trips(view, rows)[order][1:]
    apart = np.diff(rows["ts_ns"][order]) > np.where(trip > 0, 2 * trip, RTO_MIN_NS)
    return int(len(rows) > 0) + int(np.count_nonzero(apart | (np.diff(sender[order]) != 0)))
