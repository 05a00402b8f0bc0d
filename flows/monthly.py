"""The monthly report as a Prefect flow: the same steps, with retries, a validated form and artifacts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import prefect.runtime
from prefect import Task, flow
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from pydantic import Field

from flows.artifacts import leave_artifacts
from flows.job_step import JobStep, Journal, guarded
from flows.monthly_job import MonthReported, report_month
from flows.monthly_steps import STEPS
from flows.months import month_just_closed
from flows.progress import Progress, Silent
from tasks.errors import SourceUnreachableError
from tasks.publishing import Step

Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
RETRY_DELAYS = [2.0, 10.0, 30.0]

START = "Start Prefect"


@dataclass(frozen=True)
class _Watching:
    """Who watches the runs of this process, and since when."""

    progress: Progress
    since: float = field(default_factory=time.monotonic)

    def started(self) -> list[Step]:
        """The start of Prefect, as the first step of the run."""
        seconds = time.monotonic() - self.since
        if isinstance(self.progress, Silent):
            return []
        self.progress.end(START, "a server for this run", seconds)
        return [Step(START, "a server for this run", round(seconds, 3))]


_watching: list[_Watching] = []


def _can_be_tried_again(_task: Any, _run: Any, state: Any) -> bool:
    """Only a database that went away; another try gives a singular fit or a missing column once more."""
    return isinstance(state.data, SourceUnreachableError)


def _as_task(step: JobStep[..., Any]) -> Task[..., Any]:
    return Task(
        guarded(step),
        name=step.name,
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=len(RETRY_DELAYS) if step.reads_records else 0,
        retry_delay_seconds=RETRY_DELAYS if step.reads_records else 0,
        retry_condition_fn=_can_be_tried_again,
    )


_TASKS = {step.name: _as_task(step) for step in STEPS}


def in_prefect(step: JobStep[..., Any]) -> Callable[..., Any]:
    """The step as a task of the flow that is running."""
    as_task: Callable[..., Any] = _TASKS[step.name].with_options(task_run_name=step.shown)
    return as_task


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
    watching = _watching[-1] if _watching else _Watching(Silent())
    journal = Journal(in_prefect, watching.progress, watching.started())
    network_file = Path(network)
    reported = report_month(network_file, month or _month_due(network_file), journal)
    leave_artifacts(reported)
    return reported


def _month_due(network_file: Path) -> str:
    from tasks.network import read_network

    due = prefect.runtime.flow_run.scheduled_start_time
    return month_just_closed(due, read_network(network_file).network.time_zone)


def report_month_in_prefect(network_file: Path, month: str, progress: Progress) -> MonthReported:
    """Run the flow in this process with `progress` watching.

    The display cannot be a parameter: Prefect's server stores those.
    """
    _watching.append(_Watching(progress))
    try:
        progress.begin(START)
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):  # it ends with its terminal
            return monthly_report(str(network_file), month)
    finally:
        _watching.pop()
