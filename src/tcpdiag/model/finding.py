"""Findings and incidents: judgements, with the frames that prove them."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from ..units import printable


class Severity(IntEnum):
    """How much it matters. Ordered: `Severity.WARNING >= Severity.NOTICE`."""

    INFO = 0
    NOTICE = 1
    WARNING = 2
    CRITICAL = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Evidence:
    """One frame, or one interval without frames, that supports a finding."""

    frame: int | None  # None: the evidence is an absence; the note says of what
    ts_ns: int | None
    note: str
    segment: str | None = None  # packetdrill-like line, see model.notation; None for an absence
    stream: int | None = None


@dataclass(frozen=True)
class Sentence:
    """One sentence of a story: the frames that it stands on, and when it happened."""

    text: str  # ends in a full stop; names its frames in brackets
    frames: tuple[int, ...] = ()  # none: it tells of an absence, or of what follows from the sentences before it
    ts_ns: int | None = None  # None: at the time of the sentence before it


@dataclass(frozen=True)
class Refutation:
    """What would prove a finding wrong, and whether that was found."""

    what: str  # "the client sends anything after frame 98"
    outcome: str | None  # what looking for it gave; None: this capture cannot show it
    frames: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cause:
    """A possible cause, with what speaks for it and what against it."""

    text: str
    support: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A judgement. `kind` is one of the stable names of the catalogue of diagnoses."""

    kind: str
    severity: Severity
    confidence: float  # 0 to 1, from model.confidence, never typed in
    title: str  # one line, at most 72 characters, no frame numbers
    story: tuple[Sentence, ...]  # what happened: the cause in the first sentence
    streams: tuple[int, ...]
    frames: tuple[int, ...]  # ascending, unique: all that prove it
    evidence: tuple[Evidence, ...] = ()
    endpoint: str | None = None  # "ip:port" of whom it is about
    peer: str | None = None
    first_ts_ns: int | None = None
    last_ts_ns: int | None = None
    causes: tuple[Cause, ...] = ()
    next_steps: tuple[str, ...] = ()
    refutations: tuple[Refutation, ...] = ()
    settled_by: tuple[str, ...] = ()  # captures and commands that would settle what is left open, and on which host
    references: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)  # JSON-ready numbers and words for programs
    id: str = ""  # set by the ranking: "kind-1", "kind-2", ...

    def __repr__(self) -> str:
        return printable(f"<Finding {self.id or self.kind}: {self.severity}: {self.title}>")

    def _repr_html_(self) -> str:
        from ..notebook import of_finding

        return of_finding(self)

    @property
    def summary(self) -> str:
        """The story as one paragraph."""
        return " ".join(sentence.text for sentence in self.story)


@dataclass(frozen=True)
class Incident:
    """Findings of one cause. `findings` are ids, the cause first."""

    id: str
    title: str
    severity: Severity
    findings: tuple[str, ...]
    streams: tuple[int, ...]  # all connections of its findings
    narrative: tuple[Sentence, ...]  # in time order
    against: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    refutations: tuple[Refutation, ...] = ()
    settled_by: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        from ..notebook import of_incident

        return of_incident(self)


@dataclass(frozen=True)
class Unexamined:
    """What could not be looked at, and why: a diagnosis that failed, or one that the capture does not allow."""

    what: str
    reason: str


INTERRUPTED: Final = Unexamined("the rest of the capture", "reading was interrupted")
