from libc.string cimport memcpy

cdef unsigned int be16(const unsigned char* data, long long at) noexcept nogil
cdef unsigned int be32(const unsigned char* data, long long at) noexcept nogil
cdef unsigned long long be64(const unsigned char* data, long long at) noexcept nogil
cdef unsigned int fold(unsigned long long total) noexcept nogil
cdef unsigned int sum16(const unsigned char* data, long long at, long long n) noexcept nogil
