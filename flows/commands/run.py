"""Running the monthly job from the command line: what is wrong is said before Prefect is started."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.progress import Progress, shown
from flows.job_step import UnexpectedError, guarded
from flows.month_due import parse_month
from flows.on_prefect.prefect_settings import prepare_prefect
from tasks.errors import ClinicnetError

if TYPE_CHECKING:
    from flows.monthly_job import MonthReported


class OrchestrationError(ClinicnetError):
    """Prefect's server does not answer."""


def run_here(network_file: Path, month: str, *, debug: bool) -> MonthReported:
    """Report `month` in this process, as a Prefect flow, with progress on the terminal.

    Raises:
        ClinicnetError: something that its sentence says how to mend; the last good release is as it was.
        UnexpectedError: a bug; the last good release is as it was.
    """
    _check_first(network_file, parse_month(month))
    with shown() as progress:
        return _in_prefect(network_file, month, progress, debug=debug)


def _check_first(network_file: Path, month: str) -> None:
    """Check and screen once before Prefect is started: what is wrong is said in a second and not in ten."""
    from flows.monthly_steps import READ, SCREEN
    from tasks.screening import check_network

    network = guarded(READ)(network_file)
    if network.records.password_block is None:  # only a Prefect server opens the block
        check_network(network_file)
        guarded(SCREEN)(network, month)


def _in_prefect(network_file: Path, month: str, progress: Progress, *, debug: bool) -> MonthReported:
    prepare_prefect(debug=debug)
    try:
        from flows.on_prefect.monthly import report_month_in_prefect

        return report_month_in_prefect(network_file, month, progress)
    except (ClinicnetError, UnexpectedError):
        raise
    except RuntimeError as error:
        if "API" not in str(error):
            raise
        where = os.environ.get("PREFECT_API_URL")
        raise OrchestrationError(
            f"Prefect's server at {where} does not answer" if where else "Prefect could not start its server",
            hint="start it, or unset PREFECT_API_URL to have one for this run alone"
            if where
            else "run again with --debug to see what it says",
        ) from error


def where_it_is(reported: MonthReported) -> list[str]:
    """Where the PDFs, the feed and the run's record are, a line each."""
    latest = _short(reported.latest)
    same = " (the same as before)" if reported.unchanged else ""
    return [
        f"Reports  {latest / 'reports' / 'network.pdf'}",
        f"         {latest / 'reports' / 'clinics'}",
        f"Feed     {latest / 'feed'}",
        f"Release  {_short(reported.directory)}{same}",
        f"Record   {_short(reported.record)}",
    ]


def _short(path: Path) -> Path:
    """The path from here, where it is below here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
