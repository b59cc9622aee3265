"""Paths that lose: everything that is large, or a good part of everything."""

import os
import socket
from contextlib import suppress

from lab.network import Plan
from lab.outcome import Pick
from lab.scenario import Lab, scenario
from lab.segments import Segment
from lab.talk import end, read_exactly, read_head, read_response, read_to_end, request, response
from lab.wire import Side

LARGEST = 1200  # bytes of payload that pass the tunnel of the black hole


@scenario(11, Plan(taps=("server", "router"), veth=False))
def mtu_black_hole(lab: Lab) -> None:
    """Small segments pass, large ones are dropped behind the tap, and nobody tells the sender."""

    def handle(made: socket.socket) -> None:
        mss = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        with suppress(OSError):
            while read_head(made):
                made.sendall(response(lab.rng.randrange(50, 300)))
                lab.pause(0.05, 0.2)
                made.sendall(os.urandom(mss * lab.rng.randrange(2, 6) + lab.rng.randrange(100, 1000)))

    def small(segment: Segment, toward: Side) -> bool:
        return toward == "server" or segment.payload_len <= LARGEST

    lab.network.near_client.watch(small)
    lab.unseen("client")
    address = lab.serve(handle)
    pairs = []
    for _ in range(lab.rng.randrange(1, 4)):
        made, pair = lab.connect(address)
        made.sendall(request(lab.rng))
        read_response(made)
        pairs.append(pair)
        lab.pause(0.1, 0.5)
    lab.pause(5, 6)
    if lab.rng.random() < 0.5:
        made.close()  # the client loses patience
    lab.pause(2, 3)
    lab.expect(
        "mtu-black-hole",
        pairs=pairs,
        pick=Pick(src=pairs[0][1], payload=True),
        why="large segments are sent again and again, small ones arrive",
    )
    lab.tolerate("peer-vanished", "the same data is sent again and again without an answer")


@scenario(15, Plan(loss=0.07, delays_s=(0.003, 0.015)))
def lossy_path(lab: Lab) -> None:
    """Seven percent of all packets are lost."""
    size = lab.rng.randrange(400_000, 800_000)

    def handle(made: socket.socket) -> None:
        read_head(made)
        made.sendall(os.urandom(size))
        read_to_end(made)
        made.close()

    made, pair = lab.connect(lab.serve(handle))
    made.sendall(request(lab.rng))
    read_exactly(made, size)
    end(made)
    lab.pause(1)
    made.close()
    lab.expect(
        "path-loss",
        pairs=[pair],
        pick=Pick(src=pair[1], dst=pair[0], payload=True),
        why="seven percent of all packets are lost",
    )
