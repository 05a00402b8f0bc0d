"""A real Prefect server with a real worker, started for these tests and stopped after them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect_server import PrefectServer, Process, until

from tasks.demo import make_demo


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo network, made afresh."""
    return make_demo("chop", tmp_path_factory.mktemp("chop"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, new_prefect_home: Callable[[Path], Path]
) -> Iterator[PrefectServer]:
    home = new_prefect_home(tmp_path_factory.mktemp("prefect"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")} | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_CLI_PROMPT": "false",
    }
    command = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with Process(command, environment, home / "server.log"):
        made = PrefectServer(api, home, environment)
        until(lambda: made.answers, 120.0, "the Prefect server")
        yield made


@pytest.fixture(scope="module")
def deployed(server: PrefectServer, network: Path) -> PrefectServer:
    """The server with the network deployed as deploy/server.md says."""
    server.prefect("work-pool", "create", "--type", "process", "clinics")
    server.clinicnet("deploy", str(network), "--pool", "clinics")
    return server


@pytest.fixture(scope="module")
def worker(deployed: PrefectServer) -> Iterator[PrefectServer]:
    """The server with a worker that does what it schedules."""
    command = ["worker", "start", "--pool", "clinics", "--name", "tests"]
    with Process(command, deployed.environment, deployed.home / "worker.log"):
        yield deployed
