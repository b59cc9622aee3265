from tcpdiag.kernels.ledger cimport scaled_window
from tcpdiag.kernels.probes cimport Probes
from tcpdiag.kernels.records cimport Detail, Endpoint, Flow, Segment
from tcpdiag.seqnum cimport add, diff, lt

cdef class Walk(Probes):
    cdef Segment[::1] segments
    cdef unsigned long long[::1] seen_key
    cdef long long[::1] seen_ts_ns
    cdef void segment(self, Segment *s) noexcept nogil
    cdef void quoted(self, Segment *s) noexcept nogil
    cdef bint copy(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void count(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint begin_detail(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint appear(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint betrays_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint speaks_for_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint readopt(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void handshake_done(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void transfer(self, long long flow, int side, Segment *s) noexcept nogil
