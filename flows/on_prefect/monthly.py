"""The monthly report as a Prefect flow: the same steps, with retries, a validated form and artifacts."""

from __future__ import annotations

from pathlib import Path

import prefect.runtime
from prefect import flow, get_run_logger
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.job_step import DoneBefore
from flows.monthly_job import report_network
from flows.monthly_steps import READ
from flows.on_prefect.artifacts import leave_artifacts
from flows.on_prefect.in_prefect import (
    PeriodLabel,
    journal,
    provide_password,
    start_server,
    wait_for_records,
    watched,
    watching,
)
from flows.period_due import parse_period, period_just_closed
from flows.period_reported import PeriodReported
from flows.run_outcome import RunLog, run_logged
from flows.running.progress import Progress
from flows.telling import doubted, failures_told
from tasks.errors import ClinicnetError
from tasks.network import Network, read_network


def _run_name() -> str:
    """The network and the period that the run reports: "Six clinics 2024-05"."""
    parameters = prefect.runtime.flow_run.parameters
    try:
        network = read_network(Path(parameters["network"]))
    except ClinicnetError:  # which the run itself will say
        return str(parameters["network"])
    return f"{network.network.name} {parameters.get('month') or _period_due(network)}"


@flow(name="monthly-report", flow_run_name=_run_name, persist_result=False)
def monthly_report(network: str, month: PeriodLabel | None = None) -> PeriodReported:
    """Report one period of a clinic network: estimates, ranks, program effects, PDFs and the feed.

    Args:
        network: Path of the network file (network.toml) on the machine that runs this.
        month: The period to report: 2024-05, 2024-Q2 or 2024-W05, as the network file's [window] period
            has it. Left out, it is the period just closed when the run was due.
    """
    with run_logged(network, month) as log:
        return log.reported(_reported(Path(network), month, log))


def _reported(network_file: Path, month: str | None, log: RunLog) -> PeriodReported:
    done = journal()
    described = done.do(READ, network_file)
    wait_for_records(done, described)
    period = parse_period(month, described) if month else _period_due(described)
    log.is_of(period)
    with failures_told(described, period):
        provide_password(described)
    reported = report_network(described, network_file, period, done)
    leave_artifacts(reported, described.output.url)
    if not watched() and (doubts := doubted(network_file)):  # what they name is not for a server's log
        get_run_logger().warning(
            "Things to look at in the network file or the records: %d. To see them: clinicnet check %s",
            len(doubts),
            network_file,
        )
    return reported


def _period_due(network: Network) -> str:
    due = prefect.runtime.flow_run.scheduled_start_time
    return period_just_closed(due, network.network.time_zone, network.window.period)


def report_in_prefect(
    network_file: Path, period: str, progress: Progress, before: dict[str, DoneBefore]
) -> PeriodReported:
    """Run the flow in this process with `progress` watching; `before`: steps that were done already."""
    with watching(progress, before):
        start_server()
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):  # the run ends with its terminal
            return monthly_report(str(network_file), period)
