"""What releases tell together of what the newest of them withholds, read from nothing but what they publish.

The decision (`deciding.py`) is made with the records at hand. Here the same releases are read as a reader has
them: counts that are shown, who is withheld for others' sake (and so not small), and sums of clinics' months
to their windows and to the network's months.
Every withheld count gets the range that agrees with all of it. It is a second look, for whoever answers for
the release, at one column of counts after the other; a count that was restated between releases binds only
what stands beside its newest statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse

from tasks.disclosing.count_columns import CountColumn, Shown
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.release_counts import named_kind

Tables = Mapping[str, pd.DataFrame]
Floats = NDArray[np.float64]

_NEAR = 1e-6
_PULLS = 60  # tables that pull many counts at once; what they leave narrow is looked at one by one


class ContradictionError(ValueError):
    """No counts agree with all that releases show."""


@dataclass(frozen=True, slots=True)
class CountRange:
    """The values that a withheld count can still have.

    Attributes:
        outcome: whose count.
        counts: denominator (sizes) or numerator (events).
        clinic: which clinic's.
        month: its label; empty for the window.
        low, high: the least and the most, both whole.
    """

    outcome: str
    counts: str
    clinic: str
    month: str
    low: int
    high: int

    @property
    def values(self) -> int:
        """How many values that is."""
        return self.high - self.low + 1


@dataclass(frozen=True)
class Account:
    """What a reader can work out.

    Attributes:
        n_withheld: counts that the newest release withholds.
        narrowest: of those that may be small, the one with the fewest values, as far as fewer than the
            policy's are left; None where each can have as many as the policy withholds.
    """

    n_withheld: int
    narrowest: CountRange | None


def account(policies: Sequence[SmallNumberPolicy], releases: Sequence[Tables]) -> Account:
    """What the releases tell of the counts that the last of them withholds.

    Args:
        policies: under which each release was published.
        releases: published tables, in the order of publication.

    Raises:
        ContradictionError: the releases contradict one another.
    """
    newest, policy = releases[-1], policies[-1]
    clinics = tuple(sorted({str(each) for tables in releases for each in tables["clinics"]["clinic"]}))
    n_withheld, narrow = 0, list[CountRange]()
    for column in _columns(newest):
        shown = [
            Shown.of(each, column, clinics, under) for each, under in zip(releases, policies, strict=True)
        ]
        reading = _Reading.of(column, shown, _withheld(newest, column, clinics, shown[-1].names))
        n_withheld += len(reading.asked)
        narrow += reading.narrow(policy, column, clinics)
    return Account(n_withheld, min(narrow, key=lambda each: each.values, default=None))


def _columns(tables: Tables) -> Iterator[CountColumn]:
    """The columns with counts of records or people's events; exposures are in units of their own.

    Raises:
        ValueError: an outcome's kind is not one of `release_counts.KINDS`.
    """
    outcomes = tables["outcomes"]
    for outcome, kind in zip(outcomes["outcome"], map(named_kind, outcomes["kind"]), strict=True):
        if kind == "count":
            mine = tables["clinic_estimates"]["outcome"] == outcome
            exposed = tables["clinic_estimates"].loc[mine, "denominator"].notna().any()
            yield CountColumn(str(outcome), "numerator", of_records=not exposed)
        else:
            yield CountColumn(str(outcome), "denominator")
        if kind == "binary":
            yield CountColumn(str(outcome), "numerator")


def _withheld(
    tables: Tables, column: CountColumn, clinics: Sequence[str], months: Sequence[str]
) -> NDArray[np.bool_]:
    """(C, 1 + M) whether a release withholds the clinic's window, and its months."""
    found = np.zeros((len(clinics), 1 + len(months)), dtype=bool)
    estimates, series = tables["clinic_estimates"], tables["clinic_months"]
    windows = estimates[estimates["form"] == "raw"].assign(month="")
    for rows in (windows, series):
        mine = rows[(rows["outcome"] == column.outcome) & rows["status"].str.startswith("suppressed")]
        mine = mine[mine[column.name].isna()]
        row = pd.Index(clinics).get_indexer(pd.Index(mine["clinic"]))
        at = pd.Index(["", *months]).get_indexer(pd.Index(mine["month"]))
        found[row[(row >= 0) & (at >= 0)], at[(row >= 0) & (at >= 0)]] = True
    return found


@dataclass
class _LinearConstraints:
    """Sums of unknowns, and between what each lies."""

    unknowns: list[NDArray[np.int64]] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def add(self, unknowns: NDArray[np.int64], least: float, most: float) -> None:
        """One more."""
        self.unknowns.append(unknowns)
        self.least.append(float(least))
        self.most.append(float(most))

    def each_row(
        self, unknowns: NDArray[np.int64], least: Floats, most: Floats, where: NDArray[np.bool_]
    ) -> None:
        """One more for each row of unknowns that is told of."""
        for i in np.flatnonzero(where):
            self.add(unknowns[i], least[i], most[i])


