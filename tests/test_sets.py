"""Sets of numbers as arrays, against Python's own."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag.sets import among, distinct, mixed

NUMBERS = st.lists(st.integers(-5, 5))


@given(NUMBERS)
def test_distinct_is_sorted_and_unique(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, np.int64)).tolist() == sorted(set(numbers))


@given(NUMBERS, NUMBERS)
def test_among_tells_each_number(numbers: list[int], wanted: list[int]) -> None:
    assert among(np.array(numbers, np.int64), wanted).tolist() == [number in wanted for number in numbers]


def test_among_of_many() -> None:
    numbers = np.arange(10_000) % 7
    assert among(numbers, np.array([2, 3])).tolist() == [number in (2, 3) for number in numbers.tolist()]


def test_small_sets_load_nothing() -> None:
    code = "import sys, numpy as np; from tcpdiag.sets import among, distinct, mixed; a = np.arange(9)[::-1]; "
    code += "among(a, a[:3]), among(a[:0], a), distinct(a); sys.exit('numpy.ma' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 3)), min_size=1))
def test_mixed_gives_equal_rows_one_number_and_different_rows_different_ones(rows: list[tuple[int, int]]) -> None:
    one, other = np.array([row[0] for row in rows], np.uint64), np.array([row[1] for row in rows], np.uint16)
    assert len(set(mixed(one, other).tolist())) == len(set(rows))
