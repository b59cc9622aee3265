# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""How a connection began and ended in few letters: `history` and the states behind `conn_state`, as Zeek defines them
(its `Conn::Info` record). The client stands for the originator.

A segment is judged by its flags alone, not by its numbers: that is what these columns mean wherever they are used.
Zeek's timers have no part in it: a connection is one `tcp.stream`, however long it was silent.
"""

from __future__ import annotations

import cython

from tcpdiag.model.segment import Checksum, Flag
from tcpdiag.model.statistics import HISTORY as _HISTORY
from tcpdiag.model.statistics import Ending
from tcpdiag.seqnum import add

if not cython.compiled:
    from tcpdiag.kernels import uncompiled

    Outstanding = uncompiled("outstanding").Outstanding

FIN = cython.declare(cython.int, int(Flag.FIN))
SYN = cython.declare(cython.int, int(Flag.SYN))
RST = cython.declare(cython.int, int(Flag.RST))
ACK = cython.declare(cython.int, int(Flag.ACK))
BAD = cython.declare(cython.int, int(Checksum.BAD))
HISTORY = cython.declare(cython.int, _HISTORY)
LOWER = cython.declare(cython.int, 32)  # 'a' - 'A'
LOG = cython.declare(cython.uint, 10)

INACTIVE = cython.declare(cython.int, int(Ending.INACTIVE))
SYN_SENT = cython.declare(cython.int, int(Ending.SYN_SENT))
SYN_ACK_SENT = cython.declare(cython.int, int(Ending.SYN_ACK_SENT))
PARTIAL = cython.declare(cython.int, int(Ending.PARTIAL))
ESTABLISHED = cython.declare(cython.int, int(Ending.ESTABLISHED))
CLOSED = cython.declare(cython.int, int(Ending.CLOSED))
RESET = cython.declare(cython.int, int(Ending.RESET))

# Letters of an endpoint that are there already.
DATA_SEEN = cython.declare(cython.int, 1)
ACK_SEEN = cython.declare(cython.int, 2)
SYN_SEEN = cython.declare(cython.int, 4)
SYN_ACK_SEEN = cython.declare(cython.int, 8)
FIN_SEEN = cython.declare(cython.int, 16)
RST_SEEN = cython.declare(cython.int, 32)
ODD_SEEN = cython.declare(cython.int, 64)
MULTIPLE_SEEN = cython.declare(cython.int, 128)

A = cython.declare(cython.int, ord("A"))
C = cython.declare(cython.int, ord("C"))
D = cython.declare(cython.int, ord("D"))
F = cython.declare(cython.int, ord("F"))
G = cython.declare(cython.int, ord("G"))
H = cython.declare(cython.int, ord("H"))
I = cython.declare(cython.int, ord("I"))  # noqa: E741
Q = cython.declare(cython.int, ord("Q"))
R = cython.declare(cython.int, ord("R"))
S = cython.declare(cython.int, ord("S"))
T = cython.declare(cython.int, ord("T"))
W = cython.declare(cython.int, ord("W"))
X = cython.declare(cython.int, ord("x"))
FLIPPED = cython.declare(cython.int, ord("^"))


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def clean(e: cython.pointer[Statistic]) -> cython.bint:
    """Established, or closed from there: a gap is one."""
    return e[0].state == ESTABLISHED or (e[0].state == CLOSED and e[0].state_before == ESTABLISHED)


@cython.cclass
class Endings(Outstanding):
    """Letters and states of every connection."""

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def letter(self, place: cython.longlong, side: cython.int, code: cython.int) -> cython.void:
        """One more letter: upper case for the client. `^` comes first where the server's segment was captured first."""
        c: cython.pointer[Connection] = cython.address(self.connections[place])
        if c[0].length == 0 and side != c[0].client:
            c[0].history[0] = FLIPPED
            c[0].length = 1
        if c[0].length < HISTORY - 1:
            c[0].history[c[0].length] = code if side == c[0].client else code + LOWER
            c[0].length += 1
        elif c[0].length < HISTORY:
            c[0].history[c[0].length] = X
            c[0].length += 1

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def once(self, place: cython.longlong, side: cython.int, mask: cython.int, code: cython.int) -> cython.void:
        """A letter that each side has at most once."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        if not (e[0].letters & mask):
            e[0].letters |= mask
            self.letter(place, side, code)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def numbered(
        self,
        place: cython.longlong,
        side: cython.int,
        mask: cython.int,
        code: cython.int,
        again: cython.bint,
    ) -> cython.void:
        """A letter that comes again when its sequence number is another than the last time."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        if not (e[0].letters & mask) or again:
            e[0].letters |= mask
            self.letter(place, side, code)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def scaled(self, place: cython.longlong, side: cython.int, code: cython.int, seen: cython.uint) -> cython.void:
        """A letter for the first, the 10th, the 100th, ... time; seen: which time it is."""
        while seen % LOG == 0:
            seen = seen // LOG
        if seen == 1:
            self.letter(place, side, code)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def history(
        self, place: cython.longlong, side: cython.int, s: cython.pointer[Segment], old: cython.bint
    ) -> cython.void:
        """The letters of one segment; old: all of its text was sent before. Before its state and its ACK count."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        flags: cython.int = s[0].flags & (SYN | FIN | RST)
        number: cython.uint = s[0].seq
        if s[0].checksum == BAD:
            e[0].checksum_letters += 1
            self.scaled(place, side, C, e[0].checksum_letters)
        if flags & FIN and flags & RST:
            self.once(place, side, ODD_SEEN, I)
        elif flags != 0 and flags != SYN and flags != FIN and flags != RST:
            self.once(place, side, MULTIPLE_SEEN, Q)
        elif flags == SYN:
            if s[0].flags & ACK:
                self.numbered(place, side, SYN_ACK_SEEN, H, number != e[0].last_syn)
            else:
                self.numbered(place, side, SYN_SEEN, S, number != e[0].last_syn)
            e[0].last_syn = number
        elif flags == FIN:
            number = add(number, cython.cast(cython.longlong, s[0].payload_len))
            self.numbered(place, side, FIN_SEEN, F, number != e[0].last_fin)
            e[0].last_fin = number
        elif flags == RST:
            self.numbered(place, side, RST_SEEN, R, number != e[0].last_rst)
            e[0].last_rst = number
        elif s[0].payload_len:
            self.once(place, side, DATA_SEEN, D)
        elif s[0].flags & ACK:
            self.once(place, side, ACK_SEEN, A)
        if (
            s[0].window == 0
            and not (flags & RST)
            and e[0].state != RESET
            and self.ends[2 * place + 1 - side].state != CLOSED
        ):
            e[0].window_letters += 1
            self.scaled(place, side, W, e[0].window_letters)
        if old and s[0].payload_len and not (flags & RST) and e[0].state != RESET:
            e[0].resent_letters += 1
            self.scaled(place, side, T, e[0].resent_letters)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def gaps(self, place: cython.longlong, side: cython.int, count: cython.int) -> cython.void:
        """So many gaps in what `side` sent were acknowledged. In other states numbers that do not fit look like one."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        if not clean(e) or not clean(cython.address(self.ends[2 * place + 1 - side])):
            return
        while count > 0:
            count -= 1
            e[0].gap_letters += 1
            self.scaled(place, side, G, e[0].gap_letters)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def move(self, e: cython.pointer[Statistic], state: cython.int) -> cython.void:
        """To another state."""
        if e[0].state != state:
            e[0].state_before = e[0].state
            e[0].state = state

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def ending(self, place: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The states of both ends after one segment. Two FINs make a normal end, whatever RST follows them."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        o: cython.pointer[Statistic] = cython.address(self.ends[2 * place + 1 - side])
        if e[0].state == RESET:
            return
        if e[0].state == CLOSED:
            if s[0].flags & RST and o[0].state != CLOSED:
                self.move(e, RESET)
            return
        if e[0].state == INACTIVE:
            self.begins(place, side, s)
        elif e[0].state == PARTIAL and o[0].state == INACTIVE and (s[0].flags & (SYN | ACK)) == SYN:
            self.move(e, SYN_SENT)
        if s[0].flags & FIN and not (s[0].flags & RST):
            self.move(e, CLOSED)
            if o[0].state == RESET and o[0].state_before == CLOSED:
                self.move(o, CLOSED)
        if s[0].flags & RST:
            self.move(e, RESET)

    @cython.cfunc
    @cython.nogil
    @cython.exceptval(check=False)
    def begins(self, place: cython.longlong, side: cython.int, s: cython.pointer[Segment]) -> cython.void:
        """The first segments of one end: a handshake, or the middle of a connection."""
        e: cython.pointer[Statistic] = cython.address(self.ends[2 * place + side])
        o: cython.pointer[Statistic] = cython.address(self.ends[2 * place + 1 - side])
        client: cython.bint = side == self.connections[place].client
        if s[0].flags & SYN:
            if client and o[0].state == ESTABLISHED:
                self.move(e, ESTABLISHED)
            elif client:
                self.move(e, SYN_ACK_SENT if s[0].flags & ACK else SYN_SENT)
            else:
                if o[0].state == SYN_SENT or o[0].state == SYN_ACK_SENT:
                    self.move(o, ESTABLISHED)
                self.move(e, ESTABLISHED)
        elif s[0].flags & (FIN | RST):
            return
        elif not client and s[0].payload_len == 0 and o[0].state == SYN_SENT:
            return
        elif s[0].flags & ACK and o[0].state == ESTABLISHED:
            self.move(e, ESTABLISHED)
        else:
            self.move(e, PARTIAL)
