from tcpdiag.kernels.records cimport Detail, Endpoint, Event, Flow, Segment

cdef class Ledger:
    cdef Flow[::1] flows
    cdef Endpoint[::1] endpoints
    cdef Detail[::1] details
    cdef Event[::1] events
    cdef const unsigned char[:, ::1] transitions
    cdef const unsigned char[:, ::1] rst_actions
    cdef const unsigned char[::1] edge_inclusive
    cdef public long long n_flows
    cdef public long long n_details
    cdef public long long n_events
    cdef public int forced_profile

    cdef int after(self, int state, int event) noexcept nogil
    cdef long long emit(self, int kind, long long flow, int side, int sender, Segment *s, int state,
                        int detail, int bits, unsigned int ref, long long value) noexcept nogil
    cdef long long note(self, int kind, long long flow, int side, Segment *s, int detail, unsigned int ref,
                        long long value) noexcept nogil
    cdef void enter(self, long long flow, int side, int sender, Segment *s, int state, int bits) noexcept nogil
    cdef void withdraw(self, long long flow, int side) noexcept nogil
    cdef void certify(self, long long flow, int side) noexcept nogil
    cdef long long detail_row(self, long long flow) noexcept nogil
    cdef void expect(self, long long flow, int side, Segment *s, long long event) noexcept nogil

cdef int scale(Endpoint *e) noexcept nogil
cdef unsigned int scaled_window(Endpoint *e, Segment *s) noexcept nogil
