"""Filter expressions for flows: `10.0.0.1 and port 443`, `stream 3,7-9`, `state CLOSE-WAIT or kind half-open`.

    expression = term { "or" term }        term = factor { "and" factor }
    factor     = "not" factor | "(" expression ")" | test
    test       = ADDRESS | ADDRESS "/" BITS | ADDRESS ":" PORT | "[" IPV6 "]:" PORT
               | [ "stream" ] NUMBERS | "port" NUMBERS | "state" STATE | "was" STATE | "kind" KIND

NUMBERS is `3`, `7-9` or `3,7-9`. A bare number is a stream. `state` is the last state of either endpoint, `was` any
state that it went through, `kind` a kind of finding that names the flow.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import units
from .errors import UsageError
from .flow_columns import StateIndex
from .model.finding import Finding
from .model.states import State
from .model.tables import Tables

WORD = re.compile(r"\s*([()]|[^\s()]+)")
NUMBERS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*", re.ASCII)
STATES = {str(state): state for state in State}
DEEPEST = 50


class FilterError(UsageError):
    """An expression that cannot be read; says where."""

    def __init__(self, text: str, position: int, message: str) -> None:
        shown = units.printable(text)
        super().__init__(f"filter {shown!r}, at character {position + 1}: {message}")
        self.position = position


@dataclass(frozen=True)
class Capture:
    """What a filter looks at."""

    tables: Tables
    states: StateIndex
    findings: Sequence[Finding]


Test = Callable[[Capture], np.ndarray]


def parse(text: str, kinds: Sequence[str] = ()) -> Test:
    """The expression as a function from a Capture to a mask of its flows (bool, one a stream).

    kinds: the kinds of finding that exist; empty: any word passes. Raises FilterError.
    """
    return _Parser(text, kinds).whole()


class _Parser:
    """Recursive descent over words; one method a rule of the grammar."""

    def __init__(self, text: str, kinds: Sequence[str]) -> None:
        self._text = text
        self._kinds = kinds
        self._words = [(match[1], match.start(1)) for match in WORD.finditer(text)]
        self._next = 0

    def whole(self) -> Test:
        test = self._expression(0)
        if self._next < len(self._words):
            word = self._word()
            raise self._error(f"{units.printable(word)!r} is one word too many: expected 'and', 'or' or the end")
        return test

    def _expression(self, depth: int) -> Test:
        test = self._term(depth)
        while self._accept("or"):
            test = _either(test, self._term(depth))
        return test

    def _term(self, depth: int) -> Test:
        test = self._factor(depth)
        while self._accept("and"):
            test = _both(test, self._factor(depth))
        return test

    def _factor(self, depth: int) -> Test:
        if depth > DEEPEST:
            raise self._error("too deeply nested")
        if self._accept("not"):
            test = self._factor(depth + 1)
            return lambda capture: ~test(capture)
        if self._accept("("):
            test = self._expression(depth + 1)
            if not self._accept(")"):
                self._word()
                raise self._error("expected ')'")
            return test
        return self._test()

    def _test(self) -> Test:
        word = self._word()
        match word.lower():
            case "":
                raise self._error("expected an address, 'port', 'stream', 'state', 'was' or 'kind'")
            case "stream":
                return _streams(self._numbers("a stream number", 2**31 - 1))
            case "port":
                return _ports(self._numbers("a port", 65535))
            case "state":
                return _last_state(self._state())
            case "was":
                return _any_state(self._state())
            case "kind":
                return _kind(self._kind())
        if NUMBERS.fullmatch(word):
            self._next -= 1
            return _streams(self._numbers("a stream number", 2**31 - 1))
        return self._address(word)

    def _address(self, word: str) -> Test:
        try:
            return _network(*units.parse_network(word))
        except UsageError:
            base, colon, port = word.rpartition(":")
            if colon and port.isascii() and port.isdigit() and int(port) < 65536:
                try:
                    return _endpoint(*units.parse_address(base), int(port))
                except UsageError:
                    pass
        raise self._error(f"{units.printable(word)!r} is neither an address nor a word of the filter language")

    def _numbers(self, what: str, largest: int) -> list[tuple[int, int]]:
        word = self._word()
        if not NUMBERS.fullmatch(word):
            raise self._error(f"expected {what}, such as 3 or 3,7-9")
        ranges = []
        for part in word.split(","):
            low, _, high = part.partition("-")
            if len(low) > 10 or len(high) > 10 or int(high or low) > largest:
                raise self._error(f"{what} is at most {largest}")
            if int(high or low) < int(low):
                raise self._error(f"the range {part} runs backwards")
            ranges.append((int(low), int(high or low)))
        return ranges

    def _state(self) -> State:
        word = self._word()
        state = STATES.get(word.upper().replace("_", "-"))
        if state is None:
            raise self._error(f"expected a state: {', '.join(STATES)}")
        return state

    def _kind(self) -> str:
        word = self._word()
        if not word or (self._kinds and word not in self._kinds):
            raise self._error("expected a kind of finding" + (f": {', '.join(self._kinds)}" if self._kinds else ""))
        return word

    def _word(self) -> str:
        word = self._words[self._next][0] if self._next < len(self._words) else ""
        self._next += 1
        return word

    def _accept(self, word: str) -> bool:
        found = self._next < len(self._words) and self._words[self._next][0].lower() == word
        self._next += found
        return found

    def _error(self, message: str) -> FilterError:
        """About the word just taken, or the end."""
        index = max(self._next - 1, 0)
        position = self._words[index][1] if index < len(self._words) else len(self._text)
        return FilterError(self._text, position, message)


def _both(left: Test, right: Test) -> Test:
    return lambda capture: left(capture) & right(capture)


def _either(left: Test, right: Test) -> Test:
    return lambda capture: left(capture) | right(capture)


def _streams(ranges: list[tuple[int, int]]) -> Test:
    def test(capture: Capture) -> np.ndarray:
        mask = np.zeros(len(capture.tables.flows), np.bool_)
        for low, high in ranges:
            mask[low : high + 1] = True
        return mask

    return test


def _ports(ranges: list[tuple[int, int]]) -> Test:
    def test(capture: Capture) -> np.ndarray:
        port = capture.tables.flows["port"]
        mask = np.zeros(port.shape, np.bool_)
        for low, high in ranges:
            mask |= (port >= low) & (port <= high)
        return _either_side(mask)

    return test


def _network(family: int, hi: int, lo: int, bits: int) -> Test:
    return lambda capture: _either_side(_in_network(capture.tables, family, hi, lo, bits))


def _endpoint(family: int, hi: int, lo: int, port: int) -> Test:
    def test(capture: Capture) -> np.ndarray:
        bits = units.IPV4_BITS if family == 4 else units.IPV6_BITS
        inside = _in_network(capture.tables, family, hi, lo, bits)
        return _either_side(inside & (capture.tables.flows["port"] == port))

    return test


def _in_network(tables: Tables, family: int, hi: int, lo: int, bits: int) -> np.ndarray:
    """For each flow and side, whether its address is in the network."""
    width = units.IPV4_BITS if family == 4 else units.IPV6_BITS
    mask = ((1 << bits) - 1) << (width - bits)
    mask_hi, mask_lo = np.uint64(mask >> 64), np.uint64(mask & (1 << 64) - 1)
    flows = tables.flows
    inside = np.ones((len(flows), 2), np.bool_)
    inside &= (flows["addr_hi"] & mask_hi) == (np.uint64(hi) & mask_hi)
    inside &= (flows["addr_lo"] & mask_lo) == (np.uint64(lo) & mask_lo)
    inside &= (flows["family"] == family)[:, None]
    return inside


def _either_side(mask: np.ndarray) -> np.ndarray:
    """(n, 2) by flow and side -> (n,) by flow."""
    found: np.ndarray = mask[:, 0] | mask[:, 1]
    return found


def _last_state(state: State) -> Test:
    return lambda capture: _either_side((capture.tables.endpoints["state"] == state).reshape(-1, 2))


def _any_state(state: State) -> Test:
    def test(capture: Capture) -> np.ndarray:
        events = capture.tables.events[capture.states.rows]
        mask = np.zeros(len(capture.tables.flows), np.bool_)
        mask[events["flow"][events["state"] == state]] = True
        return mask

    return test


def _kind(kind: str) -> Test:
    def test(capture: Capture) -> np.ndarray:
        mask = np.zeros(len(capture.tables.flows), np.bool_)
        for finding in capture.findings:
            if finding.kind == kind:
                mask[list(finding.streams)] = True
        return mask

    return test
