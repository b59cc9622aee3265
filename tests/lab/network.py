"""Three hosts in a row, client - router - server, with links and weather as a seed wants them; or one host alone."""

import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from lab.hosts import Host
from lab.sniffer import Sniffer
from lab.wire import Side, Weather, Wire, other

Tap = Literal["client", "server", "router", "loopback"]

NETWORKS = ("10.{}.{}", "172.20.{}", "192.168.{}", "198.51.100", "203.0.113", "192.0.2")
HABITS = (
    ("ipv4.tcp_timestamps", 0),
    ("ipv4.tcp_sack", 0),
    ("ipv4.tcp_window_scaling", 0),
    ("ipv4.tcp_ecn", 1),
    ("ipv4.tcp_congestion_control", "reno"),
)
DISCARD = 9  # a port where nobody listens (RFC 863)
LONG_QUEUE = 10_000  # packets that wait for this process to carry them: the kernels shall not lose any by themselves


@dataclass(frozen=True)
class Plan:
    """What a scenario allows: one of each is drawn."""

    taps: tuple[Tap, ...] = ("client", "server", "router")
    families: tuple[int, ...] = (4, 4, 6)
    delays_s: tuple[float, float] = (0.0002, 0.03)  # one way, of the whole path
    veth: bool = True  # a link may be a pair of veth devices: segments of up to 64 KiB, checksums not filled in
    loss: float = 0.0
    reorder: float = 0.0
    late: bool = False  # the play says when the capture begins
    habits: bool = True  # hosts may be without timestamps, SACK or window scaling, or with ECN


class Network:
    """`client` and `server` are hosts (the same one on loopback); `near_client` and `near_server` the wires."""

    def __init__(self, rng: Random, plan: Plan) -> None:
        self.tap: Tap = rng.choice(plan.taps)
        self.family = rng.choice(plan.families if Path("/proc/sys/net/ipv6").exists() else (4,))
        self.delay_s = 0.0
        self.habits: list[str] = []
        self.near: list[str] = []  # hosts of which the tap sees all that they send and get
        self._rng = rng
        self._wires: dict[Side, Wire] = {}
        if self.tap == "loopback":
            self.client = self.server = Host("loopback")
            self.hosts: Sequence[Host] = (self.client,)
            self.client_address = self.server_address = "127.0.0.1" if self.family == 4 else "::1"
            self.near = ["loopback"]
        else:
            self._in_a_row(plan)
            self.near = [self.tap] if plan.loss else ["client", "server"]
        if plan.habits:
            for host in self.hosts:
                self._habit(host)

    @property
    def near_client(self) -> Wire:
        """The wire between client and router. Raises KeyError when that link is a veth pair."""
        return self._wires["client"]

    @property
    def near_server(self) -> Wire:
        """The wire between router and server. Raises KeyError when that link is a veth pair."""
        return self._wires["server"]

    def sniff(self, path: Path) -> Sniffer:
        """Start the capture."""
        nanoseconds = self._rng.random() < 0.3
        if self.tap == "loopback":
            return Sniffer(self.client, "lo", path, nanoseconds=nanoseconds)
        if self.tap == "router":
            return Sniffer(self.router, self._rng.choice(["lan0", "wan0"]), path, nanoseconds=nanoseconds)
        device = self._rng.choice(["eth0", "eth0", "any"])
        return Sniffer(self.client if self.tap == "client" else self.server, device, path, nanoseconds=nanoseconds)

    def _habit(self, host: Host) -> None:
        """One in three hosts is not as Linux is out of the box."""
        if self._rng.random() < 1 / 3:
            name, value = self._rng.choice(HABITS)
            host.sysctl(name, value)
            self.habits.append(f"{host.name}: {name}={value}")

    def _in_a_row(self, plan: Plan) -> None:
        rng = self._rng
        self.client, self.router, self.server = Host("client"), Host("router"), Host("server")
        self.hosts = (self.client, self.server)
        self.delay_s = rng.uniform(*plan.delays_s)
        share = rng.uniform(0.1, 0.9)
        if self.family == 6:
            for host in (self.client, self.router, self.server):
                host.sysctl("ipv6.conf.default.accept_dad", 0)  # addresses that can be used at once
        mtu = rng.choice([1500, 1500, 1400])
        links: tuple[tuple[Side, Host, str, float], ...] = (
            ("client", self.client, "lan0", self.delay_s * share),
            ("server", self.server, "wan0", self.delay_s * (1 - share)),
        )
        veth = rng.choice(["client", "server", None]) if plan.veth else None
        lossy = rng.choice([side for side in ("client", "server") if side != veth])
        for side, host, device, delay_s in links:
            if side == veth:
                peer = f"name {device} netns {self.router.thread_id}"
                host.ip(f"link add eth0 type veth peer {peer}")
                self.delay_s -= delay_s
            else:
                weather = Weather(delay_s, jitter_s=delay_s * rng.choice([0, 0.05]))
                if side == lossy:
                    weather.loss, weather.reorder, weather.late_s = plan.loss, plan.reorder, max(0.002, delay_s / 2)
                ends = {side: (host, "eth0"), other(side): (self.router, device)}
                self._wires[side] = Wire(Random(rng.random()), weather, ends, ethernet=rng.random() < 0.7)
        self.client_address = self._address("client", self.client, "lan0", mtu)
        self.server_address = self._address("server", self.server, "wan0", mtu)
        self.router.sysctl("ipv4.ip_forward", 1)
        if self.family == 6:
            self.router.sysctl("ipv6.conf.all.forwarding", 1)
        if self.family == 6 or rng.random() < 0.5:  # otherwise the capture begins with ARP
            self._warm_up()

    def _warm_up(self) -> None:
        """Let the neighbours find each other: a connect to a port where nobody listens, until it is refused."""
        for _ in range(20):
            probe = self.client.make_socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET)
            probe.settimeout(0.5)
            with suppress(TimeoutError), probe:
                if probe.connect_ex((self.server_address, DISCARD)) == errno.ECONNREFUSED:
                    return
        raise RuntimeError("the server cannot be reached")

    def _address(self, side: Side, host: Host, device: str, mtu: int) -> str:
        """Give the host and the router their addresses on the link between them; the host's."""
        rng = self._rng
        own, gateway = rng.sample(range(2, 250), 2)
        if self.family == 6:
            net = f"2001:db8:{1 + (side == 'server')}{rng.randrange(16):x}:{rng.randrange(1, 65536):x}::"
            mine, its, bits, flags = f"{net}{own:x}", f"{net}{gateway:x}", 64, " nodad"
        else:
            index = rng.randrange(0, len(NETWORKS) // 2) * 2 + (side == "server")  # never the same on both sides
            net = NETWORKS[index].format(rng.randrange(1, 250), rng.randrange(1, 250))
            mine, its, bits, flags = f"{net}.{own}", f"{net}.{gateway}", 24, ""
        queue = f"mtu {mtu} txqueuelen {LONG_QUEUE} up"
        self.router.ip(f"link set {device} {queue}", f"addr add {its}/{bits} dev {device}{flags}")
        host.ip(f"link set eth0 {queue}", f"addr add {mine}/{bits} dev eth0{flags}", f"route add default via {its}")
        return mine
