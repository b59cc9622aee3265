"""What stands in packets instead of their payload: zeros, and other bytes where the same range had two contents.

That a range was sent again with the same content, or with another one, is a fact of the connection that findings rest
on (conflicting-overlap). Of every range (connection, sender, SEQ, length) the first content becomes zeros, the next
one ones, and so on: which is the same as which stays, and nothing else of what was said.

Contents are told apart as the tracker does it: by their one's complement sums. One that differs without another sum
becomes the same, so that no finding arises that was not there.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

import numpy as np

from ..model.segment import Checksum, Origin
from ..model.tables import Tables

MODULUS: Final = 0xFFFF
"""In one's complement 0xFFFF is another zero."""
RANGES_MAX: Final = 65_536
"""Ranges that are remembered; the tracker remembers four of each sender."""
CONTENTS_MAX: Final = 256
"""Contents of one range that are told apart; further ones are as the last."""
CUT: Final = int(Origin.TRUNCATED | Origin.HEADER_TRUNCATED)


class Filling(NamedTuple):
    """Bytes instead of a payload: the first `length` of them are `octet`, the others 0."""

    octet: int
    length: int

    @property
    def sum(self) -> int:
        """Its one's complement sum, reduced."""
        return (self.octet * (0x101 * (self.length // 2) + 0x100 * (self.length % 2))) % MODULUS


def fill(filling: Filling, length: int) -> np.ndarray:
    """The bytes of a payload that is `length` bytes long."""
    out = np.zeros(length, np.uint8)
    out[: filling.length] = filling.octet
    return out


class Contents:
    """Tells the contents of each range apart, in capture order. Only connections that have conflicts are watched."""

    def __init__(self, tables: Tables) -> None:
        flows = tables.flows
        self._watched = np.zeros(len(flows), np.bool_)
        with_details = flows["detail"] >= 0
        rows = flows["detail"][with_details].astype(np.int64)
        conflicts = tables.details["conflicts"]
        self._watched[with_details] = (conflicts[rows] > 0) | (conflicts[rows + 1] > 0)
        self._ranges: OrderedDict[tuple[int, int, int, int], dict[int, Filling]] = OrderedDict()
        self.any = bool(self._watched.any())

    def look(self, rows: np.ndarray, streams: np.ndarray, sides: np.ndarray) -> dict[int, Filling]:
        """By frame, the filling of payloads that are not to be zeros."""
        found: dict[int, Filling] = {}
        mask = (
            (streams >= 0) & (rows["payload_len"] > 1) & (rows["payload_len"] <= 0xFFFF) & ((rows["origin"] & CUT) == 0)
        )
        mask &= (rows["checksum"] != Checksum.BAD) & self._watched[streams]
        for index in np.flatnonzero(mask):
            row = rows[index]
            length = int(row["payload_len"])
            key = int(streams[index]), int(sides[index]), int(row["seq"]), length
            contents = self._ranges.setdefault(key, {})
            total = int(row["payload_sum"]) % MODULUS
            filling = contents.get(total)
            if filling is None:
                filling = _another(length, contents)
                if len(contents) < CONTENTS_MAX:
                    contents[total] = filling
            if filling.octet:
                found[int(row["frame"])] = filling
            if len(self._ranges) > RANGES_MAX:
                self._ranges.popitem(last=False)
        return found


def _another(length: int, contents: dict[int, Filling]) -> Filling:
    """A filling with a sum that none of these has."""
    if len(contents) < CONTENTS_MAX:
        known = {each.sum for each in contents.values()}
        for shorter in (0, 1):
            for octet in range(256):
                filling = Filling(octet, length - shorter)
                if filling.sum not in known:
                    return filling
    return Filling(255, length)
