"""The tracker: feeds segments to the compiled walk and makes room in its tables.

Memory grows with flows: 80 bytes a flow, 108 an endpoint, 56 an event, and the details only for flows that got beyond
SYN and RST.
"""

import os
from collections.abc import Sequence

import numpy as np

from .. import kernels
from ..model.capture import CaptureFile
from ..model.event import EVENT
from ..model.flow import DETAIL, ENDPOINT, FLOW
from ..model.tables import Tables, Tunnel
from ..tcp.profiles import PROFILES, action_array, profile_number
from ..tcp.states import transition_array
from .growing import GrowingTable
from .silences import silent_events

__all__ = ["Tracker"]

_COPIES = 4096  # latest packets remembered to recognise copies
_FIRST_FLOWS = 256
_LOAD = 2  # slots for each flow, at least
_EVENT_ROOM = 64  # more than one segment can bring


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
        self._salt = int.from_bytes(os.urandom(7), "little")
        self._flows = GrowingTable(FLOW, _FIRST_FLOWS)
        self._endpoints = GrowingTable(ENDPOINT, 2 * _FIRST_FLOWS)
        self._details = GrowingTable(DETAIL, 2 * _FIRST_FLOWS)
        self._events = GrowingTable(EVENT, 16 * _FIRST_FLOWS)
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
        self._unbind()
        tables = self._tables(files, tunnels)
        silent = silent_events(tables)
        if not len(silent):
            return tables
        del tables
        n = self._walk.n_events
        self._events.grow(n + len(silent))
        self._events.rows[n:] = silent
        self._walk.n_events = n + len(silent)
        return self._tables(files, tunnels)

    def _tables(self, files: Sequence[CaptureFile], tunnels: Sequence[Tunnel]) -> Tables:
        n = self._walk.n_flows
        return Tables(
            files=tuple(files),
            flows=self._flows.rows[:n],
            endpoints=self._endpoints.rows[: 2 * n],
            details=self._details.rows[: self._walk.n_details],
            events=self._events.rows[: self._walk.n_events],
            tunnels=tuple(tunnels),
        )

    def _bind(self) -> None:
        tables = (self._flows, self._endpoints, self._details, self._events)
        self._walk.bind(*kernels.arrays(self._kernel, *(table.rows for table in tables)))

    def _unbind(self) -> None:
        empty = (np.zeros(0, dtype) for dtype in (FLOW, ENDPOINT, DETAIL, EVENT))
        self._walk.bind(*kernels.arrays(self._kernel, *empty))

    def _use_slots(self, count: int) -> None:
        self._slots = np.zeros(count, np.uint64)
        self._walk.use_slots(*kernels.arrays(self._kernel, self._slots), self._salt)

    def _make_room(self) -> None:
        """Double what is full; rows that are not used yet cost nothing."""
        self._unbind()
        if self._walk.n_flows >= len(self._flows):
            count = 2 * len(self._flows)
            self._flows.grow(count)
            self._endpoints.grow(2 * count)
        if self._walk.n_details + 2 > len(self._details):
            self._details.grow(2 * len(self._details))
        if self._walk.n_events + _EVENT_ROOM > len(self._events):
            self._events.grow(2 * len(self._events))
        self._bind()
        if len(self._slots) < _LOAD * len(self._flows):
            self._use_slots(2 * len(self._slots))
