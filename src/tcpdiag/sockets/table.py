"""SocketTable: listings joined to the flows of a capture. What reports, programs and notebooks look at."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model.states import State
from ..units import plural
from .compare import Agreement, Verdict
from .holders import Holder, holders
from .listing import Listing
from .predict import Prediction
from .socket import End, Socket

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Joined:
    """A socket and the endpoint of a captured connection that it is."""

    socket: Socket
    endpoint: int  # row of the endpoint table
    side: str  # "client" or "server"
    lineage: tuple[int, ...]  # its stream, and earlier ones on the 4-tuple that the same socket may have had
    predicted: Prediction
    verdict: Verdict

    @property
    def stream(self) -> int:
        """Wireshark's tcp.stream."""
        return self.lineage[0]


@dataclass(frozen=True)
class Absent:
    """A connection that the capture predicts open at a host whose listing does not have it."""

    endpoint: int
    side: str
    local: End
    remote: End
    predicted: Prediction

    @property
    def stream(self) -> int:
        """Wireshark's tcp.stream."""
        return self.endpoint >> 1


@dataclass(frozen=True)
class JoinedListing:
    """One listing beside the capture. `when`: "before", "during" or "after" it; `compared_at_ns`: the moment of the
    capture that the states are compared with, the nearest that it has."""

    listing: Listing
    when: str
    compared_at_ns: int
    joined: tuple[Joined, ...]
    unseen: tuple[Socket, ...]  # connected, and the capture holds nothing of them
    absent: tuple[Absent, ...]
    absence_untold: str | None  # why sockets that are missing prove nothing; None: they do
    hosts: frozenset[tuple[int, int, int]]  # addresses of the host, as far as its sockets tell

    @property
    def ts_ns(self) -> int:
        """When it was taken."""
        return self.listing.taken.ts_ns

    def count(self, agreement: Agreement) -> int:
        """How many joined sockets stand so to what the capture predicts."""
        return sum(row.verdict.agreement is agreement for row in self.joined)

    def unseen_by_port(self) -> Counter[tuple[str, int | None]]:
        """Connected sockets that the capture never saw, by state and local port; None: one without a listener."""
        listening = {socket.local.port for socket in self.listing.listeners}
        return Counter(
            (
                str(socket.state) if socket.state is not None else "unknown",
                socket.local.port if socket.local.port in listening else None,
            )
            for socket in self.unseen
        )

    def close_wait(self) -> tuple[Holder, ...]:
        """Who holds the sockets in CLOSE-WAIT, those who hold most first."""
        return holders(self.listing, [s for s in self.listing.sockets if s.state is State.CLOSE_WAIT])

    def listener(self, end: End) -> Socket | None:
        """The socket that listens for this endpoint: on its very address before a wildcard."""
        found = [socket for socket in self.listing.listeners if socket.local.covers(end)]
        return min(found, key=lambda socket: socket.local.any_address, default=None)

    def among(self, streams: np.ndarray) -> "JoinedListing":
        """The same about these streams only; what the capture never saw stays."""
        chosen = set(streams.tolist())
        return replace(
            self,
            joined=tuple(row for row in self.joined if row.stream in chosen),
            absent=tuple(row for row in self.absent if row.stream in chosen),
        )


@dataclass(frozen=True)
class SocketTable:
    """All listings that were given, in order of time. Iterable: `for row in table` gives every joined socket."""

    listings: tuple[JoinedListing, ...]

    def __repr__(self) -> str:
        return f"<SocketTable: {plural(len(self.listings), 'listing')}, {plural(len(self), 'joined socket')}>"

    def _repr_html_(self) -> str:
        from ..notebook import of_sockets

        return of_sockets(self)

    def __iter__(self) -> Iterator[Joined]:
        return (row for listing in self.listings for row in listing.joined)

    def __len__(self) -> int:
        return sum(len(listing.joined) for listing in self.listings)

    def among(self, streams: np.ndarray) -> "SocketTable":
        """The same about these streams only."""
        return SocketTable(tuple(listing.among(streams) for listing in self.listings))

    def frame(self) -> "pd.DataFrame":
        """One row a socket, listeners and those that the capture never saw included; <NA>: unknown, or not given.

        | column | dtype | meaning |
        |---|---|---|
        | `ts` | datetime64[ns, UTC] | when its listing was taken |
        | `path` | string | the file with the listing |
        | `line` | int64 | line in it |
        | `local`, `remote` | string | its ends, `ip:port` |
        | `state` | category | what the kernel says |
        | `recv_q`, `send_q` | Int64 | bytes; of a listener, connections that wait for accept() and most that may |
        | `unread` | Int64 | bytes that its process has not read |
        | `process` | string | name of the process; of several the first |
        | `pid`, `fd` | Int64 | its number, and its file descriptor |
        | `inode`, `uid` | Int64 | of the socket |
        | `stream` | Int64 | connection that it is; <NA>: the capture holds none |
        | `side` | category | `client` or `server` |
        | `predicted` | category | the state that the capture predicts |
        | `predicted_frame` | Int64 | the frame that brought it |
        | `agreement` | category | how the two states stand to each other |
        | `note` | string | why |
        """
        import pandas as pd

        rows = [row for listing in self.listings for row in _frame_rows(listing)]
        columns: dict[str, Any] = {name: [row[place] for row in rows] for place, name in enumerate(_COLUMNS)}
        for name, values in columns.items():
            if name == "ts":
                columns[name] = pd.to_datetime(pd.array(values, dtype="Int64"), unit="ns", utc=True)
            elif name == "line":
                columns[name] = np.array(values, np.int64)
            elif name in _WORDS:
                columns[name] = pd.Categorical(values)
            else:
                columns[name] = pd.array(values, dtype="Int64" if name in _NUMBERS else "string")
        return pd.DataFrame(columns)


def together(first: SocketTable | None, second: SocketTable) -> SocketTable:
    """The listings of both, in order of time."""
    both = (*(first.listings if first else ()), *second.listings)
    return SocketTable(tuple(sorted(both, key=lambda listing: listing.ts_ns)))


_COLUMNS = (
    "ts", "path", "line", "local", "remote", "state", "recv_q", "send_q", "unread", "process", "pid", "fd", "inode",
    "uid", "stream", "side", "predicted", "predicted_frame", "agreement", "note",
)  # fmt: skip

_NUMBERS = ("stream", "recv_q", "send_q", "unread", "pid", "fd", "inode", "uid", "predicted_frame")
_WORDS = ("state", "side", "predicted", "agreement")


def _frame_rows(listing: JoinedListing) -> Iterator[Sequence[Any]]:
    rows = {id(row.socket): row for row in listing.joined}
    for socket in listing.listing.sockets:
        row = rows.get(id(socket))
        owner = socket.owners[0] if socket.owners else (None, None, None)
        yield (
            listing.ts_ns, listing.listing.path, socket.line, str(socket.local), socket.remote and str(socket.remote),
            None if socket.state is None else str(socket.state), socket.recv_q, socket.send_q, socket.unread, *owner,
            socket.inode, socket.uid, row and row.stream, row and row.side, row and str(row.predicted.state),
            row and row.predicted.frame, row and str(row.verdict.agreement), row and row.verdict.note,
        )  # fmt: skip
