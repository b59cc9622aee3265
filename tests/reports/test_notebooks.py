"""The notebooks run from a clean kernel and show what they show in the repository."""

import re
from pathlib import Path
from typing import Any, Final

import pytest

import tcpdiag
from places import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

NOTEBOOKS: Final = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
LARGEST: Final = 400_000
"""Bytes that a page still shows at once."""
NEEDED: Final = {
    "first_look": ("rst-off-sequence", "picture"),
    "own_diagnosis": ("requests-unanswered",),
    "story_1_reset": ("rst-off-sequence", "picture"),
    "story_2_close_wait": ("syn-into-close-wait", "picture"),
    "story_3_sawtooth": ("close-wait-sawtooth", "picture"),
    "story_4_leak": ("close-wait-leak", "reader-stopped", "picture"),
    "story_5_heartbeat": ("keepalive-stopped", "picture"),
}
"""What each must show, whatever is stored."""


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_gives_its_stored_outputs(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tcpdiag.__file__).resolve().parents[1]))  # the kernel starts elsewhere
    path = NOTEBOOKS[name]
    ran = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(ran, timeout=60, resources={"metadata": {"path": str(path.parent)}}).execute()
    if request.config.getoption("--update-golden"):
        write(ran, path)
    stored = nbformat.read(path, as_version=4)
    assert [shown(cell) for cell in ran.cells] == [shown(cell) for cell in stored.cells]
    everything = "\n".join(text for cell in ran.cells for text in shown(cell))
    assert [part for part in NEEDED[name] if part not in everything] == []
    assert path.stat().st_size < LARGEST


def test_every_notebook_says_what_it_must_show() -> None:
    assert set(NOTEBOOKS) == set(NEEDED)


def write(notebook: Any, path: Path) -> None:
    """Without what differs from run to run."""
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = re.sub(r"<style.*?</style>\n", "", data["text/html"], flags=re.DOTALL)
    nbformat.write(notebook, path)


def shown(cell: Any) -> list[str]:
    """The outputs of a cell. Of the displays of this package their HTML, of others their plain text: column widths and
    HTML differ from one version of pandas to the next, as do the pixels of a picture from one of matplotlib."""
    return [re.sub(r"\s+", " ", _shown(output)) for output in cell.get("outputs", ())]


def _shown(output: Any) -> str:
    if "text" in output:
        return str(output["text"])
    data = output["data"]
    if 'class="tcpdiag ' in data.get("text/html", ""):
        return str(data["text/html"])
    return f"{'picture ' * ('image/png' in data)}{data['text/plain']}"
