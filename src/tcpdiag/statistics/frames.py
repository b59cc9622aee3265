"""Statistics as DataFrames: every connection with what needs all of its segments, hosts, and pairs of hosts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dataframes import numbers, series, times
from ..flow_columns import UNKNOWN
from .endings import CONN_STATES

if TYPE_CHECKING:
    import pandas as pd

YES_OR_NO = ("sack_permitted", "timestamps")


def wide_frame(columns: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    """One row a connection, by its stream: the columns of `tcpdiag.dataframes.flows_frame`, and these.

    They come from every segment of the connection, as `tcptrace -l -r -W` and Zeek's conn.log tell them. <NA>: not
    known, not measured or not offered; never 0. Copies that the capture made of packets count, as in tcptrace.

    | column | dtype | meaning |
    |---|---|---|
    | `duration_ns` | Int64 | from its first segment to its last |
    | `conn_state` | category | how it ended, see below |
    | `history` | string | what each end did first, see below |
    | `copies` | Int64 | packets that are copies which the capture made |

    Of each end, with `client_` or `server_` before the name: what it sent, and how that was answered.

    | column | dtype | meaning |
    |---|---|---|
    | `frame_bytes` | Int64 | bytes of its frames as they were on the wire, the headers of all layers included |
    | `ack_packets` | Int64 | segments with the ACK flag |
    | `pure_acks` | Int64 | of these, without payload, SYN, FIN and RST |
    | `sack_packets` | Int64 | of these, with SACK blocks (RFC 2018) |
    | `dsack_packets` | Int64 | of these, with a DSACK: something came to it twice (RFC 2883) |
    | `max_sack_blocks` | Int64 | most SACK blocks in one segment |
    | `data_packets` | Int64 | segments with payload |
    | `unique_bytes` | Int64 | payload bytes, each place of the stream counted once |
    | `rexmt_packets` | Int64 | segments of which payload, SYN or FIN was captured before, in whole or in part |
    | `rexmt_bytes` | Int64 | sequence numbers that they repeat: payload bytes, one for SYN and for FIN |
    | `late_packets` | Int64 | segments below others, captured for the first time: reordered, or lost before the tap |
    | `pushed_packets` | Int64 | segments with payload and PSH |
    | `fins` | Int64 | segments with FIN |
    | `closed_window_packets` | Int64 | segments with payload, SYN or FIN while the peer's window was 0 |
    | `closed_window_bytes` | Int64 | payload bytes of these |
    | `urgent_packets` | Int64 | segments with payload and URG |
    | `urgent_bytes` | Int64 | sum of their urgent pointers |
    | `truncated_packets` | Int64 | segments whose payload is not wholly in the capture |
    | `truncated_bytes` | Int64 | payload bytes that are missing there |
    | `hardware_duplicates` | Int64 | IPv4: same IP ID and SEQ as one of its last eight segments |
    | `mss`, `wscale` | Int64 | these options of its SYN; <NA>: not offered, or no SYN |
    | `sack_permitted` | boolean | its SYN offered SACK; <NA>: no SYN |
    | `timestamps` | boolean | some segment of it had the timestamps option (RFC 7323); <NA>: no segment |
    | `max_segment`, `min_segment` | Int64 | longest and shortest payload of one segment |
    | `mean_segment` | Float64 | mean payload of segments with any |
    | `max_window`, `min_window` | Int64 | largest window that it offered, and the smallest but 0, bytes |
    | `mean_window` | Float64 | mean of the windows that it offered, bytes |
    | `max_outstanding`, `min_outstanding` | Int64 | most bytes in flight, and fewest but 0 |
    | `mean_outstanding` | Float64 | mean of the bytes in flight |
    | `weighted_outstanding` | Float64 | the same, each value weighted with how long it held |
    | `initial_window_bytes` | Int64 | payload that it sent before any of it was acknowledged; <NA>: no SYN |
    | `initial_window_packets` | Int64 | segments of this |
    | `stream_length` | Int64 | payload bytes between its SYN and its FIN; <NA>: one of them is not captured |
    | `missed_bytes` | Int64 | of these, not in the capture; negative: captured beyond its FIN |
    | `data_duration_ns` | Int64 | from its first segment with payload to its last |
    | `max_idle_ns` | Int64 | longest time between two of its segments; open at the end: also until then |
    | `throughput` | Float64 | unique_bytes for each second of duration_ns; <NA>: that is 0 |
    | `handshake_rtt_ns` | Int64 | from its SYN or SYN-ACK, sent once, to the ACK of that alone |
    | `ack_rtt_samples` | Int64 | its segments that were timed: sent once, acknowledged to their last byte |
    | `ack_rtt_min_ns`, `ack_rtt_mean_ns`, `ack_rtt_max_ns`, `ack_rtt_stdev_ns` | Int64 | from these to their ACKs |
    | `full_rtt_bytes` | Int64 | longest of the segments that were timed, sequence numbers |
    | `full_rtt_samples` | Int64 | so many of that length |
    | `full_rtt_min_ns`, `full_rtt_mean_ns`, `full_rtt_max_ns`, `full_rtt_stdev_ns` | Int64 | round trips of these |
    | `post_loss_acks` | Int64 | ACKs that time nothing: something below what they acknowledge was sent after it |
    | `ambiguous_acks` | Int64 | ACKs that time nothing: of segments that were sent again (Karn's rule, RFC 6298) |
    | `ambiguous_rtt_min_ns`, `ambiguous_rtt_mean_ns` | Int64 | from the last copy of these to their ACKs |
    | `ambiguous_rtt_max_ns`, `ambiguous_rtt_stdev_ns` | Int64 | and so on |
    | `segments_acked_together` | Int64 | segments acknowledged by an ACK of a later one |
    | `acks_inside_segments` | Int64 | ACKs that end inside a segment: the card or the path cut it into several |
    | `repeated_acks` | Int64 | bare ACKs for it that repeat ACK and window of the one before, data in flight or not |
    | `triple_duplicate_acks` | Int64 | third duplicate ACK in a row for what it has in flight (RFC 5681 section 3.2) |
    | `max_retransmissions` | Int64 | most further copies of one segment |
    | `rexmt_time_samples` | Int64 | copies of a segment that was not yet acknowledged |
    | `rexmt_time_min_ns`, `rexmt_time_mean_ns` | Int64 | from a copy of it to the next |
    | `rexmt_time_max_ns`, `rexmt_time_stdev_ns` | Int64 | and so on |

    How they are counted. These columns go by what was captured: the second copy of a segment whose first one was lost
    before the tap is a late one here. `retransmissions`, `new_bytes` and `out_of_order` go by what was sent, as far as
    its time tells, and leave out SYNs, copies that the capture made, and probes. In flight is from the last ACK of the
    peer to the end of a segment, each time one is sent that is neither SYN nor RST, late nor sent again: an estimate of
    the congestion window where the application has enough to send. Windows of SYNs are left out where others are
    scaled, and all are <NA> while the scale is not known (RFC 7323 section 2.2). The payload of a RST is not part of
    the stream. Round trips are from the tap to the *other* end and back: `client_ack_rtt` and `server_rtt` are of one
    leg, of all segments and of one at a time. Of one end 4096 ranges at most are remembered: more in flight at once, or
    more losses of the capture, cost samples.

    `conn_state` and `history` are Zeek's, whose originator is the client here:

    | state | the connection |
    |---|---|
    | `S0` | a SYN, no answer |
    | `REJ` | a SYN, answered by a RST |
    | `S1` | established, not ended |
    | `SF` | established, ended by a FIN of each side |
    | `S2`, `S3` | established, only the client's (S2) or the server's (S3) FIN |
    | `RSTO`, `RSTR` | established, aborted by a RST of the client (RSTO) or the server (RSTR) |
    | `RSTOS0` | a SYN, then a RST of the client, no SYN-ACK |
    | `RSTRH` | a SYN-ACK, then a RST of the server, no SYN |
    | `SH`, `SHR` | SYN and FIN of the client alone (SH), SYN-ACK and FIN of the server alone (SHR) |
    | `OTH` | no SYN: older than the capture |

    Letters of the history, the client's in upper case: `s` SYN, `h` SYN-ACK, `a` pure ACK, `d` payload, `f` FIN, `r`
    RST (these four again when SEQ is another), `t` payload sent again, `w` window of 0, `c` wrong checksum, `g` a gap
    in the capture that was acknowledged (these four again the 10th, 100th, ... time), `i` FIN and RST in one, `q` SYN
    and FIN or RST in one, `^` first: the server's segment was captured first, `x` last: too many letters. One
    connection is one `tcp.stream`: Zeek begins another after 5 minutes of silence, or 5 s after the end, which then
    has states of its own; and it drops segments whose checksum is wrong, which are counted here.

    What tcptrace calls these, and where it differs:

    | tcptrace | column | difference |
    |---|---|---|
    | unique bytes | `unique_bytes` | it counts text of a RST, not what is sent into a closed window |
    | outoforder pkts | `late_packets` | |
    | zwnd probe pkts, bytes | `closed_window_packets`, `..._bytes` | probes without payload: `zero_window_probes` |
    | max, min, avg win adv | `max_window`, ... | it takes unscaled windows for bytes, and divides by RSTs too |
    | max, min, avg, wavg owin | `max_outstanding`, ... | it counts one byte too many: 1 where nothing is in flight |
    | ttl stream length | `stream_length` | once a RST was sent, it takes the end of the last segment for the FIN |
    | mss requested | `mss` | it takes more than 32767 for negative |
    | RTT samples, ... | `ack_rtt_samples`, ... | a segment acknowledged in parts gives it none; the stdev of two is 0 |
    | RTT full_sz smpls, ... | `full_rtt_samples`, ... | it takes one byte, as of a SYN, for 4 GiB |
    | RTT ... (last) | `ambiguous_rtt_...` | |
    | segs cum acked | `segments_acked_together` | a segment acknowledged in parts counts |
    | duplicate acks | `repeated_acks` | SYN, FIN and RST count; those of RFC 5681: `duplicate_acks` of the peer |
    | triple dupacks | `triple_duplicate_acks` | also where nothing is in flight |
    | max # retrans, retr time | `max_retransmissions`, ... | of several repeated in one, the first counts |
    | avg ... | `mean_...` | it divides by a little more than the number, and cuts off the fraction |
    """
    import pandas as pd

    data = series({name: column for name, column in columns.items() if not _is_special(name, column)})
    for name, column in columns.items():
        if name == "conn_state":
            data[name] = pd.Categorical(column, categories=list(CONN_STATES))
        elif name.endswith(YES_OR_NO):
            data[name] = pd.arrays.BooleanArray(column == 1, column == UNKNOWN)
        elif column.dtype == np.float64:
            data[name] = _fractions(column)
    names = [name.removesuffix("_ns") if name in ("first_ts_ns", "last_ts_ns") else name for name in columns]
    return pd.DataFrame({name: data[name] for name in names}).set_index("stream")


def _is_special(name: str, column: np.ndarray) -> bool:
    return name == "conn_state" or name.endswith(YES_OR_NO) or column.dtype == np.float64


def _fractions(values: np.ndarray) -> Any:
    import pandas as pd

    unknown = np.isnan(values)
    return pd.arrays.FloatingArray(np.where(unknown, 0.0, values), unknown)


def hosts_frame(columns: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    """One row a host, by its address, the busiest first. columns: of `summaries.hosts`.

    | column | dtype | meaning |
    |---|---|---|
    | `host` (index) | string | its address |
    | `flows` | Int64 | connections that it is an end of |
    | `as_client`, `as_server` | Int64 | of these, it opened so many, or was asked |
    | `peers` | Int64 | hosts at their other ends |
    | `packets_sent`, `packets_received` | Int64 | segments, as the tap saw them |
    | `bytes_sent`, `bytes_received` | Int64 | payload bytes of these, repetitions included |
    | `retransmissions` | Int64 | segments with payload or FIN that it sent again |
    | `retransmission_rate` | Float64 | payload bytes that it sent again, of all that it sent, 0 to 1; <NA>: none |
    | `out_of_order` | Int64 | segments of it that came late, and were not sent again |
    | `zero_windows` | Int64 | segments in which it offered a window of 0 |
    | `resets_sent`, `resets_received` | Int64 | RSTs |
    | `failed_handshakes_as_client` | Int64 | its SYNs after which the server was never seen established |
    | `failed_handshakes_as_server` | Int64 | the same of SYNs to it |
    | `rtt_samples` | Int64 | round trips measured between the tap and it |
    | `rtt_min_ns`, `rtt_mean_ns`, `rtt_max_ns` | Int64 | these, nanoseconds; <NA>: none |
    | `first_ts`, `last_ts` | datetime64[ns, UTC] | first and last segment of its connections |
    """
    import pandas as pd

    return pd.DataFrame(_summary(columns)).set_index("host")


def paths_frame(columns: Mapping[str, np.ndarray]) -> "pd.DataFrame":
    """One row a pair of hosts, the busiest first. columns: of `summaries.paths`.

    Its `client` opened the first connection of the two; what follows counts the direction of its sender, whoever
    opened which.

    | column | dtype | meaning |
    |---|---|---|
    | `client`, `server` | string | addresses of the two |
    | `flows` | Int64 | connections between them |
    | `failed_handshakes` | Int64 | of these, with a SYN after which the server was never seen established |
    | `client_packets`, `server_packets` | Int64 | segments sent |
    | `client_bytes`, `server_bytes` | Int64 | payload bytes sent, repetitions included |
    | `client_retransmissions`, `server_retransmissions` | Int64 | segments with payload or FIN sent again |
    | `client_retransmission_rate` | Float64 | payload bytes sent again, of all sent, 0 to 1; <NA>: none |
    | `server_retransmission_rate` | Float64 | the same |
    | `client_out_of_order`, `server_out_of_order` | Int64 | segments that came late, and were not sent again |
    | `client_zero_windows`, `server_zero_windows` | Int64 | segments that offer a window of 0 |
    | `client_resets`, `server_resets` | Int64 | RSTs |
    | `client_rtt_samples`, `server_rtt_samples` | Int64 | round trips measured between the tap and this end |
    | `client_rtt_min_ns`, `client_rtt_mean_ns`, `client_rtt_max_ns` | Int64 | these, nanoseconds; <NA>: none |
    | `server_rtt_min_ns`, `server_rtt_mean_ns`, `server_rtt_max_ns` | Int64 | the same |
    | `first_ts`, `last_ts` | datetime64[ns, UTC] | first and last segment between them |
    """
    import pandas as pd

    return pd.DataFrame(_summary(columns))


def _summary(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    import pandas as pd

    data: dict[str, Any] = {}
    for name, column in columns.items():
        if name in ("first_ts_ns", "last_ts_ns"):
            data[name.removesuffix("_ns")] = times(column)
        elif column.dtype == np.float64:
            data[name] = _fractions(column)
        elif column.dtype == object:
            data[name] = pd.array(column, dtype="string")
        else:
            data[name] = numbers(column, column == UNKNOWN)
    return data
