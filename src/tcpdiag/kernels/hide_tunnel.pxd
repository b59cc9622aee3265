from tcpdiag.kernels.decode_tunnel cimport either
from tcpdiag.kernels.decode_walk cimport Walk
from tcpdiag.kernels.hide_ip cimport HideIp
from tcpdiag.kernels.octets cimport be16

cdef class HideTunnel(HideIp):
    cdef void udp_header(self, const unsigned char* data, Walk* w, long long at, long long end, bint whole) noexcept nogil
    cdef void geneve_options(self, const unsigned char* data, long long at, long long end) noexcept nogil
    cdef void gtp_header(self, const unsigned char* data, long long at, long long end) noexcept nogil
    cdef void teredo_header(self, const unsigned char* data, long long at, long long end) noexcept nogil
    cdef void gre_header(self, const unsigned char* data, Walk* w, long long at, long long end, bint whole) noexcept nogil
    cdef void erspan_header(self, const unsigned char* data, long long at, long long end) noexcept nogil
