"""The monthly job from the records to the current release, in the order of the publication's own steps."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.complete_records import see_complete
from flows.job_step import Journal
from flows.kept_memory import keep_memory
from flows.monthly_steps import (
    COMPARE,
    DECIDE,
    DELIVER,
    DISCLOSE,
    DRAW,
    ESTIMATE,
    FILL_WAREHOUSE,
    LOOK_AT_OUTPUT,
    MASK,
    MIRROR,
    MODEL_SHOWN,
    PUBLISH,
    RANK,
    RANK_SHOWN,
    READ,
    READ_PUBLISHED,
    SCREEN,
    SEE_COMPLETE,
    SUMMARISE,
    WRITE_FEED,
)
from flows.one_thread import one_thread
from flows.period_reported import PeriodReported
from flows.published_output import output_of
from flows.run_outcome import how_ended
from flows.running.progress import expected_seconds
from flows.running.stalling import given_up_when_stalled
from flows.telling import delivers, failures_told, tell_reported
from tasks.errors import PublishingError

if TYPE_CHECKING:
    import pandas as pd

    from tasks.disclosing import Withholding
    from tasks.estimating import OutcomeEstimates, Summary
    from tasks.network.schema import Network
    from tasks.publishing import Output, Published, Staging, Standing
    from tasks.publishing.run_turn import Holder
    from tasks.ranking import OutcomeRanks
    from tasks.release import Release
    from tasks.screening import Completeness, Screened


_log = logging.getLogger("clinicnet")


def report_period(network_file: Path, period: str, journal: Journal | None = None) -> PeriodReported:
    """Report `period` of the network described in `network_file`, and make it the current release.

    Args:
        network_file: the network.toml.
        period: its label, of the kind that the network reports by.
        journal: who does the steps and who watches; plain calls in silence when left out.

    Raises:
        ClinicnetError: something that its sentence says how to mend; the last good release is as it was.
        UnexpectedError: a bug; the last good release is as it was.
    """
    journal = journal or Journal()
    return report_network(journal.do(READ, network_file), network_file, period, journal)


def report_network(network: Network, network_file: Path, period: str, journal: Journal) -> PeriodReported:
    """The same for a network file that was read already.

    Raises:
        ClinicnetError, UnexpectedError: as `report_period`.
    """
    keep_memory()
    with failures_told(network, period):
        reported = _reported(network, network_file, period, journal)
    tell_reported(network, network_file, reported)
    return reported


def _reported(network: Network, network_file: Path, period: str, journal: Journal) -> PeriodReported:
    started = datetime.now(UTC)
    record = _Record(network_file, network, period, started, journal)
    try:
        with one_thread():
            release, published, not_estimated = _report(network, period, journal, record)
    except BaseException as error:
        record.ended_by(error)
        raise
    return PeriodReported(
        release=release,
        directory=published.directory,
        latest=published.latest,
        is_latest=published.is_latest,
        unchanged=published.unchanged,
        record=record.published(published, release, not_estimated),
        not_estimated=not_estimated,
        held=published.held,
        withdrawn=published.withdrawn,
    )


def _waits(holder: Holder | None) -> None:
    _log.warning("waits for another run of this network to end%s", "" if holder is None else f": {holder}")


def _report(
    network: Network, period: str, journal: Journal, record: _Record
) -> tuple[Release, Published, Mapping[str, str]]:
    output = output_of(network)
    watched = journal.progress
    watched.plan(planned(network), expected_seconds(output.runs))
    with output.staging() as staging:
        record.token = staging.path.name
        journal.noted = record.running
        with given_up_when_stalled(watched) as journal.progress:
            complete = ready(network, period, journal)
        # its records may have been waited for, for hours: no other run of the network waits for that
        with _turn(network, output), given_up_when_stalled(watched) as journal.progress:
            release, beside = prepared(network, period, output, staging, journal, complete)
            published = journal.do(PUBLISH, output, staging, release, network, beside)
            if network.warehouse.url is not None and not published.held:
                journal.do(FILL_WAREHOUSE, network, output)
            if network.mirror.targets and not published.held:
                journal.do(MIRROR, network, output)
            if delivers(network) and published.is_latest:
                journal.do(DELIVER, network, output)
    return release, published, _not_estimated(release)


def _turn(network: Network, output: Output) -> contextlib.AbstractContextManager[None]:
    from tasks.publishing.run_turn import turn

    return turn(output.directory, wait=network.output.second_run == "wait", waits=_waits)


def ready(network: Network, period: str, journal: Journal) -> Completeness | None:
    """The output looked at, and the period's records waited for as the network file wants it.

    Raises:
        ClinicnetError, UnexpectedError: as `report_period`.
    """
    journal.do(LOOK_AT_OUTPUT, network, period)
    return see_complete(network, period, journal)


def prepared(
    network: Network,
    period: str,
    output: Output,
    staging: Staging,
    journal: Journal,
    complete: Completeness | None,
) -> tuple[Release, tuple[str, ...]]:
    """A release with its files in `staging`, not published, and the releases that it was decided beside.

    `complete` is what `ready` found.

    Raises:
        ClinicnetError, UnexpectedError: as `report_period`.
    """
    from tasks.records import Records

    records = Records.of(network)
    with contextlib.ExitStack() as kept:
        kept.enter_context(records.in_one_state())
        screened = journal.do(SCREEN, network, period)
        summary = journal.do(SUMMARISE, screened, network)
        estimates, ranks = {}, {}
        for name, outcome in network.outcomes.items():
            estimates[name] = journal.do(ESTIMATE.about(outcome.label), screened, network, name, summary)
            ranks[name] = journal.do(RANK.about(outcome.label), network, estimates[name])
        estimated = Estimated(network, screened, summary, estimates, ranks, complete)
        beside = output.standing()
        release = disclosed(network, period, estimated, output, journal)
        records.let_go()
        journal.do(DRAW, release, network, staging, journal.progress)
        journal.do(WRITE_FEED, release, network, staging)
    return release, beside


@dataclass(frozen=True, slots=True)
class Estimated:
    """Everything that a release is made of.

    Attributes:
        network: the network's description.
        screened: the screened records: their quality table, clinics and cut-off date.
        summary: the window's moments.
        estimates, ranks: outcome → its estimates and its clinics in order.
        complete: whether the last period's records are all there; None where nothing is known of that.
    """

    network: Network
    screened: Screened
    summary: Summary
    estimates: Mapping[str, OutcomeEstimates]
    ranks: Mapping[str, OutcomeRanks]
    complete: Completeness | None = None

    def tables(
        self, held_against: Standing, withholding: Withholding | None = None
    ) -> Mapping[str, pd.DataFrame]:
        """The release's tables before anything is withheld; clinics keep the file names they have."""
        from tasks.releasing import assemble

        names = held_against.file_names()
        parts = (self.screened, self.summary, self.estimates, self.ranks)
        return assemble(self.network, *parts, names, withholding)


