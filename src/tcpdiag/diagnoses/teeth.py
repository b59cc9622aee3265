"""The teeth of a sawtooth: what the connections that one endpoint releases together have in common, and what may hold
them."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np

from ..model.event import EventKind
from ..model.finding import Cause, Evidence, Refutation, Sentence
from ..model.flow import EndpointBit
from ..units import NS, duration, epoch, plural
from .base import frame_list
from .held import End
from .releases import Cohort, answered, same_holder
from .sentences import said
from .view import View

FRAMES_LISTED: Final = 100
"""Frames of a release that `data` lists."""
_TOLD: Final = 3


class Teeth:
    """All releases of one holder. Everything is computed once, on demand."""

    def __init__(self, view: View, rows: np.ndarray, told: list[Cohort]) -> None:
        """rows: HELD rows of the holder, all of them; told: its releases, in order of time."""
        self.view, self.rows, self.told = view, rows, told
        self.held = np.concatenate([cohort.held for cohort in told])
        """HELD rows of what was released, in the order of the FINs in each release."""
        self.events = np.concatenate([cohort.events for cohort in told])
        """The events that released them, connections that were still open among them."""
        self.flow, self.side = int(self.held["flow"][0]), int(self.held["side"][0])
        self.role = view.role(self.flow, self.side)
        self.other = view.role(self.flow, 1 - self.side)
        self.label = (view.label if self.role == "server" else view.host)(self.flow, self.side)

    @cached_property
    def gaps_ns(self) -> np.ndarray:
        """From each release to the next."""
        return np.diff([cohort.first_ns for cohort in self.told])

    @property
    def period_ns(self) -> int | None:
        """Median of these; None where there is only one release."""
        return int(np.median(self.gaps_ns)) if len(self.gaps_ns) else None

    @property
    def clock(self) -> str:
        """The time-out that is likely behind them, as far as it shows."""
        return "as long as the rise" if self.period_ns is None else f"of about {duration(self.period_ns)}"

    @cached_property
    def replied(self) -> int:
        """On how many the holder had sent anything before the peer's FIN."""
        return answered(self.view, self.held)

    @property
    def still_open(self) -> int:
        """Connections that were closed with the others, though their peers had not ended them."""
        return len(self.events) - len(self.held)

    @property
    def left(self) -> int:
        """How many are held when the capture ends."""
        return int(np.count_nonzero(self.rows["end"] == End.CAPTURE))

    @property
    def stays_ns(self) -> np.ndarray:
        """How long each was held."""
        times: np.ndarray = self.held["until_ns"] - self.held["since_ns"]
        return times

    @property
    def spread_ns(self) -> int:
        """The longest release."""
        return max(cohort.spread_ns for cohort in self.told)

    @cached_property
    def again_ns(self) -> int | None:
        """How soon after a release the holder had a new connection; None: never."""
        view, sides = self.view, same_holder(self.view, self.flow, self.side)
        own = np.flatnonzero(sides >= 0)
        opened = (view.tables.endpoints["bits"][2 * own + sides[own]] & int(EndpointBit.SYN_ACKED)) != 0
        begun = np.sort(view.flows["first_ts_ns"][own[opened]])
        ends = np.asarray([cohort.first_ns + cohort.spread_ns for cohort in self.told])
        places = np.searchsorted(begun, ends, side="right")
        again = places < len(begun)
        return int((begun[places[again]] - ends[again]).min()) if np.any(again) else None


