# The packed dtypes of model.statistics, in the same order: a kernel compares each buffer with these, and refuses a mismatch.

cdef packed struct Statistic:
    double[4] time_mean
    double[4] time_m2
    long long[4] time_min_ns
    long long[4] time_max_ns
    unsigned int[4] time_count
    double flight_integral
    long long flight_sum
    long long flight_max
    long long flight_min
    long long flight_bytes
    long long flight_ts_ns
    long long top_pos
    long long ack_pos
    long long acked_pos
    long long syn_pos
    long long fin_pos
    long long acked_ts_ns
    long long last_ts_ns
    long long max_idle_ns
    long long first_data_ts_ns
    long long last_data_ts_ns
    long long handshake_ns
    long long data_bytes
    long long unique_bytes
    long long rexmt_bytes
    long long closed_window_bytes
    long long urgent_bytes
    long long truncated_bytes
    long long initial_bytes
    long long window_sum
    long long syn_window_sum
    unsigned int top_seq
    unsigned int full_len
    unsigned int ack_packets
    unsigned int pure_acks
    unsigned int sack_packets
    unsigned int dsack_packets
    unsigned int data_packets
    unsigned int rexmt_packets
    unsigned int closed_window_packets
    unsigned int late_packets
    unsigned int pushed_packets
    unsigned int syns
    unsigned int fins
    unsigned int urgent_packets
    unsigned int truncated_packets
    unsigned int initial_packets
    unsigned int hardware_duplicates
    unsigned int post_loss_acks
    unsigned int segments_acked_together
    unsigned int acks_inside_segments
    unsigned int repeated_acks
    unsigned int triple_duplicate_acks
    unsigned int duplicates_run
    unsigned int flight_samples
    unsigned int windows
    unsigned int syn_windows
    unsigned int max_segment
    unsigned int min_segment
    unsigned int ranges
    int first_range
    int last_range
    int first_waiting
    unsigned int last_syn
    unsigned int last_fin
    unsigned int last_rst
    unsigned int resent_letters
    unsigned int window_letters
    unsigned int gap_letters
    unsigned int checksum_letters
    unsigned int[8] recent_seq
    unsigned short[8] recent_id
    unsigned short window_max
    unsigned short window_min
    unsigned short syn_window_max
    unsigned short syn_window_min
    unsigned short last_window
    unsigned short options
    unsigned short syn_options
    unsigned short mss
    unsigned short known
    unsigned short letters
    unsigned char max_resent
    unsigned char max_sack_blocks
    unsigned char recent_next
    unsigned char state
    unsigned char state_before
    unsigned char wscale
    unsigned char[2] spare

cdef packed struct Connection:
    unsigned char[48] history
    unsigned char length
    unsigned char client

cdef packed struct Sent:
    long long left_pos
    long long right_pos
    long long ts_ns
    int next
    int previous
    unsigned int segments
    unsigned char resent
    unsigned char acked
    unsigned char[2] spare

