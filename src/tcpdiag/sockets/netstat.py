"""`netstat` of Linux (net-tools), of the BSDs and macOS, and of Windows.

tcp        0      0 10.0.0.1:22        10.0.0.2:3333      ESTABLISHED 0 263537 7/sshd      keepalive (7195.0/0/0)
tcp4       0      0  10.0.0.1.22       10.0.0.2.3333      ESTABLISHED  131072  131072     7      0
  TCP    10.0.0.1:22           10.0.0.2:3333         ESTABLISHED     7

Linux's columns behind the state depend on -e (user, inode), -p (process) and -o (timer); macOS names them in its head.
"""

import re
from typing import Final

from ..model.states import State
from .ends import NotUnderstood, digits, end
from .socket import Owner, Socket, Timer, state_named

_KINDS: Final = {"tcp": 4, "tcp4": 4, "tcp6": 6, "tcp46": 6}
_OTHERS: Final = re.compile(
    r"\s*(udp|raw|icmp|unix|igmp|sctp|dccp|divert|l2cap|rfcomm|bluetooth|kctl|kevt|mptcp|[0-9a-f]{8,16} stream|"
    r"[0-9a-f]{8,16} dgram)[a-z0-9]*\s",
    re.IGNORECASE,
)
_HEADER: Final = re.compile(
    r"\s*(Proto\s+(Recv-Q|RefCnt|Local Address)|Active (Internet|UNIX|LOCAL|Multipath|kernel|Connections)|"
    r"Address\s+Type|\(Not all processes could be identified|will not be shown, you would have to be root)",
    re.IGNORECASE,
)
_COMMAND: Final = re.compile(r"(?:^|[#$>]\s*|sudo )netstat\b")
_PROCESS: Final = re.compile(r"([0-9]{1,10})/(.{0,64})")
_TIMER: Final = re.compile(
    r"\s(off|on|keepalive|timewait|probe|unkn-[0-9]+) \(([0-9]{1,9}\.[0-9]{2})/([0-9]{1,5})/[0-9]{1,9}\)\s*$"
)
_TIMERS: Final = {"probe": "persist"}  # ss's word for it
_USER: Final = re.compile(r"(\S+)\s+([0-9]{1,12})(?:\s+|$)")
_NS: Final = 1_000_000_000
_CUT: Final = 23  # characters of address and port: net-tools shows no more, and does not say that it cut them


class Netstat:
    """Reads rows; remembers macOS's head, which names the columns, and whether net-tools was told not to cut."""

    name = "netstat"
    families = frozenset({4, 6})

    def __init__(self) -> None:
        self._pid_column: int | None = None
        self._has_user = False
        self._wide = False  # -W: known as soon as one address is longer
        self.filtered = False

    def header(self, line: str) -> bool:
        """Whether it is a heading, or the shell's line that made the listing."""
        if _HEADER.match(line):
            if "Local Address" in line:
                columns = line.partition("tate")[2].lstrip(")").split()
                names = [name.rpartition(":")[2] for name in columns]
                self._pid_column = names.index("pid") if "pid" in names else None
                self._has_user = columns[:2] == ["User", "Inode"]
            return True
        return bool(_COMMAND.search(line))

    def other(self, line: str) -> bool:
        """Whether it is a row about a socket that is no TCP socket."""
        return bool(_OTHERS.match(line))

    def row(self, line: str) -> Socket | None:
        """The socket of this row; None when it is no row of netstat. Raises NotUnderstood."""
        words = line.split(None, 6)
        if len(words) < 4:
            return None
        if words[0] == "TCP" and ":" in words[1]:
            return _windows(words)
        family = _KINDS.get(words[0])
        if family is None or not (words[1].isdigit() and words[2].isdigit()):
            return None
        if len(words) < 6 or (state := state_named(words[5])) is None:
            raise NotUnderstood("rows of netstat that are cut")
        if not (digits(words[1]) and digits(words[2])):
            raise NotUnderstood("rows of netstat without queues")
        bsd = words[4].rfind(".") > words[4].rfind(":")
        separator = "." if bsd else ":"
        self._wide |= len(words[3]) > _CUT or len(words[4]) > _CUT
        if not bsd and family == 6 and _CUT in (len(words[3]), len(words[4])) and not self._wide:
            raise NotUnderstood("addresses that netstat has cut (take the listing with -W)")
        here, there = end(words[3], separator, family), end(words[4], separator, family)
        if here is None:
            return None if bsd else _fail("sockets without an address")
        rest = words[6] if len(words) > 6 else ""
        queues = int(words[1]), int(words[2])
        if bsd:
            return Socket(here, there, state, *queues, owners=self._bsd_owner(rest), counts_fin=False)
        limit = None if state is State.LISTEN else queues[1]  # of a listener, net-tools does not show it
        return self._linux(Socket(here, there, state, queues[0], limit), rest)

    def more(self, socket: Socket, line: str) -> Socket | None:
        """netstat says all in one line."""
        return None

    def _linux(self, socket: Socket, rest: str) -> Socket:
        timer, match = None, _TIMER.search(" " + rest)
        if match:
            rest = rest[: match.start()]
            if match[1] != "off":
                timer = Timer(_TIMERS.get(match[1], match[1]), round(float(match[2]) * _NS), int(match[3]))
        uid, inode, user = None, None, _USER.match(rest) if self._has_user else None
        if user:
            uid = int(user[1]) if digits(user[1]) else None
            inode, rest = int(user[2]), rest[user.end() :]
        process = _PROCESS.match(rest)
        owners = (Owner(process[2].rstrip(), int(process[1]), None),) if process else ()
        return Socket(
            socket.local, socket.remote, socket.state, socket.recv_q, socket.send_q, owners, inode, uid, timer
        )

    def _bsd_owner(self, rest: str) -> tuple[Owner, ...]:
        """`apsd:361` or `361`, in the column that the head calls `process:pid` or `pid`."""
        words = rest.split()
        if self._pid_column is None or self._pid_column >= len(words):
            return ()
        name, _, pid = words[self._pid_column].rpartition(":")
        return (Owner(name or "process", int(pid), None),) if digits(pid) and int(pid) else ()


def _windows(words: list[str]) -> Socket | None:
    """`TCP local remote STATE pid`; no queues."""
    state = state_named(words[3])
    if state is None:
        return None
    here, there = end(words[1]), end(words[2])
    if here is None:
        return None
    pid = int(words[4]) if len(words) > 4 and digits(words[4]) else 0
    return Socket(here, there, state, owners=(Owner("process", pid, None),) if pid else (), counts_fin=False)


def _fail(reason: str) -> Socket:
    raise NotUnderstood(reason)
