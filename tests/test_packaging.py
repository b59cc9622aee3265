"""What a stranger meets: the README's commands, the compiled kernels, the floors."""

import importlib
import json
import os
import re
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import tcpdiag
from places import ROOT
from tcpdiag import config
from tcpdiag.diagnoses import DIAGNOSES
from tcpdiag.reports.manual import headline

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = {module["name"]: module["sources"][0] for module in PROJECT["tool"]["setuptools"]["ext-modules"]}
SOURCE = ROOT / "src" / "tcpdiag"
INSTALLED = Path(tcpdiag.__file__).parent


def block(heading: str) -> list[str]:
    """Lines of the only fenced block in a section of the README."""
    section = (ROOT / "README.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert [language for language, _ in blocks] == ["sh"]
    return blocks[0][1].splitlines()


@pytest.mark.parametrize(
    ("heading", "ends"),
    [("Run it", "tcpdiag analyze fixtures/office/office.pcap"), ("Test it", "lint-imports")],
)
def test_readme_commands_are_one_line_from_a_fresh_clone(heading: str, ends: str) -> None:
    (line,) = block(heading)
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert line.endswith(ends)


def between(start: str, end: str, expected: str, request: pytest.FixtureRequest) -> str:
    """What the README has between two marks; with --update-golden, what it should have is put there first."""
    path = ROOT / "README.md"
    before, _, rest = path.read_text().partition(start)
    found, _, after = rest.partition(end)
    if request.config.getoption("--update-golden"):
        path.write_text(before + start + expected + end + after)
        return expected
    return found


def test_readme_lists_every_diagnosis(request: pytest.FixtureRequest) -> None:
    rows = [f"| `{diagnosis.kind}` | {headline(diagnosis)} |" for diagnosis in DIAGNOSES]
    expected = "\n".join(["| kind | meaning |", "|---|---|", *rows])
    start, end = "## What it looks for\n\n", "\n\n`tcpdiag explain KIND`"
    assert between(start, end, expected, request) == expected


def test_readme_shows_the_real_output_for_the_fixture(request: pytest.FixtureRequest) -> None:
    expected = tcpdiag.analyze(ROOT / "fixtures" / "office" / "office.pcap").to_text()
    start = "$ tcpdiag analyze fixtures/office/office.pcap\n"
    assert between(start, "```\n", expected, request) == expected


def fenced(language: str) -> str:
    """The README's only fenced block in this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_readme_uses_the_library_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("office.pcap").write_bytes((ROOT / "fixtures" / "office" / "office.pcap").read_bytes())
    exec(compile(fenced("python"), "README.md", "exec"), {})
    assert Path("report.md").read_text().startswith("# office.pcap")


def test_readme_shows_a_finding_with_the_keys_that_it_has() -> None:
    definition = json.loads((SOURCE / "reports" / "schema.json").read_text())["$defs"]["finding"]
    assert set(json.loads(fenced("json"))) == set(definition["required"])


def test_readme_configuration_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(fenced("toml"))
    tcpdiag.analyze(ROOT / "fixtures" / "office" / "office.pcap", config=config.load(path))


@pytest.mark.parametrize("name", MODULES)
def test_kernel_is_compiled_and_not_older_than_its_source(name: str) -> None:
    source = ROOT / MODULES[name]
    compiled = Path(str(importlib.import_module(name).__file__))
    assert str(compiled).endswith(tuple(EXTENSION_SUFFIXES)), "not compiled: install again"
    for text in (source, source.with_suffix(".pxd")):
        if text.exists():
            assert compiled.stat().st_mtime >= text.stat().st_mtime - 2, f"{compiled.name} is older than {text.name}"


def test_every_text_that_is_written_for_the_compiler_is_compiled() -> None:
    written = {path for path in [SOURCE / "seqnum.py", *(SOURCE / "kernels").glob("*.py")] if _imports_cython(path)}
    assert written == {ROOT / source for source in MODULES.values()}


def test_the_package_under_test_is_the_one_in_the_repository() -> None:
    theirs = {path.relative_to(INSTALLED): path.read_bytes() for path in _texts(INSTALLED)}
    ours = {path.relative_to(SOURCE): path.read_bytes() for path in _texts(SOURCE)}
    assert sorted(set(ours) - set(theirs)) == []
    assert [str(name) for name in ours if ours[name] != theirs[name]] == []


def test_data_files_are_installed() -> None:
    for name in ("reports/schema.json", "reports/page/report.html", "py.typed", "seqnum.pxd", "kernels/records.pxd"):
        assert (INSTALLED / name).is_file()


def test_continuous_integration_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _imports_cython(path: Path) -> bool:
    return re.search(r"^import cython$", path.read_text(), re.MULTILINE) is not None


def _texts(folder: Path) -> list[Path]:
    return [
        path for pattern in ("*.py", "*.pxd", "*.json", "*.html", "*.css", "*.js") for path in folder.rglob(pattern)
    ]
