from tcpdiag.kernels.ledger cimport scale, scaled_window
from tcpdiag.kernels.probes cimport Probes
from tcpdiag.kernels.records cimport Detail, Endpoint, Segment
from tcpdiag.seqnum cimport add, diff, lt

cdef class Windows(Probes):
    cdef void advertise(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void offer(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint timed(self, long long flow) noexcept nogil
    cdef bint later(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint silly(self, long long flow, int side) noexcept nogil
