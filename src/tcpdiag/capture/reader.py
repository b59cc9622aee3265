"""The first step of the pipeline: capture files in, batches of packet records out."""

import glob
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np

from ..errors import UnreadableInput
from ..model.capture import CaptureFile
from .packetfile import PacketFile, Ring
from .source import Copy, Source

BATCH_BYTES: Final = 1 << 20
"""A buffer that stays in a core's second-level cache from reading to decoding."""
BATCH_RECORDS: Final = 16_384
SLOTS: Final = 6
"""Buffers in rotation: a batch stays valid while `SLOTS - 2` more are made."""
PROBE_BYTES: Final = 1 << 16

Progress = Callable[[int, int | None], None]


class Batch(NamedTuple):
    """Packets of one file. `records` are RECORD rows, their `offset` counts from the start of `buffer`.

    Both arrays are used again: they stay as they are until `slots - 2` further batches were taken.
    """

    buffer: np.ndarray
    records: np.ndarray
    file: int


class Reader:
    """Reads capture files as one capture: ordered by their first packets, frames numbered on.

    `paths` are files, glob patterns, or "-" for standard input; a file named twice is read once.
    `on_progress(bytes_done, bytes_total)` is called at most once a batch; the total is None when an input's size is
    not known. `copy_stdin_to` gets the bytes of standard input, which cannot be read again. Raises UnreadableInput,
    before any batch, when one of the inputs is missing or is no capture.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        batch_bytes: int = BATCH_BYTES,
        batch_records: int = BATCH_RECORDS,
        slots: int = SLOTS,
        on_progress: Progress | None = None,
        copy_stdin_to: Copy | None = None,
    ) -> None:
        self._copy_stdin_to = copy_stdin_to
        self._ring = Ring(batch_bytes, batch_records, slots)
        self._on_progress = on_progress
        self._stop = threading.Event()
        self._done: list[CaptureFile] = []
        self._current: PacketFile | None = None
        self._waiting: list[CaptureFile] = []
        self._sources: list[Source] = []
        names = _expand(paths)
        try:
            self._open(names)
        except BaseException:
            self.close()
            raise
        sizes = [source.size for source in self._sources]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)

    def _open(self, names: list[str]) -> None:
        """Open all inputs; more than one are probed for their first packet and put in order."""
        if len(names) == 1:
            self._sources = [Source(names[0], copy_to=self._copy_of(names[0]))]
            self._current = PacketFile(self._sources[0], self._ring)
            return
        order: list[tuple[bool, int, int, Source, CaptureFile]] = []
        for position, name in enumerate(names):
            source = Source(name, rewindable=True, copy_to=self._copy_of(name))
            self._sources.append(source)
            probed = PacketFile(source, Ring(PROBE_BYTES, 1, 2))
            first = next((int(records["ts_ns"][0]) for _, records in probed.batches()), None)
            summary = CaptureFile(source.path, probed.summary().format, source.compression, (), 0, 0, None, None, 0)
            source.rewind()
            order.append((first is None, first or 0, position, source, summary))
        order.sort(key=lambda row: row[:3])
        self._sources = [row[3] for row in order]
        self._waiting = [row[4] for row in order]

    def _copy_of(self, name: str) -> Copy | None:
        return self._copy_stdin_to if name == "-" else None

    def __iter__(self) -> Iterator[Batch]:
        """The batches, in order. A capture is read once."""
        bytes_before = frame = row = 0
        for number, source in enumerate(self._sources):
            if self._stop.is_set():
                break
            if self._current is None:
                self._current = PacketFile(source, self._ring, frame=frame, row=row)
                self._waiting.pop(0)
            file = self._current
            for buffer, records in file.batches():
                yield Batch(buffer, records, number)
                self._progress(bytes_before + source.consumed)
                if self._stop.is_set():
                    return
            bytes_before += source.consumed
            self._progress(bytes_before)
            frame, row = file.frame, row + file.interface_count
            self._done.append(file.summary())
            self._current = None
            source.close()

    def _progress(self, done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, self._total)

    @property
    def files(self) -> tuple[CaptureFile, ...]:
        """The files, in the order of reading, as far as they were read."""
        current = [self._current.summary()] if self._current is not None else []
        return (*self._done, *current, *(_unread(file) for file in self._waiting))

    def stop(self) -> None:
        """End the iteration after the batch at hand. Files that were not read to their end say so."""
        self._stop.set()

    def close(self) -> None:
        """Let all inputs go."""
        for source in self._sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _unread(file: CaptureFile) -> CaptureFile:
    return CaptureFile(file.path, file.format, file.compression, (), 0, 0, None, None, 0, complete=False)


def _expand(paths: Sequence[str | Path]) -> list[str]:
    """Names of all inputs, patterns resolved, each once."""
    names: dict[str, str] = {}
    for path in map(str, paths):
        found = [path]
        if path != "-" and not os.path.lexists(path) and glob.has_magic(path):
            found = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - the pattern may be absolute
            if not found:
                raise UnreadableInput(f"{path}: no file matches")
        for name in found:
            names.setdefault(name if name == "-" else os.path.realpath(name), name)
    if not names:
        raise UnreadableInput("no capture was named")
    return list(names.values())
