# cython: language_level=3, cdivision=True, boundscheck=True, wraparound=False, initializedcheck=False
"""Text in its order: the common case of a stream, as fast as it can be copied. All else is `streams.reassembly`'s."""

from __future__ import annotations

import cython

from tcpdiag.model.segment import Checksum, Flag, Origin
from tcpdiag.seqnum import add, diff

OTHERWISE = cython.declare(cython.int, int(Flag.SYN | Flag.RST | Flag.FIN | Flag.URG))
ACK = cython.declare(cython.int, int(Flag.ACK))
HEADER_TRUNCATED = cython.declare(cython.int, int(Origin.HEADER_TRUNCATED))
BAD = cython.declare(cython.int, int(Checksum.BAD))
OWN = cython.declare(cython.int, 2)  # Edge.started: by a segment of its own


def take(
    rows: Segment[::1],
    sides: cython.uchar[::1],
    buffer: cython.const[cython.uchar][::1],
    start: cython.longlong,
    edges: Edge[::1],
    pieces: Piece[::1],
    text: cython.uchar[::1],
    found: cython.longlong[::1],
) -> cython.longlong:
    """Take rows of one connection from `start` on; the first one that is not in order, or `len(rows)`.

    edges: both directions, moved on. pieces: filled, `found[0]` of them. text: their bytes, `found[1]` of them.
    """
    i: cython.Py_ssize_t = start
    n: cython.Py_ssize_t = rows.shape[0]
    size: cython.longlong = buffer.shape[0]
    room: cython.longlong = text.shape[0]
    most: cython.longlong = pieces.shape[0]
    count: cython.longlong = 0
    used: cython.longlong = 0
    at: cython.longlong
    length: cython.longlong
    captured: cython.longlong
    k: cython.longlong
    side: cython.int
    while i < n:
        side = sides[i]
        at = rows[i].payload_offset
        length = rows[i].payload_len
        if (rows[i].flags & OTHERWISE) or (rows[i].origin & HEADER_TRUNCATED) or edges[side].started != OWN:
            break
        if not edges[side].wanted:
            length = 0
        elif length:
            if rows[i].seq != edges[side].next or rows[i].captured_len > rows[i].payload_len:
                break
            captured = rows[i].captured_len
            if (edges[side].checks and rows[i].checksum == BAD) or at + captured > size:
                break
            if count >= most or used + captured > room:
                break
        if (rows[i].flags & ACK) and edges[1 - side].wanted:
            if not edges[1 - side].started:
                break
            acknowledge(edges, 1 - side, rows[i].ack)
        if length:
            pieces[count].offset = edges[side].offset
            pieces[count].ts_ns = rows[i].ts_ns
            pieces[count].at = used
            pieces[count].length = rows[i].payload_len
            pieces[count].captured = rows[i].captured_len
            pieces[count].frame = rows[i].frame
            pieces[count].side = side
            count += 1
            for k in range(captured):
                text[used + k] = buffer[at + k]
            used += captured
            edges[side].offset += length
            edges[side].next = add(edges[side].next, length)
        i += 1
    found[0] = count
    found[1] = used
    return i


@cython.cfunc
@cython.exceptval(check=False)
def acknowledge(edges: Edge[::1], side: cython.int, ack: cython.uint) -> cython.void:
    """The receiver of this side's text expects `ack`: what goes beyond all that was captured must be said twice."""
    to: cython.longlong = edges[side].offset + diff(ack, edges[side].next)
    sure: cython.longlong = to
    if to > edges[side].offset:
        sure = edges[side].beyond if edges[side].beyond < to else to
        edges[side].beyond = to
    if sure > edges[side].acked:
        edges[side].acked = sure
