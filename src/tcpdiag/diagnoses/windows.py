"""Closed receive windows: what happened while one was closed, who was waiting, and how the connection ended."""

from typing import NamedTuple

import numpy as np

from ..model.event import PROBE_ROWS, EventKind
from ..model.finding import Refutation
from ..model.flow import EndpointBit
from ..units import duration, percent, plural, size
from .base import frame_list
from .sentences import FRAMES_TOLD
from .view import View


class Closure(NamedTuple):
    """One time that an endpoint's window was closed. `closed`: its WINDOW_CLOSED event, None where the row was not
    kept; `probes`: the peer's zero-window probes meanwhile; `answers`: those of them that were answered "still 0"."""

    flow: int
    side: int
    closed: np.void | None
    probes: np.ndarray
    answers: np.ndarray
    since_ns: int
    until_ns: int

    @property
    def taken(self) -> int | None:
        """Bytes of the peer that the reader had taken when it closed the window."""
        return None if self.closed is None else int(self.closed["value"])


def closure(events: np.ndarray, flow: int, side: int, since_ns: int, until_ns: int) -> Closure:
    """What the events of `flow` tell of the time in which the window of `side` was closed, both ends included."""
    inside = events[(events["ts_ns"] >= since_ns) & (events["ts_ns"] <= until_ns)]
    closed = inside[(inside["kind"] == EventKind.WINDOW_CLOSED) & (inside["side"] == side)]
    return Closure(
        flow,
        side,
        closed[0] if len(closed) else None,
        inside[(inside["kind"] == EventKind.ZERO_WINDOW_PROBE) & (inside["side"] == 1 - side)],
        inside[(inside["kind"] == EventKind.ZERO_WINDOW_PROBE_ACK) & (inside["side"] == side)],
        since_ns,
        until_ns,
    )


def probed(view: View, stalls: np.ndarray) -> np.ndarray:
    """Which of these WINDOW_OPENED events end a time in which the peer probed; shape (stalls,).

    Only the first PROBE_ROWS probes of a sender have rows: for what comes after them the count has to do.
    """
    probes = view.by_kind(EventKind.ZERO_WINDOW_PROBE)
    senders = 2 * probes["flow"].astype(np.int64) + probes["side"]
    order = np.argsort(senders, kind="stable")
    senders, times = senders[order], probes["ts_ns"][order]
    wanted = 2 * stalls["flow"].astype(np.int64) + 1 - stalls["side"]
    first, last = np.searchsorted(senders, wanted), np.searchsorted(senders, wanted, "right")
    found: np.ndarray = last > first
    for index in np.flatnonzero(found).tolist():
        mine, until_ns = times[first[index] : last[index]], int(stalls["ts_ns"][index])
        inside = (mine < until_ns) & (mine >= until_ns - int(stalls["value"][index]))
        found[index] = np.any(inside) or (len(mine) >= PROBE_ROWS and until_ns > int(mine[-1]))
    return found


def sent_since(view: View, stall: Closure) -> int | None:
    """New bytes that the peer sent after the window was closed; None where that moment was not kept."""
    detail = view.detail(stall.flow, 1 - stall.side)
    return None if stall.taken is None or detail is None else max(0, int(detail["new_bytes"]) - stall.taken)


def at_byte(stall: Closure) -> str:
    """`after 27,513 bytes`; nothing where that was not kept."""
    return "" if stall.taken is None else f" after {plural(stall.taken, 'byte')}"


def share_of_life(view: View, flows: np.ndarray, closed_ns: np.ndarray, until_ns: np.ndarray | None = None) -> str:
    """`6.2 s in all, 93 % of the connection's life`. `until_ns`: when each life ended, if not with its last packet."""
    rows = view.flows[flows]
    life_ns = int(((rows["last_ts_ns"] if until_ns is None else until_ns) - rows["first_ts_ns"]).sum())
    total_ns = int(closed_ns.sum())
    whose = "the connection's life" if len(flows) == 1 else "the connections' lives"
    return f"{duration(total_ns)} in all, {percent(min(1.0, total_ns / max(1, life_ns)))} of {whose}"


