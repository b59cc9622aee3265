"""Devices on the path that rewrite segments: options removed from handshakes."""

import ipaddress
import os
import socket

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Connection, Lab, ends, scenario
from lab.segments import SACK_PERMITTED, SYN, TIMESTAMPS, WINDOW_SCALE, Segment, endpoint, rewritten
from lab.talk import read_head, read_response, request, response
from lab.wire import Side

BEHIND = Plan(taps=("client", "router"), veth=False, habits=False)  # the device stands between the tap and the server


def _answering(made: socket.socket) -> None:
    while read_head(made):
        made.sendall(response(2000))
    made.close()


def _visit(lab: Lab, address: tuple[str, int], source: str = "") -> Connection:
    """One request and its answer; the client closes."""
    made = lab.client_socket()
    if source:
        made.bind((source, 0))
    made.connect(address)
    made.sendall(request(lab.rng))
    read_response(made)
    pair = ends(made)
    made.close()
    return made, pair


@scenario(3, BEHIND)
def option_lost_from_the_answer(lab: Lab) -> None:
    """A device removes the timestamps from SYN-ACKs alone: the server believes that they are agreed on."""

    def strip(segment: Segment, toward: Side, packet: bytes) -> bytes:
        if toward == "client" and segment.flags & SYN:
            return rewritten(packet, without=(TIMESTAMPS,))
        return packet

    lab.network.near_server.rewrite(strip)
    address = lab.serve(_answering)
    pairs = [_visit(lab, address)[1] for _ in range(lab.rng.randrange(1, 4))]
    lab.pause(0.5)
    lab.expect(
        "options-stripped",
        pairs=pairs,
        pick=Pick(src=pairs[0][1], flags="S."),
        data={"option": "timestamps"},
        why="the server's segments have timestamps, its SYN-ACK has none",
    )


@scenario(5, BEHIND)
def options_lost_for_one_client(lab: Lab) -> None:
    """A device removes options from the handshakes of one client address; two others keep them."""
    bits = 24 if lab.network.family == 4 else 64
    own = ipaddress.ip_interface(f"{lab.network.client_address}/{bits}")
    free = (str(a) for a in own.network.hosts() if a != own.ip and str(a) not in _taken(lab))
    poor, rich = next(free), next(free)
    flags = " nodad" if lab.network.family == 6 else ""
    lab.network.client.ip(*(f"addr add {address}/{bits} dev eth0{flags}" for address in (poor, rich)))
    kinds = lab.rng.choice([(WINDOW_SCALE,), (SACK_PERMITTED,), (TIMESTAMPS, WINDOW_SCALE, SACK_PERMITTED)])

    def strip(segment: Segment, _: Side, packet: bytes) -> bytes:
        if segment.flags & SYN and poor in (_host(segment.src), _host(segment.dst)):
            return rewritten(packet, without=kinds)
        return packet

    lab.network.near_server.rewrite(strip)
    address = lab.serve(_answering)
    pairs = []
    for _ in range(lab.rng.randrange(3, 6)):
        for source in (str(own.ip), poor, rich):
            _, pair = _visit(lab, address, source)
            if source == poor:
                pairs.append(pair)
            lab.pause(0.02, 0.1)
    lab.pause(0.3)
    lab.expect(
        "options-stripped",
        pairs=pairs,
        pick=Pick(src=endpoint(*address), dst=pairs[0][0], flags="S."),
        why="the same server gives these options to the other addresses",
    )


def _host(name: str) -> str:
    return name.rpartition(":")[0].strip("[]")


def _taken(lab: Lab) -> set[str]:
    """Addresses of the router on the client's link."""
    shown = lab.network.router.run(os.popen, "ip -o addr show dev lan0").read().split()
    return {word.partition("/")[0] for word in shown if "/" in word}
