"""The control groups: how others fared in the same seconds. Others at that port, at that host, of that client."""

from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from ..model.flow import EndpointBit
from ..sets import among, distinct
from ..units import NS, plural
from .base import frame_list
from .view import View

SAMPLE: Final = 100
"""Endpoints that are looked at, evenly spread, where a million may have to be judged together."""

SHOWN: Final = 4
"""Frames that stand for a control group."""

CLIENTS_MAX: Final = 64
"""Client addresses whose other connects are looked at."""

HELD_MAX: Final = 65_535
"""Bytes that a kernel takes for an application that does not read: the largest window of a SYN-ACK, which RFC 7323
section 2.2 leaves unscaled. Who got more of a client's text reads it, and may have no reason to answer."""

ANSWER_NS: Final = NS
"""An application that has a request for so long and is at work would mostly have answered, or at least begun to."""


class Seen(NamedTuple):
    """How an endpoint, its host, and its clients fared besides the connects in question."""

    before: int  # connects to the same endpoint that were answered, begun before the first SYN in question
    meanwhile: int  # ... between the first and the last of them
    after: int
    late: int  # of those meanwhile, answered only after the SYN was repeated
    same_client: int  # of those meanwhile, from an address in question
    frames: tuple[int, ...]  # some of their SYNs, those meanwhile first
    mute: int  # established there meanwhile or before; the client's text is acknowledged, and never answered by any
    mute_frames: tuple[int, ...]
    waiting: (
        int  # established there meanwhile or before, whether the client sent text or not, and no text of the server
    )
    served: int  # established there meanwhile or before, and the server sent text
    other_ports: int  # connects to other ports of that host, begun meanwhile, answered by SYN-ACK or RST
    host_before: bool  # the address sent anything else before the first SYN in question
    host_meanwhile: bool  # ... between the first and the last of them
    host_after: bool
    elsewhere: int  # connects of the clients in question to other hosts, begun meanwhile, answered

    @property
    def host_answered(self) -> bool:
        """The address sent anything else at all."""
        return self.host_before or self.host_meanwhile or self.host_after

    @property
    def answered(self) -> int:
        """Connects to the same endpoint that were answered, at any time."""
        return self.before + self.meanwhile + self.after

    def told(self) -> str:
        """A sentence about the port and the host."""
        frames = f" {frame_list(self.frames)}" if self.frames else ""
        if self.meanwhile:
            return f"In the same seconds that port answered {plural(self.meanwhile, 'other connect')}{frames}."
        if self.answered:
            when = "before" if not self.after else "afterwards" if not self.before else "before and afterwards"
            return f"That port answered {plural(self.answered, 'other connect')}{frames}, but only {when}."
        if self.other_ports:
            return f"Other ports of that host answered {plural(self.other_ports, 'connect')} in the same seconds."
        if self.host_answered:
            return "The host is alive: it sent other packets, but nothing from this port."
        return "Nothing at all was captured from that address."


class Host(NamedTuple):
    """What a host's own packets look like from the tap."""

    ttls: tuple[int, ...]
    rtt_min_ns: int | None  # from the tap to it and back


