"""Every statistic against `tcptrace -l -r -W`: equal, or of a class that is explained, number by number."""

import os
import re
from collections import defaultdict
from functools import cache

import pytest

from places import SHARED, capture_files, needs_shared
from public import wireshark
from tcptrace import told
from tcptrace.compared import COLUMNS, Difference, Outcome, compare
from tcptrace.explained import CLASSES, OTHER_PACKETS, Class

pytestmark = [needs_shared, pytest.mark.skipif(not told.installed(), reason="tcptrace is not installed")]

EVERY = 1 if os.environ.get("TCPDIAG_ALL_CAPTURES") else 3
"""Of the public captures one in so many."""
EXAMPLES = {each.example.partition(" ")[0] for each in CLASSES}
EQUAL_AT_LEAST = 250
"""Connections that both tools see alike, in a part: fewer, and something is not compared any more."""


@cache
def outcomes() -> dict[str, Outcome]:
    """By capture, relative to the set: all, or of the public ones a part, with the examples."""
    paths = capture_files(SHARED / "captures")
    public = capture_files(SHARED / "public")
    paths += [path for path in public if wireshark.may_hold_tcp(path)][::EVERY]
    paths += [path for path in public if _is_named(str(path.relative_to(SHARED)))]
    names = {str(path.relative_to(SHARED)): path for path in paths}
    return {name: compare(path) for name, path in names.items()}


def _is_named(name: str) -> bool:
    return name in OTHER_PACKETS or name.rpartition(".")[0] in EXAMPLES


@cache
def classes() -> dict[str, list[tuple[str, Difference]]]:
    """Class -> (capture, difference); "" for those that none explains."""
    found: dict[str, list[tuple[str, Difference]]] = defaultdict(list)
    for name, outcome in outcomes().items():
        for difference in outcome.differences:
            if name in OTHER_PACKETS:
                found["other-packets"].append((name, difference))
                continue
            reason = next((each.name for each in CLASSES if each.explains(difference)), "")
            found[reason].append((name, difference))
    return found


def test_enough_is_compared() -> None:
    assert sum(outcome.connections for outcome in outcomes().values()) >= EQUAL_AT_LEAST


@pytest.mark.parametrize("column", COLUMNS)
def test_every_difference_is_explained(column: str) -> None:
    equal = sum(outcome.equal[column] for outcome in outcomes().values())
    assert [str(difference) for _, difference in classes()[""] if difference.column == column] == []
    assert equal > 0


@pytest.mark.parametrize("each", CLASSES, ids=lambda each: each.name)
def test_every_class_has_its_example(each: Class) -> None:
    match = re.fullmatch(r"(\S+) stream (\d+)(:.*)?", each.example)
    assert match is not None, each.example
    streams = {
        int(difference.row.columns["stream"][difference.row.at])
        for name, difference in classes()[each.name]
        if name.startswith(match[1])
    }
    assert int(match[2]) in streams


def test_captures_with_other_packets_differ() -> None:
    assert {name for name, _ in classes()["other-packets"]} == set(OTHER_PACKETS)
