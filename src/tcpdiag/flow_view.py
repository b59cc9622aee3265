"""Flow and FlowTable: connections as people look at them, made from the columns only when asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from . import flow_columns, units
from .errors import UsageError
from .flow_columns import COUNTS, RTT, SIDES, UNKNOWN, StateIndex
from .model.event import EventBit
from .model.finding import Finding
from .model.flow import FlowBit
from .model.states import State
from .model.tables import Tables

if TYPE_CHECKING:
    import pandas as pd

    from .capture.reader import Progress
    from .figures.flow_plots import FlowPlots
    from .hints.hint import FlowHints
    from .statistics.table import WideTable
    from .streams import Conversation, Stream
    from .timeline import Moment
    from .verdicts import VerdictArrays


@dataclass(frozen=True)
class FlowState:
    """One endpoint enters a state. `certain`: the capture proves it; otherwise it is presumed.

    `frame` is None where a timer, not a segment, brought it.
    """

    state: State
    ts_ns: int
    frame: int | None
    certain: bool


class Flow:
    """One connection: who, when, how much, and what each endpoint's TCP believed."""

    def __init__(
        self,
        tables: Tables,
        states: StateIndex,
        stream: int,
        paths: Sequence[str],
        findings: Sequence[Finding] = (),
    ) -> None:
        self._number = stream
        self._all_findings = findings
        self.tables = tables
        self._states = states
        self.paths = paths
        self._row = tables.flows[stream]
        client = int(tables.client_side[stream])
        self._sides = (client, 1 - client)

    def __repr__(self) -> str:
        return f"<Flow {self._number}: {self.client} > {self.server}>"

    def _repr_html_(self) -> str:
        from .notebook import of_flow

        return of_flow(self)

    @property
    def number(self) -> int:
        """Wireshark's `tcp.stream`."""
        return self._number

    def stream(self, side: str) -> "Stream":
        """What "client" or "server" sent: iterates over chunks, see `tcpdiag.streams.Stream`.

        Raises UsageError when there is no such side, for a redacted report, and, when iterated, for a capture that
        cannot be read twice.
        """
        from .streams import Stream

        return Stream(self.tables, self._number, self.paths, side)

    def follow(self, *sides: str, on_progress: "Progress | None" = None) -> "Conversation":
        """The bytes of both directions in the order in which they were complete; see `tcpdiag.streams.Conversation`.

        sides: only of these. on_progress: as of `analyze`. Raises UsageError for a redacted report, and, when iterated,
        for a capture that cannot be read twice.
        """
        from .streams import Conversation

        return Conversation(self.tables, self._number, self.paths, sides=sides or SIDES, on_progress=on_progress)

    @property
    def client(self) -> str:
        """`ip:port` of the side that opened the connection, or is guessed to have; see `roles_known`."""
        return self._endpoint(self._sides[0])

    @property
    def server(self) -> str:
        """`ip:port` of the other side."""
        return self._endpoint(self._sides[1])

    @property
    def roles_known(self) -> bool:
        """Whether a SYN told who opened the connection."""
        return bool(self._row["bits"] & FlowBit.ROLES_KNOWN)

    @property
    def midstream(self) -> bool:
        """Whether the connection is older than the capture."""
        return bool(self._row["bits"] & FlowBit.MIDSTREAM)

    @property
    def tunnel(self) -> str | None:
        """The encapsulations around it, outermost first."""
        row = int(self._row["tunnel"])
        return str(self.tables.tunnels[row]) if 0 < row < len(self.tables.tunnels) else None

    @property
    def first_ts_ns(self) -> int:
        """Time of its first segment, epoch nanoseconds."""
        return int(self._row["first_ts_ns"])

    @property
    def last_ts_ns(self) -> int:
        """Time of its last segment, epoch nanoseconds."""
        return int(self._row["last_ts_ns"])

    @property
    def frames(self) -> tuple[int, int]:
        """Its first and last frame."""
        return int(self._row["first_frame"]), int(self._row["last_frame"])

    @property
    def previous(self) -> int | None:
        """The stream before this one on the same pair of endpoints."""
        stream = int(self._row["previous"])
        return None if stream < 0 else stream

    @cached_property
    def lineage(self) -> tuple[int, ...]:
        """All earlier streams on the same pair of endpoints, the nearest first."""
        found: list[int] = []
        stream = int(self._row["previous"])
        while stream >= 0 and len(found) < len(self.tables.flows):
            found.append(stream)
            stream = int(self.tables.flows["previous"][stream])
        return tuple(found)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Those that are about this connection, in rank order."""
        return tuple(finding for finding in self._all_findings if self._number in finding.streams)

    @cached_property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Packets, bytes, retransmissions, ... as (client, server), by name; see `flow_columns`."""
        columns = flow_columns.by_side(self.tables, np.array([self._number]))
        return {name: (int(columns[name][0][0]), int(columns[name][1][0])) for name in COUNTS}

    @cached_property
    def rtt_ns(self) -> dict[str, dict[str, int] | None]:
        """Round trip from the tap to each side and back: `{"client": {"min", "mean", "max", "samples"}, ...}`."""
        columns = flow_columns.by_side(self.tables, np.array([self._number]))
        found: dict[str, dict[str, int] | None] = {}
        for index, side in enumerate(SIDES):
            low, mean, high, samples = (int(columns[name][index][0]) for name in RTT)
            found[side] = {"min": low, "mean": mean, "max": high, "samples": samples} if samples else None
        return found

    @cached_property
    def states(self) -> dict[str, tuple[FlowState, ...]]:
        """What each endpoint went through: `{"client": (...), "server": (...)}`. Empty: nothing was seen of it."""
        return {name: tuple(self._states_of(side)) for name, side in zip(SIDES, self._sides, strict=True)}

    def state(self, side: str) -> State:
        """The last state of "client" or "server" that its segments tell, as the lists of flows have it; UNSEEN: nothing
        was seen of it. What a timer is presumed to have brought since is in `states` alone."""
        ends = self.tables.endpoints["state"]
        return State(int(ends[2 * self._number + self._sides[SIDES.index(side)]]))

    def timeline(self, *, fold: bool = True) -> "list[Moment]":
        """Every segment in order, with both states after it, verdicts, events, findings: read from the capture again.

        fold: stretches that say nothing new are one line. Raises UsageError when the capture cannot be read twice.
        """
        from .timeline import timeline

        return timeline(self.tables, self._number, self.paths, self.findings, fold=fold)

    def timeline_frame(self, *, fold: bool = True) -> "pd.DataFrame":
        """The same as a DataFrame. Its columns: `help(tcpdiag.dataframes.timeline_frame)`."""
        from .dataframes import timeline_frame

        return timeline_frame(self.timeline(fold=fold))

    def sibling(self, stream: int) -> "Flow":
        """Another connection of the same capture."""
        return Flow(self.tables, self._states, checked_stream(self.tables, stream), self.paths, self._all_findings)

    @cached_property
    def plot(self) -> "FlowPlots":
        """Its plots: `flow.plot.sequence()` and others return matplotlib Axes; see `tcpdiag.figures.flow_plots`."""
        from .figures.flow_plots import FlowPlots

        return FlowPlots(self)

    def events(self) -> "pd.DataFrame":
        """What its segments brought about, as a DataFrame. Its columns: `help(tcpdiag.dataframes.events_frame)`."""
        from .dataframes import events_frame

        return events_frame(self.tables, self.tables.whole("events").events_of(self._number))

    def segments(self, *, wireshark: bool = False, on_progress: "Progress | None" = None) -> "pd.DataFrame":
        """Its segments with a verdict on each, read from the capture again: `help(tcpdiag.second_look.segments)`.

        wireshark: Wireshark's verdicts instead of ours. on_progress: called with the bytes read and the bytes in all.
        Raises UsageError when the capture cannot be read twice.
        """
        from .second_look import segments

        return segments(self.tables, self._number, self.paths, wireshark=wireshark, on_progress=on_progress)

    @cached_property
    def hints(self) -> "FlowHints":
        """What the first bytes of each direction tell: TLS server name, HTTP host and path, ...; read from the capture
        again. None for a side that sent nothing, and for a connection that is older than the capture.

        Raises UsageError when the capture cannot be read twice.
        """
        from .hints.labels import hints_of_flow

        return hints_of_flow(self.tables, self._number, self.paths)

    def _endpoint(self, side: int) -> str:
        row = self._row
        hi, lo, port = (int(row[name][side]) for name in ("addr_hi", "addr_lo", "port"))
        return units.endpoint(int(row["family"]), hi, lo, port)

    def _states_of(self, side: int) -> Iterator[FlowState]:
        rows, _ = self._states.rows_of(np.array([2 * self._number + side]))
        for event in self.tables.events[rows]:
            yield FlowState(
                State(int(event["state"])),
                int(event["ts_ns"]),
                int(event["frame"]) or None,
                bool(event["bits"] & EventBit.CERTAIN),
            )


