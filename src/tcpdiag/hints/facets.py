"""What connections have in common: one value of each kind a connection, counted over a cohort and over the others."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from .hint import FlowHints, Hint

Facets = dict[str, str]
"""What a connection asked for, by kind, as far as it is known; ANSWER is what came back."""

ASKED: Final = ("protocol", "sni", "alpn", "method", "host", "path", "starts_with")
ANSWER: Final = "answer"
TARGETS: Final = ("sni", "host", "path", "starts_with")
"""What tells one request from another; the rest only tells the kind of service."""
NO_ANSWER: Final = "none"

SHARED_MIN: Final = 0.9
"""Part of a cohort that makes a value common to it: one of ten may be a health check that came along."""
APART_MAX: Final = 0.1
"""Part of the others that may have it all the same, when it sets the cohort apart."""
COMPARED_MIN: Final = 5
"""Connections on either side, when it may: of fewer, one of ten is less than one."""
VALUES_MAX: Final = 10
OPEN_END: Final = "/..."


class Comparison(NamedTuple):
    """What a cohort shares, and how many others have all of that too."""

    shared: Facets
    alike: int  # of the cohort, those that have all of it
    looked_at: int
    others_alike: int
    others: int

    @property
    def sets_apart(self) -> bool:
        """Whether nearly all of the cohort asked for something that hardly any of the others asked for."""
        enough = min(self.looked_at, self.others) >= COMPARED_MIN
        common = self.alike >= SHARED_MIN * self.looked_at and self.others_alike <= APART_MAX * self.others
        return enough and common and any(name in self.shared for name in TARGETS)


def facets(hints: FlowHints) -> Facets:
    """What one connection asked for and got."""
    asked, got = hints.client or Hint(), hints.server or Hint()
    own_words = asked.starts_with if asked.protocol or asked.starts_with else got.starts_with
    values = {
        "protocol": asked.protocol or got.protocol,
        "sni": asked.sni,
        "alpn": ", ".join(asked.alpn) or None,
        "method": asked.method,
        "host": asked.host,
        "path": asked.path,
        "starts_with": own_words,
        ANSWER: _answer(hints.server),
    }
    return {name: value for name, value in values.items() if value is not None}


def compare(cohort: Sequence[Facets], others: Sequence[Facets]) -> Comparison:
    """What nearly all of the cohort share, path by path from the longest prefix on."""
    shared: Facets = {}
    for name in ASKED:
        counts = Counter(facets_[name] for facets_ in cohort if name in facets_)
        if name == "path":
            counts += _prefixes(counts)
        common = [value for value, count in counts.items() if count >= SHARED_MIN * len(cohort)]
        if common:
            shared[name] = max(common, key=_closeness)
    alike = sum(_has(facets_, shared) for facets_ in cohort)
    return Comparison(shared, alike, len(cohort), sum(_has(facets_, shared) for facets_ in others), len(others))


def counted(cohort: Sequence[Facets], others: Sequence[Facets]) -> dict[str, list[dict[str, Any]]]:
    """The most frequent values of each kind, JSON-ready."""
    found = {}
    for name in (*ASKED, ANSWER):
        ours = Counter(facets_[name] for facets_ in cohort if name in facets_)
        theirs = Counter(facets_[name] for facets_ in others if name in facets_)
        rows = [{"value": v, "count": n, "others": theirs[v]} for v, n in ours.most_common(VALUES_MAX)]
        if rows:
            found[name] = rows
    return found


def _answer(hint: Hint | None) -> str:
    if hint is None:
        return NO_ANSWER
    if hint.status is not None:
        return f"status {hint.status}"
    return f"TLS alert {hint.alert}" if hint.alert else "some"


def _prefixes(counts: Counter[str]) -> Counter[str]:
    """Folders above these paths: `/call/...` counts all that begin with `/call/`."""
    found: Counter[str] = Counter()
    for path, count in counts.items():
        parts = path.split("/")
        for depth in range(2, len(parts)):
            found["/".join(parts[:depth]) + OPEN_END] += count
    return found


def _closeness(value: str) -> tuple[bool, int]:
    """A whole value before a folder, a deep folder before a high one."""
    return not value.endswith(OPEN_END), len(value)


def _has(facets_: Facets, shared: Facets) -> bool:
    return all(_fits(facets_.get(name, ""), value) for name, value in shared.items())


def _fits(value: str, pattern: str) -> bool:
    return value == pattern or (pattern.endswith(OPEN_END) and value.startswith(pattern.removesuffix("...")))
