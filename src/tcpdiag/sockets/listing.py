"""One listing: a host's sockets at one moment, read from whatever text a tool or a file of Linux gave."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from ..errors import UnreadableInput
from ..model.states import State
from ..units import printable
from . import when
from .ends import NotUnderstood
from .lsof import Lsof
from .netstat import Netstat
from .proc import Proc
from .socket import Socket
from .ss import Ss
from .when import Moment

LINE_MAX: Final = 1 << 16
SOCKETS_MAX: Final = 1_000_000
STRANGE_MAX: Final = 10_000
"""Lines that may be of no known kind before the first one that is: then it is another file."""


class Format(Protocol):
    """A tool's way to list sockets. One object reads one listing."""

    name: str
    filtered: bool

    @property
    def families(self) -> frozenset[int]:
        """Families of which all sockets are listed, when nothing was filtered."""

    def header(self, line: str) -> bool:
        """Whether it is a heading."""

    def other(self, line: str) -> bool:
        """Whether it is a row about something else."""

    def row(self, line: str) -> Socket | None:
        """The socket of a row. Raises NotUnderstood."""

    def more(self, socket: Socket, line: str) -> Socket | None:
        """The socket with what the next line says of it."""


FORMATS: Final = (Ss, Netstat, Lsof, Proc)


@dataclass(frozen=True)
class Listing:
    """The sockets of one host at one moment."""

    path: str
    format: str
    taken: Moment
    sockets: tuple[Socket, ...]
    not_understood: Mapping[str, int] = field(default_factory=dict)  # lines by reason
    families: frozenset[int] = frozenset()  # of which no socket is missing
    filtered: bool = False  # only some sockets were asked for

    @property
    def names_processes(self) -> bool:
        """Whether any socket has a process: without root, and without -p, none of a stranger's has."""
        return any(socket.owners for socket in self.sockets)

    @property
    def shows_timers(self) -> bool:
        """Whether the timers were asked for."""
        return self.format == Proc.name or any(socket.timer for socket in self.sockets)

    @property
    def listeners(self) -> tuple[Socket, ...]:
        """Sockets in LISTEN."""
        return tuple(socket for socket in self.sockets if socket.state is State.LISTEN)

    def fileless(self, socket: Socket) -> bool | None:
        """Whether no process can have it: not accepted yet, or closed by its process. None: not told.

        Linux gives it no inode then. Without inodes: it is the one without a process where others have theirs.
        """
        if socket.owners:
            return False
        if socket.inode is not None:
            return socket.inode == 0
        return True if self.names_processes else None


def given(item: "str | Path | Listing") -> list[Listing]:
    """The listings of `FILE` or `FILE@TIME`; a Listing stands for itself. Raises UnreadableInput and UsageError.

    TIME: epoch seconds, or as in 2026-11-21T04:31:57Z. A file whose whole name has an @ in it is a file.
    """
    if isinstance(item, Listing):
        return [item]
    path, at, time = str(item).rpartition("@")
    if not at or not path or Path(item).exists():
        return read(item)
    return read(path, when.parse(time))


def read(path: str | Path, at: Moment | None = None) -> list[Listing]:
    """The listings of a file, in order. A line with a date begins the next one.

    at: when it was taken; else the date line above it, else the time of the file. Raises UnreadableInput for a file
    that cannot be read, or that holds no listing.
    """
    shown = printable(str(path))
    try:
        with Path(path).open("rb") as stream:
            found = list(_listings(str(path), _lines(stream), at or when.of_file(Path(path)), fixed=at is not None))
    except OSError as error:
        raise UnreadableInput(f"{shown}: {error.strerror}") from None
    if not found:
        raise UnreadableInput(f"{shown}: no socket listing: neither of ss, netstat or lsof, nor /proc/net/tcp")
    return found


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Text lines, whatever the bytes; of a longer one only the first LINE_MAX bytes."""
    inside = False
    for raw in iter(lambda: stream.readline(LINE_MAX), b""):
        whole = raw.endswith(b"\n")
        if not inside:
            yield raw.decode("utf-8-sig", "backslashreplace").rstrip("\r\n")
        inside = not whole


def _listings(path: str, lines: Iterator[str], taken: Moment, *, fixed: bool) -> Iterator[Listing]:
    """One for each stretch between dates that holds something."""
    builder = _Builder(path, taken)
    for number, line in enumerate(lines, 1):
        moment = when.stamp(line)
        if moment is None:
            builder.line(line, number)
            if builder.format is None and number > STRANGE_MAX:
                return
            continue
        if builder.format is not None:
            yield builder.listing()
        builder = _Builder(path, taken if fixed else moment)
    if builder.format is not None:
        yield builder.listing()


class _Builder:
    """Takes line by line what becomes one listing."""

    def __init__(self, path: str, taken: Moment) -> None:
        self._path, self._taken = path, taken
        self._formats: list[Format] = [format() for format in FORMATS]
        self.format: Format | None = None
        self._used: list[Format] = []
        self._sockets: dict[object, Socket] = {}
        self._last: object = None
        self._not_understood: Counter[str] = Counter()

    def line(self, line: str, number: int) -> None:
        """One more line."""
        if not line.strip():
            return
        try:
            if not self._understood(line, number):
                self._not_understood["other lines"] += 1
        except NotUnderstood as reason:
            self._not_understood[str(reason)] += 1
            self._last = None

    def _understood(self, line: str, number: int) -> bool:
        for format in self._formats:
            if format.header(line) or format.other(line):
                self._use(format)
                self._last = None
                return True
            try:
                socket = format.row(line)
            except NotUnderstood:
                self._use(format)
                raise
            if socket is not None:
                self._use(format)
                self._take(replace(socket, line=number))
                return True
        if self.format is None or self._last is None:
            return False
        longer = self.format.more(self._sockets[self._last], line)
        if longer is not None:
            self._sockets[self._last] = longer
        return longer is not None

    def _use(self, format: Format) -> None:
        if format is not self.format:
            self._formats.sort(key=lambda other: other is not format)  # most likely the next line's too
            self.format = format
            self._used = [*(other for other in self._used if other is not format), format]

    def _take(self, socket: Socket) -> None:
        """A socket that is there already has several descriptors, or was listed by several tools."""
        listener = (socket.inode or socket.line) if socket.remote is None else None
        key = (socket.local, socket.remote, listener)
        known = self._sockets.get(key)
        if known is None and len(self._sockets) >= SOCKETS_MAX:
            self._not_understood[f"sockets beyond the first {SOCKETS_MAX:,}"] += 1
            self._last = None
            return
        self._sockets[key] = socket if known is None else _merged(known, socket)
        self._last = key

    def listing(self) -> Listing:
        """What came together."""
        families = frozenset().union(*(format.families for format in self._used))
        return Listing(
            self._path,
            " and ".join(dict.fromkeys(format.name for format in self._used)),
            self._taken,
            tuple(self._sockets.values()),
            dict(self._not_understood),
            families,
            all(format.filtered for format in self._used),
        )


def _merged(first: Socket, second: Socket) -> Socket:
    """What either listing says; the first one where both do."""
    fields = ("state", "recv_q", "send_q", "inode", "uid", "timer")
    gaps = {name: getattr(second, name) for name in fields if getattr(first, name) is None}
    owners = first.owners + tuple(owner for owner in second.owners if not _known(owner.pid, owner.fd, first))
    return replace(first, owners=owners, info={**second.info, **first.info}, **gaps)


def _known(pid: int | None, fd: int | None, socket: Socket) -> bool:
    return any(owner.pid == pid and (owner.fd == fd or None in (owner.fd, fd)) for owner in socket.owners)
