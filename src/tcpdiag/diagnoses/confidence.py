"""How sure a finding is: one minus what the capture could not show. Never a number typed into a diagnosis.

Each doubt multiplies the confidence by its weight. The weights are ordered by how often the doubt turns out to
matter: a presumption that nothing contradicts is nearly always right, a missing direction often hides the answer.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

CERTAIN: Final = 0.98
"""The most that a passive observer can claim: the capture itself may be wrong."""


class Doubt(NamedTuple):
    """A reason why the finding might be wrong."""

    weight: float
    text: str


HOLES: Final = Doubt(0.75, "the capture lacks segments of this connection")
ONE_SIDED: Final = Doubt(0.5, "only one direction of this connection was captured")
DROPS: Final = Doubt(0.85, "the capture itself dropped packets")
ROLES_GUESSED: Final = Doubt(0.95, "no SYN was captured: client and server are guessed")
PRESUMED: Final = Doubt(0.85, "the receiver did not confirm what it got: its state is presumed")
RCV_NXT_PRESUMED: Final = Doubt(0.8, "RCV.NXT is presumed: the receiver had not acknowledged all that was captured")
ROWS_CAPPED: Final = Doubt(0.95, "some rows of this connection were not kept: their number is known, not each frame")
CLOCK: Final = Doubt(0.9, "the clock of the capture was set back")
DAMAGED: Final = Doubt(0.85, "a part of the capture file could not be read")
BROKEN_OFF: Final = Doubt(0.95, "the capture file breaks off, or was not read to its end")
OPTIONS_CUT: Final = Doubt(0.9, "packets are cut short: TCP options, or whole headers, are missing")
COPIES: Final = Doubt(0.95, "packets that the capture holds twice were left out")
SHORT_WATCH: Final = Doubt(0.7, "the capture ended soon after")
TAP_UNPROVED: Final = Doubt(0.85, "nothing else was captured meanwhile: the tap may have been blind")
FEW_BEATS: Final = Doubt(0.85, "the period was learned from few messages")
NOT_UNIQUE: Final = Doubt(0.7, "something else looks the same from here")
KERNEL_DISAGREES: Final = Doubt(0.2, "the socket table of the host itself says otherwise")

_BY_TEXT: Final = {doubt.text: doubt for doubt in list(globals().values()) if isinstance(doubt, Doubt)}


def confidence(doubts: Iterable[Doubt]) -> float:
    """CERTAIN times the weights of all doubts, two digits."""
    return round(CERTAIN * math.prod(doubt.weight for doubt in doubts), 2)


def named(texts: Iterable[str]) -> list[Doubt] | None:
    """The doubts of a finding by their texts, as its `data["doubts"]` has them; None when one of them is not known."""
    found = [_BY_TEXT.get(text) for text in texts]
    return None if None in found else [doubt for doubt in found if doubt is not None]
