"""Frames of real captures against tshark's: number, time, lengths."""

import shutil
import subprocess

import pytest

from capture.reading import read
from places import SHARED, needs_shared

pytestmark = [
    needs_shared,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

FIELDS = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len")
CASES = [
    "captures/derived-pcapng-keepalive/capture.pcapng",  # nanoseconds
    "captures/cooked-sll2/capture.pcap",
    "public/zeek/link/pcapng-multi-interface.pcapng",  # two resolutions in one file
    "public/zeek/tunnels/gtp/pdp_ctx_messages.pcapng",
    "public/tcpdump/of13_ericsson.pcapng",
    "public/tcpdump/icmp-length-zero.pcapng",
    "public/tcpdump/time_2106_overflow.pcapng",
    "public/tcpdump/time_2107.pcapng",
    "public/tcpdump/isis-seg-fault-3.pcapng",  # longer on the wire than Wireshark's limit
    "public/tcpdump/msnlb2.pcapng",
    "public/tcpdump/empty.pcapng",
    "public/zeek/tcp/retransmit-timeout.pcapng",
]


def _tshark(path):
    """Frames as tshark has them."""
    arguments = [part for name in FIELDS for part in ("-e", name)]
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-T", "fields", *arguments], capture_output=True, text=True, check=False
    )
    for line in done.stdout.splitlines():
        number, time, length, captured = line.split("\t")
        seconds, _, fraction = time.partition(".")
        yield int(number), int(seconds) * 10**9 + int(fraction.ljust(9, "0")), int(length), int(captured)


@pytest.mark.parametrize("case", CASES)
def test_frames_are_those_of_tshark(case):
    path = SHARED / case
    rows, (file,) = read(path)
    assert [(row.frame, row.ts_ns, row.wire_len, len(row.data)) for row in rows] == list(_tshark(path))
    assert file.damage == ()
