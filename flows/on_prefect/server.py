"""The Prefect server that keeps schedules and runs: the one named, one that runs here, or a new one.

Prefect itself starts one for a process that has none, but loads the whole server into that process to do so,
which takes a second and a half.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from tasks.errors import ClinicnetError

_PATIENCE = 120.0
_ATTEMPTS = 3
_ITS_OWN = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
"""As Prefect starts a server that lives as long as one process."""


class ServerError(ClinicnetError):
    """There is no Prefect server, or it does not answer."""


def local_api() -> str:
    """Where a server that is started here answers."""
    return f"http://127.0.0.1:{_port()}/api"


def _port() -> str:
    return os.environ.get("PREFECT_SERVER_API_PORT", "4200")


def running_server() -> str:
    """The API of the server that PREFECT_API_URL names, or of one that runs on this machine.

    Raises:
        ServerError: it does not answer, or none is named and none runs here.
    """
    found = _named() or (local_api() if _healthy(local_api()) else None)
    if found is None:
        raise ServerError(
            f"no Prefect server is named, and none runs at {local_api()}",
            hint="name it in the environment: PREFECT_API_URL=http://prefect.example:4200/api",
        )
    return found


@contextlib.contextmanager
def some_server() -> Iterator[str]:
    """The same; where there is none, one is started here, and ends with the block.

    Raises:
        ServerError: the one that is named does not answer, or none could be started.
    """
    found = _named() or (local_api() if _healthy(local_api()) else None)
    if found is not None:
        yield found
        return
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and words
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", _port()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not _is_healthy_in_time(process, local_api(), _PATIENCE):
            raise ServerError(
                f"Prefect's server did not start on 127.0.0.1:{_port()}",
                hint="start one with `prefect server start` to see why, or name another in PREFECT_API_URL",
            )
        yield local_api()
    finally:
        process.terminate()
        process.wait(timeout=30)


def server_of_this_process(packages: Path, environment: Mapping[str, str], patience: float) -> str:
    """The API of a new server, which ends with this process.

    Args:
        packages: the directory that Prefect is installed in.
        environment: variables that it begins with, beside this process's own.
        patience: seconds in which it must answer.

    Raises:
        ServerError: it did not start.
    """
    for _ in range(_ATTEMPTS):  # another process may take the port first
        port = str(_free_port())
        api = f"http://127.0.0.1:{port}/api"
        command = [sys.executable, "-m", "uvicorn", "--app-dir", str(packages), "--factory"]
        command += ["prefect.server.api.server:create_app", "--host", "127.0.0.1", "--port", port]
        command += ["--log-level", "error", "--lifespan", "on"]
        process = subprocess.Popen(command, env={**os.environ, **_ITS_OWN, **environment})  # noqa: S603
        atexit.register(_end, process)
        if _is_healthy_in_time(process, api, patience):
            return api
        if process.poll() is None:
            break
    raise ServerError("Prefect could not start its server", hint="run again with --debug to see what it says")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _named() -> str | None:
    named = os.environ.get("PREFECT_API_URL")
    if named and not _healthy(named):
        raise ServerError(
            f"Prefect's server at {named} does not answer",
            hint="start it, or unset PREFECT_API_URL to use one of this machine",
        )
    return named or None


def _is_healthy_in_time(process: subprocess.Popen[bytes], api: str, patience: float) -> bool:
    until = time.monotonic() + patience
    while time.monotonic() < until and process.poll() is None:
        if _healthy(api):
            return True
        time.sleep(0.1)
    return False


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
