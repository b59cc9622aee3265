# The packed dtypes of model.segment, model.event and model.flow, in the same order.
# Cython compares each buffer with these when a kernel is called, and refuses a mismatch.

cdef packed struct Record:
    long long ts_ns
    long long offset
    unsigned int captured_len
    unsigned int wire_len
    unsigned int frame
    unsigned short interface
    unsigned short link_type

cdef packed struct Segment:
    long long ts_ns
    unsigned long long src_hi
    unsigned long long src_lo
    unsigned long long dst_hi
    unsigned long long dst_lo
    unsigned int frame
    unsigned int tunnel
    unsigned int seq
    unsigned int ack
    unsigned int payload_len
    unsigned int captured_len
    unsigned int payload_offset
    unsigned int tsval
    unsigned int tsecr
    unsigned int[8] sack
    unsigned short flags
    unsigned short window
    unsigned short sport
    unsigned short dport
    unsigned short mss
    unsigned short ip_id
    unsigned short interface
    unsigned short urgent
    unsigned short payload_sum
    unsigned short options
    unsigned char wscale
    unsigned char n_sack
    unsigned char ttl
    unsigned char ecn
    unsigned char family
    unsigned char checksum
    unsigned char origin
    unsigned char icmp_type
    unsigned char icmp_code
    unsigned char pkttype

cdef packed struct Event:
    long long ts_ns
    long long value
    int flow
    unsigned int frame
    unsigned int ref
    unsigned int seq
    unsigned int ack
    unsigned int payload_len
    unsigned int window
    unsigned short flags
    unsigned short ip_id
    unsigned char kind
    unsigned char side
    unsigned char sender
    unsigned char state
    unsigned char detail
    unsigned char bits
    unsigned char ttl
    unsigned char options

cdef packed struct Flow:
    long long first_ts_ns
    long long last_ts_ns
    unsigned long long[2] addr_hi
    unsigned long long[2] addr_lo
    unsigned short[2] port
    unsigned int tunnel
    unsigned int tunnel_back
    unsigned int first_frame
    unsigned int last_frame
    int previous
    int detail
    unsigned int copies
    unsigned short icmp_errors
    unsigned char family
    unsigned char bits

cdef packed struct Endpoint:
    long long bytes
    long long first_ts_ns
    long long last_ts_ns
    unsigned int first_frame
    unsigned int last_frame
    unsigned int packets
    unsigned int isn
    unsigned int snd_una
    unsigned int snd_nxt
    unsigned int rcv_nxt
    unsigned int last_ack
    unsigned int last_ack_frame
    unsigned int state_frame
    unsigned int fin_seq
    unsigned int fin_frame
    unsigned int state_event
    unsigned int rst_frame
    unsigned int window
    unsigned int resets
    unsigned short syns
    unsigned short options
    unsigned short mss
    unsigned short syn_window
    unsigned int bits
    unsigned char state
    unsigned char wscale
    unsigned char ttl
    unsigned char ttl_min
    unsigned char ttl_max
    unsigned char profile
    unsigned char state_before
    unsigned char spare

cdef packed struct Detail:
    long long new_bytes
    long long rtt_min_ns
    long long rtt_sum_ns
    long long rtt_max_ns
    long long pending_ts_ns
    long long rtt_seq_ts_ns
    long long last_new_ts_ns
    long long last_text_ts_ns
    long long closed_since_ns
    long long closed_total_ns
    long long retrans_first_ts_ns
    long long beat_first_ts_ns
    long long beat_last_ts_ns
    long long beat_min_ns
    long long beat_max_ns
    long long unseen_bytes
    unsigned int rtt_count
    unsigned int rtt_seq
    unsigned int last_new_frame
    unsigned int last_retrans_frame
    unsigned int closed_frame
    unsigned int zero_windows
    unsigned int retransmissions
    unsigned int retrans_run
    unsigned int retrans_run_frame
    unsigned int retrans_bytes
    unsigned int out_of_order
    unsigned int dup_acks
    unsigned int keepalives
    unsigned int keepalives_run
    unsigned int keepalive_frame
    unsigned int probes
    unsigned int probe_frame
    unsigned int bad_checksums
    unsigned int partial_checksums
    unsigned int unacceptable
    unsigned int unseen_segments
    unsigned int challenge_acks
    unsigned int pending_frame
    unsigned int pending_event
    unsigned int suspect_ack
    unsigned int suspect_frame
    unsigned int suspect_event
    unsigned int bad_ack_frame
    unsigned int empties
    unsigned int empties_frame
    unsigned int empties_first_frame
    long long empties_first_ts_ns
    unsigned int beats
    unsigned int beat_frame
    unsigned int beat_len
    unsigned int max_payload
    unsigned int ts_recent
    unsigned int[8] hole
    long long hole_ts_ns
    unsigned int forgotten
    unsigned int text_frame
    unsigned int beat_first_frame
    unsigned int lost_before
    unsigned int lost_after
    unsigned int needless
    unsigned int retrans_event
    unsigned int last_new_tsval
    unsigned int largest_acked
    unsigned int max_window
    unsigned int small_window_frame
    unsigned int right_edge
    unsigned int right_edge_frame
    unsigned int right_edge_ack
    unsigned int right_edge_tsval
    unsigned int[4] recent_seq
    unsigned int[4] recent_frame
    unsigned short[4] recent_len
    unsigned short[4] recent_sum
    unsigned short timed_len
    unsigned short flight_len
    unsigned short dsacks
    unsigned short small_windows
    unsigned short shrunk
    unsigned short seq_back
    unsigned short conflicts
    unsigned short options_sent
    unsigned short cut_short
    unsigned short gaps_told
    long long small_first_ts_ns
    long long small_last_ts_ns
    unsigned int gap_event
    unsigned char[4] recent_ttl
    unsigned char beat_rows
    unsigned char recent_next
    unsigned char n_holes
    unsigned char events_full
