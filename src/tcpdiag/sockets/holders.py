"""Who holds sockets: processes, nobody, or nobody that the listing names."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..units import plural, size
from .listing import Listing
from .socket import Owner, Socket

PIDS_NAMED = 3


@dataclass(frozen=True)
class Holder:
    """Sockets of one process, or of processes that share all of them."""

    owners: tuple[Owner, ...]  # without descriptors; empty: no process
    fileless: bool | None  # no process: not accepted yet; None: the listing does not tell whose they are
    sockets: tuple[Socket, ...]

    @property
    def name(self) -> str:
        """`nginx (pid 123)`, `no process`, `processes that the listing does not name`."""
        if not self.owners:
            return "no process" if self.fileless else "processes that the listing does not name"
        names = list(dict.fromkeys(owner.name for owner in self.owners))
        pids = [str(owner.pid) for owner in self.owners if owner.pid is not None]
        more = f" and {len(pids) - PIDS_NAMED} more" if len(pids) > PIDS_NAMED else ""
        return ", ".join(names) + (f" (pid {', '.join(pids[:PIDS_NAMED])}{more})" if pids else "")

    @property
    def unread(self) -> tuple[int, int]:
        """How many of the sockets have bytes that nobody read, and how many bytes."""
        counts = [socket.unread for socket in self.sockets if socket.unread]
        return len(counts), sum(counts)

    @property
    def end_read(self) -> int:
        """Of how many sockets the application has read up to the end: it knows, and does not close."""
        return sum(socket.end_read is True for socket in self.sockets)

    @property
    def ports(self) -> tuple[int, ...]:
        """Local ports, ascending."""
        return tuple(sorted({socket.local.port for socket in self.sockets}))

    def reading(self) -> str:
        """What the queues say of the application: `20 with unread bytes (4.1 kB), 5 read to the end`; may be empty."""
        count, total = self.unread
        parts = []
        if count:
            which = "unread" if count == len(self.sockets) else f"of {count:,} unread"
            parts.append(f"{size(total)} {which}")
        if self.end_read:
            parts.append(f"{'all' if self.end_read == len(self.sockets) else f'{self.end_read:,}'} read to the end")
        if not parts and any(socket.end_read is False for socket in self.sockets):
            parts.append("the end not read")
        return ", ".join(parts)


def holders(listing: Listing, sockets: Iterable[Socket]) -> tuple[Holder, ...]:
    """These sockets of a listing by who holds them, most first."""
    groups: dict[tuple[tuple[Owner, ...], bool | None], list[Socket]] = {}
    for socket in sockets:
        owners = tuple(dict.fromkeys(owner._replace(fd=None) for owner in socket.owners))
        groups.setdefault((owners, listing.fileless(socket)), []).append(socket)
    found = [Holder(owners, fileless, tuple(rows)) for (owners, fileless), rows in groups.items()]
    return tuple(sorted(found, key=lambda holder: (-len(holder.sockets), holder.name)))


def told(holder: Holder) -> str:
    """`nginx (pid 123) holds 25 sockets, 4.1 kB of 20 unread`."""
    reading, count = holder.reading(), plural(len(holder.sockets), "socket")
    what = f"{holder.name} holds {count}" if holder.owners else f"{count} of {holder.name}"
    return f"{what}, {reading}" if reading else what
