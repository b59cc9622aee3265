"""What is written beside a packet: its number in the original capture, verdicts, events, findings."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from ..flow_columns import SIDES
from ..model.event import EventBit, EventKind
from ..model.finding import Finding
from ..model.tables import Tables
from ..timeline import words
from ..units import file_name, plural, printable

TEXTS_MAX: Final = 24
"""Comments of one packet; of more, how many there are."""

JUDGED: Final = frozenset(
    (
        EventKind.RETRANSMISSION,
        EventKind.CHALLENGE_ACK,
        EventKind.KEEPALIVE_PROBE,
        EventKind.KEEPALIVE_ACK,
        EventKind.ZERO_WINDOW_PROBE,
        EventKind.ZERO_WINDOW_PROBE_ACK,
    )
)
"""Events that say no more than the verdict on the segment."""


class Comments:
    """The comments of packets, by their frames in the original capture.

    findings: those whose evidence is marked. paths: names of the files, in order, to tell.
    """

    def __init__(self, tables: Tables, findings: Sequence[Finding], paths: Sequence[str]) -> None:
        self._tables = tables
        self._files = [printable(file_name(path)) for path in paths]
        self._first_frames = np.array([file.first_frame for file in tables.files], np.int64)
        events = tables.events
        mask = (events["frame"] > 0) & ((events["bits"] & EventBit.WITHDRAWN) == 0)
        order = np.flatnonzero(mask)
        self._events = order[np.argsort(events["frame"][order], kind="stable")]
        self._event_frames = events["frame"][self._events]
        self._findings = _by_frame(findings)
        self._changes: dict[tuple[int, int, int], list[str]] = {}

    def of(self, frames: np.ndarray, streams: Sequence[int], verdicts: Mapping[int, str]) -> list[list[str]]:
        """For each frame, of that stream, its comments: the number first. -1: of no connection that is known.

        verdicts: on segments, by frame.
        """
        first, last = int(frames[0]), int(frames[-1])
        low, high = np.searchsorted(self._event_frames, [first, last + 1])
        events: dict[int, list[str]] = defaultdict(list)
        some = self._tables.events[self._events[low:high]]
        sides = some["side"] ^ self._tables.client_side[some["flow"]]
        columns = (some["frame"], some["kind"], some["state"], some["bits"], sides)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for index, (frame, kind, *state) in enumerate(rows):
            if kind == EventKind.STATE:
                events[frame] += self._change(some[index], *state)
            elif kind not in JUDGED or frame not in verdicts:
                events[frame] += _told(some[index])
        numbers = frames.tolist()
        return [
            _limited(
                [
                    self._number(frame, stream),
                    *([verdicts[frame]] if frame in verdicts else ()),
                    *events.get(frame, ()),
                    *self._findings.get(frame, ()),
                ]
            )
            for frame, stream in zip(numbers, streams, strict=True)
        ]

    def _number(self, frame: int, stream: int) -> str:
        told = f"tcpdiag: frame {frame}" + (f", stream {stream}" if stream >= 0 else "")
        if len(self._files) < 2:
            return told
        file = int(np.searchsorted(self._first_frames, frame, side="right")) - 1
        return f"{told} (frame {frame - int(self._first_frames[file]) + 1} of {self._files[file]})"

    def _change(self, event: np.void, state: int, bits: int, side: int) -> list[str]:
        """A state, in words: most events are one of few."""
        key = state, bits, side
        if key not in self._changes:
            self._changes[key] = [f"state: {words.change(event, SIDES[side])}"]
        return self._changes[key]


def _told(event: np.void) -> list[str]:
    verdict, fact = words.verdict(event), words.fact(event)
    found = [] if verdict is None else [f"verdict: {verdict}"]
    return [*found, fact] if fact else found


def headline(finding: Finding) -> str:
    """`CRITICAL rst-off-sequence-1: A reset was not obeyed: ...`."""
    return f"{str(finding.severity).upper()} {finding.id}: {finding.title}"


def _by_frame(findings: Sequence[Finding]) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for finding in findings:
        head = headline(finding)
        notes = {each.frame: each.note for each in finding.evidence if each.frame and each.note}
        for frame in sorted({*finding.frames, *(each.frame for each in finding.evidence if each.frame)}):
            found[frame].append(printable(f"{head}: {notes[frame]}" if frame in notes else head))
    return found


def _limited(texts: list[str]) -> list[str]:
    if len(texts) <= TEXTS_MAX:
        return texts
    return [*texts[:TEXTS_MAX], f"and {plural(len(texts) - TEXTS_MAX, 'more comment')}"]
