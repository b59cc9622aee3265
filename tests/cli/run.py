"""The command in a process of its own."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def tcpdiag(
    *arguments: str | Path, stdin: bytes | None = None, check: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Run it; `check` is the exit status that it must have."""
    command: Sequence[str] = [sys.executable, "-m", "tcpdiag", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=120)
    result = subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())
    if check is not None:
        assert result.returncode == check, result.stderr
    return result
