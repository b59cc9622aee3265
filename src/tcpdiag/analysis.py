"""The conductor: bytes -> packets -> segments -> verdicts -> events -> findings -> report. Read this first.

1. A thread reads the capture in batches and decodes each into segments (`capture`), ahead of
2. the main thread, which tracks them: flows, both endpoints' states, events (`flows`, `tcp`). Both work in compiled
   kernels without the interpreter lock, so they run side by side.
3. The diagnoses look at the tables that this left (`diagnoses`) and give findings, ranked.
4. A second look at the capture tells what the connections that they name were about (`hints`): labels, no verdicts.
5. What the hosts' kernels said of their own sockets, if that was given, is set beside it (`sockets`).
6. `Report` holds all of it.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .capture.decoder import Decoder
from .capture.reader import Reader
from .config import Config, merged
from .diagnoses import DIAGNOSES, by_kind, examine_all, limits_of
from .errors import TcpdiagError, UsageError
from .flows.tracker import Tracker
from .flows.vantage import vantage
from .model.capture import CaptureFile
from .model.finding import INTERRUPTED, Finding, Incident, Unexamined
from .model.tables import Tables
from .report import Report

if TYPE_CHECKING:
    from .capture.spool import Spool
    from .hints.labels import Labelled
    from .sockets.listing import Listing

BATCHES_AHEAD = 3
"""Decoded batches at most, the one being tracked included; the decoder's arrays stay valid for 4 further calls."""

SLOTS = 2
"""Buffers of the reader: a batch is decoded before the next one is read, and fewer pages are touched."""

COPY_FOR_HINTS = 256_000_000
"""Bytes of standard input that are copied when only the hints need it: a bounded share of a disk."""

ANSWERS_MAX = 65_536
"""DNS answers that are remembered, 256 kB of frame numbers: hours of one host, and of a resolver the busiest names."""

POLL_S = 0.1
STOP_S, GIVE_UP_S = 0.5, 2.0
"""After Ctrl-C: how long the end of the input is waited for, and how long then the end of the batch at hand."""

Progress = Callable[[int, int | None], None]


def analyze(
    paths: str | Path | Sequence[str | Path],
    *,
    config: Config | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    stack: str | None = None,
    where: str | None = None,
    hints: bool | None = None,
    sockets: "Sequence[str | Path | Listing]" = (),
    keep_stdin: bool = True,
    on_progress: Progress | None = None,
) -> Report:
    """Read captures, rebuild what each endpoint's TCP believed, and report what is wrong.

    paths: one or more files, which count as one capture; `"-"` is standard input. only, skip: kinds of finding.
    stack: a stack profile for all hosts. where: a filter expression, see `Report.where`. hints: whether to look at
    application bytes (TLS server names, HTTP hosts and paths, DNS answers) for labels. sockets: listings of the
    hosts' own sockets, see `Report.with_sockets`. keep_stdin: copy standard input to a temporary file, which lives as
    long as the report, so that it can be looked at again; without it, at most COPY_FOR_HINTS bytes are copied, and
    deleted when the hints are done. on_progress: called with the bytes read and the bytes in all, None where that is
    not known.

    Ctrl-C ends the reading; what was read by then is analysed, and `report.complete` is False. A second one raises
    KeyboardInterrupt.

    Raises UnreadableInput when a file cannot be read at all, UsageError for a kind, threshold, stack profile, filter or
    time that does not exist. Damage inside a file is no error: see `report.files`.
    """
    names = tuple(str(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths))
    if not names:
        raise UsageError("no capture given")
    chosen = merged(config or Config(), only=tuple(only), skip=tuple(skip), stack=stack, hints=hints)
    examined = _examined(chosen)
    listings = _listings(sockets) if sockets else []
    spool = _spool(keep_stdin, chosen.hints) if "-" in names else None
    seen = _first_pass(names, chosen.stack, on_progress, spool)
    if spool:
        spool.flush()
    findings, incidents, unexamined = examine_all(
        seen.tables, only=chosen.only, skip=chosen.skip, thresholds=chosen.thresholds
    )
    if not seen.complete:
        unexamined.append(INTERRUPTED)
    paths = tuple(spool.name if spool and name == "-" else name for name in names)
    labelled = _labelled(seen, findings, incidents, paths) if chosen.hints and findings else None
    if spool and not keep_stdin:
        spool.close()
        paths = names
    report = Report(
        tables=seen.tables,
        findings=tuple(labelled.findings if labelled else findings),
        incidents=tuple(labelled.incidents if labelled else incidents),
        unexamined=(*unexamined, *(labelled.unexamined if labelled else ())),
        examined=examined,
        vantage=vantage(seen.tables),
        config=chosen,
        complete=seen.complete,
        names=labelled.names if labelled else {},
        hints=labelled.hints if labelled else None,
        paths=paths,
        spool=spool if keep_stdin else None,
    )
    report = report.with_sockets(*listings) if listings else report
    return report.where(where) if where else report


def _listings(sockets: "Sequence[str | Path | Listing]") -> "list[Listing]":
    """Read before the capture: what cannot be read is said at once."""
    from .sockets.listing import given

    return [listing for item in sockets for listing in given(item)]


def _spool(keep_stdin: bool, hints: bool) -> "Spool | None":
    """Where to copy standard input; None: it need not be read again."""
    if not keep_stdin and not hints:
        return None
    from .capture.spool import Spool

    return Spool(None if keep_stdin else COPY_FOR_HINTS)


