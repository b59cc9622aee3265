"""RSTs: forged ones at every distance from RCV.NXT, the firewall of the office, and applications that abort."""

import os
import socket
import time
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Connection, Lab, scenario
from lab.segments import MOD
from lab.talk import abort, end, read_exactly, read_head, request, response
from lab.wire import Seen, Side

WIRES = Plan(veth=False)


def echo(lab: Lab, accepted: list[socket.socket] | None = None) -> Connection:
    """A connection on which both sides have spoken and now are silent. The server's socket goes to `accepted`."""

    def handle(made: socket.socket) -> None:
        if accepted is not None:
            accepted.append(made)
        with suppress(ConnectionError):
            while data := made.recv(65536):
                made.sendall(data)
            made.close()

    made, pair = lab.connect(lab.serve(handle))
    for _ in range(lab.rng.randrange(2, 5)):
        talk(lab, made)
        lab.pause(0.05, 0.3)
    lab.pause(0.3)  # delayed ACKs
    return made, pair


def talk(lab: Lab, made: socket.socket) -> None:
    """Say something, and hear it again."""
    size = lab.rng.randrange(10, 3000)
    made.sendall(os.urandom(size))
    read_exactly(made, size)


def a_victim(lab: Lab) -> Side:
    """Where the tap can see what is forged."""
    tap = lab.network.tap
    return "client" if tap == "client" else "server" if tap == "server" else lab.rng.choice(["client", "server"])


def last_from(lab: Lab, side: Side, pair: tuple[str, str]) -> Seen:
    """What that side sent last."""
    src, dst = pair if side == "client" else pair[::-1]
    return lab.wire_at(side).seen(src, dst)


def _off(lab: Lab, delta: int, reactions: list[str]) -> None:
    """One RST at RCV.NXT + delta into a quiet connection, which goes on afterwards."""
    made, pair = echo(lab)
    victim = a_victim(lab)
    rcv_nxt = last_from(lab, victim, pair).ack
    ttl = lab.rng.choice([64, 64, 255, 128, 41])
    src, dst = lab.forge(victim, pair, "R", rcv_nxt + delta, ttl=ttl)
    lab.pause(0.3, 0.8)
    for _ in range(3):
        talk(lab, made)
        lab.pause(0.1, 0.4)
    lab.expect(
        "rst-off-sequence",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, flags="R", seq=(rcv_nxt + delta) % MOD),
        data={"delta": delta, "rcv_nxt": rcv_nxt, "reaction": reactions},
        why=f"a RST {delta:+} from RCV.NXT, and the connection goes on",
    )


@scenario(5, WIRES)
def rst_one_below(lab: Lab) -> None:
    """A RST one below RCV.NXT in ESTABLISHED: ignored."""
    _off(lab, -1, ["ignored"])


@scenario(5, WIRES)
def rst_one_above(lab: Lab) -> None:
    """A RST one above RCV.NXT: challenged."""
    _off(lab, 1, ["challenged"])


@scenario(5, WIRES)
def rst_in_window(lab: Lab) -> None:
    """A RST somewhere in the window: challenged."""
    _off(lab, lab.rng.randrange(2, 20_000), ["challenged"])


@scenario(5, WIRES)
def rst_far_away(lab: Lab) -> None:
    """A RST far outside the window: ignored."""
    _off(lab, lab.rng.choice([-1, 1]) * lab.rng.randrange(500_000_000, 2_000_000_000), ["ignored"])


@scenario(5, WIRES)
def rst_exact_and_forged(lab: Lab) -> None:
    """A RST with exactly the right number, in the name of a peer that knows nothing of it and goes on."""
    accepted: list[socket.socket] = []
    made, pair = echo(lab, accepted)
    victim = a_victim(lab)
    rcv_nxt = last_from(lab, victim, pair).ack
    src, dst = lab.forge(victim, pair, "R", rcv_nxt, ttl=lab.rng.choice([64, 255, 41]))
    lab.pause(0.3, 0.8)
    peer = made if victim == "server" else accepted[0]
    peer.sendall(os.urandom(100))
    lab.pause(0.5, 1)
    lab.expect(
        "rst-injected",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, flags="R", seq=rcv_nxt),
        data={"obeyed": True},
        why="the alleged sender of the RST uses the connection afterwards",
    )
    lab.tolerate("half-open", "the victim has dropped the connection, its peer has not")


@scenario(9, WIRES)
def rst_spray(lab: Lab) -> None:
    """Somebody guesses: many RSTs all over the sequence space, none of them exact."""
    made, pair = echo(lab)
    victim = a_victim(lab)
    rcv_nxt = last_from(lab, victim, pair).ack
    guesses = lab.rng.randrange(8, 40)
    offset = lab.rng.randrange(10_000, MOD)
    src = dst = ""
    for index in range(guesses):
        guess = rcv_nxt + offset + index * (MOD // guesses)
        src, dst = lab.forge(victim, pair, "R", guess, ttl=lab.rng.choice([64, 50]))
        lab.pause(0.005, 0.06)
    lab.pause(0.3)
    for _ in range(3):
        talk(lab, made)
        lab.pause(0.1, 0.3)
    lab.expect(
        "rst-spray",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, flags="R"),
        data={"guesses": [guesses - 1, guesses], "survived": True},
        why=f"{guesses} RSTs with numbers far from each other",
    )
    lab.outcome.unwanted_reactions.append("obeyed")


