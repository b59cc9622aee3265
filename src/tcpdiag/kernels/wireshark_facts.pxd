from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.unacked cimport Unacked
from tcpdiag.kernels.verdict_rows cimport Conversation, Flight, Shark, Verdict
from tcpdiag.seqnum cimport add, le, lt

cdef class Facts(Unacked):
    cdef void empty_segment(self, Shark *a, Shark *b, Segment *s, Verdict *v) noexcept nogil
    cdef void probes_and_windows(self, Shark *a, Shark *b, Segment *s, Verdict *v) noexcept nogil
    cdef void unseen(self, Shark *a, Shark *b, Segment *s, Verdict *v) noexcept nogil
    cdef void again(self, Conversation *c, Shark *a, Shark *b, Flight *sent, Segment *s, Verdict *v) noexcept nogil
