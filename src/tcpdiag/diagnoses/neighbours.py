"""What else an endpoint and its host did: the other connections that speak for or against a cause."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..model.flow import EndpointBit
from ..units import plural
from .view import View

SAMPLE = 100
"""Endpoints that are looked at, evenly spread, where a million may have to be judged together."""


class Seen(NamedTuple):
    """How an endpoint treated others."""

    port_answered: int  # connects to the same endpoint that were established
    port_answered_meanwhile: int  # of these, between the first and the last unanswered SYN
    host_answered: bool  # the same address sent anything else at all

    def told(self) -> str:
        """A sentence for the summary."""
        if self.port_answered_meanwhile:
            return f"The same port answered {plural(self.port_answered_meanwhile, 'other connect')} meanwhile."
        if self.port_answered:
            return f"The same port answered {plural(self.port_answered, 'other connect')} at another time."
        if self.host_answered:
            return "The host is alive: it sent other packets, but nothing from this port."
        return "Nothing at all was captured from that address."


class Neighbours:
    """Looks at all flows in which both sides spoke, by columns."""

    def __init__(self, view: View) -> None:
        self._flows = view.flows
        self._alive = np.flatnonzero(np.all(view.side("packets") > 0, axis=1))
        opened = self._alive[view.of_client(view.has(EndpointBit.SYN_ACKED))[self._alive]]
        server = 1 - view.client[opened]
        ports = view.flows["port"][opened, server]
        order = np.argsort(ports, kind="stable")
        self._ports, opened, server = ports[order], opened[order], server[order]
        self._addr_lo = view.flows["addr_lo"][opened, server]
        self._addr_hi = view.flows["addr_hi"][opened, server]
        self._first_ns = view.flows["first_ts_ns"][opened]

    @cached_property
    def _hosts(self) -> np.ndarray:
        """Low halves of the addresses of both sides of these flows, shape (flows in which both sides spoke, 2)."""
        hosts: np.ndarray = self._flows["addr_lo"][self._alive]
        return hosts

    def of(self, flow: int, side: int, flows: np.ndarray) -> Seen:
        """What was seen of the endpoint that is `side` of `flow`, outside `flows`."""
        times = self._connects(flow, side)
        begin, end = self._flows["first_ts_ns"][flows].min(), self._flows["last_ts_ns"][flows].max()
        meanwhile = np.count_nonzero((times >= begin) & (times <= end))
        return Seen(len(times), int(meanwhile), self._answered(self._flows[flow], side))

    def _connects(self, flow: int, side: int) -> np.ndarray:
        """When the flows began in which the endpoint that is `side` of `flow` accepted a connect."""
        mine = self._flows[flow]
        port = mine["port"][side]
        low, high = np.searchsorted(self._ports, port), np.searchsorted(self._ports, port, side="right")
        same = (self._addr_lo[low:high] == mine["addr_lo"][side]) & (self._addr_hi[low:high] == mine["addr_hi"][side])
        times: np.ndarray = self._first_ns[low:high][same]
        return times

    def share_listening(self, flows: np.ndarray, sides: np.ndarray) -> float:
        """Which part of these endpoints, as far as SAMPLE of them tell, established a connection in any flow."""
        chosen = np.arange(0, len(flows), max(1, len(flows) // SAMPLE))
        seen = [len(self._connects(int(flows[i]), int(sides[i]))) > 0 for i in chosen]
        return sum(seen) / max(1, len(seen))

    def _answered(self, mine: np.void, side: int) -> bool:
        """Whether that address took part in any of these flows."""
        alike, sides = np.nonzero(self._hosts == mine["addr_lo"][side])
        return bool(np.any(self._flows["addr_hi"][self._alive[alike], sides] == mine["addr_hi"][side]))
