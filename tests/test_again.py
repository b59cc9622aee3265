"""The second look finds the segments of each connection where the first pass saw them."""

from pathlib import Path

import numpy as np
import pytest

import tcpdiag
from places import FIXTURES
from tcpdiag.again import parts
from tcpdiag.model.tables import Tables

CAPTURES = sorted(path for path in FIXTURES.glob("*/*.pcap*") if path.is_file())


def counted(tables: Tables, path: Path, streams: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Segments and payload bytes of each endpoint, (flows, 2)."""
    packets, size = np.zeros((2, len(tables.flows), 2), np.int64)
    for part in parts(tables, [str(path)], streams):
        np.add.at(packets, (part.streams, part.sides), 1)
        np.add.at(size, (part.streams, part.sides), part.rows["payload_len"].astype(np.int64))
    return packets, size


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.parent.name)
def test_each_endpoint_has_the_segments_that_the_first_pass_counted(path: Path) -> None:
    tables = tcpdiag.analyze(path, hints=False).tables
    packets, size = counted(tables, path)
    assert packets.tolist() == tables.endpoints["packets"].reshape(-1, 2).tolist()
    single = tables.flows["copies"] == 0  # the bytes of copies that the capture made are counted once
    assert size[single].tolist() == tables.endpoints["bytes"].reshape(-1, 2)[single].tolist()


@pytest.mark.parametrize("path", CAPTURES[:4], ids=lambda path: path.parent.name)
def test_only_the_chosen_connections_are_there(path: Path) -> None:
    tables = tcpdiag.analyze(path, hints=False).tables
    every, _ = counted(tables, path)
    chosen = np.arange(0, len(tables.flows), 2)
    packets, _ = counted(tables, path, chosen)
    assert packets[chosen].tolist() == every[chosen].tolist()
    assert packets.sum() == every[chosen].sum()
