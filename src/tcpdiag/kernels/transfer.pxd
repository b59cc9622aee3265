from tcpdiag.kernels.ledger cimport scaled_window
from tcpdiag.kernels.ranges cimport advance, receive
from tcpdiag.kernels.records cimport Detail, Endpoint, Segment
from tcpdiag.kernels.repeats cimport Repeats, comparable, remember
from tcpdiag.seqnum cimport add, diff, le, lt

cdef class Transfer(Repeats):
    cdef bint acknowledge(self, long long flow, int side, Segment *s) noexcept nogil
    cdef bint beyond(self, long long flow, int side, Segment *s, long long distance) noexcept nogil
    cdef void progress(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void unseen(self, long long flow, int side, Segment *s, long long missing, unsigned int ref) noexcept nogil
    cdef void fin_acknowledged(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void text(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void new_text(self, long long flow, int side, Segment *s, unsigned int right, long long fresh) noexcept nogil
    cdef void fins_cross(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void keep(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void deliver(self, long long flow, int side, Segment *s, unsigned int right) noexcept nogil
