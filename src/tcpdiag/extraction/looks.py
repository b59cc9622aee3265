"""The packets to take, found in the capture: one look for what a single pass cannot know, and one to take them.

A look decodes the capture again and asks whose each segment is (`again.Owners`). What it tells beyond that:
fragments belong to the connection of the datagram that they make, and only the last of them tells which that is.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from ..again import Owners
from ..capture.again import reader_again
from ..capture.decoder import Decoder
from ..capture.fragments import MAX_DATAGRAMS, MAX_PIECES, Key, Reassembler, key_of
from ..capture.reader import Batch, Progress
from ..model.segment import Origin
from ..model.tables import Tables
from .contents import Contents, Filling

PIECES_MAX: Final = 2 * MAX_PIECES
"""Fragments of one datagram that are remembered: repeated ones count."""


class Piece(NamedTuple):
    """One fragment of a datagram."""

    frame: int
    at: int  # offset in the datagram
    length: int


class Datagram(NamedTuple):
    """A datagram put together: its IP header with all data, and the fragments that it came in."""

    whole: bytes
    pieces: tuple[Piece, ...]


class Datagrams(Reassembler):
    """Remembers what each datagram was put together from. `done`: by the frame of its last fragment."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: OrderedDict[Key, list[Piece]] = OrderedDict()
        self.done: dict[int, Datagram] = {}

    def add(self, fragment: np.void, buffer: np.ndarray, frame: int, file: int) -> bytes | None:
        """See `Reassembler.add`."""
        key = key_of(fragment)
        pieces = self._pieces.setdefault(key, [])
        if len(pieces) < PIECES_MAX:
            pieces.append(Piece(frame, int(fragment["at"]), int(fragment["length"])))
            if frame in self.done:  # it came in fragments itself
                pieces += [piece._replace(length=0) for piece in self.done[frame].pieces]
        whole = super().add(fragment, buffer, frame, file)
        if whole is not None:
            self.done[frame] = Datagram(whole, tuple(pieces))
            del self._pieces[key]
        elif len(self._pieces) > MAX_DATAGRAMS:
            self._pieces.popitem(last=False)
        return whole


@dataclass(frozen=True)
class Choice:
    """Which packets: all of some connections, single frames, or both."""

    streams: np.ndarray  # i8, ascending
    frames: np.ndarray  # i8, ascending
    whole: bool = True  # False: of the connections only the frames


class Seen(NamedTuple):
    """One batch, the segments of the connections in question, and which of them to take. Valid until the next one."""

    batch: Batch
    rows: np.ndarray  # SEGMENT, quoted headers included
    streams: np.ndarray  # i8; -1 for what belongs to no connection that is known
    sides: np.ndarray  # u1
    taken: np.ndarray  # bool


def look(
    tables: Tables, paths: Sequence[str], choice: Choice, decoder: Decoder, progress: Progress | None
) -> Iterator[Seen]:
    """All batches, to the end of the capture; of an analysis that was interrupted, as far as that came."""
    owners = Owners(tables.flows, None)
    wanted = np.zeros(len(tables.flows) + 1, np.bool_)  # the last one is that of stream -1
    wanted[choice.streams] = True
    complete = all(file.complete for file in tables.files)
    last = max(int(tables.flows["last_frame"].max(initial=0)), int(tables.events["frame"].max(initial=0)))
    with reader_again(paths, on_progress=progress) as reader:
        for batch in reader:
            rows = decoder.decode(batch)
            streams, sides = owners.of(rows, quoted=True)
            named = np.isin(rows["frame"], choice.frames)
            some = wanted[streams] | named
            take = wanted[streams] | named if choice.whole else named
            yield Seen(batch, rows[some], streams[some], sides[some], take[some])
            if not complete and batch.records["frame"][-1] >= last:
                return


def widened(tables: Tables, paths: Sequence[str], choice: Choice, progress: Progress | None) -> Choice:
    """With all of every connection that one of the frames is of: part of one would look like a fault of its own."""
    streams = {-1, *choice.streams.tolist()}
    for seen in look(tables, paths, replace(choice, whole=False), Decoder(), progress):
        streams.update(np.unique(seen.streams[seen.taken]).tolist())
    return replace(choice, streams=np.array(sorted(streams - {-1}), np.int64))


@dataclass
class Found:
    """What the first look gave."""

    packets: int = 0
    interfaces: set[int] = field(default_factory=set)
    first_ts_ns: int = 0  # of the earliest packet
    streams: dict[int, int] = field(default_factory=dict)  # of fragments of whole datagrams, by frame
    fillings: dict[int, Filling] = field(default_factory=dict)


def first_look(
    tables: Tables,
    paths: Sequence[str],
    choice: Choice,
    contents: Contents | None,
    take: Callable[[int, Datagram, Mapping[int, Filling]], None],
    progress: Progress | None,
) -> Found:
    """What a single pass cannot know.

    contents: tells where payload must not be zeros. take: called with each datagram of the choice that came in
    fragments, the frame of the last of them, and the fillings so far.
    """
    found, datagrams = Found(), Datagrams()
    for seen in look(tables, paths, choice, Decoder(reassembler=datagrams), progress):
        records = taken(seen, choice, {})
        if len(records):
            earliest = int(records["ts_ns"].min())
            found.first_ts_ns = min(found.first_ts_ns, earliest) if found.packets else earliest
            found.packets += len(records)
            found.interfaces.update(np.unique(records["interface"]).tolist())
        if contents is not None and contents.any:
            found.fillings.update(contents.look(seen.rows, seen.streams, seen.sides))
        for index in np.flatnonzero(seen.taken & ((seen.rows["origin"] & Origin.REASSEMBLED) != 0)).tolist():
            frame = int(seen.rows["frame"][index])
            if frame in datagrams.done:
                datagram = datagrams.done[frame]
                found.streams.update((piece.frame, int(seen.streams[index])) for piece in datagram.pieces)
                take(frame, datagram, found.fillings)
        datagrams.done.clear()
    return found


def taken(seen: Seen, choice: Choice, fragments: dict[int, int]) -> np.ndarray:
    """The packets (RECORD) to take of a batch."""
    frames = seen.batch.records["frame"]
    mask = np.isin(frames, seen.rows["frame"][seen.taken]) | np.isin(frames, choice.frames)
    if fragments:
        mask |= np.isin(frames, np.fromiter(fragments, np.int64, len(fragments)))
    records: np.ndarray = seen.batch.records[mask]
    return records
