"""Release tables as they may be seen: the small-number policy applied to every table, once.

The order matters and is the same every time: outcomes that are rare in the whole network; sizes (how many
records a clinic has), then events (how many of them have the outcome), then everything that was computed from
either, then the quality table. What is withheld becomes null with a status; no value is replaced by another
that could be taken for a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.disclosing.blanking import (
    PRIMARY,
    SECONDARY,
    Tables,
    blank_clinics,
    blank_clinics_of,
    blank_clustering,
    blank_months,
    blank_outcome,
    blank_total,
    round_counts,
    shorten_figures,
)
from tasks.disclosing.correlation import MOST_DIGITS, correlation_digits
from tasks.disclosing.earlier import Told
from tasks.disclosing.effects import withhold_effects
from tasks.disclosing.grid import (
    NETWORK,
    Booleans,
    Column,
    Counts,
    Floats,
    counts_of,
    events_of,
    withhold_series,
    withhold_windows,
)
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.quality import withhold_quality
from tasks.disclosing.together import Gone, Shown, withhold_together


def disclose(
    policy: SmallNumberPolicy,
    tables: Mapping[str, pd.DataFrame],
    earlier: Sequence[Mapping[str, pd.DataFrame]] = (),
) -> Tables:
    """The tables of a release with nothing in them that points at a patient.

    Args:
        policy: the network's small-number policy.
        tables: release tables (`tasks.release.TABLES`) as estimated.
        earlier: tables of releases with overlapping windows, as they were published: nothing that these
            tables or those withhold may follow from all of them together.

    Returns:
        The same tables with withheld values null, their status `suppressed_primary` or
        `suppressed_secondary` and a reason; counts rounded as the policy says.
    """
    shown = {name: frame.copy() for name, frame in tables.items()}
    if not policy.withholds and policy.round_to == 1:
        return shown
    release = _Release.of(policy, shown, earlier)
    sizes = {outcome: release.sizes(outcome) for outcome in release.kinds}
    windows, series = _withhold_sizes(release, sizes)
    decided = {
        outcome: _withhold_outcome(release, outcome, sizes[outcome], windows, series)
        for outcome in release.kinds
    }
    size, series_size = windows.status(release.clinics), series.status(release.clinics)
    gaps = [name for name, each in decided.items() if each and (each.windows.all | each.series.all).any()]
    withhold_effects(policy, shown, gaps)
    for outcome, outcome_withheld in decided.items():
        if outcome_withheld is None:
            blank_outcome(policy, shown, outcome)
            continue
        blank_clinics_of(policy, shown, outcome, outcome_withheld.windows.status(release.clinics), size)
        of_series = outcome_withheld.series.status(release.clinics)
        blank_months(policy, shown, outcome, of_series, outcome_withheld.network.status(release.months))
        blank_total(policy, shown, outcome, outcome_withheld.totals)
        blank_clustering(policy, shown, outcome, outcome_withheld.digits)
        round_counts(policy, shown, outcome, release.kinds[outcome])
    blank_clinics(policy, shown, size)
    withhold_quality(policy, shown, size, series_size)
    shorten_figures(policy, shown)
    return shown


@dataclass(frozen=True)
class _Withheld:
    """Per clinic (or month), in their order: whether small itself, and whether withheld at all."""

    small: Booleans
    all: Booleans

    def status(self, names: Sequence[str]) -> dict[str, str]:
        return {
            name: PRIMARY if small else SECONDARY
            for name, small, gone in zip(names, self.small, self.all, strict=True)
            if gone
        }


@dataclass(frozen=True)
class _OfNetwork(_Withheld):
    """The network's months; `totals` says of which of size and events the whole window is withheld too."""

    totals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _OfOutcome:
    """What is withheld of an outcome: clinics' windows and series, and months of the network.

    `digits` are those of its intraclass correlation.
    """

    windows: _Withheld
    series: _Withheld
    network: _OfNetwork
    digits: int = MOST_DIGITS

    @property
    def totals(self) -> frozenset[str]:
        return self.network.totals


