"""The conductor: what was asked for, found in the capture, hidden where it must be, and written."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from .. import __version__
from ..capture.decoder import Decoder
from ..errors import UsageError
from ..kernels.hide_rows import Fate
from ..model.capture import Interface
from ..model.segment import RECORD
from ..redaction import Redactor, new_key
from ..units import NS, file_name, plural, printable
from .anonymous import Anonymiser
from .choice import Flows, choose
from .comments import Comments, headline
from .container import Container, PcapFile, PcapngFile
from .contents import Contents, Filling
from .judged import Judged
from .looks import Choice, Datagram, Found, Seen, first_look, look, taken, widened

if TYPE_CHECKING:
    from ..report import Report

APPLICATION: Final = f"tcpdiag {__version__}"
SUFFIXES: Final = (".pcapng", ".pcap")
RAW_IP: Final = 101
TOLD_FINDINGS: Final = 50
SHIFTED_TO_NS: Final = 946_684_800 * NS
"""2000-01-01: where times begin that are not to tell when it was."""

Progress = Callable[[int, int | None], None]


class Extract(NamedTuple):
    """What was written."""

    packets: int
    connections: int
    refused: Mapping[str, int]
    """Packets that were left out because they could not be anonymised, by reason."""

    def lines(self) -> list[str]:
        """That in words."""
        found = [f"{plural(self.packets, 'packet')} of {plural(self.connections, 'connection')}"]
        if self.refused:
            reasons = ", ".join(f"{why}: {n:,}" for why, n in self.refused.items())
            left_out = plural(sum(self.refused.values()), "packet")
            found.append(f"left out, because it cannot be anonymised: {left_out} ({reasons})")
        return found


def check_output(path: str | Path | BinaryIO, inputs: Sequence[str]) -> None:
    """Raises UsageError for a file that `extract` would not write: better before the analysis than after it."""
    if not isinstance(path, (str, Path)):
        return
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: the name must end in one of {', '.join(SUFFIXES)}")
    if not target.parent.is_dir():
        raise UsageError(f"{path}: no folder {target.parent}")
    if target.is_dir():
        raise UsageError(f"{path}: is a folder")
    for each in inputs:
        with suppress(OSError, ValueError):
            if target.samefile(each):
                raise UsageError(f"{path}: is what is read; it would be lost")


def extract(
    report: "Report",
    path: str | Path | BinaryIO,
    *,
    flows: Flows | None = None,
    finding: str | Sequence[str] | None = None,
    evidence: bool = False,
    redact: bool | bytes = False,
    cut: bool = False,
    keep_times: bool = True,
    comments: bool = True,
    on_progress: Progress | None = None,
) -> Extract:
    """See `Report.extract`."""
    tables = report.tables.whole("packets")
    if tables.captured is not None:
        raise UsageError("packets of a redacted report: take them out of the original one, with redact=key")
    if redact is False and (cut or not keep_times):
        raise UsageError("payload and times are changed in redacted packets only")
    files = [file.path for file in report.files if file.path != "-"]
    check_output(path, [*report.paths, *files])
    choice = choose(report, flows, finding, evidence)
    key = None if redact is False else new_key() if redact is True else redact
    comments &= not _is_pcap(path)
    work = _Work(report, choice, key, cut, keep_times, comments, on_progress)
    work.prepare()
    with _written(path) as stream:
        return work.write(_container(work, stream, pcap=_is_pcap(path)))


class _Work:
    """One extraction."""

    def __init__(
        self,
        report: "Report",
        choice: Choice,
        key: bytes | None,
        cut: bool,
        keep_times: bool,
        comments: bool,
        on_progress: Progress | None,
    ) -> None:
        self.report = report
        self.choice = choice
        self.redactor = None if key is None else Redactor(key)
        self.cut = cut
        self._keep_times = keep_times
        self._on_progress = on_progress
        self._anonymiser = None if self.redactor is None else Anonymiser(self.redactor)
        told = report if key is None or not comments else report.redacted(key)
        self.findings = told.findings if comments else ()
        names = [file.path for file in report.files]
        self.names = [self.redactor.file(name) for name in names] if self.redactor else names
        self.notes = Comments(report.tables, self.findings, self.names) if comments else None
        self._data: dict[int, bytes] = {}
        self._looks = 0
        self.looks = 3 if choice.whole and len(choice.frames) else 2
        self.found = Found()
        self.shift_ns = 0

    def prepare(self) -> None:
        """The first look."""
        tables, paths = self.report.tables, self.report.paths
        if self.choice.whole and len(self.choice.frames):
            self.choice = widened(tables, paths, self.choice, self._progress())
        contents = None if self.redactor is None else Contents(tables)
        self.found = first_look(tables, paths, self.choice, contents, self._take, self._progress())
        if not self.found.packets:
            raise UsageError("the capture has none of these packets")
        if not self._keep_times:
            self.shift_ns = SHIFTED_TO_NS - self.report.tables.first_ts_ns

    def interfaces(self) -> list[Interface]:
        """Those of all files, as the packets name them."""
        found = [interface for file in self.report.files for interface in file.interfaces]
        if self.redactor is not None:
            found = [replace(each, name=None, description=None, os=None, filter=None) for each in found]
        return found

    def write(self, container: Container) -> Extract:
        """The second look."""
        packets, connections = 0, np.zeros(len(self.report.tables.flows), np.bool_)
        judged = None if self.notes is None else Judged(self.report.tables, self.choice.streams)
        for seen in look(self.report.tables, self.report.paths, self.choice, Decoder(), self._progress()):
            verdicts = {} if judged is None else judged.told(seen.rows, seen.streams, seen.sides)
            records = taken(seen, self.choice, self.found.streams)
            if not len(records):
                continue
            buffer, records = self._hidden(seen.batch.buffer, records)
            streams = self._streams(seen, records)
            connections[streams[streams >= 0]] = True
            packets += len(records)
            if len(records):
                texts = None if self.notes is None else self.notes.of(records["frame"], streams.tolist(), verdicts)
                container.packets(buffer, records, texts)
        refused = {} if self._anonymiser is None else self._anonymiser.refused
        done = Extract(packets, int(np.count_nonzero(connections)), refused)
        if not packets:
            raise UsageError(done.lines()[-1])
        container.finish()
        return done

    def _hidden(self, buffer: np.ndarray, records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The packets as they may be written."""
        if self._anonymiser is None:
            return buffer, records
        buffer, places = self._anonymiser.batch(buffer, records, self.found.fillings, self._data)
        let = places["fate"] != Fate.REFUSED
        records, places = records[let], places[let]
        records["ts_ns"] += self.shift_ns
        if self.cut:
            shorter = (places["data"] - records["offset"]).astype(np.uint32)
            records["captured_len"] = np.where(places["fate"] == Fate.SEGMENT, shorter, records["captured_len"])
        return buffer, records

    def _streams(self, seen: Seen, records: np.ndarray) -> np.ndarray:
        """The stream of each packet; -1: of none."""
        streams = np.full(len(records), -1, np.int64)
        rows = np.searchsorted(records["frame"], seen.rows["frame"])
        inside = rows < len(records)
        inside[inside] = records["frame"][rows[inside]] == seen.rows["frame"][inside]
        streams[rows[inside]] = seen.streams[inside]
        if self.found.streams:
            for row in np.flatnonzero(streams < 0).tolist():
                streams[row] = self.found.streams.get(int(records["frame"][row]), -1)
        return streams

    def _take(self, frame: int, datagram: Datagram, fillings: Mapping[int, Filling]) -> None:
        """Hide a datagram that came in fragments; what of it each of them carries."""
        if self._anonymiser is None:
            return
        buffer, record = np.frombuffer(datagram.whole, np.uint8), np.zeros(1, RECORD)
        record["captured_len"] = record["wire_len"] = len(buffer)
        record["link_type"] = RAW_IP
        record["frame"] = frame
        hidden, places = Anonymiser(self._anonymiser.redactor).batch(buffer, record, fillings, {})
        if places["fate"][0] != Fate.SEGMENT:
            return
        header = (buffer[0] & 15) * 4 if buffer[0] >> 4 == 4 else 40
        data = hidden[header:].tobytes()
        for piece in datagram.pieces:
            if piece.length:
                self._data[piece.frame] = data[piece.at : piece.at + piece.length].rstrip(b"\0")

    def _progress(self) -> Progress | None:
        """Several looks are one piece of work."""
        show, part = self._on_progress, self._looks
        self._looks += 1
        if show is None:
            return None
        return lambda done, total: show(done + part * (total or 0), None if total is None else self.looks * total)


