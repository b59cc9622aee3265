"""Loss on a path in words: what happened, where, why perhaps, and what speaks against it."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from ..flows.vantage import BOTH, near_side
from ..model.finding import Cause, Refutation, Sentence
from ..units import duration, percent, plural, size
from .base import frame_list
from .controls import Control
from .losses import Path, Way
from .sentences import FRAMES_TOLD, said
from .view import View

_BURST = 3  # losses an event, on average: what an overflowing queue drops; bad links lose single ones


class Place:
    """Where the tap stands on the worse direction of a path, and so where to look."""

    def __init__(self, view: View, way: Way) -> None:
        self._view, self._way = view, way
        self._sender, self._receiver = view.host(way.flow, way.side), view.host(way.flow, 1 - way.side)

    @cached_property
    def _near(self) -> int:
        return int(self._view.once(_near_sides)[self._way.flow])

    @property
    def beside_sender(self) -> bool:
        """The tap saw what the sender had just sent."""
        return self._near in {BOTH, self._way.side}

    @property
    def beside_receiver(self) -> bool:
        """The tap saw what the receiver was about to get."""
        return self._near in {BOTH, 1 - self._way.side}

    @property
    def before(self) -> str:
        """Between the sender's TCP and the tap."""
        if self.beside_sender and not self.beside_receiver:
            return f"inside {self._sender}, between its TCP and the tap"
        return f"{'on the path, ' if self.beside_receiver else ''}before they came to the tap"

    @property
    def after(self) -> str:
        """Between the tap and the receiver's TCP."""
        if self.beside_receiver and not self.beside_sender:
            return f"behind the tap, inside {self._receiver}"
        return f"{'on the path, ' if self.beside_sender else ''}behind the tap"

    @property
    def next_steps(self) -> tuple[str, ...]:
        """Where to look first."""
        before = self._way.before >= self._way.after
        inside = (before and self.beside_sender) or (not before and self.beside_receiver)
        host = self._sender if before else self._receiver
        if inside and not (self.beside_sender and self.beside_receiver):
            return (f"on {host}: ip -s link; ethtool -S of the interface; tc -s qdisc: which counter of drops rises?",)
        return (
            f"read the drop and error counters of each hop {'before' if before else 'behind'} the tap "
            "(show interface: output drops, CRC errors, duplex)",
            f"on {self._sender}: mtr -T -P PORT -n {self._receiver}: from which hop on are packets lost?",
        )


def _near_sides(view: View) -> np.ndarray:
    return near_side(view.tables)


def story(view: View, path: Path, rows: np.ndarray, control: list[Control]) -> Iterator[Sentence]:
    """The cause first, then what it cost, the other direction, and what was no loss."""
    worse = path.worse
    other = path.ways[0] if worse is path.ways[1] else path.ways[1]
    place = Place(view, worse)
    if path.pairs == 1:
        who = f"from {view.host(worse.flow, worse.side)} to {view.host(worse.flow, 1 - worse.side)}"
        yield said(
            f"{_lost(worse)} {who} {'was' if worse.lost == 1 else 'were'} lost {_where(worse, place)} "
            f"{frame_list(worse.rows['frame'])}.",
            worse.rows["frame"],
            worse.rows["ts_ns"][0] if len(worse.rows) else None,
        )
    else:
        lost, sent = worse.lost + other.lost, worse.sent + other.sent
        before, after = worse.before + other.before, worse.after + other.after
        yield said(
            f"{lost:,} of {plural(sent, 'packet')} ({percent(lost / max(1, sent))}) were lost, on {path.pairs:,} "
            f"paths, in {plural(len(path.flows), 'connection')}: {before:,} before they came to the tap, {after:,} "
            f"behind it {frame_list(rows['frame'])}.",
            rows["frame"],
            rows["ts_ns"][0] if len(rows) else None,
        )
    yield from _cost(path)
    if path.pairs == 1 and other.packets:
        told = f"{_lost(other)} in the other direction {'was' if other.lost == 1 else 'were'} lost" if other.lost else (
            "Nothing was lost in the other direction"
        )  # fmt: skip
        frames = f" {frame_list(other.rows['frame'])}" if len(other.rows) else ""
        yield said(f"{told}{frames}.", other.rows["frame"])
    if told := _no_loss(path):
        yield said(told)
    if control:
        groups = "; ".join(
            f"{group.name} lost {group.lost:,} of {plural(group.packets, 'packet')}" for group in control
        )
        yield said(f"In the same seconds {groups}.")


