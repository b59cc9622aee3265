"""What a connection carried -> text, hex, raw bytes."""

import codecs
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from ..diagnoses.base import frame_list
from ..flow_columns import SIDES
from ..flow_view import Flow
from ..streams import Chunk, Conflict, Conversation, Copy, Gap, Lost
from ..units import plural, printable, relative

WIDTH: Final = 80
INDENT: Final = "  "
"""Before each line of text: what stands at the margin is ours, whatever the text says."""
ROW: Final = 16  # bytes of a line in hex
NOTES_MOST: Final = 20  # of each kind and side

_GAPS: Final = {
    Lost.NOT_CAPTURED: "not captured",
    Lost.NEVER_ACKNOWLEDGED: "neither captured nor acknowledged",
    Lost.UNKNOWN: "missing: sent or not, no acknowledgement was captured that could tell",
    Lost.SNAPPED: "cut off by the snap length",
}
_KEPT: Final = {
    Copy.FIRST: "kept is the first",
    Copy.SECOND: "kept is the second",
    Copy.UNKNOWN: "which one is kept is not known",
}


class Limited:
    """Chunks until so many bytes were given; `more`: there would have been more."""

    def __init__(self, chunks: Iterable[Chunk], limit: int | None) -> None:
        self._chunks = chunks
        self._room = limit
        self.more = False

    def __iter__(self) -> Iterator[Chunk]:
        for chunk in self._chunks:
            if self._room is not None and chunk.data is not None:
                if self._room < chunk.length:
                    self.more = True
                    if self._room:
                        yield chunk._replace(data=chunk.data[: self._room], length=self._room)
                    return
                self._room -= chunk.length
            yield chunk


def heading(flow: Flow) -> str:
    """The line above all."""
    return f"stream {flow.number}: client {flow.client}, server {flow.server}"


def text(chunks: Iterable[Chunk], first_ts_ns: int) -> Iterator[str]:
    """Pieces of text that a terminal can show: no control characters, what is no UTF-8 as `\\xNN`."""
    writers = {side: _Text() for side in SIDES}
    side = ""
    for chunk in _gaps_together(chunks):
        if chunk.side != side:
            if side:
                yield writers[side].end() + "\n"
            side = chunk.side
            yield _turn(chunk, first_ts_ns)
        if chunk.data is None:
            yield writers[side].end() + f"{_missing(chunk)}\n"
        else:
            yield writers[side].add(chunk.data)
    if side:
        yield writers[side].end()


def hex(chunks: Iterable[Chunk], first_ts_ns: int) -> Iterator[str]:
    """Lines as of `hexdump -C`: offset in the stream, 16 bytes, the same as ASCII. Each segment begins a line."""
    side = ""
    for chunk in _gaps_together(chunks):
        if chunk.side != side:
            yield ("\n" if side else "") + _turn(chunk, first_ts_ns)
            side = chunk.side
        if chunk.data is None:
            yield f"{_missing(chunk)}\n"
            continue
        lines = []
        for at in range(0, chunk.length, ROW):
            row = chunk.data[at : at + ROW]
            pairs = f"{row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}"
            lines.append(f"{chunk.offset + at:08x}  {pairs}  {_ascii(row)}\n")
        yield "".join(lines)


def raw(chunks: Iterable[Chunk], files: Mapping[str, BinaryIO]) -> None:
    """Write the bytes of each side to its file, gaps left out."""
    for chunk in chunks:
        if chunk.data is not None:
            files[chunk.side].write(chunk.data)


def notes(conversation: Conversation, sides: Iterable[str] = SIDES) -> Iterator[str]:
    """Lines about what the streams do not show by themselves: conflicts, urgent data, what was left out."""
    for side in sides:
        lines = list(_conflicts(conversation.conflicts(side)))
        lines += [f"urgent data end with byte {at:,} [{frame}]" for at, frame in conversation.urgent(side)]
        left_out = conversation.left_out(side).items()
        rest = [f"left out, no part of the stream: {plural(size, 'byte')} {why}" for why, size in left_out]
        if len(lines) > NOTES_MOST:
            rest.append(f"and {len(lines) - NOTES_MOST:,} more notes")
        for line in lines[:NOTES_MOST] + rest:
            yield from textwrap.wrap(f"{side}: {line}", WIDTH, subsequent_indent=INDENT)


def missing(gaps: Iterable[Gap]) -> str:
    """How much is missing, in words; empty: nothing."""
    found = list(gaps)
    if not found:
        return ""
    total = plural(sum(gap.length for gap in found), "byte")
    return f"{total} in {plural(len(found), 'gap')}, the first after {plural(found[0].offset, 'byte')}"


class _Text:
    """Text of one side, line by line."""

    def __init__(self) -> None:
        self._open = False  # in a line
        self._kept = ""
        self._begin()

    def add(self, data: bytes) -> str:
        """What to print for these bytes."""
        return self._lines(self._kept + self._decoder.decode(data))

    def end(self) -> str:
        """What is left, and an end of its line."""
        rest = self._lines(self._kept + self._decoder.decode(b"", final=True) + "\n" * self._open, final=True)
        self._begin()
        rest += "\n" * self._open
        self._open = False
        return rest

    def _begin(self) -> None:
        self._kept = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def _lines(self, decoded: str, *, final: bool = False) -> str:
        self._kept = "\r" if decoded.endswith("\r") and not final else ""  # its \n may be in the next segment
        shown = []
        for number, line in enumerate(decoded.removesuffix(self._kept).replace("\r\n", "\n").split("\n")):
            if number:
                shown.append("\n")
                self._open = False
            if line:
                shown.append(("" if self._open else INDENT) + "\t".join(map(printable, line.split("\t"))))
                self._open = True
        return "".join(shown)


def _turn(chunk: Chunk, first_ts_ns: int) -> str:
    return f"{chunk.side}, frame {chunk.frame}, {relative(chunk.ts_ns - first_ts_ns)}\n"


def _missing(chunk: Chunk) -> str:
    assert chunk.why is not None
    return f"[{plural(chunk.length, 'byte')} {_GAPS[chunk.why]}]"


def _conflicts(conflicts: Iterable[Conflict]) -> Iterator[str]:
    """A line each; a range that was sent again and again with other contents than at first has one."""
    alike: dict[Conflict, list[int]] = {}
    for conflict in conflicts:
        alike.setdefault(conflict._replace(second_frame=0), []).append(conflict.second_frame)
    for conflict, frames in alike.items():
        last = conflict.offset + conflict.length - 1
        where = f"byte {conflict.offset:,}" if conflict.length == 1 else f"bytes {conflict.offset:,} to {last:,}"
        came = "" if conflict.kept is not Copy.FIRST or conflict.certain else ", if it came"
        contents = f"sent with two contents, [{conflict.first_frame}] and {frame_list(frames)}"
        yield f"{where} {contents}; {_KEPT[conflict.kept]}{came}: {conflict.rule}"


def _gaps_together(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """The same chunks, gaps that touch as one."""
    gap: Chunk | None = None
    for chunk in chunks:
        if gap is not None and chunk.side == gap.side and chunk.why is gap.why:
            gap = gap._replace(length=gap.length + chunk.length)
            continue
        if gap is not None:
            yield gap
        gap = chunk if chunk.data is None else None
        if gap is None:
            yield chunk
    if gap is not None:
        yield gap


def _ascii(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
