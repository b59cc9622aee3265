from tcpdiag.kernels.cursor cimport Cursor, Link
from tcpdiag.kernels.records cimport Record
