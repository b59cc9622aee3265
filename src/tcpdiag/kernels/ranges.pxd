from tcpdiag.kernels.records cimport Detail, Endpoint
from tcpdiag.seqnum cimport add, diff, le, lt

cdef bint covered(Endpoint *e, Detail *d, unsigned int left, unsigned int right) noexcept nogil
cdef void receive(Endpoint *e, Detail *d, unsigned int left, unsigned int right, long long ts_ns) noexcept nogil
cdef long long advance(Endpoint *e, Detail *d, unsigned int ack) noexcept nogil
