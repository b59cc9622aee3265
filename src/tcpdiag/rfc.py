"""References to RFCs: the one place that knows how a section is written and where it can be read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rfc:
    """One RFC, or one section of it: `Rfc(9293, "3.10.7.4")`."""

    number: int
    section: str | None = None

    def __post_init__(self) -> None:
        parts = [] if self.section is None else self.section.split(".")
        if self.number <= 0 or not all(part.isalnum() for part in parts):
            raise ValueError(f"not an RFC section: {self.number} {self.section!r}")

    def __str__(self) -> str:
        return f"RFC {self.number}" if self.section is None else f"RFC {self.number} section {self.section}"

    @property
    def link(self) -> str:
        """Where to read it. Appendices are numbered with letters: `Rfc(9293, "A.2")`."""
        page = f"https://www.rfc-editor.org/rfc/rfc{self.number}"
        if self.section is None:
            return page
        return f"{page}#{'section' if self.section[0].isdigit() else 'appendix'}-{self.section}"
