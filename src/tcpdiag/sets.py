"""Sets of numbers as arrays, and rows of several columns as one number each.

numpy has the sets too, but for small arrays its `unique` and `isin` load all of `numpy.ma`, 6 ms of a start of 150.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
"""2**64 / golden ratio, odd: spreads the bits of what it is multiplied with (Knuth, TAOCP 3, section 6.4)."""
_FAR: Final = np.uint64(29)
_LARGE: Final = 4096
"""Rows from which on numpy's ways are worth their beginning."""


def distinct(numbers: np.ndarray) -> np.ndarray:
    """The different numbers, ascending; a million that are so already cost nothing."""
    if np.all(numbers[1:] > numbers[:-1]):
        return numbers
    ordered = np.sort(numbers)
    kept = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=kept[1:])
    found: np.ndarray = ordered[kept]
    return found


def among(numbers: np.ndarray, wanted: np.ndarray | Sequence[int]) -> "NDArray[np.bool_]":
    """Whether each number is one of those wanted (bool)."""
    if not np.size(numbers) or not len(wanted):
        return np.zeros(np.shape(numbers), bool)
    if np.size(numbers) >= _LARGE or len(wanted) >= _LARGE:
        return np.isin(numbers, wanted)
    ordered = np.sort(np.asarray(wanted))
    place = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    found: NDArray[np.bool_] = ordered[place] == numbers
    return found


def mixed(*columns: np.ndarray) -> np.ndarray:
    """One u8 a row of these integer columns, for comparing whole rows at once.

    Different rows share a number once in 2**64 by chance, or where somebody takes pains: compare the rows themselves
    where that would matter.
    """
    found = np.zeros(np.shape(columns[0]), np.uint64)
    for column in columns:
        found ^= column.astype(np.uint64)
        found *= GOLDEN
        found ^= found >> _FAR
    return found
