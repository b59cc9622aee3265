# cython: language_level=3, cdivision=True, boundscheck=True, wraparound=False, initializedcheck=False
"""Finds the packet records of pcap and pcapng files in a buffer: bytes in, `RECORD` rows out.

Every kernel takes the same four arrays: `buffer` (u1), `cursors` (one CURSOR row), `links` (LINK rows, one for each
interface of the current section; pcap has one) and `records` (RECORD rows to be filled). A length from the file is
compared with what the buffer holds before anything behind it is read.
"""

from __future__ import annotations

import cython

from tcpdiag.kernels.cursor import Status, SwapLengths, Unit

U32 = cython.declare(cython.longlong, 0xFFFFFFFF)
I64_MAX = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
SECOND_NS = cython.declare(cython.longlong, 1_000_000_000)
MICROSECOND_NS = cython.declare(cython.longlong, 1_000)

MORE = cython.declare(cython.int, int(Status.MORE))
FULL = cython.declare(cython.int, int(Status.FULL))
BAD = cython.declare(cython.int, int(Status.BAD))
OTHER = cython.declare(cython.int, int(Status.OTHER))
MULTIPLY = cython.declare(cython.int, int(Unit.MULTIPLY))
DIVIDE = cython.declare(cython.int, int(Unit.DIVIDE))
SWAP_WHEN_LARGER = cython.declare(cython.int, int(SwapLengths.WHEN_LARGER))
SWAP = cython.declare(cython.int, int(SwapLengths.YES))

SECTION_HEADER = cython.declare(cython.longlong, 0x0A0D0D0A)
PACKET_BLOCK = cython.declare(cython.longlong, 2)  # obsolete
SIMPLE_PACKET = cython.declare(cython.longlong, 3)
ENHANCED_PACKET = cython.declare(cython.longlong, 6)
SYSTEMD_JOURNAL = cython.declare(cython.longlong, 9)
LAST_STANDARD_BLOCK = cython.declare(cython.longlong, 10)  # decryption secrets
CUSTOM = cython.declare(cython.longlong, 0xBAD)
CUSTOM_NO_COPY = cython.declare(cython.longlong, 0x40000BAD)
BYTE_ORDER_MAGIC = cython.declare(cython.longlong, 0x1A2B3C4D)
OPTIONS_LIMIT = cython.declare(cython.longlong, 1 << 20)  # of one packet block: far above any writer's

# What a record header found by searching must look like; see chain_length.
CHAIN = cython.declare(cython.int, 4)
SHORT_CHAIN = cython.declare(cython.int, 3)
WIRE_LIMIT = cython.declare(cython.longlong, 1 << 24)
NEAR_NS = cython.declare(cython.longlong, 30 * 86400 * 1_000_000_000)


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def u32(buffer: cython.uchar[::1], at: cython.longlong, swapped: cython.longlong) -> cython.longlong:
    """The unsigned 32-bit field at `at`, big-endian when `swapped`."""
    a: cython.longlong = buffer[at]
    b: cython.longlong = buffer[at + 1]
    c: cython.longlong = buffer[at + 2]
    d: cython.longlong = buffer[at + 3]
    if swapped:
        return a << 24 | b << 16 | c << 8 | d
    return d << 24 | c << 16 | b << 8 | a


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def u16(buffer: cython.uchar[::1], at: cython.longlong, swapped: cython.longlong) -> cython.longlong:
    """The unsigned 16-bit field at `at`, big-endian when `swapped`."""
    a: cython.longlong = buffer[at]
    b: cython.longlong = buffer[at + 1]
    return (a << 8 | b) if swapped else (b << 8 | a)


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
        if ticks > limit // cython.cast(cython.ulonglong, factor):
            c[0].clamped += 1
            return I64_MAX
        return saturated(c, cython.cast(cython.longlong, ticks * cython.cast(cython.ulonglong, factor)), link[0].offset_ns)
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


def index_pcap(
    buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], records: Record[::1]
) -> cython.int:
    """Fill `records` from the pcap records that lie completely in the buffer. Returns a Status."""
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
    with cython.nogil:
        while at + header_size <= c[0].end:
            captured_len = u32(buffer, at + 8, swapped)
            wire_len = u32(buffer, at + 12, swapped)
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
                u32(buffer, at, swapped) * SECOND_NS + u32(buffer, at + 4, swapped) * link[0].factor,
                at + header_size,
                captured_len,
                wire_len,
            )
            at += header_size + captured_len
        c[0].position = at
    return status


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def chain_length(
    buffer: cython.uchar[::1],
    c: cython.pointer[Cursor],
    link: cython.pointer[Link],
    start: cython.longlong,
    final: cython.bint,
) -> cython.int:
    """How many plausible record headers follow each other from `start`: CHAIN is enough evidence for a record.

    A chain that ends exactly where the file does counts as CHAIN. Negative: it leaves the buffer after that many.
    Plausible: a fraction below one second, no more captured than there was, near in time to the record before.
    """
    at: cython.longlong = start
    found: cython.int = 0
    anchored: cython.bint = c[0].packets > 0
    anchor_ns: cython.longlong = c[0].previous_ts_ns
    captured_len: cython.longlong
    wire_len: cython.longlong
    fraction_ns: cython.longlong
    ts_ns: cython.longlong
    while found < CHAIN:
        if at == c[0].end and final and found > 0:
            return CHAIN
        if at + c[0].header_size > c[0].end:
            return -found
        captured_len = u32(buffer, at + 8, c[0].swapped)
        wire_len = u32(buffer, at + 12, c[0].swapped)
        if c[0].swap_lengths == SWAP or (c[0].swap_lengths == SWAP_WHEN_LARGER and captured_len > wire_len):
            captured_len, wire_len = wire_len, captured_len
        fraction_ns = u32(buffer, at + 4, c[0].swapped) * link[0].factor
        if captured_len > link[0].max_len or captured_len > wire_len or wire_len > WIRE_LIMIT:
            return 0
        if captured_len == 0 or fraction_ns >= SECOND_NS:
            return 0
        ts_ns = u32(buffer, at, c[0].swapped) * SECOND_NS + fraction_ns
        if anchored and (ts_ns > anchor_ns + NEAR_NS or ts_ns < anchor_ns - NEAR_NS):
            return 0
        anchored = True
        anchor_ns = ts_ns
        at += c[0].header_size + captured_len
        found += 1
    return found


