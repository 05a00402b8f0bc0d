"""What a release must withhold: decided over all tables at once, before a value is masked.

The order matters and is the same every time: sizes (how many records a clinic has), then outcomes that are
rare in the whole network, then events (how many records have the outcome), then what was computed from
either (the program's effects), then the quality table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tasks.disclosing.companion_draw import Draw
from tasks.disclosing.correlation import MOST_DIGITS, correlation_digits, volume_digits
from tasks.disclosing.count_columns import CountColumn
from tasks.disclosing.counts import (
    Booleans,
    Counts,
    WithheldCounts,
    withhold_alike,
    withhold_months,
    withhold_windows,
)
from tasks.disclosing.effects import decide_effects
from tasks.disclosing.effort import Effort, measured
from tasks.disclosing.people import People
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.quality import decide_quality
from tasks.disclosing.refitting import MOST_MODEL_DIGITS, model_digits
from tasks.disclosing.related import Related, protected_together
from tasks.disclosing.release_counts import ReleaseCounts, Tables
from tasks.disclosing.withheld_groups import GroupCounts, decide_groups
from tasks.disclosing.withholding import (
    Withheld,
    WithheldEffects,
    WithheldOfOutcome,
    WithheldQuality,
    Withholding,
)
from tasks.release import CLINICS, Of


def decide(
    policy: SmallNumberPolicy,
    tables: Tables,
    earlier: Sequence[Tables] = (),
    people: People | None = None,
    related: Related | None = None,
    draw: Draw | None = None,
    *,
    groups: Sequence[GroupCounts] = (),
    policies: Sequence[SmallNumberPolicy] | None = None,
    beyond: Sequence[Tables] = (),
    policies_beyond: Sequence[SmallNumberPolicy] | None = None,
) -> Withholding:
    """What must be withheld of a release so that nothing in it points at a patient.

    It follows from sizes and events alone: how clinics are ranked changes nothing of it.

    Args:
        policy: the network's small-number policy.
        tables: release tables (`tasks.release.TABLES`) as estimated.
        earlier: tables of releases with overlapping windows, as they were published: nothing that these
            tables or those withhold may follow from all of them together.
        people: how many patients stand behind the tables' counts; records are all that is known without.
        related: outcomes that say something of one another.
        draw: chance in the choice of what is withheld beside small counts; left out, there is none.
        groups: counts behind groups of patients.
        policies: under which each of the earlier releases was published; this one where left out.
        beyond: tables of older releases that a chain of overlapping windows connects with those.
        policies_beyond: under which each of these was published; this one where left out.

    Raises:
        ValueError: an outcome's kind is not one of `release_counts.KINDS`.
    """
    outcomes = [str(name) for name in tables["outcomes"]["outcome"]]
    draw = draw or Draw()
    if not policy.withholds:
        nothing = {outcome: WithheldOfOutcome({}, {}, {}, {}) for outcome in outcomes}
        return Withholding({}, frozenset(), nothing, WithheldEffects(), WithheldQuality(), Effort())
    with measured() as effort:
        under = [policy] * len(earlier) if policies is None else policies
        older = [policy] * len(beyond) if policies_beyond is None else policies_beyond
        release = ReleaseCounts.of(
            policy, tables, earlier, under, people or People.unknown(), draw, beyond, older
        )
        sizes = {outcome: release.sizes(outcome) for outcome in outcomes}
        windows, months, networks = _withhold_sizes(release, sizes)
        decided = {
            outcome: _withhold_outcome(release, outcome, sizes[outcome], windows, months, networks)
            for outcome in outcomes
        }
        decided = _together(release, decided, sizes, related or Related())
        decided = {name: each and _apart(release, name, each) for name, each in decided.items()}
        size, series_size = windows.status(release.clinics), months.status(release.clinics)
        return Withholding(
            size,
            _few_patients(policy, tables["clinics"], earlier),
            decided,
            decide_effects(policy, tables, decided, release.people),
            decide_quality(
                policy,
                tables["quality"],
                size,
                series_size,
                network_month=any(each.months for each in decided.values() if each),
                network_size=any(each is None or Of.SIZES in each.totals for each in decided.values()),
                draw=draw,
            ),
            effort,
            decide_groups(release, groups, decided, related or Related()),
        )


def _together(
    release: ReleaseCounts,
    decided: Mapping[str, WithheldOfOutcome | None],
    sizes: Mapping[str, Counts | None],
    related: Related,
) -> dict[str, WithheldOfOutcome | None]:
    """What is withheld of each outcome once nothing follows from those it is related to."""
    concerned = {each for pair in (*related.parts, *related.sides) for each in pair}
    events = {
        name: release.events(name, sizes[name] if release.kinds[name] == "binary" else None)
        for name in concerned
    }
    return protected_together(release.policy, decided, events, related, release.clinics, release.months)


def _few_patients(
    policy: SmallNumberPolicy, clinics: pd.DataFrame, earlier: Sequence[Tables]
) -> frozenset[str]:
    """Clinics whose number of patients would tell of few.

    Few patients, few records of patients who came again, or few patients more or less than a release says
    that stands: a window that grew by a month has that month's new patients more.
    """
    records = clinics["n_records"].to_numpy(dtype=float, na_value=np.nan)
    few = np.zeros(len(clinics), dtype=bool)
    for column in CLINICS.people:
        patients = clinics[column].to_numpy(dtype=float, na_value=np.nan)
        few |= policy.is_small(patients) | policy.is_small(records - patients)
        for each in earlier:
            if column in each["clinics"]:  # a release that stands may be older than the column
                before = each["clinics"].set_index("clinic")[column].astype("float64")
                few |= policy.is_small(np.abs(patients - before.reindex(clinics["clinic"]).to_numpy()))
    return frozenset(clinics.loc[few, "clinic"])


def _withhold_sizes(
    release: ReleaseCounts, sizes: Mapping[str, Counts | None]
) -> tuple[Withheld, Withheld, dict[str, _Network]]:
    """Clinics whose size is withheld, their months of which it is, and what the network's own sizes lose.

    Clinics and their months are the same in all tables, the network's by outcome.

    The records behind two outcomes of a clinic are nearly the same records, so a companion withheld in one
    table and shown in another would be as good as shown.
    """
    policy = release.policy
    different: dict[CountColumn | None, Counts] = {None: release.records()}
    column_of: dict[str, CountColumn | None] = {}
    for outcome, counts in sizes.items():
        if counts is None:
            continue
        same = [column for column, other in different.items() if column and counts.same(other)]
        column_of[outcome] = same[0] if same else release.size_column(outcome)
        if not same and not counts.same(different[None]):
            different[column_of[outcome]] = counts
    small = np.any([each.small[:, 0] for each in different.values()], axis=0)
    small_months = small[:, None] | np.any(
        [each.small[:, 1:] for column, each in different.items() if column], axis=0
    )
    labelled = small_months | np.any([each.labelled for each in different.values()], axis=0)[:, None]
    windows, months = small.copy(), small_months.copy()
    network = {
        column: _withhold_network(release, [(column, each)]) for column, each in different.items() if column
    }
    settled: dict[CountColumn | None, int] = {}
    while True:
        before = windows.sum() + months.sum()
        for column, counts in different.items():
            if settled.get(column) == windows.sum() + months.sum():
                continue  # nothing more was withheld since
            windows |= withhold_windows(policy, counts, windows)
            if column is not None:
                own = network[column]
                gone = months | windows[:, None]
                gone = withhold_months(policy, counts, windows, gone, own.months.all)
                withheld = release.across_releases(column, counts, own.with_clinics(column, windows, gone))
                windows, months = withheld.windows, withheld.months | withheld.windows[:, None]
                network[column] = own.losing(column, withheld)
            settled[column] = int(windows.sum() + months.sum())
        if windows.sum() + months.sum() == before:
            networks = {
                outcome: network[column] for outcome, column in column_of.items() if column in network
            }
            return Withheld(small, windows), Withheld(labelled, months), networks


def _withhold_outcome(
    release: ReleaseCounts,
    outcome: str,
    size: Counts | None,
    windows: Withheld,
    months: Withheld,
    networks: Mapping[str, _Network],
) -> WithheldOfOutcome | None:
    """What is withheld of an outcome; None where the network itself has a small number of it.

    Every figure would tell that.

    Args:
        release: the counts.
        outcome: the outcome.
        size: its sizes; None where the denominator is exposure.
        windows, months: clinics and their months of which the size is withheld.
        networks: outcome → what the network's own sizes lose.
    """
    kind = release.kinds[outcome]
    if size is not None and (_rare(release.policy, size) or release.few_in_all(outcome, "people")):
        return None
    if kind in ("binary", "count"):
        return _withhold_events(release, outcome, size, windows, months, networks.get(outcome))
    if size is None:
        return None
    of_records = kind == "records"
    window = _with_alike(release, outcome, size, windows) if kind == "continuous" else windows
    months = Withheld(months.small | window.small[:, None], months.all | window.all[:, None])
    network = _withhold_network(release, [(release.size_column(outcome), size)])
    network = network.joined(networks.get(outcome))
    digits = _volume_digits(release, outcome, size, window.all, network) if of_records else None
    return WithheldOfOutcome(
        window.status(release.clinics),
        months.status(release.clinics),
        months.by_clinic(release.clinics, release.months),
        network.months.status(release.months),
        network.totals,
        **_models(
            release,
            digits,
            volume_digits(window.all, months.all) if of_records else MOST_DIGITS,
            shown=int((~window.all).sum()),
            volume=of_records,
        ),
    )


def _volume_digits(
    release: ReleaseCounts, outcome: str, size: Counts, withheld: Booleans, network: _Network
) -> int | None:
    """Digits of what a model of clinics' numbers of records gives: the period is the same for each."""
    if not release.refitted(outcome):
        return None
    known_total = Of.SIZES not in network.totals
    return model_digits(release.policy, size, np.ones(len(size.window)), withheld, known_total=known_total)


