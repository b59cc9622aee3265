"""Judges segments in capture order, with what the kernels remember between them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import kernels
from ..again import Part, parts
from ..capture.reader import Progress
from ..kernels.verdict_memory import CONVERSATION, FLIGHT, SENT, SHARK, WATCH, ConversationBit
from ..model.event import EventKind
from ..model.flow import EndpointBit, FlowBit
from ..model.segment import Option
from ..model.tables import Tables
from ..model.verdict import VERDICT

_FIRST_SENT = 4096
_COPIES = 4096  # latest packets remembered to recognise copies, as in the first pass
_NO_SCALE = 255
_MAX_SCALE = 14  # RFC 7323 section 2.3


class JudgedPart(NamedTuple):
    """A part of the capture with a verdict for each of its segments."""

    part: Part
    verdicts: np.ndarray  # VERDICT, as many rows as the part


class Judge:
    """Judges the segments of these streams, fed in capture order.

    wireshark: by Wireshark's rules; else by ours. Memory: 90 or 190 bytes a direction, and 32 for each segment that
    is not acknowledged, of which at most 10,000 a direction are remembered.
    """

    def __init__(self, tables: Tables, streams: np.ndarray, *, wireshark: bool = False) -> None:
        self._rows = np.full(len(tables.flows), -1)
        self._rows[streams] = np.arange(len(streams))
        self._sent = np.zeros(0, SENT)
        conversations = np.zeros(len(streams), CONVERSATION)
        conversations["bits"][(tables.flows["bits"][streams] & FlowBit.REUSED) != 0] = ConversationBit.REUSED
        flights = np.zeros(2 * len(streams), FLIGHT)
        self._challenges = None if wireshark else _Challenges(tables)
        self._module = kernels.load("wireshark" if wireshark else "verdicts")
        if wireshark:
            self._kernel = self._module.Wireshark()
            self._kernel.bind(*self._given(conversations, np.zeros(2 * len(streams), SHARK), flights))
        else:
            self._kernel = self._module.Verdicts()
            self._kernel.bind(*self._given(conversations, _watches(tables, streams), flights))
            memory = (np.zeros(_COPIES, np.uint64), np.zeros(_COPIES, np.int64), np.zeros(_COPIES, np.uint32))
            self._kernel.use_memory(*self._given(*memory))

    @property
    def remembered(self) -> int:
        """Segments for which there was a place at once so far: those that were not acknowledged."""
        return int(self._kernel.n_sent) - 1

    def judge(self, rows: np.ndarray, streams: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """VERDICT rows of these SEGMENT rows, which follow those judged before; all of the streams named."""
        found = np.zeros(len(rows), VERDICT)
        self._make_room(len(rows))
        given = [np.ascontiguousarray(rows), self._rows[streams], np.ascontiguousarray(sides, np.uint8)]
        if self._challenges is not None:
            given.append(self._challenges.answered(rows["frame"], streams))
        self._kernel.judge(*self._given(*given, found))
        return found

    def _given(self, *values: np.ndarray) -> tuple[Any, ...]:
        return kernels.arrays(self._module, *values)

    def _make_room(self, count: int) -> None:
        """A row for each segment to come, so that the kernel never runs past the end."""
        needed = self._kernel.n_sent + count
        if needed > len(self._sent):
            grown = np.zeros(max(needed, 2 * len(self._sent), _FIRST_SENT), SENT)
            grown[: len(self._sent)] = self._sent
            self._sent = grown
            self._kernel.use(*self._given(grown))


class _Challenges:
    """Which segments are challenge ACKs, and of what: the first pass knows what each endpoint had to refuse."""

    def __init__(self, tables: Tables) -> None:
        events = tables.events_by(EventKind.CHALLENGE_ACK)
        keys = _key(events["frame"], events["flow"])
        order = np.argsort(keys, kind="stable")
        self._keys, self._refs = keys[order], events["ref"][order]

    def answered(self, frames: np.ndarray, streams: np.ndarray) -> np.ndarray:
        """Frame that each segment challenges (u4); 0: it is no challenge ACK."""
        if not len(self._keys):
            return np.zeros(len(frames), np.uint32)
        keys = _key(frames, streams)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found: np.ndarray = np.where(self._keys[at] == keys, self._refs[at], 0).astype(np.uint32)
        return found


def _key(frames: np.ndarray, streams: np.ndarray) -> np.ndarray:
    """One u8 for the segment of this stream in this frame."""
    key: np.ndarray = frames.astype(np.uint64) << np.uint64(32) | streams.astype(np.uint64)
    return key


def _watches(tables: Tables, streams: np.ndarray) -> np.ndarray:
    """What is known beforehand: how each direction scales its windows."""
    watches = np.zeros((len(streams), 2), WATCH)
    ends = tables.endpoints.reshape(-1, 2)[streams]
    known = ((ends["bits"] & EndpointBit.SCALE_KNOWN) != 0) & ~_offer_unread(ends)
    scaled = (ends["wscale"] != _NO_SCALE).all(1, keepdims=True)
    shift = np.where(scaled, np.minimum(ends["wscale"], _MAX_SCALE), 0)
    watches["scale"] = np.where(known, 1 + shift, 0)
    return watches.reshape(-1)


def _offer_unread(ends: np.ndarray) -> np.ndarray:
    """Whether a SYN of the connection was captured without all of its options: it may have offered a scale (bool)."""
    unread = ((ends["options"] & Option.UNPARSABLE) != 0) & (ends["wscale"] == _NO_SCALE)
    found: np.ndarray = unread.any(1, keepdims=True)
    return found


def verdicts(
    tables: Tables,
    paths: Sequence[str],
    streams: np.ndarray | None = None,
    *,
    wireshark: bool = False,
    on_progress: Progress | None = None,
) -> Iterator[JudgedPart]:
    """The segments of these streams with their verdicts, batch by batch; None: of all streams. In capture order.

    wireshark: by Wireshark's rules. Raises as `again.parts` does.
    """
    chosen = np.arange(len(tables.flows)) if streams is None else streams
    judge = Judge(tables, chosen, wireshark=wireshark)
    for part in parts(tables, paths, streams, on_progress=on_progress):
        yield JudgedPart(part, judge.judge(part.rows, part.streams, part.sides))
