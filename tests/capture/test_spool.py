"""The copy of standard input."""

from pathlib import Path

import pytest

from tcpdiag.capture.spool import Spool


def test_all_of_it_is_kept_until_it_is_closed() -> None:
    spool = Spool()
    assert spool.write(b"abc") == 3
    assert spool.write(memoryview(b"def")) == 3
    spool.flush()
    assert Path(spool.name).read_bytes() == b"abcdef"
    spool.close()
    assert not Path(spool.name).exists()


@pytest.mark.parametrize(("limit", "kept", "whole"), [(6, b"abcdef", True), (4, b"abcd", False), (3, b"abc", False)])
def test_a_limit_drops_the_rest(limit: int, kept: bytes, whole: bool) -> None:
    spool = Spool(limit)
    assert [spool.write(data) for data in (b"abc", b"def")] == [3, 3]
    spool.flush()
    assert Path(spool.name).read_bytes() == kept
    assert spool.is_whole is whole


def test_a_full_disk_ends_the_copy_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool()

    def full(data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool._file, "write", full)
    assert spool.write(b"abc") == 3
    assert not spool.is_whole
    spool.flush()
    spool.close()