def _withhold_events(
    release: ReleaseCounts,
    outcome: str,
    size: Counts | None,
    windows: Withheld,
    months: Withheld,
    of_sizes: _Network | None,
) -> WithheldOfOutcome | None:
    """The same of an outcome that is counted; `of_sizes` is what the network's own sizes lose."""
    policy, binary = release.policy, release.kinds[outcome] == "binary"
    events, column = release.events(outcome, size if binary else None), CountColumn(outcome, "numerator")
    sides = ("with_event", "without_event") if binary else ("with_event",)
    if _rare(policy, events) or any(release.few_in_all(outcome, side) for side in sides):
        return None
    sized = [(release.size_column(outcome), size)] if binary and size is not None else []
    network = _withhold_network(release, [(column, events), *sized]).joined(of_sizes)
    window_all = withhold_windows(policy, events, windows.all)
    months_all = months.all | window_all[:, None]
    months_all = withhold_months(policy, events, window_all, months_all, network.months.all)
    withheld = release.across_releases(column, events, network.with_clinics(column, window_all, months_all))
    network = network.losing(column, withheld)
    small = windows.small | events.small[:, 0]
    of_months = Withheld(
        months.small | small[:, None] | events.small[:, 1:] | events.labelled[:, None],
        withheld.months | withheld.windows[:, None],
    )
    denominator = CountColumn(outcome, "denominator").windows(release.tables, release.clinics)
    digits = None
    if release.refitted(outcome):
        known_total = Of.EVENTS not in network.totals
        digits = model_digits(policy, events, denominator, withheld.windows, known_total=known_total)
    return WithheldOfOutcome(
        Withheld(small, withheld.windows).status(release.clinics),
        of_months.status(release.clinics),
        of_months.by_clinic(release.clinics, release.months),
        network.months.status(release.months),
        network.totals,
        **_models(
            release,
            digits,
            correlation_digits(policy, events, denominator, withheld.windows),
            shown=int((~withheld.windows).sum()),
        ),
    )


