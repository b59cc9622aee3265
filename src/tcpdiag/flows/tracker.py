"""The tracker: feeds segments to the compiled walk and makes room in its tables.

Memory grows with flows: 80 bytes a flow, 108 an endpoint, 56 an event, and the details only for flows that got beyond
SYN and RST.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .. import kernels
from ..model.capture import CaptureFile
from ..model.event import EVENT
from ..model.flow import DETAIL, ENDPOINT, FLOW
from ..model.tables import Tables, Tunnel
from ..tcp.profiles import PROFILES, action_array, profile_number
from ..tcp.states import transition_array
from .silences import silent_events

__all__ = ["Tracker"]

_COPIES = 4096  # latest packets remembered to recognise copies
_FIRST_FLOWS = 256
_LOAD = 2  # slots for each flow, at least


class Tracker:
    """Tracks segments in capture order. `profile` names the stack of every host; None: guessed from its SYN.

    Raises UsageError for an unknown profile.
    """

    def __init__(self, profile: str | None = None) -> None:
        module = kernels.load("walk")
        self._kernel = module
        forced = -1 if profile is None else profile_number(profile)
        edges = np.array([p.edge_inclusive for p in PROFILES], np.uint8)
        self._walk = module.Walk(*kernels.arrays(module, transition_array(), action_array(), edges), forced)
        self._walk.use_memory(*kernels.arrays(module, np.zeros(_COPIES, np.uint64), np.zeros(_COPIES, np.int64)))
        self._salt = secrets.randbits(63)
        self._flows = np.zeros(_FIRST_FLOWS, FLOW)
        self._endpoints = np.zeros(2 * _FIRST_FLOWS, ENDPOINT)
        self._details = np.zeros(2 * _FIRST_FLOWS, DETAIL)
        self._events = np.zeros(16 * _FIRST_FLOWS, EVENT)
        self._bind()
        self._use_slots(4 * _FIRST_FLOWS)

    def feed(self, segments: np.ndarray) -> None:
        """Track these SEGMENT rows, which follow those fed before."""
        (rows,) = kernels.arrays(self._kernel, segments)
        done = 0
        while done < len(segments):
            done = self._walk.feed(rows, done)
            if done < len(segments):
                self._make_room()

    def finish(self, files: Sequence[CaptureFile] = (), tunnels: Sequence[Tunnel] = ()) -> Tables:
        """The tables, which share the tracker's memory: it takes nothing more afterwards."""
        self._walk.bind(*kernels.arrays(self._kernel, *(np.zeros(0, d) for d in (FLOW, ENDPOINT, DETAIL, EVENT))))
        n = self._walk.n_flows
        tables = Tables(
            files=tuple(files),
            flows=self._flows[:n],
            endpoints=self._endpoints[: 2 * n],
            details=self._details[: self._walk.n_details],
            events=self._events[: self._walk.n_events],
            tunnels=tuple(tunnels),
        )
        return replace(tables, events=self._append(silent_events(tables)))

    def _append(self, events: np.ndarray) -> np.ndarray:
        """The event table with these at its end, without a second copy of it."""
        n = self._walk.n_events
        _resize(self._events, n + len(events))
        self._events[n:] = events
        return self._events

    def _bind(self) -> None:
        self._walk.bind(*kernels.arrays(self._kernel, self._flows, self._endpoints, self._details, self._events))

    def _use_slots(self, count: int) -> None:
        self._slots = np.zeros(count, np.uint64)
        self._walk.use_slots(*kernels.arrays(self._kernel, self._slots), self._salt)

    def _make_room(self) -> None:
        """Grow what is nearly full by a quarter: `np.resize` in place moves pages instead of copying them."""
        empty = (np.zeros(0, dtype) for dtype in (FLOW, ENDPOINT, DETAIL, EVENT))
        self._walk.bind(*kernels.arrays(self._kernel, *empty))
        if self._walk.n_flows >= len(self._flows):
            count = _more(len(self._flows))
            _resize(self._flows, count)
            _resize(self._endpoints, 2 * count)
        if self._walk.n_details + 2 > len(self._details):
            _resize(self._details, _more(len(self._details)))
        if self._walk.n_events + 64 > len(self._events):
            _resize(self._events, _more(len(self._events)))
        self._bind()
        if len(self._slots) < _LOAD * len(self._flows):
            self._use_slots(2 * len(self._slots))


def _more(count: int) -> int:
    return (count + max(count // 4, 256)) & ~1


def _resize(table: np.ndarray, count: int) -> None:
    # No view of the table is left: the walk was bound to empty tables before.
    table.resize(count, refcheck=False)
