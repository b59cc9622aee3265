from tcpdiag.kernels.records cimport Segment
from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.octets cimport be16, be32, fold, sum16

cdef bint tcp(const unsigned char* data, Walk* w, Segment* s) noexcept nogil
cdef void blank(Walk* w, Segment* s) noexcept nogil
cdef void options(const unsigned char* data, long long at, long long end, Segment* s) noexcept nogil
cdef unsigned int option(const unsigned char* data, long long at, unsigned int kind, long long size, Segment* s) noexcept nogil
cdef unsigned char checksum(const unsigned char* data, long long at, long long length, unsigned int total, Walk* w) noexcept nogil
