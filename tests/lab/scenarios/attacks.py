"""Strangers: floods, and data that its supposed sender did not send; and a load test, which is neither."""

import os
import random
import socket
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Lab, scenario
from lab.scenarios.resets import WIRES, a_victim, echo, last_from
from lab.segments import endpoint
from lab.talk import read_head, read_response, request, response


@scenario(12, Plan(taps=("server",), families=(4,), veth=False))
def syn_flood(lab: Lab) -> None:
    """Hundreds of SYNs from addresses that do not answer; a real client is served besides."""
    router = lab.network.router
    for host in (router, lab.network.server):
        for device in ("all", "lan0" if host is router else "eth0"):
            host.sysctl(f"ipv4.conf.{device}.rp_filter", 0)
    router.ip("route add blackhole default")  # where the answers to forged addresses end
    lab.chatter()
    lab.pause(0.5)
    listener, address = lab.listen()
    count, server = lab.rng.randrange(250, 500), endpoint(*address)
    window, ttl = lab.rng.choice([512, 1024, 65535]), lab.rng.choice([64, 128, 255])
    sources = []
    for _ in range(count):
        octets = [lab.rng.randrange(1, 250) for _ in range(3)]
        sources.append(endpoint(f"100.{'.'.join(map(str, octets))}", lab.rng.randrange(1024, 65536)))
        lab.network.near_client.forge(
            "server", sources[-1], server, lab.rng.randrange(1 << 32), "S", window=window, ttl=ttl
        )
        lab.pause(0.002, 0.01)
    lab.pause(4, 6)
    lab.unseen("client")
    lab.expect(
        "syn-flood",
        pairs=[(source, server) for source in sources],
        pick=Pick(dst=server, flags="S"),
        endpoint=server,
        data={"half_open": [count - 5, count + 5]},
        why=f"{count} SYNs of senders that never finish",
    )
    listener.close()


@scenario(9)
def load_test(lab: Lab) -> None:
    """The control of the flood: as many connects in a short time, all of which are finished."""

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(response(100))
        made.close()

    address = lab.serve(handle)

    def client() -> None:
        for _ in range(lab.rng.randrange(20, 40)):
            made, _ = lab.connect(address)
            made.sendall(request(lab.rng))
            read_response(made)
            made.close()

    lab.together(*[client] * 8)


@scenario(5, WIRES)
def data_forged(lab: Lab) -> None:
    """Data with the right numbers in the name of a peer that knows nothing of it, and then sends its own."""
    accepted: list[socket.socket] = []
    made, pair = echo(lab, accepted)
    victim = a_victim(lab)
    peer_side = "client" if victim == "server" else "server"
    victims, peers = last_from(lab, victim, pair), last_from(lab, peer_side, pair)
    src, dst = lab.forge(
        victim,
        pair,
        "P.",
        peers.seq_end,
        ack=victims.seq_end,
        window=peers.window,
        payload=random.Random(lab.outcome.seed).randbytes(lab.rng.randrange(20, 400)),
        ttl=lab.rng.choice([64, 255]),
    )
    lab.pause(0.3, 0.6)
    peer = made if victim == "server" else accepted[0]
    with suppress(ConnectionError):
        peer.sendall(os.urandom(lab.rng.randrange(20, 400)))
    lab.pause(1, 2)
    lab.expect(
        "segment-injected",
        "conflicting-overlap",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, seq=peers.seq_end, payload=True),
        why="one sequence range with two contents, one of them forged",
    )
