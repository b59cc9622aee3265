"""Tables: all that the first pass found, as columns. What the diagnoses look at."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..errors import UsageError
from ..sets import among
from .capture import CaptureFile
from .event import EVENT, EventKind
from .flow import DETAIL, ENDPOINT, FLOW, FlowBit


@dataclass(frozen=True)
class Tunnel:
    """A stack of encapsulations, outermost first: `(("VXLAN", "vni 42", "10.0.0.1", "10.0.0.2"), ...)`."""

    layers: tuple[tuple[str, str, str, str], ...]

    def __str__(self) -> str:
        return " / ".join(f"{name} {ident}".strip() for name, ident, _, _ in self.layers)


@dataclass(frozen=True)
class Tables:
    """The flow table with its endpoints and details, the event table, and the files they came from.

    `events` stand in capture order. Row i of `flows` is Wireshark's `tcp.stream` i.
    """

    files: tuple[CaptureFile, ...]
    flows: np.ndarray = field(default_factory=lambda: np.zeros(0, FLOW))
    endpoints: np.ndarray = field(default_factory=lambda: np.zeros(0, ENDPOINT))
    details: np.ndarray = field(default_factory=lambda: np.zeros(0, DETAIL))
    events: np.ndarray = field(default_factory=lambda: np.zeros(0, EVENT))
    tunnels: tuple[Tunnel, ...] = ()
    captured: np.ndarray | None = field(default=None, repr=False)
    """`flows` as the capture has them, where these tables have other addresses instead; None: they are the same."""
    stored: bool = False
    """They come from a report in JSON: of the events only STATE, of endpoints and details what the report tells."""

    def whole(self, what: str) -> "Tables":
        """These tables, for what needs all of them. Raises UsageError when a part is all that there is."""
        if self.stored:
            raise UsageError(f"{what} cannot be had of a report in JSON, which does not hold it: analyze the capture")
        return self

    @property
    def first_ts_ns(self) -> int:
        """Time of the first packet, TCP or not; 0 where there is none."""
        return min((f.first_ts_ns for f in self.files if f.first_ts_ns is not None), default=0)

    @property
    def last_ts_ns(self) -> int:
        """Time of the last packet, or of a later end: until then the tap is known to have been alive."""
        return max((f.last_ts_ns for f in self.files if f.last_ts_ns is not None), default=0)

    @cached_property
    def client_side(self) -> np.ndarray:
        """Which side of each flow opened it, or is guessed to have (u1, 0 or 1)."""
        sides: np.ndarray = ((self.flows["bits"] & FlowBit.CLIENT_IS_1) != 0).astype(np.uint8)
        return sides

    @cached_property
    def _order(self) -> np.ndarray:
        order: np.ndarray = np.argsort(self.events["flow"], kind="stable")
        return order

    @cached_property
    def _bounds(self) -> np.ndarray:
        bounds: np.ndarray = np.searchsorted(self.events["flow"][self._order], np.arange(len(self.flows) + 1))
        return bounds

    def events_of(self, flow: int) -> np.ndarray:
        """The events of one flow, in capture order."""
        rows = self._order[self._bounds[flow] : self._bounds[flow + 1]]
        found: np.ndarray = self.events[rows]
        return found

    def events_by(self, *kinds: EventKind) -> np.ndarray:
        """All events of these kinds, in capture order."""
        return self.events[among(self.events["kind"], [int(kind) for kind in kinds])]

    def endpoint(self, flow: int, side: int) -> np.void:
        """Row of one endpoint."""
        row: np.void = self.endpoints[2 * flow + side]
        return row

    def detail(self, flow: int, side: int) -> np.void | None:
        """Row of one endpoint's details; None for a flow that never got beyond SYN and RST."""
        row = int(self.flows["detail"][flow])
        return None if row < 0 else self.details[row + side]
