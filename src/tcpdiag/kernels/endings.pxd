from tcpdiag.kernels.outstanding cimport Outstanding
from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.statistics cimport Connection, Statistic
from tcpdiag.seqnum cimport add

cdef class Endings(Outstanding):
    cdef void letter(self, long long place, int side, int code) noexcept nogil
    cdef void once(self, long long place, int side, int mask, int code) noexcept nogil
    cdef void numbered(self, long long place, int side, int mask, int code, bint again) noexcept nogil
    cdef void scaled(self, long long place, int side, int code, unsigned int seen) noexcept nogil
    cdef void history(self, long long place, int side, Segment *s, bint old) noexcept nogil
    cdef void gaps(self, long long place, int side, int count) noexcept nogil
    cdef void ending(self, long long place, int side, Segment *s) noexcept nogil
    cdef void begins(self, long long place, int side, Segment *s) noexcept nogil
    cdef void move(self, Statistic *e, int state) noexcept nogil

cdef bint clean(Statistic *e) noexcept nogil
