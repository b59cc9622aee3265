"""Random segmentations, orders, repeats, overlaps and wraps; hostile sequence numbers."""

import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.made import U32, Got, Sent, received
from tcpdiag import kernels
from tcpdiag.streams import held, pieces
from tcpdiag.streams.keeping import BSD_RULE, LINUX_RULE, UNKNOWN_RULE, WINDOWS_RULE

EXAMPLES = settings(max_examples=150, deadline=None)
BASES = st.sampled_from([0, 1, 1000, 1 << 31, U32 - 1, U32 - 20, (1 << 31) - 20])
RULES = st.sampled_from([LINUX_RULE, BSD_RULE, WINDOWS_RULE, UNKNOWN_RULE])
RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=30)
BATCHES = st.lists(st.integers(0, 30), max_size=3).map(sorted)


def sound(got: Got) -> None:
    """A stream has every place once, ascending, and its gaps are those that are told."""
    places = [(at, at + length) for at, _, length, _ in got.pieces]
    assert all(one[1] == two[0] for one, two in pairwise(places))
    assert all(data is None or len(data) == length for _, data, length, _ in got.pieces)
    missing = {place for gap in got.gaps for place in range(gap.offset, gap.offset + gap.length)}
    assert missing == {at + k for at, data, length, _ in got.pieces if data is None for k in range(length)}


@EXAMPLES
@given(st.binary(min_size=1, max_size=90), RANGES, BASES, RULES, BATCHES, st.randoms())
def test_what_was_captured_is_there_wherever_it_was_cut(
    text: bytes, ranges: list[tuple[int, int]], base: int, rule: Any, batches: list[int], dice: Any
) -> None:
    """No acknowledgement ends the waiting: the stream is the text with a hole where no segment was."""
    sent = Sent(base=base)
    segments = [(at, text[at : at + size]) for at, size in ranges if at < len(text)]
    dice.shuffle(segments)
    for at, part in segments:
        sent.data(at, part)
    got = received(sent, keeping=rule, batches=[each for each in batches if each < len(segments)])
    covered = {place for at, part in segments for place in range(at, at + len(part))}
    end = max(covered, default=-1) + 1
    assert got.shown == bytes(text[place] if place in covered else ord(".") for place in range(end))
    assert got.conflicts == []
    sound(got)


@EXAMPLES
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(2, 30)), max_size=30), BASES, RULES)
def test_a_conflict_is_told_of_each_byte_with_two_contents(ranges: list[tuple[int, int]], base: int, rule: Any) -> None:
    sent = Sent(base=base)
    for number, (at, size) in enumerate(ranges):
        sent.data(at, bytes([65 + number]) * size)
    got = received(sent, keeping=rule)
    sound(got)
    told = {place for c in got.conflicts for place in range(c.offset, c.offset + c.length)}
    places = Counter(place for at, size in ranges for place in range(at, at + size))
    assert {place for place, count in places.items() if count > 1} == told


@EXAMPLES
@given(st.data())
def test_any_numbers_give_a_sound_stream(data: st.DataObject) -> None:
    """Sequence numbers, ACKs, flags and lengths of anybody's choice."""
    sent = Sent(base=data.draw(BASES))
    numbers = st.one_of(st.integers(-5, 50), st.integers(0, U32 - 1), st.sampled_from([1 << 30, 1 << 31, U32 - 1]))
    for _ in range(data.draw(st.integers(0, 30))):
        at, flags = data.draw(numbers), data.draw(st.integers(0, 255))
        if data.draw(st.booleans()):
            text = data.draw(st.binary(max_size=20))
            cut = data.draw(st.sampled_from([0, 0, 5, 60_000]))
            sent.data(at, text, flags=flags, payload_len=len(text) + cut, checksum=data.draw(st.integers(0, 3)))
        else:
            sent.ack(at)
    got = received(sent, midstream=data.draw(st.booleans()), checks=data.draw(st.booleans()))
    places = [(at, at + length) for at, _, length, _ in got.pieces]
    assert all(one[1] <= two[0] for one, two in pairwise(places))
    assert len(got.text) <= len(sent.text)


@EXAMPLES
@given(st.binary(min_size=1, max_size=60), RANGES, BASES)
def test_the_kernel_takes_what_its_uncompiled_text_takes(text: bytes, ranges: list[tuple[int, int]], base: int) -> None:
    sent = Sent(base=base)
    for at, size in [(0, 20), (20, 20), *ranges]:
        sent.data(at, text[at : at + size] or b"x").ack(at)
    found = []
    for choice in ("native", "python"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TCPDIAG_KERNELS", choice)
            found.append(received(sent))
    assert found[0].pieces == found[1].pieces


def test_the_kernel_is_compiled() -> None:
    assert kernels.is_native(kernels.load("in_order"))


def hostile(count: int) -> Sent:
    """Small segments anywhere within the largest window, none of them in order."""
    dice = np.random.default_rng(7)
    sent = Sent()
    for at in dice.integers(1, 1 << 30, count).tolist():
        sent.data(at, b"four")
    return sent


def test_memory_grows_with_the_bytes_captured_not_with_the_numbers() -> None:
    sent = hostile(2000)
    sent.data((1 << 30) - 1, b"far")
    tracemalloc.start()
    got = received(sent)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(got.text) >= 2000 * 4 - 64
    assert peak < 8_000_000


def _bytes(ranges: held.Held) -> int:
    return ranges._bytes


def _pieces(ranges: held.Held) -> int:
    return len(ranges._pieces)


def _watched(insert: Any, measure: Callable[[held.Held], int], sizes: list[int]) -> Any:
    def watched(self: held.Held, *arguments: Any) -> None:
        insert(self, *arguments)
        sizes.append(measure(self))

    return watched


def test_no_more_is_held_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, measure, bound in (("HELD_BYTES", _bytes, 1000), ("HELD_PIECES", _pieces, 100)):
        with monkeypatch.context() as patch:
            patch.setattr(held, name, bound)
            sizes: list[int] = []
            insert = held.Held.insert

            patch.setattr(held.Held, "insert", _watched(insert, measure, sizes))
            got = received(hostile(1000))
            assert bound <= max(sizes) <= bound + 4
            assert any(gap.length > 1000 for gap in got.gaps)


def test_no_more_is_kept_to_compare_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "HISTORY_BYTES", 100)
    sent = Sent()
    for number in range(50):
        sent.data(10 * number, b"0123456789").data(10 * number, b"0123X56789", flags=0x18)
    got = received(sent.data(0, b"XX"), batches=range(1, 100))
    assert len(got.conflicts) == 50
    assert got.direction._history._bytes <= 100


def test_hostile_orders_take_no_more_than_their_time() -> None:
    started = time.process_time()
    received(hostile(30_000))
    assert time.process_time() - started < 10
