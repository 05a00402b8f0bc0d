"""A release out of its parts: clinics ranked among those shown, tables masked, changes, and an id."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import pandas as pd

from tasks.disclosing import POLICIES, Draw, GroupCounts, People, Related, Withholding, decide, mask
from tasks.estimating import GroupedRecords, OutcomeEstimates, Summary
from tasks.network.schema import Network
from tasks.periods import Period, first_day
from tasks.publishing import Standing, latest_before, latest_editions
from tasks.ranking import Decision, OutcomeRanks, rank_outcome
from tasks.release import (
    CHANGES,
    INDICATORS,
    LAST_SHOWN,
    LATEST_PERIODS,
    MEASURES,
    STANDING_SINCE,
    Release,
    first_in_part,
    release_id,
    reported_in_part,
)
from tasks.releasing.changes import changes
from tasks.releasing.incomplete import why_incomplete
from tasks.releasing.indicators import indicators
from tasks.releasing.last_shown import last_shown
from tasks.releasing.latest_periods import latest_periods
from tasks.releasing.measures import measures
from tasks.releasing.release_configuration import release_configuration
from tasks.releasing.standing_since import standing_since
from tasks.screening import Completeness, Screened

Tables = Mapping[str, pd.DataFrame]

_ALIKE = 1e-12  # of the sum of squares: values that differ by no more are one value, written in binary
# what the numbers come from: a release computed by other versions is another release
_COMPUTED_BY = ("clinicnet", "duckdb", "numpy", "pandas", "pyarrow", "scipy")


def withheld(network: Network, tables: Tables, summary: Summary, standing: Standing) -> Withholding:
    """What the network's small-number policy withholds, held against the releases that stand.

    Args:
        network: the network's description.
        tables: the assembled tables.
        summary: the window's moments: how many patients stand behind the tables' counts, and which outcomes
            are parts of others.
        standing: the releases that a difference must not be taken from.
    """
    policy = POLICIES[network.policy.small_numbers]
    related = Related(summary.related.parts, summary.related.sides)
    earlier, beyond = ([each.tables for each in those] for those in (standing.earlier, standing.beyond))
    policies, older = (
        [POLICIES.get(each.policy, policy) for each in those] for those in (standing.earlier, standing.beyond)
    )
    people, draw = People(summary.people), Draw(standing.key)
    return decide(
        *(policy, tables, earlier, people, related, draw),
        groups=[_group_counts(column, grouped) for column, grouped in summary.groups.items()],
        policies=policies,
        beyond=beyond,
        policies_beyond=older,
    )


def _group_counts(column: str, grouped: GroupedRecords) -> GroupCounts:
    """The counts behind a column's groups."""
    months, alike = [], set()
    for outcome, moments in grouped.moments.items():
        sums = moments.groupby(["group", "month"], sort=True)[["n", "total", "sum", "squares"]].sum()
        months.append(sums.reset_index().assign(outcome=outcome, events=sums["total"].to_numpy()))
        whole = sums.groupby("group")[["n", "sum", "squares"]].sum()
        apart = whole["n"] * whole["squares"] - whole["sum"] ** 2
        same = apart <= _ALIKE * (whole["n"] * whole["squares"]).abs()
        alike |= {(outcome, str(code)) for code in whole.index[same]}
    return GroupCounts(column, grouped.groups.codes, pd.concat(months), grouped.people, frozenset(alike))


