"""Data that is repeated and never acknowledged: at which distances, whether the sender gave up, and by which rule.

Most stacks give up in silence: no segment says so. It shows when the next repetition, due at twice the last distance
(RFC 6298 section 5.5), does not come although the capture goes on.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit
from ..model.states import State
from ..units import NS, duration
from .view import View

_RTO_MIN_NS: Final = NS // 5  # Linux TCP_RTO_MIN
_RTO_MAX_NS: Final = 120 * NS  # Linux TCP_RTO_MAX
_DOUBLINGS: Final = 9  # from the one to the other: ilog2(600)
_RETRIES_DEFAULT: Final = 15  # Linux tcp_retries2
_ORPHAN_RETRIES: Final = 8  # Linux tcp_orphan_retries, where the administrator left it at 0
_RETRIES_MAX: Final = 40
_WINDOWS_REPEATS: Final = 5  # TcpMaxDataRetransmissions
_WINDOWS_TTL: Final = (65, 128)
_DOUBLED: Final = (1.5, 3)  # one distance by the one before: timers have a granularity, and SRTT a share
_LATE: Final = 1.25  # of its distance, the next repetition may be late
_ORPHANED: Final = [int(state) for state in (State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK)]


class Repeats(NamedTuple):
    """The repetitions of one endpoint's oldest data since its peer was last heard."""

    times: int  # all segments that were repeated, of whatever data
    frames: tuple[int, ...]  # of these, as many as were kept
    sent_ns: int  # when the newest data was first sent
    sent_frame: int
    first_ns: int  # first and last repetition
    last_ns: int
    gaps_ns: tuple[int, ...]  # between the repetitions of the oldest data, the first sending left out
    due_ns: int  # when the next was due at the latest
    over: bool  # it did not come, though the capture went on
    reset_frame: int  # RST with which the sender ended it, 0: none

    @property
    def alone_ns(self) -> int:
        """From the first to the last repetition."""
        return self.last_ns - self.first_ns

    @property
    def doubling(self) -> bool:
        """Whether the distances double; the first may be that of a tail loss probe (RFC 8985 section 7)."""
        pairs = list(pairwise(self.gaps_ns[1:] if len(self.gaps_ns) > 2 else self.gaps_ns))
        return bool(pairs) and all(_DOUBLED[0] * a <= b <= _DOUBLED[1] * a or b >= 0.9 * _RTO_MAX_NS for a, b in pairs)

    def pace(self) -> str:
        """`, from 224 ms to 3.8 s apart, each about twice the one before`."""
        if len(self.gaps_ns) < 2:
            return ""
        least, most = duration(min(self.gaps_ns)), duration(max(self.gaps_ns))
        apart = f", {least} apart" if least == most else f", from {least} to {most} apart"
        return f"{apart}, about twice as long each time" if self.doubling else apart


def repeats(view: View, flow: int, side: int, events: np.ndarray, heard_ns: int) -> Repeats | None:
    """What `side` repeats since `heard_ns`, when its peer was last heard; None where it repeats nothing.

    events: those of the flow.
    """
    detail, own = view.detail(flow, side), view.tables.endpoint(flow, side)
    if detail is None or not int(detail["retrans_run"]):
        return None
    rows = events[(events["kind"] == EventKind.RETRANSMISSION) & (events["side"] == side)]
    run = rows[(rows["frame"] >= detail["retrans_run_frame"]) & (rows["ts_ns"] > heard_ns)]
    if not len(run):
        return None
    oldest = run[run["seq"] == own["snd_una"]]
    gaps = np.diff((oldest if len(oldest) > 1 else run)["ts_ns"])
    first_ns, last_ns = int(run["ts_ns"][0]), int(run["ts_ns"][-1])
    last_gap = int(gaps[-1]) if len(gaps) else last_ns - int(detail["last_new_ts_ns"])
    due_ns = last_ns + min(2 * last_gap, _RTO_MAX_NS)
    capped = bool(detail["events_full"]) and int(detail["retrans_run"]) > len(run)
    if capped:  # the newest were not kept one by one
        last_ns = int(own["last_ts_ns"])
        due_ns = last_ns + _RTO_MAX_NS
    reset = int(own["rst_frame"]) if int(own["rst_frame"]) > int(run["frame"][0]) else 0
    return Repeats(
        int(detail["retrans_run"]) if capped else len(run),
        tuple(run["frame"].tolist()),
        min(int(detail["last_new_ts_ns"]), first_ns),
        int(detail["last_new_frame"]) if int(detail["last_new_ts_ns"]) <= first_ns else int(run["ref"][0]),
        first_ns,
        last_ns,
        tuple(gaps.tolist()),
        due_ns,
        not reset and view.last_ts_ns > last_ns + _LATE * (due_ns - last_ns),
        reset,
    )


def verdict(view: View, flow: int, side: int, run: Repeats) -> str:
    """A sentence on how it ended: still trying, given up and by which rule, or reset."""
    if run.reset_frame:
        return f"Then it gave up and said so with a RST [{run.reset_frame}]."
    if not run.over:
        return "It is still trying when the capture ends."
    late = duration(view.last_ts_ns - run.due_ns)
    rules = " or ".join(rules_of(view, flow, side, run))
    return (
        f"Then it gave up without a word: the next repetition was due {late} before the capture ends and did not come"
        + (f"; {rules} would do that." if rules else ".")
    )


def rules_of(view: View, flow: int, side: int, run: Repeats) -> list[str]:
    """The settings with which a sender gives up after the last of these repetitions and before the next."""
    if not run.over:
        return []
    own = view.tables.endpoint(flow, side)
    orphan = int(own["bits"]) & EndpointBit.FIN_SENT and int(own["state"]) in _ORPHANED
    least_ns, most_ns = run.last_ns - run.first_ns, run.due_ns - run.sent_ns
    fitting = [n for n in range(2, _RETRIES_MAX) if least_ns < model_timeout_ns(n) <= most_ns]
    found = []
    if orphan and _ORPHAN_RETRIES in fitting:
        found.append("Linux, once the process has closed (tcp_orphan_retries)")
    elif _RETRIES_DEFAULT in fitting:
        found.append(f"Linux with tcp_retries2 = {_RETRIES_DEFAULT} (the default)")
    elif fitting:
        found.append(f"Linux with tcp_retries2 = {' or '.join(map(str, fitting))}")
    if _WINDOWS_TTL[0] <= int(own["ttl"]) <= _WINDOWS_TTL[1] and run.times == _WINDOWS_REPEATS:
        found = ["Windows, after 5 repetitions (TcpMaxDataRetransmissions)"]
    elif _RETRIES_DEFAULT not in fitting and run.last_ns - run.sent_ns < model_timeout_ns(_RETRIES_DEFAULT):
        found.append(f"a TCP_USER_TIMEOUT of {duration(run.last_ns - run.sent_ns)} to {duration(most_ns)}")
    return found


def model_timeout_ns(retries: int) -> int:
    """After which time Linux gives up with `tcp_retries2` of so many: when as many repetitions would have gone out,
    had the first RTO been the shortest possible (tcp_model_timeout in net/ipv4/tcp_timer.c)."""
    doublings = min(retries, _DOUBLINGS)
    return ((2 << doublings) - 1) * _RTO_MIN_NS + (retries - doublings) * _RTO_MAX_NS
