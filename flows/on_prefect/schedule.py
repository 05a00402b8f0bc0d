"""Keeping a network's schedule: served from this machine, or left to a server and its workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from flows.on_prefect.prefect_settings import prepare_prefect
from flows.on_prefect.server import running_server, some_server
from flows.period_due import schedule_of
from tasks.network import Network, read_network

Say = Callable[[str], None]


def serve_schedule(network_file: Path, cron: str | None, say: Say, *, debug: bool) -> None:
    """Serve a network's report by `cron`, in its time zone, questions and decisions, until stopped.

    Without `cron` it is as the network file says, or at 6:00 on the third day after the period.

    Where PREFECT_API_URL names a server, that one keeps the schedule; otherwise one is started here and
    ends with this command.

    Raises:
        ClinicnetError: the network file or the schedule cannot be used, or the server does not answer.
    """
    network = _prepared(network_file, debug=debug)
    from prefect import serve
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.on_prefect.deployments import deployments, refuse_anothers

    file = network_file.resolve()
    all_of_it = deployments(file, network, cron)
    with some_server() as url, temporary_settings({PREFECT_API_URL: url}):
        say(_when(network, cron))
        say(f"Runs and forms are at {url.removesuffix('/api')}. Stop with Ctrl-C.")
        for each in all_of_it:
            refuse_anothers(each, file)
        serve(*all_of_it, print_starting_message=False)


def deploy(network_file: Path, pool: str, cron: str | None, say: Say, *, debug: bool) -> None:
    """Write a network's deployments to a server, for the workers of a pool.

    Raises:
        ClinicnetError: the network file or the schedule cannot be used, the server does not answer, it has
            no such pool, or the deployments are of another network file.
    """
    network = _prepared(network_file, debug=debug)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.on_prefect.deployments import deployments, refuse_anothers, require_pool

    file = network_file.resolve()
    all_of_it = deployments(file, network, cron, pool)
    with temporary_settings({PREFECT_API_URL: running_server()}):
        require_pool(pool)
        for each in all_of_it:
            refuse_anothers(each, file)
        for each in all_of_it:
            each.apply()
            say(f"{each.full_name} is deployed to the pool {pool}")
    say(_when(network, cron))
    say(f"A worker does it: prefect worker start --pool {pool}")


def _prepared(network_file: Path, *, debug: bool) -> Network:
    network = read_network(network_file)
    prepare_prefect(debug=debug)
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")  # a lost server must be loud
    return network


def _when(network: Network, cron: str | None) -> str:
    said = schedule_of(network, cron)
    return f"The {network.window.period} just closed is reported at {said!r} ({network.network.time_zone})."
