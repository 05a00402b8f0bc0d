"""The Prefect server that keeps schedules and runs: the one named, one that runs here, or a new one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

from tasks.errors import ClinicnetError

_PATIENCE = 120.0


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
        _wait_until_healthy(process)
        yield local_api()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _named() -> str | None:
    named = os.environ.get("PREFECT_API_URL")
    if named and not _healthy(named):
        raise ServerError(
            f"Prefect's server at {named} does not answer",
            hint="start it, or unset PREFECT_API_URL to use one of this machine",
        )
    return named or None


def _wait_until_healthy(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if _healthy(local_api()):
            return
        time.sleep(0.5)
    raise ServerError(
        f"Prefect's server did not start on 127.0.0.1:{_port()}",
        hint="start one with `prefect server start` to see why, or name another in PREFECT_API_URL",
    )


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
