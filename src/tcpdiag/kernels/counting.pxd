from tcpdiag.kernels.endings cimport Endings
from tcpdiag.kernels.outstanding cimport position
from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.statistics cimport Connection, Sent, Statistic
from tcpdiag.seqnum cimport add, le, lt

cdef class Counting(Endings):
    cdef void segment(self, long long place, int side, Segment *s) noexcept nogil
    cdef void identify(self, Statistic *e, Segment *s) noexcept nogil
    cdef void text(self, Statistic *e, Segment *s) noexcept nogil
    cdef bint space(self, Statistic *e, Statistic *o, Segment *s, long long left, long long right) noexcept nogil
    cdef void window(self, Statistic *e, Segment *s) noexcept nogil
    cdef bint repeats(self, Statistic *e, Statistic *o, Segment *s, long long ack) noexcept nogil
    cdef void acks(self, Statistic *e, Segment *s) noexcept nogil
    cdef void flight(self, Statistic *e, Segment *s, long long right) noexcept nogil
