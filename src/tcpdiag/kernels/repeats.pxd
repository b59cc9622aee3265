from tcpdiag.kernels.ranges cimport covered
from tcpdiag.kernels.records cimport Detail, Endpoint, Event, Segment
from tcpdiag.kernels.reset cimport Resets
from tcpdiag.seqnum cimport add, diff, le, lt

cdef class Repeats(Resets):
    cdef void old_text(self, long long flow, int side, Segment *s, unsigned int right) noexcept nogil
    cdef bint late(self, long long flow, int side, Segment *s) noexcept nogil
    cdef int loss_place(self, long long flow, int side, Segment *s, unsigned int right, bint seen) noexcept nogil
    cdef void sacked(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void tell_gap(self, long long flow, int side, Segment *s) noexcept nogil
    cdef void compare(self, long long flow, int side, Segment *s) noexcept nogil

cdef bint comparable(Segment *s) noexcept nogil
cdef void remember(Detail *d, Segment *s) noexcept nogil
