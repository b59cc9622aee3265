"""What a kernel's sockets say of a finding, as sentences."""

from collections.abc import Sequence
from typing import Final

from ..model.finding import Sentence
from ..model.states import SYNCHRONIZED, State
from ..units import duration, plural, utc
from .claims import Outcome
from .holders import Holder, holders, told
from .table import Absent, Joined, JoinedListing

HOLDERS_MAX: Final = 3
_TIMED: Final = SYNCHRONIZED - {State.TIME_WAIT}


def borne_out(listing: JoinedListing, outcome: Outcome) -> Sentence:
    """What bears the finding out, or what the kernel had instead of anything that decides."""
    if not outcome.borne_out:
        return Sentence(f"At {utc(listing.ts_ns)} the kernel of {outcome.host} had {outcome.said}.", (), listing.ts_ns)
    if len(outcome.borne_out) == 1:
        return one(listing, outcome.borne_out[0])
    groups = holders(listing.listing, [row.socket for row in outcome.borne_out])
    who = "; ".join(told(holder) for holder in groups[:HOLDERS_MAX])
    if len(groups) > HOLDERS_MAX:
        who += f"; {plural(len(groups) - HOLDERS_MAX, 'further process', 'further processes')} the rest"
    what = f"in {outcome.expected}" if outcome.expected == str(State.CLOSE_WAIT) else f"with {outcome.expected}"
    text = (
        f"At {utc(listing.ts_ns)} the kernel of {outcome.host} had {len(outcome.borne_out):,} of these sockets {what}: "
        f"{who}.{_meaning(groups)}"
    )
    return Sentence(text, (), listing.ts_ns)


def one(listing: JoinedListing, row: Joined) -> Sentence:
    """One socket, told whole."""
    socket = row.socket
    state = f"in {socket.state}" if socket.state is not None else "in a state that the listing does not tell"
    parts = [f"At {utc(listing.ts_ns)} the kernel of {socket.local.host} had this socket {state}"]
    if remarkable := detail(row):
        parts.append(remarkable)
    if socket.owners:
        more = f" and {plural(len(socket.owners) - 1, 'more descriptor')}" if len(socket.owners) > 1 else ""
        parts.append(f"held by {socket.owners[0]}{more}")
    return Sentence(f"{', '.join(parts)}.{_meaning(holders(listing.listing, [socket]))}", (), listing.ts_ns)


def contradiction(listing: JoinedListing, outcome: Outcome) -> Sentence:
    """What is against the finding. It has no time of its own: it is told before the story that it contradicts."""
    row, count = outcome.against[0], len(outcome.against)
    predicted = row.predicted
    which = "this socket" if count == 1 and not outcome.borne_out else f"{count:,} of these sockets"
    if isinstance(row, Absent):
        text = f"it did not have {which}"
    else:
        text = f"it had {which} in {row.socket.state}"
        remarkable = detail(row)
        text += f", {remarkable}" if remarkable and count == 1 else ""
    if isinstance(row, Absent) or row.socket.state is not predicted.state:
        frame = f" [{predicted.frame}]" if predicted.frame else ""
        text += f", where the capture predicts {predicted.state}{frame}"
    if isinstance(row, Joined) and row.verdict.note:
        text += f" ({row.verdict.note})"
    text = f"The kernel of {outcome.host} contradicts this: at {utc(listing.ts_ns)} {text}."
    return Sentence(text, (predicted.frame,) if predicted.frame and f"[{predicted.frame}]" in text else ())


def result(outcome: Outcome) -> str | None:
    """What looking for something else gave, in a few words; None: it was not told."""
    if outcome.borne_out:
        of = len(outcome.borne_out) + len(outcome.against)
        kept = f"{len(outcome.borne_out):,} of {plural(of, 'socket')} with {outcome.expected}"
        return f"found, yet {kept}" if outcome.against else f"not found: {kept}"
    if outcome.against:
        row = outcome.against[0]
        return f"found: {'no such socket' if isinstance(row, Absent) else f'{row.socket.state}'}"
    return f"not found: {outcome.said}" if outcome.proves else None


def detail(row: Joined) -> str:
    """What is remarkable of one socket: `45 bytes unread, keepalive timer due in 1 h 59 min`."""
    socket, parts = row.socket, []
    if socket.unread:
        parts.append(f"{plural(socket.unread, 'byte')} unread")
    if socket.send_q:
        parts.append(f"{plural(socket.send_q, 'byte')} not acknowledged")
    timer = socket.timer
    if timer is not None and socket.state in _TIMED:
        name = "retransmission" if timer.name == "on" else timer.name
        due = "" if timer.left_ns is None else f" due in {duration(timer.left_ns)}"
        tries = f" after {plural(timer.retries, 'retry', 'retries')}" if timer.retries else ""
        parts.append(f"{name} timer{due}{tries}")
    return ", ".join(parts)


def _meaning(groups: Sequence[Holder]) -> str:
    """What the queues of sockets in CLOSE-WAIT say of who holds them."""
    sockets = [socket for holder in groups for socket in holder.sockets]
    if any(socket.state is not State.CLOSE_WAIT for socket in sockets):
        return ""
    if all(holder.fileless for holder in groups):
        return f" No process has accepted {'it' if len(sockets) == 1 else 'them'}."
    owned = [socket for holder in groups if holder.owners for socket in holder.sockets]
    if owned and all(socket.end_read for socket in owned):
        return " The application has read the end of the stream and did not call close()."
    if owned and all(socket.end_read is False for socket in owned):
        return " The application has not read the end of the stream."
    return ""
