from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.verdict_rows cimport Flight, Sent, Verdict
from tcpdiag.seqnum cimport le, lt

cdef class Unacked:
    cdef Sent[::1] sent
    cdef public unsigned int n_sent
    cdef unsigned int free
    cdef void remember(self, Flight *f, Segment *s, unsigned int end) noexcept nogil
    cdef void forget(self, Flight *f, unsigned int place) noexcept nogil
    cdef void acknowledge(self, Flight *f, Segment *s, Verdict *v) noexcept nogil
    cdef long long in_flight(self, Flight *f, unsigned int base) noexcept nogil
    cdef unsigned int oldest_from(self, Flight *f, unsigned int seq) noexcept nogil

cdef long long diff_u32(unsigned int a, unsigned int b) noexcept nogil
