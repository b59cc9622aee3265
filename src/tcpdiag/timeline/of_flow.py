"""One flow, segment by segment: read from the capture again, what says nothing new folded."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..flow_columns import SIDES
from ..model import notation
from ..model.event import EventBit, EventKind
from ..model.finding import Finding
from ..model.flow import EndpointBit
from ..model.segment import Flag
from ..model.states import State
from ..model.tables import Tables
from ..second_look import raw_segments, sender_of, window_bytes
from ..sets import among
from ..units import NS
from . import words
from .moment import Fold, Moment

FOLD_FROM = 4
"""So many segments that say nothing new, one after the other, become one line."""

SHOWN = 2
"""Of one kind of repetition in a stretch: so many are shown before the others are folded."""

SILENCE_NS = NS
"""RFC 6298 section 2: the initial RTO. A connection at work has something to say more often."""

_OPENS_OR_ENDS = int(Flag.SYN | Flag.FIN | Flag.RST)


def timeline(
    tables: Tables, stream: int, paths: Sequence[str], findings: Iterable[Finding] = (), *, fold: bool = True
) -> list[Moment]:
    """Every segment of a flow in order, with the states of both ends after it, verdicts, events and findings.

    fold: stretches that say nothing new as one line, and long silences said. Raises UsageError and UnreadableInput as
    `second_look.raw_segments` does.
    """
    return list(_Builder(tables, stream, raw_segments(tables, stream, paths), findings).moments(fold))


class _Builder:
    def __init__(self, tables: Tables, stream: int, rows: np.ndarray, findings: Iterable[Finding]) -> None:
        self._tables = tables
        self._stream = stream
        self._rows = rows
        self._client = int(tables.client_side[stream])
        self._side = sender_of(rows, tables.flows[stream])
        self._window_bytes, _ = window_bytes(tables, stream, rows, self._side)
        self._events: dict[int, list[np.void]] = defaultdict(list)
        self._timers: list[np.void] = []
        for event in tables.events_of(stream):
            if event["bits"] & EventBit.WITHDRAWN:
                continue
            if event["frame"]:
                self._events[int(event["frame"])].append(event)
            else:
                self._timers.append(event)
        self._timers.sort(key=lambda event: int(event["ts_ns"]))
        self._findings: dict[int, list[str]] = defaultdict(list)
        for finding in findings:
            if stream in finding.streams:
                for frame in {item.frame for item in finding.evidence} & set(finding.frames):
                    self._findings[int(frame or 0)].append(finding.id)
        self._states = [State.UNSEEN, State.UNSEEN]  # client, server
        self._base = [
            int(end["isn"]) if int(end["bits"]) & (EndpointBit.ISN_KNOWN | EndpointBit.BASE_SET) else None
            for end in (tables.endpoint(stream, side) for side in (0, 1))
        ]

    def moments(self, fold: bool) -> Iterator[Moment]:
        """All lines."""
        last_ns = int(self._rows["ts_ns"][0]) if len(self._rows) else 0
        for moment in self._with_timers(self._folded() if fold else map(self._moment, range(len(self._rows)))):
            if fold and moment.ts_ns - last_ns >= SILENCE_NS:
                yield Moment(last_ns, self._stream, moment.states, silence_ns=moment.ts_ns - last_ns)
            yield moment
            last_ns = max(last_ns, moment.fold.until_ns if moment.fold else moment.ts_ns)

    def _with_timers(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        timers = list(self._timers)
        for moment in moments:
            while timers and int(timers[0]["ts_ns"]) <= moment.ts_ns:
                yield self._timer(timers.pop(0))
            yield moment
        yield from map(self._timer, timers)

    def _timer(self, event: np.void) -> Moment:
        changes = self._enter([event])
        return Moment(int(event["ts_ns"]), self._stream, self._now(), changes=changes)

    def _folded(self) -> Iterator[Moment]:
        """Runs of segments that say nothing new become one line; the rest stays."""
        special = self._special()
        edges = np.flatnonzero(np.diff(special.astype(np.int8), prepend=-1, append=-1))
        for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if special[first]:
                yield from map(self._moment, range(first, end))
            else:
                yield from self._stretch(first, end)

    def _special(self) -> np.ndarray:
        """Segments that are never folded: they open or end, change a state, are judged, or prove a finding."""
        special: np.ndarray = (self._rows["flags"] & _OPENS_OR_ENDS) != 0
        frames = self._rows["frame"]
        told = [f for f, events in self._events.items() if any(e["kind"] not in words.REPEATED for e in events)]
        special |= among(frames, np.array([*told, *self._findings], dtype=np.int64))
        return special

    def _stretch(self, first: int, end: int) -> Iterator[Moment]:
        """The first of each kind of repetition, and a line for what lies between."""
        seen: Counter[tuple[int, ...]] = Counter()
        start = first
        frames = self._rows["frame"]
        repeating = np.flatnonzero(among(frames[first:end], np.array(list(self._events), dtype=np.int64))) + first
        for index in repeating.tolist():
            kinds = tuple(sorted(int(event["kind"]) for event in self._events[int(frames[index])]))
            signature = (int(self._side[index]), *kinds)
            seen[signature] += 1
            if seen[signature] <= SHOWN:
                yield from self._fold(start, index)
                yield self._moment(index)
                start = index + 1
        yield from self._fold(start, end)

    def _fold(self, first: int, end: int) -> Iterator[Moment]:
        if end - first < FOLD_FROM:
            yield from map(self._moment, range(first, end))
            return
        rows = self._rows[first:end]
        client = self._side[first:end] == self._client
        payload = rows["payload_len"].astype(np.int64)
        kinds: Counter[tuple[int, str]] = Counter(
            (int(event["kind"]), self._name(int(event["sender"])))
            for frame in rows["frame"].tolist()
            if frame in self._events
            for event in self._events[frame]
        )
        fold = Fold(
            count=end - first,
            until_ns=int(rows["ts_ns"][-1]),
            last_frame=int(rows["frame"][-1]),
            segments=(int(np.count_nonzero(client)), int(np.count_nonzero(~client))),
            payload_bytes=(int(payload[client].sum()), int(payload[~client].sum())),
            what=tuple(words.many(EventKind(kind), count, sender) for (kind, sender), count in kinds.most_common()),
        )
        yield Moment(int(rows["ts_ns"][0]), self._stream, self._now(), frame=int(rows["frame"][0]), fold=fold)

    def _moment(self, index: int) -> Moment:
        row, side = self._rows[index], int(self._side[index])
        frame = int(row["frame"])
        events = self._events.get(frame, [])
        changes = self._enter([event for event in events if event["kind"] == EventKind.STATE])
        verdicts = tuple(filter(None, map(words.verdict, events)))
        facts = tuple(filter(None, map(words.fact, events)))
        sender, receiver = self._name(side), self._name(1 - side)
        return Moment(
            ts_ns=int(row["ts_ns"]),
            stream=self._stream,
            states=self._now(),
            frame=frame,
            sender=sender,
            segment=notation.line(
                sender, receiver, self._numbers(index), notation.option_text(row, False, self._base[1 - side])
            ),
            changes=changes,
            verdicts=verdicts,
            facts=facts,
            findings=tuple(self._findings.get(frame, ())),
        )

    def _numbers(self, index: int) -> str:
        row, side = self._rows[index], int(self._side[index])
        flags, seq, ack, payload_len = (int(row[name]) for name in ("flags", "seq", "ack", "payload_len"))
        window = int(self._window_bytes[index])
        return notation.numbers(flags, seq, ack, payload_len, window, self._base[side], self._base[1 - side])

    def _enter(self, events: Iterable[np.void]) -> tuple[str, ...]:
        changes = []
        for event in events:
            side = int(event["side"])
            self._states[side ^ self._client] = State(int(event["state"]))
            changes.append(words.change(event, self._name(side)))
        return tuple(changes)

    def _now(self) -> tuple[State, State]:
        return self._states[0], self._states[1]

    def _name(self, side: int) -> str:
        return SIDES[side ^ self._client]
