"""What tcptrace 6.6.7 says of a capture: `tcptrace -l -r -W -n --csv`, one dictionary a connection and direction."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 60


@dataclass(frozen=True)
class Connection:
    """One line: the sender of the first packet is a. Values by column name without `_a2b`, words as printed."""

    a: tuple[str, int]
    b: tuple[str, int]
    a2b: dict[str, str]
    b2a: dict[str, str]


def installed() -> bool:
    """Whether there is a tcptrace to ask."""
    return shutil.which("tcptrace") is not None


def read(path: Path) -> list[Connection]:
    """Its connections in order of appearance; none for a file that it refuses or dies of."""
    command = ["tcptrace", "-l", "-r", "-W", "-n", "--csv", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, cwd="/tmp")
    except subprocess.TimeoutExpired:
        return []
    names: list[str] = []
    found = []
    for line in done.stdout.decode("latin-1").splitlines():
        if line.startswith("conn_#,"):
            names = [name.strip().replace(" ", "_") for name in line.split(",")]  # of one column it has both spellings
        elif names and line.strip():
            values = [value.strip() for value in line.split(",")]
            if len(values) >= len(names) - 1:
                found.append(_connection(dict(zip(names, values, strict=False))))
    return found


def _connection(row: dict[str, str]) -> Connection:
    sides = {side: {n[:-4]: v for n, v in row.items() if n.endswith(f"_{side}")} for side in ("a2b", "b2a")}
    return Connection((row["host_a"], int(row["port_a"])), (row["host_b"], int(row["port_b"])), **sides)
