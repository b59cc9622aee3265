cimport cython
from tcpdiag.kernels.records cimport Record, Segment
from tcpdiag.kernels.decode_walk cimport Fragment, Layer, Walk
from tcpdiag.kernels.decode_ip cimport authentication, extensions, halt, icmp, ipv4, ipv6
from tcpdiag.kernels.decode_link cimport ethernet, ethertype, link, llc, mpls
from tcpdiag.kernels.octets cimport be16
from tcpdiag.kernels.decode_tcp cimport tcp
from tcpdiag.kernels.decode_tunnel cimport gre, intern, push, udp

# The dtype ANSWER of decode_layers.py.
cdef packed struct Answer:
    long long offset
    unsigned int frame
    unsigned int length

cdef void begin(Walk* w, Record* record) noexcept nogil
cdef void walk(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void by_nibble(const unsigned char* data, Walk* w) noexcept nogil
cdef void ip_protocol(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void put_fragment(Walk* w, Fragment* f) noexcept nogil
cdef bint dns_answer(const unsigned char* data, Walk* w) noexcept nogil