class FlowTable:
    """All flows of a report, or those that a filter chose. Iterable; `len()`; `[n]` is the n-th of them."""

    def __init__(
        self,
        tables: Tables,
        states: StateIndex,
        streams: np.ndarray,
        paths: Sequence[str],
        findings: Sequence[Finding] = (),
    ) -> None:
        self.tables = tables
        self._findings = findings
        self.states = states
        self._paths = paths
        self.streams = streams
        """Stream numbers (i8), in the order in which this iterates."""

    def __repr__(self) -> str:
        return f"<FlowTable: {units.plural(len(self), 'connection')}>"

    def _repr_html_(self) -> str:
        from .notebook import of_flow_table

        return of_flow_table(self)

    def __len__(self) -> int:
        return len(self.streams)

    def __iter__(self) -> Iterator[Flow]:
        return (Flow(self.tables, self.states, int(stream), self._paths, self._findings) for stream in self.streams)

    def __getitem__(self, index: int) -> Flow:
        return Flow(self.tables, self.states, int(self.streams[index]), self._paths, self._findings)

    def sorted_by(self, key: str, limit: int | None = None) -> "FlowTable":
        """The same flows in the order of one of `flow_columns.SORT_KEYS`, at most `limit` of them.

        Counts and durations descend, the others ascend. Raises UsageError for a key that does not exist.
        """
        if key not in flow_columns.SORT_KEYS:
            raise UsageError(f"cannot sort by {key!r}; there are: {', '.join(flow_columns.SORT_KEYS)}")
        return self._with(self.streams[flow_columns.sort_order(self.tables, self.streams, key)][:limit])

    def parts(self, size: int) -> Iterator["FlowTable"]:
        """The same flows in tables of at most `size`; one empty table when there are none."""
        for start in range(0, max(1, len(self.streams)), size):
            yield self.some(start, start + size)

    def some(self, start: int, stop: int) -> "FlowTable":
        """Those from one position to another, as of a slice."""
        return self._with(self.streams[start:stop])

    def columns(self) -> dict[str, np.ndarray]:
        """One column a property: names as in the JSON, client and server apart (`client_bytes`, `server_bytes`).

        Endpoints and states as words (object columns), times in epoch nanoseconds, the rest i8; a number that was
        not measured is `flow_columns.UNKNOWN`.
        """
        tables, streams = self.tables, self.streams
        rows = flow_columns.endpoint_rows(tables, streams)
        words = np.array([str(state) for state in State], dtype=object)
        found: dict[str, np.ndarray] = {"stream": streams}
        for name, side in zip(SIDES, rows, strict=True):
            found[name] = np.array(_endpoint_words(tables, side), dtype=object)
        for name, bit in (("roles_known", FlowBit.ROLES_KNOWN), ("midstream", FlowBit.MIDSTREAM)):
            found[name] = flow_columns.flag(tables, streams, bit).astype(bool)
        for name in ("first_frame", "last_frame", "first_ts_ns", "last_ts_ns"):
            found[name] = tables.flows[name][streams].astype(np.int64)
        previous = tables.flows["previous"][streams].astype(np.int64)
        found["previous"] = np.where(previous < 0, UNKNOWN, previous)
        for name, side in zip(SIDES, rows, strict=True):
            found[f"{name}_state"] = words[tables.endpoints["state"][side]]
        for name, pair in flow_columns.by_side(tables, streams).items():
            found |= {f"{side}_{name}": column for side, column in zip(SIDES, pair, strict=True)}
        return found

    def frame(self, *, wide: bool = False, on_progress: "Progress | None" = None) -> "pd.DataFrame":
        """A pandas DataFrame, one row a connection. Its columns: `help(tcpdiag.dataframes.flows_frame)`.

        wide: also what needs all of its segments, which are read from the capture again, see
        `help(tcpdiag.statistics.frames.wide_frame)`. Raises UsageError when the capture cannot be read twice.
        on_progress: called with the bytes read and the bytes in all.
        """
        from .dataframes import flows_frame

        return self.wide(on_progress=on_progress).frame() if wide else flows_frame(self.columns())

    def wide(self, *, on_progress: "Progress | None" = None) -> "WideTable":
        """The same connections with what needs all of their segments, which are read from the capture again.

        Raises UsageError when the capture cannot be read twice.
        """
        from .statistics.table import WideTable

        return WideTable.of(self, self._paths, on_progress=on_progress)

    def verdicts(self, *, wireshark: bool = False) -> "VerdictArrays":
        """The verdicts on all segments of these flows as arrays, read from the capture again; ours, or Wireshark's.

        Raises UsageError when the capture cannot be read twice.
        """
        from .verdicts import collect

        return collect(self.tables, self._paths, self.streams, wireshark=wireshark)

    def _with(self, streams: np.ndarray) -> "FlowTable":
        return FlowTable(self.tables, self.states, streams, self._paths, self._findings)


def checked_stream(tables: Tables, stream: int) -> int:
    """The stream number, if there is such a stream. Raises UsageError."""
    if not 0 <= stream < len(tables.flows):
        last = len(tables.flows) - 1
        raise UsageError(f"no stream {stream}: " + (f"the last one is {last}" if last >= 0 else "there is none at all"))
    return stream


def _endpoint_words(tables: Tables, endpoints: np.ndarray) -> list[str]:
    index = (endpoints >> 1, endpoints & 1)
    columns = (
        tables.flows["family"][index[0]],
        *(tables.flows[name][index] for name in ("addr_hi", "addr_lo", "port")),
    )
    return [units.endpoint(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
