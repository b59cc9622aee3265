from tcpdiag.kernels.lookup cimport Lookup
from tcpdiag.kernels.records cimport Endpoint, Segment
from tcpdiag.seqnum cimport add, diff, lt

cdef class Handshake(Lookup):
    cdef void syn(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void open_first(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void syn_ack(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void accept_syn_ack(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void repeated(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void note_syn(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void syn_sent(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void stale_echo(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void inherit(self, long long flow, int side) noexcept nogil
    cdef void carry(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void renew(self, long long flow, int side) noexcept nogil
    cdef void settle_scale(self, Endpoint *a, Endpoint *b) noexcept nogil
