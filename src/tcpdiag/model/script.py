"""Scripts of segments, in which the diagnoses write their examples: the lines of `model.notation` with times in front.

+0.10 > S 0:0(0) win 65535 <mss 1460,wscale 7>    client to server, 0.10 s after the line before
+0.02 <40001 S. 0:0(0) ack 1 win 65535            server to client, the client's port being 40001
+0.50 > P. 1:11(10) ack 1 win 512 *3 every 2.0    sent three times, 2 s apart
+0.00 > R 276:276(0) win 0 [ttl 255,id 7]         fields of the IP header
+0.01 > P. 1:11(10) ack 1 win 512 [text 2]        another text of that length; else it is text 0
repeat 20 every 30.0                              the block 20 times, each time from the next client port
end
repeat 20 every 0.1 same port                     the block 20 times in one connection
end
+60.0 .                                           nothing more is captured for 60 s
file: dropped 120                                 what no segment shows: packets that the capture dropped
file: cut 12                                      packets cut by the snap length
file: back 3600.0                                 time runs backwards once, by as many seconds
file: damage "last record incomplete"             the file is damaged behind its last frame
# a comment
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .capture import CaptureFile, Damage, Interface
from .notation import BARE_OPTIONS, LETTERS
from .segment import NO_PKTTYPE, SEGMENT, Checksum, Option

CLIENT_ISN = 1_000_000
SERVER_ISN = 500_000_000
CLIENT_ADDRESS = 0xC0000201  # 192.0.2.1, RFC 5737
SERVER_ADDRESS = 0xC6336401  # 198.51.100.1
CLIENT_PORT = 40000
SERVER_PORT = 80
EPOCH_NS = 1_700_000_000_000_000_000
_SECOND_NS = 1_000_000_000


class ScriptError(ValueError):
    """A line of a script that is not in the notation."""


@dataclass(frozen=True)
class Script:
    """A parsed script: SEGMENT rows in time order, when its capture ends, and what it expects to be found."""

    segments: np.ndarray
    last_ts_ns: int
    expected: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = ()  # words and values of its `file:` lines

    @property
    def file(self) -> CaptureFile:
        """The file that the capture would be."""
        said, count = dict(self.said), len(self.segments)
        dropped = int(said["dropped"]) if "dropped" in said else None
        return CaptureFile(
            path="script",
            format="pcapng" if dropped else "pcap",
            compression=None,
            interfaces=(Interface(1, "Ethernet", None, dropped_interface=dropped),),
            packets=count,
            tcp_packets=count,
            first_ts_ns=int(self.segments["ts_ns"][0]) if count else None,
            last_ts_ns=self.last_ts_ns,
            first_frame=1,
            truncated_packets=int(said.get("cut", 0)),
            backward_steps=int("back" in said),
            largest_backward_step_ns=_ns(said.get("back", "0")),
            damage=(Damage(24, count, said["damage"].strip('"')),) if "damage" in said else (),
        )


_SEGMENT = re.compile(
    r"""\+(?P<gap>\d+(?:\.\d+)?)\s+
        (?P<way>[<>])(?P<port>\d+)?\s+
        (?P<flags>[FSRPUEWA.\-]+)\s+
        (?P<seq>\d+):(?P<end>\d+)\((?P<len>\d+)\)
        (?:\s+ack\s+(?P<ack>\d+))?
        (?:\s+win\s+(?P<window>\d+))?
        (?:\s+<(?P<options>[^>]*)>)?
        (?:\s+\[(?P<fields>[^\]]*)\])?
        (?:\s+\*(?P<times>\d+)\s+every\s+(?P<every>\d+(?:\.\d+)?))?$""",
    re.VERBOSE,
)
_FIELDS = {"ttl": "ttl", "id": "ip_id", "text": "payload_sum"}
_SILENCE = re.compile(r"\+(?P<gap>\d+(?:\.\d+)?)\s+\.$")
_FILE = re.compile(r'file:\s+(?P<word>dropped|cut|back|damage)\s+(?P<value>\d+(?:\.\d+)?|"[^"]*")$')
_REPEAT = re.compile(r"repeat\s+(?P<times>\d+)\s+every\s+(?P<every>\d+(?:\.\d+)?)(?P<same>\s+same\s+port)?$")


@dataclass
class _Parser:
    """Walks through the lines; `now_ns` is the time of the line before."""

    now_ns: int = EPOCH_NS
    rows: list[np.ndarray] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)

    def block(self, lines: Iterator[str], port_shift: int = 0) -> None:
        for text in lines:
            if text == "end":
                return
            if match := _REPEAT.match(text):
                next_port = 0 if match["same"] else 1
                self.repeat(list(_until_end(lines, text)), int(match["times"]), _ns(match["every"]), next_port)
            elif match := _SILENCE.match(text):
                self.now_ns += _ns(match["gap"])
            elif text.startswith("finding:"):
                self.expected.append(text.removeprefix("finding:").strip())
            elif match := _FILE.match(text):
                self.said.append((match["word"], match["value"]))
            elif match := _SEGMENT.match(text):
                self.segment(match, port_shift)
            else:
                raise ScriptError(f"not a line of the notation: {text!r}")

    def repeat(self, body: list[str], times: int, every_ns: int, next_port: int) -> None:
        start_ns, end_ns = self.now_ns, self.now_ns
        for turn in range(times):
            self.now_ns = start_ns + turn * every_ns
            self.block(iter(body), turn * next_port)
            end_ns = max(end_ns, self.now_ns)
        self.now_ns = end_ns

    def segment(self, match: re.Match[str], port_shift: int) -> None:
        try:
            row = _row(match, port_shift)
        except (ValueError, IndexError) as error:
            raise ScriptError(f"{error}: {match[0]!r}") from None
        self.now_ns += _ns(match["gap"])
        for turn in range(int(match["times"] or 1)):
            if turn:
                self.now_ns += _ns(match["every"])
            row = row.copy()
            row["ts_ns"] = self.now_ns
            self.rows.append(row)


def parse_script(text: str) -> Script:
    """The rows that a script describes, frames numbered from 1 in order of time.

    Raises ScriptError, naming the line. Sequence numbers become absolute with CLIENT_ISN and SERVER_ISN, so that
    a new connection on the same ports simply starts with another number.
    """
    lines = [stripped for raw in text.splitlines() if (stripped := raw.split("#", 1)[0].strip())]
    parser = _Parser()
    parser.block(iter(lines))
    segments = np.concatenate(parser.rows) if parser.rows else np.zeros(0, SEGMENT)
    segments = segments[np.argsort(segments["ts_ns"], kind="stable")]
    segments["frame"] = np.arange(1, len(segments) + 1)
    return Script(segments, parser.now_ns, tuple(parser.expected), tuple(parser.said))


def _until_end(lines: Iterator[str], opened: str) -> Iterator[str]:
    for text in lines:
        if text == "end":
            return
        yield text
    raise ScriptError(f"repeat without end: {opened!r}")


def _ns(seconds: str) -> int:
    return round(float(seconds) * _SECOND_NS)


def _row(match: re.Match[str], port_shift: int) -> np.ndarray:
    """One SEGMENT row without time and frame."""
    row = np.zeros(1, SEGMENT)
    from_client = match["way"] == ">"
    client = (CLIENT_ADDRESS, int(match["port"] or CLIENT_PORT) + port_shift)
    server = (SERVER_ADDRESS, SERVER_PORT)
    (row["src_lo"], row["sport"]), (row["dst_lo"], row["dport"]) = (client, server) if from_client else (server, client)
    isn, peer_isn = (CLIENT_ISN, SERVER_ISN) if from_client else (SERVER_ISN, CLIENT_ISN)
    length = int(match["len"])
    if int(match["end"]) - int(match["seq"]) != length:
        raise ScriptError("range and length differ")
    row["flags"] = sum(int(bit) for bit, letter in LETTERS if letter in match["flags"])
    row["seq"] = (int(match["seq"]) + isn) & 0xFFFFFFFF
    if match["ack"] is not None:
        row["ack"] = (int(match["ack"]) + peer_isn) & 0xFFFFFFFF
    row["payload_len"] = row["captured_len"] = length
    row["window"] = int(match["window"] or 0)
    row["family"], row["ttl"], row["pkttype"] = 4, 64, NO_PKTTYPE
    row["checksum"] = int(Checksum.UNVERIFIABLE)
    _set_options(row, match["options"] or "", peer_isn)
    _set_fields(row, match["fields"] or "")
    return row


def _set_options(row: np.ndarray, text: str, peer_isn: int) -> None:
    for option in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = option.partition(" ")
        if name in BARE_OPTIONS:
            row["options"] |= int(BARE_OPTIONS[name])
        elif name in {"mss", "wscale"}:
            row["options"] |= int(Option.MSS if name == "mss" else Option.WSCALE)
            row[name] = int(value)
        elif name == "TS":
            words = value.split()
            row["options"] |= int(Option.TIMESTAMPS)
            row["tsval"], row["tsecr"] = int(words[1]), int(words[3])
        elif name == "sack":
            edges = [(int(edge) + peer_isn) & 0xFFFFFFFF for block in value.split() for edge in block.split(":")]
            row["options"] |= int(Option.SACK)
            row["n_sack"] = len(edges) // 2
            row["sack"][0, : len(edges)] = edges
        else:
            raise ScriptError(f"unknown option {option!r}")


def _set_fields(row: np.ndarray, text: str) -> None:
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition(" ")
        if name not in _FIELDS:
            raise ScriptError(f"unknown field {part!r}")
        row[_FIELDS[name]] = int(value)
