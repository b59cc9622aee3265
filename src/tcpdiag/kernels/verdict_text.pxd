from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.unacked cimport Unacked
from tcpdiag.kernels.verdict_rows cimport Conversation, Flight, Sent, Verdict, Watch
from tcpdiag.seqnum cimport add, diff, le, lt

cdef class Text(Unacked):
    cdef void text(self, Watch *a, Watch *b, Flight *sent, Segment *s, Verdict *v) noexcept nogil
    cdef bint seen(self, Watch *a, Flight *sent, unsigned int left, unsigned int right) noexcept nogil
    cdef bint late(self, Watch *a, Watch *b, Segment *s) noexcept nogil
    cdef void again(self, Watch *a, Watch *b, Flight *sent, Segment *s, Verdict *v, unsigned int end, bint seen) noexcept nogil
    cdef void before(self, Flight *sent, Segment *s, Verdict *v, unsigned int end) noexcept nogil
    cdef int loss(self, Watch *a, Watch *b, Flight *sent, Segment *s, unsigned int end, bint seen) noexcept nogil
    cdef int kind(self, Watch *a, Watch *b, Segment *s, Verdict *v, unsigned int end) noexcept nogil
    cdef void fresh(self, Watch *a, Segment *s, unsigned int end) noexcept nogil
    cdef unsigned int reach(self, Flight *sent, unsigned int left) noexcept nogil
    cdef void flying(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil

cdef unsigned int end_of(Segment *s) noexcept nogil
cdef bint overtaken(Watch *a, Segment *s, unsigned int end) noexcept nogil
cdef bint first_of_its_kind(Watch *a, Segment *s) noexcept nogil
