"""The five investigations that the tool exists for: the whole report of a capture each, the cause first."""

import re
from collections.abc import Callable

import pytest

import tcpdiag
from places import FIXTURES

STORIES = {
    "office": ("office.pcap", "reset was not obeyed", r"RST \[98\].* SEQ 49 is 1 below the 50"),
    "cwreuse-loop-silent": ("capture.pcap", "CLOSE-WAIT", r"SYN \[10\].*FIN \[8\]"),
    "sawtooth": ("capture.pcap", "all at once, every 15 s", r"55 connections"),
    "clientleak-stall": ("capture.pcap", "stopped reading", r"3 connections"),
    "appkeepalive-stops": ("capture.pcap", "heartbeat stopped", r"every 2 s, \d times .* 24\.2 s"),
}
"""Folder of the fixture: the capture, words of the title, and what the first sentences must say."""

every_story = pytest.mark.parametrize("name", STORIES)


def text_of(name: str) -> str:
    return tcpdiag.analyze(FIXTURES / name / STORIES[name][0]).to_text()


@every_story
def test_report(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"story-{name}.txt", text_of(name))


@every_story
def test_cause_stands_in_the_first_lines(name: str) -> None:
    _, title, facts = STORIES[name]
    headline, *first = text_of(name).partition("\n\n")[2].splitlines()[:8]
    assert title in headline
    assert re.search(facts, " ".join(" ".join(first).split()))
