from tcpdiag.kernels.copies cimport is_copy, packet_key
from tcpdiag.kernels.records cimport Detail, Endpoint, Flow, Segment
from tcpdiag.kernels.standstill cimport Standstill
from tcpdiag.seqnum cimport add, lt

cdef class Walk(Standstill):
    cdef Segment[::1] segments
    cdef unsigned long long[::1] seen_key
    cdef long long[::1] seen_ts_ns
    cdef void segment(self, Segment *s) noexcept nogil
    cdef void quoted(self, Segment *s) noexcept nogil
    cdef bint copy(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void count(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void option_used(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void transfer(self, long long flow, int side, Segment *s) noexcept nogil