@dataclass(frozen=True)
class _Release:
    """The counts of a release, with what earlier ones tell of them.

    Attributes:
        policy: the small-number policy.
        tables: the release's tables, as estimated.
        earlier: tables of releases with overlapping windows, as published.
        clinics, months: their names, in order.
        kinds: outcome → continuous, binary, count, or records for a count of the records themselves.
    """

    policy: SmallNumberPolicy
    tables: Tables
    earlier: Sequence[Mapping[str, pd.DataFrame]]
    clinics: tuple[str, ...]
    months: tuple[str, ...]
    kinds: Mapping[str, str]

    @classmethod
    def of(
        cls, policy: SmallNumberPolicy, tables: Tables, earlier: Sequence[Mapping[str, pd.DataFrame]]
    ) -> _Release:
        estimates = tables["clinic_estimates"]
        sized = set(estimates.loc[estimates["denominator"].notna(), "outcome"])
        kinds = {
            str(name): "records" if kind == "count" and name not in sized else str(kind)
            for name, kind in tables["outcomes"].set_index("outcome")["kind"].items()
        }
        clinics = tuple(sorted(tables["clinics"]["clinic"]))
        months = tuple(sorted(tables["clinic_months"]["month"].unique()))
        return cls(policy, tables, earlier, clinics, months, kinds)

    def records(self) -> Counts:
        """The clinics table's own sizes, which no month adds up to."""

        def read(tables: Mapping[str, pd.DataFrame]) -> tuple[Floats, pd.DataFrame]:
            records = tables["clinics"].set_index("clinic")["n_records"].astype("float64")
            window = np.asarray(records.reindex(list(self.clinics)), dtype=np.float64)
            return window, pd.DataFrame(np.nan, index=list(self.clinics), columns=list(_months(tables)))

        window, months = read(self.tables)
        grown = [read(each) for each in self.earlier if set(_months(each)) <= set(self.months)]
        counts = counts_of(self.policy, window, np.empty((len(window), 0)), np.empty(0))
        return self._guard(counts, Told(window, months, grown))

    def sizes(self, outcome: str) -> Counts | None:
        """How many records stand behind an outcome's figures; None where the denominator is exposure."""
        column = self.size_column(outcome)
        counts = self._guard(self._counts(column), self._told(column))
        if self.kinds[outcome] == "count":  # an exposure of one a record is the number of records
            cells = counts.cells[~np.isnan(counts.cells)]
            whole = np.array_equal(cells, np.round(cells))
            return counts if whole and not (counts.window > self.records().window).any() else None
        return counts

    def size_column(self, outcome: str) -> Column:
        """Where an outcome's sizes stand."""
        if self.kinds[outcome] == "records":
            return Column(outcome, "numerator", of_records=True)
        return Column(outcome, "denominator")

    def events(self, outcome: str, sizes: Counts | None) -> Counts:
        """How many events stand behind them; `sizes` where those without count too."""
        column = Column(outcome, "numerator")
        counts = self._counts(column)
        if sizes is None:
            return self._guard(counts, self._told(column))
        counts = self._guard(events_of(self.policy, counts, sizes), self._told(column))
        rest = Column(outcome, "denominator", less="numerator")
        return self._guard(counts, self._told(rest), of_rest=True)

    def _counts(self, column: Column) -> Counts:
        months = column.months(self.tables, (*self.clinics, NETWORK)).reindex(columns=list(self.months))
        of_clinics, of_network = months.to_numpy()[:-1], months.to_numpy()[-1]
        return counts_of(self.policy, column.windows(self.tables, self.clinics), of_clinics, of_network)

    def _told(self, column: Column) -> Told:
        return Told.of(self.earlier, self.tables, column, self.clinics)

    def _guard(self, counts: Counts, told: Told, *, of_rest: bool = False) -> Counts:
        """The counts with what earlier releases tell of them, or of those without the event."""
        clinics, below, above = told.by_difference(self.policy, np.asarray(~counts.small.any(axis=1)))
        if of_rest:  # more without the event are fewer with it
            below, above = above, below
        known = counts.known | told.known()[:, : counts.known.shape[1]]
        return replace(counts, known=known).guarding(clinics, counts.window - below, counts.window + above)

    def together(self, column: Column, counts: Counts, gone: Gone) -> Gone:
        """What to withhold of a column besides, so that nothing follows from all releases together."""
        if not self.earlier:
            return gone
        earlier = [set(each["clinics"]["clinic"]) for each in self.earlier]
        left = tuple(sorted(set().union(*earlier) - set(self.clinics)))  # clinics that are no longer there
        shown = [Shown.of(each, column, self.clinics + left) for each in self.earlier]
        clinics = len(self.clinics)
        found = withhold_together(
            self.policy, counts.with_none(len(left)), self.months, shown, gone.with_none(len(left))
        )
        return replace(gone, windows=found.windows[:clinics], months=found.months[:clinics])

    def network_known(self, column: Column) -> Booleans:
        """(M,) months of the network that an earlier release shows."""
        shown = np.zeros(len(self.months), dtype=bool)
        for each in self.earlier:
            months = column.months(each, (NETWORK,)).reindex(columns=list(self.months))
            shown |= months.notna().to_numpy()[0]
        return shown

    def network_together(self, column: Column, counts: Counts, months: Booleans) -> tuple[Booleans, bool]:
        """(M,) months of the network to withhold for the same reason, and whether its window."""
        shown = [Shown.of(each, column, self.clinics).of_network for each in self.earlier]
        none = np.zeros(1, dtype=bool)
        gone = Gone(none, months[None, :], np.zeros(len(months), dtype=bool))
        found = withhold_together(self.policy, counts, self.months, shown, gone, whole_series=False)
        return found.months[0], bool(found.windows[0])


