# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What a copy is: this very packet a second time in the capture (a mirror, several interfaces).

Nothing here reads bytes of a capture.
"""

from __future__ import annotations

import cython

from tcpdiag.model.segment import Flag

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
U64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
MULTIPLIER = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
# The same IP ID again within this time is the same packet; stacks count it up (RFC 6864 section 4).
COPY_NS = cython.declare(cython.longlong, 100_000_000)
# Without an IP ID only what no stack repeats so soon: RFC 6298 section 2.4 keeps retransmissions a second apart.
COPY_WITHOUT_ID_NS = cython.declare(cython.longlong, 1_000_000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def packet_key(direction: cython.longlong, s: cython.pointer[cython.const[Segment]]) -> cython.ulonglong:
    """A number for all that a copy has in common with its packet. `direction`: twice the flow, and the side."""
    key: cython.ulonglong = cython.cast(cython.ulonglong, direction) & U64
    key = ((key ^ s[0].seq) * MULTIPLIER) & U64
    key = (((key ^ (key >> 29)) + s[0].ack) * MULTIPLIER) & U64
    key = (
        ((key ^ (key >> 31)) + s[0].payload_len + (cython.cast(cython.ulonglong, s[0].flags) << 32)) * MULTIPLIER
    ) & U64
    key = (((key ^ (key >> 30)) + s[0].tsval + (cython.cast(cython.ulonglong, s[0].window) << 32)) * MULTIPLIER) & U64
    key = (((key ^ (key >> 29)) + s[0].ip_id + (cython.cast(cython.ulonglong, s[0].sack[0]) << 16)) * MULTIPLIER) & U64
    return key ^ (key >> 32)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def is_copy(
    s: cython.pointer[cython.const[Segment]], since_ns: cython.longlong, has_copies: cython.bint
) -> cython.bint:
    """Whether a packet with the key of one that was captured `since_ns` before is its copy.

    With an IP ID that is all: same header, same ID. Without one (IPv6, or ID 0) a bare ACK or a RST may well be sent
    twice; they count as copies only in a flow that is known to have copies.
    """
    if s[0].ip_id != 0:
        return since_ns <= COPY_NS
    if since_ns > COPY_WITHOUT_ID_NS:
        return False
    if has_copies:
        return True
    return not (s[0].flags & RST) and (s[0].payload_len > 0 or (s[0].flags & (SYN | FIN)) != 0)
