"""What tcpdiag sees in many captures, read by worker processes that may die without taking the tests along."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

from places import SHARED, capture_files

WORKERS = 2
LIMIT_S = 30
MEMORY_BYTES = 2 << 30
CHUNK = 64


@cache
def readings() -> dict[Path, dict[str, Any]]:
    """Path -> the worker's line, or `{"died": how}` for a capture that ended its process."""
    paths = capture_files(SHARED / "public") + capture_files(SHARED / "captures")
    chunks = [paths[at : at + CHUNK] for at in range(0, len(paths), CHUNK)]
    with ThreadPoolExecutor(WORKERS) as pool:
        return {path: line for part in pool.map(_read, chunks) for path, line in part.items()}


def _read(paths: list[Path]) -> dict[Path, dict[str, Any]]:
    lines: dict[Path, dict[str, Any]] = {}
    while len(lines) < len(paths):
        left = paths[len(lines) :]
        script = Path(__file__).with_name("worker.py")
        command = [sys.executable, str(script), str(LIMIT_S), str(MEMORY_BYTES), *map(str, left)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S * len(left), check=False)
        lines |= {Path(line["path"]): line for line in map(json.loads, done.stdout.splitlines())}
        if done.returncode != 0:
            lines[paths[len(lines)]] = {"died": f"exit {done.returncode}: {done.stderr[-1500:]}"}
    return lines
