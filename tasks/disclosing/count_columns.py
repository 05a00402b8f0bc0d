"""Where a count stands in a release, and what a release that was published shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tasks.disclosing.counts import NETWORK, Booleans, Floats
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.withholding import PRIMARY, SECONDARY
from tasks.release import Of
from tasks.release.figure_names import network_figure

Tables = Mapping[str, pd.DataFrame]

_NEAR = 0.01  # a count computed from a published mean is a whole number to within the mean's digits


@dataclass(frozen=True)
class CountColumn:
    """Where counts of an outcome stand in the tables; with `less`, those without the event.

    Attributes:
        outcome: the outcome.
        name: numerator or denominator.
        less: the column subtracted from it; empty for none.
        of_records: whether it counts the records themselves.
        per: what a count is divided by, where it measures exposure.
    """

    outcome: str
    name: str
    less: str = ""
    of_records: bool = False
    per: float = 1.0

    @property
    def of(self) -> Of:
        """What it counts: sizes (records) or events."""
        return Of.SIZES if self.of_records or self.name == "denominator" else Of.EVENTS

    def windows(self, tables: Tables, clinics: tuple[str, ...]) -> Floats:
        """(C,) counts of the window; NaN where there is none to see."""
        estimates = tables["clinic_estimates"]
        mine = estimates[(estimates["outcome"] == self.outcome) & (estimates["form"] == "raw")]
        counts = self._of(mine).set_axis(mine["clinic"]).reindex(list(clinics))
        return np.asarray(counts, dtype=np.float64)

    def labelled_small(self, tables: Tables, clinics: tuple[str, ...]) -> Booleans:
        """(C,) windows whose status says that they are withheld for being small."""
        estimates = tables["clinic_estimates"]
        mine = estimates[(estimates["outcome"] == self.outcome) & (estimates["form"] == "raw")]
        small = mine.loc[mine["status"] == PRIMARY, "clinic"]
        return np.isin(np.array(clinics), small.to_numpy(dtype=str))

    def labelled_rare(self, tables: Tables) -> bool:
        """Whether the whole outcome is withheld for being small."""
        outcomes = tables["outcomes"]
        return bool((outcomes.loc[outcomes["outcome"] == self.outcome, "status"] == PRIMARY).any())

    def total(self, tables: Tables, policy: SmallNumberPolicy) -> tuple[float, float | None]:
        """The network's count as a release tells it under a policy; NaN where it does not.

        And how far the count may be from it where a share of rounded counts tells it; None: as far as it is
        rounded, if it is.
        """
        outcomes, figures = tables["outcomes"], tables["network_figures"]
        row = outcomes[outcomes["outcome"] == self.outcome]
        size = float(row["n_records"].astype("float64").sum(min_count=1))
        kind = "" if row.empty else str(row["kind"].iloc[0])
        if self.of is Of.SIZES:
            return (size if self.per == 1.0 else np.nan), None
        mean = figures[(figures["outcome"] == self.outcome) & (figures["figure"] == "mean")]["value"]
        value = float(mean.astype("float64").sum(min_count=1))
        if kind == "binary" and policy.round_to > 1:
            return _of_share(policy, value, size)
        total = value * size / (100.0 if kind == "binary" else 1.0)
        return (float(np.round(total)) if abs(total - np.round(total)) < _NEAR else np.nan), None

    def months(self, tables: Tables, clinics: tuple[str, ...]) -> pd.DataFrame:
        """Counts of clinics (rows) in the months of the table (columns); NaN where there is none to see."""
        mine = self.by_month(tables, clinics)
        return pd.DataFrame(mine.counts, index=list(clinics), columns=list(mine.names))

    def by_month(self, tables: Tables, clinics: tuple[str, ...]) -> ByMonth:
        """The same, with what is said of those that are not there."""
        frame = tables["clinic_months"]
        mine = frame[frame["outcome"] == self.outcome]
        month, names = pd.factorize(mine["month"].to_numpy(dtype=object), sort=True)
        row = pd.Index(clinics, dtype=object).get_indexer(pd.Index(mine["clinic"], dtype=object))
        count, status = self._of(mine).to_numpy(), mine["status"].to_numpy(dtype=object)
        counts = np.full((len(clinics), len(names)), np.nan)
        counts[row[row >= 0], month[row >= 0]] = count[row >= 0]
        said = {}
        for label in (PRIMARY, SECONDARY):
            its = (status == label) & mine[self.name].isna().to_numpy() & (row >= 0)
            said[label] = np.zeros(counts.shape, dtype=bool)
            said[label][row[its], month[its]] = True
        return ByMonth(tuple(str(name) for name in names), counts, said[PRIMARY], said[SECONDARY])

    def is_labelled_by_itself(self, tables: Tables) -> bool:
        """Whether a status that says small says it of these counts, and not of events that they go with."""
        kinds = tables["outcomes"].set_index("outcome")["kind"]
        return self.name == "numerator" or str(kinds.get(self.outcome)) == "continuous"

    def _of(self, frame: pd.DataFrame) -> pd.Series:
        counts = frame[self.name].astype("float64")
        return counts - frame[self.less].astype("float64") if self.less else counts / self.per


def _of_share(policy: SmallNumberPolicy, share: float, size: float) -> tuple[float, float | None]:
    """Events of which a share of rounded counts is told to its digits, and how far they may be from it.

    They were rounded to one of a few multiples; where the share is all, to the size or beyond it, and there
    are no more events than records.
    """
    digits = network_figure("mean").digits.kept_of_rounded
    if digits is None or not share > 0.0 or not size > 0.0:
        return np.nan, None
    off = 0.5 * 10.0 ** (np.floor(np.log10(share)) - digits + 1.0)
    least, most = (size * min(share + sign * off, 100.0) / 100.0 for sign in (-1.0, 1.0))
    step, half = float(policy.round_to), (policy.round_to - 1) / 2.0
    low, high = np.ceil(least / step - _NEAR) * step, np.floor(most / step + _NEAR) * step
    if low > high:
        return np.nan, None
    return float(low + high) / 2.0, float(high - low) / 2.0 + half


@dataclass(frozen=True)
class ByMonth:
    """Counts of a column by month, and what a release says of those that it does not show.

    Attributes:
        names: (M,) the months.
        counts: (C, M) counts; NaN where there is none to see.
        small, companion: (C, M) months withheld for being small, and for another's sake.
    """

    names: tuple[str, ...]
    counts: Floats
    small: Booleans
    companion: Booleans


@dataclass(frozen=True)
class Shown:
    """One column of an earlier release as it stands there; NaN where it shows nothing.

    Attributes:
        names: its months.
        window: (C,) counts of the clinics.
        small: (C,) windows that it says are withheld for being small.
        months: (C, M) counts of their months.
        may_be_small: (C + 1, M) withheld months of clinics, and of the network in the last row, whose label
            leaves open that they are small.
        not_small: (C + 1, M) those whose label says that they are not.
        network: (M,) counts of the network's months.
        total: the network's window.
        policy: under which it was published.
        total_within, window_within: how far the network's window, or those of clinics, may be from what
            stands there, where a share of rounded counts tells it; None: as far as they are rounded.
        rare: whether it says that the network's window is withheld for being small.
        is_release: whether a release says all this; else it is a sum that follows from several, of some
            clinics, and nothing is said of the others.
    """

    names: tuple[str, ...]
    window: Floats
    small: Booleans
    months: Floats
    may_be_small: Booleans
    not_small: Booleans
    network: Floats
    total: float
    policy: SmallNumberPolicy
    rare: bool = False
    is_release: bool = True
    total_within: float | None = None
    window_within: float | None = None

    @classmethod
    def of(
        cls,
        tables: Mapping[str, pd.DataFrame],
        column: CountColumn,
        clinics: tuple[str, ...],
        policy: SmallNumberPolicy,
    ) -> Shown:
        """Look the column up in a release, published under a policy."""
        rows = (*clinics, NETWORK)
        months = column.by_month(tables, rows)
        total, within = column.total(tables, policy)
        return cls(
            months.names,
            column.windows(tables, clinics),
            column.labelled_small(tables, clinics),
            months.counts[:-1],
            months.small & column.is_labelled_by_itself(tables),
            months.companion,
            months.counts[-1],
            total,
            policy,
            column.labelled_rare(tables),
            total_within=within,
        )

    @classmethod
    def of_windows(cls, names: tuple[str, ...], window: Floats, policy: SmallNumberPolicy) -> Shown:
        """A column that no month adds up to."""
        clinics, months = len(window), len(names)
        nothing, none = np.full((clinics, months), np.nan), np.zeros(clinics, dtype=bool)
        unsaid = np.zeros((clinics + 1, months), dtype=bool)
        return cls(names, window, none, nothing, unsaid, unsaid, np.full(months, np.nan), np.nan, policy)

    @classmethod
    def of_sums(
        cls, names: tuple[str, ...], window: Floats, total: float, policy: SmallNumberPolicy
    ) -> Shown:
        """Sums of months that follow from several releases."""
        sums = cls.of_windows(names, window, policy)
        return replace(sums, total=total, is_release=False)

    def or_else(self, other: Shown) -> Shown:
        """What this column shows, and what another of the same counts shows where this one does not."""
        if self.names != other.names:
            return self

        def either(one: Floats, another: Floats) -> Floats:
            return np.where(np.isnan(one), another, one)

        return Shown(
            self.names,
            either(self.window, other.window),
            self.small | other.small,
            either(self.months, other.months),
            self.may_be_small | other.may_be_small,
            self.not_small | other.not_small,
            either(self.network, other.network),
            other.total if np.isnan(self.total) else self.total,
            self.policy,
            self.rare,
            total_within=other.total_within if np.isnan(self.total) else self.total_within,
        )

    @property
    def of_network(self) -> Shown:
        """The network as if it were the only clinic."""
        nothing = np.full(len(self.names), np.nan)
        total, rare = np.array([self.total]), np.array([self.rare])
        unsaid = np.zeros((1, len(self.names)), dtype=bool)
        few, many = (np.vstack([each[-1:], unsaid]) for each in (self.may_be_small, self.not_small))
        own = self.network[None, :]
        return Shown(
            *(self.names, total, rare, own, few, many, nothing, np.nan, self.policy),
            is_release=self.is_release,
            window_within=self.total_within,
        )

    def states(self, counts: Floats, stated: Floats) -> Booleans:
        """Whether counts are what this release states, as its policy rounds."""
        return np.asarray(self.policy.rounded(counts) == stated)

    def states_total(self, count: float) -> bool:
        """Whether the network's count may be what this release tells of it."""
        if self.total_within is None:
            return bool(self.policy.rounded(np.array(count)) == self.total)
        return abs(count - self.total) <= self.total_within

    def states_window(self, clinic: int, count: float) -> bool:
        """Whether a clinic's window may be what this release tells of it."""
        stated = float(self.window[clinic])
        if self.window_within is None:
            return bool(self.policy.rounded(np.array(count)) == stated)
        return abs(count - stated) <= self.window_within
