"""Application hints: what the first bytes of a connection tell of it, and the names that DNS answers gave to addresses.

They label findings and show what a cohort of connections has in common. No finding, severity or confidence depends on
them. The bytes come from a second look at the capture, for the connections that findings name.
"""