def _months(tables: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    return tuple(sorted(tables["clinic_months"]["month"].unique()))


# --- what is withheld --------------------------------------------------------------------------------------


def _withhold_sizes(release: _Release, sizes: Mapping[str, Counts | None]) -> tuple[_Withheld, _Withheld]:
    """Clinics whose size is withheld, and clinics whose months are: the same in all tables.

    The records behind two outcomes of a clinic are nearly the same records, so a companion withheld in one
    table and shown in another would be as good as shown.
    """
    policy = release.policy
    different: dict[Column | None, Counts] = {None: release.records()}
    for outcome, counts in sizes.items():
        if counts is not None and not any(counts.same(other) for other in different.values()):
            different[release.size_column(outcome)] = counts
    small = np.any([each.small[:, 0] for each in different.values()], axis=0)
    by_month = [each.small[:, 1:].any(axis=1) for each in different.values()]
    small_series = small | np.any(by_month, axis=0)
    windows, series = small.copy(), small_series.copy()
    network = {column: _of_network(release, [(column, each)]) for column, each in different.items() if column}
    settled: dict[Column | None, int] = {}
    while True:
        before = windows.sum() + series.sum()
        for column, counts in different.items():
            if settled.get(column) == windows.sum() + series.sum():
                continue  # nothing more was withheld since
            windows |= withhold_windows(policy, counts, windows)
            if column is not None:
                series |= withhold_series(policy, counts, windows, series | windows, network[column].all)
                gone = release.together(column, counts, _gone(column, windows, series, network[column]))
                windows, series = gone.windows, gone.series | gone.windows
            settled[column] = int(windows.sum() + series.sum())
        if windows.sum() + series.sum() == before:
            return _Withheld(small, windows), _Withheld(small_series, series)


def _withhold_outcome(
    release: _Release, outcome: str, size: Counts | None, windows: _Withheld, series: _Withheld
) -> _OfOutcome | None:
    """What is withheld of an outcome; None where the network itself has a small number of it.

    Every figure would tell that.

    Args:
        release: the counts.
        outcome: the outcome.
        size: its sizes; None where the denominator is exposure.
        windows, series: clinics whose sizes are withheld.
    """
    policy, kind = release.policy, release.kinds[outcome]
    sized = [] if size is None else [(release.size_column(outcome), size)]
    if kind in ("binary", "count"):
        events = release.events(outcome, size if kind == "binary" else None)
    elif size is None or _rare(policy, size):
        return None
    else:
        window = _with_alike(release, outcome, size, windows) if kind == "continuous" else windows
        month = _Withheld(series.small | window.small, series.all | window.all)
        return _OfOutcome(window, month, _of_network(release, sized))
    if _rare(policy, events) or (size is not None and _rare(policy, size)):
        return None
    column = Column(outcome, "numerator")
    network = _of_network(release, [(column, events), *(sized if kind == "binary" else [])])
    window_all = withhold_windows(policy, events, windows.all)
    series_all = withhold_series(policy, events, window_all, window_all | series.all, network.all)
    gone = release.together(column, events, _gone(column, window_all, series_all, network))
    small = windows.small | events.small[:, 0]
    small_series = small | events.small[:, 1:].any(axis=1)
    return _OfOutcome(
        _Withheld(small, gone.windows),
        _Withheld(small_series, gone.series | gone.windows),
        network,
        correlation_digits(
            policy,
            events,
            Column(outcome, "denominator").windows(release.tables, release.clinics),
            gone.windows,
        ),
    )


def _gone(column: Column, windows: Booleans, series: Booleans, network: _OfNetwork) -> Gone:
    months = np.broadcast_to(series[:, None], (len(series), len(network.all)))
    return Gone(windows, months, network.all, column.counts in network.totals)


def _rare(policy: SmallNumberPolicy, counts: Counts) -> bool:
    """Whether the whole network's count is small, or all but a small one."""
    total = float(np.nansum(counts.window))
    rest = np.inf if counts.rest is None else float(np.nansum(counts.rest[:, 0]))
    few_without = rest <= policy.high if policy.withhold_unanimous else policy.is_small(rest)
    return bool(policy.is_small(total) or (total > 0 and few_without))


def _of_network(release: _Release, columns: Sequence[tuple[Column, Counts]]) -> _OfNetwork:
    """Months of the network that are small, and what else would tell them.

    Args:
        release: the counts.
        columns: counts that show the same months; where there are two, of events and of their sizes.
    """
    policy = release.policy
    sizes = columns[1][1] if len(columns) > 1 else None
    own = [counts.of_network(policy, sizes if counts is not sizes else None) for _, counts in columns]
    small = np.any([each.small[:, 0] for each in own], axis=0)
    gone, totals = small.copy(), set()
    for each, (column, counts) in zip(own, columns, strict=True):
        known = release.network_known(column)[:, None]
        gone = withhold_windows(policy, replace(each, known=known), gone)
        whole = counts.of_whole(policy, sizes if counts is not sizes else None)
        gone, total = release.network_together(column, whole, gone)
        if total:
            totals.add(column.counts)
    return _OfNetwork(small, gone, frozenset(totals))


def _with_alike(release: _Release, outcome: str, size: Counts, windows: _Withheld) -> _Withheld:
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
    return _Withheld(windows.small | alike, gone)