def _lost(way: Way) -> str:
    return f"{way.lost:,} of {plural(way.sent, 'packet')} ({percent(way.share)})"


def _where(way: Way, place: Place) -> str:
    if not way.after:
        return place.before
    if not way.before:
        return place.after
    return f"on the way: {way.before:,} before {'it' if way.before == 1 else 'they'} came to the tap, " \
           f"{way.after:,} behind it"  # fmt: skip


def _cost(path: Path) -> Iterator[Sentence]:
    longest = max((way.stalls for way in path.ways), key=lambda stalls: stalls.longest)
    count = sum(len(way.stalls.ns) for way in path.ways)
    if not count:
        yield said("The senders noticed at once and sent again: a round trip each, nobody waited for a timer.")
        return
    total = sum(int(way.stalls.ns.sum()) for way in path.ways)
    if count == 1:
        told = f"A sender stood still for {duration(total)} until its timer sent again"
    else:
        told = f"{count:,} times a sender stood still until its timer sent again: {duration(total)} in all, " \
               f"{duration(longest.longest)} the longest"  # fmt: skip
    yield said(f"{told} [{longest.longest_frame}].", (longest.longest_frame,))


def _no_loss(path: Path) -> str:
    """What looks like loss and is none."""
    needless, late, unseen = (sum(getattr(way, name) for way in path.ways) for name in ("needless", "late", "unseen"))
    told = [f"{plural(needless, 'retransmission')} {'was' if needless == 1 else 'were'} needless"] if needless else []
    if late:
        told.append(f"{plural(late, 'segment')} came late, not lost")
    if unseen:
        told.append(f"{size(unseen)} were merely not captured")
    return f"Not counted: {', '.join(told)}." if told else ""


def causes(path: Path, hosts: tuple[str, str], place: Place, control: list[Control]) -> tuple[Cause, ...]:
    """By the control groups: one of the ends, or what only these two hosts share; then by the pattern of the losses."""
    worse = path.worse
    ends = {group.end: group for group in control if group.telling(worse.share)}
    found = [
        Cause(
            f"something near {hosts[end]}: its link, switch port or host",
            (f"{group.name} lost {group.lost:,} of {group.packets:,} packets, too",) if group.lost else (),
            () if group.lost else (f"{group.name} lost none of {group.packets:,} packets",),
        )
        for end, group in ends.items()
        if end is not None
    ]
    clean = [group for group in ends.values() if not group.lost]
    if clean and len(clean) == len(ends):
        found.insert(
            0,
            Cause(
                "something that only these two hosts' packets pass: a link, a policer, a tunnel",
                tuple(f"{group.name} lost none of {group.packets:,} packets" for group in clean),
            ),
        )
    lost, events = (sum(getattr(way, name) for way in path.ways) for name in ("lost", "events"))
    burst = lost >= _BURST * events
    pattern = f"{plural(lost, 'packet')} in {plural(events, 'loss event')}"
    found += [
        Cause("a queue overflows when the sender is fast (congestion)", (f"bursts: {pattern}",) if burst else ()),
        Cause("a bad link, radio or cable loses single packets", () if burst else (f"single losses: {pattern}",)),
    ]
    return tuple(sorted(found, key=lambda cause: (not cause.support, bool(cause.against))))


def refutations(path: Path) -> tuple[Refutation, ...]:
    """What else looks like loss on the path."""
    needless, late, dsacks, unseen = (
        sum(getattr(way, name) for way in path.ways) for name in ("needless", "late", "dsacks", "unseen")
    )
    frames = tuple(int(frame) for frame in path.worse.rows["frame"][:FRAMES_TOLD])
    return (
        Refutation(
            "the receiver had the first copies: then it says so, by its ACK or a DSACK",
            f"looked for: {plural(needless, 'retransmission')} of that kind, {plural(dsacks, 'DSACK')}, left out here",
        ),
        Refutation(
            "they came late, not never (reordering)",
            f"looked for: {plural(late, 'segment')} of that kind, left out here",
        ),
        Refutation(
            "only the capture lacks them, the network delivered them",
            f"not so: their receiver waited for the second copies {frame_list(path.worse.rows['frame'])}"
            + (f"; {size(unseen)} that are only not captured are left out" if unseen else ""),
            frames,
        ),
        Refutation("the segments arrived, and their ACKs were lost", None),
    )
