"""One line of a timeline."""

from dataclasses import dataclass

from ..model.states import State


@dataclass(frozen=True)
class Verdict:
    """What the receiver's TCP had to make of a segment, and the clause that says so."""

    text: str  # "1 below RCV.NXT: not acceptable"
    rule: str | None = None  # "RFC 5961 section 3.2"


@dataclass(frozen=True)
class Fold:
    """Segments that say nothing new, as one line."""

    count: int
    until_ns: int  # time of the last of them
    last_frame: int
    segments: tuple[int, int]  # by (client, server), as are the bytes
    payload_bytes: tuple[int, int]
    what: tuple[str, ...] = ()  # "12 retransmissions of the server"; empty: nothing but text and ACKs


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
