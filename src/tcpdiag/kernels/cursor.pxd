# The packed dtypes of kernels.cursor, in the same order.

cdef packed struct Cursor:
    long long position
    long long end
    long long filled
    long long frame
    long long packets
    long long first_ts_ns
    long long last_ts_ns
    long long previous_ts_ns
    long long truncated
    long long backward_steps
    long long largest_step_ns
    long long clamped
    long long links
    long long swapped
    long long header_size
    long long swap_lengths

cdef packed struct Link:
    long long last_ts_ns
    long long offset_ns
    long long factor
    unsigned long long most_ticks
    long long max_len
    long long snaplen
    unsigned short row
    unsigned short link_type
    unsigned char unit
    unsigned char seen
    unsigned char[2] spare
