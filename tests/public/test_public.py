"""Captures of others, many malformed on purpose: each is read, and its flows are those that tshark sees."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from places import SHARED, needs_shared
from public import wireshark
from public.explained import EXPLAINED
from public.ours import WORKERS, readings

pytestmark = needs_shared
PEAK_MIB = 512  # no capture of the set is larger than 0.6 MB


def test_every_capture_gives_rows_or_a_reason() -> None:
    died = [f"{path.relative_to(SHARED)}: {line['died']}" for path, line in readings().items() if "died" in line]
    assert died == []


def test_only_what_is_no_capture_is_refused() -> None:
    refused = {
        path.relative_to(SHARED): line["unreadable"] for path, line in readings().items() if "unreadable" in line
    }
    assert refused == {}


def test_memory_stays_bounded_whatever_a_header_claims() -> None:
    peak = max(line.get("peak_kib", 0) for line in readings().values())
    assert 0 < peak < PEAK_MIB << 10


@pytest.mark.skipif(not wireshark.installed(), reason="tshark is not installed")
def test_flows_are_those_of_tshark() -> None:
    worth = [path for path, line in readings().items() if line.get("flows") or wireshark.may_hold_tcp(path)]
    with ThreadPoolExecutor(WORKERS) as pool:
        both = [
            (path, theirs)
            for path, theirs in zip(worth, pool.map(wireshark.read, worth), strict=True)
            if theirs is not None and "flows" in readings()[path]
        ]
    assert len(both) > 200
    differing = {}
    for path, theirs in both:
        if told := differences(readings()[path], theirs):
            differing[str(path.relative_to(SHARED))] = told
    unexplained = {name: told for name, told in differing.items() if name not in EXPLAINED}
    assert unexplained == {}, json.dumps(unexplained, indent=1)
    settled = set(EXPLAINED) - set(differing)
    assert settled == set(), "these agree now: remove them from public/explained.py"


def differences(ours: dict[str, Any], theirs: wireshark.Seen) -> list[str]:
    """What differs, in words; empty when nothing does."""
    told = _segments(ours, theirs)
    if len(ours["flows"]) != len(theirs.streams):
        told.append(f"{len(ours['flows'])} flows, tshark has {len(theirs.streams)}")
    for number, flow in enumerate(ours["flows"]):
        stream = theirs.streams.get(number)
        if stream is None:
            told.append(f"stream {number} (frames {flow['first']}-{flow['last']}) is not in tshark's")
            continue
        if (flow["first"], flow["last"]) != (stream.frames[0], stream.frames[-1]):
            told.append(
                f"stream {number}: frames {flow['first']}-{flow['last']}, tshark {stream.frames[0]}-{stream.frames[-1]}"
            )
        if flow["packets"] != stream.packets:
            told.append(f"stream {number}: packets {flow['packets']}, tshark {stream.packets} in {stream.frames[:20]}")
    return told[:12]


def _segments(ours: dict[str, Any], theirs: wireshark.Seen) -> list[str]:
    mine = {tuple(row) for row in ours["segments"] if row[0] not in theirs.unread}
    other = set(theirs.segments)
    return [
        f"{who} (frame, seq, len): {sorted(rows)[:6]}"
        for who, rows in (("only ours", mine - other), ("only tshark's", other - mine))
        if rows
    ]
