from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.octets cimport be16, fold, sum16

# The dtypes of hide_rows.py, in the same order.

cdef packed struct Site:
    long long at
    unsigned int kind

cdef packed struct Check:
    long long field
    long long start
    long long end
    long long src
    long long dst
    unsigned int length
    unsigned short protocol
    unsigned char address
    unsigned char state

cdef packed struct Place:
    long long data
    unsigned int length
    unsigned int at
    unsigned int reason
    unsigned char fate

cdef unsigned int pseudo(const unsigned char* data, Check* c) noexcept nogil

cdef class Marks:
    cdef unsigned char[::1] out
    cdef Site[::1] sites
    cdef Check[::1] checks
    cdef public long long n_sites
    cdef public long long n_checks
    cdef long long limit
    cdef long long src_at
    cdef long long dst_at
    cdef bint overflow

    cdef void put(self, long long at, unsigned int value) noexcept nogil
    cdef void blank(self, long long at, long long end) noexcept nogil
    cdef void site(self, long long at, int kind) noexcept nogil
    cdef void check(self, const unsigned char* data, Walk* w, long long field, long long start, long long end,
                    unsigned int protocol, bint whole) noexcept nogil
