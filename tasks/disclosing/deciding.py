"""What a release must withhold: decided over all tables at once, before a value is masked.

The order matters and is the same every time: sizes (how many records a clinic has), then outcomes that are
rare in the whole network, then events (how many records have the outcome), then what was computed from
either (the program's effects), then the quality table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tasks.disclosing.correlation import correlation_digits
from tasks.disclosing.count_columns import CountColumn, Shown
from tasks.disclosing.counts import (
    NETWORK,
    Booleans,
    Counts,
    Floats,
    counts_of,
    events_of,
    withhold_series,
    withhold_windows,
)
from tasks.disclosing.effects import decide_effects
from tasks.disclosing.overlapping_releases import (
    WithheldCounts,
    known_before,
    told_by_difference,
    withhold_across_releases,
)
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.quality import decide_quality
from tasks.disclosing.secondary_suppression import Effort, measured
from tasks.disclosing.withholding import (
    Withheld,
    WithheldEffects,
    WithheldOfOutcome,
    WithheldQuality,
    Withholding,
)
from tasks.release import Of

Tables = Mapping[str, pd.DataFrame]

KINDS = ("continuous", "binary", "count", "records")
"""Kinds of outcome whose counts are held back here; records is a count of the records themselves."""


def decide(policy: SmallNumberPolicy, tables: Tables, earlier: Sequence[Tables] = ()) -> Withholding:
    """What must be withheld of a release so that nothing in it points at a patient.

    It follows from sizes and events alone: how clinics are ranked changes nothing of it.

    Args:
        policy: the network's small-number policy.
        tables: release tables (`tasks.release.TABLES`) as estimated.
        earlier: tables of releases with overlapping windows, as they were published: nothing that these
            tables or those withhold may follow from all of them together.

    Raises:
        ValueError: an outcome's kind is not one of `KINDS`.
    """
    outcomes = [str(name) for name in tables["outcomes"]["outcome"]]
    if not policy.withholds:
        nothing = {outcome: WithheldOfOutcome({}, {}, {}) for outcome in outcomes}
        return Withholding({}, frozenset(), nothing, WithheldEffects(), WithheldQuality(), Effort())
    with measured() as effort:
        release = _Release.of(policy, tables, earlier)
        sizes = {outcome: release.sizes(outcome) for outcome in outcomes}
        windows, series = _withhold_sizes(release, sizes)
        decided = {
            outcome: _withhold_outcome(release, outcome, sizes[outcome], windows, series)
            for outcome in outcomes
        }
        gaps = [outcome for outcome, each in decided.items() if each and each.any_clinic]
        size, series_size = windows.status(release.clinics), series.status(release.clinics)
        return Withholding(
            size,
            _few_patients(policy, tables["clinics"]),
            decided,
            decide_effects(policy, tables, gaps),
            decide_quality(policy, tables["quality"], size, series_size),
            effort,
        )


def _few_patients(policy: SmallNumberPolicy, clinics: pd.DataFrame) -> frozenset[str]:
    """Clinics with few patients, or with few records of patients who came again."""
    records, patients = (
        clinics[column].to_numpy(dtype=float, na_value=np.nan) for column in ("n_records", "n_patients")
    )
    few = policy.is_small(patients) | policy.is_small(records - patients)
    return frozenset(clinics.loc[few, "clinic"])


@dataclass(frozen=True)
class _Release:
    """The counts of a release, with what earlier ones tell of them.

    Attributes:
        policy: the small-number policy.
        tables: the release's tables, as estimated.
        earlier: tables of releases with overlapping windows, as published.
        clinics: their names, in order.
        left: clinics of earlier releases that are no longer there.
        months: their names, in order.
        kinds: outcome → one of `KINDS`.
    """

    policy: SmallNumberPolicy
    tables: Tables
    earlier: Sequence[Tables]
    clinics: tuple[str, ...]
    left: tuple[str, ...]
    months: tuple[str, ...]
    kinds: Mapping[str, str]
    _read: dict[CountColumn, tuple[Shown, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: SmallNumberPolicy, tables: Tables, earlier: Sequence[Tables]) -> _Release:
        estimates = tables["clinic_estimates"]
        sized = set(estimates.loc[estimates["denominator"].notna(), "outcome"])
        kinds = {
            str(name): _named("records" if kind == "count" and name not in sized else str(kind))
            for name, kind in tables["outcomes"].set_index("outcome")["kind"].items()
        }
        clinics = tuple(sorted(tables["clinics"]["clinic"]))
        had = {str(clinic) for each in earlier for clinic in each["clinics"]["clinic"]}
        left = tuple(sorted(had - set(clinics)))
        return cls(policy, tables, earlier, clinics, left, _months(tables), kinds)

    def records(self) -> Counts:
        """The clinics table's own sizes, which no month adds up to."""

        def window(tables: Tables) -> Floats:
            records = tables["clinics"].set_index("clinic")["n_records"].astype("float64")
            return np.asarray(records.reindex(list(self.clinics)), dtype=np.float64)

        grown = [
            Shown.of_windows(_months(each), window(each))
            for each in self.earlier
            if set(_months(each)) <= set(self.months)
        ]
        none = np.empty((len(self.clinics), 0))
        return self._guard(counts_of(self.policy, window(self.tables), none, np.empty(0)), grown)

    def sizes(self, outcome: str) -> Counts | None:
        """How many records stand behind an outcome's figures; None where the denominator is exposure."""
        column = self.size_column(outcome)
        counts = self._guard(self._counts(column), self.shown(column))
        if self.kinds[outcome] == "count":  # an exposure of one a record is the number of records
            cells = counts.cells[~np.isnan(counts.cells)]
            whole = np.array_equal(cells, np.round(cells))
            return counts if whole and not (counts.window > self.records().window).any() else None
        return counts

    def size_column(self, outcome: str) -> CountColumn:
        """Where an outcome's sizes stand."""
        if self.kinds[outcome] == "records":
            return CountColumn(outcome, "numerator", of_records=True)
        return CountColumn(outcome, "denominator")

    def events(self, outcome: str, sizes: Counts | None) -> Counts:
        """How many events stand behind them; `sizes` where those without count too."""
        column = CountColumn(outcome, "numerator")
        counts = self._counts(column)
        if sizes is None:
            return self._guard(counts, self.shown(column))
        counts = self._guard(events_of(self.policy, counts, sizes), self.shown(column))
        without = CountColumn(outcome, "denominator", less="numerator")
        return self._guard_rest(counts, sizes.cells - counts.cells, self.shown(without))

    def shown(self, column: CountColumn) -> tuple[Shown, ...]:
        """The column in every earlier release, clinics that are no longer there last."""
        if column not in self._read:
            clinics = self.clinics + self.left
            self._read[column] = tuple(Shown.of(each, column, clinics) for each in self.earlier)
        return self._read[column]

    def _counts(self, column: CountColumn) -> Counts:
        months = column.months(self.tables, (*self.clinics, NETWORK)).reindex(columns=list(self.months))
        of_clinics, of_network = months.to_numpy()[:-1], months.to_numpy()[-1]
        return counts_of(self.policy, column.windows(self.tables, self.clinics), of_clinics, of_network)

    def _guard(self, counts: Counts, shown: Sequence[Shown]) -> Counts:
        """The counts with what earlier releases tell of them."""
        months = counts.months
        if not months.shape[1]:  # the clinics table has none
            months = np.full((len(self.clinics), len(self.months)), np.nan)
        clinics, below, above = self._told(counts, counts.window, months, shown)
        return self._knowing(counts, shown).guarding(clinics, counts.window - below, counts.window + above)

    def _guard_rest(self, counts: Counts, rest: Floats, shown: Sequence[Shown]) -> Counts:
        """The counts with what earlier releases tell of those without the event: more are fewer with it."""
        clinics, more, fewer = self._told(counts, rest[:, 0], rest[:, 1:], shown)
        return self._knowing(counts, shown).guarding(clinics, counts.window - fewer, counts.window + more)

    def _told(
        self, counts: Counts, window: Floats, months: Floats, shown: Sequence[Shown]
    ) -> tuple[Booleans, Floats, Floats]:
        series_shown = np.asarray(~counts.small.any(axis=1))
        return told_by_difference(self.policy, window, months, self.months, shown, series_shown)

    def _knowing(self, counts: Counts, shown: Sequence[Shown]) -> Counts:
        known = known_before(self.months, shown, len(self.clinics))
        return replace(counts, known=counts.known | known[:, : counts.known.shape[1]])

    def across_releases(
        self, column: CountColumn, counts: Counts, withheld: WithheldCounts
    ) -> WithheldCounts:
        """What to withhold of a column besides, so that nothing follows from all releases together."""
        clinics, left = len(self.clinics), len(self.left)
        found = withhold_across_releases(
            self.policy, counts.with_none(left), self.months, self.shown(column), withheld.with_none(left)
        )
        return replace(withheld, windows=found.windows[:clinics], months=found.months[:clinics])

    def network_known(self, column: CountColumn) -> Booleans:
        """(M,) months of the network that an earlier release shows."""
        own = [each.of_network for each in self.shown(column)]
        return known_before(self.months, own, 1)[0, 1:]

    def network_across_releases(
        self, column: CountColumn, counts: Counts, months: Booleans
    ) -> tuple[Booleans, bool]:
        """(M,) months of the network to withhold for the same reason, and whether its window."""
        shown = [each.of_network for each in self.shown(column)]
        none = np.zeros(1, dtype=bool)
        withheld = WithheldCounts(none, months[None, :], np.zeros(len(months), dtype=bool))
        found = withhold_across_releases(
            self.policy, counts, self.months, shown, withheld, whole_series=False
        )
        return found.months[0], bool(found.windows[0])


