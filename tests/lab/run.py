"""Run one scenario by hand or for the tests: `PYTHONPATH=tests python -m lab.run sawtooth --seed 7 --folder /tmp/x`."""

import argparse
import sys
import threading
import time
import traceback
from os import _exit
from pathlib import Path

from lab import scenarios
from lab.outcome import Outcome
from lab.scenario import SCENARIOS, perform

assert scenarios

LIMIT_S = 60.0


def main() -> None:
    """Exit 0 with an outcome in the folder, whatever happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", choices=sorted(SCENARIOS))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    threading.Timer(LIMIT_S, _give_up, [asked.scenario, asked.seed, asked.folder]).start()
    try:
        perform(SCENARIOS[asked.scenario], asked.seed, asked.folder)
    except Exception:
        Outcome(asked.scenario, asked.seed, problems=[traceback.format_exc()]).write(asked.folder)
    sys.stdout.flush()
    _exit(0)  # threads that wait for something do not keep it


def _give_up(name: str, seed: int, folder: Path) -> None:
    Outcome(name, seed, problems=[f"not done after {LIMIT_S:.0f} s"]).write(folder)
    _exit(0)


if __name__ == "__main__":
    main()
