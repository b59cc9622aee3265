# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""What an endpoint must have received: RCV.NXT, and up to four ranges above it (`Detail.hole`, ascending).

Range lists, never buffers: a segment far ahead costs eight bytes. When a fifth range would be needed, the farthest is
forgotten but for its size; the endpoint's own ACKs put things right.
"""

from __future__ import annotations

import cython

from tcpdiag.seqnum import add, diff, le, lt

MOST = cython.declare(cython.int, 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def covered(
    e: cython.pointer[Endpoint], d: cython.pointer[Detail], left: cython.uint, right: cython.uint
) -> cython.bint:
    """Whether all of [left, right) was seen before."""
    i: cython.int
    if le(right, e[0].rcv_nxt):
        return True
    if lt(left, e[0].rcv_nxt):
        left = e[0].rcv_nxt
    for i in range(d[0].n_holes):
        if le(d[0].hole[2 * i], left) and le(right, d[0].hole[2 * i + 1]):
            return True
    return False


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def receive(
    e: cython.pointer[Endpoint],
    d: cython.pointer[Detail],
    left: cython.uint,
    right: cython.uint,
    ts_ns: cython.longlong,
) -> cython.void:
    """Add [left, right) to what was received."""
    i: cython.int = 0
    j: cython.int
    k: cython.int
    n: cython.int = d[0].n_holes
    if le(left, e[0].rcv_nxt):
        if lt(e[0].rcv_nxt, right):
            e[0].rcv_nxt = right
            if n:
                advance(e, d, right)
        return
    # Merge with every range that it touches, then put it in its place.
    while i < n and lt(d[0].hole[2 * i + 1], left):
        i += 1
    j = i
    while j < n and le(d[0].hole[2 * j], right):
        if lt(d[0].hole[2 * j], left):
            left = d[0].hole[2 * j]
        if lt(right, d[0].hole[2 * j + 1]):
            right = d[0].hole[2 * j + 1]
        j += 1
    if j == i:
        if i >= MOST:
            d[0].forgotten = add(d[0].forgotten, diff(right, left))
            return
        if n == MOST:
            n -= 1
            d[0].forgotten = add(d[0].forgotten, diff(d[0].hole[2 * n + 1], d[0].hole[2 * n]))
        k = n
        while k > i:
            d[0].hole[2 * k] = d[0].hole[2 * k - 2]
            d[0].hole[2 * k + 1] = d[0].hole[2 * k - 1]
            k -= 1
        if n == 0:
            d[0].hole_ts_ns = ts_ns
        n += 1
    else:
        k = i + 1
        while j < n:
            d[0].hole[2 * k] = d[0].hole[2 * j]
            d[0].hole[2 * k + 1] = d[0].hole[2 * j + 1]
            k += 1
            j += 1
        n = k
    d[0].hole[2 * i] = left
    d[0].hole[2 * i + 1] = right
    d[0].n_holes = n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def advance(e: cython.pointer[Endpoint], d: cython.pointer[Detail], ack: cython.uint) -> cython.longlong:
    """RCV.NXT is at least `ack`: drop the ranges that this joins. Returns the bytes between that were never seen."""
    unseen: cython.longlong = 0
    n: cython.int = d[0].n_holes
    gone: cython.int = 0
    k: cython.int = 0
    credit: cython.longlong
    at: cython.uint = e[0].rcv_nxt
    if lt(at, ack):
        unseen = diff(ack, at)
    while gone < n and le(d[0].hole[2 * gone], ack):
        if lt(ack, d[0].hole[2 * gone + 1]):
            unseen -= diff(ack, d[0].hole[2 * gone])
            ack = d[0].hole[2 * gone + 1]
        else:
            unseen -= diff(d[0].hole[2 * gone + 1], d[0].hole[2 * gone])
        gone += 1
    if lt(e[0].rcv_nxt, ack):
        e[0].rcv_nxt = ack
    if gone:
        while gone < n:
            d[0].hole[2 * k] = d[0].hole[2 * gone]
            d[0].hole[2 * k + 1] = d[0].hole[2 * gone + 1]
            k += 1
            gone += 1
        d[0].n_holes = k
    if unseen > 0 and d[0].forgotten:
        credit = cython.cast(cython.longlong, d[0].forgotten)
        if credit > unseen:
            credit = unseen
        d[0].forgotten = add(d[0].forgotten, -credit)
        unseen -= credit
    return unseen if unseen > 0 else 0
