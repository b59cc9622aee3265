"""The notebook runs from a clean kernel and shows what it shows in the repository."""

import re
from pathlib import Path
from typing import Any

import pytest

import tcpdiag
from places import ROOT

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

PATH = ROOT / "notebooks" / "first-look.ipynb"


def test_notebook_gives_its_stored_outputs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(tcpdiag.__file__).resolve().parents[1]))  # the kernel starts elsewhere
    stored = nbformat.read(PATH, as_version=4)
    ran = nbformat.read(PATH, as_version=4)
    nbclient.NotebookClient(ran, timeout=60, resources={"metadata": {"path": str(PATH.parent)}}).execute()
    if request.config.getoption("--update-golden"):
        write(ran, PATH)
        stored = ran
    assert [shown(cell) for cell in ran.cells] == [shown(cell) for cell in stored.cells]
    assert any("rst-off-sequence" in text for cell in ran.cells for text in shown(cell))


def write(notebook: Any, path: Path) -> None:
    """Without what differs from run to run, and without the HTML beside the text."""
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            if "data" in output:
                output["data"] = {"text/plain": output["data"]["text/plain"]}
    nbformat.write(notebook, path)


def shown(cell: Any) -> list[str]:
    """The outputs of a cell as plain text; column widths differ from one version of pandas to the next."""
    texts = [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ())]
    return [re.sub(r"\s+", " ", text) for text in texts]
