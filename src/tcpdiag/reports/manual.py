"""The manual of the diagnoses, from their docstrings: the catalogue, or one of them."""

import textwrap
from collections.abc import Iterator

from ..diagnoses import DIAGNOSES, Diagnosis, by_kind

WIDTH = 80
NOTATION = (
    "In the examples: seconds since the line before; > client to server, < server to client; flags (S SYN, F FIN, "
    "R RST, P PSH, . ACK); sequence numbers as first:next(length); *N: so many times. Last, what it finds."
)


def render(kind: str | None = None) -> str:
    """What a kind of finding means; without a kind, the catalogue. Raises UsageError for an unknown one."""
    if kind is not None:
        return "\n".join([kind, "", *_page(by_kind(kind).manual.strip()), *_wrapped(NOTATION)]) + "\n"
    return "\n".join(_line(diagnosis) for diagnosis in DIAGNOSES) + "\n\nMore on one of them: tcpdiag explain KIND\n"


def headline(diagnosis: Diagnosis) -> str:
    """The first paragraph of its manual, in one line."""
    return " ".join(diagnosis.manual.strip().partition("\n\n")[0].split())


def _line(diagnosis: Diagnosis) -> str:
    column = max(len(each.kind) for each in DIAGNOSES) + 2
    return "\n".join(_wrapped(headline(diagnosis), f"{diagnosis.kind:{column}}", " " * column))


def _page(manual: str) -> Iterator[str]:
    """Markdown for a terminal: prose filled anew, examples indented, thresholds as `name = default` with the source."""
    prose: list[str] = []
    example = False
    for line in [*manual.splitlines(), ""]:
        if example or not line or line.startswith(("```", "## ", "|")):
            yield from _wrapped(" ".join(prose), "  ", "  ")
            prose.clear()
            if line.startswith("```"):
                example = not example
            elif example:
                yield from _wrapped(line, "    ", "      ")
            elif line.startswith("|"):
                yield from _threshold(*(cell.strip() for cell in line.strip("|").split("|")))
            else:
                yield line.removeprefix("## ")
        else:
            prose.append(line)


def _threshold(name: str, default: str, source: str) -> Iterator[str]:
    if default not in ("default", "---"):
        yield f"  {name} = {default}"
        yield from _wrapped(source, " " * 6, " " * 6)


def _wrapped(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
