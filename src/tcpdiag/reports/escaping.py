"""Text in Markdown that stays text."""

import re

from ..units import printable

SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no links, no formulas, no control characters."""
    return SPECIAL.sub(r"\\\1", printable(text.replace("\n", " ")))


def code(text: str) -> str:
    """A code span that nothing in the text can end."""
    shown = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"
