"""Standard output: bytes, colour only on a terminal, and no complaint when the reader of a pipe has gone."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


def colored() -> bool:
    """Whether to colour: a terminal, and NO_COLOR (https://no-color.org) is not set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@contextmanager
def stdout() -> Iterator[BinaryIO]:
    """Standard output for bytes. A broken pipe ends the writing quietly."""
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes once more at exit: give it something that can be written to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def warn(text: str) -> None:
    """One line on standard error."""
    print(f"tcpdiag: {text}", file=sys.stderr)
