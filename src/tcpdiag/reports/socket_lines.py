"""The socket table as lines for people: what the hosts' kernels had, and where it differs from the capture."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..report import Report
from ..sockets.compare import Agreement
from ..sockets.holders import Holder, told
from ..sockets.socket import Socket
from ..sockets.table import Joined, JoinedListing
from ..sockets.when import DATE_LINE, GIVEN
from ..units import duration, file_name, plural, relative, utc

LINES_MAX: Final = 6
"""Lines of one sort: JSON and the DataFrame have all."""
HOSTS_NAMED: Final = 3
SOURCES: Final = {GIVEN: "the time that was given", DATE_LINE: "the date line in it"}


@dataclass(frozen=True)
class ListingLines:
    """One listing: what it is, and what it tells."""

    title: str
    lines: tuple[str, ...]


def socket_lines(report: Report) -> tuple[ListingLines, ...]:
    """Every listing that was given, in order of time."""
    if report.sockets is None:
        return ()
    first_ns = report.tables.first_ts_ns
    return tuple(ListingLines(_title(each, first_ns), tuple(lines_of(each))) for each in report.sockets.listings)


def name_of(each: JoinedListing) -> str:
    """`Sockets of 10.0.0.1 by ss (sockets.txt), 2026-11-21 01:23:41 UTC`"""
    listing = each.listing
    return f"Sockets of {_hosts(each)} by {listing.format} ({file_name(listing.path)}), {utc(each.ts_ns)}"


def _title(each: JoinedListing, first_ns: int) -> str:
    taken = each.listing.taken
    source = SOURCES.get(taken.source, "an assumption: the time of the file")
    zone = ", taken as UTC" if taken.assumed_utc else ""
    return f"{name_of(each)} ({relative(taken.ts_ns - first_ns)}, {source}{zone})"


def _hosts(each: JoinedListing) -> str:
    names = list(dict.fromkeys(row.socket.local.host for row in each.joined))
    names += list(dict.fromkeys(row.local.host for row in each.absent if row.local.host not in names))
    if not names:
        return "a host"
    more = len(names) - HOSTS_NAMED
    return ", ".join(names[:HOSTS_NAMED]) + (f" and {plural(more, 'more address', 'more addresses')}" * (more > 0))


def lines_of(each: JoinedListing) -> Iterator[str]:
    """What it tells: counts, who holds what in CLOSE-WAIT, where it differs from the capture."""
    yield _counts(each)
    if each.when != "during":
        yield f"It was taken {each.when} the capture: states are compared with those at its {_edge(each)}."
    for holder in each.close_wait()[:LINES_MAX]:
        yield f"CLOSE-WAIT: {told(holder)} ({_ports(holder)}){': not accepted yet' if holder.fileless else ''}"
    yield from _some(_queue(socket) for socket in each.listing.listeners if socket.recv_q)
    yield from _some(_difference(row) for row in each.joined if row.verdict.agreement is Agreement.DIFFERS)
    yield from _some(_difference(row) for row in each.joined if row.verdict.agreement is Agreement.EXPLAINED)
    yield from _some(
        f"Missing: {row.local} -> {row.remote}, stream {row.stream}: the capture predicts {row.predicted.state}"
        f"{_frame(row.predicted.frame)}, the kernel has no such socket: half-open, or its end was not captured"
        for row in each.absent
    )
    if each.count(Agreement.NOT_LISTED):
        yield "A listing of one state alone has no column for it: keep its command above it, or list all states (-a)."
    for reason, count in each.listing.not_understood.items():
        yield f"{plural(count, 'line')} not understood: {reason}"


def _counts(each: JoinedListing) -> str:
    connected = len(each.joined) + len(each.unseen)
    parts = [f"{connected:,} connected, {plural(len(each.listing.listeners), 'listener')}"]
    words = {
        Agreement.AGREES: "in the predicted state",
        Agreement.EXPLAINED: "in another for a known reason",
        Agreement.DIFFERS: "in another",
        Agreement.SOCKET_ONLY: "whose state the capture does not tell",
        Agreement.NOT_LISTED: "whose state the listing does not tell",
    }
    counts = [f"{count:,} {text}" for agreement, text in words.items() if (count := each.count(agreement))]
    if counts:
        parts.append(f"joined to their connections: {', '.join(counts)}")
    if each.unseen:
        ports = [
            f"{count:,} {state} on {f'port {port}' if port is not None else 'ports without a listener'}"
            for (state, port), count in each.unseen_by_port().most_common(LINES_MAX)
        ]
        parts.append(f"never in the capture (or behind a NAT): {', '.join(ports)}")
    return "; ".join(parts)


def _edge(each: JoinedListing) -> str:
    gap = duration(abs(each.ts_ns - each.compared_at_ns))
    return f"start, {gap} later" if each.when == "before" else f"end, {gap} earlier"


def _ports(holder: Holder) -> str:
    names = ", ".join(map(str, holder.ports[:LINES_MAX])) + (", ..." if len(holder.ports) > LINES_MAX else "")
    return f"port {names}" if len(holder.ports) == 1 else f"ports {names}"


def _queue(socket: Socket) -> str:
    waiting, room = socket.recv_q or 0, socket.send_q
    full = "" if room is None else f", {room} allowed{': full' if waiting > room else ''}"
    owner = f" ({socket.owners[0]})" if socket.owners else ""
    return f"Accept queue of {socket.local}{owner}: {waiting:,} waiting{full}"


def _difference(row: Joined) -> str:
    known = "Differs" if row.verdict.agreement is Agreement.DIFFERS else "Explained"
    return (
        f"{known}: {row.socket.local} -> {row.socket.remote}, stream {row.stream}: the kernel says "
        f"{row.socket.state}, the capture {row.predicted.state}{_frame(row.predicted.frame)}: {row.verdict.note}"
    )


def _frame(frame: int | None) -> str:
    return f" [{frame}]" if frame else ""


def _some(lines: Iterable[str]) -> Iterator[str]:
    """The first LINES_MAX, and how many more there are."""
    found = list(lines)
    yield from found[:LINES_MAX]
    if len(found) > LINES_MAX:
        yield f"... and {len(found) - LINES_MAX:,} more like this: see --format json"
