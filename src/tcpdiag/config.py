"""Config: everything a user can choose, in one frozen dataclass. From a TOML file, from the command line, or both."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from .errors import UsageError
from .units import printable


@dataclass(frozen=True)
class Limits:
    """How much of the report a person sees at once. Nothing is lost: JSON has all of it."""

    findings: int = 10  # told in full; the rest in one line each
    listed: int = 12  # one-line findings
    evidence: int = 12  # lines of evidence a finding
    symptoms: int = 5  # further findings of one incident

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise UsageError(f"limits.{item.name} must be a number, 0 or more, not {value!r}")


@dataclass(frozen=True)
class Config:
    """What to look for and how.

    only, skip: kinds of finding to examine, or not to. thresholds: `{kind: {name: value}}`, instead of that
    diagnosis's own. stack: the name of a stack profile that all hosts are taken to follow; None: guessed by host.
    hints: whether to look at application bytes (TLS server names, HTTP hosts and paths, DNS answers).
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    stack: str | None = None
    hints: bool = True
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


def load(path: str | Path) -> Config:
    """A Config from a TOML file::

        only = ["rst-off-sequence"]
        stack = "linux"
        [thresholds.close-wait-stuck]
        warning_s = 120
        [limits]
        evidence = 30

    Raises UsageError when the file cannot be read, is not TOML, or has a key that does not exist.
    """
    import tomllib

    shown = printable(str(path))
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{shown}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}: not valid TOML: {error}") from None
    try:
        return from_table(table)
    except UsageError as error:
        raise UsageError(f"{shown}: {error}") from None


def from_table(table: Mapping[str, Any]) -> Config:
    """A Config from nested dicts. Raises UsageError."""
    _known(table, (item.name for item in fields(Config)), "")
    limits = _table(table, "limits")
    _known(limits, (item.name for item in fields(Limits)), "limits.")
    thresholds = _table(table, "thresholds")
    return Config(
        only=_words(table, "only"),
        skip=_words(table, "skip"),
        stack=_word(table, "stack"),
        hints=_flag(table, "hints", default=True),
        thresholds={kind: _table(thresholds, kind) for kind in thresholds},
        limits=Limits(**limits),
    )


def merged(
    config: Config,
    *,
    only: tuple[str, ...] = (),
    skip: tuple[str, ...] = (),
    stack: str | None = None,
    hints: bool | None = None,
) -> Config:
    """`config` with what the command line says on top: `skip` adds, the others replace."""
    return replace(
        config,
        only=tuple(only) or config.only,
        skip=(*config.skip, *skip),
        stack=stack if stack else config.stack,
        hints=config.hints if hints is None else hints,
    )


def _known(table: Mapping[str, Any], names: Any, prefix: str) -> None:
    known = sorted(names)
    for key in table:
        if key not in known:
            raise UsageError(f"unknown key {printable(prefix + key)!r}; known: {', '.join(known)}")


def _table(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise UsageError(f"{printable(key)!r} must be a table")
    return value


def _words(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise UsageError(f"{key!r} must be a list of words")
    return tuple(value)


def _flag(table: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise UsageError(f"{key!r} must be true or false")
    return value


def _word(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise UsageError(f"{key!r} must be a word")
    return value
