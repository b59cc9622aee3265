"""Handshakes that needed a second SYN: the first one was lost, or a listener dropped it."""

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit, FlowBit
from ..model.states import State
from ..sets import among, distinct
from .keys import endpoint_keys
from .view import View


def late_handshakes(view: View) -> np.ndarray:
    """Rows of the SYN_REPEATED events before a server's first answer, in capture order.

    Not those on a reused 4-tuple, where the SYN meets the old connection, and not those of servers that leave other
    SYNs unanswered or drop ACKs, too: there the listener drops, not the path.
    """
    repeats = view.events[view.rows_of(EventKind.SYN_REPEATED)]
    flows = repeats["flow"].astype(np.int64)
    client = view.client[flows]
    repeats, flows = repeats[repeats["side"] == client], flows[repeats["side"] == client]
    found: np.ndarray = repeats[:0]
    if not len(repeats):
        return found
    server = 1 - view.client[flows]
    first_answer = view.side("first_frame")[flows, server]
    answered = (view.side("syns")[flows, server] > 0) & (repeats["frame"] < first_answer)
    opened = view.side("state")[flows, view.client[flows]] != int(State.SYN_SENT)
    old = (view.flow_bits[flows] & int(FlowBit.REUSED)) != 0
    past = view.by_kind(EventKind.SYN_IN_CONNECTION, EventKind.CHALLENGE_ACK, EventKind.BAD_ACK_RST)["flow"]
    kept = answered & opened & ~old & ~among(flows, past)
    if not np.any(kept):
        return found
    silent = _silent_servers(view)
    kept &= ~among(endpoint_keys(view, flows, 1 - view.client[flows]), silent)
    found = repeats[kept]
    return found


def _silent_servers(view: View) -> np.ndarray:
    """Keys of the server endpoints that left a repeated SYN unanswered, or repeat SYN-ACKs although acknowledged."""
    waiting = (view.of_client(view.side("syns")) > 1) & (view.of_server(view.side("packets")) == 0)
    dropping = view.of_server(view.has(EndpointBit.DOUBTED)) & (view.of_server(view.side("syns")) > 1)
    flows = np.flatnonzero(waiting | dropping)
    return distinct(endpoint_keys(view, flows, 1 - view.client[flows]))
