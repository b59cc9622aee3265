# cython: language_level=3, cdivision=True, boundscheck=True, wraparound=False, initializedcheck=False
"""Finds where records go on after damage. The arguments are those of the kernels in `index`."""

from __future__ import annotations

import cython

from tcpdiag.kernels.cursor import SwapLengths

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    index = uncompiled("index")
    u32, within = index.u32, index.within

SECOND_NS = cython.declare(cython.longlong, 1_000_000_000)
SWAP_WHEN_LARGER = cython.declare(cython.int, int(SwapLengths.WHEN_LARGER))
SWAP = cython.declare(cython.int, int(SwapLengths.YES))

SECTION_HEADER = cython.declare(cython.longlong, 0x0A0D0D0A)
LAST_STANDARD_BLOCK = cython.declare(cython.longlong, 10)  # decryption secrets
CUSTOM = cython.declare(cython.longlong, 0xBAD)
CUSTOM_NO_COPY = cython.declare(cython.longlong, 0x40000BAD)
BYTE_ORDER_MAGIC = cython.declare(cython.longlong, 0x1A2B3C4D)

# What a record header found by searching must look like; see chain_length.
CHAIN = cython.declare(cython.int, 4)
SHORT_CHAIN = cython.declare(cython.int, 3)
WIRE_LIMIT = cython.declare(cython.longlong, 1 << 24)
NEAR_NS = cython.declare(cython.longlong, 30 * 86400 * 1_000_000_000)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_length(
    data: cython.p_const_uchar,
    c: cython.pointer[Cursor],
    link: cython.pointer[Link],
    start: cython.longlong,
    final: cython.bint,
) -> cython.int:
    """How many plausible record headers follow each other from `start`: CHAIN is enough evidence for a record.

    A chain that ends exactly where the file does counts as CHAIN. Negative: it leaves the buffer after that many.
    Plausible: a fraction below one second, no more captured than there was, near in time to the record before; the
    first one to anything before the damage, for the last record there may itself be wrong.
    """
    at: cython.longlong = start
    found: cython.int = 0
    anchored: cython.bint = c[0].packets > 0
    earliest_ns: cython.longlong = c[0].first_ts_ns
    latest_ns: cython.longlong = c[0].last_ts_ns
    captured_len: cython.longlong
    wire_len: cython.longlong
    fraction_ns: cython.longlong
    ts_ns: cython.longlong
    while found < CHAIN:
        if at == c[0].end and final and found > 0:
            return CHAIN
        if at + c[0].header_size > c[0].end:
            return -found
        captured_len = u32(data, at + 8, c[0].swapped)
        wire_len = u32(data, at + 12, c[0].swapped)
        if c[0].swap_lengths == SWAP or (c[0].swap_lengths == SWAP_WHEN_LARGER and captured_len > wire_len):
            captured_len, wire_len = wire_len, captured_len
        fraction_ns = u32(data, at + 4, c[0].swapped) * link[0].factor
        if captured_len > link[0].max_len or captured_len > wire_len or wire_len > WIRE_LIMIT:
            return 0
        if captured_len == 0 or fraction_ns >= SECOND_NS:
            return 0
        ts_ns = u32(data, at, c[0].swapped) * SECOND_NS + fraction_ns
        if anchored and (ts_ns > latest_ns + NEAR_NS or ts_ns < earliest_ns - NEAR_NS):
            return 0
        anchored = True
        earliest_ns = latest_ns = ts_ns
        at += c[0].header_size + captured_len
        found += 1
    return found


def find_pcap(buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], final: cython.bint) -> cython.bint:
    """Move the cursor to the next place where pcap records go on. True when there is one in the buffer.

    Else the cursor stands where the search must go on with more bytes; `final` tells that there are none.
    """
    data: cython.p_const_uchar
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    link: cython.pointer[Link] = cython.address(links[0])
    at: cython.longlong = c[0].position
    half: cython.longlong = c[0].end // 2
    found: cython.int
    result: cython.bint = False
    within(buffer, c)
    data = cython.address(buffer[0]) if cython.compiled else buffer
    with cython.nogil:
        while at + c[0].header_size <= c[0].end:
            found = chain_length(data, c, link, at, final)
            if found >= CHAIN or -found >= SHORT_CHAIN:
                result = True
                break
            # Only a place in the buffer's second half is worth another look with more bytes: so every look moves
            # on by half a buffer, whatever the bytes are.
            if found < 0 and not final and at > half:
                break
            at += 1
        c[0].position = at
    return result


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def block_evidence(data: cython.p_const_uchar, c: cython.pointer[Cursor], at: cython.longlong) -> cython.int:
    """1: a block of a known kind stands at `at`, its two lengths agree. 0: none. -1: it would leave the buffer."""
    swapped: cython.longlong = c[0].swapped
    block_type: cython.longlong = u32(data, at, swapped)
    total: cython.longlong
    if block_type == SECTION_HEADER:
        if at + 16 > c[0].end:
            return -1
        # The section brings its own byte order.
        swapped = 0
        if u32(data, at + 8, swapped) != BYTE_ORDER_MAGIC:
            swapped = 1
            if u32(data, at + 8, swapped) != BYTE_ORDER_MAGIC:
                return 0
    elif (block_type < 1 or block_type > LAST_STANDARD_BLOCK) and block_type != CUSTOM and block_type != CUSTOM_NO_COPY:
        return 0
    total = u32(data, at + 4, swapped)
    if total < 16 or total % 4 != 0 or total > WIRE_LIMIT:
        return 0
    if at + total > c[0].end:
        return -1
    return 1 if u32(data, at + total - 4, swapped) == total else 0


def find_pcapng(buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], final: cython.bint) -> cython.bint:
    """Move the cursor to the next pcapng block. True when there is one in the buffer; else as in find_pcap."""
    data: cython.p_const_uchar
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    at: cython.longlong = c[0].position
    half: cython.longlong = c[0].end // 2
    evidence: cython.int
    result: cython.bint = False
    within(buffer, c)
    data = cython.address(buffer[0]) if cython.compiled else buffer
    with cython.nogil:
        while at + 12 <= c[0].end:
            evidence = block_evidence(data, c, at)
            if evidence > 0:
                result = True
                break
            if evidence < 0 and not final and at > half:
                break
            at += 1
        c[0].position = at
    return result
