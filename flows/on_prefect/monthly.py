"""The monthly report as a Prefect flow: the same steps, with retries, a validated form and artifacts."""

from __future__ import annotations

from pathlib import Path

import prefect.runtime
from prefect import flow

from flows.commands.progress import Progress
from flows.job_step import DoneBefore
from flows.month_due import month_just_closed
from flows.monthly_job import MonthReported, report_network
from flows.monthly_steps import READ
from flows.on_prefect.artifacts import leave_artifacts
from flows.on_prefect.in_prefect import Month, journal, provide_password, start_server, watching
from tasks.network import Network


def _run_name() -> str:
    parameters = prefect.runtime.flow_run.parameters
    network = Path(parameters["network"])
    return f"{network.parent.name or network.stem} {parameters.get('month') or 'month just closed'}"


@flow(name="monthly-report", flow_run_name=_run_name, persist_result=False)
def monthly_report(network: str, month: Month | None = None) -> MonthReported:
    """Report one month of a clinic network: estimates, ranks, program effects, PDFs and the feed.

    Args:
        network: Path of the network file (network.toml) on the machine that runs this.
        month: The month to report, YYYY-MM. Left out, it is the month just closed when the run was due.
    """
    done = journal()
    network_file = Path(network)
    described = done.do(READ, network_file)
    provide_password(described)
    reported = report_network(described, network_file, month or _month_due(described), done)
    leave_artifacts(reported)
    return reported


def _month_due(network: Network) -> str:
    due = prefect.runtime.flow_run.scheduled_start_time
    return month_just_closed(due, network.network.time_zone)


def report_month_in_prefect(
    network_file: Path, month: str, progress: Progress, before: dict[str, DoneBefore]
) -> MonthReported:
    """Run the flow in this process with `progress` watching; `before`: steps that were done already."""
    with watching(progress, before):
        start_server()
        return monthly_report(str(network_file), month)
