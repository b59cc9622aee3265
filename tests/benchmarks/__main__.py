"""Speed and memory beside other tools, on captures made here, in one run, taking turns.

    python -m tests.benchmarks [--scale 1.0] [--rounds 3] [--only TOOL]... [--shape SHAPE]...

Prints a table for each capture, with the time relative to every tool that is installed, and how tcpdiag's time and
memory grow with the capture. Nothing here fails on a time: machines differ, ratios are what to look at.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .measure import OURS, TOOLS, Run, Tool, median, ratio, turns

COUNTS = {"web": 20_000, "bulk": 200_000, "synflood": 300_000, "small": 16}
GROWTH = (0.01, 0.1, 1.0)


def make(folder: Path, shape: str, count: int) -> tuple[Path, dict[str, int]]:
    """A capture, and how many packets and connections it holds."""
    path = folder / f"{shape}-{count}.pcap"
    maker = Path(__file__).with_name("make.py")
    kind = "web" if shape == "small" else shape
    made = subprocess.run([sys.executable, maker, path, kind, str(count)], check=True, capture_output=True, text=True)
    return path, json.loads(made.stdout)


def compare(path: Path, made: dict[str, int], tools: list[Tool], rounds: int) -> dict[str, list[Run]]:
    """Run all tools on one capture and print the table."""
    print(f"\n{path.stem}: {made['packets']} packets, {made['connections']} connections, {made['bytes'] / 1e6:.1f} MB")
    results = turns(tools, path, rounds)
    print(f"{'':14}{'wall s':>8}{'cpu s':>8}{'peak MiB':>9}{'kpkt/s':>8}{'ns/pkt':>8}   tcpdiag / it")
    for name, runs in results.items():
        wall = median(runs, "wall_s")
        failed = "" if all(one.status == 0 for one in runs) else f"  exit {runs[0].status}"
        print(
            f"{name:14}{wall:8.3f}{median(runs, 'cpu_s'):8.3f}{median(runs, 'peak_mib'):9.1f}"
            f"{made['packets'] / wall / 1e3:8.0f}{wall / made['packets'] * 1e9:8.0f}"
            f"{ratio(results[OURS.name], runs):11.2f}{failed}"
        )
    return results


def growth(folder: Path, count: int, rounds: int) -> list[dict[str, float]]:
    """Time per packet beyond start-up, and memory per connection, over captures 1:10:100."""
    tiny, _ = make(folder, "web", 1)
    start = turns([OURS], tiny, rounds)[OURS.name]
    start_s, start_mib = median(start, "wall_s"), median(start, "peak_mib")
    print(f"\ngrowth (start-up {start_s:.3f} s, {start_mib:.0f} MiB)")
    print(f"{'packets':>10}{'wall s':>8}{'ns/pkt beyond start':>21}{'MiB beyond start':>18}{'bytes/connection':>18}")
    lines = []
    for part in GROWTH:
        path, made = make(folder, "web", max(2, int(count * part)))
        runs = turns([OURS], path, rounds)[OURS.name]
        wall, more = median(runs, "wall_s"), median(runs, "peak_mib") - start_mib
        line = {
            "packets": made["packets"],
            "wall_s": wall,
            "ns_per_packet": (wall - start_s) / made["packets"] * 1e9,
            "mib": more,
            "bytes_per_connection": more * (1 << 20) / made["connections"],
        }
        print("{packets:10.0f}{wall_s:8.3f}{ns_per_packet:21.0f}{mib:18.1f}{bytes_per_connection:18.0f}".format(**line))
        lines.append(line)
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 when tcpdiag itself failed on a capture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the captures, 1.0: about a minute in all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", metavar="TOOL", help="beside tcpdiag; may be given again")
    parser.add_argument("--shape", action="append", choices=[*COUNTS, "growth"])
    chosen = parser.parse_args(arguments)
    tools = [tool for tool in TOOLS if tool.installed and (not chosen.only or tool is OURS or tool.name in chosen.only)]
    shapes = chosen.shape or [*COUNTS, "growth"]
    bad = False
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for shape, count in COUNTS.items():
            if shape in shapes:
                path, made = make(folder, shape, count if shape == "small" else max(2, int(count * chosen.scale)))
                results = compare(path, made, tools, chosen.rounds)
                bad |= any(one.status != 0 for one in results[OURS.name])
        if "growth" in shapes:
            growth(folder, int(COUNTS["web"] * chosen.scale), chosen.rounds)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
