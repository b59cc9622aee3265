"""The manual of the diagnoses, from their docstrings: the catalogue, or one of them."""

import textwrap

from ..diagnoses import DIAGNOSES, Diagnosis, by_kind

WIDTH = 80


def render(kind: str | None = None) -> str:
    """What a kind of finding means; without a kind, the catalogue. Raises UsageError for an unknown one."""
    if kind is not None:
        return f"{kind}\n\n{by_kind(kind).manual.strip()}\n"
    return "\n".join(_line(diagnosis) for diagnosis in DIAGNOSES) + "\n\nMore on one of them: tcpdiag explain KIND\n"


def headline(diagnosis: Diagnosis) -> str:
    """The first paragraph of its manual, in one line."""
    return " ".join(diagnosis.manual.strip().partition("\n\n")[0].split())


def _line(diagnosis: Diagnosis) -> str:
    column = max(len(each.kind) for each in DIAGNOSES) + 2
    first = f"{diagnosis.kind:{column}}"
    return textwrap.fill(headline(diagnosis), WIDTH, initial_indent=first, subsequent_indent=" " * column)
