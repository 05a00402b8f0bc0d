"""Serving the deployments on one machine: each period's report by the calendar, and questions on demand."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flows.on_prefect.prefect_settings import prepare_prefect
from tasks.errors import ClinicnetError
from tasks.periods import Kind

if TYPE_CHECKING:
    from prefect.schedules import Schedule

    from tasks.network import Network

CLOSED: Mapping[Kind, str] = {"month": "0 6 3 * *", "quarter": "0 6 3 1,4,7,10 *", "week": "0 6 * * 3"}
"""Kind of period → 6:00 on the third day of the next, as cron says it."""

_PATIENCE = 120.0


def local_api() -> str:
    """Where a server that is started here answers."""
    return f"http://127.0.0.1:{_port()}/api"


def _port() -> str:
    return os.environ.get("PREFECT_SERVER_API_PORT", "4200")


class ScheduleError(ClinicnetError):
    """The schedule cannot be kept as asked."""


def serve_schedule(network_file: Path, cron: str | None, say: Callable[[str], None], *, debug: bool) -> None:
    """Serve the report of a network by `cron`, in its time zone, and questions, until stopped.

    Without `cron` each period is reported at 6:00 on the third day of the next.

    Where PREFECT_API_URL names a server, that one keeps the schedule; otherwise one is started here and
    ends with this command.

    Raises:
        ClinicnetError: the network file or the schedule cannot be used, or the server does not answer.
    """
    from tasks.network import read_network

    network = read_network(network_file)
    time_zone, period = network.network.time_zone, network.window.period
    cron = cron or CLOSED[period]
    prepare_prefect(debug=debug)
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")  # a lost server must be loud
    from prefect.settings import PREFECT_API_URL, temporary_settings

    schedule = _schedule(cron, time_zone)
    with _server() as url, temporary_settings({PREFECT_API_URL: url}):
        say(f"The {period} just closed is reported at {cron!r} ({time_zone}).")
        say(f"Runs and forms are at {url.removesuffix('/api')}. Stop with Ctrl-C.")
        _serve(network_file.resolve(), network, schedule)


def _schedule(cron: str, time_zone: str) -> Schedule:
    from prefect.schedules import Cron

    try:
        return Cron(cron, timezone=time_zone)
    except ValueError as error:
        raise ScheduleError(
            f"{cron!r} is not a schedule", hint='write it as cron does: "0 6 3 * *" is the 3rd, at 6:00'
        ) from error


def _serve(network_file: Path, network: Network, schedule: Schedule) -> None:
    """Serve both deployments under the network's name, so that one server can keep those of many networks."""
    from prefect import serve
    from prefect.deployments.runner import RunnerDeployment

    from flows.on_prefect.ad_hoc import ask_network
    from flows.on_prefect.monthly import monthly_report
    from tasks.network.schema import slug

    name = slug(network.network.name)
    for flow in (monthly_report, ask_network):
        _refuse_anothers(f"{flow.name}/{name}", network_file)
    parameters, tags = {"network": str(network_file)}, ["clinicnet"]
    monthly = RunnerDeployment.from_flow(
        monthly_report, name, schedule=schedule, parameters=parameters, tags=tags
    )
    ad_hoc = RunnerDeployment.from_flow(ask_network, name, parameters=parameters, tags=tags)
    serve(monthly, ad_hoc, print_starting_message=False)


def _refuse_anothers(deployment: str, network_file: Path) -> None:
    """Refuse to take over the deployment of another network file: it would never be reported again.

    Raises:
        ScheduleError: naming that file.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            of = client.read_deployment_by_name(deployment).parameters.get("network")
        except ObjectNotFound:
            return
    if of not in (None, str(network_file)):
        raise ScheduleError(
            f"the deployment {deployment!r} on this server is of another network file: {of}",
            hint="give one of the two networks another name under [network], or delete that deployment: "
            f"prefect deployment delete {deployment}",
        )


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
    if _healthy(local_api()):
        yield local_api()
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


def _wait_until_healthy(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if _healthy(local_api()):
            return
        time.sleep(0.5)
    raise ScheduleError(
        f"Prefect's server did not start on 127.0.0.1:{_port()}",
        hint="start one with `prefect server start` to see why, or name another in PREFECT_API_URL",
    )


def _healthy(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api.rstrip('/')}/health", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
