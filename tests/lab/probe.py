"""Whether a laboratory can be built here: ends with an error that says what is missing, or with nothing."""

import os
from random import Random

from lab.hosts import unshare_network
from lab.network import Network, Plan
from lab.truth import Truth

NETWORKS = 3  # of different make: TUN, TAP, veth


def main() -> None:
    """Raises OSError or RuntimeError."""
    unshare_network()
    for seed in range(NETWORKS):
        network = Network(Random(seed), Plan(taps=("client",)))
        if not Truth([network.client]).agrees_with_ss(network.client):
            raise RuntimeError("ss and the kernel's socket table do not agree")


if __name__ == "__main__":
    main()
    os._exit(0)  # the wires' threads have no end
