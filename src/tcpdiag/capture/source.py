"""Bytes of one input, decompressed: a file, a FIFO or standard input.

Compression is told by the first bytes, never by the name. Decompression streams: no more than CHUNK bytes of output
are asked for at once, so that a small file that unpacks to a huge one costs time, not memory.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from ..errors import UnreadableInput

CHUNK: Final = 1 << 18
ZSTD_CHUNK: Final = 1 << 9
"""Compressed bytes given to zstd at once: its decoder takes no output limit, and one block of 4 bytes can unpack to
128 KiB (RFC 8878 section 3.1.1.2)."""
WINDOW_LIMIT: Final = 1 << 27
"""Memory that an xz or zstd header may claim for the decoder's window: what both tools' highest presets need."""

STDIN_FD: Final = 0
MAGIC_BYTES: Final = 8
MAGIC: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
)


class Copy(Protocol):
    """What takes a copy of all bytes that are read."""

    def write(self, data: bytes | memoryview, /) -> int: ...


class Decompressor(Protocol):
    """One compressed frame or member; a file may hold several after each other."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def compression_of(head: bytes) -> str | None:
    """The compression whose magic bytes `head` begins with."""
    if len(head) >= 4 and head[0] & 0xF0 == 0x50 and head[1:4] == b"\x2a\x4d\x18":
        return "zstd"  # a skippable frame (RFC 8878 section 3.1.2), as parallel compressors write
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


class _Gzip:
    """zlib's decoder with the interface of the others: input that was not consumed is kept."""

    def __init__(self) -> None:
        import zlib

        self._decoder = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


class _Zstd:
    """zstandard's decoder, which takes no output limit: fed with little input instead, see ZSTD_CHUNK."""

    def __init__(self) -> None:
        import zstandard

        self._decoder = zstandard.ZstdDecompressor(max_window_size=WINDOW_LIMIT).decompressobj()
        self._pending = b""

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return (self._decoder.unused_data or b"") + self._pending

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data = self._pending + data
        out = b""
        at = 0
        while not out and at < len(data) and not self._decoder.eof:
            out = self._decoder.decompress(data[at : at + ZSTD_CHUNK])
            at += ZSTD_CHUNK
        self._pending = data[at:]
        return out


def _decompressor(compression: str) -> Decompressor:
    if compression == "gzip":
        return _Gzip()
    if compression == "zstd":
        return _Zstd()
    if compression == "xz":
        import lzma

        return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=WINDOW_LIMIT)
    if compression == "bzip2":
        import bz2

        return bz2.BZ2Decompressor()
    from lz4.frame import LZ4FrameDecompressor

    decoder: Decompressor = LZ4FrameDecompressor()
    return decoder


