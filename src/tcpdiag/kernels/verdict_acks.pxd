from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.verdict_rows cimport Flight, Verdict, Watch
from tcpdiag.kernels.verdict_text cimport Text
from tcpdiag.seqnum cimport add, diff, le, lt

cdef class Acks(Text):
    cdef bint probe(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void acks(self, Watch *a, Watch *b, Flight *theirs, Segment *s, Verdict *v) noexcept nogil
    cdef bint beyond(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void lacking(self, Watch *b, unsigned int left, Segment *s) noexcept nogil
    cdef void progress(self, Watch *a, Watch *b, Flight *theirs, Segment *s, Verdict *v) noexcept nogil
    cdef void nothing_new(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void sacks(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void needless(self, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void advertise(self, Watch *a, Segment *s) noexcept nogil

cdef unsigned int window_of(Watch *a, Segment *s) noexcept nogil
cdef bint duplicate_sack(Segment *s) noexcept nogil
cdef bint sacks_more(Watch *a, Segment *s) noexcept nogil