def _cancelled_download(lab: Lab) -> Connection:
    """The client has ended its direction while the server still has much to send."""

    def handle(made: socket.socket) -> None:
        with suppress(OSError):
            read_head(made)
            made.sendall(response(20_000))
            for _ in range(40):
                made.sendall(os.urandom(3000))
                lab.pause(0.1, 0.2)

    made, pair = lab.connect(lab.serve(handle))
    made.sendall(request(lab.rng))
    read_exactly(made, 20_000)
    end(made)
    lab.pause(0.3, 0.6)
    return made, pair


@scenario(6, Plan(taps=("server", "router"), veth=False))
def rst_one_below_after_fin(lab: Lab) -> None:
    """A RST that carries the FIN's own number: Linux obeys it since 4.10, and then nothing is wrong with the report."""
    _, pair = _cancelled_download(lab)
    client = last_from(lab, "client", pair)
    rcv_nxt = last_from(lab, "server", pair).ack
    lab.check(rcv_nxt == client.seq_end, "the server has not acknowledged the FIN")
    lab.forge("server", pair, "R", rcv_nxt - 1)
    lab.cut(pair, lab.wire_at("client"))
    lab.unseen("client")
    lab.pause(2.5, 3.5)
    lives = lab.truth.states(lab.network.server)
    lab.check(pair[::-1] not in lives, "this kernel did not obey the RST")
    lab.outcome.unwanted_reactions += ["ignored", "challenged"]


@scenario(12, Plan(taps=("router",), veth=False))
def rst_one_below_and_not_obeyed(lab: Lab) -> None:
    """The office: a firewall resets with the FIN's number and forgets the connection; the server does not obey.

    An old kernel is played by the wire behind the tap, which keeps that RST from the server.
    """
    made, pair = _cancelled_download(lab)
    client, server = pair
    rcv_nxt = last_from(lab, "server", pair).ack
    lab.wire_at("server").watch(lambda s, toward: toward == "client" or not s.flags & 4)
    lab.forge("server", pair, "R", rcv_nxt - 1, ttl=lab.rng.choice([64, 255]))
    lab.cut(pair, lab.wire_at("client"))
    lab.unseen("client")
    lab.pause(6, 8)
    lab.expect(
        "rst-off-sequence",
        pairs=[pair],
        pick=Pick(src=client, dst=server, flags="R", seq=(rcv_nxt - 1) % MOD),
        data={"delta": -1, "rcv_nxt": rcv_nxt, "reaction": ["ignored"], "state": "CLOSE-WAIT"},
        why="a RST one below RCV.NXT, and the server sends on into the void",
    )
    lab.tolerate("peer-vanished", "the server's data is not answered any more")
    del made


@scenario(6)
def aborts(lab: Lab) -> None:
    """Applications that end connections with an exact RST of their own: linger 0, and unread data."""

    def handle(made: socket.socket) -> None:
        with suppress(OSError):
            read_head(made)
            made.sendall(response(lab.rng.randrange(100, 60_000)))
            made.recv(1)
        made.close()

    address = lab.serve(handle)
    for _ in range(lab.rng.randrange(3, 8)):
        made, _ = lab.connect(address)
        made.sendall(request(lab.rng))
        lab.pause(0.1, 0.4)
        if lab.rng.random() < 0.5:
            made.recv(500_000)
            lab.pause(0.1)
            abort(made)
        else:
            made.close()  # with unread data: Linux sends a RST
        lab.pause(0.1, 0.5)


@scenario(6, WIRES)
def syn_into_connection(lab: Lab) -> None:
    """A SYN inside an established connection: challenged, and the connection goes on."""
    made, pair = echo(lab)
    victim = a_victim(lab)
    rcv_nxt = last_from(lab, victim, pair).ack
    seq = (rcv_nxt + lab.rng.choice([lab.rng.randrange(2, 20_000), lab.rng.randrange(MOD)])) % MOD
    began = time.time()
    src, dst = lab.forge(victim, pair, "S", seq, window=lab.rng.randrange(1000, 65536), ttl=lab.rng.choice([64, 50]))
    lab.pause(0.3, 0.8)
    for _ in range(3):
        talk(lab, made)
        lab.pause(0.1, 0.4)
    lab.expect(
        "syn-in-connection",
        pairs=[pair],
        pick=Pick(src=src, dst=dst, flags="S", seq=seq, since=began),
        data={"challenged": True},
        why="a SYN in an established connection, answered by a challenge ACK",
    )
