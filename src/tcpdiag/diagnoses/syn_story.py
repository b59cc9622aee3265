"""How unanswered SYNs to one endpoint are told: what happened, what would refute it, what to do."""

from collections.abc import Iterator

import numpy as np

from ..model.event import EventKind
from ..model.finding import Refutation, Sentence
from ..sets import distinct
from ..units import duration, plural
from .base import FRAMES_MAX, frame_list
from .syn_causes import CLEAR, Ranked, Why, clear
from .syn_clues import Silent
from .syn_schedules import Match, match
from .view import View


def story(view: View, about: Silent, causes: list[Ranked], repeats: np.ndarray) -> Iterator[Sentence]:
    """What happened, and what the control groups say."""
    flows, seen = about.flows, about.seen
    label, frames = view.label(int(flows[0]), about.server), frames_of(view, flows, repeats)
    of = f" of {plural(len(flows), 'connect')}" if len(flows) > 1 else ""
    yield Sentence(
        f"{plural(int(syns_of(view, flows).sum()), 'SYN')}{of} to {label} got no answer of any kind in "
        f"{duration(waited_ns(view, flows))} {frame_list(frames)}{_likely(causes)}.",
        tuple(frames[:20].tolist()),
        int(view.flows["first_ts_ns"][flows].min()),
    )
    if seen.answered or not about.loopback:
        yield Sentence(seen.told(), seen.frames if seen.answered else ())
    else:
        yield Sentence("Nothing else was captured on that port; on loopback no packet is lost on the way.")
    if about.seen.elsewhere and not seen.meanwhile:
        yield Sentence(
            f"The client was not cut off: other hosts answered {plural(seen.elsewhere, 'connect')} of it meanwhile."
        )
    flow = longest(view, flows)
    if schedule := schedule_of(view, flow, repeats):
        mine = repeats["frame"][repeats["flow"] == flow]
        last_ns = int(view.flows["last_ts_ns"][flow])
        yield Sentence(schedule.told(), tuple(mine.tolist()), last_ns)


def _likely(causes: list[Ranked]) -> str:
    if not clear(causes):
        return ""
    return {
        Why.FIREWALL: ": most likely a firewall drops them",
        Why.QUEUE: ": most likely the listener's queue is full",
        Why.DOWN: ": most likely the host is down or not reachable",
        Why.STALE: ": most likely the server still holds an older connection on that 4-tuple",
        Why.PATH: ": most likely the client's own path is broken",
        Why.TAP: ": most likely the capture does not see the answers",
        Why.OPTION: ": most likely something drops them for an option that they carry",
        Why.TIME_WAIT: ": most likely the server drops them for their old timestamps",
    }[causes[0].why]


def waited_ns(view: View, flows: np.ndarray) -> int:
    """From the first to the last SYN of the connect that was tried for longest."""
    return int((view.flows["last_ts_ns"][flows] - view.flows["first_ts_ns"][flows]).max())


def longest(view: View, flows: np.ndarray) -> int:
    """The connect that was tried for longest."""
    return int(flows[np.argmax(view.flows["last_ts_ns"][flows] - view.flows["first_ts_ns"][flows])])


def schedule_of(view: View, flow: int, repeats: np.ndarray) -> Match | None:
    """The stack whose schedule the SYNs of a connect fit."""
    client = view.tables.endpoint(flow, int(view.client[flow]))
    times = [int(client["first_ts_ns"]), *repeats["ts_ns"][repeats["flow"] == flow].tolist()]
    return match(times, view.last_ts_ns, int(client["ttl"]), int(client["syn_window"]))


def next_steps(view: View, about: Silent, causes: list[Ranked]) -> Iterator[str]:
    """What to do about the likely cause; about each of those that cannot be told apart where none is clear."""
    best = causes[0].score
    for each in causes[: 1 if clear(causes) else 3]:
        if best - each.score < CLEAR:
            yield from _against(view, about, each.why)