@dataclass(frozen=True)
class _Reading:
    """Counts of one column by clinic and month as unknowns, with what is published of them.

    Attributes:
        names: all months of all releases.
        sums: (S, C·U) which unknowns each sum is made of; `least`, `most`: (S,) what is said of it.
        lower, upper: (C·U,) what is said of each unknown by itself.
        asked: clinic and months of each count that the newest release withholds, windows first.
        n_windows: how many of those are windows.
    """

    names: tuple[str, ...]
    sums: sparse.csr_array
    least: Floats
    most: Floats
    lower: Floats
    upper: Floats
    asked: tuple[tuple[int, tuple[int, ...]], ...]
    n_windows: int

    @classmethod
    def of(
        cls,
        column: CountColumn,
        shown: Sequence[Shown],
        withheld: NDArray[np.bool_],
    ) -> _Reading:
        """Put every statement in its place; `withheld` is (C, 1 + M), of the newest release."""
        newest = shown[-1]
        names = tuple(sorted({name for each in shown for name in each.names}))
        places_of = [[names.index(name) for name in each.names] for each in shown]
        lower, upper = _said_of_months(shown, places_of, len(names))
        said = _LinearConstraints()
        for each, places in zip(shown, places_of, strict=True):
            unknowns = np.arange(lower.size).reshape(lower.shape)[:, places]
            slack = each.policy.slack
            agrees = np.isnan(each.months) | (
                (each.months + slack >= lower[:, places]) & (each.months - slack <= upper[:, places])
            )
            known = ~np.isnan(each.window)
            least = np.where(known, each.window - slack, 0.0)
            most = np.where(known, each.window + slack, np.inf)
            if column.of_records and each is newest:  # a label of small may be for another outcome's count
                least[withheld[:, 0] & ~each.small] = each.policy.high + 1.0
            said.each_row(unknowns, least, most, np.asarray(agrees.all(axis=1)))
            there = np.asarray(agrees.all(axis=0)) & ~np.isnan(each.network)
            said.each_row(unknowns.T, each.network - slack, each.network + slack, there)
            if agrees.all() and not np.isnan(each.total):
                within = slack if each.total_within is None else each.total_within
                said.add(unknowns.ravel(), each.total - within, each.total + within)
        own = [names.index(name) for name in newest.names]
        windows = [(c, own) for c in np.flatnonzero(withheld[:, 0])]
        cells = [(c, [own[j]]) for c, j in np.argwhere(withheld[:, 1:])]
        return cls(
            names,
            _matrix(said.unknowns, lower.size),
            np.array(said.least),
            np.array(said.most),
            lower.ravel(),
            upper.ravel(),
            tuple((int(c), tuple(at)) for c, at in (*windows, *cells)),
            len(windows),
        )

    def narrow(
        self, policy: SmallNumberPolicy, column: CountColumn, clinics: Sequence[str]
    ) -> list[CountRange]:
        """The ranges of withheld counts that may be small and have fewer values than the policy withholds."""
        if not self.asked:
            return []
        enough = float(policy.high - policy.low)
        ways = self._ways()
        low, high = np.full(len(self.asked), np.inf), np.full(len(self.asked), -np.inf)
        rng = np.random.default_rng(0)
        left = np.arange(len(self.asked))
        for _ in range(_PULLS):
            pull = np.zeros(len(self.asked))
            pull[left] = rng.choice([-1.0, 1.0], len(left))
            seen = ways @ self._solve(np.asarray(pull @ ways))
            low, high = np.minimum(low, seen), np.maximum(high, seen)
            left = np.flatnonzero(high - low < enough - _NEAR)
            if not len(left):
                return []
        found = []
        for i in left:
            way = ways[[i]].toarray()[0]
            least = int(np.ceil(way @ self._solve(way) - _NEAR))
            most = int(np.floor(way @ self._solve(-way) + _NEAR))
            c, at = self.asked[i]
            if least <= policy.high and most >= policy.low and most - least < enough:
                month = self.names[at[0]] if i >= self.n_windows else ""
                found.append(CountRange(column.outcome, column.name, clinics[c], month, least, most))
        return found

    def _ways(self) -> sparse.csr_array:
        """(A, C·U) each count asked for as a sum of unknowns."""
        rows = [np.array([c * len(self.names) + u for u in at], dtype=np.int64) for c, at in self.asked]
        return _matrix(rows, self.lower.size)

    def _solve(self, cost: Floats) -> Floats:
        """The unknowns of least cost that agree with everything."""
        solved = optimize.milp(
            cost,
            constraints=optimize.LinearConstraint(self.sums, self.least, self.most),
            bounds=optimize.Bounds(self.lower, np.minimum(self.upper, self._plenty)),
        )
        if solved.status != 0:
            raise ContradictionError("no counts agree with all that the releases show")
        return np.asarray(solved.x, dtype=np.float64)

    @property
    def _plenty(self) -> float:
        """Beyond anything a sum allows: keeps the programs bounded where no sum does."""
        ends = self.most[np.isfinite(self.most)]
        return 2.0 * float(ends.max(initial=0.0)) + 1000.0


def _said_of_months(
    shown: Sequence[Shown], places_of: Sequence[Sequence[int]], months: int
) -> tuple[Floats, Floats]:
    """(C, U) between what each month lies, as all say that show it; what was restated, as the newest says."""
    lower, upper = np.zeros((len(shown[-1].window), months)), np.full((len(shown[-1].window), months), np.inf)
    for each, places in zip(shown, places_of, strict=True):
        low, high = lower[:, places], upper[:, places]
        stated, slack = ~np.isnan(each.months), each.policy.slack
        least, most = np.maximum(each.months - slack, 0.0), each.months + slack
        restated = (least > high) | (most < low)
        lower[:, places] = np.where(stated, np.where(restated, least, np.maximum(low, least)), low)
        upper[:, places] = np.where(stated, np.where(restated, most, np.minimum(high, most)), high)
    return lower, upper


def _matrix(rows: Sequence[NDArray[np.int64]], width: int) -> sparse.csr_array:
    lengths = [len(row) for row in rows]
    at = (np.repeat(np.arange(len(rows)), lengths), np.concatenate(rows) if rows else np.empty(0, np.int64))
    return sparse.csr_array((np.ones(sum(lengths)), at), shape=(len(rows), width))
