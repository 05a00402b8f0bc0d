"""A month's release: its tables disclosed, and an id that the same records and configuration give again."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from tasks.disclosing import POLICIES, disclose
from tasks.estimating import OutcomeEstimates, Summary
from tasks.network.schema import Network
from tasks.publishing import Earlier, Output, earlier_releases, editions, latest_before
from tasks.ranking import OutcomeRanks, rank_outcome
from tasks.release import Release, release_id
from tasks.releasing.assembling import assemble
from tasks.releasing.changes import changes
from tasks.screening import Screened

# what the numbers come from: a release computed by other versions is another release
_COMPUTED_BY = ("clinicnet", "duckdb", "numpy", "pandas", "pyarrow", "scipy")


def make_release(
    network: Network,
    month: str,
    screened: Screened,
    summary: Summary,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
) -> Release:
    """The release of `month`, with the network's small-number policy applied to every table.

    Clinics that are withheld take no part in the order of the others: the places of those shown would tell
    theirs. Releases that stand in the output directory are looked at, so that a difference tells nothing, and
    the last of them of a month before is what the table `changes` compares this one with. Where the same
    records give a standing edition of the month again, that edition is the release.

    Args:
        network: the network's description.
        month: the reported month, YYYY-MM.
        screened: the screened records: their quality table, clinics and cut-off date.
        summary: the window's moments.
        estimates, ranks: outcome → its estimates and its clinics in order.
    """
    output = Output(network.directory / network.output.directory)
    window = (summary.months[0], month)
    for edition, published in editions(output, month).items():
        earlier = earlier_releases(output, window, edition)
        again = _release(network, month, screened, summary, estimates, ranks, earlier)
        if again.id == published:
            return again
    earlier = earlier_releases(output, window)
    return _release(network, month, screened, summary, estimates, ranks, earlier)


def _release(
    network: Network,
    month: str,
    screened: Screened,
    summary: Summary,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
    earlier: Sequence[Earlier],
) -> Release:
    """The release of `month`, held against earlier ones."""
    policy = POLICIES[network.policy.small_numbers]
    published = [each.tables for each in earlier]
    tables = disclose(policy, assemble(screened, summary, estimates, ranks), published)
    among_shown = _ranked_among_shown(network, estimates, tables)
    if among_shown:
        assembled = assemble(screened, summary, estimates, {**ranks, **among_shown})
        tables = disclose(policy, assembled, published)
    before = latest_before(earlier, month, network.policy.small_numbers)
    if before is not None:
        tables["changes"] = changes(before.since, before.tables, tables)
    since = None if before is None else before.since
    configuration = network.model_dump_json(exclude={"output", "directory"})
    return Release(
        id=release_id(configuration, month, network.policy.small_numbers, tables, since),
        network=network.network.name,
        period=month,
        window=(summary.months[0], summary.months[-1]),
        cut_off=screened.cut_off,
        policy=network.policy.small_numbers,
        versions={name: importlib.metadata.version(name) for name in _COMPUTED_BY},
        tables=tables,
        since=since,
    )


def _ranked_among_shown(
    network: Network, estimates: Mapping[str, OutcomeEstimates], tables: Mapping[str, pd.DataFrame]
) -> dict[str, OutcomeRanks]:
    """Outcomes with a withheld clinic in their order, ranked again without it."""
    raw = tables["clinic_estimates"].query("form == 'raw' and value.notna()")
    again = {}
    for outcome, estimated in estimates.items():
        shown = set(raw.loc[raw["outcome"] == outcome, "clinic"])
        kept = tuple(clinic for clinic in estimated.compared if clinic in shown)
        if kept != estimated.compared:
            again[outcome] = rank_outcome(network, replace(estimated, compared=kept))
    return again
