"""One socket as a kernel lists it. What the listing does not say is None, never 0."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .. import units
from ..model.states import State


class End(NamedTuple):
    """Address and port as numbers, `hi` and `lo` as in `model.segment`; IPv4 whatever the socket's family was."""

    family: int
    hi: int
    lo: int
    port: int

    def __str__(self) -> str:
        return units.endpoint(*self)

    @property
    def host(self) -> str:
        """The address alone."""
        return units.address(self.family, self.hi, self.lo)

    @property
    def any_address(self) -> bool:
        """Whether it is a listener's wildcard: 0.0.0.0 or ::."""
        return not self.hi and not self.lo

    def covers(self, other: "End") -> bool:
        """Whether a listener here gets what is sent to `other`. A listener on :: gets IPv4 too, unless it says no."""
        if self.port != other.port:
            return False
        if self.any_address:
            return self.family in (6, other.family)
        return self[:3] == other[:3]


class Owner(NamedTuple):
    """A process that has a descriptor of the socket."""

    name: str
    pid: int | None
    fd: int | None

    def __str__(self) -> str:
        parts = [f"pid {self.pid}"] * (self.pid is not None) + [f"fd {self.fd}"] * (self.fd is not None)
        return f"{self.name} ({', '.join(parts)})" if parts else self.name


class Timer(NamedTuple):
    """The timer that runs: `keepalive`, `on` (retransmission), `persist`, `timewait`. `left_ns` None: not told."""

    name: str
    left_ns: int | None
    retries: int


FIN_RECEIVED: Final = frozenset({State.CLOSE_WAIT, State.LAST_ACK, State.CLOSING, State.TIME_WAIT})
"""States in which the peer's FIN has come."""


@dataclass(frozen=True, slots=True)
class Socket:
    """One row. Of a listener, `recv_q` counts the connections that wait to be accepted and `send_q` their limit."""

    local: End
    remote: End | None  # None: not connected
    state: State | None  # None: the listing has no column for it
    recv_q: int | None = None
    send_q: int | None = None
    owners: tuple[Owner, ...] = ()
    inode: int | None = None  # 0: no file, so no process can have it
    uid: int | None = None
    timer: Timer | None = None
    info: Mapping[str, int] = field(default_factory=dict)  # of `ss -i`: lastrcv, bytes_received, ...
    counts_fin: bool = True  # Linux counts a FIN that has not been read as one byte of Recv-Q
    line: int = 0  # where it stands in the file

    @property
    def unread(self) -> int | None:
        """Bytes that came and that the application has not read."""
        if self.recv_q is None or self.state is State.LISTEN:
            return None
        fin = self.counts_fin and self.state in FIN_RECEIVED
        return max(0, self.recv_q - fin)

    @property
    def end_read(self) -> bool | None:
        """Whether the application has read up to the end of the stream, in CLOSE-WAIT: it knows that the peer is done.

        Linux alone tells: tcp(7)'s Recv-Q is RCV.NXT minus what was copied, and read() returning 0 copies the FIN.
        """
        if self.state is not State.CLOSE_WAIT or self.recv_q is None or not self.counts_fin:
            return None
        return self.recv_q == 0


_NAMES: Final = {
    "ESTAB": State.ESTABLISHED,
    "SYNRECV": State.SYN_RECEIVED,
    "SYNRCVD": State.SYN_RECEIVED,
    "NEWSYNRECV": State.SYN_RECEIVED,
    "LISTENING": State.LISTEN,
    "CLOSE": State.CLOSED,
    "UNCONN": State.CLOSED,
    "BOUNDINACTIVE": State.CLOSED,
    "FINWAIT1": State.FIN_WAIT_1,
    "FINWAIT2": State.FIN_WAIT_2,
} | {state.name.replace("_", ""): state for state in State if state not in (State.UNSEEN, State.MIDSTREAM)}


def state_named(word: str) -> State | None:
    """The state that any of the tools calls so: `ESTAB`, `FIN_WAIT2`, `SYN-RECV`, `LISTENING`; None for other words."""
    return _NAMES.get(word.upper().replace("_", "").replace("-", ""))
