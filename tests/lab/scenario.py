"""A scenario: a short play on a fresh network, and what tcpdiag must say of it. `Lab` is the stage."""

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from lab.network import Network, Plan
from lab.outcome import CAPTURE, Outcome, Pick, Wanted
from lab.segments import endpoint
from lab.sniffer import Sniffer
from lab.truth import Truth
from lab.wire import Side, Wire, other

SETTLE_S = 0.3  # after the play: what is still under way
PORTS = (80, 443, 5000, 5432, 6379, 8000, 8080, 8443, 9200, 11211, 27017, 50051)
Play = Callable[["Lab"], None]
Connection = tuple[socket.socket, tuple[str, str]]
"""The client's socket; the client's and the server's endpoint."""


@dataclass(frozen=True)
class Scenario:
    """`seconds`: about how long it takes; the longest are begun first."""

    name: str
    play: Play
    plan: Plan
    seconds: float

    @property
    def story(self) -> str:
        """What happens, in a sentence."""
        return (self.play.__doc__ or "").strip().splitlines()[0]


SCENARIOS: dict[str, Scenario] = {}


def scenario(seconds: float, plan: Plan | None = None) -> Callable[[Play], Play]:
    """Register a play under the name of its function."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        assert name not in SCENARIOS, name
        SCENARIOS[name] = Scenario(name, play, plan or Plan(), seconds)
        return play

    return register


@dataclass
class Lab:
    """The stage: a network, randomness from the seed, and the notebook for what must be found."""

    seed: Random
    network: Network
    outcome: Outcome
    truth: Truth
    folder: Path
    sniffer: Sniffer | None = None
    over: threading.Event = field(default_factory=threading.Event)
    _ports: list[int] = field(default_factory=list)
    _own: threading.local = field(default_factory=threading.local)

    @property
    def rng(self) -> Random:
        """Of the calling thread, so that what one draws does not depend on what the others do meanwhile."""
        return getattr(self._own, "rng", self.seed)

    def begin_capture(self) -> None:
        """From now on the tap listens."""
        self.sniffer = self.network.sniff(self.folder / CAPTURE)
        self.outcome.began = time.time()

    def port(self) -> int:
        """One that no server of this play uses yet."""
        while (port := self.rng.choice([*PORTS, self.rng.randrange(1024, 30000)])) in self._ports:
            pass
        self._ports.append(port)
        return port

    def pause(self, low_s: float, high_s: float | None = None) -> float:
        """Sleep; for a random time when there are two bounds. How long."""
        seconds = low_s if high_s is None else self.rng.uniform(low_s, high_s)
        self.over.wait(seconds)
        return seconds

    def spawn(self, act: Callable[..., object], *args: Any) -> threading.Thread:
        """Do something at the same time. What it raises makes the scenario fail, unless the play is over."""

        rng = Random(self.rng.random())

        def guarded() -> None:
            self._own.rng = rng
            try:
                act(*args)
            except Exception:
                if not self.over.is_set():
                    self.outcome.problems.append(traceback.format_exc())

        thread = threading.Thread(target=guarded, daemon=True)
        thread.start()
        return thread

    def together(self, *acts: Callable[[], object]) -> None:
        """Do several things at the same time, and wait until all are done."""
        for thread in [self.spawn(act) for act in acts]:
            thread.join()

    def listen(self, port: int | None = None, backlog: int = 128) -> tuple[socket.socket, tuple[str, int]]:
        """A listening socket of the server, and where it listens."""
        address = (self.network.server_address, port or self.port())
        listener = self.network.server.make_socket(self._family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
        return listener, address

    def serve(self, handle: Callable[[socket.socket], object], port: int | None = None) -> tuple[str, int]:
        """A server that accepts for as long as the play goes on; each connection has its own thread."""
        listener, address = self.listen(port)
        self.spawn(self._accept, listener, handle)
        return address

    def client_socket(self, source_port: int = 0) -> socket.socket:
        """A socket of the client that is not connected yet."""
        made = self.network.client.make_socket(self._family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that its port can be bound in TIME-WAIT
        if source_port:
            made.bind((self.network.client_address, source_port))
        return made

    def connect(self, address: tuple[str, int], source_port: int = 0) -> Connection:
        """Open a connection."""
        made = self.client_socket(source_port)
        made.connect(address)
        return made, ends(made)

    def chatter(self) -> None:
        """In the background another client of the same server is served well, until the play is over."""
        address = self.serve(self._answer)
        self.spawn(self._ask, address)

    def forge(self, victim: Side, pair: tuple[str, str], flags: str, seq: int, **more: Any) -> tuple[str, str]:
        """Send the victim a segment in its peer's name, from the peer's side of the router; its source and target."""
        client, server = pair
        src, dst = (client, server) if victim == "server" else (server, client)
        self.wire_at(other(victim)).forge(victim, src, dst, seq, flags, **more)
        return src, dst

    def wire_at(self, side: Side) -> Wire:
        """The wire between that side's host and the router."""
        return self.network.near_client if side == "client" else self.network.near_server

    def cut(self, pair: tuple[str, str], wire: Wire) -> None:
        """From now on nothing of this connection passes that wire."""
        wire.watch(lambda segment, _: {segment.src, segment.dst} != set(pair))

    def unseen(self, *hosts: Side) -> None:
        """From what the tap sees, the states of these hosts cannot be known."""
        self.outcome.near = [host for host in self.outcome.near if host not in hosts]

    def expect(
        self,
        *kinds: str,
        pairs: list[tuple[str, str]],
        pick: Pick,
        endpoint: str | None = None,
        data: dict[str, Any] | None = None,
        why: str,
    ) -> None:
        """A finding that must be there."""
        self.outcome.wanted.append(Wanted(list(kinds), pairs, pick, endpoint, data or {}, why))

    def tolerate(self, kind: str, why: str) -> None:
        """A kind that may be reported as well, because it is true."""
        self.outcome.tolerated[kind] = why

    def check(self, holds: bool, what: str) -> None:
        """That the play went as it should; otherwise its capture proves nothing."""
        if not holds:
            self.outcome.problems.append(what)

    @property
    def _family(self) -> int:
        return socket.AF_INET6 if self.network.family == 6 else socket.AF_INET

    def _accept(self, listener: socket.socket, handle: Callable[[socket.socket], object]) -> None:
        while not self.over.is_set():
            with suppress(TimeoutError):
                made, _ = listener.accept()
                self.spawn(handle, self.network.server.hold(made))

    def _answer(self, made: socket.socket) -> None:
        while request := made.recv(4096):
            made.sendall(os.urandom(10 * len(request)))
        made.close()

    def _ask(self, address: tuple[str, int]) -> None:
        made, _ = self.connect(address)
        while not self.over.wait(self.rng.uniform(0.1, 0.9)):
            made.sendall(os.urandom(self.rng.randrange(20, 300)))
            made.recv(65536)
        made.close()


def ends(made: socket.socket) -> tuple[str, str]:
    """Own and remote endpoint of a connected socket."""
    return endpoint(*made.getsockname()[:2]), endpoint(*made.getpeername()[:2])


def perform(scene: Scenario, seed: int, folder: Path) -> Outcome:
    """Play one scenario, and leave capture and outcome in `folder`."""
    rng = Random(f"{seed} {scene.name}")
    outcome = Outcome(scene.name, seed)
    network = Network(rng, scene.plan)
    truth = Truth(list(network.hosts))
    outcome.tap, outcome.habits = network.tap, network.habits
    outcome.near, outcome.lag_s = network.near, network.delay_s
    lab = Lab(rng, network, outcome, truth, folder)
    try:
        if not scene.plan.late:
            lab.begin_capture()
        scene.play(lab)
    except Exception:
        outcome.problems.append(traceback.format_exc())
    time.sleep(SETTLE_S + 2 * network.delay_s)
    outcome.ss_agrees = all(truth.agrees_with_ss(host) for host in network.hosts)
    outcome.lives = truth.stop()
    outcome.missed_packets = lab.sniffer.stop() if lab.sniffer else 0
    lab.over.set()
    outcome.ended = time.time()
    outcome.write(folder)
    return outcome
