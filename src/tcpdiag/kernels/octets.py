# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Numbers in network byte order, and the Internet checksum's sum (RFC 1071).

Callers prove their range first: every function reads only `data[at]` up to the last byte that its name says.
"""

from __future__ import annotations

import sys

import cython

LITTLE = cython.declare(cython.bint, sys.byteorder == "little")
LOW32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def be16(data: cython.p_const_uchar, at: cython.longlong) -> cython.uint:
    return (cython.cast(cython.uint, data[at]) << 8) | data[at + 1]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def be32(data: cython.p_const_uchar, at: cython.longlong) -> cython.uint:
    return (be16(data, at) << 16) | be16(data, at + 2)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def be64(data: cython.p_const_uchar, at: cython.longlong) -> cython.ulonglong:
    return (cython.cast(cython.ulonglong, be32(data, at)) << 32) | be32(data, at + 4)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def fold(total: cython.ulonglong) -> cython.uint:
    """The sum with its carries added back in, 16 bits (RFC 1071 section 2 (B))."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return cython.cast(cython.uint, total)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def sum16(data: cython.p_const_uchar, at: cython.longlong, n: cython.longlong) -> cython.uint:
    """The folded sum of `n` bytes taken as 16-bit numbers, an odd last byte padded with 0.

    Two 64-bit accumulators take eight bytes each a step in the machine's own byte order, which is put right once at
    the end: the sum does not depend on it (RFC 1071 section 2 (B)). They cannot overflow below 2**33 bytes.
    """
    one: cython.ulonglong = 0
    two: cython.ulonglong = 0
    a: cython.ulonglong = 0
    b: cython.ulonglong = 0
    i: cython.longlong = 0
    result: cython.uint
    if cython.compiled:
        while i + 16 <= n:
            memcpy(cython.address(a), data + at + i, 8)
            memcpy(cython.address(b), data + at + i + 8, 8)
            one += (a & LOW32) + (a >> 32)
            two += (b & LOW32) + (b >> 32)
            i += 16
    result = fold(one + two)
    if LITTLE:
        result = ((result & 0xFF) << 8) | (result >> 8)
    one = result
    while i + 2 <= n:
        one += be16(data, at + i)
        i += 2
    if i < n:
        one += cython.cast(cython.ulonglong, data[at + i]) << 8
    return fold(one)
