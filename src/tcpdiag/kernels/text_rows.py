# cython: language_level=3, cdivision=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Rows of integers -> text, each row between the same fixed words: how 100,000 flows become JSON.

Nothing here reads bytes of a capture. The caller, `reports.json_rows`, gives an `out` that holds the longest text.
"""

from __future__ import annotations

import cython

NUMBER = cython.declare(cython.int, 0)  # a decimal integer
TIME = cython.declare(cython.int, 1)  # nanoseconds as a quoted decimal string of seconds, 9 digits; see units.epoch
BOOLEAN = cython.declare(cython.int, 2)  # 0: false, else true
SPAN = cython.declare(cython.int, 3)  # a row of the spans: those bytes, as they are
NS = cython.declare(cython.longlong, 1_000_000_000)
ZERO = cython.declare(cython.int, 48)
MINUS = cython.declare(cython.int, 45)
POINT = cython.declare(cython.int, 46)
QUOTE = cython.declare(cython.int, 34)


def write(
    cells: cython.longlong[::1],
    null: cython.longlong,
    kinds: cython.uchar[::1],
    fixed: cython.uchar[::1],
    fixed_ends: cython.longlong[::1],
    spans: cython.uchar[::1],
    span_starts: cython.longlong[::1],
    span_ends: cython.longlong[::1],
    row_ends: cython.longlong[::1],
    out: cython.uchar[::1],
) -> int:
    """Write the rows into `out`; the number of bytes written.

    cells: i8, `len(kinds)` a row; a cell that equals `null` is written as null.
    kinds: u1, what each cell of a row is. fixed, fixed_ends: the words before each cell and after the last one.
    spans, span_starts, span_ends: what a SPAN cell refers to. row_ends: i8 (n,), filled: where each row ends in `out`.
    """
    width: cython.Py_ssize_t = kinds.shape[0]
    rows: cython.Py_ssize_t = row_ends.shape[0]
    position: cython.Py_ssize_t = 0
    row: cython.Py_ssize_t
    slot: cython.Py_ssize_t
    start: cython.longlong
    value: cython.longlong
    kind: cython.int
    with cython.nogil:
        for row in range(rows):
            start = 0
            for slot in range(width):
                position = _copy(out, position, fixed, start, fixed_ends[slot])
                start = fixed_ends[slot]
                value = cells[row * width + slot]
                kind = kinds[slot]
                if value == null:
                    position = _null(out, position)
                elif kind == NUMBER:
                    position = _number(out, position, value)
                elif kind == TIME:
                    position = _time(out, position, value)
                elif kind == BOOLEAN:
                    position = _boolean(out, position, value)
                else:
                    position = _copy(out, position, spans, span_starts[value], span_ends[value])
            position = _copy(out, position, fixed, start, fixed_ends[width])
            row_ends[row] = position
    return position


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _copy(
    out: cython.uchar[::1],
    position: cython.Py_ssize_t,
    source: cython.uchar[::1],
    start: cython.longlong,
    end: cython.longlong,
) -> cython.Py_ssize_t:
    i: cython.longlong
    for i in range(start, end):
        out[position + i - start] = source[i]
    return position + end - start


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _digits(
    out: cython.uchar[::1], position: cython.Py_ssize_t, value: cython.longlong, count: cython.int
) -> cython.Py_ssize_t:
    """Exactly `count` digits, from the right."""
    i: cython.Py_ssize_t = position + count - 1
    while i >= position:
        out[i] = ZERO + value % 10
        value = value // 10
        i -= 1
    return position + count


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _number(out: cython.uchar[::1], position: cython.Py_ssize_t, value: cython.longlong) -> cython.Py_ssize_t:
    count: cython.int = 1
    rest: cython.longlong
    if value < 0:
        out[position] = MINUS
        position += 1
        value = -value
    rest = value // 10
    while rest > 0:
        count += 1
        rest = rest // 10
    return _digits(out, position, value, count)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _time(out: cython.uchar[::1], position: cython.Py_ssize_t, value: cython.longlong) -> cython.Py_ssize_t:
    out[position] = QUOTE
    position += 1
    if value < 0:
        out[position] = MINUS
        position += 1
        value = -value
    position = _number(out, position, value // NS)
    out[position] = POINT
    position = _digits(out, position + 1, value % NS, 9)
    out[position] = QUOTE
    return position + 1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _null(out: cython.uchar[::1], position: cython.Py_ssize_t) -> cython.Py_ssize_t:
    out[position] = 110
    out[position + 1] = 117
    out[position + 2] = 108
    out[position + 3] = 108
    return position + 4


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _boolean(out: cython.uchar[::1], position: cython.Py_ssize_t, value: cython.longlong) -> cython.Py_ssize_t:
    if value:
        out[position] = 116
        out[position + 1] = 114
        out[position + 2] = 117
        out[position + 3] = 101
        return position + 4
    out[position] = 102
    out[position + 1] = 97
    out[position + 2] = 108
    out[position + 3] = 115
    out[position + 4] = 101
    return position + 5