class Source:
    """An input opened for reading. `path` "-" is standard input.

    `size` is the number of bytes on disk, None where it cannot be known; `consumed` how many of them were read;
    `fault` tells, after the end, what is wrong with the compressed stream. `copy_to` gets all bytes as they are read.
    Raises UnreadableInput when it cannot be opened.
    """

    def __init__(self, path: str, *, rewindable: bool = False, copy_to: Copy | None = None) -> None:
        self.path = path
        self.name = "standard input" if path == "-" else path
        self._raw: _Raw = self._guarded(lambda: _Raw(path, rewindable, copy_to))
        self._restart = False
        self.size: int | None = self._raw.size
        self._start()

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except OSError as error:
            raise UnreadableInput(f"{self.name}: {error.strerror or error}") from None

    def _start(self) -> None:
        self.fault: str | None = None
        self._head: bytes = self._guarded(lambda: self._raw.at_least(MAGIC_BYTES))
        self.compression: str | None = compression_of(self._head)
        self._decoder = _decompressor(self.compression) if self.compression else None
        self._out = memoryview(b"")
        self._ended = False

    @property
    def consumed(self) -> int:
        """Bytes taken from the disk or pipe so far."""
        return self._raw.consumed

    def rewind(self) -> None:
        """Begin again at the first byte; only for what was opened `rewindable`. A regular file is closed until it is
        read again, so that thousands may wait; of a pipe, what was read is replayed."""
        self._raw.rewind()
        self._restart = True

    def readinto(self, target: memoryview) -> int:
        """Fill `target` as far as the input goes; fewer bytes than it holds: the end."""
        if self._restart:
            self._restart = False
            self._start()
        done = 0
        while done < len(target):
            count = self._some(target[done:])
            if not count:
                break
            done += count
        return done

    def _some(self, target: memoryview) -> int:
        if self._decoder is None:
            return self._plain(target)
        while not self._out and not self._ended:
            self._decompress()
        count = min(len(target), len(self._out))
        target[:count] = self._out[:count]
        self._out = self._out[count:]
        return count

    def _plain(self, target: memoryview) -> int:
        if self._head:
            count = min(len(target), len(self._head))
            target[:count] = self._head[:count]
            self._head = self._head[count:]
            return count
        try:
            return self._raw.readinto(target)
        except OSError as error:
            self.fault = f"cannot be read further: {error.strerror or error}"
            return 0

    def _decompress(self) -> None:
        """Get the next piece of output, or the end with its fault."""
        assert self._decoder is not None
        try:
            if self._decoder.eof:
                self._next_member()
                return
            data, self._head = self._head, b""
            out = self._decoder.decompress(data, CHUNK)
            if not out and not self._decoder.eof:
                self._head = self._raw.read(CHUNK)
                if not self._head:
                    self.fault = f"the {self.compression} stream ends early"
                    self._ended = True
            self._out = memoryview(out)
        except MemoryError:
            self._fail("needs too much memory")
        except OSError as error:
            self._fail(error.strerror or str(error))
        except Exception as error:  # each codec has its own class; all mean damaged input
            self._fail(str(error))

    def _next_member(self) -> None:
        assert self._decoder is not None
        rest = (self._decoder.unused_data or b"") + self._head
        if len(rest) < MAGIC_BYTES:
            rest += self._raw.at_least(MAGIC_BYTES)
        # gzip and xz files may be padded with zeros.
        while rest and not rest.lstrip(b"\0"):
            rest = self._raw.at_least(MAGIC_BYTES)
        rest = rest.lstrip(b"\0")
        self._head = b""
        if not rest:
            self._ended = True
        elif compression_of(rest) != self.compression:
            self._fail("bytes after its end that are no further stream")
        else:
            assert self.compression is not None
            self._head = rest
            self._decoder = _decompressor(self.compression)

    def _fail(self, reason: str) -> None:
        self.fault = f"the {self.compression} stream is damaged: {' '.join(reason.split())}"
        self._ended = True

    def close(self) -> None:
        """Let the input go."""
        self._raw.close()


class _Raw:
    """Bytes as stored. A regular file can be closed and reopened; of a pipe, what was read is kept for `rewind`."""

    def __init__(self, path: str, rewindable: bool, copy_to: Copy | None) -> None:
        self._path = path
        self._copy_to = copy_to
        self._fd = -1
        self._kept: list[bytes] | None = None
        self._replay = b""
        self.consumed = 0
        self._open()
        mode = os.fstat(self._fd)
        if stat.S_ISDIR(mode.st_mode):
            self.close()
            raise IsADirectoryError(None, "is a directory")
        self._regular = stat.S_ISREG(mode.st_mode) and path != "-"
        self.size = mode.st_size if self._regular else None
        if rewindable and not self._regular:
            self._kept = []

    def _open(self) -> None:
        self._fd = STDIN_FD if self._path == "-" else os.open(Path(self._path), os.O_RDONLY | _BINARY)

    def readinto(self, target: memoryview) -> int:
        if self._replay or self._kept is not None:
            data = self.read(len(target))
            target[: len(data)] = data
            return len(data)
        if self._fd < 0:
            self._open()
        count = os.readv(self._fd, [target]) if _HAS_READV else self._read_copy(target)
        self.consumed += count
        if self._copy_to is not None:
            self._copy_to.write(target[:count])
        return count

    def _read_copy(self, target: memoryview) -> int:
        data = os.read(self._fd, len(target))
        target[: len(data)] = data
        return len(data)

    def read(self, count: int) -> bytes:
        if self._replay:
            data, self._replay = self._replay[:count], self._replay[count:]
        else:
            if self._fd < 0:
                self._open()
            data = os.read(self._fd, count)
            if self._copy_to is not None:
                self._copy_to.write(data)
        self.consumed += len(data)
        if self._kept is not None:
            self._kept.append(data)
        return data

    def at_least(self, count: int) -> bytes:
        """`count` bytes or some more; fewer only at the end. A pipe hands out what its writer wrote so far."""
        data = b""
        while len(data) < count:
            more = self.read(CHUNK)
            if not more:
                break
            data += more
        return data

    def rewind(self) -> None:
        if self._regular:
            self.close()
        elif self._kept is not None:
            self._replay = b"".join(self._kept) + self._replay
            self._kept = None
        self.consumed = 0

    def close(self) -> None:
        if self._fd >= 0 and self._path != "-":
            os.close(self._fd)
        self._fd = -1


_BINARY: Final = getattr(os, "O_BINARY", 0)
_HAS_READV: Final = hasattr(os, "readv")
