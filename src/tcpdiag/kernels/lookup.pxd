from tcpdiag.kernels.ledger cimport Ledger
from tcpdiag.kernels.records cimport Endpoint, Flow, Segment
from tcpdiag.seqnum cimport add, le, lt

cdef class Lookup(Ledger):
    cdef unsigned long long[::1] slots
    cdef unsigned long long salt
    cdef int side
    cdef long long slot
    cdef unsigned long long tag

    cdef unsigned long long key_hash(self, unsigned long long src_hi, unsigned long long src_lo, unsigned long long dst_hi,
                                     unsigned long long dst_lo, unsigned int sport, unsigned int dport) noexcept nogil
    cdef bint answers(self, long long flow, Segment *s) noexcept nogil
    cdef long long find(self, Segment *s) noexcept nogil
    cdef bint opens_new(self, long long flow, Segment *s) noexcept nogil
    cdef void set_bases(self, long long flow, int side, Segment *s) noexcept nogil
    cdef long long new_flow(self, Segment *s, long long previous) noexcept nogil
    cdef int same_side(self, long long flow, long long other, int side) noexcept nogil
