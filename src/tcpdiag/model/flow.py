"""Flows and their endpoints as rows. `flows[i]` has the endpoints `endpoints[2*i]` and `endpoints[2*i + 1]`.

Side 0 is the sender of the first segment. `FlowBit.CLIENT_IS_1` tells which side opened the connection.
`details[flows[i]["detail"] ...]`: what only a flow with traffic needs, so that a SYN flood stays cheap.
"""

from enum import IntFlag

import numpy as np

CORRUPTED_SHARE = 4
"""A segment is corrupted when its checksum is wrong and at most one in so many of its sender's is: a card that fills
them in later (offload) leaves nearly all of a host's wrong."""

FLOW = np.dtype(
    [
        ("first_ts_ns", "<i8"),
        ("last_ts_ns", "<i8"),
        ("addr_hi", "<u8", (2,)),  # by side
        ("addr_lo", "<u8", (2,)),
        ("port", "<u2", (2,)),
        ("tunnel", "<u4"),  # of side 0's segments; row of Tables.tunnels
        ("tunnel_back", "<u4"),  # of side 1's: some overlays use another identifier for each direction
        ("first_frame", "<u4"),
        ("last_frame", "<u4"),
        ("previous", "<i4"),  # flow before this one on the same 4-tuple; -1: none
        ("detail", "<i4"),  # row of side 0 in the detail table, side 1 is the next; -1: none
        ("copies", "<u4"),  # packets that are copies made by the capture
        ("icmp_errors", "<u2"),
        ("family", "u1"),
        ("bits", "u1"),  # FlowBit
    ]
)


class FlowBit(IntFlag):
    """What is known of a flow as a whole."""

    ROLES_KNOWN = 1  # a SYN was seen
    CLIENT_IS_1 = 2
    SIMULTANEOUS_OPEN = 4
    REUSED = 8  # opened by a SYN on a 4-tuple that an earlier flow had
    MIDSTREAM = 16  # no SYN was seen


ENDPOINT = np.dtype(
    [
        ("bytes", "<i8"),  # payload bytes sent, retransmissions included
        ("first_ts_ns", "<i8"),
        ("last_ts_ns", "<i8"),
        ("first_frame", "<u4"),
        ("last_frame", "<u4"),
        ("packets", "<u4"),  # segments sent, copies made by the capture included
        ("isn", "<u4"),  # valid when EndpointBit.ISN_KNOWN
        ("snd_una", "<u4"),  # oldest unacknowledged, as the peer's captured ACKs tell
        ("snd_nxt", "<u4"),  # SEG.SEQ + SEG.LEN of the highest sent
        ("rcv_nxt", "<u4"),  # next expected: presumed from what was captured
        ("last_ack", "<u4"),  # highest ACK that it sent: proved RCV.NXT
        ("last_ack_frame", "<u4"),
        ("state_frame", "<u4"),  # frame in which it entered its state
        ("fin_seq", "<u4"),  # sequence number of its FIN, valid when EndpointBit.FIN_SENT
        ("fin_frame", "<u4"),
        ("state_event", "<u4"),  # row of the STATE event that brought its state
        ("rst_frame", "<u4"),  # last RST that it sent, 0: none
        ("window", "<u4"),  # last advertised, bytes, scaled when known
        ("resets", "<u4"),  # RSTs that it sent
        ("syns", "<u2"),  # SYNs and SYN-ACKs that it sent, saturating
        ("options", "<u2"),  # Option bits of its SYN
        ("mss", "<u2"),
        ("syn_window", "<u2"),
        ("bits", "<u4"),  # EndpointBit
        ("state", "u1"),
        ("wscale", "u1"),  # 255: not offered or unknown
        ("ttl", "u1"),  # of its first segment
        ("ttl_min", "u1"),
        ("ttl_max", "u1"),
        ("profile", "u1"),  # row of tcp.profiles.PROFILES: named by the user, or guessed from its SYN
        ("state_before", "u1"),
        ("spare", "u1"),
    ]
)


