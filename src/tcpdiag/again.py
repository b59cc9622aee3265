"""The segments of chosen connections, read from the capture again: what every second look begins with.

The first pass keeps no segments. Its flow table tells whose each one is: the connection on its pair of endpoints that
had begun last.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from .capture.again import reader_again
from .capture.decoder import Decoder
from .capture.reader import Batch, Progress
from .errors import TcpdiagError, UsageError
from .model.segment import Origin
from .model.tables import Tables
from .sets import mixed


class Part(NamedTuple):
    """What one batch of the capture holds of the chosen connections. All arrays have the same length."""

    batch: Batch  # the packets as read: `rows["payload_offset"]` counts in its buffer, which goes on with the datagrams
    # that were put together from fragments
    rows: np.ndarray  # SEGMENT, in capture order; valid until four further parts were taken
    streams: np.ndarray  # i8
    sides: np.ndarray  # u1, of the sender


def parts(
    tables: Tables,
    paths: Sequence[str],
    streams: np.ndarray | None = None,
    *,
    decoder: Decoder | None = None,
    on_progress: Progress | None = None,
) -> Iterator[Part]:
    """The segments of these streams, batch by batch, to the last frame of them; None: of all streams.

    A part may be empty. Headers that an ICMP error quotes are no segments of a connection. decoder: one whose findings
    beside the segments are wanted too. Of redacted tables the rows have the addresses of these.

    Raises UsageError for standard input, which is gone by now, and for a report from JSON; UnreadableInput for a file
    that is gone.
    """
    tables.whole("segments")
    if tables.captured is None:
        yield from _parts(Owners(tables.flows, streams), paths, decoder, on_progress)
        return
    try:
        for part in _parts(Owners(tables.captured, streams), paths, decoder, on_progress):
            for ends, sides in (("src", part.sides), ("dst", 1 - part.sides)):
                for half in ("hi", "lo"):
                    part.rows[f"{ends}_{half}"] = tables.flows[f"addr_{half}"][part.streams, sides]
            yield part
    except TcpdiagError:  # it names the file
        raise UsageError("the capture cannot be read again") from None


def _parts(
    owners: "Owners", paths: Sequence[str], decoder: Decoder | None, on_progress: Progress | None
) -> Iterator[Part]:
    decoder = decoder or Decoder(keep_joined=True)
    if not owners.last_frame:
        return
    with reader_again(paths, on_progress=on_progress) as reader:
        for batch in reader:
            rows = decoder.decode(batch)
            if decoder.joined:
                batch = batch._replace(buffer=np.concatenate([batch.buffer, *decoder.joined]))
            streams, sides = owners.of(rows)
            if (streams < 0).any():
                kept = streams >= 0
                rows, streams, sides = rows[kept], streams[kept], sides[kept]
            yield Part(batch, rows, streams, sides)
            if batch.records["frame"][-1] >= owners.last_frame:
                return


class Owners:
    """Whose segments are whose: the directed pairs of endpoints of the flow table, by a hash of them and by frame."""

    def __init__(self, flows: np.ndarray, streams: np.ndarray | None) -> None:
        wanted = np.ones(len(flows), bool)
        if streams is not None:
            wanted[:] = False
            wanted[streams] = True
        self._flows = flows
        self._wanted = wanted
        self.last_frame = int(flows["last_frame"][wanted].max(initial=0))
        self._asymmetric = bool((flows["tunnel"] != flows["tunnel_back"]).any())
        chosen = np.arange(len(flows)) if self._asymmetric else np.flatnonzero(self._related())
        keys = [_flow_keys(flows[chosen], side, tunnel) for side, tunnel in ((1, "tunnel_back"), (0, "tunnel"))]
        self._keys, places = np.unique(np.concatenate(keys), return_inverse=True)
        places = places.reshape(-1).astype(np.uint64)
        # Of a connection with itself the last one counts: it is all of side 0.
        owner, side = np.concatenate([chosen, chosen]), np.repeat(np.array([1, 0], np.uint8), len(chosen))
        if self._asymmetric:
            kept = self._oldest(places, owner)
            places, owner, side = places[kept], owner[kept], side[kept]
        ranks = places << np.uint64(32) | flows["first_frame"][owner].astype(np.uint64)
        order = np.argsort(ranks, kind="stable")
        self._ranks, self._owner, self._side = ranks[order], owner[order], side[order]

    def _related(self) -> np.ndarray:
        """The wanted flows, and those after them on the same pair of endpoints, which end them."""
        related = self._wanted.copy()
        previous = self._flows["previous"].astype(np.int64)
        after = np.flatnonzero(previous >= 0)
        related[after] |= self._wanted[previous[after]]
        return related

    def _oldest(self, places: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """Of several lineages that a segment may be of, the one that began first has it.

        A connection in a tunnel with another identifier for each direction may go on beside one that has both
        directions in one of them.
        """
        roots = np.arange(len(self._flows))
        for flow, previous in enumerate(self._flows["previous"].tolist()):
            if previous >= 0:
                roots[flow] = roots[previous]
        first = np.full(len(self._keys), len(self._flows))
        np.minimum.at(first, places, roots[owner])
        return np.flatnonzero(roots[owner] == first[places])

    def of(self, rows: np.ndarray, *, quoted: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Stream of each SEGMENT row (i8), -1 for one that is not wanted, and side of its sender (u1).

        quoted: whether headers that an ICMP error quotes belong to their connection, late ones included.
        """
        streams, sides = np.full(len(rows), -1), np.zeros(len(rows), np.uint8)
        if not len(self._keys):
            return streams, sides
        frames, keys = rows["frame"], _row_keys(rows)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        ranks = place.astype(np.uint64) << np.uint64(32) | frames.astype(np.uint64)
        at = np.maximum(np.searchsorted(self._ranks, ranks, side="right") - 1, 0)
        owner, side = self._owner[at], self._side[at]
        mine = self._wanted[owner] & (frames >= self._flows["first_frame"][owner])
        is_quoted = (rows["origin"] & Origin.QUOTED) != 0
        mine &= np.where(is_quoted, quoted, frames <= self._flows["last_frame"][owner])
        mine &= _are_of(rows, self._flows, owner, side)
        streams[mine], sides[mine] = owner[mine], side[mine]
        return streams, sides


def _are_of(rows: np.ndarray, flows: np.ndarray, owner: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Whether each row is of its owner among the flows, sent by that side: two pairs of endpoints may have one hash."""
    tunnels = rows["tunnel"]
    mask: np.ndarray = rows["family"] == flows["family"][owner]
    for ends, sides, port in (("src", side, "sport"), ("dst", 1 - side, "dport")):
        mask &= rows[port] == flows["port"][owner, sides]
        for half in ("hi", "lo"):
            mask &= rows[f"{ends}_{half}"] == flows[f"addr_{half}"][owner, sides]
    mask &= (tunnels == flows["tunnel"][owner]) | (tunnels == flows["tunnel_back"][owner])
    return mask


def _row_keys(rows: np.ndarray) -> np.ndarray:
    columns = (rows[name] for name in ("src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "tunnel"))
    return mixed(*columns)


def _flow_keys(flows: np.ndarray, side: int, tunnel: str) -> np.ndarray:
    ends = [flows[f"addr_{half}"][:, each] for each in (side, 1 - side) for half in ("hi", "lo")]
    return mixed(*ends, flows["port"][:, side], flows["port"][:, 1 - side], flows[tunnel])
