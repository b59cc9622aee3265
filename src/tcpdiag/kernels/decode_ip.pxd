from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.octets cimport be16, be32, be64

cdef void halt(Walk* w, unsigned int reason) noexcept nogil
cdef void ipv4(const unsigned char* data, Walk* w) noexcept nogil
cdef void protocol(Walk* w, unsigned int number) noexcept nogil
cdef void fragment(Walk* w) noexcept nogil
cdef void ipv6(const unsigned char* data, Walk* w) noexcept nogil
cdef long long jumbo(const unsigned char* data, Walk* w) noexcept nogil
cdef void extensions(const unsigned char* data, Walk* w, unsigned int number) noexcept nogil
cdef void routing(const unsigned char* data, long long at, long long size, Walk* w) noexcept nogil
cdef void authentication(const unsigned char* data, Walk* w) noexcept nogil
cdef void icmp(const unsigned char* data, Walk* w) noexcept nogil
