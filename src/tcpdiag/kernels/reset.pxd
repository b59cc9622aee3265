from tcpdiag.kernels.handshake cimport Handshake
from tcpdiag.kernels.records cimport Detail, Endpoint, Segment
from tcpdiag.seqnum cimport diff, le, lt

cdef class Resets(Handshake):
    cdef int rst_class(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void rst(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void reactive(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void rst_sent(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void rst_received(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void alive(self, long long flow, int side, Segment *s) noexcept nogil