class EndpointBit(IntFlag):
    """What is known of an endpoint."""

    ISN_KNOWN = 0x01
    SND_KNOWN = 0x02  # snd_nxt is valid
    RCV_KNOWN = 0x04  # rcv_nxt is valid
    ACKED = 0x08  # last_ack is valid
    SCALE_KNOWN = 0x10  # its window scale is known (offered by both, or by neither)
    FIN_SENT = 0x20
    FIN_RECEIVED = 0x40  # presumed or proved
    FIN_ACKED = 0x80  # the peer acknowledged its FIN
    RST_SENT = 0x100
    SENT_TEXT = 0x200  # new text, not a retransmission or probe
    WINDOW_CLOSED = 0x400
    SYN_ACKED = 0x800
    FIN_PROVED = 0x1000  # it acknowledged the peer's FIN
    TS_RECENT = 0x4000  # TS.Recent is valid
    DOUBTED = 0x8000  # a presumption about it proved false: from here only its own segments move it
    HELD = 0x10000  # its numbers and state are those of the earlier flow on this 4-tuple
    BASE_SET = 0x20000  # isn holds its SYN's number, or one below the first that was seen
    RST_OBEYED = 0x40000  # presumed to have obeyed a RST
    SUSPECT_ACK = 0x80000  # it acknowledged what was not captured; its next ACK decides