def rank_shown(
    network: Network,
    estimates: Mapping[str, OutcomeEstimates],
    ranks: Mapping[str, OutcomeRanks],
    withholding: Withholding,
    verdicts: Mapping[str, Decision],
) -> dict[str, OutcomeRanks]:
    """Outcome → its clinics in order, those that are withheld left out of it.

    The places of those shown would tell the others': they are ranked again, among themselves. So they are
    where the last release came to another verdict, which may still stand.

    Args:
        network: the network's description.
        estimates, ranks: outcome → its estimates and its clinics in order.
        withholding: what is withheld.
        verdicts: outcome → the verdict of the last release.
    """
    found = dict(ranks)
    for outcome, estimated in estimates.items():
        kept = tuple(clinic for clinic in estimated.compared if withholding.shows(outcome, clinic))
        before, withheld = verdicts.get(outcome), withholding.outcomes.get(outcome)
        apart = withheld is not None and withheld.models_apart
        if apart or kept != estimated.compared or before not in (None, ranks[outcome].verdict):
            found[outcome] = rank_outcome(network, replace(estimated, compared=kept), before)
    return found


def verdicts_before(network: Network, standing: Standing, period: str) -> dict[str, Decision]:
    """Outcome → the verdict of the last release, where it had one."""
    last = latest_before(standing.earlier, period, network.policy.small_numbers)
    if last is None:
        return {}
    outcomes = last.tables["outcomes"]
    said = outcomes.set_index("outcome")["verdict"].dropna()  # none of an outcome that was too rare then
    return {str(outcome): verdict for outcome, verdict in said.items() if verdict in get_args(Decision)}


def _in_part(screened: Screened, period: str) -> set[str]:
    """Periods at the ends of the window that are there in part."""
    first = first_in_part(screened.first_date, period)
    reported = {period} if reported_in_part(screened.cut_off, period) else set()
    return reported | ({str(first)} if first is not None else set())


def _starts(network: Network) -> dict[str, str]:
    """Clinic → its first period under the program, as declared."""
    declared = None if network.program is None else network.program.starts
    return {
        clinic: str(Period.of_day(network.window.period, first_day(start)))
        for clinic, start in (declared or {}).items()
    }


def masked(network: Network, tables: Tables, withholding: Withholding) -> dict[str, pd.DataFrame]:
    """The assembled tables with what is withheld null, rounded as the network's policy says."""
    with network.speaking():
        return mask(POLICIES[network.policy.small_numbers], tables, withholding)


def release_of(
    network: Network,
    period: str,
    screened: Screened,
    summary: Summary,
    tables: Tables,
    standing: Standing,
    completeness: Completeness | None = None,
) -> Release:
    """The release of `period`, with what follows from what it shows and from earlier releases.

    Args:
        network: the network's description.
        period: the label of the reported period.
        screened: the screened records: their cut-off date.
        summary: the window's moments.
        tables: the masked tables.
        standing: the releases that it was held against.
        completeness: whether the period's records are all there; None where nothing is known of that.
    """
    policy = network.policy.small_numbers
    before = latest_before(standing.earlier, period, policy)
    since = None if before is None else before.since
    if before is not None:
        editions = latest_editions(standing.earlier, period, policy)
        tables = {
            **tables,
            CHANGES.name: changes(before.since, before.tables, tables),
            LAST_SHOWN.name: last_shown(editions, tables),
            STANDING_SINCE.name: standing_since(editions, period, tables),
        }
    incomplete = why_incomplete(network, period, completeness)
    kind = network.window.period
    tables = {
        **tables,
        LATEST_PERIODS.name: latest_periods(
            tables, summary.months, kind, _starts(network), _in_part(screened, period)
        ),
    }
    window = (summary.months[0], summary.months[-1])
    with network.speaking():
        tables = {**tables, MEASURES.name: measures(network)}
        tables = {**tables, INDICATORS.name: indicators(tables, window)}
    return Release(
        id=release_id(release_configuration(network, incomplete), period, policy, tables, since),
        network=network.network.name,
        period=period,
        window=window,
        cut_off=screened.cut_off,
        policy=policy,
        versions={name: importlib.metadata.version(name) for name in _COMPUTED_BY},
        tables=tables,
        since=since,
        counts_patients=bool(screened.clinics["n_patients"].notna().any()),
        first_date=screened.first_date,
        incomplete=incomplete,
    )
