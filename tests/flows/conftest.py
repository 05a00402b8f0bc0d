"""The small network, as a file in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_network import write_network


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return write_network(tmp_path / "network")
