"""How many 4-tuples an endpoint holds in CLOSE-WAIT, and so how likely the next connect runs into one of them."""

from typing import Any, Final, NamedTuple

import numpy as np

from ..model.flow import FlowBit
from ..sets import distinct
from ..units import NS, percent, plural
from .base import frame_list
from .collisions import Collision
from .held import End, close_wait
from .view import View

SILENT_NS: Final = NS
"""Shorter stays in CLOSE-WAIT are not counted: a socket that is read again within a second is served."""


class Range(NamedTuple):
    """Ports that a stack takes for its own connects."""

    first: int
    last: int
    source: str

    @property
    def size(self) -> int:
        """How many ports."""
        return self.last - self.first + 1

    def holds(self, ports: np.ndarray) -> bool:
        """Whether all these ports are in it."""
        return bool(np.all((ports >= self.first) & (ports <= self.last)))


EPHEMERAL: Final = (
    Range(32768, 60999, "Linux's net.ipv4.ip_local_port_range"),
    Range(49152, 65535, "IANA's dynamic ports, RFC 6335 section 6"),
    Range(1024, 65535, "all ports above the system ports"),
)
"""In this order: the first that holds all ports seen."""


class Minefield(NamedTuple):
    """What one endpoint still held at the end of the capture, apart from the 4-tuples that a SYN has met."""

    in_all: int
    towards_client: int
    clients: int
    frames: tuple[int, ...]  # FINs of those towards the client
    ports: Range
    connects: int  # new connections from the client since the first of the collisions
    met: int  # of these, those that ran into one

    @property
    def chance(self) -> float:
        """That the client's next connect takes the port of one of them: held towards it / ports in its range."""
        return self.towards_client / self.ports.size

    def told(self, server: str, client: str) -> str:
        """A sentence or two; empty where it holds no others."""
        if not self.in_all:
            return ""
        text = f"At the end {server} holds {plural(self.in_all, 'other 4-tuple')} in CLOSE-WAIT"
        text += "" if self.clients == 1 and self.towards_client else f", towards {plural(self.clients, 'client')}"
        if not self.towards_client:
            return f"{text}, none of them towards {client}."
        those = "all" if self.towards_client == self.in_all else f"{self.towards_client:,}"
        text += (
            f", {those} towards {client} {frame_list(self.frames)}: {self.towards_client:,} of {self.ports.size:,} "
            f"ports ({self.ports.source}), so about {percent(self.chance)} of its next connects run into one."
        )
        if self.met > 1 and self.met > 2 * self.chance * self.connects:
            text += f" Seen were more: {self.met:,} of its {plural(self.connects, 'connect')} since the first."
        return text

    def data(self) -> dict[str, Any]:
        """For programs."""
        return {
            "other_tuples_held": self.in_all,
            "other_tuples_held_towards_client": self.towards_client,
            "port_range": [self.ports.first, self.ports.last],
            "next_collision_chance": round(self.chance, 6),
        }


def minefield(view: View, met: list[Collision], worst: Collision) -> Minefield:
    """What the endpoint that `met` ran into holds besides, as the client of `worst` sees it."""
    flow, holder = worst.flow, worst.holder
    held = close_wait(view, SILENT_NS)
    held = held[(held["syn_frame"] == 0) & (held["end"] == End.CAPTURE)]
    held = held[_same(view, held["flow"], held["side"], flow, holder, ("addr_hi", "addr_lo", "port"))]
    peers = view.flows["addr_lo"][held["flow"], 1 - held["side"]]
    towards = held[_same(view, held["flow"], 1 - held["side"], flow, 1 - holder, ("addr_hi", "addr_lo"))]
    connects, ports = _connects(view, flow, holder, min(c.syn_ts_ns for c in met))
    mine = {c.flow for c in met}
    return Minefield(
        in_all=len(held),
        towards_client=len(towards),
        clients=len(distinct(peers)),
        frames=tuple(towards["fin_frame"].tolist()),
        ports=next((known for known in EPHEMERAL if known.holds(ports)), EPHEMERAL[-1]),
        connects=len(connects),
        met=len(mine.intersection(connects.tolist())),
    )


def _connects(view: View, flow: int, holder: int, since_ns: int) -> tuple[np.ndarray, np.ndarray]:
    """Connects of the client to the endpoint from that time on, and all ports that it used to reach that endpoint."""
    flows = np.arange(len(view.flows))
    server = 1 - view.client.astype(np.int64)
    alike = flows[view.flows["port"][flows, server] == view.port(flow, holder)]
    alike = alike[_same(view, alike, server[alike], flow, holder, ("addr_hi", "addr_lo"))]
    alike = alike[_same(view, alike, 1 - server[alike], flow, 1 - holder, ("addr_hi", "addr_lo"))]
    opened = (view.flow_bits[alike] & int(FlowBit.ROLES_KNOWN)) != 0
    ports = view.flows["port"][alike, 1 - server[alike]]
    return alike[opened & (view.flows["first_ts_ns"][alike] >= since_ns)], ports


def _same(
    view: View, flows: np.ndarray, sides: np.ndarray, flow: int, side: int, columns: tuple[str, ...]
) -> np.ndarray:
    """Where these ends have the same values in these columns as `side` of `flow`, and the same tunnel."""
    mine = view.flows[flow]
    found: np.ndarray = view.flows["tunnel"][flows] == mine["tunnel"]
    for column in columns:
        found &= view.flows[column][flows, sides] == mine[column][side]
    return found