def find_pcap(
    buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], final: cython.bint
) -> cython.bint:
    """Move the cursor to the next place where pcap records go on. True when there is one in the buffer.

    Else the cursor stands where the search must go on with more bytes; `final` tells that there are none.
    """
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    link: cython.pointer[Link] = cython.address(links[0])
    at: cython.longlong = c[0].position
    half: cython.longlong = c[0].end // 2
    found: cython.int
    result: cython.bint = False
    with cython.nogil:
        while at + c[0].header_size <= c[0].end:
            found = chain_length(buffer, c, link, at, final)
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
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def is_frame_without_packet(block_type: cython.longlong) -> cython.bint:
    """Blocks that Wireshark numbers as frames although they hold no packet: journal entries and custom blocks."""
    return block_type == SYSTEMD_JOURNAL or block_type == CUSTOM or block_type == CUSTOM_NO_COPY


def index_pcapng(
    buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], records: Record[::1]
) -> cython.int:
    """Fill `records` from the pcapng packet blocks that lie completely in the buffer. Returns a Status.

    BAD: the block's lengths cannot be, or it names an interface that the section does not have.
    """
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
    with cython.nogil:
        while at + 12 <= c[0].end:
            block_type = u32(buffer, at, swapped)
            total = u32(buffer, at + 4, swapped)
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
                number = u32(buffer, at + 8, swapped)
            elif block_type == PACKET_BLOCK:
                number = u16(buffer, at + 8, swapped)
            if number >= c[0].links:
                status = BAD
                break
            link = cython.address(links[number])
            if block_type == SIMPLE_PACKET:
                wire_len = u32(buffer, at + 8, swapped)
                captured_len = min(wire_len, total - 16)
                if link[0].snaplen > 0:
                    captured_len = min(captured_len, link[0].snaplen)
            else:
                captured_len = u32(buffer, at + 20, swapped)
                wire_len = u32(buffer, at + 24, swapped)
            # A length that is no multiple of 4 leaves out the padding, which is there all the same.
            padded = (total + 3) & ~3
            if captured_len > link[0].max_len or captured_len > total - head or total > captured_len + OPTIONS_LIMIT:
                status = BAD
                break
            if at + padded > c[0].end:
                break
            if u32(buffer, at + padded - 4, swapped) != total:
                status = BAD
                break
            if c[0].filled == rows:
                status = FULL
                break
            ts_ns = c[0].previous_ts_ns
            if block_type != SIMPLE_PACKET:
                ts_ns = epoch_ns(c, link, u32(buffer, at + 12, swapped), u32(buffer, at + 16, swapped))
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


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def block_evidence(buffer: cython.uchar[::1], c: cython.pointer[Cursor], at: cython.longlong) -> cython.int:
    """1: a block of a known kind stands at `at`, its two lengths agree. 0: none. -1: it would leave the buffer."""
    swapped: cython.longlong = c[0].swapped
    block_type: cython.longlong = u32(buffer, at, swapped)
    total: cython.longlong
    if block_type == SECTION_HEADER:
        if at + 16 > c[0].end:
            return -1
        # The section brings its own byte order.
        swapped = 0
        if u32(buffer, at + 8, swapped) != BYTE_ORDER_MAGIC:
            swapped = 1
            if u32(buffer, at + 8, swapped) != BYTE_ORDER_MAGIC:
                return 0
    elif (block_type < 1 or block_type > LAST_STANDARD_BLOCK) and not is_frame_without_packet(block_type):
        return 0
    total = u32(buffer, at + 4, swapped)
    if total < 16 or total % 4 != 0 or total > WIRE_LIMIT:
        return 0
    if at + total > c[0].end:
        return -1
    return 1 if u32(buffer, at + total - 4, swapped) == total else 0


def find_pcapng(
    buffer: cython.uchar[::1], cursors: Cursor[::1], links: Link[::1], final: cython.bint
) -> cython.bint:
    """Move the cursor to the next pcapng block. True when there is one in the buffer; else as in find_pcap."""
    c: cython.pointer[Cursor] = cython.address(cursors[0])
    at: cython.longlong = c[0].position
    half: cython.longlong = c[0].end // 2
    evidence: cython.int
    result: cython.bint = False
    with cython.nogil:
        while at + 12 <= c[0].end:
            evidence = block_evidence(buffer, c, at)
            if evidence > 0:
                result = True
                break
            if evidence < 0 and not final and at > half:
                break
            at += 1
        c[0].position = at
    return result
