"""Reporting many periods one after the other, the oldest first, with one server for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands import run
from flows.job_step import DoneBefore
from flows.monthly_steps import READ
from flows.on_prefect.prefect_settings import require_home
from flows.period_due import parse_period
from flows.published_output import output_of
from flows.run_outcome import run_logged
from flows.running.many import Many, many_shown
from flows.telling import releases_untold
from tasks.errors import ClinicnetError
from tasks.periods import Period

if TYPE_CHECKING:
    from flows.period_reported import PeriodReported
    from tasks.network.schema import Network


class BackfillError(ClinicnetError):
    """One of many periods could not be reported."""


def backfill(network_file: Path, first: str, last: str, *, again: bool, debug: bool) -> None:
    """Report every period from `first` to `last`, the oldest first; `latest` is never moved back.

    A period that has a release is passed over, so that what was interrupted goes on where it was. With
    `again` it is made again: it stays as it is where its records are, and is restated where they are not.

    Args:
        network_file: the network's file.
        first, last: labels of periods of the kind that the network reports by.
        again: make periods again that have a release.
        debug: whether Prefect's own log is seen as well.

    Raises:
        ClinicnetError: nothing was done, since something is wrong with what was asked, the network file, its
            records or the machine.
        BackfillError: a period could not be reported; those before it are.
    """
    from tasks.publishing import kept_releases, require_ready
    from tasks.records import Records

    require_home()
    read = run.read_and_checked(network_file)
    network: Network = read.result
    periods = _periods(first, last, network)
    output = output_of(network)
    start, *_ = network.window.ending_with(periods[0])
    require_ready(output, (start, periods[-1]))
    there = {} if again else {each.period: each.name for each in kept_releases(output)}
    with many_shown(len(periods)) as progress, releases_untold():
        for period in periods:
            if period in there:
                progress.passed_over(period, f"is reported already, {there[period]}")
                continue
            with _going_on(progress, network_file, period, periods), progress.working(period) as did:
                before = {READ.shown: DoneBefore(network, read.seconds)}
                with run_logged(network_file, period) as log, Records.of(network).in_one_state():
                    reported = run.in_prefect(network_file, period, progress, before, debug=debug)
                    log.reported(reported)
                did += _did(reported)


def _periods(first: str, last: str, network: Network) -> list[str]:
    ends = [Period.of_label(parse_period(each, network)) for each in (first, last)]
    if ends[0] > ends[1]:
        raise ClinicnetError(f"{first} comes after {last}", hint=f"give the older one first: {last} {first}")
    return [str(each) for each in ends[1].window(ends[1].ordinal - ends[0].ordinal + 1)]


@contextmanager
def _going_on(progress: Many, network_file: Path, period: str, periods: Sequence[str]) -> Iterator[None]:
    """Say, where a period cannot be reported or the person stops, how to go on with it."""
    command, last = f"clinicnet backfill {network_file}", periods[-1]
    try:
        yield
    except ClinicnetError as error:
        after = periods[periods.index(period) + 1 :]
        leave_out = f"; to leave {period} out: {command} {after[0]} {last}" if after else ""
        mend = f"{error.hint}; then the same command goes on" if error.hint else "the same command goes on"
        raise BackfillError(f"{period}: {error.message}", hint=f"{mend}{leave_out}") from error
    except BaseException:
        progress.say(f"To go on with {period}: {command} {periods[0]} {last}")
        raise


def _did(reported: PeriodReported) -> list[str]:
    name = reported.directory.name
    did = [f"unchanged, {name}" if reported.unchanged else f"published {name}"]
    if reported.held:
        did = [f"held {name}: {'; '.join(reported.held)}"]
    elif reported.withdrawn:
        did.append("withdrawn")
    elif not reported.is_latest:
        did.append(f"latest stays at {reported.latest.resolve().name}")
    did += [f"not estimated: {outcome}: {why}" for outcome, why in reported.not_estimated.items()]
    return did
