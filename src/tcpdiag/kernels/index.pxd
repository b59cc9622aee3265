from tcpdiag.kernels.cursor cimport Cursor, Link
from tcpdiag.kernels.records cimport Record

cdef long long u32(const unsigned char* data, long long at, long long swapped) noexcept nogil
cdef bint within(unsigned char[::1] buffer, Cursor* c) except? -1
