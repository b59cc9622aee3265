# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""From a segment to its flow: an open-addressing table over the 4-tuple, told apart by tunnel.

A slot holds the newest flow of its 4-tuple and tunnel and 32 bits of the hash: a miss rarely touches the flow table.
The hash is salted: whoever makes a capture cannot choose colliding ports.

Where a flow begins is Wireshark's rule for `tcp.stream`, so that the numbers are the same: a SYN with another
initial sequence number than its sender had before opens the next one.
"""

from __future__ import annotations

import cython

from tcpdiag.model.flow import EndpointBit, FlowBit
from tcpdiag.model.segment import Flag
from tcpdiag.seqnum import add, le, lt

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Ledger = uncompiled("ledger").Ledger

SYN = cython.declare(cython.int, int(Flag.SYN))
ACK = cython.declare(cython.int, int(Flag.ACK))
SND_KNOWN = cython.declare(cython.uint, int(EndpointBit.SND_KNOWN))
BASE_SET = cython.declare(cython.uint, int(EndpointBit.BASE_SET))
REUSED = cython.declare(cython.int, int(FlowBit.REUSED))
NO_SCALE = cython.declare(cython.int, 255)
U64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
U32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
# Odd 64-bit multiplier with well mixed bits: the golden ratio times 2**64.
MULTIPLIER = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)


@cython.cclass
class Lookup(Ledger):
    """Finds and makes flows."""

    def use_slots(self, slots: object, salt: int) -> None:
        """Use this empty table (u8, a power of two long) and enter the flows that there are already."""
        self.slots = slots
        self.salt = salt
        flow: cython.longlong
        for flow in range(self.n_flows):
            self.enter_slot(flow)

    def enter_slot(self, flow: cython.longlong) -> None:
        """Let the slot of the flow's 4-tuple point at it."""
        f: cython.pointer[Flow] = cython.address(self.flows[flow])
        h: cython.ulonglong = self.key_hash(
            f[0].addr_hi[0], f[0].addr_lo[0], f[0].addr_hi[1], f[0].addr_lo[1], f[0].port[0], f[0].port[1]
        )
        mask: cython.longlong = self.slots.shape[0] - 1
        at: cython.longlong = cython.cast(cython.longlong, h & U32) & mask
        previous: cython.longlong = f[0].previous
        while self.slots[at] != 0 and cython.cast(cython.longlong, self.slots[at] & U32) - 1 != previous:
            at = (at + 1) & mask
        self.slots[at] = ((h >> 32) << 32) | cython.cast(cython.ulonglong, flow + 1)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def key_hash(
        self,
        src_hi: cython.ulonglong,
        src_lo: cython.ulonglong,
        dst_hi: cython.ulonglong,
        dst_lo: cython.ulonglong,
        sport: cython.uint,
        dport: cython.uint,
    ) -> cython.ulonglong:
        """The same for both directions."""
        a: cython.ulonglong = (((src_hi ^ self.salt) * MULTIPLIER) & U64) ^ src_lo
        b: cython.ulonglong = (((dst_hi ^ self.salt) * MULTIPLIER) & U64) ^ dst_lo
        a = ((a ^ (a >> 29)) * MULTIPLIER) & U64
        b = ((b ^ (b >> 29)) * MULTIPLIER) & U64
        a = (((a ^ (a >> 32)) + sport) * MULTIPLIER) & U64
        b = (((b ^ (b >> 32)) + dport) * MULTIPLIER) & U64
        a ^= a >> 31
        b ^= b >> 31
        a = (a + b) & U64
        a = ((a ^ self.salt) * MULTIPLIER) & U64
        return a ^ (a >> 32)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def find(self, s: cython.pointer[Segment]) -> cython.longlong:
        """Newest flow of the segment's 4-tuple, -1: none. Sets `side` (of the sender), `slot` and `tag`."""
        h: cython.ulonglong = self.key_hash(s[0].src_hi, s[0].src_lo, s[0].dst_hi, s[0].dst_lo, s[0].sport, s[0].dport)
        mask: cython.longlong = self.slots.shape[0] - 1
        at: cython.longlong = cython.cast(cython.longlong, h & U32) & mask
        flow: cython.longlong
        f: cython.pointer[Flow]
        while self.slots[at] != 0:
            if (self.slots[at] >> 32) == (h >> 32):
                flow = cython.cast(cython.longlong, self.slots[at] & U32) - 1
                f = cython.address(self.flows[flow])
                if f[0].family == s[0].family:
                    if (
                        f[0].tunnel == s[0].tunnel
                        and f[0].port[0] == s[0].sport
                        and f[0].port[1] == s[0].dport
                        and f[0].addr_lo[0] == s[0].src_lo
                        and f[0].addr_lo[1] == s[0].dst_lo
                        and f[0].addr_hi[0] == s[0].src_hi
                        and f[0].addr_hi[1] == s[0].dst_hi
                    ):
                        self.side = 0
                        self.slot = at
                        self.tag = h >> 32
                        return flow
                    if (
                        f[0].port[1] == s[0].sport
                        and f[0].port[0] == s[0].dport
                        and f[0].addr_lo[1] == s[0].src_lo
                        and f[0].addr_lo[0] == s[0].dst_lo
                        and f[0].addr_hi[1] == s[0].src_hi
                        and f[0].addr_hi[0] == s[0].dst_hi
                        and (f[0].tunnel_back == s[0].tunnel or self.answers(flow, s))
                    ):
                        self.side = 1
                        self.slot = at
                        self.tag = h >> 32
                        return flow
            at = (at + 1) & mask
        self.slot = at
        self.tag = h >> 32
        return -1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def answers(self, flow: cython.longlong, s: cython.pointer[Segment]) -> cython.bint:
        """Whether the segment, in another tunnel than its flow's, is the flow's first one the other way.

        Its ACK shows it: a tenant with the same addresses would not acknowledge these numbers. From then on that
        tunnel is the flow's way back.
        """
        e: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow])
        if self.endpoints[2 * flow + 1].packets or not (s[0].flags & ACK) or not (e[0].bits & SND_KNOWN):
            return False
        if le(s[0].ack, e[0].isn) or lt(e[0].snd_nxt, s[0].ack):
            return False
        self.flows[flow].tunnel_back = s[0].tunnel
        return True

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def opens_new(self, flow: cython.longlong, s: cython.pointer[Segment]) -> cython.bint:
        """Whether this segment, on a known 4-tuple, opens the next `tcp.stream`."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + self.side])
        return (s[0].flags & (SYN | ACK)) == SYN and (a[0].bits & BASE_SET) != 0 and a[0].isn != s[0].seq

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def set_bases(self, flow: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """Where each direction's numbers begin, from the first segment that tells: its own, or the peer's ACK."""
        a: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + side])
        b: cython.pointer[Endpoint] = cython.address(self.endpoints[2 * flow + 1 - side])
        if not (a[0].bits & BASE_SET):
            a[0].isn = s[0].seq if s[0].flags & SYN else add(s[0].seq, -1)
            a[0].bits |= BASE_SET
        if (s[0].flags & ACK) and not (b[0].bits & BASE_SET):
            b[0].isn = add(s[0].ack, -1)
            b[0].bits |= BASE_SET

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def new_flow(self, s: cython.pointer[Segment], previous: cython.longlong) -> cython.longlong:
        """Append a flow whose side 0 is the segment's sender, and let the slot found last point at it."""
        flow: cython.longlong = self.n_flows
        self.n_flows = flow + 1
        f: cython.pointer[Flow] = cython.address(self.flows[flow])
        f[0].first_ts_ns = s[0].ts_ns
        f[0].addr_hi[0] = s[0].src_hi
        f[0].addr_lo[0] = s[0].src_lo
        f[0].addr_hi[1] = s[0].dst_hi
        f[0].addr_lo[1] = s[0].dst_lo
        f[0].port[0] = s[0].sport
        f[0].port[1] = s[0].dport
        f[0].tunnel = s[0].tunnel
        f[0].tunnel_back = s[0].tunnel
        f[0].family = s[0].family
        f[0].first_frame = s[0].frame
        f[0].previous = cython.cast(cython.int, previous)
        f[0].detail = -1
        if previous >= 0:
            f[0].bits |= REUSED
        self.endpoints[2 * flow].wscale = NO_SCALE
        self.endpoints[2 * flow + 1].wscale = NO_SCALE
        self.slots[self.slot] = (self.tag << 32) | cython.cast(cython.ulonglong, flow + 1)
        self.side = 0
        return flow

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def same_side(self, flow: cython.longlong, other: cython.longlong, side: cython.int) -> cython.int:
        """The side that endpoint `side` of `flow` has in `other`, a flow on the same 4-tuple."""
        f: cython.pointer[Flow] = cython.address(self.flows[flow])
        g: cython.pointer[Flow] = cython.address(self.flows[other])
        if (
            f[0].port[side] == g[0].port[side]
            and f[0].addr_lo[side] == g[0].addr_lo[side]
            and f[0].addr_hi[side] == g[0].addr_hi[side]
        ):
            return side
        return 1 - side
