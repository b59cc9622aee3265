"""Wireshark's verdicts by our kernel are those of the real tshark: flags and numbers of every segment.

All captures of the larger set: TCPDIAG_ALL_CAPTURES=1; by default every so many of them.
"""

import os
from pathlib import Path

import pytest

from places import FIXTURES, SHARED, capture_files, needs_shared
from public import wireshark
from verdicts import hostile
from verdicts.compare import FLAGS, compare
from verdicts.explained import EXPLAINED, SEEN_OTHERWISE

pytestmark = pytest.mark.skipif(not wireshark.installed(), reason="tshark is not installed")

STEP = 1 if os.environ.get("TCPDIAG_ALL_CAPTURES") else 25
LEAST = 0.995  # of the segments, those explained included


def test_fixtures() -> None:
    found = compare(sorted(FIXTURES.glob("*/capture.pcap"))[::2])
    assert found.segments > 1000
    assert found.differing() == [], found


def test_every_flag_and_number_of_hostile_segments(tmp_path: Path) -> None:
    found = compare([hostile.write(tmp_path / "made.pcap", *hostile.segments(3, flows=120, each=60))])
    assert found.segments == 7200
    assert all(found.flags[flag]["both"] for flag in FLAGS if flag != "reused_ports"), found
    assert found.differing() == [], found


@needs_shared
def test_captures_of_the_larger_set() -> None:
    paths = (capture_files(SHARED / "captures") + capture_files(SHARED / "public"))[::STEP]
    found = compare(paths)
    unexplained = [name for name in found.differing() if Path(name).relative_to(SHARED).as_posix() not in EXPLAINED]
    assert unexplained == [], found
    assert found.agreed >= LEAST * found.segments


@needs_shared
def test_what_is_explained_still_differs() -> None:
    """Those whose flows differ are left to the test of flows."""
    paths = sorted(SHARED / name for name in set(EXPLAINED) - set(SEEN_OTHERWISE))
    assert compare(paths).differing() == [path.as_posix() for path in paths]
