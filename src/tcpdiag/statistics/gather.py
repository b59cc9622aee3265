"""Every segment of the chosen connections, once through the counting kernel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import kernels
from ..again import parts
from ..capture.reader import Progress
from ..flows.growing import GrowingTable
from ..model.statistics import CONNECTION, MOST_RANGES, SENT, STATISTIC
from ..model.tables import Tables

FIRST_RANGES = 16 * MOST_RANGES


@dataclass(frozen=True)
class Gathered:
    """Sums of the connections `streams`: `connections[i]` is of `streams[i]`, `ends[2 * i + side]` of its sides."""

    streams: np.ndarray
    ends: np.ndarray
    connections: np.ndarray
    frame_bytes: np.ndarray  # by row of `ends`: of its frames as they were on the wire, all headers included

    def part(self, start: int, stop: int) -> "Gathered":
        """Those of `streams[start:stop]`."""
        ends = slice(2 * start, 2 * stop)
        some = slice(start, stop)
        return Gathered(self.streams[some], self.ends[ends], self.connections[some], self.frame_bytes[ends])


class Counter:
    """Counts the segments of chosen connections. Give it all of them, in capture order.

    Memory: some 640 bytes an endpoint, 40 a range in flight, at most MOST_RANGES of these for one endpoint.
    """

    def __init__(self, tables: Tables, streams: np.ndarray) -> None:
        self._streams = streams
        self._places = np.zeros(len(tables.flows), np.int64)
        self._places[streams] = np.arange(len(streams))
        self._ends, self._connections = np.zeros(2 * len(streams), STATISTIC), np.zeros(len(streams), CONNECTION)
        self._connections["client"] = tables.client_side[streams]
        self._frame_bytes = np.zeros(2 * len(streams), np.int64)
        self._sent = GrowingTable(SENT, FIRST_RANGES)
        self._module = kernels.load("counting")
        self._kernel = self._module.Counting()
        self._bind(self._sent.rows)

    def feed(self, rows: np.ndarray, streams: np.ndarray, sides: np.ndarray, lengths: np.ndarray) -> None:
        """rows: SEGMENT. streams, sides: whose each is. lengths: of its frame on the wire."""
        places = self._places[streams]
        np.add.at(self._frame_bytes, 2 * places + sides, lengths)
        columns = kernels.arrays(self._module, np.ascontiguousarray(rows), places, np.ascontiguousarray(sides))
        done = 0
        while (done := self._kernel.feed(*columns, done)) < len(rows):
            self._bind(np.zeros(0, SENT))
            self._sent.grow(2 * len(self._sent))
            self._bind(self._sent.rows)

    def gathered(self) -> Gathered:
        """The sums."""
        return Gathered(self._streams, self._ends, self._connections, self._frame_bytes)

    @property
    def ranges(self) -> int:
        """How many ranges there was room for at once."""
        return len(self._sent)

    def _bind(self, sent: np.ndarray) -> None:
        self._kernel.bind(*kernels.arrays(self._module, self._ends, self._connections, sent))


def gather(
    tables: Tables, paths: Sequence[str], streams: np.ndarray, *, on_progress: Progress | None = None
) -> Gathered:
    """Read the segments of these streams again and count them.

    Raises UsageError for standard input, which is gone by now, and for a report from JSON; UnreadableInput for a file
    that is gone.
    """
    counter = Counter(tables, streams)
    chosen = None if len(streams) == len(tables.flows) else streams
    for part in parts(tables, paths, chosen, on_progress=on_progress):
        records = part.batch.records
        places = np.searchsorted(records["frame"], part.rows["frame"])  # a pcapng block without a packet has one, too
        counter.feed(part.rows, part.streams, part.sides, records["wire_len"][places])
    return counter.gathered()