def _named(kind: str) -> str:
    """The kind, if this module says which of its counts are held back: a new one must not fall through."""
    if kind not in KINDS:
        raise ValueError(f"nobody has said which counts can point at patients in an outcome of kind {kind!r}")
    return kind


def _months(tables: Tables) -> tuple[str, ...]:
    return tuple(sorted(tables["clinic_months"]["month"].unique()))


def _withhold_sizes(release: _Release, sizes: Mapping[str, Counts | None]) -> tuple[Withheld, Withheld]:
    """Clinics whose size is withheld, and clinics whose months are: the same in all tables.

    The records behind two outcomes of a clinic are nearly the same records, so a companion withheld in one
    table and shown in another would be as good as shown.
    """
    policy = release.policy
    different: dict[CountColumn | None, Counts] = {None: release.records()}
    for outcome, counts in sizes.items():
        if counts is not None and not any(counts.same(other) for other in different.values()):
            different[release.size_column(outcome)] = counts
    small = np.any([each.small[:, 0] for each in different.values()], axis=0)
    by_month = [each.small[:, 1:].any(axis=1) for each in different.values()]
    small_series = small | np.any(by_month, axis=0)
    windows, series = small.copy(), small_series.copy()
    network = {
        column: _withhold_network(release, [(column, each)]) for column, each in different.items() if column
    }
    settled: dict[CountColumn | None, int] = {}
    while True:
        before = windows.sum() + series.sum()
        for column, counts in different.items():
            if settled.get(column) == windows.sum() + series.sum():
                continue  # nothing more was withheld since
            windows |= withhold_windows(policy, counts, windows)
            if column is not None:
                own = network[column]
                series |= withhold_series(policy, counts, windows, series | windows, own.months.all)
                withheld = own.with_clinics(column, windows, series)
                withheld = release.across_releases(column, counts, withheld)
                windows, series = withheld.windows, withheld.series | withheld.windows
            settled[column] = int(windows.sum() + series.sum())
        if windows.sum() + series.sum() == before:
            return Withheld(small, windows), Withheld(small_series, series)