def ending(view: View, flow: int) -> tuple[str, tuple[int, ...]]:
    """How the connection ended, and the frames that show it."""
    ends = [view.tables.endpoint(flow, side) for side in (0, 1)]
    for side, end in enumerate(ends):
        if int(end["bits"]) & EndpointBit.RST_SENT:
            return f"the {view.role(flow, side)} reset the connection", (int(end["rst_frame"]),)
    closed = [int(end["fin_frame"]) for end in ends if int(end["bits"]) & EndpointBit.FIN_SENT]
    if len(closed) == 2:
        return "both sides closed the connection", tuple(sorted(closed))
    if closed:
        side = 0 if int(ends[0]["bits"]) & EndpointBit.FIN_SENT else 1
        return f"only the {view.role(flow, side)} closed the connection", tuple(closed)
    return "the connection was still open when the capture ended", ()


def alive(view: View, stall: Closure, lost: int) -> Refutation:
    """Is it the reader's application, or its host and the path?"""
    who, what = view.role(stall.flow, stall.side), "the path or the reader's whole host was down, not its application"
    if lost:
        last = stall.probes["frame"][-lost:]
        return Refutation(
            what, f"cannot be ruled out: the last {plural(lost, 'probe')} got no answer {frame_list(last)}", _few(last)
        )
    if not len(stall.answers):
        return Refutation(what, "not told: no answer to a probe was captured while the window was closed")
    frames = stall.answers["frame"]
    return Refutation(
        what,
        f"not found: the {who} answered {plural(len(frames), 'probe')} of {len(stall.probes)}, each time with a window "
        f"of 0 {frame_list(frames)}",
        _few(frames),
    )


def own_hand(view: View, stall: Closure) -> Refutation:
    """Did the reader itself close the window, or somebody in between?"""
    what = f"a device on the path closed the window in the {view.role(stall.flow, stall.side)}'s name"
    return (
        Refutation(what, None) if stall.closed is None else same_ttl(view, stall.flow, stall.side, stall.closed, what)
    )


def same_ttl(view: View, flow: int, side: int, event: np.void, what: str) -> Refutation:
    """Whether the segment came the way of the sender's other segments; `what`: what it would mean if not."""
    ttl, usual = int(event["ttl"]), int(view.tables.endpoint(flow, side)["ttl"])
    frame, who = int(event["frame"]), view.role(flow, side)
    if ttl == usual:
        return Refutation(what, f"not found: TTL {ttl} in frame {frame} is that of the {who}'s first packet", (frame,))
    return Refutation(what, f"possible: frame {frame} has TTL {ttl}, the {who}'s first packet {usual}", (frame,))


def sent_again(view: View) -> np.ndarray:
    """RETRANSMISSION events of text beyond a right edge that its receiver had taken back. For `View.once`."""
    rows = view.by_kind(EventKind.WINDOW_SHRUNK)
    found = [view.events[:0]]
    for flow, events in view.by_flow(rows["flow"]):
        repeats = events[events["kind"] == EventKind.RETRANSMISSION]
        beyond = np.zeros(len(repeats), bool)
        for row in rows[rows["flow"] == flow] if len(repeats) else ():
            edge = int(row["ack"]) + int(row["window"])
            over = (repeats["seq"].astype(np.int64) + repeats["payload_len"] - edge) & 0xFFFFFFFF
            beyond |= (
                (repeats["side"] != row["side"])
                & (repeats["frame"] > row["frame"])
                & (over > 0)
                & (over <= int(row["value"]))
            )
        found.append(repeats[beyond])
    return np.concatenate(found)


def wanted_more(view: View, stall: Closure, more: int | None) -> Refutation:
    """Was anybody waiting at all?"""
    other = view.role(stall.flow, 1 - stall.side)
    sent = "" if not more else f" and sent {size(more)} more afterwards"
    return Refutation(
        f"the {other} had nothing more to send, so nobody was waiting",
        f"not so: it probed {plural(len(stall.probes), 'time')} {frame_list(stall.probes['frame'])}{sent}"
        if len(stall.probes)
        else f"not so: it probed the window more often than rows are kept{sent}",
        _few(stall.probes["frame"]),
    )


def _few(frames: np.ndarray) -> tuple[int, ...]:
    return tuple(frames[:FRAMES_TOLD].tolist())
