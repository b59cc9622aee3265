"""Prefix-preserving addresses: two that share their first n bits still do so, and no more.

Xu, Fan, Ammar and Moon, "Prefix-preserving IP address anonymization", ICNP 2002: a bit is flipped or not by a keyed
pseudo-random function of the bits before it. Here that function is BLAKE2b (RFC 7693), asked once an octet: it gives
the decisions of all 255 nodes of the tree below a prefix of whole octets.

Who knows the key, or enough pairs of old and new addresses, can tell more; and what is near to what stays visible.
"""

import hashlib
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple

import numpy as np

KEPT: Final = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/32",  # unspecified, RFC 6890
            "10.0.0.0/8",  # private, RFC 1918
            "127.0.0.0/8",  # loopback
            "127.0.0.1/32",
            "169.254.0.0/16",  # link-local, RFC 3927
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/4",  # multicast
            "255.255.255.255/32",  # broadcast
            "::/128",
            "::1/128",
            "::ffff:0:0/96",  # IPv4-mapped: the rest of them is as the IPv4 address
            "2000::/3",  # global unicast, RFC 4291
            "fc00::/7",  # private, RFC 4193
            "fe80::/10",
            "fe80::/64",
            "ff00::/8",
        ),
    )
)
"""Networks that become themselves, so that readers and diagnoses still see what an address is for: an address inside
of one stays inside, one outside stays outside. A single address stays as it is: it tells of nobody."""

_MAPPED: Final = 0xFFFF
_LOW_32: Final = np.uint64(0xFFFFFFFF)
_DIGEST: Final = 32  # bytes: 255 nodes
_OCTETS: Final = {4: 4, 6: 16}


class _Root(NamedTuple):
    octets: bytes
    bits: int


_ROOTS: Final = {
    family: tuple(_Root(net.network_address.packed, net.prefixlen) for net in KEPT if isinstance(net, kind))
    for family, kind in ((4, IPv4Network), (6, IPv6Network))
}


class Prefixes:
    """The map of one key. The same key gives the same addresses."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, family: np.ndarray, hi: np.ndarray, lo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Other addresses in the place of these: (hi, lo) as u8 of the same shape, halves as in `model.segment`."""
        old_hi, old_lo = np.asarray(hi, np.uint64), np.asarray(lo, np.uint64)
        new_hi, new_lo = old_hi.copy(), old_lo.copy()
        is_mapped = (family == 6) & (old_hi == 0) & (old_lo >> np.uint64(32) == _MAPPED)
        as_ipv4 = (family == 4) | is_mapped
        if as_ipv4.any():
            some, places = np.unique(old_lo[as_ipv4] & _LOW_32, return_inverse=True)
            octets = some.astype(">u4").view(np.uint8).reshape(-1, _OCTETS[4])
            other = self._octets(4, octets).reshape(-1).view(">u4").astype(np.uint64)
            new_lo[as_ipv4] = (old_lo[as_ipv4] & ~_LOW_32) | other[places]
        rest = ~as_ipv4
        if rest.any():
            pairs = np.stack([old_hi[rest], old_lo[rest]], axis=1).astype(">u8").view("V16").reshape(-1)
            some, places = np.unique(pairs, return_inverse=True)
            octets = some.view(np.uint8).reshape(-1, _OCTETS[6])
            other = self._octets(6, octets).reshape(-1).view(">u8").astype(np.uint64).reshape(-1, 2)[places]
            new_hi[rest], new_lo[rest] = other[:, 0], other[:, 1]
        return new_hi, new_lo

    def _octets(self, family: int, old: np.ndarray) -> np.ndarray:
        """One row an address, its octets (u1)."""
        new = np.zeros_like(old)
        for index in range(_OCTETS[family]):
            prefixes, places = _distinct(old[:, :index])
            flips = np.frombuffer(b"".join(self._nodes(family, prefix) for prefix in prefixes), np.uint8)
            nodes = np.unpackbits(flips.reshape(-1, _DIGEST), axis=1)
            for depth in range(8):
                above = old[:, index].astype(np.int64) >> (8 - depth)  # the bits before this one
                flip = nodes[places, (1 << depth) - 1 + above]
                bit = (old[:, index] >> (7 - depth)) & 1
                new[:, index] |= (bit ^ flip) << (7 - depth)
        return new

    def _nodes(self, family: int, prefix: bytes) -> bytes:
        """Whether to flip at each node of the tree below, a bit each: the root first, then the next level, ..."""
        person = b"tcpdiag ipv%d" % family
        flips = bytearray(hashlib.blake2b(prefix, key=self._key, person=person, digest_size=_DIGEST).digest())
        for root in _ROOTS[family]:
            start = 8 * len(prefix)
            if root.bits > start and root.octets.startswith(prefix):
                for depth in range(min(8, root.bits - start)):
                    node = (1 << depth) - 1 + (root.octets[len(prefix)] >> (8 - depth))
                    flips[node >> 3] &= ~(0x80 >> (node & 7))
        return bytes(flips)


def _distinct(prefixes: np.ndarray) -> tuple[list[bytes], np.ndarray]:
    """Different rows, and for each row which of them it is."""
    width = prefixes.shape[1]
    if not width:
        return [b""], np.zeros(len(prefixes), np.int64)
    rows = np.ascontiguousarray(prefixes).view(f"V{width}").reshape(-1)
    some, places = np.unique(rows, return_inverse=True)
    return [row.tobytes() for row in some], places
