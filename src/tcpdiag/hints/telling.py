"""Hints as sentences for people."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from ..diagnoses.base import frame_list
from ..model.finding import Sentence
from ..units import plural
from .facets import ANSWER, COMPARED_MIN, NO_ANSWER, TARGETS, Comparison, Facets, compare
from .hint import FlowHints, Hint

PLAIN: Final = re.compile(r"[\w.:*/~%@+,=&;$!()\[\]-]+", re.ASCII)
PLURAL: Final = {"sni": "names", "host": "hosts", "path": "paths", "starts_with": "first words"}
NAMED_MAX: Final = 3
FRAMES_MAX: Final = 4
SERVICE_MIN: Final = 0.5
"""Part of the others from which on a common value is what the endpoint serves and no difference."""


class Told(NamedTuple):
    """A sentence, and the comparison that it stands on."""

    sentence: Sentence
    common: Comparison


def tell(hints: Sequence[FlowHints], own: Sequence[Facets], others: Sequence[Facets], of: int) -> Told | None:
    """What the connections of a finding were about; None where nothing tells it.

    hints, own: of those that were looked at; others: of other connections to the same endpoints; of: connections of
    the finding.
    """
    if not own:
        common = compare(others, ())
        sentence = _of_others(common)
    else:
        common = compare(own, others)
        sentence = _of_one(hints[0], of) if len(own) == 1 else _of_group(hints, own, of, common)
    return Told(sentence, common) if sentence else None


def quoted(text: str) -> str:
    """Text from the capture inside a sentence: in quotes where it could be taken for a part of it."""
    return text if PLAIN.fullmatch(text) else in_quotes(text)


def in_quotes(text: str) -> str:
    """Text from the capture that is no name."""
    return '"' + text.replace('"', "'") + '"'


def _of_one(hints: FlowHints, of: int) -> Sentence | None:
    """What a single connection was about."""
    asked, got = hints.client, hints.server
    if asked is None or not (asked.protocol or asked.starts_with):
        return _greeting(got) if got else None
    text = f"{_request(asked)} {frame_list(asked.frames[:1])}; {_answer(asked, got)}."
    if of > 1:
        text = f"Bytes were sent on one of them only: {text[0].lower()}{text[1:]}"
    return Sentence(text, (*asked.frames[:1], *(got.frames[:1] if got else ())), asked.ts_ns)


def _of_group(hints: Sequence[FlowHints], own: Sequence[Facets], of: int, common: Comparison) -> Sentence | None:
    """What the connections of a finding have in common, and whether others have it too."""
    if not any(facets_.keys() - {ANSWER} for facets_ in own):
        return None
    first = [hint for each in hints if (hint := each.client or each.server)]
    frames = [hint.frames[0] for hint in first]
    shown = frames if len(frames) <= FRAMES_MAX else [*frames[: FRAMES_MAX - 1], frames[-1]]
    text = f"{_asked(own, of, common)} {frame_list(frames, FRAMES_MAX)}{_compared(common)}.{_answers(own)}"
    return Sentence(text, tuple(sorted(shown)), first[0].ts_ns)


def _of_others(common: Comparison) -> Sentence | None:
    """What the service is, when the finding's connections never got so far as to say anything."""
    what = _words(common.shared)
    if not what:
        return None
    count = plural(common.looked_at, "other connection")
    return Sentence(f"Nothing was asked on them; of {count} to the same endpoint {common.alike:,} carried {what}.")


def _request(hint: Hint) -> str:
    if hint.protocol == "TLS":
        name = f" for {quoted(hint.sni)}" if hint.sni else " that names no server"
        return f"It is a TLS connection{name}{_alpn(', '.join(hint.alpn))}"
    if hint.method:
        of = f" on host {quoted(hint.host)}" if hint.host else ""
        return f"Its first request is {hint.method}{' ' + quoted(hint.path) if hint.path else ''}{of}"
    words = f"begins with {in_quotes(hint.starts_with)}" if hint.starts_with else ""
    known = f"is a connection of {hint.protocol}" if hint.protocol else ""
    return f"It {' and '.join(part for part in (known, words) if part)}"


