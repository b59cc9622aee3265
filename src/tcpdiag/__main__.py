"""`python -m tcpdiag`."""

from .cli.app import main

main()
