from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.hide_marks cimport Marks, Place
from tcpdiag.kernels.octets cimport be16

cdef class HideIp(Marks):
    cdef void ipv4_header(self, const unsigned char* data, Walk* w, long long at) noexcept nogil
    cdef void ipv6_header(self, const unsigned char* data, Walk* w, long long at) noexcept nogil
    cdef void extension_headers(self, const unsigned char* data, long long at, long long end, unsigned int number) noexcept nogil
    cdef void ipv6_options(self, const unsigned char* data, long long at, long long end) noexcept nogil
    cdef void routing_header(self, const unsigned char* data, long long at, long long size) noexcept nogil
    cdef void authentication_header(self, const unsigned char* data, Walk* w, long long at) noexcept nogil
    cdef void icmp_header(self, const unsigned char* data, Walk* w, long long at, bint whole, long long end) noexcept nogil
    cdef void tcp_header(self, const unsigned char* data, Walk* w, Place* p) noexcept nogil
    cdef void tcp_options(self, const unsigned char* data, long long at, long long end) noexcept nogil
