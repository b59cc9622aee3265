"""Text in Markdown that stays text."""

import re

from ..units import printable

MENTION = "@\u2060"
"""A word joiner after it, which nobody sees: GitHub and GitLab send mail to whom `@name` names, escaped or not."""
SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&!$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no links, no formulas, no mentions, no control
    characters."""
    return SPECIAL.sub(r"\\\1", printable(text.replace("\n", " "))).replace("@", MENTION)


def code(text: str) -> str:
    """A code span that nothing in the text can end."""
    shown = printable(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"
