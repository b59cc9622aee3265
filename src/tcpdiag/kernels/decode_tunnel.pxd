from tcpdiag.kernels.decode_walk cimport Layer, Walk
from tcpdiag.kernels.octets cimport be16, be32
from tcpdiag.kernels.decode_ip cimport halt
from tcpdiag.kernels.decode_link cimport by_ethertype, by_link

cdef bint push(Walk* w, Layer* stack, unsigned int kind, unsigned long long name) noexcept nogil
cdef unsigned int intern(Walk* w, Layer* stack, Layer* table, unsigned int* slots) noexcept nogil
cdef unsigned int child(unsigned int parent, Layer* layer, Layer* table, unsigned int* slots) noexcept nogil
cdef void gre(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void erspan(const unsigned char* data, Walk* w, Layer* stack, unsigned int number, long long size, bint sequenced) noexcept nogil
cdef bint either(const unsigned char* data, long long at, unsigned int port) noexcept nogil
cdef void udp(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void vxlan(const unsigned char* data, Walk* w, Layer* stack, bint generic) noexcept nogil
cdef void geneve(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void gtp(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void teredo(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
cdef void ayiya(const unsigned char* data, Walk* w, Layer* stack) noexcept nogil
