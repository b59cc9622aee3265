"""What a script makes one diagnosis say."""

from flows.tracked import HANDSHAKE, tracked
from tcpdiag.diagnoses import examine_all
from tcpdiag.model.finding import Finding


def asked(kind: str, script: str, *, handshake: bool = True) -> list[Finding]:
    """The findings of one kind, in rank order; the script begins after a handshake unless it brings its own."""
    findings, _, unexamined = examine_all(tracked((HANDSHAKE if handshake else "") + script), only=(kind,))
    assert unexamined == []
    return findings


def only(kind: str, script: str, *, handshake: bool = True) -> Finding:
    """The one finding of this kind."""
    (finding,) = asked(kind, script, handshake=handshake)
    return finding
