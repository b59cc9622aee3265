"""What the capture says for and against each reason why the SYNs to one endpoint got no answer: see `syn_causes`."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..flows.vantage import BOTH, near_side
from ..model.event import EventKind
from ..model.states import State
from ..sets import among, distinct
from ..units import NS, plural
from . import icmp
from .base import frame_list
from .neighbours import Neighbours, Seen
from .syn_causes import DECISIVE, STRONG, WEAK, Clue, Why
from .syn_options import ECN_NAME, FEATURES, opening, wants_ecn
from .view import View

LOOKED_AT: Final = 100
"""Connects of one endpoint whose single events are looked at."""

ELSEWHERE_MIN: Final = 2
"""So many other hosts silent towards the same client: one may be down, two at once share the client's path."""

TUPLES_MIN: Final = 3
"""A stale socket concerns one 4-tuple; that a third in a row meets one too is hardly by chance."""

CLOCK_MIN: Final = 3
"""Answered SYNs of one address whose timestamps must run on one clock: fewer may do so by chance."""

TICKS_MAX: Final = 1_000
"""Ticks in a second of the fastest timestamp clock (RFC 7323 section 5.4: 1 ms to 1 s a tick)."""


class Silent(NamedTuple):
    """The unanswered connects to one endpoint, and all that is known around them."""

    flows: np.ndarray
    server: int  # side, of the first flow
    seen: Seen
    syns: int  # most that one connect sent
    errors: np.ndarray  # ICMP_ERROR events
    elsewhere: int  # other hosts that the same clients wanted in these seconds, and that did not answer
    one_sided: int  # connections with that host of which one direction was not captured
    ended: tuple[int, ...]  # frames in which the server ended earlier connections of these 4-tuples
    feature: str | None  # that all these SYNs have, and none that was answered
    older: bool  # all timestamps are older than in an answered SYN of the same address
    loopback: bool
    beside: bool  # the tap is beside the server


def silent(view: View, neighbours: Neighbours, flows: np.ndarray, all_flows: np.ndarray) -> Silent:
    """Looks around the unanswered connects `flows`, which are to one endpoint; `all_flows`: to any."""
    flow, server = int(flows[0]), 1 - int(view.client[int(flows[0])])
    some = flows[:LOOKED_AT]
    others, near = neighbours.established(flow, server), view.once(_near)
    return Silent(
        flows=flows,
        server=server,
        seen=neighbours.of(flow, server, flows),
        syns=int(view.side("syns")[flows, view.client[flows]].max()),
        errors=_errors(view, flows),
        elsewhere=_elsewhere(view, flows, all_flows),
        one_sided=_one_sided(view, flow, server),
        ended=_ended(view, some),
        feature=_feature(view, some, others),
        older=_older(view, some, others),
        loopback=bool(near[flow] == BOTH),
        beside=neighbours.beside(flow, server, near),
    )


def clues(view: View, about: Silent) -> Iterator[Clue]:
    """All clues, in the order in which `syn_causes` lists them."""
    seen = about.seen
    if about.loopback:
        text = "on loopback nothing is lost on the way, and a port where nobody listens answers with a RST"
        yield Clue(Why.QUEUE, WEAK, text)
        yield Clue(Why.STALE, WEAK, text)
        yield Clue(Why.DOWN, -DECISIVE, "client and server are one host")
        yield Clue(Why.PATH, -DECISIVE, "client and server are one host")
        yield Clue(Why.FIREWALL, -WEAK, "loopback is rarely filtered")
    yield from _port(seen, about.loopback)
    yield from _host(about)
    yield from _clients(about)
    yield from _tuples(about)
    yield from _witnesses(view, about)


