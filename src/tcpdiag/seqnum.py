"""Sequence number arithmetic, RFC 9293 section 3.4: the only copy.

All numbers are unsigned 32 bit and wrap. Compiled into `seqnum.so`; the same text runs uncompiled.
"""

import cython

U32 = cython.declare(cython.uint, 0xFFFFFFFF)
SIGN = cython.declare(cython.uint, 0x80000000)


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def diff(a: cython.uint, b: cython.uint) -> cython.longlong:
    """`a - b` as a signed distance, -2**31 .. 2**31 - 1: positive when `a` is after `b`."""
    d: cython.longlong = (cython.cast(cython.longlong, a) - b) & U32
    if d >= SIGN:
        d -= cython.cast(cython.longlong, U32) + 1
    return d


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def add(a: cython.uint, n: cython.longlong) -> cython.uint:
    """`a + n`, wrapped to 32 bits."""
    return cython.cast(cython.uint, (cython.cast(cython.longlong, a) + n) & U32)


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def lt(a: cython.uint, b: cython.uint) -> cython.bint:
    """`a` is before `b`."""
    return diff(a, b) < 0


@cython.ccall
@cython.nogil
@cython.exceptval(check=False)
def le(a: cython.uint, b: cython.uint) -> cython.bint:
    """`a` is before `b`, or equal."""
    return diff(a, b) <= 0
