from tcpdiag.kernels.probes cimport Probes
from tcpdiag.kernels.records cimport Detail, Endpoint, Segment
from tcpdiag.seqnum cimport add, diff, lt

cdef class Appearance(Probes):
    cdef bint begin_detail(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint appear(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint betrays_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint speaks_for_past(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint readopt(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void handshake_done(self, long long flow, int side, Segment *s) noexcept nogil