def disclosed(
    network: Network, period: str, estimated: Estimated, output: Output, journal: Journal
) -> Release:
    """The release of `period`, with the network's small-number policy applied to every table.

    What is withheld depends on what was published before. An edition of the period was held against what
    stood then, so a run that may be making it again is held against the same: where the records give that
    edition once more, it is the release. Otherwise the release is a new one, held against all there is now.
    """
    standing: tuple[Standing, ...] = journal.do(READ_PUBLISHED, output, period, estimated.summary)
    for turn, held_against in enumerate(each.following(network.clinics.now) for each in standing):
        subject = _attempt(turn, held_against)
        tables = estimated.tables(held_against)
        withholding = journal.do(DECIDE.about(subject), network, tables, estimated.summary, held_against)
        apart = journal.do(
            MODEL_SHOWN.about(subject),
            network,
            estimated.screened,
            estimated.summary,
            estimated.estimates,
            withholding,
        )
        estimates = {**estimated.estimates, **apart}
        ranks = journal.do(
            RANK_SHOWN.about(subject),
            network,
            period,
            estimates,
            estimated.ranks,
            withholding,
            held_against,
        )
        whole = replace(estimated, estimates=estimates, ranks=ranks).tables(held_against, withholding)
        tables = journal.do(MASK.about(subject), network, whole, withholding)
        release = journal.do(
            COMPARE.about(subject),
            network,
            period,
            estimated.screened,
            estimated.summary,
            tables,
            held_against,
            estimated.complete,
        )
        if held_against.is_given_by(release.id):
            break
    return release