def story(teeth: Teeth, others: int) -> Iterator[Sentence]:
    """What happened. others: how many more holders do the same."""
    told, heights = teeth.told, [cohort.height for cohort in teeth.told]
    bursts = [
        f"{len(cohort.events):,} within {duration(cohort.spread_ns)} {frame_list(cohort.events['frame'], 3)}"
        for cohort in told[:_TOLD]
    ]
    more = f", and {len(told) - _TOLD:,} times more" if len(told) > _TOLD else ""
    shown = np.concatenate([cohort.events["frame"] for cohort in told[:_TOLD]])
    yield said(
        f"{teeth.label} kept in CLOSE-WAIT what its {teeth.other}s had ended, {plural(len(teeth.held), 'connection')}, "
        f"up to {max(heights):,} at a time, and closed all of them at once{_regularity(teeth.gaps_ns)}: "
        f"{', '.join(bursts)}{more}; it had answered {_share(teeth.replied, len(teeth.held))} of them.",
        tuple(shown.tolist()),
        told[0].first_ns,
    )
    stays = teeth.stays_ns
    yield said(
        f"The FINs of the {teeth.other}s had come one by one; the sockets stayed in CLOSE-WAIT for "
        f"{duration(int(stays.min()))} to {duration(int(stays.max()))}, and their number rose to {_range(heights)}"
        f"{' each time' if len(told) > 1 else ''}.",
        (int(teeth.held["fin_frame"][0]), int(teeth.held["fin_frame"][-1])),
        int(teeth.held["since_ns"].min()),
    )
    yield _common_told(teeth)
    if teeth.still_open:
        were = "was" if teeth.still_open == 1 else "were"
        yield said(
            f"{plural(teeth.still_open, 'connection')} that {were} still open went with them.", (), told[-1].first_ns
        )
    if teeth.period_ns is not None:
        yield said(
            f"All wait for one thing that comes every {duration(teeth.period_ns)}: a time-out of that length, likely.",
            (),
            told[-1].first_ns,
        )
    rest = (
        f"At the end of the capture {teeth.left:,} more {'is' if teeth.left == 1 else 'are'} held."
        if teeth.left
        else ""
    )
    same = f"{plural(others, 'more endpoint does', 'more endpoints do')} the same." if others else ""
    if rest or same:
        yield said(" ".join(part for part in (rest, same) if part), (), teeth.view.last_ts_ns)


def _regularity(gaps: np.ndarray) -> str:
    if not len(gaps):
        return ""
    shortest, longest = duration(int(gaps.min())), duration(int(gaps.max()))
    if len(gaps) == 1:
        return f", {shortest} apart"
    return f", every {shortest}" if shortest == longest else f", {shortest} to {longest} apart"


def _share(part: int, whole: int) -> str:
    return "none" if not part else "all" if part == whole else f"{part:,}"


def _range(numbers: list[int]) -> str:
    least, most = min(numbers), max(numbers)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def common(teeth: Teeth) -> dict[str, Any]:
    """What these connections have in common, as far as headers show."""
    view, flows, sides = teeth.view, teeth.held["flow"], 1 - teeth.held["side"]
    lanes = (view.flows["addr_hi"][flows, sides], view.flows["addr_lo"][flows, sides])
    peers = np.unique(np.stack(lanes), axis=1).shape[1]
    sent = view.tables.endpoints["bytes"][2 * flows + sides]
    waited = (teeth.held["since_ns"] - view.flows["first_ts_ns"][flows]) / NS
    return {
        "peers": peers,
        "peer": view.host(int(flows[0]), int(sides[0])) if peers == 1 else None,
        "bytes_min": int(sent.min()),
        "bytes_max": int(sent.max()),
        "answered": teeth.replied,
        "ended_after_s": [round(float(np.quantile(waited, part)), 3) for part in (0, 0.5, 1)],
    }


def _common_told(teeth: Teeth) -> Sentence:
    shared, count = common(teeth), len(teeth.held)
    whom = f"with {shared['peer']}" if shared["peer"] else f"with {shared['peers']:,} hosts"
    asked = _range([shared["bytes_min"], shared["bytes_max"]])
    got = f"{asked} bytes had come in on each" if shared["bytes_max"] else "nothing had come in on them"
    _, middle, longest = (duration(int(seconds * NS)) for seconds in shared["ended_after_s"])
    after = middle if middle == longest else f"{middle} (half of them), {longest} at most"
    return said(
        f"In common: all {count:,} were {whom}; {got}; their {teeth.other}s ended them after {after}.",
        (),
        int(teeth.held["since_ns"].min()),
    )


def listed(cohort: Cohort) -> dict[str, Any]:
    """One release, for programs."""
    return {
        "released": len(cohort.events),
        "held": len(cohort.held),
        "height": cohort.height,
        "first_ts": epoch(cohort.first_ns),
        "spread_ms": round(cohort.spread_ns / 1e6, 3),
        "frames": cohort.events["frame"][:FRAMES_LISTED].tolist(),
    }


