"""The README's pictures show what its commands draw now. --update-golden draws them anew."""

import hashlib
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import tcpdiag
from places import FIXTURES, ROOT
from reports.browser import chromium
from tcpdiag.cli.app import app

README: Final = (ROOT / "README.md").read_text()
FIGURES: Final = {
    line.rpartition(" ")[2]: line for line in README.splitlines() if re.search(r"^tcpdiag plot .* docs/\w+\.svg$", line)
}
"""Name of the file -> the command that draws it."""
REPORT: Final = ROOT / "docs" / "report.png"
REPORT_OF: Final = "sha256 of the text"
"""Name of the text inside of the picture that tells which report it shows."""


@pytest.mark.parametrize("name", FIGURES)
def test_figure_has_the_text_that_its_command_writes_now(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text, which all versions of matplotlib write alike: titles, labels, numbers on the axes, frames."""
    monkeypatch.chdir(ROOT)
    drawn = ROOT / name if request.config.getoption("--update-golden") else tmp_path / "drawn.svg"
    done = CliRunner().invoke(app, [*shlex.split(FIGURES[name])[1:-1], str(drawn)])
    assert done.exit_code == 0, done.output
    assert texts(ROOT / name) == texts(drawn)


def test_picture_of_the_report_shows_what_the_report_says_now(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    report = tcpdiag.analyze(FIXTURES / "office" / "office.pcap")
    told = digest(report.to_html(figures=False))
    if request.config.getoption("--update-golden") and chromium.installed():
        report.save(tmp_path / "report.html")
        photograph(tmp_path / "report.html", told)
    with image.open(REPORT) as picture:
        assert picture.text[REPORT_OF] == told


def test_every_picture_of_the_readme_is_there_and_described() -> None:
    pictures = re.findall(r"!\[(.*?)\]\((.*?)\)", README)
    assert sorted(path for _, path in pictures) == sorted((*FIGURES, "docs/report.png"))
    for words, path in pictures:
        assert len(words) > 20
        assert (ROOT / path).stat().st_size < 300_000


def texts(svg: Path) -> list[str]:
    """All texts of a picture, in order."""
    return [
        " ".join("".join(element.itertext()).split())
        for element in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def digest(page: str) -> str:
    """Of the words of a page, without its style, script and figures."""
    words = re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]*>", " ", page, flags=re.DOTALL)
    return hashlib.sha256(" ".join(words.split()).encode()).hexdigest()


def photograph(page: Path, told: str) -> None:
    """The first screen of the page, with the digest of its words in it."""
    from PIL import Image, PngImagePlugin

    raw = page.with_suffix(".png")
    command = [str(chromium.installed()), "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"]
    command += ["--window-size=1000,920", f"--screenshot={raw}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    notes = PngImagePlugin.PngInfo()
    notes.add_text(REPORT_OF, told)
    REPORT.parent.mkdir(exist_ok=True)
    with Image.open(raw) as picture:
        picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(REPORT, optimize=True, pnginfo=notes)
