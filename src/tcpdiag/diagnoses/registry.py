"""All diagnoses, in the order of the report: what causes before what is caused, the capture itself last."""

from typing import Final

from ..errors import UsageError
from .accept_queue_overflow import AcceptQueueOverflow
from .base import Diagnosis
from .capture_clock_step import CaptureClockStep
from .capture_duplicated import CaptureDuplicated
from .capture_loss import CaptureLoss
from .capture_one_sided import CaptureOneSided
from .capture_truncated import CaptureTruncated
from .close_wait_leak import CloseWaitLeak
from .close_wait_sawtooth import CloseWaitSawtooth
from .close_wait_stuck import CloseWaitStuck
from .conflicting_overlap import ConflictingOverlap
from .half_open import HalfOpen
from .idle_flow_dropped import IdleFlowDropped
from .keepalive_absent import KeepaliveAbsent
from .keepalive_stopped import KeepaliveStopped
from .keepalive_unanswered import KeepaliveUnanswered
from .mtu_black_hole import MtuBlackHole
from .options_stripped import OptionsStripped
from .path_loss import PathLoss
from .peer_vanished import PeerVanished
from .reader_stopped import ReaderStopped
from .reset_loop import ResetLoop
from .rst_injected import RstInjected
from .rst_off_sequence import RstOffSequence
from .rst_spray import RstSpray
from .segment_injected import SegmentInjected
from .silly_window import SillyWindow
from .syn_flood import SynFlood
from .syn_in_connection import SynInConnection
from .syn_into_close_wait import SynIntoCloseWait
from .syn_refused import SynRefused
from .syn_unanswered import SynUnanswered
from .window_shrunk import WindowShrunk
from .zero_window_stall import ZeroWindowStall

DIAGNOSES: Final[tuple[Diagnosis, ...]] = (
    SegmentInjected(),
    RstInjected(),
    ResetLoop(),
    ConflictingOverlap(),
    RstSpray(),
    RstOffSequence(),
    SynIntoCloseWait(),
    SynInConnection(),
    ReaderStopped(),
    CloseWaitLeak(),
    CloseWaitSawtooth(),
    SynFlood(),
    AcceptQueueOverflow(),
    SynRefused(),
    SynUnanswered(),
    MtuBlackHole(),
    KeepaliveUnanswered(),
    IdleFlowDropped(),
    HalfOpen(),
    PeerVanished(),
    KeepaliveStopped(),
    CloseWaitStuck(),
    ZeroWindowStall(),
    WindowShrunk(),
    SillyWindow(),
    PathLoss(),
    OptionsStripped(),
    KeepaliveAbsent(),
    CaptureTruncated(),
    CaptureOneSided(),
    CaptureLoss(),
    CaptureDuplicated(),
    CaptureClockStep(),
)


def by_kind(kind: str) -> Diagnosis:
    """The diagnosis of this kind. Raises UsageError, naming the known ones."""
    for diagnosis in DIAGNOSES:
        if diagnosis.kind == kind:
            return diagnosis
    raise UsageError(f"unknown kind {kind!r}: known are {', '.join(d.kind for d in DIAGNOSES)}")
