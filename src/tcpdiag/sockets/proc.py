"""`/proc/net/tcp` and `/proc/net/tcp6` of Linux, as little-endian machines write their addresses.

sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
 0: 506433C6:1F90 076433C6:86FA 08 00000000:0000002E 00:00000000 00000000     0        0 263530 1 000000001403ea4f
"""

import re
from typing import Final

from ..model.states import State
from .ends import normal
from .socket import End, Socket, Timer

_ROW: Final = re.compile(
    r"\s*[0-9]+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) "
    r"([0-9A-F]{8}):([0-9A-F]{8}) ([0-9A-F]{2}):([0-9A-F]{8}) ([0-9A-F]{8})\s+([0-9]{1,10})\s+[0-9]+ ([0-9]{1,18})\b",
    re.ASCII,
)
_HEADER: Final = re.compile(r"\s*sl\s+local_address\s+(rem_address|remote_address)\b")
_COMMAND: Final = re.compile(r"/proc/(?:self/|[0-9]+/)?net/tcp")
_STATES: Final = (
    None,
    State.ESTABLISHED,
    State.SYN_SENT,
    State.SYN_RECEIVED,
    State.FIN_WAIT_1,
    State.FIN_WAIT_2,
    State.TIME_WAIT,
    State.CLOSED,
    State.CLOSE_WAIT,
    State.LAST_ACK,
    State.LISTEN,
    State.CLOSING,
    State.SYN_RECEIVED,
    State.CLOSED,
)
"""By number: include/net/tcp_states.h of Linux."""
_TIMERS: Final = {1: "on", 2: "keepalive", 3: "timewait", 4: "persist"}
_JIFFY_NS: Final = 10_000_000  # USER_HZ is 100 on every platform that matters here
_ACCEPTING: Final = State.LISTEN


class Proc:
    """Reads rows; remembers which of the two files it saw: IPv4 on an IPv6 socket stands in tcp6 alone."""

    name = "/proc/net/tcp"
    filtered = False

    def __init__(self) -> None:
        self._seen: set[str] = set()

    @property
    def families(self) -> frozenset[int]:
        """Families of which all sockets are listed."""
        both = {"rem_address", "remote_address"} <= self._seen
        return frozenset({4, 6} if both else {6} if "remote_address" in self._seen else ())

    def header(self, line: str) -> bool:
        """Whether it is the head of one of the files, or the shell's line that shows it."""
        match = _HEADER.match(line)
        if match:
            self._seen.add(match[1])
        return bool(match or _COMMAND.search(line))

    def other(self, line: str) -> bool:
        """There are only TCP sockets in it."""
        return False

    def row(self, line: str) -> Socket | None:
        """The socket of this row; None when it is no row of these files."""
        match = _ROW.match(line)
        if match is None:
            return None
        number = int(match[5], 16)
        state = _STATES[number] if number < len(_STATES) else None
        kind = _TIMERS.get(int(match[8], 16))
        left = int(match[9], 16) * _JIFFY_NS
        here, there = _end(match[1], match[2]), _end(match[3], match[4])
        return Socket(
            here,
            there if there.port else None,
            state,
            recv_q=int(match[7], 16),
            send_q=None if state is _ACCEPTING else int(match[6], 16),  # the limit of the queue is not in it
            uid=int(match[11]),
            inode=int(match[12]),
            timer=Timer(kind, left, int(match[10], 16)) if kind else None,
        )

    def more(self, socket: Socket, line: str) -> Socket | None:
        """A socket is one line."""
        return None


def _end(address: str, port: str) -> End:
    """Words of 32 bits in the machine's byte order; the port in the net's."""
    words = [int.from_bytes(bytes.fromhex(address[at : at + 8]), "little") for at in range(0, len(address), 8)]
    if len(words) == 1:
        return End(4, 0, words[0], int(port, 16))
    hi, lo = words[0] << 32 | words[1], words[2] << 32 | words[3]
    return End(*normal(6, hi, lo), int(port, 16))
