"""Ctrl-C: the result so far, said to be partial."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from places import FIXTURES

OFFICE = FIXTURES / "office" / "office.pcap"


LONG = OFFICE.read_bytes()[:24] + OFFICE.read_bytes()[24:] * 40
"""The same packets again and again: more than the reader takes at once."""


@contextmanager
def analysing() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has read LONG from a pipe which stays open, as with a running tcpdump."""
    command = [sys.executable, "-m", "tcpdiag", "analyze", "-", "--format", "json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_heed_interrupts
    ) as process:
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        assert process.stdin is not None
        process.stdin.write(LONG)
        process.stdin.flush()
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


def _heed_interrupts() -> None:
    # A test run started in the background of a shell ignores SIGINT, and its children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="signals to a child process are different on Windows")
def test_interrupt_gives_a_partial_report() -> None:
    with analysing() as process:
        assert process.stdout is not None and process.stderr is not None
        document = json.loads(process.stdout.read())
        assert b"interrupted" in process.stderr.read()
        assert process.wait(timeout=30) == 0
    assert document["complete"] is False
    assert document["captures"][0]["complete"] is False
    assert any("interrupted" in warning for warning in document["captures"][0]["warnings"])
    assert document["unexamined"][-1]["what"] == "the rest of the capture"


@pytest.mark.skipif(os.name == "nt", reason="signals to a child process are different on Windows")
def test_interrupt_that_also_ends_the_writer_loses_nothing() -> None:
    with analysing() as process:
        output, error = process.communicate(timeout=30)  # closes the pipe, as tcpdump does when it gets the signal
    document = json.loads(output)
    assert (process.returncode, error) == (0, b"")
    assert document["complete"] is True
    assert document["captures"][0]["packets"] == 40 * 112