def _labelled(seen: "_Seen", findings: list[Finding], incidents: list[Incident], paths: tuple[str, ...]) -> "Labelled":
    """The findings with hints; without them, and the reason among the unexamined, when that fails."""
    from .hints import labels

    reason = ""
    try:
        with _interruption() as interrupted:
            answers = labels.Answers(seen.answers, seen.answers_left_out)
            return labels.label(seen.tables, findings, incidents, paths, answers, interrupted.is_set)
    except TcpdiagError as error:
        reason = str(error)
    except Exception as error:  # a mistake in what only labels must not cost the user the findings
        reason = f"{type(error).__name__}: {error}"
    return labels.Labelled(findings, incidents, {}, [Unexamined(labels.WHAT, reason)], None)


def _examined(config: Config) -> tuple[str, ...]:
    """The kinds that will be looked for. Raises UsageError now rather than after an hour of reading."""
    for kind in (*config.only, *config.skip):
        by_kind(kind)
    for kind, values in config.thresholds.items():
        limits_of(by_kind(kind), values)
    kinds = (diagnosis.kind for diagnosis in DIAGNOSES)
    return tuple(kind for kind in kinds if (not config.only or kind in config.only) and kind not in config.skip)


class _Seen(NamedTuple):
    """What the streaming pass gave."""

    tables: Tables
    answers: np.ndarray  # frames with DNS answers (u4), the first ANSWERS_MAX of them
    answers_left_out: int
    complete: bool  # whether it reached the end


def _first_pass(
    paths: Sequence[str], stack: str | None, on_progress: Progress | None, copy_stdin_to: "Spool | None"
) -> _Seen:
    """The one streaming pass."""
    tracker, ahead = Tracker(stack), _Ahead(paths, on_progress, copy_stdin_to)
    complete = ahead.run(tracker.feed)
    answers = ahead.answers()
    tables = tracker.finish(ahead.files(), ahead.decoder.tunnels)
    return _Seen(tables, answers, ahead.n_answers - len(answers), complete)


class _Ahead:
    """Reading and decoding in a thread of its own, a few batches ahead of whoever takes the segments."""

    def __init__(
        self, paths: Sequence[str], on_progress: Progress | None, copy_stdin_to: "Spool | None" = None
    ) -> None:
        self.decoder = Decoder()
        self._answers: list[np.ndarray] = []
        self.n_answers = 0
        self._copy_stdin_to = copy_stdin_to
        self._paths = paths
        self._on_progress = on_progress
        self._reader: Reader | None = None
        # No SimpleQueue: its get() with a timeout may wait for ever when a signal comes as the time runs out.
        self._ready: Queue[np.ndarray | BaseException | None] = Queue()
        self._room: Queue[None] = Queue()
        for _ in range(BATCHES_AHEAD):
            self._room.put(None)
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tcpdiag-reader", daemon=True)

    def files(self) -> tuple[CaptureFile, ...]:
        """The files as far as they were read, with what only the decoder knows of them."""
        return tuple(
            replace(file, tcp_packets=self.decoder.tcp_packets(index), undecoded=self.decoder.undecoded(index))
            for index, file in enumerate(self._reader.files if self._reader else ())
        )

    def answers(self) -> np.ndarray:
        """Frames with DNS answers, the first ANSWERS_MAX of them."""
        return np.concatenate([np.zeros(0, np.uint32), *self._answers])[:ANSWERS_MAX]

    def run(self, take: Callable[[np.ndarray], None]) -> bool:
        """Hand every batch of segments to `take`; False when Ctrl-C ended it before the end of the capture.

        Errors of the thread come out here. After Ctrl-C, what was read already is still handed over: with
        `tcpdump -w - | tcpdiag analyze -` both get the signal, and the last packets come through the pipe after it.
        """
        with _interruption() as interrupted:
            self._thread.start()
            since = math.inf  # when Ctrl-C was noticed
            try:
                while time.monotonic() < since + GIVE_UP_S:
                    if interrupted.is_set():
                        since = min(since, time.monotonic())
                    if time.monotonic() >= since + STOP_S and self._reader is not None:
                        self._reader.stop()
                    try:
                        item = self._ready.get(timeout=POLL_S)
                    except Empty:
                        continue
                    if item is None:
                        return all(file.complete for file in self.files())
                    if isinstance(item, BaseException):
                        raise item
                    take(item)
                    self._room.put(None)
                return False
            finally:
                self._abandoned.set()
                self._thread.join(timeout=POLL_S)  # one that hangs in a read of a pipe is left behind

    def _work(self) -> None:
        try:
            with Reader(
                self._paths, slots=SLOTS, on_progress=self._on_progress, copy_stdin_to=self._copy_stdin_to
            ) as self._reader:
                for batch in self._reader:
                    if not self._wait_for_room():
                        return
                    self._ready.put(self.decoder.decode(batch))
                    self._note(self.decoder.answers)
            self._ready.put(None)
        except BaseException as error:  # carried over to the main thread, which raises it
            self._ready.put(error)

    def _note(self, answers: np.ndarray) -> None:
        """Remember where these DNS answers are."""
        if len(answers) and self.n_answers < ANSWERS_MAX:
            self._answers.append(answers["frame"].copy())
        self.n_answers += len(answers)

    def _wait_for_room(self) -> bool:
        """False when the main thread takes no more."""
        while not self._abandoned.is_set():
            try:
                self._room.get(timeout=POLL_S)
                return True
            except Empty:
                continue
        return False


@contextmanager
def _interruption() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets instead of raising inside a half-done step; the second one raises.

    Outside the main thread, where Python delivers no signals, it is never set.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    previous = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, previous)

    if not callable(previous):  # ignored, or set from outside Python: leave it as it is
        yield interrupted
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, previous)
