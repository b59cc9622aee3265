"""Connects whose senders never go on after their SYN: by whole columns, and the facts of a flood of them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..model.flow import EndpointBit, FlowBit
from ..model.states import State
from ..sets import GOLDEN
from ..units import NS
from .groups import by_endpoint
from .view import View

SAMPLE: Final = 10_000
"""Flows of a flood whose headers are compared, evenly spread."""

SOURCES_SAMPLE: Final = 50_000
"""About so many flows of a flood whose sources are counted: those of all addresses with certain hashes."""

REPEAT_NS: Final = 3 * NS
"""By then a SYN-ACK without an answer has been repeated: after 1 s (RFC 6298 section 2), and a lost one once more."""


class Strangers(NamedTuple):
    """Connects whose client sent SYNs and maybe RSTs, and never acknowledged anything; ascending."""

    flows: np.ndarray
    answered: np.ndarray  # by a SYN-ACK, and by nothing else
    refused: np.ndarray  # by a RST alone
    reset: np.ndarray  # by its sender
    repeated: np.ndarray  # the SYN came again: a stack that waits for an answer sent it


def strangers(view: View) -> Strangers:
    """All of the capture, but those whose server sent more than SYN-ACKs and RSTs: their ACKs were not captured."""
    bits, packets, syns = view.side("bits"), view.side("packets"), view.side("syns")
    mine, theirs = view.of_client(bits), view.of_server(bits)
    sent, offered, tried = view.of_server(packets), view.of_server(syns), view.of_client(syns)
    chosen = (mine & int(EndpointBit.ACKED)) == 0
    chosen &= (view.flow_bits & int(FlowBit.ROLES_KNOWN | FlowBit.SIMULTANEOUS_OPEN)) == int(FlowBit.ROLES_KNOWN)
    chosen &= (sent <= offered) | ((theirs & int(EndpointBit.RST_SENT)) != 0)
    chosen &= tried > 0
    flows = np.flatnonzero(chosen)
    return Strangers(
        flows=flows,
        answered=(offered > 0)[flows],
        refused=((offered == 0) & (sent > 0))[flows],
        reset=((mine & int(EndpointBit.RST_SENT)) != 0)[flows],
        repeated=(tried > 1)[flows],
    )


class Flood(NamedTuple):
    """What the strangers at one endpoint have in common."""

    flows: np.ndarray
    side: int
    begin_ns: int
    end_ns: int
    at_once: int  # most that were pending within the time for which a server remembers one
    peak: int  # most in one second
    half_open: int
    unanswered: int
    refused: int
    reset: int  # half-open ones that the sender reset
    watched: int  # half-open ones that were watched for REPEAT_NS
    kept: int  # of these, whose SYN-ACK was repeated: the server keeps state
    sources: int  # addresses, estimated
    once: float  # share of them that sent a single connect
    alike: float  # share of the SYNs with the commonest window, options and MSS
    ttls: tuple[int, ...]
    completed: int  # connects to the same endpoint that were opened meanwhile
    starved: int  # connects of real clients to it, meanwhile, whose repeated SYNs got no answer


def floods(view: View, wait_ns: int, hold_ns: int, at_least: int) -> list[Flood]:
    """The endpoints at which `at_least` strangers were pending within `hold_ns`, and more than went on."""
    found = strangers(view)
    if len(found.flows) < at_least:
        return []
    silent = ~found.answered & ~found.refused & found.repeated
    starving = found.flows[silent]
    chosen = ~silent & (view.last_ts_ns - view.flows["first_ts_ns"][found.flows] >= wait_ns)
    if not np.all(chosen):
        found = Strangers(*(column[chosen] for column in found))
    floods = [_flood(view, mine, starving, hold_ns) for mine in _by_endpoint(view, found, at_least)]
    return [
        flood
        for flood in floods
        if flood.at_once >= at_least and flood.half_open + flood.unanswered > flood.completed + flood.starved
    ]


def _by_endpoint(view: View, found: Strangers, at_least: int) -> Iterator[Strangers]:
    """Those of one server endpoint each, for the endpoints with the most of them.

    Of more than SAMPLE a sample tells which endpoints these are: one that it misses is nothing beside the others.
    """
    some = found.flows[:: max(1, len(found.flows) // SAMPLE)]
    groups = by_endpoint(view, some, 1 - view.client[some].astype(np.int64))
    for group in groups.large:
        flow = int(some[group[0]])
        same = _same_endpoint(view, found.flows, flow, 1 - int(view.client[flow]))
        if np.count_nonzero(same) >= at_least:
            yield found if np.all(same) else Strangers(*(column[same] for column in found))


def _same_endpoint(view: View, flows: np.ndarray, flow: int, side: int) -> np.ndarray:
    """Which of these flows are to the server endpoint that is `side` of `flow`."""
    server, mine = 1 - view.client[flows].astype(np.int64), view.flows[flow]
    same: np.ndarray = view.flows["port"][flows, server] == mine["port"][side]
    for column in ("addr_lo", "addr_hi") if mine["family"] == 6 else ("addr_lo",):
        rest = np.flatnonzero(same)
        same[rest] = view.flows[column][flows[rest], server[rest]] == mine[column][side]
    return same


def _flood(view: View, mine: Strangers, starving: np.ndarray, hold_ns: int) -> Flood:
    flows = mine.flows
    side = 1 - int(view.client[flows[0]])
    begun = view.flows["first_ts_ns"][flows]
    begin_ns, end_ns = int(begun.min()), int(begun.max())
    seconds = (begun - begin_ns) // NS
    pending = ~mine.refused & ~mine.reset
    half_open = mine.answered & pending
    watched = half_open & (view.last_ts_ns - begun >= REPEAT_NS)
    offered = view.of_server(view.side("syns"))[flows[watched]]
    sources, once = _sources(view, flows)
    some = flows[:: max(1, len(flows) // SAMPLE)]
    alike, ttls = _headers(view, some)
    return Flood(
        flows=flows,
        side=side,
        begin_ns=begin_ns,
        end_ns=end_ns,
        at_once=_most_within(seconds[pending], hold_ns),
        peak=int(np.bincount(seconds).max()),
        half_open=int(np.count_nonzero(half_open)),
        unanswered=int(np.count_nonzero(pending & ~mine.answered)),
        refused=int(np.count_nonzero(mine.refused)),
        reset=int(np.count_nonzero(mine.reset & mine.answered)),
        watched=int(np.count_nonzero(watched)),
        kept=int(np.count_nonzero(offered > 1)),
        sources=sources,
        once=once,
        alike=alike,
        ttls=ttls,
        completed=len(_at_endpoint(view, _opened(view), flows[0], side, begin_ns, end_ns)),
        starved=len(_at_endpoint(view, starving, flows[0], side, begin_ns, end_ns)),
    )


def _most_within(seconds: np.ndarray, hold_ns: int) -> int:
    """Most of these in any interval of that length, to the second."""
    if not len(seconds):
        return 0
    total = np.cumsum(np.bincount(seconds))
    length = max(1, int(hold_ns // NS))
    before = np.concatenate([np.zeros(min(length, len(total)), np.int64), total[:-length]])
    return int((total - before).max())


def _sources(view: View, flows: np.ndarray) -> tuple[int, float]:
    """How many addresses, estimated from a share of all addresses; and which part of them occurs once."""
    client = view.client[flows].astype(np.int64)
    addresses = view.flows["addr_lo"][flows, client]
    if view.flows["family"][flows[0]] == 6:
        addresses = addresses ^ (view.flows["addr_hi"][flows, client] * GOLDEN)
    share = max(1, len(flows) // SOURCES_SAMPLE)
    addresses = addresses[((addresses * GOLDEN) >> np.uint64(40)) % np.uint64(share) == 0]
    if not len(addresses):
        return 0, 0.0
    _, counts = np.unique(addresses, return_counts=True)
    return len(counts) * share, float(np.mean(counts == 1))


def _headers(view: View, flows: np.ndarray) -> tuple[float, tuple[int, ...]]:
    """Share of the commonest SYN among these, by window, options and MSS; and their TTLs, the commonest first."""
    rows = view.tables.endpoints[2 * flows + view.client[flows]]
    looks = (rows["syn_window"].astype(np.int64) << 32) | (rows["options"].astype(np.int64) << 16) | rows["mss"]
    _, counts = np.unique(looks, return_counts=True)
    ttls = np.bincount(rows["ttl"], minlength=256)
    order = np.argsort(-ttls, kind="stable")
    return float(counts.max() / len(flows)), tuple(int(ttl) for ttl in order[:8] if ttls[ttl])


def _opened(view: View) -> np.ndarray:
    """Flows whose handshake was finished."""
    return np.flatnonzero(view.of_client(view.has(EndpointBit.SYN_ACKED)) & view.of_client(view.has(EndpointBit.ACKED)))


def _at_endpoint(view: View, flows: np.ndarray, flow: int, side: int, begin_ns: int, end_ns: int) -> np.ndarray:
    """Those of these flows that began in that time, to the same server endpoint."""
    flows = flows[_same_endpoint(view, flows, flow, side)]
    begun = view.flows["first_ts_ns"][flows]
    found: np.ndarray = flows[(begun >= begin_ns) & (begun <= end_ns)]
    return found


def only_syns(view: View) -> bool:
    """No endpoint of the whole capture sent anything but SYNs and RSTs: a capture filter may have left that only."""
    sent, syns = view.side("packets"), view.side("syns")
    resets = view.has(EndpointBit.RST_SENT) | (view.side("state") == State.CLOSED)
    return not bool(np.any((sent > syns) & ~resets))