class Neighbours:
    """Looks at all flows in which both sides spoke, by columns."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._flows = view.flows
        self._alive = np.flatnonzero(np.all(view.side("packets") > 0, axis=1) & ~view.flooding)
        opened = self._alive[view.of_client(view.has(EndpointBit.SYN_ACKED))[self._alive]]
        server = 1 - view.client[opened]
        ports = view.flows["port"][opened, server]
        order = np.argsort(ports, kind="stable")
        self._ports, self._opened, server = ports[order], opened[order], server[order]
        self._addr_lo = view.flows["addr_lo"][self._opened, server]
        self._addr_hi = view.flows["addr_hi"][self._opened, server]
        self._first_ns = view.flows["first_ts_ns"][self._opened]

    @cached_property
    def _hosts(self) -> np.ndarray:
        """Low halves of the addresses of both sides of these flows, shape (flows in which both sides spoke, 2)."""
        hosts: np.ndarray = self._flows["addr_lo"][self._alive]
        return hosts

    @cached_property
    def _begun_ns(self) -> np.ndarray:
        begun: np.ndarray = self._flows["first_ts_ns"][self._alive]
        return begun

    def of(self, flow: int, side: int, flows: np.ndarray, besides: np.ndarray | None = None) -> Seen:
        """What was seen of the endpoint that is `side` of `flow` outside `flows`, which say when, and `besides`."""
        view, mine = self._view, self._flows[flow]
        begin, end = int(self._flows["first_ts_ns"][flows].min()), int(self._flows["last_ts_ns"][flows].max())
        places = self._connects(flow, side)
        left_out = flows if besides is None else np.concatenate([flows, besides])
        places = places[~among(self._opened[places], left_out)]
        times, others = self._first_ns[places], self._opened[places]
        during = (times >= begin) & (times <= end)
        clients = self._clients(flows)
        addresses = self._flows["addr_lo"][others, view.client[others]]
        served = view.of_server(view.has(EndpointBit.SENT_TEXT))[others] & (times <= end)
        mute = self._mute(others, times, end) & ~served
        told = others[during] if np.any(during) else others
        alike, sides = self._of_host(flow, side)
        outside = ~among(self._alive[alike], left_out)
        alike, sides = alike[outside], sides[outside]
        around = self._spoke(alike, sides)
        return Seen(
            before=int(np.count_nonzero(times < begin)),
            meanwhile=int(np.count_nonzero(during)),
            after=int(np.count_nonzero(times > end)),
            late=int(np.count_nonzero(during & (view.of_client(view.side("syns"))[others] > 1))),
            same_client=int(np.count_nonzero(during & among(addresses, clients))),
            frames=tuple(self._flows["first_frame"][told[:SHOWN]].tolist()),
            mute=int(np.count_nonzero(mute)),
            mute_frames=tuple(self._flows["first_frame"][others[mute][:SHOWN]].tolist()),
            waiting=int(np.count_nonzero(~served & (times <= end))),
            served=int(np.count_nonzero(served)),
            other_ports=self._other_ports(alike, sides, int(mine["port"][side]), begin, end),
            host_before=bool(np.any(around < begin)),
            host_meanwhile=bool(np.any((around >= begin) & (around <= end))),
            host_after=bool(np.any(around > end)),
            elsewhere=self._elsewhere(clients, int(mine["addr_lo"][side]), begin, end),
        )

    def host(self, flow: int, side: int) -> "Host":
        """What headers and times tell of the host that is `side` of `flow`, RSTs apart."""
        alike, sides = self._of_host(flow, side)
        flows = self._alive[alike]
        rows = self._view.tables.endpoints[2 * flows + sides]
        spoke = rows["packets"] > rows["resets"]
        details = self._flows["detail"][flows].astype(np.int64)
        measured = details[spoke & (details >= 0)] + sides[spoke & (details >= 0)]
        times = self._view.tables.details["rtt_min_ns"][measured]
        times = times[self._view.tables.details["rtt_count"][measured] > 0]
        ttls = np.concatenate([rows["ttl_min"][spoke], rows["ttl_max"][spoke]])
        return Host(tuple(distinct(ttls).tolist()), int(times.min()) if len(times) else None)

    def share_listening(self, flows: np.ndarray, sides: np.ndarray) -> float:
        """Which part of these endpoints, as far as SAMPLE of them tell, established a connection in any flow."""
        chosen = np.arange(0, len(flows), max(1, len(flows) // SAMPLE))
        seen = [len(self._connects(int(flows[i]), int(sides[i]))) > 0 for i in chosen]
        return sum(seen) / max(1, len(seen))

    def established(self, flow: int, side: int) -> np.ndarray:
        """The flows in which the endpoint that is `side` of `flow` accepted a connect, in order of flow."""
        flows: np.ndarray = self._opened[self._connects(flow, side)]
        return flows

    def _connects(self, flow: int, side: int) -> np.ndarray:
        """Places in `_opened` of the flows in which the endpoint that is `side` of `flow` accepted a connect."""
        mine = self._flows[flow]
        port = mine["port"][side]
        low, high = int(np.searchsorted(self._ports, port)), int(np.searchsorted(self._ports, port, side="right"))
        same = (self._addr_lo[low:high] == mine["addr_lo"][side]) & (self._addr_hi[low:high] == mine["addr_hi"][side])
        places: np.ndarray = low + np.flatnonzero(same)
        return places

    def beside(self, flow: int, side: int, near: np.ndarray) -> bool:
        """Whether some connection shows the tap beside the host that is `side` of `flow`; `near`: of each flow."""
        alike, sides = self._of_host(flow, side)
        return bool(np.any(near[self._alive[alike]] == sides))

    def _of_host(self, flow: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Places in `_alive` of the flows of the host that is `side` of `flow`, and its side in each."""
        mine = self._flows[flow]
        alike, sides = np.nonzero(self._hosts == mine["addr_lo"][side])
        same = self._flows["addr_hi"][self._alive[alike], sides] == mine["addr_hi"][side]
        return alike[same], sides[same]

    def _clients(self, flows: np.ndarray) -> np.ndarray:
        """Low halves of the addresses that these connects come from, the first CLIENTS_MAX."""
        some = flows[:: max(1, len(flows) // CLIENTS_MAX)]
        return distinct(self._flows["addr_lo"][some, self._view.client[some]])

    def _mute(self, others: np.ndarray, times: np.ndarray, end: int) -> np.ndarray:
        """Where the client's text waits, acknowledged by the server's kernel, for an application that says nothing."""
        view = self._view
        asked = view.of_client(view.has(EndpointBit.SENT_TEXT))[others]
        taken = view.of_server(view.side("packets"))[others] > 1  # more than the SYN-ACK
        held = view.side("bytes")[others, view.client[others]] <= HELD_MAX
        found: np.ndarray = asked & taken & held & (times + ANSWER_NS <= end)
        return found

    def _other_ports(self, alike: np.ndarray, sides: np.ndarray, port: int, begin: int, end: int) -> int:
        """Connects to other ports of the host, begun meanwhile: both sides spoke, so they were answered somehow."""
        flows, begun = self._alive[alike], self._begun_ns[alike]
        to_host = sides == 1 - self._view.client[flows]
        return int(
            np.count_nonzero(to_host & (self._flows["port"][flows, sides] != port) & (begun >= begin) & (begun <= end))
        )

    def _spoke(self, alike: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """Times at which the host is known to have sent a packet: the first and the last one of each flow."""
        rows = self._view.tables.endpoints[2 * self._alive[alike] + sides]
        return np.concatenate([rows["first_ts_ns"], rows["last_ts_ns"]])

    def _elsewhere(self, clients: np.ndarray, host_lo: int, begin: int, end: int) -> int:
        """Connects of these clients to other hosts, begun meanwhile, answered."""
        during = np.flatnonzero((self._begun_ns >= begin) & (self._begun_ns <= end))
        client = self._view.client[self._alive[during]]
        hosts = self._hosts[during]
        picked = np.arange(len(during))
        return int(np.count_nonzero(among(hosts[picked, client], clients) & (hosts[picked, 1 - client] != host_lo)))
