"""Socket tables: what a host's kernel said of its own sockets, beside what the capture predicts.

text -> listings of sockets (`listing`, one parser a format) -> joined to their flows (`join`, `compare`) -> a table
that reports, programs and notebooks look at (`table`) -> what that says of the findings (`claims`, `answers`).

No text is an error: what is not understood is counted by reason. Only a file that is no socket listing at all is.
"""