def _attempt(turn: int, held_against: Standing) -> str:
    """What the steps are about; nothing where they are done for the first time, as nearly always."""
    if turn == 0:
        return ""
    return "as a new edition" if held_against.edition is None else f"as edition {turn + 1}"


def planned(network: Network) -> list[str]:
    """The steps after reading the network file, as people see them."""
    labels = [outcome.label for outcome in network.outcomes.values()]
    each = [step.about(label) for label in labels for step in (ESTIMATE, RANK)]
    return [
        step.shown
        for step in (
            LOOK_AT_OUTPUT,
            *([SEE_COMPLETE] if network.schedule.complete.declared else []),
            SCREEN,
            SUMMARISE,
            *each,
            READ_PUBLISHED,
            *DISCLOSE,
            DRAW,
            WRITE_FEED,
            PUBLISH,
            *([FILL_WAREHOUSE] if network.warehouse.url is not None else []),
            *([MIRROR] if network.mirror.targets else []),
            *([DELIVER] if delivers(network) else []),
        )
    ]


def _not_estimated(release: Release) -> dict[str, str]:
    """Outcomes that could not be estimated, and those that an error of ours cost a part."""
    from tasks.estimating.attempting import FAULT

    outcomes = release["outcomes"]
    ours = outcomes["reason"].str.contains(FAULT, regex=False).fillna(False).astype(bool)
    failed = outcomes[(outcomes["status"] == "not_estimable") | ours]
    return {str(row.outcome): str(row.reason) for row in failed.itertuples()}


def _unrecorded(error: OSError, published: Published) -> PublishingError:
    return PublishingError(
        f"{published.directory} is published, but the run's record could not be written: "
        f"{os.strerror(error.errno or 0).lower()}",
        hint="free some space on the disk and run the period again: the release stays as it is",
    )


@dataclass(slots=True)
class _Record:
    """The run's record, kept while it is under way and written however it ends.

    Attributes:
        token: what tells this run from others, once it prepares a release.
    """

    network_file: Path
    network: Network
    period: str
    started: datetime
    journal: Journal
    token: str | None = None

    def running(self) -> None:
        """Keep that the run is under way, and in which step."""
        with contextlib.suppress(OSError):  # a full disk is for the release to say
            self._write(ended="running", step=self.journal.step)

    def published(self, published: Published, release: Release, not_estimated: Mapping[str, str]) -> Path:
        """Keep that the release is current.

        Raises:
            PublishingError: there is no room for the record; the release stands all the same.
        """
        try:
            return self._write(
                ended="held" if published.held else "unchanged" if published.unchanged else "published",
                error="; ".join(published.held) or None,
                release=None if published.held else str(published.directory),
                release_id=release.id,
                not_estimated=dict(not_estimated),
                versions=dict(release.versions),
            )
        except OSError as error:
            raise _unrecorded(error, published) from error

    def ended_by(self, error: BaseException) -> None:
        """Keep the record of a failure or a stop, unless the output directory itself is what failed."""
        ended, sentence = how_ended(error)
        with contextlib.suppress(OSError):
            self._write(ended=ended, error=sentence)

    def _write(self, **how: object) -> Path:
        from tasks.publishing import Output, RunRecord, write_run_record

        record = RunRecord(
            network=self.network.network.name,
            network_file=str(self.network_file),
            month=self.period,
            started=self.started,
            finished=datetime.now(UTC),
            steps=tuple(self.journal.steps),
            **how,  # type: ignore[arg-type]
        )
        runs = Output(self.network.directory / self.network.output.directory).runs
        return write_run_record(record, runs, self.token)