def _against(view: View, about: Silent, likely: Why) -> Iterator[str]:
    flow = int(about.flows[0])
    host, port, client = (
        view.host(flow, about.server),
        view.port(flow, about.server),
        view.host(flow, 1 - about.server),
    )
    if likely is Why.QUEUE:
        yield f"on {host}: see why the process behind port {port} does not call accept()"
    elif likely is Why.STALE:
        yield f"on {host}: look for a process that leaves its sockets in CLOSE-WAIT, and make it close() them"
    elif likely is Why.DOWN:
        yield f"see whether {host} is up and has the address; ping it, and traceroute -T -p {port} {host}"
    elif likely is Why.PATH:
        yield f"on {client}: ip route get {host}; see whether its gateway answers (ip neigh, ping)"
    elif about.loopback:
        yield f"on {host}: check the firewall rules for port {port} (nft list ruleset, iptables -vnL)"
    else:
        yield f"check the firewall rules for port {port} on the path and on {host} (nft list ruleset, iptables -vnL)"
        yield f"on {client}: traceroute -T -p {port} {host} shows how far the SYNs come"


def settled_by(view: View, about: Silent) -> Iterator[str]:
    """What would tell the causes apart."""
    flow = int(about.flows[0])
    host, port, client = (
        view.host(flow, about.server),
        view.port(flow, about.server),
        view.host(flow, 1 - about.server),
    )
    if not about.beside:
        yield f"on {host}: tcpdump -ni any 'tcp port {port} and host {client}': do the SYNs arrive, is there an answer?"
    yield (
        f"on {host}: ss -ltn '( sport = :{port} )' (Recv-Q above Send-Q: the accept queue is full) and "
        "nstat -az TcpExtListenOverflows TcpExtListenDrops TcpExtTCPReqQFullDrop"
    )
    yield f"on {host}: ss -tan '( sport = :{port} )' dst {client}: does it hold an old connection on the 4-tuple?"


def refutations(view: View, about: Silent) -> Iterator[Refutation]:
    """What would prove that these SYNs were answered, or that the port is well."""
    yield Refutation(
        "a segment of the client after these SYNs proves that a SYN-ACK came, and only the capture lacks it",
        "not found"
        if not about.one_sided
        else f"not on these connects, but {plural(about.one_sided, 'connection')} with that host lack a direction",
    )
    label = view.label(int(about.flows[0]), about.server)
    seen = about.seen
    yield Refutation(
        f"{label} answers others in the same seconds, so that port and host are well",
        f"it does: {plural(seen.meanwhile, 'connect')} {frame_list(seen.frames)}"
        if seen.meanwhile
        else "not found: nobody else was answered there"
        if not seen.answered
        else f"not in these seconds; {plural(seen.answered, 'connect')} at other times {frame_list(seen.frames)}",
        seen.frames,
    )
    yield Refutation(
        "ICMP says that the host cannot be reached, or that a firewall forbids it",
        f"found {frame_list(about.errors['frame'])}" if len(about.errors) else "not found",
        tuple(about.errors["frame"][:20].tolist()),
    )


def syns_of(view: View, flows: np.ndarray) -> np.ndarray:
    """How many SYNs each of these connects sent."""
    syns: np.ndarray = view.side("syns")[flows, view.client[flows]].astype(np.int64)
    return syns


def repeats_of(view: View, flows: np.ndarray) -> np.ndarray:
    """The SYN_REPEATED events of these flows."""
    rows = view.rows_of(EventKind.SYN_REPEATED)
    chosen = np.zeros(len(view.flows), bool)
    chosen[flows] = True
    repeats: np.ndarray = view.events[rows[chosen[view.event_flow[rows]]]]
    return repeats


def frames_of(view: View, flows: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """Of the SYNs and their repetitions, ascending, bounded."""
    frames = np.concatenate([view.flows["first_frame"][flows[:FRAMES_MAX]], repeats["frame"][:FRAMES_MAX]])
    return distinct(frames)[:FRAMES_MAX]
