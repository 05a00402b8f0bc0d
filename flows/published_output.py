"""Where a network publishes, as its file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.network.schema import Network
    from tasks.publishing import Output


def output_of(network: Network) -> Output:
    """The network's output directory, with the rights that what is published there gets."""
    from tasks.publishing import Output

    return Output(network.directory / network.output.directory, network.output.rights)


def network_and_output(network_file: Path) -> tuple[Network, Output]:
    """The network that a file describes, and its output directory.

    Raises:
        ClinicnetError: the file cannot be read.
    """
    from tasks.network import read_network

    network = read_network(network_file)
    return network, output_of(network)
