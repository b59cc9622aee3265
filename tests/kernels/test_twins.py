"""The compiled kernels and the same text uncompiled give the same rows, and no compiled one is older than its text."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import FIXTURES, ROOT, SHARED
from tcpdiag import kernels
from tcpdiag.capture.decoder import Decoder
from tcpdiag.capture.reader import Reader
from tcpdiag.flows.tracker import Tracker

KERNELS = Path(kernels.__file__).parent
TEXTS = sorted(
    path for path in (KERNELS.parent / "seqnum.py", *KERNELS.glob("*.py")) if path.with_suffix(".pxd").exists()
)

CAPTURES = [
    *(FIXTURES / name / "capture.pcap" for name in ("cwreuse-loop-default", "halfclose", "simopen", "simclose", "tfo")),
    *(FIXTURES / name / "capture.pcap" for name in ("keepalive-unanswered", "synfail-refused", "inject-rst-inwindow")),
    *(FIXTURES / name / "capture.pcap" for name in ("derived-dup-http", "derived-cutfile-http", "derived-snap68-loss")),
    FIXTURES / "office" / "office.pcap",
    *(
        SHARED / "public" / name
        for name in (
            "tcpdump/geneve.pcap",
            "tcpdump/pptp.pcap",
            "tcpdump/of13_ericsson.pcapng",
            "zeek/link/nflog-http.pcap",
            "zeek/tunnels/vxlan-encapsulated-http.pcap",
            "zeek/tunnels/gre-within-gre.pcap",
            "zeek/tcp/ssh-dups.pcap",
        )
    ),
]


def rows_of(capture: Path, which: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """All that the three compiled steps make of a capture, by the kernels of one kind."""
    monkeypatch.setenv("TCPDIAG_KERNELS", which)
    decoder, tracker = Decoder(), Tracker()
    records, segments = [], []
    with Reader([capture]) as reader:
        for batch in reader:
            records.append(batch.records.copy())
            rows = decoder.decode(batch)
            segments.append(rows.copy())
            tracker.feed(rows)
    tables = tracker.finish(reader.files, decoder.tunnels)
    return {
        "records": np.concatenate(records),
        "segments": np.concatenate(segments),
        "undecoded": decoder.undecoded(0),
        "tunnels": decoder.tunnels,
        "files": reader.files,
        **{name: getattr(tables, name) for name in ("flows", "endpoints", "details", "events")},
    }


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_compiled_and_uncompiled_give_the_same_rows(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not capture.exists():
        pytest.skip(f"not there: {capture.name} of the larger set")
    native, python = (rows_of(capture, which, monkeypatch) for which in ("native", "python"))
    assert len(native["records"])
    for name, rows in native.items():
        if isinstance(rows, np.ndarray):
            assert rows.dtype == python[name].dtype
            assert rows.tobytes() == python[name].tobytes(), name
        else:
            assert rows == python[name], name


@pytest.mark.skipif(ROOT / "src" not in KERNELS.parents, reason="installed elsewhere: built from this very text")
@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.stem)
def test_no_compiled_kernel_is_older_than_its_text(text: Path) -> None:
    built = [path for suffix in (".so", ".pyd") for path in text.parent.glob(f"{text.stem}.*{suffix}")]
    if not built:
        pytest.skip(f"{text.stem} is not compiled here")
    declared = text.with_suffix(".pxd").read_text()
    imported = [KERNELS / f"{name}.pxd" for name in re.findall(r"tcpdiag\.kernels\.(\w+) cimport", declared)]
    newest = max([text, text.with_suffix(".pxd"), *imported], key=lambda path: path.stat().st_mtime)
    stale = [path.name for path in built if path.stat().st_mtime < newest.stat().st_mtime]
    assert stale == [], f"build it again, {newest.name} is newer"


@pytest.mark.parametrize("name", ["index", "decode", "walk"])
def test_the_steps_ask_for_the_compiled_kernel(name: str) -> None:
    assert kernels.is_native(kernels.load(name))
