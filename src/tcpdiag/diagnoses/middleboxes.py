"""After which silence NATs, firewalls and load balancers forget a connection: the defaults that their makers document.

Candidates, never proof: most of these times can be configured, and more than one box may stand on the path.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ..units import NS, duration


class Box(NamedTuple):
    """A kind of middlebox and the idle time after which it forgets a connection by default."""

    seconds: int
    name: str
    source: str


ESTABLISHED: Final = (
    Box(60, "AWS application load balancers", "Elastic Load Balancing guide, idle_timeout.timeout_seconds"),
    Box(240, "Azure load balancers and NAT gateways", "Azure Load Balancer guide, TCP reset and idle timeout"),
    Box(300, "many home and mobile NATs", "RFC 5382 section 5 asks for 2 h 4 min and most of those in use fall short"),
    Box(350, "AWS network load balancers and NAT gateways", "Elastic Load Balancing guide, tcp.idle_timeout.seconds"),
    Box(600, "Google Cloud firewalls", "Compute Engine guide, communication with the internet: idle connections"),
    Box(900, "Linux IPVS (Docker Swarm, kube-proxy)", "ip_vs_proto_tcp.c, tcp_timeouts: ESTABLISHED"),
    Box(3600, "Cisco ASA, FortiGate and Palo Alto firewalls", "ASA CLI guide, timeout conn"),
    Box(7440, "a NAT that keeps to RFC 5382", "RFC 5382 section 5, REQ-5: not before 2 h 4 min"),
    Box(432_000, "Linux conntrack", "nf_conntrack-sysctl, nf_conntrack_tcp_timeout_established"),
)
"""For a connection that neither side has closed; ascending."""

HALF_CLOSED: Final = (
    Box(60, "Linux conntrack", "nf_conntrack-sysctl, nf_conntrack_tcp_timeout_close_wait"),
    Box(
        120,
        "Linux conntrack, the FIN not acknowledged",
        "nf_conntrack-sysctl, nf_conntrack_tcp_timeout_fin_wait",
    ),
    Box(240, "a NAT that keeps to RFC 5382", "RFC 5382 section 5, REQ-5: transitory connections, 4 min"),
    Box(600, "Cisco ASA", "ASA CLI guide, timeout half-closed"),
)
"""For a connection of which one side has sent a FIN; ascending."""

NEAR: Final = 1.1
"""Idle for at most this many times a default: the connection is likely to have met just that one."""
EARLY: Final = 0.97
"""Boxes that sweep their table, and clocks that differ, may forget a little before their time."""


class Candidates(NamedTuple):
    """The boxes that would have forgotten a connection after some idle time; the longest time first."""

    boxes: tuple[Box, ...]
    near: bool  # the first of them, only just

    def support(self) -> tuple[str, ...]:
        """Reasons for a middlebox, the closest first."""
        if not self.boxes:
            return ()
        first, rest = self.boxes[0], self.boxes[1:]
        just = "just longer than" if self.near else "longer than"
        told = [f"{just} the default of {_named(first)}"]
        if rest:
            told.append(f"longer, too, than that of {', '.join(_named(box) for box in rest[:3])}")
        return tuple(told)

    def listed(self) -> list[dict[str, object]]:
        """For programs."""
        return [{"name": box.name, "timeout_s": box.seconds, "source": box.source} for box in self.boxes]


def forgetting(idle_ns: int, table: Sequence[Box] = ESTABLISHED) -> Candidates:
    """Who in `table` forgets a connection that was idle for `idle_ns`."""
    idle_s = idle_ns / NS
    boxes = tuple(box for box in reversed(table) if idle_s >= EARLY * box.seconds)
    return Candidates(boxes, bool(boxes) and idle_s <= NEAR * boxes[0].seconds)


def _named(box: Box) -> str:
    return f"{box.name} ({duration(box.seconds * NS)})"
