"""Other values for fields of packets: MAC addresses, VLAN numbers, labels, tunnel identifiers.

Numbers are permuted, so that two networks never become one: a Feistel network of four rounds (Luby and Rackoff, "How
to construct pseudorandom permutations from pseudorandom functions", SIAM J. Computing 17, 1988) over BLAKE2b.
"""

import hashlib
from typing import Final

import numpy as np

ROUNDS: Final = 4
GROUP: Final = 0x01  # of the first octet of a MAC address: more than one receiver
LOCAL: Final = 0x02  # given by nobody's registry, IEEE 802 section 8.4
NOBODY: Final = frozenset((bytes(6), b"\xff" * 6))
"""MAC addresses that tell of nobody: none, and everybody."""


class Fields:
    """The maps of one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def macs(self, old: np.ndarray) -> np.ndarray:
        """MAC addresses, one a row (u1). A group stays a group; the others become locally administered."""
        some, places = np.unique(np.ascontiguousarray(old).view("V6").reshape(-1), return_inverse=True)
        new = b"".join(self._mac(each.tobytes()) for each in some)
        return np.frombuffer(new, np.uint8).reshape(-1, 6)[places.reshape(-1)]

    def numbers(self, kind: str, bits: int, reserved: int, old: np.ndarray) -> np.ndarray:
        """Numbers of an even count of bits. Those below `reserved`, and the largest, mean something and stay."""
        some, places = np.unique(old, return_inverse=True)
        new = np.array([self._number(kind, bits, reserved, int(each)) for each in some], np.uint32)
        return new[places.reshape(-1)]

    def _mac(self, old: bytes) -> bytes:
        if old in NOBODY:
            return old
        new = bytearray(hashlib.blake2b(old, key=self._key, person=b"tcpdiag mac", digest_size=6).digest())
        new[0] = (new[0] & ~GROUP | LOCAL) | (old[0] & GROUP)
        return bytes(new)

    def _number(self, kind: str, bits: int, reserved: int, old: int) -> int:
        most = (1 << bits) - 1
        if old < reserved or old == most:
            return old
        new = self._permuted(kind, bits, old)
        while new < reserved or new == most:
            new = self._permuted(kind, bits, new)
        return new

    def _permuted(self, kind: str, bits: int, value: int) -> int:
        half = bits // 2
        left, right = value >> half, value & ((1 << half) - 1)
        person = f"tcpdiag {kind}".encode()
        for turn in range(ROUNDS):
            data = bytes([turn]) + right.to_bytes(2)
            mixed = int.from_bytes(hashlib.blake2b(data, key=self._key, person=person, digest_size=2).digest())
            left, right = right, left ^ (mixed & ((1 << half) - 1))
        return left << half | right
