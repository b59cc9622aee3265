from tcpdiag.kernels.records cimport Segment

cdef unsigned long long packet_key(long long direction, const Segment *s) noexcept nogil
cdef bint is_copy(const Segment *s, long long since_ns, bint has_copies) noexcept nogil
