"""Configuration from TOML, and what the command line puts on top."""

from pathlib import Path

import pytest

from tcpdiag.config import Config, Limits, load, merged
from tcpdiag.errors import UsageError


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_everything_can_be_set(tmp_path: Path) -> None:
    text = """
        only = ["half-open"]
        skip = ["rst-off-sequence"]
        stack = "linux"
        [thresholds.close-wait-stuck]
        warning_s = 120
        [limits]
        evidence = 30
    """
    assert load(write(tmp_path, text)) == Config(
        only=("half-open",),
        skip=("rst-off-sequence",),
        stack="linux",
        thresholds={"close-wait-stuck": {"warning_s": 120}},
        limits=Limits(evidence=30),
    )


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")) == Config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("onyl = []", "unknown key 'onyl'; known: hints, limits, only, skip, stack, thresholds"),
        ("[limits]\nlines = 3", "unknown key 'limits.lines'"),
        ("[limits]\nevidence = -1", "limits.evidence must be a number"),
        ("[limits]\nevidence = true", "limits.evidence must be a number"),
        ('only = "half-open"', "'only' must be a list of words"),
        ("skip = [1]", "'skip' must be a list of words"),
        ("stack = 1", "'stack' must be a word"),
        ("hints = 1", "'hints' must be true or false"),
        ("limits = 1", "'limits' must be a table"),
        ("[thresholds]\nhalf-open = 3", "'half-open' must be a table"),
        ("= 3", "not valid TOML"),
    ],
)
def test_mistakes_are_named_with_the_file(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load(tmp_path / "absent.toml")


def test_the_command_line_replaces_only_and_stack_and_adds_to_skip() -> None:
    base = Config(only=("a",), skip=("b",), stack="linux")
    assert merged(base, only=("c",), skip=("d",), stack="strict") == Config(("c",), ("b", "d"), "strict")
    assert merged(base) == base
