# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The ledger: the tables of a tracking pass, and the only places that append to them.

Rows: `flows[flow]`, `endpoints[2 * flow + side]`, `details[flow's detail + side]`, `events[n_events]`. The caller
makes sure that there is room before each segment (`Walk.feed`), so that nothing here can run past the end.
"""

from __future__ import annotations

import cython

from tcpdiag.model.event import EventBit, EventKind
from tcpdiag.model.flow import EndpointBit
from tcpdiag.model.segment import Flag
from tcpdiag.model.states import State
from tcpdiag.tcp.states import ILLEGAL as _ILLEGAL

ILLEGAL = cython.declare(cython.int, int(_ILLEGAL))
UNSEEN = cython.declare(cython.int, int(State.UNSEEN))
SYN = cython.declare(cython.int, int(Flag.SYN))
SCALE_KNOWN = cython.declare(cython.uint, int(EndpointBit.SCALE_KNOWN))
STATE = cython.declare(cython.int, int(EventKind.STATE))
CERTAIN = cython.declare(cython.int, int(EventBit.CERTAIN))
WITHDRAWN = cython.declare(cython.int, int(EventBit.WITHDRAWN))
NO_SCALE = cython.declare(cython.int, 255)
MAX_SCALE = cython.declare(cython.int, 14)  # RFC 7323 section 2.3


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scale(e: cython.pointer[Endpoint]) -> cython.int:
    """By how many bits its windows are shifted; 0 where that is unknown."""
    if not (e[0].bits & SCALE_KNOWN) or e[0].wscale == NO_SCALE:
        return 0
    return e[0].wscale if e[0].wscale < MAX_SCALE else MAX_SCALE


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def scaled_window(e: cython.pointer[Endpoint], s: cython.pointer[Segment]) -> cython.uint:
    """SEG.WND in bytes: not scaled in a SYN (RFC 7323 section 2.2), raw where the scale is unknown."""
    return s[0].window if s[0].flags & SYN else s[0].window << scale(e)


@cython.cclass
class Ledger:
    """Tables and the appending of rows. Subclasses judge."""

    def __init__(self, transitions: object, rst_actions: object, edge_inclusive: object, forced_profile: int) -> None:
        self.transitions = transitions
        self.rst_actions = rst_actions
        self.edge_inclusive = edge_inclusive
        self.forced_profile = forced_profile
        self.n_flows = 0
        self.n_details = 0
        self.n_events = 0

    def bind(self, flows: object, endpoints: object, details: object, events: object) -> None:
        """Use these tables from now on; they begin with the rows that the earlier ones had."""
        self.flows = flows
        self.endpoints = endpoints
        self.details = details
        self.events = events

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def after(self, state: cython.int, event: cython.int) -> cython.int:
        """The state table; an event that is not legal leaves the state."""
        to: cython.int = self.transitions[state, event]
        return state if to == ILLEGAL else to

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def emit(
        self,
        kind: cython.int,
        flow: cython.longlong,
        side: cython.int,
        sender: cython.int,
        s: cython.pointer[Segment],
        state: cython.int,
        detail: cython.int,
        bits: cython.int,
        ref: cython.uint,
        value: cython.longlong,
    ) -> cython.longlong:
        """Append an event; returns its row."""
        row: cython.longlong = self.n_events
        e: cython.pointer[Event] = cython.address(self.events[row])
        e[0].ts_ns = s[0].ts_ns
        e[0].value = value
        e[0].flow = cython.cast(cython.int, flow)
        e[0].frame = s[0].frame
        e[0].ref = ref
        e[0].seq = s[0].seq
        e[0].ack = s[0].ack
        e[0].payload_len = s[0].payload_len
        e[0].window = scaled_window(cython.address(self.endpoints[2 * flow + sender]), s)
        e[0].flags = s[0].flags
        e[0].ip_id = s[0].ip_id
        e[0].kind = kind
        e[0].side = side
        e[0].sender = sender
        e[0].state = state
        e[0].detail = detail
        e[0].bits = bits
        e[0].ttl = s[0].ttl
        e[0].options = s[0].options & 0xFF
        self.n_events = row + 1
        return row

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def note(
        self,
        kind: cython.int,
        flow: cython.longlong,
        side: cython.int,
        s: cython.pointer[Segment],
        detail: cython.int,
        ref: cython.uint,
        value: cython.longlong,
    ) -> cython.longlong:
        """Append what `side`'s own segment proves of it; returns the row."""
        return self.emit(kind, flow, side, side, s, self.endpoints[2 * flow + side].state, detail, CERTAIN, ref, value)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def enter(
        self,
        flow: cython.longlong,
        side: cython.int,
        sender: cython.int,
        s: cython.pointer[Segment],
        state: cython.int,
        bits: cython.int,
    ) -> cython.void:
        """`side` enters `state`, because of a segment of `sender`.

        A segment that is several events (ACK of our FIN and the peer's FIN) leads to one state: the last.
        """
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        if e[0].state == state:
            return
        if (
            e[0].state_frame == s[0].frame
            and e[0].state != UNSEEN
            and self.events[e[0].state_event].frame == s[0].frame
            and self.events[e[0].state_event].flow == flow
        ):
            self.events[e[0].state_event].state = state
            self.events[e[0].state_event].bits |= bits
            e[0].state = state
            return
        e[0].state_before = e[0].state
        e[0].state = state
        e[0].state_frame = s[0].frame
        e[0].state_event = cython.cast(cython.uint, self.emit(STATE, flow, side, sender, s, state, 0, bits, 0, 0))

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def withdraw(self, flow: cython.longlong, side: cython.int) -> cython.void:
        """The last state of `side` was presumed, and proved wrong: it is in the one before."""
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        if e[0].state == UNSEEN or e[0].state == e[0].state_before:
            return
        self.events[e[0].state_event].bits |= WITHDRAWN
        e[0].state = e[0].state_before

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def certify(self, flow: cython.longlong, side: cython.int) -> cython.void:
        """The endpoint's own segment proves the state that was presumed."""
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        if e[0].state != UNSEEN:
            self.events[e[0].state_event].bits |= CERTAIN

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def detail_row(self, flow: cython.longlong) -> cython.longlong:
        """Row of side 0 in the detail table, made when the flow first needs one."""
        row: cython.longlong = self.flows[flow].detail
        if row < 0:
            row = self.n_details
            self.n_details = row + 2
            self.flows[flow].detail = cython.cast(cython.int, row)
        return row

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def expect(
        self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment], event: cython.longlong
    ) -> cython.void:
        """`side` got an unacceptable segment, recorded as `event`: watch for its ACK."""
        row: cython.longlong = self.detail_row(flow) + side
        self.details[row].pending_ts_ns = s[0].ts_ns if s[0].ts_ns != 0 else 1
        self.details[row].pending_frame = s[0].frame
        self.details[row].pending_event = cython.cast(cython.uint, event)
