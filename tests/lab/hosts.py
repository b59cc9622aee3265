"""Hosts: network namespaces that live as long as this process, each with its own kernel TCP.

A namespace belongs to one thread; what that thread makes (sockets, devices, child processes) is inside it, and may
then be used from anywhere. Nothing has a name outside the process, so nothing is left of it, however it ends.
"""

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

CLONE_NEWNET = 0x40000000
PATIENCE_S = 60.0  # no socket of the laboratory waits longer
EHASH_BUCKETS = 4096  # dumping the sockets of a namespace walks its whole table: the host's own has half a million

_libc = ctypes.CDLL(None, use_errno=True)


def unshare_network() -> None:
    """Give the calling thread a new network namespace. Raises OSError."""
    if _libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def _enter() -> None:
    unshare_network()
    buckets = Path("/proc/sys/net/ipv4/tcp_child_ehash_entries")  # since Linux 6.1
    if buckets.exists():
        buckets.write_text(str(EHASH_BUCKETS))
        unshare_network()


class Host:
    """One machine: `run` does something inside it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._inside = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_enter)
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.thread_id = self.run(threading.get_native_id)
        self.ip("link set lo up")

    def run(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of `act(...)`, done inside this host."""
        return self._inside.submit(act, *args, **kwargs).result(PATIENCE_S)

    def ip(self, *commands: str) -> None:
        """Commands of ip(8), all in one go. Raises RuntimeError with its message."""
        done = self.run(
            subprocess.run,
            ["ip", "-batch", "-"],
            input="\n".join(commands),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()} in {commands}")

    def sysctl(self, name: str, value: object) -> None:
        """Set one, for instance `sysctl("ipv4.tcp_fin_timeout", 2)`."""
        self.run(Path("/proc/sys/net", *name.split(".")).write_text, str(value))

    def make_socket(self, family: int, *, kind: int = socket.SOCK_STREAM, protocol: int = 0) -> socket.socket:
        """A socket of this host, held until the process ends unless somebody closes it."""
        return self.hold(self.run(socket.socket, family, kind, protocol))

    def hold(self, made: socket.socket) -> socket.socket:
        """Keep a socket open: one that nobody refers to would be closed by Python."""
        made.settimeout(PATIENCE_S)
        with self._lock:
            self._sockets.append(made)
        return made

    def start(self, *command: str) -> subprocess.Popen[str]:
        """A program inside this host, with its standard error to be read."""
        return self.run(
            subprocess.Popen,
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def output(self, *command: str) -> str:
        """Standard output of a program that ends by itself."""
        done = self.run(subprocess.run, command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        return done.stdout