def _container(work: _Work, stream: BinaryIO, *, pcap: bool) -> Container:
    """The format of the file."""
    interfaces = work.interfaces()
    if not pcap:
        first_ts_ns = work.found.first_ts_ns + work.shift_ns
        comments = _section(work) if work.notes else ()
        # Of single frames nobody shall think that nothing came between them and the end.
        whole = work.choice.whole and len(work.choice.streams) and work.report.complete
        ended_ts_ns = work.report.tables.last_ts_ns + work.shift_ns if whole else None
        return PcapngFile(
            stream,
            interfaces,
            application=APPLICATION,
            comments=comments,
            first_ts_ns=first_ts_ns,
            ended_ts_ns=ended_ts_ns,
        )
    used = [interfaces[row] for row in sorted(work.found.interfaces)]
    links = sorted({each.link_name for each in used})
    if len({each.link_type for each in used}) > 1:
        raise UsageError(f"a .pcap file has one link type, these packets have {', '.join(links)}: write a .pcapng file")
    snaplens = [each.snaplen for each in used]
    return PcapFile(stream, used[0].link_type, None if None in snaplens else max(filter(None, snaplens)))


def _section(work: _Work) -> list[str]:
    """Comments of the file: where it comes from, and what was found."""
    names = ", ".join(printable(file_name(name)) for name in work.names)
    of = plural(len(work.report.tables.flows), "connection")
    told = [f"tcpdiag: {len(work.choice.streams):,} of {of} in {names}"]
    if work.redactor is not None:
        told.append("tcpdiag: addresses and names are other ones than in the original, contents are left out")
    told += [printable(headline(finding)) for finding in work.findings[:TOLD_FINDINGS]]
    if len(work.findings) > TOLD_FINDINGS:
        told.append(f"and {plural(len(work.findings) - TOLD_FINDINGS, 'more finding')}")
    return told


def _is_pcap(path: str | Path | BinaryIO) -> bool:
    return isinstance(path, (str, Path)) and Path(path).suffix.lower() == ".pcap"


@contextmanager
def _written(path: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """A file that is there only when it is whole: it has another name until then."""
    if not isinstance(path, (str, Path)):
        yield path
        return
    target = Path(path)
    try:
        if target.exists() and not target.is_file():  # a device or a pipe
            with target.open("wb") as stream:
                yield stream
            return
        target = target.resolve()
        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            with partial.open("xb") as stream:
                yield stream
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
