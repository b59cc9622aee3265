"""The same names, hosts, paths and statuses as tshark sees, connection by connection, where both see one.

What only one of the two sees is no disagreement: tshark tells the status of an answer only when it has all of it, takes
a protocol from the port, and looks inside SOCKS; it also reads connections that are older than the capture and requests
of HTTP/0.9, of which there is no hint.
"""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tcpdiag
from hints.made import GET, HELLO, OK, Conversation, server_hello, write
from places import SHARED, capture_files, needs_shared
from public.wireshark import installed
from tcpdiag.hints import labels
from tcpdiag.hints.beginnings import places, read
from tcpdiag.hints.hint import PATH_MAX

pytestmark = pytest.mark.skipif(not installed(), reason="tshark is not installed")

NAMES = {
    "tls.handshake.extensions_server_name": "sni",
    "tls.handshake.extensions_alpn_str": "alpn",
    "http.request.method": "method",
    "http.host": "host",
    "http.request.uri": "path",
    "http.response.code": "status",
}
FIELDS = ("tcp.stream", "tls.handshake.type", *NAMES)
CLIENT_HELLO = "1"
WORTH = re.compile(rb"\x16\x03[\0-\4]..\x01\0|(?:GET|POST|HEAD|PUT) /|HTTP/1\.", re.DOTALL)

Asked = dict[str, str]


def captures() -> list[Path]:
    """Captures in which some bytes look like TLS or HTTP."""
    folders = (SHARED / "captures", SHARED / "public")
    return [path for folder in folders for path in capture_files(folder) if WORTH.search(path.read_bytes())]


def theirs(path: Path) -> dict[int, Asked]:
    """The first request and the first answer of each connection, as tshark dissects them."""
    command = ["tshark", "-n", "-r", path, "-Y", "tcp && (tls.handshake || http)", "-T", "fields", "-E", "aggregator=|"]
    command += [argument for name in FIELDS for argument in ("-e", name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    found: dict[int, Asked] = {}
    for line in done.stdout.splitlines():
        columns = dict(zip(FIELDS, line.split("\t"), strict=True))
        if not columns["tcp.stream"]:
            continue
        asked = found.setdefault(int(columns["tcp.stream"].split("|")[-1]), {})
        is_hello = columns["tls.handshake.type"].split("|")[0] == CLIENT_HELLO
        for field, name in NAMES.items():
            if columns[field] and (is_hello or field.startswith("http")):
                asked.setdefault(name, columns[field] if name == "alpn" else columns[field].split("|")[0])
    return {stream: {name: normal(name, value) for name, value in asked.items()} for stream, asked in found.items()}


def normal(name: str, value: str) -> str:
    """tshark's value as a hint has it: lower-case names, a path without host and query, cut to its length."""
    if name in ("sni", "host"):
        return value.lower()
    return re.sub(r"^https?://[^/]*", "", value).partition("?")[0][: PATH_MAX - 3] if name == "path" else value


def ours(path: Path) -> dict[int, Asked]:
    """The same from our hints."""
    tables = tcpdiag.analyze(path, hints=False).tables
    flows = range(len(tables.flows))
    starts = read((str(path),), places(tables, flows), tables.details["text_frame"][:0]).beginnings
    found = {}
    for stream, hints in labels.hints_of(tables, starts, flows).items():
        asked: dict[str, str | None] = {}
        for hint in (hint for hint in (hints.client, hints.server) if hint):
            names = {"sni": hint.sni, "method": hint.method, "host": hint.host, "path": hint.path}
            asked |= {name: value for name, value in names.items() if value}
            asked |= {"status": str(hint.status)} if hint.status else {}
        if hints.client and hints.client.alpn:
            asked["alpn"] = "|".join(hints.client.alpn)
        found[stream] = {name: normal(name, value) for name, value in asked.items() if value}
    return found


def compared(path: Path) -> tuple[int, list[str]]:
    """How many values both see, and where they differ."""
    mine, seen, wrong = ours(path), 0, []
    for stream, asked in theirs(path).items():
        for name in asked.keys() & mine.get(stream, {}).keys():
            seen += 1
            if asked[name] != mine[stream][name]:
                wrong.append(f"{path.name}, stream {stream}, {name}: {asked[name]!r}, ours {mine[stream][name]!r}")
    return seen, wrong


@needs_shared
def test_the_same_as_tshark_in_all_captures_where_both_see_it() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(compared, captures()))
    assert [text for _, wrong in results for text in wrong] == []
    assert sum(seen for seen, _ in results) > 500, "hardly anything was compared"


def test_the_same_as_tshark_of_a_capture_made_by_hand(tmp_path: Path) -> None:
    packets = Conversation().opened().asked(HELLO, server_hello(), mss=80).packets
    packets += Conversation(sport=40_001, dport=80).opened().asked(GET, OK, mss=20).packets
    assert compared(write(tmp_path / "a.pcap", packets)) == (6, [])
