from tcpdiag.kernels.appearance cimport Appearance
from tcpdiag.kernels.records cimport Detail, Endpoint, Segment

cdef class Standstill(Appearance):
    cdef void standstill(self, long long flow, int side, Segment *s) noexcept nogil