def _withhold_outcome(
    release: _Release, outcome: str, size: Counts | None, windows: Withheld, series: Withheld
) -> WithheldOfOutcome | None:
    """What is withheld of an outcome; None where the network itself has a small number of it.

    Every figure would tell that.

    Args:
        release: the counts.
        outcome: the outcome.
        size: its sizes; None where the denominator is exposure.
        windows, series: clinics whose sizes are withheld.
    """
    kind = release.kinds[outcome]
    if size is not None and _rare(release.policy, size):
        return None
    if kind in ("binary", "count"):
        return _withhold_events(release, outcome, size, windows, series)
    if size is None:
        return None
    window = _with_alike(release, outcome, size, windows) if kind == "continuous" else windows
    months = Withheld(series.small | window.small, series.all | window.all)
    network = _withhold_network(release, [(release.size_column(outcome), size)])
    return WithheldOfOutcome(
        window.status(release.clinics),
        months.status(release.clinics),
        network.months.status(release.months),
        network.totals,
    )


def _withhold_events(
    release: _Release, outcome: str, size: Counts | None, windows: Withheld, series: Withheld
) -> WithheldOfOutcome | None:
    """The same of an outcome that is counted."""
    policy, binary = release.policy, release.kinds[outcome] == "binary"
    events, column = release.events(outcome, size if binary else None), CountColumn(outcome, "numerator")
    if _rare(policy, events):
        return None
    sized = [(release.size_column(outcome), size)] if binary and size is not None else []
    network = _withhold_network(release, [(column, events), *sized])
    window_all = withhold_windows(policy, events, windows.all)
    series_all = withhold_series(policy, events, window_all, window_all | series.all, network.months.all)
    withheld = release.across_releases(column, events, network.with_clinics(column, window_all, series_all))
    small = windows.small | events.small[:, 0]
    small_series = small | events.small[:, 1:].any(axis=1)
    denominator = CountColumn(outcome, "denominator").windows(release.tables, release.clinics)
    return WithheldOfOutcome(
        Withheld(small, withheld.windows).status(release.clinics),
        Withheld(small_series, withheld.series | withheld.windows).status(release.clinics),
        network.months.status(release.months),
        network.totals,
        correlation_digits(policy, events, denominator, withheld.windows),
    )


