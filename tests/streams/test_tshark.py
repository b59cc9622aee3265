"""The bytes of every connection, and the order of both directions, as `tshark -z follow,tcp,raw` gives them.

The project's own captures, and a sample of the larger set; all of that with TCPDIAG_EVERY_CAPTURE=1 in the environment.
"""

import os
from pathlib import Path
from zlib import crc32

import pytest

from places import FIXTURES, SHARED, capture_files
from public import wireshark
from streams.explained import EXPLAINED
from streams.followed import Followed, by_tshark, ours

SAMPLE = 24  # one capture in so many
EVERY = bool(os.environ.get("TCPDIAG_EVERY_CAPTURE"))
FAMOUS = {capture for capture, _ in EXPLAINED}


def chosen(path: Path) -> bool:
    """Whether this capture of the larger set is looked at."""
    name = path.relative_to(SHARED).as_posix()
    return EVERY or crc32(name.encode()) % SAMPLE == 0 or name in FAMOUS


LARGER = [path for name in ("captures", "public") for path in capture_files(SHARED / name) if chosen(path)]
CAPTURES = [path for path in capture_files(FIXTURES) + LARGER if wireshark.may_hold_tcp(path)]


def name_of(path: Path) -> str:
    """A capture's name, relative to the set that it is of."""
    root = SHARED if SHARED in path.parents else FIXTURES
    return path.relative_to(root).as_posix()


@pytest.mark.skipif(not wireshark.installed(), reason="no tshark here")
@pytest.mark.parametrize("path", CAPTURES, ids=name_of)
def test_every_connection_is_as_tshark_follows_it(path: Path) -> None:
    tables, found = ours(path)
    theirs = by_tshark(path, range(len(tables.flows)))
    for stream in range(len(tables.flows)):
        mine, other = found.get(stream, Followed()).acknowledged(), theirs.get(stream, Followed())
        if (name_of(path), stream) in EXPLAINED:
            assert mine.turns() != other.turns(), f"stream {stream} needs no explanation any more"
        else:
            for side in (0, 1):
                assert mine.text(side) == other.text(side), f"stream {stream}, side {side}"
            assert mine.turns() == other.turns(), f"stream {stream}: another order"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the larger set of captures is not there")
def test_every_explained_capture_is_there() -> None:
    assert sorted(capture for capture in FAMOUS if not (SHARED / capture).is_file()) == []
