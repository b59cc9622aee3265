"""Captures with the truth beside them, and what a report of one gets wrong.

A case is a folder with a capture, `truth.json` and, for traffic of real kernels, `states.json`; see fixtures/README.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import tcpdiag
from places import FIXTURES, SHARED

Json = dict[str, Any]
LOUD = ("warning", "critical")
SLACK_S = 0.15  # left out around each transition of the kernel: the tap is elsewhere than the socket
SPELLING = {"SYN-RECV": "SYN-RECEIVED", "ESTAB": "ESTABLISHED"}
UNDECIDED = {None, "LISTEN", "UNSEEN", "MIDSTREAM", "UNKNOWN"}


@cache
def document(capture: Path) -> Json:
    """The JSON report of one capture, by the library."""
    parsed: Json = json.loads(tcpdiag.analyze([capture]).to_json())
    return parsed


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @cached_property
    def truth(self) -> Json:
        parsed: Json = json.loads((self.folder / "truth.json").read_text())
        return parsed

    @cached_property
    def capture(self) -> Path:
        """The capture to judge: of two taps, the one at the server."""
        names = list(self.truth["captures"])
        return self.folder / next((name for name in names if not name.startswith("capture-client")), names[0])

    @property
    def report(self) -> Json:
        return document(self.capture)

    @cached_property
    def expected(self) -> list[Json]:
        """The findings that must be there."""
        return [want for want in self.truth["findings"] if want.get("file", self.capture.name) == self.capture.name]

    @property
    def healthy(self) -> bool:
        return bool(self.truth["cause"] == "none")

    def found(self, want: Json) -> list[Json]:
        """The findings of the report that are the expected one."""
        return [got for got in self.report["findings"] if _is(want, got)]

    def kinds(self) -> set[str]:
        """The expectations by name: the kinds that would do, joined by `|`."""
        return {label(want) for want in self.expected}

    def missed(self) -> list[Json]:
        """The expectations that are not met."""
        return [want for want in self.expected if not self.found(want)]

    def alarms(self) -> list[str]:
        """Findings that must not be there: forbidden kinds or reactions, and anything loud where all is well."""
        wanted = [got for want in self.expected for got in self.found(want)]
        told = []
        for got in self.report["findings"]:
            forbidden = got["kind"] in self.truth["must_not_report"]
            uncalled = self.healthy and not got["kind"].startswith("capture-")
            if got["severity"] in LOUD and got not in wanted and (forbidden or uncalled):
                told.append(f"{got['severity']} {got['kind']} frames {got['frames'][:6]}: {got['title']}")
            elif got["kind"] == "rst-off-sequence" and got["data"].get("reaction") in self.truth["must_not_react"]:
                told.append(f"{got['kind']} with reaction {got['data']['reaction']}, frames {got['frames'][:6]}")
        return told

    @property
    def has_cause(self) -> bool:
        """Whether something other than the capture itself is to blame."""
        kinds = [kind for want in self.expected for kind in want["any_of"]]
        return not self.healthy and any(not kind.startswith("capture-") for kind in kinds)

    def first_is_expected(self) -> bool:
        """Whether the report opens with an expected finding."""
        first = self.report["findings"][:1]
        return any(got in self.found(want) for want in self.expected for got in first)

    def states(self) -> Iterator["Agreement"]:
        """Our states against the kernel's, for each endpoint that the tap stands next to."""
        if self.truth.get("derived_from") or not (self.folder / "states.json").exists():
            return
        span = self.truth["captures"][self.capture.name]
        near = {"server": {"server"}, "client": {"client"}}.get(
            self.truth["perspective"], {"server", "client", "loopback"}
        )
        for kernel in json.loads((self.folder / "states.json").read_text()):
            if kernel["ns"] in near and not kernel["peer"].startswith(("0.0.0.0", "[::]")):
                yield from _agreement(self.report, kernel, span["t_first"], span["t_last"])


@dataclass(frozen=True)
class Agreement:
    """A stretch of time in which our state and the kernel's can be compared."""

    endpoint: str
    since: float
    seconds: float
    kernel: str
    ours: str

    @property
    def agrees(self) -> bool:
        return self.kernel == self.ours


def cases() -> list[Case]:
    """Every case, the project's own first."""
    folders = [truth.parent for base in (FIXTURES, SHARED / "captures") for truth in sorted(base.glob("*/truth.json"))]
    return [Case(folder) for folder in folders]


def case_id(case: Case) -> str:
    """Test id: which set, which folder."""
    return f"{case.folder.parent.name}/{case.name}"


def label(want: Json) -> str:
    """Name of an expectation."""
    return "|".join(want["any_of"])


def _is(want: Json, got: Json) -> bool:
    if got["kind"] not in want["any_of"]:
        return False
    if want["frames"] and not set(want["frames"]) & set(got["frames"]):
        return False
    return (
        "reaction" not in want or got["kind"] != "rst-off-sequence" or got["data"].get("reaction") in want["reaction"]
    )


def _agreement(report: Json, kernel: Json, first: float, last: float) -> Iterator[Agreement]:
    flows = [flow for flow in report["flows"] if {flow["client"], flow["server"]} == {kernel["local"], kernel["peer"]}]
    if not flows:
        return
    ours = sorted(
        (float(entry["ts"]), entry["state"])
        for flow in flows
        for entry in flow["states"]["client" if flow["client"] == kernel["local"] else "server"]
        if entry.get("ts") is not None
    )
    truth = [(interval["t"], SPELLING.get(interval["state"], interval["state"])) for interval in kernel["intervals"]]
    moves = [time for time, _ in truth] + [i["t"] + i.get("uncertainty", 0) for i in kernel["intervals"]]
    edges = sorted(
        edge
        for edge in {time for time, _ in ours} | {time for time, _ in truth} | {first, last}
        if first <= edge <= last
    )

    def moved(edge: float) -> bool:
        return any(abs(edge - move) < SLACK_S for move in moves)

    for edge, next_edge in pairwise(edges):
        since = edge + SLACK_S if moved(edge) else edge
        until = next_edge - SLACK_S if moved(next_edge) else next_edge
        middle = (since + until) / 2
        want, got = _state_at(truth, middle), _state_at(ours, middle)
        if until > since and want not in UNDECIDED and got not in UNDECIDED:
            yield Agreement(kernel["local"], since, until - since, str(want), str(got))


def _state_at(intervals: list[tuple[float, str]], time: float) -> str | None:
    state = None
    for since, name in intervals:
        if since <= time:
            state = name
    return state
