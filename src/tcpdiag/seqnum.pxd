cpdef long long diff(unsigned int a, unsigned int b) noexcept nogil
cpdef unsigned int add(unsigned int a, long long n) noexcept nogil
cpdef bint lt(unsigned int a, unsigned int b) noexcept nogil
cpdef bint le(unsigned int a, unsigned int b) noexcept nogil
