"""Why SYNs get no answer: the possible causes, scored by what the capture says for and against each.

The rule. Each clue is a fact of the capture that speaks for or against one cause, with a weight:

    4  decisive: the cause cannot be without it, or cannot be with it
    2  strong: rarely so otherwise
    1  weak: fits better than not

A cause's score is the sum of its weights for, less the sum of those against. Causes stand in the order of their
scores; where scores are equal, in the order of `Why`, which is that of how often each turns out to be the reason in
operation. Special causes (`SPECIAL`) are named only when something speaks for them. Two causes are told apart when
their scores differ by `CLEAR` or more.

    | clue | for | against |
    |---|---|---|
    | established connections whose requests nobody answers, and none that is served | queue 4 | |
    | the port answered before, and nobody since | queue 2 | |
    | others answered meanwhile, some only when they repeated the SYN | queue 2 | |
    | others answered meanwhile, all at once | | queue 2, down 4, path 2 |
    | of them the same client, from other ports | stale 2 | firewall 2 |
    | of them other clients only | firewall 1, stale 1 | |
    | the port never answered anybody (queue, stale: unless on loopback) | firewall 1 | queue 2, stale 2 |
    | the host answered on other ports meanwhile | firewall 2 | down 4, path 2 |
    | the host sent something else meanwhile | | down 4, path 2 |
    | nothing else from the host meanwhile, but before and after | | down 2 |
    | nothing from the host at all | down 2 | queue 2, stale 2 |
    | the client's connects to other hosts were answered meanwhile | down 1 | path 2 |
    | none of the client's connects to two or more other hosts either | path 2 | down 2 |
    | three or more 4-tuples, none of them answered | | stale 2 |
    | an earlier connection of the 4-tuple ended in sight on the server's side | | stale 4 |
    | loopback | queue 1, stale 1 | down 4, path 4, firewall 1 |
    | ICMP: unreachable | down 4 | |
    | ICMP: prohibited | firewall 4 | |
    | captured beside the server: the SYNs had arrived | | path 2, down 4 |
    | other connections with this server show one direction only | tap 4 | |
    | the capture dropped packets | tap 1 | |
    | the SYN is repeated: no SYN-ACK came to the client | | tap 2 |
    | all have a TCP option or ECN that no answered SYN to this port has | option 2 | |
    | all timestamps are older than in answered SYNs of that address, which share a clock | time-wait 2 | |
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from ..model.finding import Cause

DECISIVE: Final = 4
STRONG: Final = 2
WEAK: Final = 1
CLEAR: Final = 2


class Why(StrEnum):
    """The causes, the more frequent ones first."""

    FIREWALL = "a firewall drops these SYNs, on the path or on the host itself"
    QUEUE = "the listener does not accept: its accept queue or SYN queue is full, and the kernel drops SYNs"
    DOWN = "the host is down, or no route leads there"
    STALE = (
        "the server still holds an older connection on the very 4-tuple, and drops the SYN, or something drops its "
        "challenge ACK"
    )
    PATH = "the path loses packets of this client: its link, its gateway, a tunnel"
    TAP = "the answers took a way that the capture does not see, or the capture lost them"
    OPTION = "something on the path drops SYNs that carry this option"
    TIME_WAIT = "the server keeps timestamps of that address, and drops SYNs with older ones (a NAT mixes clients)"


SPECIAL: Final = frozenset((Why.TAP, Why.OPTION, Why.TIME_WAIT, Why.PATH))


class Clue(NamedTuple):
    """A fact that speaks for a cause (positive weight) or against it (negative)."""

    why: Why
    weight: int
    text: str


class Ranked(NamedTuple):
    """A cause with its score."""

    why: Why
    score: int
    cause: Cause


def ranked(clues: Iterable[Clue]) -> list[Ranked]:
    """All causes that are worth naming, the best supported first. The rule is the module's docstring."""
    clues = list(clues)
    order = list(Why)
    found = []
    for why in order:
        mine = [clue for clue in clues if clue.why is why]
        support = tuple(clue.text for clue in mine if clue.weight > 0)
        against = tuple(clue.text for clue in mine if clue.weight < 0)
        if support or why not in SPECIAL:
            found.append(Ranked(why, sum(clue.weight for clue in mine), Cause(str(why), support, against)))
    found.sort(key=lambda one: (-one.score, order.index(one.why)))
    return found


def clear(causes: Sequence[Ranked]) -> bool:
    """Whether the first cause stands out: something speaks for it, and the second is CLEAR behind."""
    return causes[0].score > 0 and (len(causes) == 1 or causes[0].score - causes[1].score >= CLEAR)