def _apart(release: ReleaseCounts, outcome: str, withheld: WithheldOfOutcome) -> WithheldOfOutcome:
    """What must be estimated of the clinics alone that are shown, or of which every month is.

    What is made of all clinics' sizes tells a small one's, with however few digits: the design effect at both
    ends of the correlation's interval is an equation each, and clinics weigh nearly alike in a likelihood. A
    program's effects, where no patient is adjusted for, are made of every month of every clinic, two of them
    by linear equations.
    """
    effects = release.refitted(outcome) and not release.of_one_period and bool(withheld.in_part)
    withheld = replace(withheld, effects_apart=effects)
    if not withheld.clinics or release.kinds[outcome] == "records" or withheld.models_apart:
        return withheld  # a volume's are made of months
    if len(release.clinics) - len(withheld.clinics) < _FEWEST_APART:
        return replace(withheld, correlation_digits=0)
    return replace(withheld, clustering_apart=True, correlation_digits=MOST_DIGITS)


_FEWEST_APART = 3
"""Clinics that are shown, of which a model of them alone is made; of fewer none is told."""
_ENOUGH_OF_VOLUMES = 3
"""Digits with which a volume is rather told of all clinics than of those shown, which are mostly large."""


def _models(
    release: ReleaseCounts, digits: int | None, of_correlation: int, *, shown: int, volume: bool = False
) -> dict[str, Any]:
    """What is done where models of all clinics may keep so many digits: fewer are told, of one period.

    Of several periods there is another way: models of the clinics that are shown tell nothing of the others,
    nor does the correlation between those clinics' records.
    """
    if release.of_one_period or digits is None:
        return {"model_digits": digits, "correlation_digits": of_correlation}
    if shown < _FEWEST_APART:
        return {"model_digits": 0, "correlation_digits": 0}
    if digits == MOST_MODEL_DIGITS:
        return {"correlation_digits": of_correlation}
    if volume and digits >= _ENOUGH_OF_VOLUMES:
        return {"model_digits": digits, "correlation_digits": of_correlation}
    return {"models_apart": True}


