"""All diagnoses, in the order of the report: what causes before what is caused, the capture itself last."""

from typing import Final

from ..errors import UsageError
from .base import Diagnosis
from .close_wait_leak import CloseWaitLeak
from .close_wait_stuck import CloseWaitStuck
from .half_open import HalfOpen
from .keepalive_unanswered import KeepaliveUnanswered
from .peer_vanished import PeerVanished
from .rst_off_sequence import RstOffSequence
from .syn_in_connection import SynInConnection
from .syn_into_close_wait import SynIntoCloseWait
from .syn_refused import SynRefused
from .syn_unanswered import SynUnanswered

DIAGNOSES: Final[tuple[Diagnosis, ...]] = (
    RstOffSequence(),
    SynIntoCloseWait(),
    SynInConnection(),
    CloseWaitLeak(),
    SynRefused(),
    SynUnanswered(),
    KeepaliveUnanswered(),
    HalfOpen(),
    PeerVanished(),
    CloseWaitStuck(),
)


def by_kind(kind: str) -> Diagnosis:
    """The diagnosis of this kind. Raises UsageError, naming the known ones."""
    for diagnosis in DIAGNOSES:
        if diagnosis.kind == kind:
            return diagnosis
    raise UsageError(f"unknown kind {kind!r}: known are {', '.join(d.kind for d in DIAGNOSES)}")
