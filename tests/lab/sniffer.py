"""tcpdump, running before the traffic starts and stopped after it."""

import re
import signal
import subprocess
import threading
from pathlib import Path

from lab.hosts import PATIENCE_S, Host

DRAIN_S = 1.2  # the kernel hands packets over in blocks, the last one after a second


class Sniffer:
    """One capture on one device of one host; `any` for all of them (link type SLL2)."""

    def __init__(self, host: Host, device: str, path: Path, *, nanoseconds: bool) -> None:
        options = ["--time-stamp-precision=nano"] if nanoseconds else []
        self._process = host.start(
            "tcpdump", "-i", device, "-n", "-U", "-B", "65536", "-Z", "root", *options, "-w", str(path)
        )
        self._said: list[str] = []
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True, name="tcpdump")
        self._reader.start()
        if not self._listening.wait(PATIENCE_S):
            raise RuntimeError(f"tcpdump does not listen: {''.join(self._said)}")

    def stop(self) -> int:
        """End the capture; how many packets it missed. Raises RuntimeError when tcpdump does not say."""
        threading.Event().wait(DRAIN_S)
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(5)
        found = re.search(r"(\d+) packets? dropped by kernel", "".join(self._said))
        if found is None:
            raise RuntimeError(f"tcpdump ended badly: {''.join(self._said)}")
        return int(found[1])

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line)
            if "listening on" in line:
                self._listening.set()
