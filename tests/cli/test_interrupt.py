"""Ctrl-C: the result so far, said to be partial."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from places import FIXTURES

OFFICE = FIXTURES / "office" / "office.pcap"


@pytest.mark.skipif(os.name == "nt", reason="signals to a child process are different on Windows")
def test_interrupt_gives_a_partial_report() -> None:
    command = [sys.executable, "-m", "tcpdiag", "analyze", "-", "--format", "json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(OFFICE.read_bytes())
        process.stdin.flush()  # and the pipe stays open, as with a running tcpdump
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30)
    document = json.loads(output)
    assert process.returncode == 0
    assert b"interrupted" in error
    assert document["complete"] is False
    assert document["captures"][0]["complete"] is False
    assert any("interrupted" in warning for warning in document["captures"][0]["warnings"])
    assert document["unexamined"][-1]["what"] == "the rest of the capture"
