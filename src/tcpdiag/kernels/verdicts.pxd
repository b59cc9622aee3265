from tcpdiag.kernels.copies cimport is_copy, packet_key
from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.verdict_acks cimport Acks, duplicate_sack, sacks_more
from tcpdiag.kernels.verdict_rows cimport Conversation, Flight, Verdict, Watch
from tcpdiag.kernels.wireshark cimport completes
from tcpdiag.seqnum cimport add, le, lt

cdef class Verdicts(Acks):
    cdef Conversation[::1] conversations
    cdef Watch[::1] watches
    cdef Flight[::1] flights
    cdef unsigned long long[::1] seen_key
    cdef long long[::1] seen_ts_ns
    cdef unsigned int[::1] seen_frame
    cdef void segment(self, long long flow, int side, unsigned int challenged, Segment *s, Verdict *v) noexcept nogil
    cdef void judged(self, long long flow, int side, Segment *s, Verdict *v) noexcept nogil
    cdef void syn(self, Watch *a, Segment *s, Verdict *v) noexcept nogil
    cdef void empty(self, Watch *a, Watch *b, Segment *s, Verdict *v) noexcept nogil
    cdef void handshake(self, Conversation *c, int side, Segment *s) noexcept nogil
    cdef void refused(self, Flight *theirs, Segment *s, Verdict *v) noexcept nogil
    cdef unsigned int copied(self, Conversation *c, long long direction, Segment *s) noexcept nogil
