"""Any bytes give rows or reasons: damaged captures, lying headers, odd stacks of tunnels."""

import faulthandler
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.containers import captures, crashers, damaged, seeds
from fuzz.invariants import check

HANG_S = 120
HEADROOM = 1 << 30

fuzzed = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(autouse=True)
def _bounds() -> Iterator[None]:
    """A hang ends the run with a traceback; memory beyond what there is now and HEADROOM raises MemoryError."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + HEADROOM, before[1]))
    faulthandler.dump_traceback_later(HANG_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    resource.setrlimit(resource.RLIMIT_AS, before)


@fuzzed
@given(data=captures())
def test_any_capture_gives_rows_or_a_reason(data: bytes, tmp_path: Path) -> None:
    check(data, tmp_path / "any")


@fuzzed
@given(data=damaged(seeds()))
def test_a_damaged_capture_gives_rows_or_a_reason(data: bytes, tmp_path: Path) -> None:
    check(data, tmp_path / "damaged")


@fuzzed
@given(data=st.binary(max_size=300))
def test_noise_gives_a_reason(data: bytes, tmp_path: Path) -> None:
    check(data, tmp_path / "noise")


@pytest.mark.parametrize("path", crashers(), ids=lambda path: path.name)
def test_what_was_found_once_stays_fixed(path: Path, tmp_path: Path) -> None:
    check(path.read_bytes(), tmp_path / "found")


def test_the_healthy_seeds_are_read_whole(tmp_path: Path) -> None:
    for seed in seeds():
        report = check(seed, tmp_path / "seed")
        assert report is not None
        assert report.tables.flows.size
