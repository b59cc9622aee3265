from tcpdiag.kernels.cursor cimport Cursor, Link
from tcpdiag.kernels.index cimport u32, within
