from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.octets cimport be16, be32
from tcpdiag.kernels.decode_ip cimport halt

cdef bint has(Walk* w, long long n) noexcept nogil
cdef void by_ethertype(Walk* w, unsigned int number, long long skip) noexcept nogil
cdef void by_link(Walk* w, unsigned int number, long long skip) noexcept nogil
cdef void link(const unsigned char* data, Walk* w) noexcept nogil
cdef void ethernet(const unsigned char* data, Walk* w) noexcept nogil
cdef void ethertype(const unsigned char* data, Walk* w) noexcept nogil
cdef void llc(const unsigned char* data, Walk* w) noexcept nogil
cdef void cooked(const unsigned char* data, Walk* w, unsigned int kind) noexcept nogil
cdef void loopback(const unsigned char* data, Walk* w) noexcept nogil
cdef void ppp(const unsigned char* data, Walk* w) noexcept nogil
cdef void mpls(const unsigned char* data, Walk* w) noexcept nogil
cdef void nflog(const unsigned char* data, Walk* w) noexcept nogil
cdef void radio(const unsigned char* data, Walk* w, unsigned int kind) noexcept nogil
cdef void wlan(const unsigned char* data, Walk* w, bint padded) noexcept nogil
