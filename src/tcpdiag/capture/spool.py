"""A copy of standard input in a temporary file, so that it can be read again."""

import tempfile


class Spool:
    """A file that is deleted when it is closed. It takes at most `limit` bytes, None: all, and drops the rest.

    A disk that is full ends the copy, not the analysis: `is_whole` tells.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._file = tempfile.NamedTemporaryFile(prefix="tcpdiag-")  # noqa: SIM115 - lives as long as the spool
        self.name = self._file.name
        self._room = limit
        self.is_whole = True

    def write(self, data: bytes | memoryview) -> int:
        """Keep the bytes that there is room for; the count is that of all of them."""
        if self.is_whole:
            kept = data if self._room is None else data[: self._room]
            try:
                self._file.write(kept)
            except OSError:
                self.is_whole = False
            else:
                self.is_whole = len(kept) == len(data)
            if self._room is not None:
                self._room -= len(kept)
        return len(data)

    def flush(self) -> None:
        """Let readers of the file see all of it."""
        try:
            self._file.flush()
        except OSError:
            self.is_whole = False

    def close(self) -> None:
        """Delete the file."""
        try:
            self._file.close()
        except OSError:
            self.is_whole = False