def _port(seen: Seen, loopback: bool) -> Iterator[Clue]:
    """How the same port treated others."""
    if seen.mute and not seen.served:
        text = f"{plural(seen.mute, 'connection')} there: request acknowledged, never answered"
        yield Clue(Why.QUEUE, DECISIVE, f"{text} {frame_list(seen.mute_frames)}")
    shown = frame_list(seen.frames)
    if seen.meanwhile:
        text = f"the port answered {plural(seen.meanwhile, 'other connect')} in the same seconds {shown}"
        if seen.late:
            yield Clue(Why.QUEUE, STRONG, f"{text}, {seen.late:,} of them only when the SYN was repeated")
        else:
            yield Clue(Why.QUEUE, -STRONG, f"{text}, all at the first SYN")
        yield Clue(Why.DOWN, -DECISIVE, text)
        yield Clue(Why.PATH, -STRONG, text)
        if seen.same_client:
            yield Clue(Why.STALE, STRONG, f"{text}, {seen.same_client:,} of them of the same client, from other ports")
            yield Clue(Why.FIREWALL, -STRONG, f"{text}, {seen.same_client:,} of them of the same client")
        else:
            yield Clue(Why.FIREWALL, WEAK, f"{text}, but of other clients only")
            yield Clue(Why.STALE, WEAK, text)
    elif seen.before and not seen.after:
        yield Clue(Why.QUEUE, STRONG, f"the port answered {plural(seen.before, 'connect')} before, none since {shown}")
    elif not seen.answered:
        yield Clue(Why.FIREWALL, WEAK, "no connect to this port was answered")
    if not seen.answered and not loopback:
        yield Clue(Why.QUEUE, -STRONG, "nothing shows that anybody listens there")
        yield Clue(Why.STALE, -STRONG, "nothing shows that anybody listens there")


def _host(about: Silent) -> Iterator[Clue]:
    """How the same host treated others."""
    seen = about.seen
    if about.loopback or seen.meanwhile:
        return
    if seen.other_ports:
        text = f"other ports of that host answered {plural(seen.other_ports, 'connect')} in the same seconds"
        yield Clue(Why.FIREWALL, STRONG, text)
        yield Clue(Why.DOWN, -DECISIVE, text)
        yield Clue(Why.PATH, -STRONG, text)
    elif seen.host_meanwhile:
        yield Clue(Why.DOWN, -DECISIVE, "other packets came from that address in the same seconds")
        yield Clue(Why.PATH, -STRONG, "other packets came from that address in the same seconds")
    elif seen.host_before and seen.host_after:
        yield Clue(Why.DOWN, -STRONG, "other packets came from that address before and after")
    elif not seen.host_answered:
        yield Clue(Why.DOWN, STRONG, "nothing at all came from that address")
        yield Clue(Why.QUEUE, -STRONG, "nothing at all came from that address")
        yield Clue(Why.STALE, -STRONG, "nothing at all came from that address")


def _clients(about: Silent) -> Iterator[Clue]:
    """How the same clients fared elsewhere."""
    if about.loopback:
        return
    if about.seen.elsewhere:
        text = f"other hosts answered {plural(about.seen.elsewhere, 'connect')} of the client in the same seconds"
        yield Clue(Why.DOWN, WEAK, text)
        yield Clue(Why.PATH, -STRONG, text)
    elif about.elsewhere >= ELSEWHERE_MIN:
        text = f"{about.elsewhere:,} other hosts did not answer the client either, and none did"
        yield Clue(Why.PATH, STRONG, text)
        yield Clue(Why.DOWN, -STRONG, text)


def _tuples(about: Silent) -> Iterator[Clue]:
    """What is known of the very 4-tuples."""
    if len(about.flows) >= TUPLES_MIN and not about.seen.meanwhile:
        text = f"{len(about.flows):,} different 4-tuples are silent, and none is answered"
        yield Clue(Why.STALE, -STRONG, text)
    if about.ended:
        text = f"the server ended the earlier connection of the 4-tuple in sight {frame_list(about.ended)}"
        yield Clue(Why.STALE, -DECISIVE, text)
    if about.feature:
        text = f"all these SYNs carry {about.feature}; of those that were answered none does"
        yield Clue(Why.OPTION, STRONG, text)
    if about.older:
        yield Clue(
            Why.TIME_WAIT, STRONG, "their timestamps are older than in a SYN of the same address that was answered"
        )


def _witnesses(view: View, about: Silent) -> Iterator[Clue]:
    """What ICMP, the tap and the capture say."""
    family = int(view.flows["family"][about.flows[0]])
    for event in about.errors[:1]:
        kind, code = int(event["detail"]), int(event["value"])
        text = f"ICMP {icmp.name(family, kind, code)} {frame_list(about.errors['frame'])}"
        if icmp.unreachable(family, kind, code):
            yield Clue(Why.DOWN, DECISIVE, text)
        elif icmp.prohibited(family, kind, code):
            yield Clue(Why.FIREWALL, DECISIVE, text)
    if about.beside and not about.loopback:
        yield Clue(Why.DOWN, -DECISIVE, "captured beside the server: the SYNs had arrived")
        yield Clue(Why.PATH, -STRONG, "captured beside the server: the SYNs had arrived")
    if about.one_sided:
        text = f"{plural(about.one_sided, 'connection')} with that host were captured in one direction only"
        yield Clue(Why.TAP, DECISIVE, text)
    if any(i.dropped_interface or i.dropped_os for f in view.tables.files for i in f.interfaces):
        yield Clue(Why.TAP, WEAK, "the capture dropped packets")
    if about.syns > 1:
        yield Clue(Why.TAP, -STRONG, "the SYN is repeated: no SYN-ACK came to the client")