def _rare(policy: SmallNumberPolicy, counts: Counts) -> bool:
    """Whether the whole network's count is small, or all but a small one."""
    total = float(np.nansum(counts.window))
    rest = np.inf if counts.rest is None else float(np.nansum(counts.rest[:, 0]))
    few_without = rest <= policy.high if policy.withhold_unanimous else policy.is_small(rest)
    return bool(policy.is_small(total) or (total > 0 and few_without))


@dataclass(frozen=True)
class _Network:
    """The network's months, and of which of its counts the whole window is withheld too."""

    months: Withheld
    totals: Of

    def with_clinics(self, column: CountColumn, windows: Booleans, series: Booleans) -> WithheldCounts:
        """What is withheld of a column so far: the network's months, and (C,) clinics' windows and series."""
        months = np.broadcast_to(series[:, None], (len(series), len(self.months.all)))
        return WithheldCounts(windows, months, self.months.all, bool(column.of & self.totals))


def _withhold_network(release: _Release, columns: Sequence[tuple[CountColumn, Counts]]) -> _Network:
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
        known = release.network_known(column)[:, None]
        withheld = withhold_windows(policy, replace(each, known=known), withheld)
        whole = counts.of_whole(policy, sizes if counts is not sizes else None)
        withheld, total = release.network_across_releases(column, whole, withheld)
        if total:
            totals |= column.of
    return _Network(Withheld(small, withheld), totals)


def _with_alike(release: _Release, outcome: str, size: Counts, windows: Withheld) -> Withheld:
    """Clinics whose records all have the same value as well, so that the mean tells each; and a companion."""
    estimates = release.tables["clinic_estimates"]
    raw = estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")].set_index("clinic")
    width = (raw["upper"] - raw["lower"]).astype("float64").reindex(list(release.clinics))
    alike = np.asarray(width == 0.0) & release.policy.withhold_unanimous
    nothing = np.zeros_like(size.small)
    means = replace(  # a mean is hidden by any other, whatever is known of their sizes
        size,
        small=nothing,
        guarded=np.column_stack([alike, nothing[:, 1:]]),
        lower=np.zeros_like(size.lower),
        upper=np.full_like(size.upper, np.inf),
        known=nothing,
    )
    gone = withhold_windows(release.policy, means, windows.all | alike)
    return Withheld(windows.small | alike, gone)
