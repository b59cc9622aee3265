from tcpdiag.kernels.hide_marks cimport Check, pseudo
from tcpdiag.kernels.octets cimport fold, sum16

cdef unsigned int mended(const unsigned char* data, Check* c) noexcept nogil
