"""Runs scenarios side by side, each in a process of its own, and keeps what they leave."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from lab import scenarios
from lab.outcome import FILE, Outcome
from lab.scenario import SCENARIOS
from lab.verdict import Verdict, judge

assert scenarios

SIDE_BY_SIDE = 12  # scenarios mostly wait
TRIES = 2
LIMIT_S = 90.0  # for one scenario, which limits itself to less
PROGRAMS = ("ip", "ss", "tcpdump")


@cache
def obstacle() -> str | None:
    """Why there can be no laboratory here; None: there can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if not Path("/dev/net/tun").exists():
        return "no /dev/net/tun"
    probe = [sys.executable, "-m", "lab.probe"]
    tried = subprocess.run(probe, env=_environment(), capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        return f"no networks of one's own here: {tried.stderr.strip().splitlines()[-1]}"
    return None


class Laboratory:
    """Scenarios of one seed, begun when it is made, the longest first."""

    def __init__(self, names: Iterable[str], seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        order = sorted(names, key=lambda name: -SCENARIOS[name].seconds)
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._runs: dict[str, Future[None]] = {name: self._pool.submit(self._run, name) for name in order}
        self._verdicts: dict[str, Verdict] = {}

    def verdict(self, name: str) -> Verdict:
        """What became of a scenario; waits for it."""
        if name not in self._verdicts:
            self._runs[name].result(timeout=LIMIT_S * (1 + len(self._runs) / SIDE_BY_SIDE))
            self._verdicts[name] = judge(self.folder / name)
        return self._verdicts[name]

    def verdicts(self) -> list[Verdict]:
        """Of all."""
        return [self.verdict(name) for name in sorted(self._runs)]

    def judged(self) -> list[Verdict]:
        """Of those that were asked for."""
        return [self._verdicts[name] for name in sorted(self._verdicts)]

    def close(self) -> None:
        """Nothing is begun any more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, name: str) -> None:
        """Again where tcpdump could not keep up: a capture with holes of its own shows nothing."""
        for _ in range(TRIES):
            self._run_once(name)
            if not Outcome.read(self.folder / name).missed_packets:
                return

    def _run_once(self, name: str) -> None:
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "lab.run", name, "--seed", str(self.seed), "--folder", str(folder)]
        with subprocess.Popen(
            command, env=_environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as run:
            try:
                _, said = run.communicate(timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                said = f"not done after {LIMIT_S:.0f} s"
            finally:
                _end_group(run.pid)
        if not (folder / FILE).exists():
            Outcome(name, self.seed, problems=[said]).write(folder)


def _end_group(leader: int) -> None:
    """End what a scenario may have left behind."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _environment() -> dict[str, str]:
    """Of a process that can import this package."""
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
