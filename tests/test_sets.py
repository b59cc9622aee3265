"""Sets of numbers as arrays, against Python's own."""

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag.sets import among, distinct

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
    code = "import sys, numpy as np; from tcpdiag.sets import among, distinct; a = np.arange(9)[::-1]; "
    code += "among(a, a[:3]), among(a[:0], a), distinct(a); sys.exit('numpy.ma' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
