"""What a finding claims of a socket, and what the socket says to that.

Each claim looks at the rows of one listing that are about its finding and sorts them: they bear it out, they are
against it, or they say nothing of it. Only kinds with a claim that a socket table can test stand here.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ..diagnoses.confidence import HOLES, NOT_UNIQUE, ONE_SIDED, PRESUMED, Doubt
from ..errors import UsageError
from ..model.finding import Finding
from ..model.states import SYNCHRONIZED, State
from ..units import parse_address, plural
from .compare import Agreement, fin_waits
from .socket import End
from .table import Absent, Joined, JoinedListing


class Rows(NamedTuple):
    """What one listing holds about one finding."""

    listing: JoinedListing
    joined: Sequence[Joined]
    absent: Sequence[Absent]

    @property
    def host(self) -> str:
        """The host, by the address that these sockets have."""
        ends = [row.socket.local for row in self.joined] + [row.local for row in self.absent]
        return ends[0].host if ends else ""


class Outcome(NamedTuple):
    """What the rows say of a claim. `doubts`: those that are settled where nothing is against it."""

    expected: str  # what the claim wants to see, in words
    host: str
    borne_out: Sequence[Joined] = ()
    against: Sequence[Joined | Absent] = ()
    said: str = ""  # what the kernel had, where that is not the socket of a connection
    proves: bool = False  # whether `said` bears it out
    doubts: frozenset[Doubt] = frozenset()

    @property
    def contradicted(self) -> bool:
        """Something is against it, and nothing bears it out."""
        return bool(self.against) and not self.borne_out

    @property
    def confirmed(self) -> bool:
        """Something bears it out, and nothing is against it."""
        return not self.against and (bool(self.borne_out) or self.proves)


Claim = Callable[[Finding, Rows], Outcome | None]
_LIVE: Final = SYNCHRONIZED - {State.TIME_WAIT}


def in_close_wait(finding: Finding, rows: Rows) -> Outcome | None:
    """The endpoint is in CLOSE-WAIT, and its application has not called close()."""
    asked = [row for row in rows.joined if row.predicted.state is State.CLOSE_WAIT]
    against: list[Joined | Absent] = [
        row for row in asked if row.verdict.agreement is Agreement.DIFFERS or fin_waits(row.socket, row.predicted.state)
    ]
    against += [row for row in rows.absent if row.predicted.state is State.CLOSE_WAIT]
    borne_out = [row for row in asked if row.socket.state is State.CLOSE_WAIT]
    return Outcome("CLOSE-WAIT", rows.host, borne_out, against, doubts=frozenset({PRESUMED, HOLES, ONE_SIDED}))


def unread(finding: Finding, rows: Rows) -> Outcome | None:
    """The application does not read: bytes wait in its socket."""
    if not _within(finding, rows.listing):
        return None
    asked = [row for row in rows.joined if row.socket.unread is not None and row.socket.state in _LIVE]
    return Outcome(
        "unread bytes",
        rows.host,
        [row for row in asked if row.socket.unread],
        [row for row in asked if not row.socket.unread],
    )


def without_keepalive(finding: Finding, rows: Rows) -> Outcome | None:
    """No keepalive is switched on."""
    if not rows.listing.listing.shows_timers:
        return None
    asked = [row for row in rows.joined if row.socket.state in _LIVE]
    on = [row for row in asked if row.socket.timer and row.socket.timer.name == "keepalive"]
    return Outcome(
        "no keepalive timer",
        rows.host,
        [row for row in asked if row.socket.timer is None],
        on,
        doubts=frozenset({NOT_UNIQUE}),
    )


def not_acknowledged(finding: Finding, rows: Rows) -> Outcome | None:
    """The sender still waits for an ACK."""
    if not _within(finding, rows.listing):
        return None
    return Outcome("unacknowledged bytes", rows.host, [row for row in rows.joined if row.socket.send_q])


def kept(finding: Finding, rows: Rows) -> Outcome | None:
    """The endpoint has, or no longer has, its socket after a RST."""
    if finding.first_ts_ns is None or rows.listing.ts_ns <= finding.first_ts_ns + rows.listing.listing.taken.margin_ns:
        return None
    live = [row for row in rows.joined if row.socket.state in _LIVE]
    if finding.data.get("reaction") in ("challenged", "ignored"):
        return Outcome("the connection still open", rows.host, live, list(rows.absent), doubts=frozenset({PRESUMED}))
    if finding.data.get("reaction") == "obeyed":
        return Outcome("no socket any more", rows.host, (), live)
    return None


def gone(finding: Finding, rows: Rows) -> Outcome | None:
    """The endpoint has no socket any more, while its peer has."""
    listing, local, remote = rows.listing, _end(finding.endpoint), _end(finding.peer)
    later = finding.last_ts_ns is not None and listing.ts_ns > finding.last_ts_ns + listing.listing.taken.margin_ns
    if not later or local is None or remote is None:
        return None
    live = [row for row in rows.joined if row.socket.state in _LIVE]
    if live:
        return Outcome("no socket any more", rows.host, (), live)
    if listing.absence_untold is not None or local[:3] not in listing.hosts or rows.joined:
        return None
    return Outcome("no socket any more", local.host, said=f"no socket for {remote} any more", proves=True)


def accept_queue_full(finding: Finding, rows: Rows) -> Outcome | None:
    """The listener's accept queue is full."""
    server = _end(finding.endpoint)
    if server is None or server[:3] not in rows.listing.hosts:
        return None
    listener = rows.listing.listener(server)
    if listener is None:
        if not rows.listing.listing.listeners or rows.listing.listing.filtered:
            return None
        return Outcome("a full accept queue", server.host, said=f"no listener on port {server.port}")
    waiting, room = listener.recv_q, listener.send_q
    if waiting is None:
        return None
    who = f" for {listener.owners[0]}" if listener.owners else ""
    said = f"{plural(waiting, 'connection')} waiting{who} in the accept queue of {listener.local}"
    full = room is not None and waiting > room
    if room is not None:
        said += f", with room for {room}: it is {'full' if full else 'not full'}"
    return Outcome("a full accept queue", server.host, said=said, proves=full, doubts=frozenset({NOT_UNIQUE}))


CLAIMS: Final[dict[str, Claim]] = {
    "close-wait-stuck": in_close_wait,
    "close-wait-leak": in_close_wait,
    "close-wait-sawtooth": in_close_wait,
    "syn-into-close-wait": in_close_wait,
    "reader-stopped": unread,
    "zero-window-stall": unread,
    "keepalive-absent": without_keepalive,
    "peer-vanished": not_acknowledged,
    "rst-off-sequence": kept,
    "half-open": gone,
    "accept-queue-overflow": accept_queue_full,
    "syn-unanswered": accept_queue_full,
}


def _within(finding: Finding, listing: JoinedListing) -> bool:
    """Whether the listing was taken while the finding lasted; one that lasts to the end of the capture, still does."""
    first_ns, last_ns, margin_ns = finding.first_ts_ns, finding.last_ts_ns, listing.listing.taken.margin_ns
    if first_ns is None or last_ns is None or listing.when == "before":
        return False
    return first_ns + margin_ns <= listing.ts_ns <= last_ns - margin_ns


def _end(label: str | None) -> End | None:
    host, _, port = (label or "").rpartition(":")
    try:
        return End(*parse_address(host), int(port))
    except (UsageError, ValueError):
        return None
