# cython: language_level=3, cdivision=True, boundscheck=True, wraparound=False, initializedcheck=False
"""Finds the packet records of pcap and pcapng files in a buffer: bytes in, `RECORD` rows out.

Every kernel takes the same four arrays: `buffer` (u1), `cursors` (one CURSOR row), `links` (LINK rows, one for each
interface of the current section; pcap has one) and `records` (RECORD rows to be filled). `within` makes sure that the
cursor lies in the buffer; from there on each loop compares a length with the cursor's end before it reads behind it.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.cursor import Status, SwapLengths, Unit

U32 = cython.declare(cython.longlong, 0xFFFFFFFF)
I64_MAX = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
SECOND_NS = cython.declare(cython.longlong, 1_000_000_000)

MORE = cython.declare(cython.int, int(Status.MORE))
FULL = cython.declare(cython.int, int(Status.FULL))
BAD = cython.declare(cython.int, int(Status.BAD))
OTHER = cython.declare(cython.int, int(Status.OTHER))
MULTIPLY = cython.declare(cython.int, int(Unit.MULTIPLY))
DIVIDE = cython.declare(cython.int, int(Unit.DIVIDE))
SWAP_WHEN_LARGER = cython.declare(cython.int, int(SwapLengths.WHEN_LARGER))
SWAP = cython.declare(cython.int, int(SwapLengths.YES))

PACKET_BLOCK = cython.declare(cython.longlong, 2)  # obsolete
SIMPLE_PACKET = cython.declare(cython.longlong, 3)
ENHANCED_PACKET = cython.declare(cython.longlong, 6)
OPTIONS_LIMIT = cython.declare(cython.longlong, 1 << 20)  # of one packet block: far above any writer's


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def u32(data: cython.p_const_uchar, at: cython.longlong, swapped: cython.longlong) -> cython.longlong:
    """The unsigned 32-bit field at `at`, big-endian when `swapped`. The caller has compared `at + 4` with the end."""
    a: cython.longlong = data[at]
    b: cython.longlong = data[at + 1]
    c: cython.longlong = data[at + 2]
    d: cython.longlong = data[at + 3]
    if swapped:
        return a << 24 | b << 16 | c << 8 | d
    return d << 24 | c << 16 | b << 8 | a


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def u16(data: cython.p_const_uchar, at: cython.longlong, swapped: cython.longlong) -> cython.longlong:
    """The unsigned 16-bit field at `at`, big-endian when `swapped`."""
    a: cython.longlong = data[at]
    b: cython.longlong = data[at + 1]
    return (a << 8 | b) if swapped else (b << 8 | a)


@cython.cfunc
def within(buffer: cython.uchar[::1], c: cython.pointer[Cursor]) -> cython.bint:
    """Raise IndexError unless the cursor lies in the buffer."""
    if c[0].position < 0 or c[0].end > buffer.shape[0]:
        raise IndexError("the cursor lies outside its buffer")
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def saturated(c: cython.pointer[Cursor], ticks_ns: cython.longlong, offset_ns: cython.longlong) -> cython.longlong:
    """`ticks_ns + offset_ns`, `ticks_ns` not negative; the largest number, counted, where it does not fit."""
    if offset_ns > 0 and ticks_ns > I64_MAX - offset_ns:
        c[0].clamped += 1
        return I64_MAX
    return ticks_ns + offset_ns


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def epoch_ns(
    c: cython.pointer[Cursor], link: cython.pointer[Link], high: cython.longlong, low: cython.longlong
) -> cython.longlong:
    """The timestamp `high * 2**32 + low` of an interface as epoch nanoseconds: exact, rounded down."""
    factor: cython.longlong = link[0].factor
    ticks: cython.ulonglong = cython.cast(cython.ulonglong, high) << 32 | cython.cast(cython.ulonglong, low)
    limit: cython.ulonglong = cython.cast(cython.ulonglong, I64_MAX)
    seconds: cython.ulonglong
    top: cython.ulonglong
    ns: cython.ulonglong
    if link[0].unit == MULTIPLY:
        if ticks > link[0].most_ticks:
            c[0].clamped += 1
            return I64_MAX
        return saturated(
            c, cython.cast(cython.longlong, ticks * cython.cast(cython.ulonglong, factor)), link[0].offset_ns
        )
    if link[0].unit == DIVIDE:
        # The divisor is 10 at least, so the quotient fits.
        ns = ticks // cython.cast(cython.ulonglong, factor)
        return saturated(c, cython.cast(cython.longlong, ns), link[0].offset_ns)
    seconds = ticks >> factor if factor < 64 else 0
    if seconds >= limit // cython.cast(cython.ulonglong, SECOND_NS):
        c[0].clamped += 1
        return I64_MAX
    if factor < 64:
        ticks -= seconds << factor
    # fraction * 10**9 / 2**factor without overflow: 96 bits as `top` * 2**32 + the low 32 bits, which only matter
    # below the point when the fraction has more than 32 bits.
    if factor <= 32:
        ns = (ticks * cython.cast(cython.ulonglong, SECOND_NS)) >> factor
    else:
        top = (ticks >> 32) * cython.cast(cython.ulonglong, SECOND_NS)
        top += ((ticks & cython.cast(cython.ulonglong, U32)) * cython.cast(cython.ulonglong, SECOND_NS)) >> 32
        ns = top >> (factor - 32) if factor < 96 else 0
    ns += seconds * cython.cast(cython.ulonglong, SECOND_NS)
    return saturated(c, cython.cast(cython.longlong, ns), link[0].offset_ns)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def account(
    c: cython.pointer[Cursor], link: cython.pointer[Link], ts_ns: cython.longlong, is_short: cython.bint
) -> cython.void:
    """Count one packet. Time may run backwards between interfaces, within one it should not."""
    step: cython.longlong
    if link[0].seen == 0:
        link[0].seen = 1
    elif ts_ns < link[0].last_ts_ns:
        # Unsigned: the distance of two 64-bit times may need 64 bits itself.
        step = I64_MAX
        if link[0].last_ts_ns < 0 or ts_ns > link[0].last_ts_ns - I64_MAX:
            step = link[0].last_ts_ns - ts_ns
        c[0].backward_steps += 1
        if step > c[0].largest_step_ns:
            c[0].largest_step_ns = step
    link[0].last_ts_ns = ts_ns
    if c[0].packets == 0 or ts_ns < c[0].first_ts_ns:
        c[0].first_ts_ns = ts_ns
    if c[0].packets == 0 or ts_ns > c[0].last_ts_ns:
        c[0].last_ts_ns = ts_ns
    c[0].previous_ts_ns = ts_ns
    c[0].packets += 1
    c[0].frame += 1
    if is_short:
        c[0].truncated += 1


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def put(
    c: cython.pointer[Cursor],
    link: cython.pointer[Link],
    row: cython.pointer[Record],
    ts_ns: cython.longlong,
    offset: cython.longlong,
    captured_len: cython.longlong,
    wire_len: cython.longlong,
) -> cython.void:
    """Write one RECORD row and count it."""
    account(c, link, ts_ns, captured_len < wire_len)
    row[0].ts_ns = ts_ns
    row[0].offset = offset
    row[0].captured_len = cython.cast(cython.uint, captured_len)
    row[0].wire_len = cython.cast(cython.uint, wire_len)
    row[0].frame = cython.cast(cython.uint, c[0].frame & U32)
    row[0].interface = link[0].row
    row[0].link_type = link[0].link_type
    c[0].filled += 1


def index_pcap(buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], records: Record[::1]) -> cython.int:
    """Fill `records` from the pcap records that lie completely in the buffer. Returns a Status."""
    data: cython.p_const_uchar
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    link: cython.pointer[Link] = cython.address(links[0])
    at: cython.longlong = c[0].position
    rows: cython.longlong = records.shape[0]
    header_size: cython.longlong = c[0].header_size
    swapped: cython.longlong = c[0].swapped
    captured_len: cython.longlong
    wire_len: cython.longlong
    status: cython.int = MORE
    c[0].filled = 0
    within(buffer, c)
    data = cython.address(buffer[0]) if cython.compiled else buffer
    with cython.nogil:
        while at + header_size <= c[0].end:
            captured_len = u32(data, at + 8, swapped)
            wire_len = u32(data, at + 12, swapped)
            if c[0].swap_lengths == SWAP or (c[0].swap_lengths == SWAP_WHEN_LARGER and captured_len > wire_len):
                captured_len, wire_len = wire_len, captured_len
            if captured_len > link[0].max_len:
                status = BAD
                break
            if at + header_size + captured_len > c[0].end:
                break
            if c[0].filled == rows:
                status = FULL
                break
            put(
                c,
                link,
                cython.address(records[c[0].filled]),
                u32(data, at, swapped) * SECOND_NS + u32(data, at + 4, swapped) * link[0].factor,
                at + header_size,
                captured_len,
                wire_len,
            )
            at += header_size + captured_len
        c[0].position = at
    return status


def index_pcapng(buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], records: Record[::1]) -> cython.int:
    """Fill `records` from the pcapng packet blocks that lie completely in the buffer. Returns a Status.

    BAD: the block's lengths cannot be, or it names an interface that the section does not have.
    """
    data: cython.p_const_uchar
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    link: cython.pointer[Link]
    at: cython.longlong = c[0].position
    rows: cython.longlong = records.shape[0]
    swapped: cython.longlong = c[0].swapped
    block_type: cython.longlong
    total: cython.longlong
    padded: cython.longlong
    number: cython.longlong
    head: cython.longlong
    captured_len: cython.longlong
    wire_len: cython.longlong
    ts_ns: cython.longlong
    status: cython.int = MORE
    c[0].filled = 0
    within(buffer, c)
    data = cython.address(buffer[0]) if cython.compiled else buffer
    with cython.nogil:
        while at + 12 <= c[0].end:
            block_type = u32(data, at, swapped)
            total = u32(data, at + 4, swapped)
            if block_type != ENHANCED_PACKET and block_type != PACKET_BLOCK and block_type != SIMPLE_PACKET:
                status = OTHER
                break
            head = 16 if block_type == SIMPLE_PACKET else 32
            if total < head:
                status = BAD
                break
            if at + head > c[0].end:
                break
            number = 0
            if block_type == ENHANCED_PACKET:
                number = u32(data, at + 8, swapped)
            elif block_type == PACKET_BLOCK:
                number = u16(data, at + 8, swapped)
            if number >= c[0].links:
                status = BAD
                break
            link = cython.address(links[number])
            if block_type == SIMPLE_PACKET:
                wire_len = u32(data, at + 8, swapped)
                captured_len = min(wire_len, total - 16)
                if link[0].snaplen > 0:
                    captured_len = min(captured_len, link[0].snaplen)
            else:
                captured_len = u32(data, at + 20, swapped)
                wire_len = u32(data, at + 24, swapped)
            # A length that is no multiple of 4 leaves out the padding, which is there all the same.
            padded = (total + 3) & ~3
            if captured_len > link[0].max_len or captured_len > total - head or total > captured_len + OPTIONS_LIMIT:
                status = BAD
                break
            if at + padded > c[0].end:
                break
            if u32(data, at + padded - 4, swapped) != total:
                status = BAD
                break
            if c[0].filled == rows:
                status = FULL
                break
            ts_ns = c[0].previous_ts_ns
            if block_type != SIMPLE_PACKET:
                ts_ns = epoch_ns(c, link, u32(data, at + 12, swapped), u32(data, at + 16, swapped))
            put(
                c,
                link,
                cython.address(records[c[0].filled]),
                ts_ns,
                at + (12 if block_type == SIMPLE_PACKET else 28),
                captured_len,
                wire_len,
            )
            at += padded
        c[0].position = at
    return status
