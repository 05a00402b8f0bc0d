"""The counts of a release by outcome, with what earlier releases tell of them and the people behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import get_args

import numpy as np
import pandas as pd

from tasks.disclosing.chains import told_by_chains
from tasks.disclosing.companion_draw import Draw
from tasks.disclosing.count_columns import CountColumn, Shown
from tasks.disclosing.counts import (
    NETWORK,
    Booleans,
    Counts,
    Floats,
    WithheldCounts,
    counts_of,
    events_of,
    exposures_of,
)
from tasks.disclosing.overlapping_releases import (
    known_before,
    told_by_difference,
    withhold_across_releases,
)
from tasks.disclosing.people import ALL_RECORDS, People
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.periods import Kind
from tasks.release import Of

Tables = Mapping[str, pd.DataFrame]

KINDS = ("continuous", "binary", "count", "records")
"""Kinds of outcome whose counts are held back here; records is a count of the records themselves."""


@dataclass(frozen=True)
class ReleaseCounts:
    """The counts of a release, with what earlier ones tell of them.

    Attributes:
        policy: the small-number policy.
        tables: the release's tables, as estimated.
        earlier: tables of releases with overlapping windows, as published.
        policies: under which each of them was.
        beyond: tables of older releases, which a chain of overlapping windows connects with those.
        policies_beyond: under which each of these was.
        clinics: their names, in order.
        left: clinics of earlier releases that are no longer there.
        months: their names, in order.
        kinds: outcome → one of `KINDS`.
        people: patients behind the counts.
        draw: chance in the choice of companions.
    """

    policy: SmallNumberPolicy
    tables: Tables
    earlier: Sequence[Tables]
    policies: Sequence[SmallNumberPolicy]
    beyond: Sequence[Tables]
    policies_beyond: Sequence[SmallNumberPolicy]
    people: People
    clinics: tuple[str, ...]
    left: tuple[str, ...]
    months: tuple[str, ...]
    kinds: Mapping[str, str]
    draw: Draw
    _read: dict[CountColumn, tuple[Shown, ...]] = field(default_factory=dict)
    _read_beyond: dict[CountColumn, tuple[Shown, ...]] = field(default_factory=dict)
    _shown: dict[CountColumn, tuple[Shown, ...]] = field(default_factory=dict)
    _own: dict[CountColumn, Floats] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        policy: SmallNumberPolicy,
        tables: Tables,
        earlier: Sequence[Tables],
        policies: Sequence[SmallNumberPolicy],
        people: People,
        draw: Draw,
        beyond: Sequence[Tables] = (),
        policies_beyond: Sequence[SmallNumberPolicy] = (),
    ) -> ReleaseCounts:
        """Look them up in the release's tables.

        Raises:
            ValueError: an outcome's kind is not one of `KINDS`.
        """
        estimates = tables["clinic_estimates"]
        sized = set(estimates.loc[estimates["denominator"].notna(), "outcome"])
        kinds = {
            str(name): named_kind("records" if kind == "count" and name not in sized else str(kind))
            for name, kind in tables["outcomes"].set_index("outcome")["kind"].items()
        }
        clinics = tuple(sorted(tables["clinics"]["clinic"]))
        had = {str(clinic) for each in earlier for clinic in each["clinics"]["clinic"]}
        left = tuple(sorted(had - set(clinics)))
        months = _months(tables)
        older = beyond, policies_beyond
        return cls(policy, tables, earlier, policies, *older, people, clinics, left, months, kinds, draw)

    def records(self) -> Counts:
        """The clinics table's own sizes, which no month adds up to."""

        def window(tables: Tables) -> Floats:
            records = tables["clinics"].set_index("clinic")["n_records"].astype("float64")
            return np.asarray(records.reindex(list(self.clinics)), dtype=np.float64)

        grown = [
            Shown.of_windows(_months(each), window(each), policy)
            for each, policy in zip(self.earlier, self.policies, strict=True)
            if set(_months(each)) <= set(self.months)
        ]
        none = np.empty((len(self.clinics), 0))
        few, _ = self._few(ALL_RECORDS, "people")
        counts = counts_of(self.policy, window(self.tables), none, np.empty(0), few=few[:, :1])
        return self._guard(replace(counts, luck=self.draw.luck(self.clinics)), grown)

    def sizes(self, outcome: str) -> Counts | None:
        """How many records stand behind an outcome's figures; their exposure where that is the denominator.

        None where it is, and nobody knows of how many people.
        """
        column = self.size_column(outcome)
        counted = ALL_RECORDS if self.kinds[outcome] == "records" else outcome
        counts = self._guard(self._counts(column, counted, "people"), self.shown(column))
        if self.kinds[outcome] == "count":  # an exposure of one a record is the number of records
            cells = counts.cells[~np.isnan(counts.cells)]
            whole = np.array_equal(cells, np.round(cells))
            if whole and not (counts.window > self.records().window).any():
                return counts
            return self._exposures(outcome) if self.people.known else None
        return counts

    def _exposures(self, outcome: str) -> Counts:
        """Exposure in what one person has of it on average: sizes that few people stand behind are small."""
        column = self.size_column(outcome)
        return self._guard(self._counts(column, outcome, "people", counting=exposures_of), self.shown(column))

    def size_column(self, outcome: str) -> CountColumn:
        """Where an outcome's sizes stand."""
        if self.kinds[outcome] == "records":
            return CountColumn(outcome, "numerator", of_records=True)
        return CountColumn(outcome, "denominator", per=self._exposure_per_person(outcome))

    def _exposure_per_person(self, outcome: str) -> float:
        """How much of an exposure a person has on average; 1 where the denominator counts records."""
        people = np.nansum(self.people.counts(outcome, "people", self.clinics, ()))
        if self.kinds[outcome] != "count" or not people:
            return 1.0
        exposure = np.nansum(CountColumn(outcome, "denominator").windows(self.tables, self.clinics))
        records = np.nansum(self.records().window)
        return 1.0 if exposure <= records else float(exposure / people)

    def events(self, outcome: str, sizes: Counts | None) -> Counts:
        """How many events stand behind them; `sizes` where those without count too."""
        column = CountColumn(outcome, "numerator")
        if self.kinds[outcome] == "records":
            counts = self._counts(column, ALL_RECORDS, "people")
        else:
            counts = self._counts(column, outcome, "with_event")
        if sizes is None:
            return self._guard(counts, self.shown(column))
        few_without, _ = self._few(outcome, "without_event")
        counts = self._guard(events_of(self.policy, counts, sizes, few_without), self.shown(column))
        without = CountColumn(outcome, "denominator", less="numerator")
        return self._guard_rest(counts, sizes.cells - counts.cells, self.shown(without))

    def refitted(self, outcome: str) -> bool:
        """Whether all that the outcome's models take from the records are counts that are published, or sums.

        So it is where patients are not adjusted for. With a level of each period a model takes from the
        events what clinics have and what periods have, and the periods' are the network's own: everybody who
        has the clinics' can fit it again, in however many periods.
        """
        adjusters = self.tables["outcomes"].set_index("outcome")["adjusters"].fillna("")
        named = {each.strip() for each in str(adjusters[outcome]).split(",")} - {""}
        return named <= {*get_args(Kind)}

    @property
    def of_one_period(self) -> bool:
        """Whether the window is one period."""
        return len(self.months) == 1

    def shown(self, column: CountColumn) -> tuple[Shown, ...]:
        """The column in every earlier release, clinics that are no longer there last.

        Sizes that are the same for several outcomes are shown where any of them shows them: an outcome's are
        withheld with its events, and stand beside another.
        """
        if column in self._shown:
            return self._shown[column]
        alike = self._alike(column)
        near, beyond = (
            [reduce(Shown.or_else, of_release) for of_release in zip(*stands, strict=True)]
            for stands in ([self._stands(one) for one in alike], [self._stood(one) for one in alike])
        )
        self._shown[column] = (*near, *told_by_chains(near, beyond))
        return self._shown[column]

    def _stands(self, column: CountColumn) -> tuple[Shown, ...]:
        """The column as it stands in every earlier release."""
        if column not in self._read:
            self._read[column] = self._looked_up(column, self.earlier, self.policies)
        return self._read[column]

    def _stood(self, column: CountColumn) -> tuple[Shown, ...]:
        """The column as it stands in those beyond."""
        if column not in self._read_beyond:
            self._read_beyond[column] = self._looked_up(column, self.beyond, self.policies_beyond)
        return self._read_beyond[column]

    def _looked_up(
        self, column: CountColumn, releases: Sequence[Tables], policies: Sequence[SmallNumberPolicy]
    ) -> tuple[Shown, ...]:
        clinics = self.clinics + self.left
        return tuple(
            Shown.of(each, column, clinics, policy) for each, policy in zip(releases, policies, strict=True)
        )

    def _alike(self, column: CountColumn) -> list[CountColumn]:
        """The column, and those of other outcomes whose sizes are the same in this release."""
        if column.of is not Of.SIZES or column.per != 1.0 or not self.earlier:
            return [column]
        mine = self._cells(column)
        others = (self.size_column(outcome) for outcome in self.kinds)
        return [column] + [
            other
            for other in others
            if other != column
            and other.per == 1.0
            and np.array_equal(self._cells(other), mine, equal_nan=True)
        ]

    def _cells(self, column: CountColumn) -> Floats:
        """(C, 1 + M) the column's counts in this release."""
        if column not in self._own:
            months = column.months(self.tables, self.clinics).reindex(columns=list(self.months))
            window = column.windows(self.tables, self.clinics)
            self._own[column] = np.column_stack([window, months.to_numpy()])
        return self._own[column]

    def few_in_all(self, outcome: str, side: str) -> bool:
        """Whether few people of the whole network are on that side of an outcome."""
        return bool(self._few(outcome, side)[1][0])

    def _few(self, outcome: str, side: str) -> tuple[Booleans, Booleans]:
        return self.people.few(self.policy, outcome, side, self.clinics, self.months)

    def _counts(
        self, column: CountColumn, outcome: str, side: str, counting: Callable[..., Counts] = counts_of
    ) -> Counts:
        """The counts of a column, behind which the people of one side of an outcome stand."""
        months = column.months(self.tables, (*self.clinics, NETWORK)).reindex(columns=list(self.months))
        of_clinics, of_network = months.to_numpy()[:-1], months.to_numpy()[-1]
        few, of_all = self._few(outcome, side)
        window = column.windows(self.tables, self.clinics)
        counts = counting(self.policy, window, of_clinics, of_network, few=few, network_few=of_all[1:])
        return replace(counts, luck=self.draw.luck(self.clinics), month_luck=self.draw.luck(self.months))

    def _guard(self, counts: Counts, shown: Sequence[Shown]) -> Counts:
        """The counts with what earlier releases tell of them."""
        months = counts.months
        if not months.shape[1]:  # the clinics table has none
            months = np.full((len(self.clinics), len(self.months)), np.nan)
            may_show = np.broadcast_to(~counts.small, months.shape)
        else:  # months that left the window are guarded in the table of all releases
            may_show = np.zeros(months.shape, dtype=bool)
        told = told_by_difference(self.policy, counts.window, months, self.months, shown, may_show)
        clinics, below, above = told
        return self._knowing(counts, shown).guarding(clinics, counts.window - below, counts.window + above)

    def _guard_rest(self, counts: Counts, rest: Floats, shown: Sequence[Shown]) -> Counts:
        """The counts with what earlier releases tell of those without the event: more are fewer with it."""
        may_show = ~counts.small[:, 1:]
        told = told_by_difference(self.policy, rest[:, 0], rest[:, 1:], self.months, shown, may_show)
        clinics, more, fewer = told
        return self._knowing(counts, shown).guarding(clinics, counts.window - fewer, counts.window + more)

    def _knowing(self, counts: Counts, shown: Sequence[Shown]) -> Counts:
        labelled = counts.labelled.copy()
        for release in shown:
            if release.names[-1:] > self.months[-1:]:
                continue  # an older period made again is labelled as it was
            still = np.isin(release.names, self.months)
            labelled |= release.may_be_small[: len(labelled)][:, still].any(axis=1)
        known = counts.known | known_before(self.months, shown, counts.cells)
        return replace(counts, known=known, labelled=labelled)

    def across_releases(
        self, column: CountColumn, counts: Counts, withheld: WithheldCounts
    ) -> WithheldCounts:
        """What to withhold of a column besides, so that nothing follows from all releases together."""
        clinics, left = len(self.clinics), len(self.left)
        found = withhold_across_releases(
            self.policy, counts.with_none(left), self.months, self.shown(column), withheld.with_none(left)
        )
        return replace(found, windows=found.windows[:clinics], months=found.months[:clinics])

    def network_known(self, column: CountColumn, whole: Counts) -> Booleans:
        """(M,) months of the network that an earlier release shows as they are."""
        own = [each.of_network for each in self.shown(column)]
        return known_before(self.months, own, whole.cells)[0, 1:]

    def network_across_releases(
        self, column: CountColumn, counts: Counts, months: Booleans
    ) -> tuple[Booleans, bool]:
        """(M,) months of the network to withhold for the same reason, and whether its window."""
        shown = [each.of_network for each in self.shown(column)]
        none = np.zeros(1, dtype=bool)
        withheld = WithheldCounts(none, months[None, :], np.zeros(len(months), dtype=bool))
        found = withhold_across_releases(self.policy, counts, self.months, shown, withheld, of_network=True)
        return found.months[0], bool(found.windows[0])


def named_kind(kind: str) -> str:
    """The kind, if somebody has said which of its counts are held back: a new one must not fall through.

    Raises:
        ValueError: it is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"nobody has said which counts can point at patients in an outcome of kind {kind!r}")
    return kind


def _months(tables: Tables) -> tuple[str, ...]:
    return tuple(sorted(tables["clinic_months"]["month"].unique()))