def _near(view: View) -> np.ndarray:
    return near_side(view.tables)


def _errors(view: View, flows: np.ndarray) -> np.ndarray:
    rows = view.rows_of(EventKind.ICMP_ERROR)
    found: np.ndarray = view.events[rows[among(view.event_flow[rows], flows)]]
    return found


def _elsewhere(view: View, flows: np.ndarray, all_flows: np.ndarray) -> int:
    """Other hosts that the same clients wanted in the same seconds, without an answer."""
    table, client = view.flows, view.client
    begin, end = table["first_ts_ns"][flows].min(), table["last_ts_ns"][flows].max()
    clients = distinct(table["addr_lo"][flows, client[flows]])
    hosts = table["addr_lo"][all_flows, 1 - client[all_flows]]
    begun = table["first_ts_ns"][all_flows]
    same = among(table["addr_lo"][all_flows, client[all_flows]], clients) & (begun >= begin) & (begun <= end)
    server = table["addr_lo"][flows[0], 1 - client[flows[0]]]
    return len(distinct(hosts[same & (hosts != server)]))


def _one_sided(view: View, flow: int, server: int) -> int:
    """Connections with that host of which one direction was not captured although it existed."""
    rows = np.flatnonzero(view.one_sided)
    mine, found = view.flows[flow], np.zeros(len(rows), bool)
    for side in (0, 1):
        same = view.flows["addr_lo"][rows, side] == mine["addr_lo"][server]
        found |= same & (view.flows["addr_hi"][rows, side] == mine["addr_hi"][server])
    return int(np.count_nonzero(found))


def _ended(view: View, flows: np.ndarray) -> tuple[int, ...]:
    """Frames in which the server's side of earlier connections on these 4-tuples came to its end."""
    frames = []
    for flow in flows[view.flows["previous"][flows] >= 0].tolist():
        before = int(view.flows["previous"][flow])
        for side in (0, 1):
            row = view.tables.endpoint(before, side)
            wanted = view.flows["port"][flow, 1 - int(view.client[flow])]
            if view.flows["port"][before, side] == wanted and int(row["state"]) in {State.CLOSED, State.TIME_WAIT}:
                frames.append(int(row["state_frame"]))
    return tuple(frames)


def _feature(view: View, flows: np.ndarray, others: np.ndarray) -> str | None:
    """What all these SYNs have and none of the others', which were answered."""
    if not len(others):
        return None
    options = view.side("options")
    common = int(np.bitwise_and.reduce(options[flows, view.client[flows]]))
    common &= ~int(np.bitwise_or.reduce(options[others, view.client[others]]))
    for bit, name in FEATURES.items():
        if common & bit:
            return name
    if all(wants_ecn(view, flow) for flow in flows.tolist()) and not any(
        wants_ecn(view, flow) for flow in others[:LOOKED_AT]
    ):
        return ECN_NAME
    return None


def _older(view: View, flows: np.ndarray, others: np.ndarray) -> bool:
    """Whether these SYNs have older timestamps than answered ones of the same address, which share one clock.

    Current stacks give each 4-tuple an offset of its own (RFC 7323 section 5.4): their timestamps do not compare.
    """
    table, client = view.flows, view.client
    mine = among(table["addr_lo"][others, client[others]], table["addr_lo"][flows, client[flows]])
    known = _stamps(view, others[mine][-LOOKED_AT:])
    wanted = _stamps(view, flows)
    if len(known) < CLOCK_MIN or not len(wanted) or np.any(wanted[:, 1] <= 0):
        return False
    elapsed, ticks = np.diff(known[:, 0]), np.diff(known[:, 1])
    one_clock = np.all((ticks >= 0) & (ticks * NS <= elapsed * TICKS_MAX + NS * TICKS_MAX))
    return bool(one_clock and np.all(wanted[:, 1] < known[:, 1].max()))


def _stamps(view: View, flows: np.ndarray) -> np.ndarray:
    """Time and TSval of the SYNs that have one, in order of time; shape (some flows, 2)."""
    events = [e[0] for flow in flows.tolist() if len(e := opening(view, flow))]
    rows = sorted((int(e["ts_ns"]), int(e["value"])) for e in events if int(e["value"]) > 0)
    return np.array(rows, np.int64).reshape(-1, 2)
