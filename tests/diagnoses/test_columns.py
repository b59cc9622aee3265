"""Columns gathered, flows grouped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcpdiag.diagnoses.columns import gather
from tcpdiag.diagnoses.groups import by_endpoint
from tcpdiag.diagnoses.view import View
from tcpdiag.model.flow import FLOW
from tcpdiag.model.tables import Tables


@pytest.mark.parametrize("rows", [0, 1, 2048, 2049, 5000])
def test_gather_copies_whole_columns(rows: int) -> None:
    table = np.zeros(rows, FLOW)
    table["first_frame"] = np.arange(rows)
    table["family"] = 4
    columns = gather(table, ("first_frame", "family"))
    assert columns["first_frame"].tolist() == list(range(rows)) and columns["first_frame"].flags.c_contiguous
    assert columns["family"].tolist() == [4] * rows


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 2**64 - 1]), st.integers(0, 1)), max_size=40),
    st.integers(1, 4),
)
def test_groups_are_the_endpoints_the_largest_first(flows: list[tuple[int, int, int]], most: int) -> None:
    table = np.zeros(len(flows), FLOW)
    for row, (port, low, side) in zip(table, flows, strict=True):
        row["port"][side], row["addr_lo"][side] = port, low
    sides = np.array([side for _, _, side in flows], np.int64)
    expected: dict[tuple[int, int], list[int]] = {}
    for position, (port, low, _) in enumerate(flows):
        expected.setdefault((port, low), []).append(position)
    ordered = sorted(expected.values(), key=lambda group: (-len(group), group[0]))
    found = by_endpoint(View(Tables((), table)), np.arange(len(flows)), sides, most)
    assert [group.tolist() for group in found.large] == ordered[:most]
    assert found.rest.tolist() == sorted(position for group in ordered[most:] for position in group)
    assert found.rest_first.tolist() == [group[0] for group in ordered[most:]]
