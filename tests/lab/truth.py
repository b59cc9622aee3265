"""The truth about states: the kernels' own socket tables over time, from where `ss` has them too."""

import ipaddress
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Final

from lab.hosts import Host
from lab.segments import endpoint

INTERVAL_S = 0.01
SOCK_DIAG_BY_FAMILY, NLMSG_DONE, NLMSG_ERROR, NLM_F_DUMP_REQUEST, NETLINK_SOCK_DIAG = 20, 3, 2, 0x301, 4
HEADER: Final = struct.Struct("=IHHII")
REQUEST: Final = struct.Struct("=BBBBI48x")
ROW: Final = struct.Struct("=BBBB2s2s16s16s")

STATES: Final = {
    1: "ESTABLISHED",
    2: "SYN-SENT",
    3: "SYN-RECEIVED",
    4: "FIN-WAIT-1",
    5: "FIN-WAIT-2",
    6: "TIME-WAIT",
    8: "CLOSE-WAIT",
    9: "LAST-ACK",
    11: "CLOSING",
    12: "SYN-RECEIVED",
}
"""Numbers of include/net/tcp_states.h. CLOSED (7) and LISTEN (10) are no states of a connection."""

SS_WORDS: Final = {"ESTAB": "ESTABLISHED", "SYN-RECV": "SYN-RECEIVED"}

Pair = tuple[str, str]
"""Local and remote endpoint."""


@dataclass
class Stay:
    """A state in which a socket was seen, from the first to the last look that saw it. Epoch seconds."""

    state: str
    since: float
    until: float


@dataclass
class Life:
    """What one endpoint went through, as its host's kernel told it."""

    host: str
    local: str
    remote: str
    stays: list[Stay] = field(default_factory=list)


class Truth:
    """Looks at the sockets of some hosts until it is stopped."""

    def __init__(self, hosts: list[Host]) -> None:
        self._tables = [(host, host.run(_SocketTable)) for host in hosts]
        self._lives: dict[tuple[str, str, str], Life] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True, name="truth")
        self._thread.start()

    def stop(self) -> list[Life]:
        """Every endpoint that was seen."""
        self._stopped.set()
        self._thread.join(5)
        return list(self._lives.values())

    def states(self, host: Host) -> dict[Pair, str]:
        """The connections of a host at this moment."""
        table = host.run(_SocketTable)
        try:
            return table.read()
        finally:
            table.close()

    def agrees_with_ss(self, host: Host) -> bool:
        """Whether `ss` says the same. Both are asked again while connections move between the two questions."""
        for _ in range(20):
            before, told, after = self.states(host), _ss(host), self.states(host)
            if before == after:
                return told == before
            time.sleep(0.05)
        return False

    def _look_on(self) -> None:
        while not self._stopped.wait(INTERVAL_S):
            for host, table in self._tables:
                began = time.time()
                seen = table.read()
                self._note(host.name, seen, (began + time.time()) / 2)

    def _note(self, host: str, seen: dict[Pair, str], now: float) -> None:
        for (local, remote), state in seen.items():
            life = self._lives.setdefault((host, local, remote), Life(host, local, remote))
            _stay(life, state, now)
        for (name, local, remote), life in self._lives.items():
            if name == host and (local, remote) not in seen:
                _stay(life, "CLOSED", now)


class _SocketTable:
    """A netlink socket in the namespace of the thread that made it."""

    def __init__(self) -> None:
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self._netlink.settimeout(5)

    def close(self) -> None:
        self._netlink.close()

    def read(self) -> dict[Pair, str]:
        """Each connection, by local and remote endpoint."""
        found: dict[Pair, str] = {}
        for family in (socket.AF_INET, socket.AF_INET6):
            request = REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, sum(1 << number for number in STATES))
            header = HEADER.pack(HEADER.size + len(request), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP_REQUEST, 0, 0)
            self._netlink.send(header + request)
            while not self._part(found):
                pass
        return found

    def _part(self, found: dict[Pair, str]) -> bool:
        """Read one datagram of the answer; True: it was the last."""
        data = self._netlink.recv(1 << 17)
        offset = 0
        while offset < len(data):
            length, kind, *_ = HEADER.unpack_from(data, offset)
            if kind == NLMSG_ERROR:
                raise OSError("the kernel has no socket table to show (CONFIG_INET_DIAG)")
            if kind == NLMSG_DONE:
                return True
            family, state, _, _, sport, dport, src, dst = ROW.unpack_from(data, offset + HEADER.size)
            local, remote = _endpoint(family, src, sport), _endpoint(family, dst, dport)
            found[local, remote] = STATES[state]
            offset += (length + 3) & ~3
        return False


def _stay(life: Life, state: str, now: float) -> None:
    if life.stays and life.stays[-1].state == state:
        life.stays[-1].until = now
    else:
        life.stays.append(Stay(state, now, now))


def _endpoint(family: int, address: bytes, port: bytes) -> str:
    packed = address[:4] if family == socket.AF_INET else address
    return endpoint(str(ipaddress.ip_address(packed)), int.from_bytes(port))


def _ss(host: Host) -> dict[Pair, str]:
    found = {}
    for line in host.output("ss", "-Htan").splitlines():
        state, _, _, local, remote, *_ = line.split()
        if state not in ("LISTEN", "UNCONN"):
            found[local, remote] = SS_WORDS.get(state, state)
    return found
