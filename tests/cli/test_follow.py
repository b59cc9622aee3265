"""`tcpdiag follow`: text, hex and raw bytes."""

import re
from pathlib import Path

import dpkt
import pytest

import tcpdiag
from cli.run import tcpdiag as run
from places import FIXTURES
from tcpdiag.reports import follow
from tcpdiag.streams import Chunk, Lost

HTTP = FIXTURES / "http-keepalive" / "capture.pcap"
MISSING = FIXTURES / "derived-missing10-upload" / "capture.pcap"
INJECTED = FIXTURES / "inject-data" / "capture.pcap"


def chunk(data: bytes | None, *, offset: int = 0, length: int = 0, side: str = "client", frame: int = 1) -> Chunk:
    why = Lost.NOT_CAPTURED if data is None else None
    return Chunk(offset, data, length or len(data or b""), 0, frame, side, why)


def shown(*chunks: Chunk) -> list[str]:
    """Lines of text, the heading of the first turn left out."""
    return "".join(follow.text(chunks, 0)).splitlines()[1:]


def test_text_shows_both_sides_in_turn() -> None:
    lines = run("follow", HTTP, "--flow", "0").stdout.splitlines()
    assert lines[0] == "stream 0: client 192.168.213.150:33618, server 192.168.213.102:7000"
    assert lines[2:5] == ["client, frame 6, +0.034", "  GET /page/0 HTTP/1.1", "  Host: www"]
    assert "server, frame 8, +0.062" in lines


def test_hex_has_the_offset_in_the_stream_and_fits_a_terminal() -> None:
    lines = run("follow", HTTP, "--flow", "0", "--format", "hex").stdout.splitlines()
    assert lines[3] == "00000000  47 45 54 20 2f 70 61 67  65 2f 30 20 48 54 54 50  GET /page/0 HTTP"
    assert max(map(len, lines)) <= 80


def test_raw_bytes_go_to_a_file_for_each_side(tmp_path: Path) -> None:
    run("follow", HTTP, "--flow", "0", "-o", tmp_path / "talk.bin")
    flow = tcpdiag.analyze(HTTP, hints=False).flow(0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk-client.bin", "talk-server.bin"]
    for side in ("client", "server"):
        assert (tmp_path / f"talk-{side}.bin").read_bytes() == bytes(flow.stream(side))


def test_raw_bytes_of_one_side_go_where_they_are_sent(tmp_path: Path) -> None:
    done = run("follow", HTTP, "--flow", "0", "--side", "client", "--format", "raw")
    run("follow", HTTP, "--flow", "0", "--side", "client", "-o", tmp_path / "talk.bin")
    assert done.stdout.encode() == (tmp_path / "talk.bin").read_bytes()


def test_what_is_missing_is_said_in_the_text_and_beside_the_raw_bytes(tmp_path: Path) -> None:
    text = run("follow", MISSING, "--flow", "0", "--side", "client").stdout
    assert re.search(r"^\[[\d,]+ bytes not captured\]$", text, re.MULTILINE)
    done = run("follow", MISSING, "--flow", "0", "--side", "client", "-o", tmp_path / "x")
    assert "client: missing are 23,168 bytes in 11 gaps" in done.stderr


def test_a_conflict_is_noted_at_the_end() -> None:
    text = run("follow", INJECTED, "--flow", "0").stdout
    (line,) = re.findall(r"^client: bytes 18 to 23 .*", text, re.MULTILINE)
    assert line == "client: bytes 18 to 23 sent with two contents, [14] and [19, 22, 26, ... 46];"
    assert "kept is the first" in text


def test_a_limit_counts_bytes_of_both_sides() -> None:
    done = run("follow", HTTP, "--flow", "0", "--limit", "45", "--format", "hex")
    assert sum(len(line[10:59].split()) for line in done.stdout.splitlines() if line.startswith("0000")) == 45
    assert "only the first 45 bytes" in done.stderr


@pytest.mark.parametrize(
    ("data", "lines"),
    {
        "lines": ([b"one\r\ntwo\nthree"], ["  one", "  two", "  three"]),
        "a line in two segments": ([b"on", b"e\r", b"\ntwo\n"], ["  one", "  two"]),
        "escape sequences": ([b"\x1b[31mred\x07"], ["  \\x1b[31mred\\x07"]),
        "a carriage return that hides": ([b"good\rbad"], ["  good\\x0dbad"]),
        "no UTF-8": ([b"\xff\xfe"], ["  \\xff\\xfe"]),
        "UTF-8 in two segments": (["é".encode()[:1], "é".encode()[1:]], ["  é"]),
        "an override of the direction": (["a\u202eb".encode()], ["  a\\u202eb"]),
        "text that looks like ours": ([b"[5 bytes not captured]\n"], ["  [5 bytes not captured]"]),
    }.values(),
)
def test_text_does_nothing_to_a_terminal(data: list[bytes], lines: list[str]) -> None:
    assert shown(*map(chunk, data)) == lines


def test_gaps_that_touch_are_one_line() -> None:
    assert shown(chunk(b"a"), chunk(None, offset=1, length=5), chunk(None, offset=6, length=1455), chunk(b"b")) == [
        "  a",
        "[1,460 bytes not captured]",
        "  b",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--flow", "0", "--format", "raw"], "say --side, or -o"),
        (["--flow", "0", "--format", "hex", "-o", "x.bin"], "-o writes raw bytes"),
        (["--flow", "0", "-o", "no-such-folder/x.bin"], "no folder"),
        (["--flow", "99"], "no stream 99"),
        (["--flow", "0", "--side", "left"], "left"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_in_a_line(arguments: list[str], says: str) -> None:
    done = run("follow", HTTP, *arguments, check=2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_input_is_followed_too() -> None:
    done = run("follow", "-", "--flow", "0", "--side", "client", stdin=HTTP.read_bytes())
    assert "GET /page/0 HTTP/1.1" in done.stdout


def test_fragmented_segments_are_followed_whole(tmp_path: Path) -> None:
    path = tmp_path / "fragments.pcap"
    tcp = dpkt.tcp.TCP(sport=1000, dport=80, seq=1, ack=1, flags=dpkt.tcp.TH_ACK, data=b"x" * 2000)
    ends = {"src": bytes([10, 0, 0, 1]), "dst": bytes([10, 0, 0, 2]), "id": 7, "p": dpkt.ip.IP_PROTO_TCP}
    whole = bytes(dpkt.ip.IP(**ends, data=tcp))[20:]
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for at in (0, 1480):
            piece = whole[at : at + 1480]
            ip = dpkt.ip.IP(**ends, mf=int(at == 0), offset=at // 8, data=piece, len=20 + len(piece))
            writer.writepkt(bytes(dpkt.ethernet.Ethernet(data=ip)), 1000)
    done = run("follow", path, "--flow", "0", "--side", "client", "--format", "raw")
    assert done.stdout == "x" * 2000
