"""Scripts through the tracker: what a test asks of the tables, in words."""

import numpy as np

from tcpdiag.flows.tracker import Tracker
from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.script import parse_script
from tcpdiag.model.states import State
from tcpdiag.model.tables import Tables

HANDSHAKE = """
+0.000 > S 0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
+0.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
+0.010 > . 1:1(0) ack 1 win 502
"""


def tracked(script: str, profile: str | None = None) -> Tables:
    """The tables of a script, its capture ending when the script does."""
    parsed = parse_script(script)
    tracker = Tracker(profile)
    tracker.feed(parsed.segments)
    return tracker.finish([parsed.file])


def states(tables: Tables, flow: int = 0) -> dict[str, list[tuple[str, int]]]:
    """(state, frame) of the client and the server, in order, withdrawn ones left out."""
    client = int(tables.client_side[flow])
    found: dict[str, list[tuple[str, int]]] = {"client": [], "server": []}
    for event in tables.events_of(flow):
        if event["kind"] == EventKind.STATE and not event["bits"] & EventBit.WITHDRAWN:
            who = "client" if event["side"] == client else "server"
            found[who].append((str(State(int(event["state"]))), int(event["frame"])))
    return found


def events(tables: Tables, kind: EventKind, flow: int = 0) -> np.ndarray:
    """Events of one kind in one flow."""
    rows = tables.events_of(flow)
    return rows[rows["kind"] == kind]
