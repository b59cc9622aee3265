"""Where the tests find captures: the project's own, and the larger set that may lie beside the repository."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIXTURES = ROOT / "fixtures"
SHARED = ROOT.parent / "shared"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"the larger set of captures is not there: {SHARED.name}/ beside the repository"
)


def capture_files(folder: Path) -> list[Path]:
    """Every pcap and pcapng file below `folder`, sorted; none where the folder is absent."""
    return sorted(path for path in folder.rglob("*") if path.suffix in (".pcap", ".pcapng"))
