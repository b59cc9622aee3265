"""Our rows against dpkt and tshark on real captures."""

import shutil
import subprocess

import dpkt
import numpy as np
import pytest

from places import SHARED, needs_shared
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.model.segment import Origin

PLAIN = ["asa-good", "loss", "tfo", "sawtooth", "simopen"]
PUBLIC = [
    "tcpdump/tcp_rst_data.pcap",
    "tcpdump/geneve.pcap",
    "tcpdump/mptcp-v1.pcap",
    "zeek/tunnels/4in6.pcap",
    "zeek/tunnels/ayiya3.pcap",
    "zeek/tunnels/vxlan-encapsulated-http.pcap",
    "zeek/tunnels/gre-sample.pcap",
]
FIELDS = (
    "frame.number",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq_raw",
    "tcp.ack_raw",
    "tcp.flags",
    "tcp.len",
)


def _rows(path):
    decoder = Decoder()
    with Reader([path]) as reader:
        return np.concatenate([decoder.decode(batch).copy() for batch in reader])


@needs_shared
@pytest.mark.parametrize("name", PLAIN)
def test_headers_equal_those_of_dpkt(name):
    path = SHARED / "captures" / name / "capture.pcap"
    rows = {int(row["frame"]): row for row in _rows(path)}
    seen = 0
    with path.open("rb") as file:
        reader = dpkt.pcap.Reader(file)
        for frame, (_, data) in enumerate(reader, 1):
            ip = (dpkt.ethernet.Ethernet if reader.datalink() == 1 else dpkt.sll.SLL)(data).data
            if not isinstance(ip, dpkt.ip.IP) or not isinstance(ip.data, dpkt.tcp.TCP):
                assert frame not in rows
                continue
            segment, row = ip.data, rows[frame]
            ours = [int(row[field]) for field in ("sport", "dport", "seq", "ack", "window", "urgent", "ip_id", "ttl")]
            wanted = [segment.sport, segment.dport, segment.seq, segment.ack, segment.win, segment.urp, ip.id, ip.ttl]
            assert ours == wanted
            assert row["payload_len"] == ip.len - ip.hl * 4 - segment.off * 4
            seen += 1
    assert seen == len(rows) > 0


@needs_shared
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", PUBLIC)
def test_segments_equal_those_of_tshark(name):
    path = SHARED / "public" / name
    if not path.is_file():
        pytest.skip(f"{name} is not in this set")
    command = ["tshark", "-n", "-r", path, "-Y", "tcp.stream", "-T", "fields", "-E", "occurrence=l"]
    for field in FIELDS:
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    wanted = [[int(value, 0) for value in line.split("\t")] for line in lines]
    rows = [row for row in _rows(path) if not row["origin"] & Origin.QUOTED]
    columns = ("frame", "sport", "dport", "seq", "ack", "flags", "payload_len")
    assert [[int(row[column]) for column in columns] for row in rows] == wanted
    assert wanted
