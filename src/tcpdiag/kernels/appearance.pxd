from tcpdiag.kernels.records cimport Detail, Endpoint, Segment
from tcpdiag.kernels.windows cimport Windows
from tcpdiag.seqnum cimport add, diff, le, lt

cdef class Appearance(Windows):
    cdef bint begin_detail(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint appear(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint betrays_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint speaks_for_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint readopt(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void seq_back(self, long long flow, int side, Segment *s, unsigned int last_ack) noexcept nogil
    cdef bint sent_since(self, long long flow, int side, Segment *s, unsigned int last_ack) noexcept nogil
    cdef void handshake_done(self, long long flow, int side, Segment *s) noexcept nogil
