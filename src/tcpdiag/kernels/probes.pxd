from tcpdiag.kernels.records cimport Detail, Endpoint, Event, Segment
from tcpdiag.kernels.transfer cimport Transfer
from tcpdiag.seqnum cimport add, diff, lt

cdef class Probes(Transfer):
    cdef bint probe(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void answered(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void challenged(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint tells_more(self, Detail *d, Segment *s) noexcept nogil
    cdef bint since_reset(self, Event *e, Segment *s) noexcept nogil
    cdef void beat(self, long long flow, int side, Segment *s) noexcept nogil
