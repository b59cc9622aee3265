"""Other names: for hosts, paths, processes, files and whatever else a report quotes, each by a keyed tag."""

import base64
import hashlib
import secrets
from functools import cached_property
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from .. import units
from ..errors import UsageError
from ..units import file_name
from .fields import Fields
from .prefixes import Prefixes

KEY_MIN: Final = 16
"""Bytes: a shorter key can be found by trying."""
KEY_MAX: Final = 4096
TAG: Final = 5  # bytes, 8 letters: of a thousand names no two are likely (1 in 2,000,000) to become one
CUT: Final = "..."
SUFFIXES: Final = frozenset((".pcap", ".pcapng", ".cap", ".gz", ".zst", ".xz", ".bz2", ".lz4", ".txt"))
"""What a file name may end in without telling anything."""


def new_key() -> bytes:
    """A random key."""
    return secrets.token_bytes(32)


def read_key(path: Path) -> bytes:
    """The bytes of a file. Raises UsageError when it cannot be read, or is too short or too long for a key."""
    try:
        with path.open("rb") as stream:
            key = stream.read(KEY_MAX + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if not KEY_MIN <= len(key) <= KEY_MAX:
        raise UsageError(f"{path}: a key has {KEY_MIN} to {KEY_MAX} bytes: head -c 32 /dev/urandom > {path}")
    return key


class Redactor:
    """All replacements of one key. None: a new random key, which nobody is told. Raises UsageError for a short one."""

    def __init__(self, key: bytes | None = None) -> None:
        given = new_key() if key is None else key
        if len(given) < KEY_MIN:
            raise UsageError(f"the key for redaction must have {KEY_MIN} bytes or more")
        self._key = hashlib.blake2b(given, person=b"tcpdiag key").digest()
        self.addresses = Prefixes(self._key)
        self.fields = Fields(self._key)

    def __repr__(self) -> str:
        return "<Redactor>"

    def tag(self, kind: str, text: str) -> str:
        """Eight letters and digits that stand for this text."""
        data = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(data, key=self._key, person=b"tcpdiag name", digest_size=TAG).digest()
        return base64.b32encode(digest).decode().lower()

    def address(self, text: str) -> str:
        """Another address, in the same spelling; a tag for what is none."""
        if text not in self._known:
            self._known[text] = self._address(text)
        return self._known[text]

    def end(self, text: str) -> str:
        """`10.0.0.1:80` with another address, or an address alone. Raises UsageError for anything else."""
        host, colon, port = text.rpartition(":")
        if colon and port.isascii() and port.isdigit() and (host.startswith("[") or ":" not in host):
            units.parse_address(host)
            inside = self.address(host.strip("[]"))
            return f"[{inside}]:{port}" if ":" in inside else f"{inside}:{port}"
        units.parse_address(text)
        return self.address(text.strip("[]"))

    def host(self, name: str) -> str:
        """`host-k3v9x2ab.example` (RFC 2606); an address, with or without a port, as an address."""
        try:
            return self.end(name)
        except UsageError:
            return f"host-{self.tag('host', name.lower().rstrip('.'))}.example"

    def path(self, path: str) -> str:
        """The path of a request, part by part: what is below the same folder still is."""
        cut = CUT if path.endswith(CUT) else ""
        parts = path.removesuffix(CUT).split("/")
        return "/".join(self.tag("path", part) if part not in ("", "*") else part for part in parts) + cut

    def process(self, name: str) -> str:
        """`process-k3v9x2ab`."""
        return f"process-{self.tag('process', name)}"

    def word(self, text: str) -> str:
        """Anything else that was quoted."""
        return f"text-{self.tag('text', text)}"

    def file(self, path: str) -> str:
        """`file-k3v9x2ab.pcap.gz`: without its folder, whatever that is; standard input stays `-`."""
        if path == "-":
            return path
        name = file_name(path)
        suffixes = []
        for suffix in reversed(PurePath(name).suffixes):
            if suffix.lower() not in SUFFIXES:
                break
            suffixes.append(suffix.lower())
        return f"file-{self.tag('file', name)}{''.join(reversed(suffixes))}"

    @cached_property
    def _known(self) -> dict[str, str]:
        return {}

    def _address(self, text: str) -> str:
        try:
            family, hi, lo = units.parse_address(text)
        except UsageError:
            return self.word(text)
        other = self.addresses(np.array([family]), np.array([hi], np.uint64), np.array([lo], np.uint64))
        return units.address(family, int(other[0][0]), int(other[1][0]))
