"""RFC 9293 as tables. No files, no pandas: the kernels look things up here, the documentation is drawn from here."""
