"""The steps of the monthly job: each a plain function of plain data.

What goes in and comes out is aggregates, tables, or a handle that says where the records are; never a
patient's row. Modules are imported where they are used: the command line answers before NumPy is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flows.job_step import JobStep
from flows.published_output import output_of
from flows.running.progress import Progress
from tasks.errors import NetworkError

if TYPE_CHECKING:
    import pandas as pd

    from tasks.disclosing import Withholding
    from tasks.estimating import OutcomeEstimates, Summary
    from tasks.network.schema import Network
    from tasks.publishing import Output, Published, Staging, Standing
    from tasks.ranking import OutcomeRanks
    from tasks.release import Release
    from tasks.rendering import Rendered
    from tasks.screening import Completeness, Screened

    Tables = Mapping[str, pd.DataFrame]


def _read(network_file: Path) -> Network:
    from tasks.network import read_network

    return read_network(network_file)


def _look_at_output(network: Network, period: str) -> int:
    from tasks.publishing import require_ready

    first, *_ = network.window.ending_with(period)
    return require_ready(output_of(network), (first, period))


def _see_complete(network: Network, period: str) -> Completeness:
    from tasks.records import Records
    from tasks.screening import completeness

    return completeness(Records.of(network), network, period)


def _screen(network: Network, period: str) -> Screened:
    from tasks.records import Records
    from tasks.screening import screen

    return screen(Records.of(network), network, period)


def _summarise(screened: Screened, network: Network) -> Summary:
    from tasks.estimating import summarise

    return summarise(screened.usable, network)


def _estimate(screened: Screened, network: Network, outcome: str, summary: Summary) -> OutcomeEstimates:
    from tasks.estimating import estimate_outcome

    return estimate_outcome(screened.usable, network, outcome, summary)


def _rank(network: Network, estimates: OutcomeEstimates) -> OutcomeRanks:
    from tasks.ranking import rank_outcome

    return rank_outcome(network, estimates)


def _read_published(output: Output, period: str, summary: Summary) -> tuple[Standing, ...]:
    from tasks.publishing import standing_releases

    return standing_releases(output, (summary.months[0], period))


def _decide(network: Network, tables: Tables, summary: Summary, standing: Standing) -> Withholding:
    from tasks.releasing import withheld

    return withheld(network, tables, summary, standing)


def _model_shown(
    network: Network,
    screened: Screened,
    summary: Summary,
    estimates: Mapping[str, OutcomeEstimates],
    withholding: Withholding,
) -> Mapping[str, OutcomeEstimates]:
    from tasks.estimating.shown_clinics import estimate_apart

    return {
        name: estimate_apart(
            screened.usable,
            network,
            estimates[name],
            summary,
            withheld.clinics,
            withheld.in_part,
            models=withheld.models_apart,
            clustering=withheld.clustering_apart,
            effects=withheld.effects_apart,
        )
        for name, withheld in withholding.outcomes.items()
        if withheld is not None and withheld.anything_apart and estimates[name].shrunken is not None
    }


def _rank_shown(
    network: Network,
    period: str,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
    withholding: Withholding,
    standing: Standing,
) -> Mapping[str, OutcomeRanks]:
    from tasks.releasing import rank_shown, verdicts_before

    before = verdicts_before(network, standing, period)
    return rank_shown(network, estimates, ranks, withholding, before)


def _mask(network: Network, tables: Tables, withholding: Withholding) -> Tables:
    from tasks.releasing import masked

    return masked(network, tables, withholding)


def _compare(
    network: Network,
    period: str,
    screened: Screened,
    summary: Summary,
    tables: Tables,
    standing: Standing,
    completeness: Completeness | None = None,
) -> Release:
    from tasks.releasing import release_of

    return release_of(network, period, screened, summary, tables, standing, completeness)


def _draw(release: Release, network: Network, staging: Staging, progress: Progress) -> Rendered:
    from tasks.rendering import RenderingFailedError, render_release

    with staging.filled():
        try:
            return render_release(release, network, staging.path, progress=progress.within)
        except RenderingFailedError as failed:
            if not any(name.endswith(".j2") for name in network.own_files.by_name):
                raise
            why = next(iter(failed.failures.values()))
            raise NetworkError(
                f"the network's own templates could not be filled: {why}",
                hint="compare them with clinicnet's of the same name in its folder reports, or take them out "
                "of [report] own_files",
            ) from failed


def _write_feed(release: Release, network: Network, staging: Staging) -> list[Path]:
    from tasks.publishing import write_feed

    with staging.filled():
        return write_feed(
            release,
            staging.feed,
            network.network.language,
            network.own_files,
            spreadsheets=network.output.spreadsheet,
        )


def _publish(
    output: Output, staging: Staging, release: Release, network: Network, beside: Sequence[str]
) -> Published:
    from tasks.publishing import Published, hold, write_catalogue

    name = f"{release.period}-{release.id}"
    reasons = [] if output.has(staging, name) else _reasons_to_hold(output, release, network)
    if reasons:
        held = hold(output, staging, name, reasons, beside)
        return Published(held.directory, output.latest, unchanged=False, is_latest=False, held=held.reasons)
    published = output.publish(staging, name, beside)
    write_catalogue(output, network.network.name, network.network.language, network.output.url)
    return published


def _fill_warehouse(network: Network, output: Output) -> str:
    from flows.warehouse_filling import fill_if_declared

    return fill_if_declared(network, output) or "there is none"


def _mirror(network: Network, output: Output) -> str:
    from flows.mirroring import mirror_if_declared

    return mirror_if_declared(network, output) or "there is none"


def _deliver(network: Network, output: Output) -> str:
    from flows.delivering import deliver_latest

    return deliver_latest(network, output)


def _reasons_to_hold(output: Output, release: Release, network: Network) -> list[str]:
    """Why the release waits for a person, beside the one that it is compared with."""
    from tasks.publishing import published_release
    from tasks.releasing.holding import reasons_to_hold

    before = None
    if release.since is not None:
        _, earlier, _ = published_release(output, f"{release.since.period}-{release.since.id}")
        before = earlier.tables
    return reasons_to_hold(network, release, before)


def _became(published: Published) -> str:
    if published.held:
        return f"held: {'; '.join(published.held)}"
    return "the same files as before" if published.unchanged else published.directory.name


def _screened(screened: Screened) -> str:
    clinics = screened.clinics
    return f"{int(clinics['n_records'].sum()):,} usable records in {len(clinics):,} clinics"


def _published_before(standing: tuple[Standing, ...]) -> str:
    *editions, new = standing
    if not new.earlier:
        return "no earlier release shares a period"
    again = f", {len(editions)} of this period" if editions else ""
    return f"{len(new.earlier)} earlier share periods{again}"


def _compared(release: Release) -> str:
    if release.since is None:
        return "there is none"
    return f"{len(release['changes']):,} changes since {release.since.period}"


def _estimated(estimates: OutcomeEstimates) -> str:
    return f"not estimated: {estimates.reason}" if estimates.status == "not_estimable" else "estimated"


READ = JobStep("Read the network file", _read, lambda network: f"{len(network.outcomes)} outcomes")
LOOK_AT_OUTPUT = JobStep(
    "Look at the output directory", _look_at_output, lambda read: f"{read} earlier releases read"
)
SEE_COMPLETE = JobStep(
    "See whether the records are complete",
    _see_complete,
    lambda found: "complete" if found.is_complete else "not complete",
    reads_records=True,
)
SCREEN = JobStep("Screen the records", _screen, _screened, reads_records=True)
SUMMARISE = JobStep(
    "Add up clinics and periods", _summarise, lambda _: "counts and sums, no patients", reads_records=True
)
ESTIMATE = JobStep("Estimate", _estimate, _estimated, reads_records=True)
RANK = JobStep("Rank clinics", _rank, lambda ranks: str(ranks.verdict_row["verdict"]).replace("_", " "))
READ_PUBLISHED = JobStep("Read what was published", _read_published, _published_before)
DECIDE = JobStep("Decide what to withhold", _decide, lambda withholding: str(withholding.effort))
MODEL_SHOWN = JobStep(
    "Model shown clinics alone",
    _model_shown,
    lambda apart: f"{len(apart)} outcomes" if apart else "not needed",
    reads_records=True,
)
RANK_SHOWN = JobStep("Rank the clinics that are shown", _rank_shown, lambda ranks: f"{len(ranks)} outcomes")
MASK = JobStep("Withhold small numbers", _mask, lambda tables: f"{len(tables)} tables")
COMPARE = JobStep("Compare with the last release", _compare, _compared)
DISCLOSE = (DECIDE, MODEL_SHOWN, RANK_SHOWN, MASK, COMPARE)
"""From estimates to a release: done again for each edition of the period that it may be once more."""
DRAW = JobStep("Draw the reports", _draw, lambda files: f"{len(files):,} PDFs")
WRITE_FEED = JobStep("Write the feed", _write_feed, lambda files: f"{len(files):,} files")
PUBLISH = JobStep(
    "Make the release current",
    _publish,
    _became,
)
FILL_WAREHOUSE = JobStep("Fill the warehouse", _fill_warehouse, str)
MIRROR = JobStep("Bring the mirrors up to date", _mirror, str)
DELIVER = JobStep("Deliver the clinics' reports", _deliver, str)
STEPS = (
    *(READ, LOOK_AT_OUTPUT, SEE_COMPLETE, SCREEN, SUMMARISE, ESTIMATE, RANK, READ_PUBLISHED),
    *(*DISCLOSE, DRAW, WRITE_FEED, PUBLISH, FILL_WAREHOUSE, MIRROR, DELIVER),
)
"""Every step of the monthly job, in the order in which they come."""
