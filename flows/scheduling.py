"""Serving the deployments on one machine: the monthly report by the calendar, and questions on demand."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.prefect_settings import prepare_prefect
from tasks.errors import ClinicnetError

LOCAL_API = "http://127.0.0.1:4200/api"
_PATIENCE = 120.0


class ScheduleError(ClinicnetError):
    """The schedule cannot be kept as asked."""


def serve_schedule(network_file: Path, cron: str, say: Callable[[str], None], *, debug: bool) -> None:
    """Serve the monthly report of a network by `cron`, in its time zone, and questions, until stopped.

    Where PREFECT_API_URL names a server, that one keeps the schedule; otherwise one is started here and
    ends with this command.

    Raises:
        ClinicnetError: the network file or the schedule cannot be used, or the server does not answer.
    """
    from tasks.network import read_network

    network = read_network(network_file)
    prepare_prefect(debug=debug)
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")  # a lost server must be loud
    with _server() as url:
        os.environ["PREFECT_API_URL"] = url
        _serve(network_file.resolve(), cron, network.network.time_zone, say)


def _serve(network_file: Path, cron: str, time_zone: str, say: Callable[[str], None]) -> None:
    from prefect import serve
    from prefect.deployments.runner import RunnerDeployment
    from prefect.schedules import Cron

    from flows.ad_hoc import ask_network
    from flows.monthly import monthly_report

    parameters = {"network": str(network_file)}
    try:
        schedule = Cron(cron, timezone=time_zone)
        monthly = RunnerDeployment.from_flow(
            monthly_report, "monthly", schedule=schedule, parameters=parameters, tags=["clinicnet"]
        )
    except ValueError as error:
        raise ScheduleError(
            f"{cron!r} is not a schedule", hint='write it as cron does: "0 6 3 * *" is the 3rd, at 6:00'
        ) from error
    ad_hoc = RunnerDeployment.from_flow(ask_network, "ad-hoc", parameters=parameters, tags=["clinicnet"])
    say(f"The month just closed is reported at {cron!r} ({time_zone}); runs and forms are at {_page()}.")
    say("Stop with Ctrl-C.")
    serve(monthly, ad_hoc, print_starting_message=False)


def _page() -> str:
    return os.environ["PREFECT_API_URL"].rstrip("/").removesuffix("/api")


@contextlib.contextmanager
def _server() -> Iterator[str]:
    named = os.environ.get("PREFECT_API_URL")
    if named:
        if not _healthy(named):
            raise ScheduleError(
                f"Prefect's server at {named} does not answer",
                hint="start it, or unset PREFECT_API_URL to have one started here",
            )
        yield named
        return
    if _healthy(LOCAL_API):
        yield LOCAL_API
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", "4200"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_healthy(process)
        yield LOCAL_API
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_healthy(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if _healthy(LOCAL_API):
            return
        time.sleep(0.5)
    raise ScheduleError(
        "Prefect's server did not start on 127.0.0.1:4200",
        hint="start one with `prefect server start` to see why, or name another in PREFECT_API_URL",
    )


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
