"""`lsof -i -n -P`, on any system: only sockets that a process has a descriptor of.

COMMAND  PID USER   FD   TYPE DEVICE SIZE/OFF NODE NAME
leaky   2232 root   10u  IPv4 263530      0t0  TCP 10.0.0.1:8080->10.0.0.2:34554 (CLOSE_WAIT)
leaky   2232 root   10u  IPv4 263530      0t0  TCP 10.0.0.1:8080->10.0.0.2:34554 (CLOSE_WAIT QR=46 QS=0)   with -Tqs
"""

import re
from typing import Final

from .ends import NotUnderstood, digits, end
from .socket import Owner, Socket, state_named

_ROW: Final = re.compile(
    r"(\S{1,64})\s+([0-9]{1,10})\s+.{0,120}?\s([0-9]{1,10})[a-zA-Z-]{0,3}\s+(?:IPv|inet)([46]?)\s+(\S{1,32})\s.{0,60}?"
    r"\b(TCP|UDP\S*|SCTP|ICMP\S*|[0-9]{1,3})\s+(\S{1,300})(?:\s+\(([^()]{0,80})\))?\s*$",
    re.ASCII,
)
_HEADER: Final = re.compile(r"COMMAND\s+PID\s+(TID\s+)?(TASKCMD\s+)?(\S+\s+)?USER\s+FD\s+TYPE\s+DEVICE")
_COMMAND: Final = re.compile(r"(?:^|[#$>]\s*|sudo )lsof\b")
_QUEUE: Final = re.compile(r"Q([RS])=([0-9]{1,12})")
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")


class Lsof:
    """Reads rows."""

    name = "lsof"
    families: frozenset[int] = frozenset()
    """None: a socket without a process (not accepted yet, or closed by it) is not listed, so absence tells nothing."""

    filtered = False

    def header(self, line: str) -> bool:
        """Whether it is the head of the table, or the shell's line that made it."""
        return bool(_HEADER.match(line) or _COMMAND.search(line))

    def other(self, line: str) -> bool:
        """Whether it is a row about something that is no TCP socket."""
        match = _ROW.match(line)
        return bool(match and match[6] != "TCP") or line.startswith("lsof: WARNING")

    def row(self, line: str) -> Socket | None:
        """The socket of this row, one descriptor of it; None when it is no row of lsof. Raises NotUnderstood."""
        match = _ROW.match(line)
        if match is None or match[6] != "TCP":
            return None
        words = (match[8] or "").split()
        states = [state for word in words if (state := state_named(word)) is not None]
        queues = dict(_QUEUE.findall(match[8] or ""))
        local, arrow, remote = match[7].partition("->")
        family = int(match[4] or 6)
        here = end(local, family=family)
        if here is None or (not arrow and not states):
            raise NotUnderstood("sockets without an address")
        return Socket(
            here,
            end(remote, family=family) if arrow else None,
            states[0] if states else None,
            int(queues["R"]) if "R" in queues else None,
            int(queues["S"]) if "S" in queues and "->" in match[7] else None,
            (Owner(_name(match[1]), int(match[2]), int(match[3])),),
            int(match[5]) if digits(match[5], 18) else None,
            counts_fin=digits(match[5], 18),  # the device is an inode on Linux, an address in the kernel elsewhere
        )

    def more(self, socket: Socket, line: str) -> Socket | None:
        """lsof says all of a descriptor in one line."""
        return None


def _name(text: str) -> str:
    """lsof writes blanks and control characters of a command as `\\x20`."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
