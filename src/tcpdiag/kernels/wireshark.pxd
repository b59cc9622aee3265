from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.verdict_rows cimport Conversation, Flight, Shark, Verdict
from tcpdiag.kernels.wireshark_facts cimport Facts
from tcpdiag.seqnum cimport add, lt

cdef class Wireshark(Facts):
    cdef Conversation[::1] conversations
    cdef Shark[::1] sharks
    cdef Flight[::1] flights
    cdef void segment(self, long long flow, int side, Segment *s, Verdict *v) noexcept nogil
    cdef bint same_ports(self, Conversation *c, Shark *a, Segment *s, Verdict *v) noexcept nogil
    cdef void bases(self, Shark *a, Shark *b, Segment *s) noexcept nogil
    cdef void advance(self, Shark *a, Flight *sent, Segment *s, Verdict *v) noexcept nogil
    cdef void flying(self, Shark *a, Shark *b, Flight *sent, Segment *s, Verdict *v) noexcept nogil
    cdef void complete(self, Conversation *c, Segment *s, bint is_new) noexcept nogil
    cdef void handshake(self, Conversation *c, Shark *a, Shark *b, Segment *s) noexcept nogil
    cdef void options(self, Shark *a, Shark *b, Segment *s) noexcept nogil

cdef int completes(Segment *s) noexcept nogil
cdef bint cut_short(Segment *s) noexcept nogil
cdef void hide(Verdict *v) noexcept nogil
