"""A network described in one file: its schema, reading, checking and writing."""

from tasks.network.problems import NetworkFileError, Problem
from tasks.network.reading import read_network
from tasks.network.schema import Network, slug

__all__ = ["Network", "NetworkFileError", "Problem", "read_network", "slug"]
