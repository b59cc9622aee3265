"""Sequence arithmetic against plain integers, compiled and not."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag import seqnum as compiled

_spec = importlib.util.spec_from_file_location("plain_seqnum", Path(compiled.__file__).parent / "seqnum.py")
assert _spec is not None and _spec.loader is not None
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

U32 = st.integers(0, 2**32 - 1)
NEAR = st.integers(-(2**31), 2**31 - 1)
both = pytest.mark.parametrize("seqnum", [compiled, plain], ids=["native", "python"])


def test_the_compiled_arithmetic_is_compiled() -> None:
    assert not str(compiled.__file__).endswith(".py")


@both
@given(a=U32, n=NEAR)
def test_diff_undoes_add(seqnum, a: int, n: int) -> None:
    assert seqnum.diff(seqnum.add(a, n), a) == n


@both
@given(a=U32, n=NEAR)
def test_add_wraps_at_two_to_the_32(seqnum, a: int, n: int) -> None:
    assert seqnum.add(a, n) == (a + n) % 2**32


@both
@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        (0, 0xFFFFFFFF, 1),
        (0xFFFFFFFF, 0, -1),
        (5, 5, 0),
        (0x80000000, 0, -(2**31)),
        (0x7FFFFFFF, 0, 2**31 - 1),
        (10, 0xFFFFFFF0, 26),
    ],
)
def test_distance_at_the_wrap(seqnum, a: int, b: int, distance: int) -> None:
    assert seqnum.diff(a, b) == distance
    assert seqnum.lt(a, b) == (distance < 0)
    assert seqnum.le(a, b) == (distance <= 0)
