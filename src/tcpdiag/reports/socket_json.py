"""The socket table as JSON: plain dicts, described by `schema.json`."""

from collections.abc import Iterator
from typing import Any

from ..sockets.compare import Agreement
from ..sockets.holders import Holder
from ..sockets.socket import Owner, Socket
from ..sockets.table import Absent, Joined, JoinedListing, SocketTable
from ..units import epoch


def listings(table: SocketTable | None) -> list[dict[str, Any]] | None:
    """One object a listing, in order of time; None where no listing was given."""
    return None if table is None else [_listing(each) for each in table.listings]


def _listing(each: JoinedListing) -> dict[str, Any]:
    listing = each.listing
    return {
        "path": listing.path,
        "format": listing.format,
        "ts": epoch(each.ts_ns),
        "ts_from": listing.taken.source,
        "assumed_utc": listing.taken.assumed_utc,
        "when": each.when,
        "compared_at": epoch(each.compared_at_ns),
        "sockets": len(listing.sockets),
        "listening": len(listing.listeners),
        "agreement": {str(agreement): each.count(agreement) for agreement in Agreement},
        "not_understood": dict(listing.not_understood),
        "joined": [_joined(row) for row in each.joined],
        "others": list(_others(each)),
        "never_captured": [
            {"state": state, "local_port": port, "count": count}
            for (state, port), count in each.unseen_by_port().most_common()
        ],
        "absent": None if each.absence_untold else [_absent(row) for row in each.absent],
        "absence_untold": each.absence_untold,
        "close_wait": [_holder(holder) for holder in each.close_wait()],
        "accept_queues": [
            {"local": str(s.local), "waiting": s.recv_q, "allowed": s.send_q, "processes": _owners(s.owners)}
            for s in listing.listeners
            if s.recv_q is not None
        ],
    }


def _joined(row: Joined) -> dict[str, Any]:
    socket, predicted = row.socket, row.predicted
    return {
        "line": socket.line,
        "stream": row.stream,
        "side": row.side,
        "local": str(socket.local),
        "remote": str(socket.remote),
        "state": None if socket.state is None else str(socket.state),
        "predicted": str(predicted.state),
        "predicted_ts": None if predicted.since_ns is None else epoch(predicted.since_ns),
        "predicted_frame": predicted.frame,
        "certain": predicted.certain,
        "agreement": str(row.verdict.agreement),
        "note": row.verdict.note,
        **_details(socket),
    }


def _others(each: JoinedListing) -> Iterator[dict[str, Any]]:
    """Listeners, and sockets whose connection the report does not have."""
    joined, unseen = {id(row.socket) for row in each.joined}, {id(socket) for socket in each.unseen}
    for socket in each.listing.sockets:
        if id(socket) not in joined:
            yield {
                "line": socket.line,
                "local": str(socket.local),
                "remote": None if socket.remote is None else str(socket.remote),
                "state": None if socket.state is None else str(socket.state),
                "captured": socket.remote is not None and id(socket) not in unseen,
                **_details(socket),
            }


def _details(socket: Socket) -> dict[str, Any]:
    timer = socket.timer
    return {
        "recv_q": socket.recv_q,
        "send_q": socket.send_q,
        "unread": socket.unread,
        "end_read": socket.end_read,
        "processes": _owners(socket.owners),
        "inode": socket.inode,
        "uid": socket.uid,
        "timer": timer and {"name": timer.name, "left_ns": timer.left_ns, "retries": timer.retries},
        "info": dict(socket.info),
        "counts_fin": socket.counts_fin,
    }


def _absent(row: Absent) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "side": row.side,
        "local": str(row.local),
        "remote": str(row.remote),
        "predicted": str(row.predicted.state),
        "predicted_frame": row.predicted.frame,
    }


def _holder(holder: Holder) -> dict[str, Any]:
    with_unread, unread = holder.unread
    return {
        "processes": _owners(holder.owners),
        "accepted": None if holder.fileless is None else not holder.fileless,
        "count": len(holder.sockets),
        "with_unread": with_unread,
        "unread_bytes": unread,
        "end_read": holder.end_read,
        "local_ports": list(holder.ports),
    }


def _owners(owners: tuple[Owner, ...]) -> list[dict[str, Any]]:
    return [owner._asdict() for owner in owners]
