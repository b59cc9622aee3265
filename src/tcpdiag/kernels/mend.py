# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True
"""Checksums of packets that have other addresses and other payload now: good ones stay good, bad ones bad."""

from __future__ import annotations

import cython

from tcpdiag.kernels.hide_rows import State

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    octets = uncompiled("octets")
    fold, sum16 = octets.fold, octets.sum16
    pseudo = uncompiled("hide_marks").pseudo

BAD = cython.declare(cython.uchar, int(State.BAD))
PARTIAL = cython.declare(cython.uchar, int(State.PARTIAL))
PARTIAL_SHORT = cython.declare(cython.uchar, int(State.PARTIAL_SHORT))
UDP = cython.declare(cython.uint, 17)
# A bad sum is off by this, or a little more: by how much it was off depends on the payload, and is not told.
OFF = cython.declare(cython.uint, 0x0101)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def mended(data: cython.p_const_uchar, c: cython.pointer[Check]) -> cython.uint:
    """The checksum of what `data` holds now, its own field being 0."""
    bare: cython.ulonglong = pseudo(data, c)
    partial: cython.uint = fold(bare + c[0].length)
    right: cython.uint
    if c[0].state == PARTIAL:
        return partial
    if c[0].state == PARTIAL_SHORT:
        return fold(bare)
    right = fold(bare + c[0].length + sum16(data, c[0].start, c[0].end - c[0].start)) ^ 0xFFFF
    if c[0].state == BAD:
        right ^= OFF
        while c[0].src >= 0 and (right == partial or right == fold(bare)):  # as if left to the network card
            right = (right + OFF) & 0xFFFF
    if right == 0 and c[0].protocol == UDP:  # RFC 768: zero says that there is none
        right = 0xFFFF
    return right


def mend(out: cython.uchar[::1], checks: Check[::1]) -> None:
    """Write all checksums, the last first: an outer one covers those further in.

    Raises IndexError for a check outside of the buffer.
    """
    data: cython.p_const_uchar
    c: cython.pointer[Check]
    i: cython.Py_ssize_t
    value: cython.uint
    size: cython.longlong = out.shape[0]
    if size == 0 or checks.shape[0] == 0:
        return
    data = cython.address(out[0]) if cython.compiled else out
    for i in range(checks.shape[0] - 1, -1, -1):
        c = cython.address(checks[i])
        if (
            c[0].field < 0
            or c[0].field + 2 > size
            or c[0].start < 0
            or c[0].end > size
            or c[0].src + c[0].address > size
            or c[0].dst + c[0].address > size
        ):
            raise IndexError("a checksum outside of the buffer")
        out[c[0].field] = 0
        out[c[0].field + 1] = 0
        value = mended(data, c)
        out[c[0].field] = value >> 8
        out[c[0].field + 1] = value & 0xFF
