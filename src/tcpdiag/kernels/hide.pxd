from tcpdiag.kernels.decode cimport begin, by_nibble, ip_protocol
from tcpdiag.kernels.decode_ip cimport halt, ipv4, ipv6
from tcpdiag.kernels.decode_link cimport ethernet, ethertype, link, llc, mpls
from tcpdiag.kernels.decode_tunnel cimport gre
from tcpdiag.kernels.decode_walk cimport Layer, Walk
from tcpdiag.kernels.hide_marks cimport Check, Place, Site
from tcpdiag.kernels.hide_tunnel cimport HideTunnel
from tcpdiag.kernels.octets cimport be16
from tcpdiag.kernels.records cimport Record

cdef class Hide(HideTunnel):
    cdef void packet(self, const unsigned char* data, Walk* w, Layer* stack, Place* p) noexcept nogil
    cdef void step(self, const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
    cdef void protocol_step(self, const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
    cdef void link_step(self, const unsigned char* data, Walk* w) noexcept nogil
    cdef void labels(self, const unsigned char* data, Walk* w, long long at) noexcept nogil
