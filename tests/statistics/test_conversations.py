"""Frames, bytes on the wire and duration of connections, against tshark's conversation table."""

import os
from collections import defaultdict
from functools import cache

import numpy as np
import pytest

import tcpdiag
from places import SHARED, capture_files, needs_shared
from public import wireshark
from public.explained import EXPLAINED
from tcpdiag.capture.reader import Reader
from tcpdiag.errors import TcpdiagError
from tcpdiag.flow_columns import SIDES
from tcptrace import conversations

pytestmark = [needs_shared, pytest.mark.skipif(not wireshark.installed(), reason="tshark is not installed")]

EVERY = 1 if os.environ.get("TCPDIAG_ALL_CAPTURES") else 12
"""Of the captures that may hold TCP one in so many, for tshark takes its time."""
PRINTED_S = 6e-5
"""Half of the last digit of a duration."""

FRAGMENTS = "the frame that completes it stands for a segment in fragments: for tshark the first one begins it"
CUT = "a segment whose header is cut is of no conversation to tshark"
OTHERS = {
    "public/zeek/link/ipv6-http-atomic-frag.pcap": FRAGMENTS,
    "public/zeek/tcp/truncated-header.pcap": CUT,
    "captures/derived-snap68-loss/capture.pcap": CUT,
    "public/tcpdump/timestamp_invalid_micro.pcap": "microseconds of more than a second; tshark drops what is too much",
}


@cache
def compared() -> tuple[int, dict[str, str]]:
    """How many conversations there are, and capture -> the first that differs."""
    paths = [path for path in capture_files(SHARED) if wireshark.may_hold_tcp(path)][::EVERY]
    total, differing = 0, {}
    for path in paths:
        name = str(path.relative_to(SHARED))
        try:
            columns = tcpdiag.analyze(path, hints=False).flows.wide().columns()
        except TcpdiagError:
            continue
        told = conversations.read(path)
        total += len(told)
        ours = _ours(columns)
        for conversation in told:
            key = frozenset((conversation.a, conversation.b))
            if not any(_same(columns, at, conversation) for at in ours[key]):
                differing.setdefault(name, str(conversation))
    return total, differing


def _ours(columns: dict[str, np.ndarray]) -> dict[frozenset[str], list[int]]:
    found: dict[frozenset[str], list[int]] = defaultdict(list)
    for at in range(len(columns["stream"])):
        found[frozenset(_plain(columns[side][at]) for side in SIDES)].append(at)
    return found


def _plain(endpoint: str) -> str:
    return endpoint.replace("[", "").replace("]", "")


def _same(columns: dict[str, np.ndarray], at: int, told: conversations.Conversation) -> bool:
    sides = SIDES if _plain(columns["client"][at]) == told.a else SIDES[::-1]
    return abs(columns["duration_ns"][at] / 1e9 - told.duration_s) <= PRINTED_S and all(
        columns[f"{side}_packets"][at] == sent.frames and sent.has(columns[f"{side}_frame_bytes"][at])
        for side, sent in zip(sides, (told.from_a, told.from_b), strict=True)
    )


def test_conversations_are_tsharks() -> None:
    total, differing = compared()
    assert total > 30
    assert {name: told for name, told in differing.items() if not _explained(name)} == {}


def _explained(name: str) -> bool:
    return name in EXPLAINED or name in OTHERS or _goes_back(name)


def _goes_back(name: str) -> bool:
    """Whether the clock of the capture does: a conversation that ends before it begins lasts no time for us."""
    latest = -(2**63)
    with Reader([str(SHARED / name)]) as reader:
        for batch in reader:
            times = batch.records["ts_ns"]
            if np.any(np.concatenate(([latest], times[:-1])) > times):
                return True
            latest = int(times[-1])
    return False
