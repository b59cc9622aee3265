"""`ss` of iproute2, with any of -t -a -n -p -o -i -e -m -O -H.

State      Recv-Q Send-Q  Local Address:Port   Peer Address:Port  Process
ESTAB      0      0           10.0.0.1:22         10.0.0.2:3333   users:(("sshd",pid=7,fd=4)) timer:(keepalive,119min,0)
     cubic wscale:7,7 rto:204 rtt:0.1/0.05 lastsnd:12 lastrcv:12      behind -i: about the socket above it

`Netid` stands in front where several kinds of socket were asked for. One state alone was asked for: no State column.
"""

import re
from dataclasses import replace
from typing import Any, Final

from ..model.states import State
from .ends import NotUnderstood, digits, end
from .socket import Owner, Socket, Timer, state_named

_OTHERS: Final = frozenset(
    ("udp", "raw", "u_str", "u_dgr", "u_seq", "nl", "p_raw", "p_dgr", "v_str", "v_dgr", "ti_sq", "ti_rd", "ti_dg",
     "ti_st", "xdp", "sctp", "dccp", "mptcp", "icmp6", "unix", "???")
)  # fmt: skip
_COMMAND: Final = re.compile(r"(?:^|[#$>]\s*|sudo )ss\s+-")
_STATE_WORDS: Final = re.compile(r"\bstate\s+([a-zA-Z0-9-]+)")
_HEADER: Final = re.compile(r"(?:(Netid)\s+)?(?:(State)\s+)?Recv-Q\s+Send-Q\s+Local Address", re.IGNORECASE)
_USER: Final = r'\("(.{0,64}?)",(?:pid=)?([0-9]{1,10})(?:,proc_ctx=[^,()]{0,256})?,(?:fd=)?([0-9]{1,10})[^()]{0,256}\)'
_ONE_USER: Final = re.compile(_USER)
_USERS: Final = re.compile(rf"users:\((?:{_USER},?)+\)")
_TIMER: Final = re.compile(r"\btimer:\(([a-z]+),([0-9a-z.]*),([0-9]{1,5})\)")
_TIME: Final = re.compile(r"([0-9.]{1,8})(day|hour|min|sec|ms|us)")
_UNITS: Final = {"day": 86_400_000, "hour": 3_600_000, "min": 60_000, "sec": 1000, "ms": 1, "us": 0.001}
_NUMBER: Final = re.compile(r" (uid|ino):([0-9]{1,18})\b")
_INFO: Final = re.compile(
    r" (lastsnd|lastrcv|lastack|bytes_sent|bytes_retrans|bytes_acked|bytes_received|segs_out|segs_in|unacked|"
    r"lost|notsent|cwnd|backoff|retrans):(?:[0-9]{1,18}/)?([0-9]{1,18})\b"
)
_MS: Final = 1_000_000
_LONGEST_NS: Final = 1 << 62


class Ss:
    """Reads rows; remembers what the header said of the columns."""

    name = "ss"
    families = frozenset({4, 6})
    """Families of which a listing with this header holds all sockets."""

    def __init__(self) -> None:
        self._has_state = True
        self._only: State | None = None
        self.filtered = False
        """Whether only some sockets were asked for: the header or the command line above it says so."""

    def header(self, line: str) -> bool:
        """Whether it is the head of the table, or the shell's line that made it."""
        if match := _HEADER.match(line.lstrip()):
            self._has_state = match[2] is not None
            self.filtered |= not self._has_state
            return True
        if "ss -" not in line or not _COMMAND.search(line):
            return False
        words = _STATE_WORDS.findall(line)
        self._only = state_named(words[0]) if len(words) == 1 else None
        self.filtered = bool(words)
        return True

    def other(self, line: str) -> bool:
        """Whether it is a row about a socket that is no TCP socket."""
        words = line.split(None, 2)
        return len(words) > 2 and words[0] in _OTHERS

    def row(self, line: str) -> Socket | None:
        """The socket of this row; None when it is no row of `ss`. Raises NotUnderstood."""
        if line[:1].isspace():
            return None
        words = line.split(None, 6)
        if words[:1] == ["tcp"]:
            words = line.split(None, 7)[1:]
            if words and digits(words[0]) and self._has_state:
                return None  # netstat's
        state = state_named(words[0]) if words else None
        if state is None and (self._has_state or not digits(line[:1])) and words[:1] != ["UNKNOWN"]:
            return None
        named = state is not None or words[0] == "UNKNOWN"
        if len(words) < 4 + named:
            raise NotUnderstood("rows of ss that are cut")
        received, sent, local, peer = words[named : named + 4]
        if not (digits(received) and digits(sent)):
            raise NotUnderstood("rows of ss without queues")
        here, there = end(local), end(peer)
        if here is None:
            raise NotUnderstood("sockets without an address")
        socket = Socket(here, there, state or self._only, int(received), int(sent))
        return _more(socket, line)

    def more(self, socket: Socket, line: str) -> Socket | None:
        """The socket with what a further line says of it; None where the line is none of these."""
        return _more(socket, line) if line[:1].isspace() else None


def _more(socket: Socket, text: str) -> Socket:
    """What stands behind the addresses, in any order."""
    found: dict[str, Any] = {}
    if "users:(" in text and (users := _USERS.search(text)):
        text = text[: users.start()] + text[users.end() :]  # a name may look like anything
        owners = (Owner(name, int(pid), int(fd)) for name, pid, fd in _ONE_USER.findall(users[0]))
        found["owners"] = (*socket.owners, *owners)
    if "timer:(" in text and (timer := _timer(text)):
        found["timer"] = timer
    for name, value in _NUMBER.findall(text):
        found["inode" if name == "ino" else name] = int(value)
    info = {name: int(value) for name, value in _INFO.findall(text)}
    if info:
        found["info"] = {**socket.info, **info}
    return replace(socket, **found) if found else socket


def _timer(text: str) -> Timer | None:
    match = _TIMER.search(text)
    if match is None:
        return None
    try:
        left = round(sum(float(number) * _UNITS[unit] for number, unit in _TIME.findall(match[2])) * _MS)
    except ValueError:  # 1.2.3sec
        left = 0
    return Timer(match[1], left if 0 < left < _LONGEST_NS else None, int(match[3]))
