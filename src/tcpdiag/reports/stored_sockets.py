"""Listings of the hosts' own sockets from their JSON."""

from collections.abc import Iterator

from ..errors import UsageError
from ..sockets.compare import Agreement, Verdict
from ..sockets.listing import Listing
from ..sockets.predict import Prediction
from ..sockets.socket import End, Owner, Socket, Timer
from ..sockets.table import Absent, Joined, JoinedListing, SocketTable
from ..sockets.when import DATE_LINE, FILE_TIME, GIVEN, Moment
from ..units import NS, parse_address
from .fields import Fields, wrong
from .stored_flows import STATES

AGREEMENTS = {str(agreement): agreement for agreement in Agreement}
SOURCES = {name: name for name in (GIVEN, DATE_LINE, FILE_TIME)}
SIDES = {"client": 0, "server": 1}


def read(document: Fields, connections: int) -> SocketTable | None:
    """All listings; None where none was given."""
    if document.raw("sockets") is None:
        return None
    return SocketTable(tuple(_listing(each, connections) for each in document.objects("sockets")))


def _listing(each: Fields, connections: int) -> JoinedListing:
    joined = tuple(_joined(row, connections) for row in each.objects("joined"))
    others = [(_socket(row), row.flag("captured")) for row in each.objects("others")]
    sockets = sorted([row.socket for row in joined] + [socket for socket, _ in others], key=lambda s: s.line)
    taken = Moment(each.time("ts"), NS, each.word("ts_from", SOURCES), each.flag("assumed_utc"))
    untold = each.maybe("absence_untold", each.text)
    return JoinedListing(
        Listing(each.text("path"), each.text("format"), taken, tuple(sockets), each.counts("not_understood")),
        each.text("when"),
        each.time("compared_at"),
        joined,
        tuple(socket for socket, captured in others if socket.remote is not None and not captured),
        () if untold is not None else tuple(_absent(each, connections)),
        untold,
        frozenset(socket.local[:3] for socket in sockets if not socket.local.any_address),
    )


def _joined(row: Fields, connections: int) -> Joined:
    stream = row.number("stream", 0, connections - 1)
    side = row.word("side", SIDES)
    predicted = Prediction(
        row.word("predicted", STATES),
        row.maybe("predicted_ts", row.time),
        row.maybe("predicted_frame", row.number),
        row.flag("certain"),
    )
    verdict = Verdict(row.word("agreement", AGREEMENTS), row.text("note"))
    return Joined(_socket(row), 2 * stream + side, row.text("side"), (stream,), predicted, verdict)


def _absent(each: Fields, connections: int) -> Iterator[Absent]:
    for row in each.objects("absent"):
        stream, side = row.number("stream", 0, connections - 1), row.word("side", SIDES)
        predicted = Prediction(row.word("predicted", STATES), None, row.maybe("predicted_frame", row.number), False)
        local, remote = _end(row, "local"), _end(row, "remote")
        yield Absent(2 * stream + side, row.text("side"), local, remote, predicted)


def _socket(row: Fields) -> Socket:
    return Socket(
        local=_end(row, "local"),
        remote=None if row.raw("remote") is None else _end(row, "remote"),
        state=row.maybe("state", lambda key: row.word(key, STATES)),
        recv_q=row.maybe("recv_q", row.number),
        send_q=row.maybe("send_q", row.number),
        owners=tuple(
            Owner(owner.text("name"), owner.maybe("pid", owner.number), owner.maybe("fd", owner.number))
            for owner in row.objects("processes")
        ),
        inode=row.maybe("inode", row.number),
        uid=row.maybe("uid", row.number),
        timer=row.maybe("timer", lambda key: _timer(row.object(key))),
        info=row.counts("info"),
        counts_fin=row.flag("counts_fin"),
        line=row.number("line"),
    )


def _timer(each: Fields) -> Timer:
    return Timer(each.text("name"), each.maybe("left_ns", each.number), each.number("retries"))


def _end(row: Fields, key: str) -> End:
    host, _, port = row.text(key).rpartition(":")
    try:
        if len(host) <= 64 and port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 0xFFFF:
            return End(*parse_address(host), int(port))
    except UsageError:
        pass
    wrong(f"{row.place}.{key}", "an address and a port")
