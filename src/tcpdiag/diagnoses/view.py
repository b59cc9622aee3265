"""The tables as diagnoses look at them: columns by side, events by kind or by flow, names and lines for evidence."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np

from ..model import notation
from ..model.capture import CaptureFile
from ..model.event import EventKind
from ..model.finding import Evidence
from ..model.flow import EndpointBit, FlowBit
from ..model.states import State
from ..model.tables import Tables
from ..sets import distinct
from ..units import address, endpoint
from . import confidence
from .columns import gather
from .confidence import Doubt

_T = TypeVar("_T")

RAW = -1
"""Instead of a flow: numbers as they were sent, because the connection that they belong to is not known."""

_SHARED_SIDES: Final = ("packets", "bits", "state", "syns")
_SHARED_FLOWS: Final = ("bits", "detail")
_SHARED_DETAILS: Final = (
    "closed_since_ns",
    "probes",
    "retrans_run",
    "keepalives",
    "beats",
    "lost_before",
    "lost_after",
    "small_windows",
)
_SHARED_EVENTS: Final = ("flow", "kind", "state", "detail")
"""Columns that most diagnoses look at in full."""

CLOCK_STEP_MS = 128  # NTP's step threshold, RFC 5905 section 11.3 (STEPT)
HEADER_BYTES = 114  # at most 60 bytes of TCP header (RFC 9293 section 3.1), after 14 of Ethernet and 40 of IPv6


class View:
    """Reads `Tables`; never changes them. Everything is computed once, on demand."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.flows = tables.flows
        self.events = tables.events
        self.first_ts_ns = tables.first_ts_ns
        self.last_ts_ns = max(tables.last_ts_ns, int(tables.flows["last_ts_ns"].max(initial=0)))
        self._computed: dict[Any, Any] = {}
        self.leaked = np.zeros(0, np.int64)
        """Rows of endpoints whose stay in CLOSE-WAIT is told by a close-wait-leak or a close-wait-sawtooth."""
        self.flooding = np.zeros(len(tables.flows), bool)
        """Connects that are part of a syn-flood; shape (flows,)."""

    def once(self, compute: Callable[["View"], _T]) -> _T:
        """`compute(view)`, kept for the next diagnosis that asks for it."""
        if compute not in self._computed:
            self._computed[compute] = compute(self)
        found: _T = self._computed[compute]
        return found

    def side(self, column: str) -> np.ndarray:
        """A column of the endpoint table as a contiguous array of shape (flows, 2)."""
        if column not in self._sides:
            self._sides[column] = np.ascontiguousarray(self.tables.endpoints[column])
        return self._sides[column].reshape(-1, 2)

    @cached_property
    def _sides(self) -> dict[str, np.ndarray]:
        return gather(self.tables.endpoints, _SHARED_SIDES)

    @cached_property
    def _flow_columns(self) -> dict[str, np.ndarray]:
        return gather(self.flows, _SHARED_FLOWS)

    @cached_property
    def _event_columns(self) -> dict[str, np.ndarray]:
        return gather(self.events, _SHARED_EVENTS)

    @property
    def flow_bits(self) -> np.ndarray:
        """FlowBits, shape (flows,)."""
        return self._flow_columns["bits"]

    @property
    def event_flow(self) -> np.ndarray:
        """Flow of each event, shape (events,)."""
        return self._event_columns["flow"]

    @property
    def event_detail(self) -> np.ndarray:
        """Detail of each event, shape (events,)."""
        return self._event_columns["detail"]

    @cached_property
    def client(self) -> np.ndarray:
        """Side of the client, signed so that 1 - client is the server's; shape (flows,)."""
        sides: np.ndarray = ((self.flow_bits & int(FlowBit.CLIENT_IS_1)) != 0).astype(np.int8)
        return sides

    def has(self, bit: EndpointBit) -> np.ndarray:
        """Where an endpoint has this bit; shape (flows, 2)."""
        found: np.ndarray = (self.side("bits") & int(bit)) != 0
        return found

    def of_client(self, column: np.ndarray) -> np.ndarray:
        """The client's half of a column of shape (flows, 2)."""
        return np.where(self.client == 0, column[:, 0], column[:, 1])

    def of_server(self, column: np.ndarray) -> np.ndarray:
        """The server's half of a column of shape (flows, 2)."""
        return np.where(self.client == 0, column[:, 1], column[:, 0])

    @cached_property
    def _framed(self) -> int:
        """How many events have a frame. Their frames ascend; those without one stand at the end."""
        return bisect_left(self.events["frame"], True, key=lambda frame: frame == 0)

    def _of_frame(self, frame: int) -> tuple[int, int]:
        """Where the events of one frame begin and end in the event table."""
        frames, end = self.events["frame"], self._framed
        return bisect_left(frames, frame, 0, end), bisect_left(frames, frame + 1, 0, end)

    def by_kind(self, *kinds: EventKind) -> np.ndarray:
        """All events of these kinds, in capture order: for kinds that are rare."""
        rows: np.ndarray = self.events[self.rows_of(*kinds)]
        return rows

    @cached_property
    def _rare(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and kinds of all events but STATE, which most events are."""
        kinds = self._event_columns["kind"]
        rows = np.flatnonzero(kinds != int(EventKind.STATE))
        return rows, kinds[rows]

    def rows_of(self, *kinds: EventKind) -> np.ndarray:
        """Where events of these kinds, STATE not among them, stand in the event table, ascending."""
        rows, column = self._rare
        wanted = column == int(kinds[0])
        for kind in kinds[1:]:
            wanted |= column == int(kind)
        found: np.ndarray = rows[wanted]
        return found

    def rows_entering(self, *states: State) -> np.ndarray:
        """Where the events stand in which an endpoint enters one of these states, ascending."""
        column = self._event_columns["state"]
        wanted = column == int(states[0])
        for state in states[1:]:
            wanted |= column == int(state)
        wanted &= self._event_columns["kind"] == int(EventKind.STATE)
        return np.flatnonzero(wanted)

    def at(self, flow: int, frame: int, kind: EventKind) -> np.ndarray:
        """The events of one kind that one frame brought in one flow."""
        low, high = self._of_frame(frame)
        events = self.events[low:high]
        found: np.ndarray = events[(events["flow"] == flow) & (events["kind"] == kind)]
        return found

    def by_flow(self, flows: Iterable[int] | np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """For each of these flows its events, in capture order: one pass for all of them."""
        chosen = distinct(np.asarray(flows if isinstance(flows, np.ndarray) else list(flows), dtype=np.int64))
        if not len(chosen):
            return
        wanted = np.zeros(len(self.flows) + 1, bool)  # the last one is for events of no flow
        wanted[chosen] = True
        wanted[-1] = False
        rows = np.flatnonzero(wanted[self.event_flow])
        rows = rows[np.argsort(self.event_flow[rows], kind="stable")]
        bounds = np.searchsorted(self.event_flow[rows], np.append(chosen, chosen[-1] + 1))
        for index, flow in enumerate(chosen.tolist()):
            yield flow, self.events[rows[bounds[index] : bounds[index + 1]]]

    def detail(self, flow: int, side: int) -> np.void | None:
        """Row of one endpoint's details; None for a flow that never got beyond SYN and RST."""
        return self.tables.detail(flow, side)

    @cached_property
    def with_details(self) -> np.ndarray:
        """The flows that have details."""
        return np.flatnonzero(self._flow_columns["detail"] >= 0)

    def detail_column(self, column: str) -> np.ndarray:
        """A column of the detail table for `with_details`; shape (flows with details, 2)."""
        shared = self._detail_columns.get(column)
        values: np.ndarray = (self.tables.details[column] if shared is None else shared)[self._detail_rows]
        return values

    @cached_property
    def _detail_rows(self) -> np.ndarray:
        first = self._flow_columns["detail"][self.with_details].astype(np.int64)
        return np.stack([first, first + 1], axis=1)

    @cached_property
    def _detail_columns(self) -> dict[str, np.ndarray]:
        return gather(self.tables.details, _SHARED_DETAILS)

    # names -------------------------------------------------------------------------------------------------------

    def role(self, flow: int, side: int) -> str:
        """`client` or `server`."""
        return "client" if int(self.client[flow]) == side else "server"

    def label(self, flow: int, side: int) -> str:
        """`192.0.2.1:80`"""
        row = self.flows[flow]
        return endpoint(
            int(row["family"]), int(row["addr_hi"][side]), int(row["addr_lo"][side]), int(row["port"][side])
        )

    def host(self, flow: int, side: int) -> str:
        """`192.0.2.1`"""
        row = self.flows[flow]
        return address(int(row["family"]), int(row["addr_hi"][side]), int(row["addr_lo"][side]))

    def port(self, flow: int, side: int) -> int:
        """Port of one side."""
        return int(self.flows["port"][flow][side])

    def isn(self, flow: int, side: int) -> int | None:
        """Initial sequence number of one side, where it is known."""
        row = self.tables.endpoint(flow, side)
        return int(row["isn"]) if int(row["bits"]) & EndpointBit.ISN_KNOWN else None

    def relative(self, flow: int, side: int, number: int) -> int:
        """A sequence number of `side` relative to its ISN; as it is where the ISN is unknown."""
        isn = self.isn(flow, side)
        return number if isn is None else (number - isn) & 0xFFFFFFFF

    def state(self, flow: int, side: int) -> State:
        """The last state of one side."""
        return State(int(self.tables.endpoint(flow, side)["state"]))

    def chain(self, flow: int) -> list[int]:
        """The flows on the same 4-tuple before this one, the latest first."""
        earlier, before = [], int(self.flows["previous"][flow])
        while before >= 0:
            earlier.append(before)
            before = int(self.flows["previous"][before])
        return earlier

    # evidence ----------------------------------------------------------------------------------------------------

    def evidence(self, event: np.void, note: str, numbers_of: int | None = None) -> Evidence:
        """The segment behind an event. `numbers_of`: the flow whose ISNs the numbers are relative to, or RAW."""
        flow, sender = int(event["flow"]), int(event["sender"])
        base = flow if numbers_of is None else numbers_of
        text = notation.numbers(
            int(event["flags"]),
            int(event["seq"]),
            int(event["ack"]),
            int(event["payload_len"]),
            int(event["window"]),
            None if base == RAW else self.isn(base, sender),
            None if base == RAW else self.isn(base, 1 - sender),
        )
        segment = notation.line(self.role(flow, sender), self.role(flow, 1 - sender), text)
        return Evidence(int(event["frame"]), int(event["ts_ns"]), note, segment, flow)

    def frame(self, flow: int, number: int, note: str, ts_ns: int | None = None) -> Evidence:
        """A frame by its number: with its segment where it brought an event, else the number and the note alone."""
        for row in range(*self._of_frame(number)):
            if self.events["flow"][row] == flow:
                return self.evidence(self.events[row], note)
        return Evidence(int(number), None if ts_ns is None else int(ts_ns), note, None, flow)

    def absence(self, ts_ns: int | None, note: str, flow: int | None = None) -> Evidence:
        """Something that did not happen."""
        return Evidence(None, None if ts_ns is None else int(ts_ns), note, None, flow)

    # doubts ------------------------------------------------------------------------------------------------------

    def doubts(self, streams: np.ndarray) -> list[Doubt]:
        """What the capture could not show of these flows."""
        found = list(self._capture_doubts)
        if not len(streams):
            return found
        if not np.all(self.flow_bits[streams] & int(FlowBit.ROLES_KNOWN)):
            found.append(confidence.ROLES_GUESSED)
        if np.any(self.one_sided[streams]):
            found.append(confidence.ONE_SIDED)
        first = self._flow_columns["detail"][streams].astype(np.int64)
        first = first[first >= 0]
        both = np.concatenate([first, first + 1])
        if np.any(self.tables.details["unseen_bytes"][both] > 0):
            found.append(confidence.HOLES)
        if np.any(self.tables.details["events_full"][both]):
            found.append(confidence.ROWS_CAPPED)
        if np.any(self.flows["copies"][streams]):
            found.append(confidence.COPIES)
        return found

    @cached_property
    def _capture_doubts(self) -> tuple[Doubt, ...]:
        files, found = self.tables.files, []
        if any(i.dropped_interface or i.dropped_os for f in files for i in f.interfaces):
            found.append(confidence.DROPS)
        if any(f.largest_backward_step_ns >= CLOCK_STEP_MS * 1_000_000 for f in files):
            found.append(confidence.CLOCK)
        if any(place.resynchronised for f in files for place in f.damage):
            found.append(confidence.DAMAGED)
        if any(not place.resynchronised for f in files for place in f.damage) or not all(f.complete for f in files):
            found.append(confidence.BROKEN_OFF)
        if any(_headers_cut(f) for f in files):
            found.append(confidence.OPTIONS_CUT)
        return tuple(found)

    @cached_property
    def one_sided(self) -> np.ndarray:
        """Flows of which one direction is missing, although the other acknowledges it; shape (flows,)."""
        packets = self.side("packets")
        silent = packets == 0
        acknowledges = self.has(EndpointBit.ACKED)
        found: np.ndarray = (silent[:, 1] & acknowledges[:, 0]) | (silent[:, 0] & acknowledges[:, 1])
        return found


def _headers_cut(file: CaptureFile) -> bool:
    """Whether the snap length of this file can cut TCP headers, and cut any packet."""
    shortest = min((i.snaplen for i in file.interfaces if i.snaplen), default=HEADER_BYTES)
    return file.truncated_packets > 0 and shortest < HEADER_BYTES
