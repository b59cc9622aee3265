cimport cython
from tcpdiag.kernels.records cimport Segment
from tcpdiag.seqnum cimport add, diff

# The dtypes of streams/edges.py.
cdef packed struct Edge:
    long long offset
    long long acked
    long long beyond
    unsigned int next
    unsigned char started
    unsigned char wanted
    unsigned char checks
    unsigned char spare

cdef packed struct Piece:
    long long offset
    long long ts_ns
    long long at
    unsigned int length
    unsigned int captured
    unsigned int frame
    unsigned char side