def _answer(asked: Hint, got: Hint | None) -> str:
    if got is None:
        return f"no answer to {'the ClientHello' if asked.protocol == 'TLS' else 'it'} is in the capture"
    frame = frame_list(got.frames[:1])
    if got.alert:
        return f"the server answered with the TLS alert {got.alert} {frame}"
    if got.status is not None:
        return f"the answer has status {got.status} {frame}"
    if got.protocol == "TLS" and got.version:
        return f"the server chose {got.version} {frame}"
    return f"the server answered {frame}"


def _greeting(got: Hint) -> Sentence | None:
    if not (got.protocol or got.starts_with):
        return None
    words = f" with {in_quotes(got.starts_with)}" if got.starts_with else f" in {got.protocol}"
    return Sentence(f"The server greets{words} {frame_list(got.frames[:1])}.", got.frames[:1], got.ts_ns)


def _alpn(names: str) -> str:
    return f" (ALPN {', '.join(map(quoted, names.split(', ')))})" if names else ""


def _words(shared: Facets) -> str:
    """`TLS for leak.example.com (ALPN h2)`, `HTTP POST /call/... on host api`, `first bytes "PING"`."""
    parts = [shared.get("protocol", ""), shared.get("method", "")]
    for name, before in (("path", ""), ("host", "on host "), ("sni", "for "), ("starts_with", "beginning with ")):
        if name in shared:
            parts.append(before + (in_quotes if name == "starts_with" else quoted)(shared[name]))
    return " ".join(part for part in parts if part) + _alpn(shared.get("alpn", ""))


def _asked(own: Sequence[Facets], of: int, common: Comparison) -> str:
    count = len(own)
    every = f"All {count:,}" if count == of else f"All {count:,} that were looked at (of {of:,})"
    whom = every if common.alike == count else f"{common.alike:,} of {count:,}"
    what = _words(common.shared)
    if any(name in common.shared for name in TARGETS):
        return f"{whom} asked for the same: {what}"
    differ = next((name for name in TARGETS if any(name in facets_ for facets_ in own)), "protocol")
    counts = Counter(facets_[differ] for facets_ in own if differ in facets_)
    listed = ", ".join(f"{quoted(value)} ({times:,})" for value, times in counts.most_common(NAMED_MAX))
    more = f" and {len(counts) - NAMED_MAX:,} more" if len(counts) > NAMED_MAX else ""
    if what:
        return f"{whom} carried {what}" + (
            f", with different {PLURAL[differ]}: {listed}{more}" if differ in PLURAL else ""
        )
    return f"What they asked for differs: {listed}{more}"


def _compared(common: Comparison) -> str:
    """What the other connections to the same endpoint say of the difference."""
    if not any(name in common.shared for name in TARGETS):
        return ""
    if not common.others:
        return "; no other connection to the same endpoint is there to compare them with"
    if not common.others_alike:
        return f"; of {plural(common.others, 'other connection')} to the same endpoint none did"
    is_service = common.others >= COMPARED_MIN and common.others_alike >= SERVICE_MIN * common.others
    return (
        f"; of {plural(common.others, 'other connection')} to the same endpoint {common.others_alike:,} did"
        f"{': it tells the service, not the difference' if is_service else ''}"
    )


def _answers(cohort: Sequence[Facets]) -> str:
    """How many got which answer, where that was told at all."""
    counts = Counter(facets_[ANSWER] for facets_ in cohort)
    told = [(value, count) for value, count in counts.most_common() if value not in (NO_ANSWER, "some")]
    if not told:
        return ""
    parts = [f"{value} on {count:,}" for value, count in told[:NAMED_MAX]]
    parts += [f"none on {counts[NO_ANSWER]:,}"] if counts[NO_ANSWER] else []
    return f" Answers: {', '.join(parts)}."
