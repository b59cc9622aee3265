"""One laboratory for the session: all of its scenarios run side by side, each test waits for its own."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.laboratory import Laboratory, obstacle
from lab.scenario import SCENARIOS
from lab.tally import table

LABORATORY = pytest.StashKey[Laboratory]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = None
    for item in items:
        if item.get_closest_marker("lab") is not None:
            why = why or obstacle() or ""
            if why:
                item.add_marker(pytest.mark.skip(reason=f"no laboratory: {why}"))


@pytest.fixture(scope="session")
def laboratory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """Of the scenarios that the chosen tests want."""
    seed = request.config.getoption("--lab-seed") or time.time_ns() % 1_000_000_000
    calls = [getattr(item, "callspec", None) for item in request.session.items if item.get_closest_marker("lab")]
    names = {call.params["name"] for call in calls if call is not None} or set(SCENARIOS)
    made = Laboratory(names, seed, Path(tmp_path_factory.mktemp("lab")))
    request.config.stash[LABORATORY] = made
    yield made
    made.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    made = config.stash.get(LABORATORY, None)
    if made is not None:
        terminalreporter.section(f"laboratory: --lab-seed {made.seed}, captures in {made.folder}")
        terminalreporter.write_line("\n".join(table(made.judged())))