def evidence(teeth: Teeth) -> Iterator[Evidence]:
    """The oldest and the newest FIN of the first release, then how each release began and ended."""
    view, held = teeth.view, teeth.told[0].held
    for row, which in ((held[0], "the first"), (held[-1], "the last")):
        time = duration(int(row["until_ns"] - row["since_ns"]))
        for event in view.at(int(row["flow"]), int(row["fin_frame"]), EventKind.STATE)[:1]:
            yield view.evidence(event, f"{which} FIN received: held for {time}")
    for number, cohort in enumerate(teeth.told, 1):
        count = len(cohort.events)
        yield view.evidence(cohort.events[0], f"release {number}: the first of {count:,}")
        yield view.evidence(cohort.events[-1], f"release {number}: the last, {duration(cohort.spread_ns)} later")


def causes(teeth: Teeth) -> list[Cause]:
    """What may hold and release them; the likelier first."""
    count, replied = len(teeth.held), teeth.replied
    often = "" if teeth.period_ns is None else f" {teeth.clock}"
    served = (f"{replied:,} of {count:,} had been answered before",) if replied else ()
    open_too = (
        (f"{plural(teeth.still_open, 'connection')} that nobody had ended went with them",) if teeth.still_open else ()
    )
    one_wait = Cause(
        "all of them wait for one thing, and go on when that ends: a lock, a pool, or a call that is tried again "
        f"until a time-out{often}",
        (
            f"no more than {duration(teeth.spread_ns)} between the first and the last of a release",
            *((f"not a byte sent on {count - replied:,} of {count:,}",) if replied < count else ()),
            *open_too,
        ),
        served,
    )
    sweep = Cause(
        "the application closes dead connections only in a sweep at a fixed interval, or when garbage is collected",
        served,
        open_too,
    )
    if teeth.again_ns is None:
        restart = Cause("the process ends, or is restarted", ("no further connection was opened after that",))
    else:
        soon = f"the next connection was open {duration(teeth.again_ns)} after a release"
        restart = Cause("the process ends, or is restarted", (), (soon,))
    return [one_wait, sweep, restart] if 2 * replied < count else [sweep, one_wait, restart]


def refutations(teeth: Teeth) -> tuple[Refutation, ...]:
    """What would make it something else than a common release."""
    stays = teeth.stays_ns
    middle, least, most = (duration(int(np.quantile(stays, part))) for part in (0.5, 0, 1))
    return (
        Refutation(
            "each connection is closed for a reason of its own",
            f"not so: a release takes {duration(teeth.spread_ns)} at most, where the stays have a median of {middle}",
        ),
        Refutation("each connection has a time-out of its own", f"not so: the stays last from {least} to {most}"),
        Refutation(
            "the process was restarted at each release",
            None
            if teeth.again_ns is None
            else f"hardly: it had the next connection {duration(teeth.again_ns)} after a release",
        ),
        Refutation(
            "a sweep closes whatever is dead",
            f"not so: {plural(teeth.still_open, 'connection')} that nobody had ended went with the others"
            if teeth.still_open
            else None,
        ),
    )


def settled_by(teeth: Teeth) -> tuple[str, ...]:
    """What shows the thing that they wait for."""
    view, host = teeth.view, teeth.view.host(teeth.flow, teeth.side)
    server = int(1 - view.client[teeth.flow])
    port = view.port(teeth.flow, server)
    end = "sport" if server == teeth.side else "dport"
    return (
        f"on {host}: while the number rises, a stack dump of the process (gdb -p PID, jstack PID, py-spy dump --pid "
        "PID, Go: /debug/pprof/goroutine): which lock or pool do the workers wait for, and who holds it?",
        f"on {host}: watch -n 1 \"ss -tan state close-wait '( {end} = :{port} )' | wc -l\"; who: ss -tanpo",
        f"do all of them ask for the same? tshark -Y 'tcp.dstport == {port} && tcp.len > 0' -T fields -e "
        "tls.handshake.extensions_server_name -e http.request.uri -r CAPTURE",
    )
