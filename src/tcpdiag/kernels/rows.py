"""Rows of a structured array for an uncompiled kernel: Python numbers in, Python numbers out.

A compiled kernel takes the array itself as a memoryview of structs. Uncompiled, numpy scalars would wrap
unlike C integers and unlike Python ones, so the same source is given these instead; a value that does not fit
its column raises OverflowError.
"""

from typing import Any

import numpy as np


class Row:
    """One row; attributes are the columns. An array column reads as a numpy view of Python's own numbers."""

    __slots__ = ("_array", "_index")

    def __init__(self, array: np.ndarray, index: int) -> None:
        object.__setattr__(self, "_array", array)
        object.__setattr__(self, "_index", index)

    def __getattr__(self, name: str) -> Any:
        value = self._array[name][self._index]
        return Cells(value) if isinstance(value, np.ndarray) else value.item()

    def __setattr__(self, name: str, value: Any) -> None:
        self._array[name][self._index] = value


class Cells:
    """An array column of one row."""

    __slots__ = ("_values",)

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __getitem__(self, index: int) -> Any:
        return self._values[index].item()

    def __setitem__(self, index: int, value: Any) -> None:
        self._values[index] = value


class Rows:
    """A structured array, or a plain one, as a sequence that an uncompiled kernel can index."""

    __slots__ = ("_array", "shape")

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape = array.shape

    def __getitem__(self, index: int) -> Any:
        return Row(self._array, index) if self._array.dtype.names else int(self._array[index])

    def __setitem__(self, index: int, value: int) -> None:
        self._array[index] = value
