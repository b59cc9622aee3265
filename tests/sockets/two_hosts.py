"""Two hosts in network namespaces: a server with every fault that a socket table tells, its clients, a capture, and
the listings of four tools, taken on the server and dated by it. Needs root. `python two_hosts.py FOLDER`."""

import ctypes
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

SERVER, CLIENT = "198.51.100.80", "198.51.100.7"
SERVER6, CLIENT6 = "2001:db8:51::80", "2001:db8:51::7"
UNREAD, READ, QUEUED, FLUSHING, FORGOTTEN, DUAL, UNSEEN = 8080, 8081, 8082, 8083, 8084, 8085, 2222
FULL = 0  # in the plan: one more connect to QUEUED, whose accept queue is full by then
REQUEST = b"GET /report HTTP/1.1\r\nHost: files.example\r\n\r\n"
LISTINGS = {
    "ss.txt": "ss -tanpoie",
    "ss-plain.txt": "ss -tan",
    "ss-oneline.txt": "ss -OHtanpoiem",
    "ss-all.txt": "ss -anp",
    "ss-close-wait.txt": "ss -tanpo state close-wait",
    "netstat.txt": "netstat -tanp",
    "netstat-all.txt": "netstat -Wanpoe",
    "lsof.txt": "lsof -i -n -P",
    "lsof-queues.txt": "lsof -iTCP -n -P -Tqs",
    "proc.txt": "cat /proc/net/tcp /proc/net/tcp6",
}
CHATTER_S = 0.8  # also after the listings: the capture lasts longer than they do
HELD_S = 6.0  # longer than the 5 s from which a stay in CLOSE-WAIT is told
PR_SET_NAME, TCP_REPAIR = 15, 19


def record(folder: Path, names: Iterable[str] = tuple(LISTINGS)) -> None:
    """Writes capture.pcap and the listings into `folder`; without the blanks at the ends of lines."""
    with _hosts(str(os.getpid())) as (server, client), ExitStack() as stack:
        tap = ["tcpdump", "-Uqni", "eth0", "--nano", "-w", str(folder / "capture.pcap"), f"tcp and not port {UNSEEN}"]
        tcpdump = stack.enter_context(_running(server, tap, "listening"))
        me = [sys.executable, str(Path(__file__).resolve())]
        stack.enter_context(_running(server, [*me, "serve"], "ready"))
        stack.enter_context(_running(client, [*me, "connect"], "ready"))
        time.sleep(HELD_S)
        for name in names:
            dated = ["sh", "-c", f"date --iso-8601=ns; {LISTINGS[name]}"]
            listing = subprocess.run(_inside(server, dated), capture_output=True, timeout=60, check=True).stdout
            (folder / name).write_text("".join(f"{line.rstrip()}\n" for line in listing.decode().splitlines()))
        time.sleep(2 * CHATTER_S)
        tcpdump.terminate()
        tcpdump.wait(10)


@contextmanager
def _hosts(tag: str) -> Iterator[tuple[str, str]]:
    """Names of two connected network namespaces, each with an interface eth0."""
    names = f"srv{tag}", f"cli{tag}"
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address, address6 in zip(names, (SERVER, CLIENT), (SERVER6, CLIENT6), strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "addr", "add", f"{address6}/64", "dev", "eth0", "nodad")
            for device in ("lo", "eth0"):
                _ip("-n", name, "link", "set", device, "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _inside(namespace: str, command: list[str]) -> list[str]:
    return ["ip", "netns", "exec", namespace, *command]


@contextmanager
def _running(namespace: str, command: list[str], word: str) -> Iterator[subprocess.Popen[str]]:
    """A command, from when it has said `word` until it is no longer needed."""
    process = subprocess.Popen(
        _inside(namespace, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if word in line:
                break
        else:
            raise RuntimeError(f"{command[0]} ended")
        yield process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def _serve() -> None:
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"leaky")
    listeners = {port: _listener(port, 1 if port == QUEUED else 16) for port in (*range(UNREAD, DUAL), UNSEEN)}
    listeners[DUAL] = socket.create_server(("::", DUAL), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    kept, echoing = [], []
    for port in _PLAN:
        if port in (QUEUED, FULL):
            continue
        connection, _ = listeners[port].accept()
        kept.append(connection)
        if port == READ:
            while connection.recv(4096):
                pass
        elif port == FLUSHING:
            connection.recv(4096)
            connection.setblocking(False)
            try:
                while True:
                    connection.send(bytes(4096))
            except BlockingIOError:
                connection.close()
        elif port == FORGOTTEN:
            connection.recv(4096)
            connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)  # closed now, it sends nothing
            connection.close()
        elif port == DUAL:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            echoing.append(connection)
    while True:
        for connection in select.select(echoing, [], [])[0]:
            connection.sendall(connection.recv(4096))


def _listener(port: int, backlog: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    listener.bind((SERVER if port == UNREAD else "0.0.0.0", port))
    listener.listen(backlog)
    return listener


_PLAN = [*[UNREAD] * 6, READ, READ, QUEUED, QUEUED, FULL, FLUSHING, FORGOTTEN, DUAL, DUAL, UNSEEN]


def _connect() -> None:
    kept, waiting, over_ipv6 = [], [], False
    for port in _PLAN:
        family, address = (socket.AF_INET6, SERVER6) if port == DUAL and over_ipv6 else (socket.AF_INET, SERVER)
        over_ipv6 = over_ipv6 or port == DUAL
        connection = socket.socket(family)
        if port == FLUSHING:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        if port == FULL:
            connection.setblocking(False)
            connection.connect_ex((address, QUEUED))
            waiting.append(connection)
            continue
        connection.connect((address, port))
        connection.sendall(REQUEST)
        time.sleep(0.02)
        if port in (UNREAD, READ, QUEUED):
            connection.close()
        else:
            kept.append(connection)
    print("ready", flush=True)
    while True:
        time.sleep(CHATTER_S)
        for connection in kept:
            if connection.getpeername()[1] == DUAL:
                connection.sendall(REQUEST)


if __name__ == "__main__":
    {"serve": _serve, "connect": _connect}.get(sys.argv[1], lambda: record(Path(sys.argv[1])))()
