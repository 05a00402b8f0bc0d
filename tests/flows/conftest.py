"""The small network, and the command line run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flows.small_network import Run, write_network


@pytest.fixture
def network_file(tmp_path: Path) -> Path:
    return write_network(tmp_path / "network")


@pytest.fixture(scope="session")
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of Prefect's own for these tests, used by all of them: a fresh one is slow to start."""
    return tmp_path_factory.mktemp("prefect-home")


@pytest.fixture
def clinicnet(prefect_home: Path, tmp_path: Path) -> Run:
    """Run `python -m flows …` in a directory of its own, as a person without a Prefect server would."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(prefect_home)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )

    return run
