"""One line of a timeline."""

from dataclasses import dataclass

from ..flow_columns import SIDES
from ..model.states import State
from ..units import duration, plural, size


@dataclass(frozen=True)
class Verdict:
    """What the receiver's TCP had to make of a segment, and the clause that says so."""

    text: str  # "1 below RCV.NXT: not acceptable"
    rule: str | None = None  # "RFC 5961 section 3.2"

    def __str__(self) -> str:
        return f"{self.text} ({self.rule})" if self.rule else self.text


@dataclass(frozen=True)
class Fold:
    """Segments that say nothing new, as one line."""

    count: int
    until_ns: int  # time of the last of them
    last_frame: int
    segments: tuple[int, int]  # by (client, server), as are the bytes
    payload_bytes: tuple[int, int]
    what: tuple[str, ...] = ()  # "12 retransmissions of the server"; empty: nothing but text and ACKs

    def __str__(self) -> str:
        """`... 88 segments up to 190: client 48 B in 40, server 64.1 kB in 48; 12 retransmissions of the server`."""
        sent = ", ".join(
            f"{side} {size(count)} in {segments}"
            for side, count, segments in zip(SIDES, self.payload_bytes, self.segments, strict=True)
            if segments
        )
        return "; ".join((f"... {plural(self.count, 'segment')} up to {self.last_frame}: {sent}", *self.what))


@dataclass(frozen=True)
class Moment:
    """A segment, a timer that expired, some segments folded into one, or a silence: nothing of the flow was captured.

    `states` are those of (client, server) after it.
    """

    ts_ns: int
    stream: int
    states: tuple[State | None, State | None]  # None: not looked up
    frame: int | None = None  # the first one where segments are folded; None: no segment
    sender: str | None = None  # "client" or "server"
    segment: str | None = None  # as in model.notation
    changes: tuple[str, ...] = ()  # "server: CLOSE-WAIT (presumed)"
    verdicts: tuple[Verdict, ...] = ()
    facts: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()  # ids of those that stand on this frame
    fold: Fold | None = None
    silence_ns: int = 0  # nothing since the moment before

    @property
    def is_silence(self) -> bool:
        """Nothing happened: that is what it says."""
        return self.silence_ns > 0

    @property
    def count(self) -> int:
        """How many segments it stands for; 0 for a timer and for a silence."""
        return self.fold.count if self.fold else int(self.segment is not None)

    @property
    def what(self) -> str:
        """The segment, or what stands in its place."""
        if self.is_silence:
            return f"nothing for {duration(self.silence_ns)}"
        return str(self.fold) if self.fold else self.segment or "no segment"
