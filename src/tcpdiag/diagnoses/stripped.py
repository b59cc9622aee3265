"""TCP options that do not get through: what the two SYNs say at the tap, against what their senders do."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from ..model.event import EventKind
from ..model.flow import EndpointBit
from ..model.segment import Option
from ..sets import among, distinct, mixed
from .confidence import OPTIONS_CUT
from .keys import endpoint_keys, host_keys
from .view import View

NAMES: Final = {
    Option.TIMESTAMPS: "timestamps",
    Option.SACK_PERMITTED: "SACK",
    Option.WSCALE: "window scaling",
}
NO_SCALE: Final = 255

_CONTROLS_MIN: Final = 2  # hosts that must get the option from the same server: one may be another exception
_SEGMENTS_MIN: Final = 2  # that a host must have sent before it is said never to use an option


class Sign(StrEnum):
    """How it shows."""

    UNAGREED = "used though not agreed on here"
    UNUSED = "agreed on here, and never used"
    SCALED = "windows that make sense only when scaled"
    CONTROL = "given to others, not to this host"


class Stripped(NamedTuple):
    """Connections in which one option shows one sign. `sides`: whose behaviour it is; of CONTROL, the client's."""

    sign: Sign
    option: Option
    flows: np.ndarray
    sides: np.ndarray
    frames: np.ndarray  # the frame of each that shows it
    controls: np.ndarray  # connections that show how it is elsewhere


def stripped(view: View, alike_min: float, shrink_min: float) -> Iterator[Stripped]:
    """Every sign of every option, in order of `Sign`; of connections with traffic whose SYNs were both captured."""
    if OPTIONS_CUT in view.doubts(np.zeros(0, np.int64)):
        return
    flows = view.with_details
    known = (view.side("bits")[flows] & int(EndpointBit.ISN_KNOWN | EndpointBit.HELD)) == int(EndpointBit.ISN_KNOWN)
    both = flows[np.all(known, axis=1)]
    none = np.zeros(0, np.int64)
    for option in (Option.TIMESTAMPS, Option.SACK_PERMITTED):
        flows, sides, frames = _unagreed(view, option)
        yield Stripped(Sign.UNAGREED, option, flows, sides, frames, none)
    agreed = both[np.all(_options(view, both) & int(Option.TIMESTAMPS) != 0, axis=1)]
    yield Stripped(Sign.UNUSED, Option.TIMESTAMPS, *_unused(view, agreed), none)
    yield Stripped(Sign.SCALED, Option.WSCALE, *_scaled(view, both, shrink_min), none)
    for option in NAMES:
        yield from _not_given(view, both, option, alike_min)


def _options(view: View, flows: np.ndarray, sides: np.ndarray | None = None) -> np.ndarray:
    """Option bits of one side's SYN, shape (flows,); of both, shape (flows, 2)."""
    rows = 2 * flows[:, None] + np.arange(2) if sides is None else 2 * flows + sides
    offered: np.ndarray = view.tables.endpoints["options"][rows]
    return offered


def _unagreed(view: View, option: Option) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Timestamps need both SYNs; SACK blocks only the permission of whom they are sent to (RFC 2018 section 2)."""
    used = Option.SACK if option is Option.SACK_PERMITTED else option
    rows = view.by_kind(EventKind.OPTION_UNAGREED)
    rows = rows[rows["detail"] & int(used) != 0]
    if option is Option.SACK_PERMITTED:
        permitted = _options(view, rows["flow"].astype(np.int64), 1 - rows["side"].astype(np.int64)) & int(option)
        rows = rows[permitted == 0]
    return rows["flow"].astype(np.int64), rows["side"].astype(np.int64), rows["frame"].astype(np.int64)


def _unused(view: View, agreed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both SYNs have timestamps here, so every later segment must (RFC 7323 section 3.2); those of one side do not."""
    rows = view.flows["detail"][agreed].astype(np.int64)
    details = view.tables.details["options_sent"]
    without = np.stack([details[rows], details[rows + 1]], axis=1) & int(Option.TIMESTAMPS) == 0
    index, sides = np.nonzero(without)
    flows = agreed[index]
    ends = view.tables.endpoints[2 * flows + sides]
    enough = ends["packets"].astype(np.int64) - ends["syns"] - ends["resets"] >= _SEGMENTS_MIN
    return flows[enough], sides[enough], ends["last_frame"][enough].astype(np.int64)


def _scaled(view: View, both: np.ndarray, shrink_min: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A server whose SYN-ACK came without a scale, though the SYN had one, and whose windows then are a fraction
    of the one in its SYN-ACK, which is never scaled (RFC 7323 section 2.2)."""
    server = 1 - view.client[both].astype(np.int64)
    offered, given = _options(view, both, 1 - server), _options(view, both, server)
    bare = (offered & int(Option.WSCALE) != 0) & (given & int(Option.WSCALE) == 0)
    flows, sides = both[bare], server[bare]
    rows = view.flows["detail"][flows].astype(np.int64) + sides
    largest = view.tables.details["max_window"][rows].astype(np.int64)
    ends = view.tables.endpoints[2 * flows + sides]
    first = ends["syn_window"].astype(np.int64)
    small = (largest > 0) & (largest * shrink_min <= first)
    return flows[small], sides[small], ends["last_ack_frame"][small].astype(np.int64)


def _not_given(view: View, both: np.ndarray, option: Option, alike_min: float) -> Iterator[Stripped]:
    """Hosts to which a server never gives the option that they offer, and that it gives to all others that offer the
    same: not a server without it, nor one that sits behind an address with others."""
    client = view.client[both].astype(np.int64)
    offers, gives = _options(view, both, client), _options(view, both, 1 - client)
    wanted = offers & int(option) != 0
    missing = wanted & (gives & int(option) == 0)
    if np.count_nonzero(missing) < alike_min:
        return
    servers = mixed(endpoint_keys(view, both, 1 - client), offers)
    asked = wanted & among(servers, distinct(servers[missing]))
    flows, keys, lacking = both[asked], servers[asked], missing[asked]
    hosts = host_keys(view, flows, view.client[flows].astype(np.int64))
    for key in distinct(keys[lacking]).tolist():
        here = keys == np.uint64(key)
        names, place = np.unique(hosts[here], return_inverse=True)
        without = np.bincount(place, lacking[here], len(names))
        total = np.bincount(place, minlength=len(names))
        if np.any((without > 0) & (without < total)) or np.count_nonzero(without == 0) < _CONTROLS_MIN:
            continue
        mine = flows[here]
        for host in np.flatnonzero(without >= alike_min).tolist():
            yield from _one_host(view, option, mine[place == host], mine[without[place] == 0])


def _one_host(view: View, option: Option, lacking: np.ndarray, controls: np.ndarray) -> Iterator[Stripped]:
    starts = view.flows["first_ts_ns"]
    meanwhile = (starts[controls] >= starts[lacking].min()) & (starts[controls] <= starts[lacking].max())
    if np.any(meanwhile):
        client = view.client[lacking].astype(np.int64)
        frames = view.tables.endpoints["first_frame"][2 * lacking + 1 - client].astype(np.int64)
        yield Stripped(Sign.CONTROL, option, lacking, client, frames, controls[meanwhile])
