"""Verdicts on single segments: Wireshark's by its own rules, and ours. Made only when asked for, in a second look.

The names are Wireshark's (`tcp.analysis.*`). Wireshark judges a segment by a few numbers of each direction, and takes
every segment at its word. We know what each endpoint had got, which packets are copies, and what was refused: where the
two differ, this is why. Wireshark is 4.0; `wireshark=True` gives its verdicts as they are.

| | Wireshark | ours | why |
|---|---|---|---|
| 1 | a probe of a closed window without a byte, as Linux sends it, is a `keep_alive` | `zero_window_probe`, its \
answer `zero_window_probe_ack` | the peer's window tells, not the shape (RFC 9293 section 3.8.6.1) |
| 2 | one byte sent again is a `keep_alive` | `retransmission`, unless the byte was acknowledged | a keepalive is sent \
when nothing is outstanding (RFC 9293 section 3.8.4) |
| 3 | a challenge ACK is a `duplicate_ack` or `window_update`, and on a new connection `reused_ports`, `lost_segment` \
or `ack_lost_segment` follow | `challenge_ack`; it moves no numbers | RFC 5961; the first pass knows what was refused |
| 4 | any ACK that repeats the one before is a `duplicate_ack` | only while something is outstanding | RFC 5681 \
section 2 |
| 5 | a duplicate ACK that brings SACK and another window is a `window_update` | `duplicate_ack` | RFC 6675 section 2 |
| 6 | copies of a mirror are retransmissions, duplicate ACKs, out of order | `copy`, nothing else | the same IP ID \
within 100 ms is the same packet |
| 7 | a RST moves the number that is expected next | it says nothing of its sender's text | it may be forged; what \
follows is no retransmission then |
| 8 | below the highest number, and captured within an initial RTT of it (3 ms without one): `out_of_order` | what \
fills a hole is late when its timestamp is older than that of the newest text, when it comes sooner than a round trip, \
or when its IP ID is older; without these, within 3 ms | a retransmission on a short path was called out of order, and \
the other way round |
| 9 | `out_of_order` and `retransmission` where the capture has an ACK before what it acknowledges | `out_of_order` \
within 3 ms of the ACK | the tap does not keep the two directions in order |
| 10 | `fast_retransmission`: at the number that two duplicate ACKs ask for, within 20 ms | duplicate ACKs or SACK \
within a round trip to the sender, and what follows in the same recovery | 20 ms are too long on a short path and too \
short on a long one; SACK recovers many holes at once (RFC 6675) |
| 11 | `spurious_retransmission` has payload, and was acknowledged before | a FIN, too; also what a DSACK tells later \
| RFC 2883 |
| 12 | the SYN-ACK of a simultaneous open is a `retransmission` of the SYN | it is not | it answers the peer's SYN \
(RFC 9293 section 3.5) |
| 13 | `ack_lost_segment`: once, then its threshold jumps | each ACK that reaches beyond another gap | each lacks \
something else |
| 14 | `window_full`: exactly to the edge, sent again or not | new text that reaches the edge or goes beyond it | what \
is sent again fills nothing |
| 15 | `bytes_in_flight`: of the list of captured segments; unknown behind a gap until the next ACK | SND.NXT - \
SND.UNA - SACKed, without SYN and FIN | the numbers tell it even where the capture lacks segments |
| 16 | `rto`, `rto_frame`: since the oldest segment that is not acknowledged | since the newest that had the same \
bytes; also of fast and spurious ones | that is what the sender's timer ran for |
| 17 | `ack_rtt` also of what was sent twice | unknown then | RFC 6298 section 3 (Karn) |
| 18 | `initial_rtt`: from the newest SYN to the first ACK, of whomever, also with RST; shown with other analysis | to \
the first ACK of the SYN's sender that is no RST; on all segments from then on | else it is no round trip of a \
handshake |
| 19 | `completeness` of the segments before, the first one ignored if it is no SYN | with this segment | what the \
capture has |
| 20 | nothing of a segment whose options are cut by the snap length | its verdict | the numbers were captured |
"""

from .collected import VerdictArrays, collect
from .judge import JudgedPart, verdicts

__all__ = ["JudgedPart", "VerdictArrays", "collect", "verdicts"]
