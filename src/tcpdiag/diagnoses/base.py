"""What a diagnosis is: a kind, a scope, the events it reads, its thresholds, and a pure rule."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Finding, Refutation, Sentence, Severity
from ..rfc import Rfc
from ..sets import distinct
from .confidence import Doubt, confidence
from .view import View

STREAMS_MAX = 100_000
FRAMES_MAX = 10_000
EVIDENCE_MAX = 8


class Scope(StrEnum):
    """What a finding is about."""

    FLOW = "flow"
    TUPLE = "4-tuple"
    HOST = "host"
    CAPTURE = "capture"


class Diagnosis(ABC):
    """One phenomenon. The module's docstring is its manual: what it sees, why it matters, what it cannot know,
    thresholds, RFC, and two kinds of examples, which the tests execute.

    `thresholds` is a NamedTuple with defaults, one number a field, its unit in the name.
    """

    kind: ClassVar[str]
    scope: ClassVar[Scope]
    events: ClassVar[tuple[EventKind, ...]] = ()
    references: ClassVar[tuple[Rfc, ...]] = ()
    thresholds: ClassVar[type]

    @abstractmethod
    def examine(self, view: View, limits: Any) -> Iterator[Finding]:
        """The findings of this kind, in order of time. Pure: no clock, no files, no printing."""

    @property
    def manual(self) -> str:
        """The docstring of the diagnosis' module."""
        return sys.modules[type(self).__module__].__doc__ or ""

    def finding(
        self,
        view: View,
        severity: Severity,
        title: str,
        story: Sequence[Sentence],
        *,
        streams: Sequence[int] | np.ndarray,
        frames: Iterable[int] | np.ndarray,
        span: tuple[int, int] | None,
        doubts: Iterable[Doubt] = (),
        evidence: Iterable[Evidence] = (),
        endpoint: str | None = None,
        peer: str | None = None,
        causes: Iterable[Cause] = (),
        next_steps: Iterable[str] = (),
        refutations: Iterable[Refutation] = (),
        settled_by: Iterable[str] = (),
        data: dict[str, Any] | None = None,
    ) -> Finding:
        """A finding of this kind: frames sorted and unique, confidence from the doubts, lists bounded."""
        all_frames = distinct(np.asarray(frames if isinstance(frames, np.ndarray) else list(frames), dtype=np.int64))
        all_streams = distinct(np.asarray(streams, dtype=np.int64))
        if self.scope is not Scope.CAPTURE:  # what the capture lacks is no doubt about a finding that says so
            doubts = (*doubts, *view.doubts(all_streams))
        doubts = sorted(set(doubts))
        return Finding(
            kind=self.kind,
            severity=severity,
            confidence=confidence(doubts),
            title=title,
            story=tuple(story),
            streams=tuple(all_streams[:STREAMS_MAX].tolist()),
            frames=tuple(all_frames[all_frames > 0][:FRAMES_MAX].tolist()),
            evidence=tuple(spread(list(evidence))),
            endpoint=endpoint,
            peer=peer,
            first_ts_ns=None if span is None else int(span[0]),
            last_ts_ns=None if span is None else int(span[1]),
            causes=tuple(causes),
            next_steps=tuple(next_steps),
            refutations=tuple(refutations),
            settled_by=tuple(settled_by),
            references=tuple(str(rfc) for rfc in self.references),
            data={**(data or {}), "doubts": [doubt.text for doubt in doubts]},
        )


def spread(evidence: list[Evidence], most: int = EVIDENCE_MAX) -> list[Evidence]:
    """At most `most` of them: the first ones and the last, which tell how it began and how it ended."""
    return evidence if len(evidence) <= most else [*evidence[: most - 2], *evidence[-2:]]


def frame_list(frames: Iterable[int] | np.ndarray, most: int = 4) -> str:
    """`[12, 15, 20, ... 98]` for a summary."""
    numbers = np.asarray(frames if isinstance(frames, np.ndarray) else list(frames), dtype=np.int64)
    numbers = numbers[numbers != 0]
    if len(numbers) > most:
        return f"[{', '.join(map(str, numbers[: most - 1].tolist()))}, ... {numbers[-1]}]"
    return f"[{', '.join(map(str, numbers.tolist()))}]"
