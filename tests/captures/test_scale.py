"""Two hundred thousand packets whose every connection has a known fate: what is named, and what is left in peace."""

import subprocess
import sys

import pytest

from captures.scale import COUNTED_BY, NAMED_BY, Scale
from places import SHARED

MAKE = SHARED / "bench" / "make_captures.py"
pytestmark = pytest.mark.skipif(not MAKE.exists(), reason="the script that makes the large capture is not there")


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Scale:
    folder = tmp_path_factory.mktemp("scale")
    subprocess.run([sys.executable, MAKE, folder, "web", "--scale", "10"], check=True, capture_output=True)
    return Scale.of(folder / "web-10.pcap")


def test_every_connection_of_the_truth_is_a_stream(scale: Scale) -> None:
    assert list(scale.truth.index[scale.truth.index < 0]) == []


@pytest.mark.parametrize("fate", NAMED_BY)
def test_fate_is_named(scale: Scale, fate: str) -> None:
    named, there = scale.share_named(fate)
    assert there > 50
    assert named >= 0.99 * there


@pytest.mark.parametrize("fate", ["rst", "open"])
def test_fate_is_the_last_state(scale: Scale, fate: str) -> None:
    ended, there = scale.share_ended(fate)
    assert there > 50
    assert ended >= 0.99 * there


@pytest.mark.parametrize("what", COUNTED_BY)
def test_what_happened_is_counted(scale: Scale, what: str) -> None:
    counted, there = scale.share_counted(what)
    assert there > 10
    assert counted >= 0.97 * there


def test_faultless_connections_are_left_in_peace(scale: Scale) -> None:
    assert sum(scale.alarms().values()) <= len(scale.faultless) / 1000, scale.alarms()
