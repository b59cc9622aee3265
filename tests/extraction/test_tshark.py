"""Extracts in Wireshark's hands: nothing malformed, checksums as before, comments to be seen."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import tcpdiag
from capture.writing import Packet, enhanced, interface, section
from extraction.layers import PACKETS
from extraction.reading import read
from places import FIXTURES, SHARED, capture_files
from tcpdiag.errors import UsageError

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

KEY = b"k" * 32
CHECKS = ("tcp", "ip", "udp")
SAME = (
    "tcp.stream", "tcp.seq_raw", "tcp.ack_raw", "tcp.flags", "tcp.len", "tcp.window_size_value", "tcp.options.sack_le",
    "tcp.checksum.status", "ip.checksum.status", "udp.checksum.status", "icmp.checksum.status",
    "icmpv6.checksum.status", "ip.ttl", "ip.id", "frame.len", "tcp.analysis.flags",
)  # fmt: skip
PUBLIC = [SHARED / "public" / name for name in (
    "tcpdump/geneve.pcap", "tcpdump/pptp.pcap", "zeek/tunnels/vxlan-encapsulated-http.pcap",
    "zeek/tunnels/gre-within-gre.pcap", "zeek/tunnels/6in6.pcap", "zeek/tunnels/Teredo.pcap",
    "zeek/tunnels/gtp/gtp1_gn_normal_incl_fragmentation.pcap", "zeek/icmp/icmp-destunreach-no-context.pcap",
    "zeek/tcp/fin_retransmission.pcap", "zeek/chksums/ip4-bad-chksum.pcap", "zeek/chksums/ip6-bad-tcp-chksum.pcap",
)]  # fmt: skip
CAPTURES = [
    *(path for path in capture_files(FIXTURES)[::4] if "cutfile" not in str(path)),
    *filter(Path.exists, PUBLIC),
]

# What tshark says otherwise, and why: (field, capture) -> reason. Comparing all captures by hand gave no more of them.
EXPLAINED = {
    "tcp.options.timestamp": "an option that the snap length cuts is blank as far as it is there",
    "tcp.checksum.status, options with addresses": "tshark takes those for the checksum; they are padding now",
    "tcp.checksum.status, overlapping fragments": "data of both copies is that of the datagram as put together",
    "fields inside of the payload": "there is none any more",
    "malformed, behind tcp": "zeros are no message of whatever protocol tshark expects at a port",
}

NOT_READ = ("bad header length", "header longer than the segment", "redirect")
"""Malformed to tshark as they were; and of a redirect that quotes 8 bytes of TCP there is no connection."""
BY_CONNECTION = ("tcp.stream", "tcp.analysis.flags")  # the packets here have nothing to do with each other
OTHER_SUM = ("IPv4 options", "destination options")
"""Wireshark, unlike tcpdiag, takes addresses in options for the checksum. They are NOPs and padding now."""


def fields(path: Path, *names: str) -> Iterator[list[str]]:
    """One row a packet; of a field that is there several times the first."""
    prefs = [word for check in CHECKS for word in ("-o", f"{check}.check_checksum:TRUE")]
    wanted = [word for name in names for word in ("-e", name)]
    command = ["tshark", "-n", "-r", str(path), *prefs, "-T", "fields", "-E", "occurrence=f", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == 0, done.stderr
    assert not [line for line in done.stderr.splitlines() if "root" not in line], done.stderr
    return (line.split("\t") for line in done.stdout.splitlines())


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_as_before(path: Path, tmp_path: Path) -> None:
    report = tcpdiag.analyze(path, hints=False)
    try:
        report.extract(tmp_path / "x.pcapng", redact=KEY)
    except UsageError as error:
        pytest.skip(f"nothing to take: {error}")
    before, after = list(fields(path, *SAME)), list(fields(tmp_path / "x.pcapng", *SAME))
    frames = read(tmp_path / "x.pcapng").frames
    assert len(frames) == len(after)
    for number, row in zip(frames, after, strict=True):
        assert row == before[number - 1], number


def test_every_layer_is_read_as_before(tmp_path: Path) -> None:
    """One packet of each kind, each on an interface of its own."""
    kinds = [(name, *PACKETS[name]) for name in sorted(PACKETS) if name not in NOT_READ]
    blocks = [section(), *(interface(link_type=link_type) for _, link_type, _ in kinds)]
    blocks += [enhanced(Packet(10**18 + n, packet, interface=n)) for n, (*_, packet) in enumerate(kinds)]
    (tmp_path / "in.pcapng").write_bytes(b"".join(blocks))
    tcpdiag.analyze(tmp_path / "in.pcapng", hints=False).extract(tmp_path / "x.pcapng", redact=KEY)
    names = ("frame.protocols", "_ws.malformed", *(name for name in SAME if name not in BY_CONNECTION))
    before, after = list(fields(tmp_path / "in.pcapng", *names)), list(fields(tmp_path / "x.pcapng", *names))
    frames = read(tmp_path / "x.pcapng").frames
    assert frames == list(range(1, len(kinds) + 1))
    for (name, *_), row, other in zip(kinds, before, after, strict=True):
        if name in OTHER_SUM:
            row[names.index("tcp.checksum.status")] = other[names.index("tcp.checksum.status")]
        assert other == row, name


def test_comments_are_to_be_seen(tmp_path: Path) -> None:
    report = tcpdiag.analyze(FIXTURES / "office" / "office.pcap", hints=False)
    report.extract(tmp_path / "x.pcapng")
    command = ["tshark", "-r", str(tmp_path / "x.pcapng"), "-Y", 'frame.comment contains "rst-off-sequence-1"']
    done = subprocess.run([*command, "-T", "fields", "-e", "frame.comment"], capture_output=True, text=True)
    frames = [int(line.split("frame ")[1].split(",")[0]) for line in done.stdout.splitlines()]
    assert frames == list(report.finding("rst-off-sequence-1").frames)


def test_capinfos_reads_it(tmp_path: Path) -> None:
    if shutil.which("capinfos") is None:
        pytest.skip("capinfos is not installed")
    report = tcpdiag.analyze(FIXTURES / "office" / "office.pcap", hints=False)
    done = report.extract(tmp_path / "x.pcapng", redact=KEY)
    told = subprocess.run(["capinfos", str(tmp_path / "x.pcapng")], capture_output=True, text=True, check=True).stdout
    assert f"Number of packets:   {done.packets}" in told and "Capture application: tcpdiag" in told
