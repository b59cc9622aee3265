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


def gather(
    tables: Tables, paths: Sequence[str], streams: np.ndarray, *, on_progress: Progress | None = None
) -> Gathered:
    """Read the segments of these streams again and count them.

    Memory: 618 bytes an endpoint, 40 a range in flight, at most MOST_RANGES of these for one endpoint.

    Raises UsageError for standard input, which is gone by now, and for a report from JSON; UnreadableInput for a file
    that is gone.
    """
    module = kernels.load("counting")
    ends, connections = np.zeros(2 * len(streams), STATISTIC), np.zeros(len(streams), CONNECTION)
    connections["client"] = tables.client_side[streams]
    places = np.zeros(len(tables.flows), np.int64)
    places[streams] = np.arange(len(streams))
    frame_bytes = np.zeros(len(ends), np.int64)
    sent = GrowingTable(SENT, FIRST_RANGES)
    kernel = module.Counting()
    kernel.bind(*kernels.arrays(module, ends, connections, sent.rows))
    chosen = None if len(streams) == len(tables.flows) else streams
    for part in parts(tables, paths, chosen, on_progress=on_progress):
        rows = places[part.streams]
        records = part.batch.records
        lengths = records["wire_len"][np.searchsorted(records["frame"], part.rows["frame"])]
        np.add.at(frame_bytes, 2 * rows + part.sides, lengths)
        columns = kernels.arrays(module, np.ascontiguousarray(part.rows), rows, part.sides)
        done = 0
        while (done := kernel.feed(*columns, done)) < len(part.rows):
            kernel.bind(*kernels.arrays(module, ends, connections, np.zeros(0, SENT)))
            sent.grow(2 * len(sent))
            kernel.bind(*kernels.arrays(module, ends, connections, sent.rows))
    return Gathered(streams, ends, connections, frame_bytes)