def _rare(policy: SmallNumberPolicy, counts: Counts) -> bool:
    """Whether the whole network's count is small, or all but a small one, or all but what statuses tell.

    Where few of a clinic's are without the event, the others' status says that not few of theirs are; if
    those are hardly more in all, they are there, and the clinic has none.
    """
    total = float(np.nansum(counts.window))
    rest = np.inf if counts.rest is None else float(np.nansum(counts.rest[:, 0]))
    few_without = rest <= policy.high if policy.withhold_unanimous else policy.is_small(rest)
    return bool(policy.is_small(total) or (total > 0 and (few_without or _told_by_statuses(policy, counts))))


def _told_by_statuses(policy: SmallNumberPolicy, counts: Counts) -> bool:
    """Whether those without the event are at clinics of which it is said, however many are withheld."""
    if counts.rest is None:
        return False
    rest = np.nan_to_num(counts.rest[:, 0])
    many = rest > policy.high
    free = rest.sum() - (policy.high + 1) * many.sum()
    return bool((counts.small[:, 0] & ~many).any() and free < policy.least_width)


@dataclass(frozen=True)
class _Network:
    """The network's months, and of which of its counts the whole window is withheld too."""

    months: Withheld
    totals: Of

    def losing(self, column: CountColumn, withheld: WithheldCounts) -> _Network:
        """The same with what is withheld of a column besides, since everything else is known."""
        totals = self.totals | column.of if withheld.total else self.totals
        return _Network(Withheld(self.months.small, self.months.all | withheld.network), totals)

    def joined(self, other: _Network | None) -> _Network:
        """The same with what another loses."""
        if other is None:
            return self
        small = self.months.small | other.months.small
        return _Network(Withheld(small, self.months.all | other.months.all), self.totals | other.totals)

    def with_clinics(self, column: CountColumn, windows: Booleans, months: Booleans) -> WithheldCounts:
        """What is withheld of a column so far: the network's months, (C,) clinics' windows, (C, M) months."""
        return WithheldCounts(windows, months, self.months.all, bool(column.of & self.totals))


def _withhold_network(release: ReleaseCounts, columns: Sequence[tuple[CountColumn, Counts]]) -> _Network:
    """Months of the network that are small, and what else would tell them.

    Args:
        release: the counts.
        columns: counts that show the same months; where there are two, of events and of their sizes.
    """
    policy = release.policy
    sizes = columns[1][1] if len(columns) > 1 else None
    own = [counts.of_network(policy, sizes if counts is not sizes else None) for _, counts in columns]
    small = np.any([each.small[:, 0] for each in own], axis=0)
    withheld, totals = small.copy(), Of.NOTHING
    for each, (column, counts) in zip(own, columns, strict=True):
        whole = counts.of_whole(policy, sizes if counts is not sizes else None)
        known = release.network_known(column, whole)[:, None]
        withheld = withhold_windows(policy, replace(each, known=known), withheld)
        withheld, total = release.network_across_releases(column, whole, withheld)
        if total:
            totals |= column.of
    return _Network(Withheld(small, withheld), totals)


def _with_alike(release: ReleaseCounts, outcome: str, size: Counts, windows: Withheld) -> Withheld:
    """Clinics whose records all have the same value as well, so that the mean tells each; and a companion."""
    estimates = release.tables["clinic_estimates"]
    raw = estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")].set_index("clinic")
    width = (raw["upper"] - raw["lower"]).astype("float64").reindex(list(release.clinics))
    alike = np.asarray(width == 0.0) & release.policy.withhold_unanimous
    return Withheld(windows.small | alike, withhold_alike(release.policy, size, alike, windows.all))
