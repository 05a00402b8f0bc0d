"""Running the monthly job from the command line: what is wrong is said before Prefect is started."""

from __future__ import annotations

import contextlib
import os
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.job_step import DoneBefore, UnexpectedError
from flows.monthly_steps import LOOK_AT_OUTPUT, READ, SCREEN
from flows.on_prefect.prefect_settings import prepare_prefect, require_home
from flows.period_due import parse_period
from flows.run_outcome import run_logged
from flows.running.progress import Progress, shown
from flows.telling import failures_told
from tasks.errors import ClinicnetError
from tasks.network import read_network

if TYPE_CHECKING:
    from flows.period_reported import PeriodReported
    from tasks.network.schema import Network


class OrchestrationError(ClinicnetError):
    """Prefect's server does not answer."""


def run_here(network_file: Path, period: str, *, debug: bool) -> PeriodReported:
    """Report `period` in this process, as a Prefect flow, with progress on the terminal.

    Raises:
        ClinicnetError: something that its sentence says how to mend; the last good release is as it was.
        UnexpectedError: a bug; the last good release is as it was.
    """
    with run_logged(network_file, period) as log:
        return log.reported(_run_here(network_file, period, debug=debug))


def _run_here(network_file: Path, period: str, *, debug: bool) -> PeriodReported:
    try:
        require_home()
        before = {READ.shown: read_and_checked(network_file)}
    except ClinicnetError:
        with _told_if_somebody_is_named(network_file, period):
            raise
    network: Network = before[READ.shown].result
    period = parse_period(period, network)
    with failures_told(network, period):
        return _checked_and_reported(network_file, network, period, before, debug=debug)


def _told_if_somebody_is_named(network_file: Path, period: str) -> AbstractContextManager[None]:
    """Tell what ends the block where the file can be read although a run cannot begin: a database is away."""
    try:
        network = read_network(network_file)
        return failures_told(network, parse_period(period, network))
    except ClinicnetError:  # the person at the terminal is told
        return contextlib.nullcontext()


def _checked_and_reported(
    network_file: Path, network: Network, period: str, before: dict[str, DoneBefore], *, debug: bool
) -> PeriodReported:
    from tasks.records import Records

    before[LOOK_AT_OUTPUT.shown] = DoneBefore.by(LOOK_AT_OUTPUT, network, period)
    with Records.of(network).in_one_state(), shown() as progress:
        if network.records.password_block is None:  # only a Prefect server opens the block
            before[SCREEN.shown] = DoneBefore.by(SCREEN, network, period)
        return in_prefect(network_file, period, progress, before, debug=debug)


def read_and_checked(network_file: Path) -> DoneBefore:
    """The network, checked before Prefect is started: what is wrong is said in a second and not in ten."""
    from tasks.screening import check_network

    began = time.monotonic()
    return DoneBefore(check_network(network_file, open_later=True), time.monotonic() - began)


def in_prefect(
    network_file: Path, period: str, progress: Progress, before: dict[str, DoneBefore], *, debug: bool
) -> PeriodReported:
    """The period, reported as a Prefect flow in this process; its server is started once.

    Args:
        network_file: the network's file.
        period: its label.
        progress: told of every step.
        before: steps that were done already.
        debug: whether Prefect's own log is seen as well.

    Raises:
        ClinicnetError, UnexpectedError: as `run_here`.
    """
    prepare_prefect(debug=debug)
    where = os.environ.get("PREFECT_API_URL")
    try:
        from flows.on_prefect.monthly import report_in_prefect

        return report_in_prefect(network_file, period, progress, before)
    except (ClinicnetError, UnexpectedError):
        raise
    except RuntimeError as error:
        if "API" not in str(error):
            raise
        raise OrchestrationError(
            f"Prefect's server at {where} does not answer" if where else "Prefect's server ended too early",
            hint="start it, or unset PREFECT_API_URL to have one for this run alone"
            if where
            else "run again with --debug to see what it says",
        ) from error


def where_it_is(reported: PeriodReported) -> list[str]:
    """Where the PDFs, the feed and the run's record are, a line each; and why, if it is held."""
    where = _short(reported.latest if reported.is_latest else reported.directory)
    said = ["the same as before"] if reported.unchanged else []
    if reported.held:
        said.append("held: latest is as it was")
    elif reported.withdrawn:
        said.append("withdrawn: latest is as it was; clinicnet restore makes it current")
    elif not reported.is_latest:
        said.append(f"latest stays at {_short(reported.latest.resolve()).name}, of a later period")
    noted = f" ({'; '.join(said)})" if said else ""
    return [
        *(f"Held     {reason}" for reason in reported.held),
        *_early(reported),
        f"Reports  {where / 'reports' / 'network.pdf'}",
        f"         {where / 'reports' / 'clinics'}",
        f"Page     {where / 'page' / 'index.html'}",
        f"Feed     {where / 'feed'}",
        f"Release  {_short(reported.directory)}{noted}",
        f"Record   {_short(reported.record)}",
        *_to_decide(reported),
    ]


def _early(reported: PeriodReported) -> list[str]:
    """That records were missing, where that is not why it is held."""
    why = reported.release.incomplete
    return [] if why is None or why in reported.held else [f"Early    records not complete: {why}"]


def _to_decide(reported: PeriodReported) -> list[str]:
    if not reported.held:
        return []
    name = reported.directory.name
    return [
        f"To publish it: clinicnet approve {name} --by NAME",
        f"Or not:        clinicnet refuse {name} --by NAME --because WHY",
    ]


def _short(path: Path) -> Path:
    """The path from here, where it is below here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
