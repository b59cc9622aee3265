# The dtypes of decode_layers.py, in the same order.

cdef packed struct Walk:
    long long pos
    long long end
    long long wire
    long long header
    unsigned long long src_hi
    unsigned long long src_lo
    unsigned long long dst_hi
    unsigned long long dst_lo
    unsigned long long sum_hi
    unsigned long long sum_lo
    int next
    unsigned int proto
    unsigned int stop
    unsigned int tunnel
    unsigned int layers
    unsigned int frag_id
    unsigned int frag_at
    unsigned short ip_id
    unsigned char frag_more
    unsigned char family
    unsigned char ttl
    unsigned char ecn
    unsigned char guessed
    unsigned char cut_fragment
    unsigned char quoted
    unsigned char icmp_type
    unsigned char icmp_code
    unsigned char pkttype

cdef packed struct Layer:
    unsigned long long a_hi
    unsigned long long a_lo
    unsigned long long b_hi
    unsigned long long b_lo
    unsigned long long id
    unsigned int parent
    unsigned char kind
    unsigned char family
    unsigned short spare

cdef packed struct Fragment:
    long long record
    long long header
    long long data
    unsigned long long src_hi
    unsigned long long src_lo
    unsigned long long dst_hi
    unsigned long long dst_lo
    unsigned int length
    unsigned int at
    unsigned int id
    unsigned int tunnel
    unsigned char proto
    unsigned char more
    unsigned char family
    unsigned char pkttype
