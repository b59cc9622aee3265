# The packed dtypes of model.verdict and verdicts.memory, in the same order.

cdef packed struct Verdict:
    long long ack_rtt_ns
    long long initial_rtt_ns
    long long rto_ns
    unsigned int facts
    unsigned int duplicate_ack_num
    unsigned int duplicate_ack_frame
    unsigned int acks_frame
    unsigned int bytes_in_flight
    unsigned int rto_frame
    unsigned int cause_frame
    unsigned int needless_frame
    unsigned char completeness
    unsigned char retransmission_kind
    unsigned char loss
    unsigned char bits

cdef packed struct Sent:
    long long ts_ns
    unsigned int seq
    unsigned int end
    unsigned int frame
    unsigned int newer
    unsigned int older
    unsigned int times

cdef packed struct Flight:
    unsigned int oldest
    unsigned int newest
    unsigned int count
    unsigned int disordered

cdef packed struct Shark:
    long long nextseq_ts_ns
    long long lastack_ts_ns
    unsigned int base
    unsigned int nextseq
    unsigned int nextseq_frame
    unsigned int max_to_be_acked
    unsigned int lastack
    unsigned int last_fresh_frame
    unsigned int last_len
    unsigned int sacked
    int dup_acks
    unsigned int facts
    unsigned int window
    unsigned char scale
    unsigned char bits

cdef packed struct Conversation:
    long long syn_ts_ns
    long long first_rtt_ns
    unsigned char completeness
    unsigned char bits

cdef packed struct Watch:
    long long newest_ts_ns
    long long hole_ts_ns
    long long last_ack_ts_ns
    long long lacked_ts_ns
    long long rtt_min_ns
    unsigned int first
    unsigned int snd_nxt
    unsigned int newest_frame
    unsigned int newest_tsval
    unsigned int contiguous
    unsigned int last_ack
    unsigned int fresh_ack_frame
    unsigned int dup_acks
    unsigned int suspect_ack
    unsigned int window
    unsigned int sacked
    unsigned int sack_high
    unsigned int keepalive_frame
    unsigned int probe_frame
    unsigned int probe_end
    unsigned int lacked
    unsigned int lacked_end
    unsigned int recover
    unsigned int[4] again_seq
    unsigned int[4] again_end
    unsigned int[4] again_frame
    unsigned short newest_ip_id
    unsigned short bits
    unsigned char scale
    unsigned char recovery
    unsigned char ip_id_run
    unsigned char again_next
