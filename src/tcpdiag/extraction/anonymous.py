"""Packets with other addresses and without their contents, a batch at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .. import kernels
from ..capture.linktypes import link_name
from ..capture.reasons import in_words
from ..kernels.decode_layers import COUNTS, ETHERTYPES, LAYER, LINK_TYPES, MAX_LAYERS, WALK
from ..kernels.hide_rows import CHECK, PLACE, SITE, Fate, Kind
from ..redaction import Redactor
from .contents import Filling, fill

LEAST: Final = 2
"""Bytes of the shortest site; sites do not overlap."""

_WIDTH: Final = {Kind.VLAN: 2, Kind.MPLS: 3, Kind.NETWORK: 3, Kind.KEY: 4}
_NUMBERS: Final = {  # bits of the field that are the number, how far from its right end, and what is reserved
    Kind.VLAN: (12, 0, 1),  # IEEE 802.1Q: 0 is no VLAN, 4095 none to be used
    Kind.MPLS: (20, 4, 16),  # RFC 3032 section 2.1
    Kind.NETWORK: (24, 0, 1),
    Kind.KEY: (32, 0, 1),
}


@dataclass
class Anonymiser:
    """Hides packets by the map of a redactor. `refused`: by reason, in words, packets that nobody may have."""

    redactor: Redactor
    _counts: np.ndarray = field(default_factory=lambda: np.zeros(COUNTS, np.int64))

    def __post_init__(self) -> None:
        self._kernel = kernels.load("hide")
        self._hide = self._kernel.Hide()
        self._walk = np.zeros(1, WALK)
        self._layers = np.zeros(MAX_LAYERS, LAYER)
        self._sites = np.zeros(0, SITE)
        self._checks = np.zeros(0, CHECK)

    def batch(
        self, buffer: np.ndarray, records: np.ndarray, fillings: Mapping[int, Filling], data: Mapping[int, bytes]
    ) -> tuple[np.ndarray, np.ndarray]:
        """A copy of the buffer with these packets (RECORD) hidden, and what became of each of them (PLACE).

        fillings, data: by frame, what stands in the place of the payload, and of a fragment's data, where that is not
        zeros alone. Bytes of packets that were refused, and all other bytes of the copy, are as they were.
        """
        out, places = buffer.copy(), np.zeros(len(records), PLACE)
        room = int(records["captured_len"].sum(dtype=np.int64)) // LEAST + 1
        if len(self._sites) < room:
            self._sites, self._checks = np.zeros(room, SITE), np.zeros(room, CHECK)
        self._hide.bind(*kernels.arrays(self._kernel, out, self._sites, self._checks))
        self._hide.run(*kernels.arrays(self._kernel, buffer, records, places, self._walk, self._layers))
        self._replace(out, self._sites[: self._hide.n_sites])
        for row in np.flatnonzero(places["fate"] != Fate.REFUSED) if fillings or data else ():
            frame, place = int(records["frame"][row]), places[row]
            at, length = int(place["data"]), int(place["length"])
            if place["fate"] == Fate.SEGMENT and frame in fillings:
                out[at : at + length] = fill(fillings[frame], length)
            elif place["fate"] == Fate.FRAGMENT and frame in data:
                known = data[frame][:length]
                out[at : at + len(known)] = np.frombuffer(known, np.uint8)
        mend = kernels.load("mend")
        mend.mend(*kernels.arrays(mend, out, self._checks[: self._hide.n_checks]))
        np.add.at(self._counts, places["reason"][places["fate"] == Fate.REFUSED], 1)
        return out, places

    @property
    def refused(self) -> dict[str, int]:
        """Packets that were not let through, for each reason."""
        links = np.flatnonzero(self._counts[LINK_TYPES:ETHERTYPES]).tolist()
        found = {f"link layer {link_name(link)}": int(self._counts[LINK_TYPES + link]) for link in links}
        rest = self._counts.copy()
        rest[LINK_TYPES:ETHERTYPES] = 0
        return found | in_words(rest)

    def _replace(self, out: np.ndarray, sites: np.ndarray) -> None:
        for kind in Kind:
            at = sites["at"][sites["kind"] == kind]
            if len(at):
                if kind == Kind.MAC:
                    cells = at[:, None] + np.arange(6)
                    out[cells] = self.redactor.fields.macs(out[cells])
                elif kind in (Kind.IPV4, Kind.IPV6):
                    self._addresses(out, at, 4 if kind == Kind.IPV4 else 6)
                else:
                    self._numbers(out, at, kind)

    def _addresses(self, out: np.ndarray, at: np.ndarray, family: int) -> None:
        families = np.full(len(at), family, np.uint8)
        if family == 4:
            cells = at[:, None] + np.arange(4)
            lo = np.ascontiguousarray(out[cells]).view(">u4").reshape(-1).astype(np.uint64)
            _, new = self.redactor.addresses(families, np.zeros_like(lo), lo)
            out[cells] = new.astype(">u4").view(np.uint8).reshape(-1, 4)
            return
        cells = at[:, None] + np.arange(16)
        halves = np.ascontiguousarray(out[cells]).view(">u8").reshape(-1, 2).astype(np.uint64)
        pair = self.redactor.addresses(families, halves[:, 0], halves[:, 1])
        out[cells] = np.stack(pair, axis=1).astype(">u8").view(np.uint8).reshape(-1, 16)

    def _numbers(self, out: np.ndarray, at: np.ndarray, kind: Kind) -> None:
        width, (bits, shift, reserved) = _WIDTH[kind], _NUMBERS[kind]
        cells = at[:, None] + np.arange(width)
        whole = np.zeros(len(at), np.uint32)
        for column in range(width):
            whole = whole << np.uint32(8) | out[cells[:, column]]
        mask = np.uint32(((1 << bits) - 1) << shift)
        old = (whole & mask) >> np.uint32(shift)
        new = self.redactor.fields.numbers(kind.name.lower(), bits, reserved, old) << np.uint32(shift)
        whole = whole & ~mask | new
        for column in range(width):
            out[cells[:, column]] = whole >> np.uint32(8 * (width - 1 - column)) & np.uint32(0xFF)