DETAIL = np.dtype(
    [
        ("new_bytes", "<i8"),  # payload without retransmissions
        ("rtt_min_ns", "<i8"),  # from a segment towards this endpoint to its ACK, both at the tap (Karn's rule)
        ("rtt_sum_ns", "<i8"),
        ("rtt_max_ns", "<i8"),
        ("pending_ts_ns", "<i8"),  # an unacceptable segment reached it, an ACK is expected: when; 0: none
        ("rtt_seq_ts_ns", "<i8"),  # running measurement: when the timed segment was captured
        ("last_new_ts_ns", "<i8"),  # last new sequence space sent
        ("last_text_ts_ns", "<i8"),  # last payload sent, old or new
        ("closed_since_ns", "<i8"),  # window closed since; 0: open
        ("closed_total_ns", "<i8"),
        ("retrans_first_ts_ns", "<i8"),  # first of the current run of retransmissions without new progress
        ("beat_first_ts_ns", "<i8"),  # run of beats with one period
        ("beat_last_ts_ns", "<i8"),
        ("beat_min_ns", "<i8"),  # shortest and longest gap of the run
        ("beat_max_ns", "<i8"),
        ("unseen_bytes", "<i8"),  # sent by this endpoint, acknowledged, not captured
        ("rtt_count", "<u4"),
        ("rtt_seq", "<u4"),  # running measurement: ends when this is acknowledged; valid when rtt_seq_ts_ns != 0
        ("last_new_frame", "<u4"),
        ("last_retrans_frame", "<u4"),
        ("closed_frame", "<u4"),
        ("zero_windows", "<u4"),
        ("retransmissions", "<u4"),  # segments with text or FIN sent again
        ("retrans_run", "<u4"),  # of these, since the peer last acknowledged anything new
        ("retrans_run_frame", "<u4"),  # first of that run
        ("retrans_bytes", "<u4"),
        ("out_of_order", "<u4"),
        ("dup_acks", "<u4"),
        ("keepalives", "<u4"),  # probes sent
        ("keepalives_run", "<u4"),  # of these, unanswered since the last answer
        ("keepalive_frame", "<u4"),  # last probe, 0: none outstanding
        ("probes", "<u4"),  # zero-window probes sent
        ("probe_frame", "<u4"),
        ("bad_checksums", "<u4"),
        ("partial_checksums", "<u4"),
        ("unacceptable", "<u4"),
        ("unseen_segments", "<u4"),
        ("challenge_acks", "<u4"),
        ("pending_frame", "<u4"),
        ("pending_event", "<u4"),  # row of its event, to be marked CHALLENGED
        ("suspect_ack", "<u4"),
        ("suspect_frame", "<u4"),
        ("suspect_event", "<u4"),
        ("bad_ack_frame", "<u4"),  # last ACK for the wrong thing that reached it in SYN-SENT
        ("empties", "<u4"),  # its share of the latest run of empty segments, see EventKind.STANDSTILL
        ("empties_frame", "<u4"),  # its last one of them
        ("empties_first_frame", "<u4"),  # of side 0: where that run begins, whoever sent it
        ("empties_first_ts_ns", "<i8"),
        ("beats", "<u4"),  # of the current run
        ("beat_frame", "<u4"),  # last beat
        ("beat_len", "<u4"),  # payload length of the last beat
        ("max_payload", "<u4"),
        ("ts_recent", "<u4"),
        ("hole", "<u4", (8,)),  # ranges received above rcv_nxt: left edge, right edge
        ("hole_ts_ns", "<i8"),  # when the lowest hole opened
        ("forgotten", "<u4"),  # bytes of ranges that found no place: received, though RCV.NXT does not show it
        ("text_frame", "<u4"),  # first segment with new text
        ("beat_first_frame", "<u4"),  # first beat of the current run
        ("lost_before", "<u4"),  # retransmissions by LossPlace
        ("lost_after", "<u4"),
        ("needless", "<u4"),
        ("retrans_event", "<u4"),  # row of its last RETRANSMISSION, which a DSACK may still show to be needless
        ("last_new_tsval", "<u4"),  # TSval of its last new text
        ("largest_acked", "<u4"),  # longest payload of one segment that its peer surely acknowledged
        ("max_window", "<u4"),  # bytes, most that it advertised after its SYN
        ("small_window_frame", "<u4"),  # first of them
        ("right_edge", "<u4"),  # SEG.ACK + window, the farthest since it last shrank; valid when right_edge_frame != 0
        ("right_edge_frame", "<u4"),  # which offered it first
        ("right_edge_ack", "<u4"),  # ACK and TSval of that frame: what is newer was sent later
        ("right_edge_tsval", "<u4"),
        ("recent_seq", "<u4", (4,)),  # its last segments with text, a ring: to compare what is sent again
        ("recent_frame", "<u4", (4,)),  # 0: free
        ("recent_len", "<u2", (4,)),
        ("recent_sum", "<u2", (4,)),
        ("timed_len", "<u2"),  # payload of the timed segment towards it, see rtt_seq; at most 65535
        ("flight_len", "<u2"),  # longest payload it sent since all was acknowledged, or something was sent again
        ("dsacks", "<u2"),  # DSACKs that it sent (RFC 2883): something came to it twice; these five saturate
        ("small_windows", "<u2"),  # it offered more, yet less than a segment: silly (RFC 9293 section 3.8.6.2.2)
        ("shrunk", "<u2"),  # times it took window back
        ("seq_back", "<u2"),
        ("conflicts", "<u2"),
        ("options_sent", "<u2"),  # Option bits of its segments, SYNs left out
        ("cut_short", "<u2"),  # its new segments that end where its peer's window does, shorter than others; saturating
        ("gaps_told", "<u2"),  # GAP_TOLD events, saturating
        ("small_first_ts_ns", "<i8"),  # first and last time that it opened its window so little, see small_windows
        ("small_last_ts_ns", "<i8"),
        ("gap_event", "<u4"),  # row of the latest, while its ACK has not moved; 0: none
        ("recent_ttl", "u1", (4,)),
        ("beat_rows", "u1"),  # BEAT events so far
        ("recent_next", "u1"),
        ("n_holes", "u1"),
        ("events_full", "u1"),  # a cap of rows was reached: counters are complete, rows are not
    ]
)
