"""Streams as people ask for them: chunks of one direction, or of both in the order in which they were complete."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from ..again import parts
from ..capture.reader import Progress
from ..errors import UsageError
from ..flow_columns import SIDES
from ..model.tables import Tables
from ..units import plural
from .chunk import Chunk, Conflict, Gap, Lost, Urgent
from .direction import Direction
from .pieces import Run
from .reassembly import Item, reassembly_of

READ_MOST: Final = 256 << 20
"""Bytes that `read` gives at most when nothing else is said."""


class Conversation:
    """The bytes that a connection carried. Iterating reads the capture again and yields chunks of both directions.

    They come as they are complete: in order, and after what the other side had sent before. So does Wireshark's
    "Follow TCP stream". Nothing is kept but text that came too early, at most `held.HELD_BYTES` of a direction, and
    the last `pieces.HISTORY_BYTES`, to be compared with what is sent again.

    A gap is told when the receiver has acknowledged all of it and then sends text, or 3 ms later it is still there:
    captures of several interfaces are out of order. Else when more than HELD_BYTES would have to be held, or at the
    end, where what came behind it is shown too. Text that comes later than its gap was told is left out.

    Where a range was sent with two contents the stream has the copy that the receiver's stack keeps, as far as its
    profile says; `conflicts` has both frames and the rule. Urgent data stay in the stream, and so does text in a SYN
    (TCP Fast Open). No part of it: SYN and FIN, the byte of a keepalive probe, text of a RST, text farther ahead than
    any window, text with a wrong checksum that nobody acknowledged, and without a SYN what was sent before the first
    segment that was captured. `left_out` counts them.
    """

    def __init__(
        self,
        tables: Tables,
        stream: int,
        paths: Sequence[str],
        *,
        sides: Sequence[str] = SIDES,
        on_progress: Progress | None = None,
    ) -> None:
        """sides: only what these sent. Raises UsageError for another one, and for redacted tables."""
        for side in sides:
            if side not in SIDES:
                raise UsageError(f"no side {side!r}: {', '.join(SIDES)}")
        if tables.captured is not None:
            raise UsageError("what connections carried cannot be redacted: ask the report that is not")
        self._tables = tables.whole("what a connection carried")
        self._number = stream
        self._paths = paths
        client = int(tables.client_side[stream])
        self._names = SIDES if client == 0 else SIDES[::-1]
        self._wanted = tuple(name in sides for name in self._names)
        self._progress = on_progress
        self._done: tuple[Direction, ...] | None = None

    def __iter__(self) -> Iterator[Chunk]:
        """Raises UsageError when the capture cannot be read twice."""
        for item in self._items():
            if isinstance(item, Run):
                yield from self._chunks(item)
            else:
                name = self._names[item.side]
                yield Chunk(item.begin, item.data, item.end - item.begin, item.ts_ns, item.frame, name, item.why)

    def text(self) -> Iterator[bytes]:
        """The bytes alone, in larger pieces: faster than chunks. Of both directions they are mixed."""
        for item in self._items():
            text = item.text if isinstance(item, Run) else item.data
            if text:
                yield text

    def gaps(self, side: str) -> tuple[Gap, ...]:
        """What is missing of this side's text. Reads the capture, unless iterating came to its end already."""
        return self._of(side).gaps.merged()

    def conflicts(self, side: str) -> tuple[Conflict, ...]:
        """What this side sent with two contents."""
        return tuple(self._of(side).conflicts)

    def urgent(self, side: str) -> tuple[Urgent, ...]:
        """Where its urgent pointers point to; urgent data stay in the stream, as Wireshark shows them."""
        return tuple(self._of(side).urgent)

    def left_out(self, side: str) -> dict[str, int]:
        """Bytes that are no part of the stream, by the reason."""
        return {why: size for why, size in self._of(side).left_out.items() if size}

    def _of(self, side: str) -> Direction:
        if self._done is None:
            for _ in self._items():
                pass
        assert self._done is not None
        return self._done[self._names.index(side)]

    def _items(self) -> Iterator[Item]:
        reassembly = reassembly_of(self._tables, self._number, (self._wanted[0], self._wanted[1]))
        wanted = np.array([self._number])
        for part in parts(self._tables, self._paths, wanted, on_progress=self._progress):
            if len(part.rows):
                yield from reassembly.feed(part.rows, part.sides, part.batch.buffer)
        yield from reassembly.finish()
        self._done = reassembly.directions

    def _chunks(self, run: Run) -> Iterator[Chunk]:
        text, names = run.text, self._names
        for offset, ts_ns, at, length, captured, frame, side in run.rows.tolist():
            if captured:
                yield Chunk(offset, text[at : at + captured], captured, ts_ns, frame, names[side])
            if captured < length:
                yield Chunk(offset + captured, None, length - captured, ts_ns, frame, names[side], Lost.SNAPPED)


class Stream:
    """What one side of a connection sent. Iterating reads the capture again and yields its chunks in order.

    What is held and what is left out: see `Conversation`.
    """

    def __init__(
        self, tables: Tables, stream: int, paths: Sequence[str], side: str, *, on_progress: Progress | None = None
    ) -> None:
        """side: the sender, "client" or "server". Raises UsageError for another one, and for redacted tables."""
        self.side = side
        self._name = f"stream {stream}"
        self._conversation = Conversation(tables, stream, paths, sides=[side], on_progress=on_progress)

    def __repr__(self) -> str:
        return f"<Stream: what the {self.side} of {self._name} sent>"

    def __iter__(self) -> Iterator[Chunk]:
        return iter(self._conversation)

    def __bytes__(self) -> bytes:
        """All of it, gaps left out. Raises UsageError for more than READ_MOST bytes: iterate, or `read(limit)`."""
        data = self.read(READ_MOST + 1)
        if len(data) > READ_MOST:
            raise UsageError(f"more than {plural(READ_MOST, 'byte')}: iterate, or read(limit)")
        return data

    def read(self, limit: int = READ_MOST) -> bytes:
        """The first `limit` bytes that were captured, gaps left out: see `gaps`."""
        found, room = [], limit
        for text in self._conversation.text():
            if room <= 0:
                break
            found.append(text[:room])
            room -= len(text)
        return b"".join(found)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing, and why. Reads the capture, unless iterating came to its end already."""
        return self._conversation.gaps(self.side)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Ranges that were sent with two contents, and which of them the receiver's stack keeps."""
        return self._conversation.conflicts(self.side)

    @property
    def urgent(self) -> tuple[Urgent, ...]:
        """Where urgent pointers point to; urgent data stay in the stream."""
        return self._conversation.urgent(self.side)

    @property
    def left_out(self) -> dict[str, int]:
        """Bytes that are no part of the stream, by the reason."""
        return self._conversation.left_out(self.side)
