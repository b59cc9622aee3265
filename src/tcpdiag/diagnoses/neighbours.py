"""What else an endpoint and its host did: the other connections that speak for or against a cause."""

from dataclasses import dataclass

import numpy as np

from ..model.flow import EndpointBit
from ..units import plural
from .view import View


@dataclass(frozen=True)
class Seen:
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
    """Looks at all flows of the view, by columns."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._opened = view.of_client(view.has(EndpointBit.SYN_ACKED))
        self._alive = np.flatnonzero(np.any(view.side("packets") > 0, axis=1) & ~_only_one_spoke(view))

    def of(self, flow: int, side: int, flows: np.ndarray) -> Seen:
        """What was seen of the endpoint that is `side` of `flow`, outside `flows`."""
        view, mine = self._view, self._view.flows[flow]
        rows = view.flows[self._alive]
        host, port = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
        for other in (0, 1):
            same = (rows["addr_lo"][:, other] == mine["addr_lo"][side]) & (
                rows["addr_hi"][:, other] == mine["addr_hi"][side]
            )
            host |= same
            port |= same & (rows["port"][:, other] == mine["port"][side])
        opened = port & self._opened[self._alive]
        begin, end = view.flows["first_ts_ns"][flows].min(), view.flows["last_ts_ns"][flows].max()
        meanwhile = opened & (rows["first_ts_ns"] >= begin) & (rows["first_ts_ns"] <= end)
        return Seen(int(np.count_nonzero(opened)), int(np.count_nonzero(meanwhile)), bool(np.any(host)))


def _only_one_spoke(view: View) -> np.ndarray:
    spoke: np.ndarray = np.any(view.side("packets") == 0, axis=1)
    return spoke
