"""References to RFCs: the one place that knows how a section is written and where it can be read."""

import re
from dataclasses import dataclass
from typing import Final

WRITTEN: Final = re.compile(r"RFC (?P<number>[1-9]\d{0,5})(?: section (?P<section>[0-9A-Z]+(?:\.\d+)*))?", re.ASCII)
"""As `str()` writes it."""


@dataclass(frozen=True)
class Rfc:
    """One RFC, or one section of it: `Rfc(9293, "3.10.7.4")`."""

    number: int
    section: str | None = None

    def __post_init__(self) -> None:
        parts = [] if self.section is None else self.section.split(".")
        if self.number <= 0 or not all(part.isalnum() for part in parts):
            raise ValueError(f"not an RFC section: {self.number} {self.section!r}")

    @classmethod
    def parse(cls, text: str) -> "Rfc | None":
        """Of what `str()` wrote; None for any other text."""
        found = WRITTEN.fullmatch(text)
        return None if found is None else cls(int(found["number"]), found["section"])

    def __str__(self) -> str:
        return f"RFC {self.number}" if self.section is None else f"RFC {self.number} section {self.section}"

    @property
    def link(self) -> str:
        """Where to read it. Appendices are numbered with letters: `Rfc(9293, "A.2")`."""
        page = f"https://www.rfc-editor.org/rfc/rfc{self.number}"
        if self.section is None:
            return page
        return f"{page}#{'section' if self.section[0].isdigit() else 'appendix'}-{self.section}"
