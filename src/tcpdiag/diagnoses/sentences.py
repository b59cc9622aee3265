"""Sentences of a story, made from columns."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..model.finding import Sentence

FRAMES_TOLD: Final = 20
"""Frames that one sentence stands on, at most; the finding has all."""


def said(text: str, frames: Iterable[int] | np.ndarray = (), ts_ns: int | None = None) -> Sentence:
    """A sentence with the first of its frames; 0 is no frame."""
    numbers = [int(frame) for frame in frames if frame]
    return Sentence(text, tuple(numbers[:FRAMES_TOLD]), None if ts_ns is None else int(ts_ns))
