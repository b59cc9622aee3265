from tcpdiag.kernels.statistics cimport Connection, Sent, Statistic
from tcpdiag.seqnum cimport diff

cdef class Outstanding:
    cdef Statistic[::1] ends
    cdef Connection[::1] connections
    cdef Sent[::1] sent
    cdef int free
    cdef int used
    cdef long long old
    cdef bint old_first
    cdef bint old_last
    cdef bint late

    cdef bint room(self) noexcept nogil
    cdef int new_range(self, Statistic *e, long long left, long long right, long long ts_ns, int before) noexcept nogil
    cdef void drop(self, Statistic *e, int row) noexcept nogil
    cdef void squeeze(self, Statistic *e) noexcept nogil
    cdef void send(self, Statistic *e, long long left, long long right, long long ts_ns) noexcept nogil
    cdef void sent_again(self, Statistic *e, int row, long long ts_ns, bint timed) noexcept nogil
    cdef int acknowledge(self, Statistic *e, long long ack, long long ts_ns, bint bare) noexcept nogil
    cdef void acknowledged(self, Statistic *e, int row, long long ack, long long ts_ns) noexcept nogil
    cdef void repeated(self, Statistic *e, long long ack) noexcept nogil

cdef void timed(Statistic *e, int which, long long elapsed) noexcept nogil
cdef long long position(Statistic *e, unsigned int number) noexcept nogil
