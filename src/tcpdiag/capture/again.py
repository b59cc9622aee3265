"""A capture read a second time: the first pass keeps no packets."""

import stat
from collections.abc import Sequence
from pathlib import Path

from ..errors import UsageError
from ..units import printable
from .reader import Progress, Reader

SLOTS = 2
"""Buffers of the reader: each batch is done with before the next one is read."""


def reader_again(paths: Sequence[str], *, on_progress: Progress | None = None) -> Reader:
    """A reader of the same files: same order, same frame numbers.

    Raises UsageError for standard input and for a pipe, whose bytes are gone, and UnreadableInput for a file that is.
    """
    for path in paths:
        if path == "-" or _is_pipe(path):
            shown = "standard input" if path == "-" else printable(path)
            raise UsageError(f"{shown} cannot be read twice: save the capture in a file to look into it again")
    return Reader(paths, slots=SLOTS, on_progress=on_progress)


def _is_pipe(path: str) -> bool:
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False  # a pattern, or a file that is gone: the reader tells
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
