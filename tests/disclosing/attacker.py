"""Someone who keeps every release, knows its policy and this code, and solves for every small count.

Unlike `reader.py`, who knows one policy and two outcomes, this attacker reads releases under any policy, with
outcomes that add up, and releases that state months anew; what he asks is not how far a count may range but
whether enough values are left for it, so that a year of releases takes seconds: every table that an integer
program finds vouches for all counts at once, and only what no table has shown to be free is solved for alone.

Nothing of the code under test is used but the policies. Known to him besides what is published: that every
record has a value of every outcome; which outcomes add up; and that nothing was corrected, where nothing was.
He can be told more than readers know: in which clinics and months something was corrected (not by how much),
and that corrections only ever add records.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, sparse

from tasks.disclosing import SmallNumberPolicy

PRIMARY, SECONDARY = "suppressed_primary", "suppressed_secondary"
RECORDS = "records"

Terms = dict[int, float]
Floats = np.ndarray


@dataclass(frozen=True)
class Edition:
    """What is true at a release, in counts.

    Attributes:
        policy: under which it is published.
        months: of its window, YYYY-MM.
        clinics: those in it.
        counts: `RECORDS` or an outcome → (C, M) counts of records, or of records with the event.
    """

    policy: SmallNumberPolicy
    months: tuple[str, ...]
    clinics: tuple[str, ...]
    counts: Mapping[str, np.ndarray]

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Names of the binary outcomes."""
        return tuple(name for name in self.counts if name != RECORDS)


@dataclass(frozen=True)
class Knowledge:
    """What is known besides the releases.

    Attributes:
        wholes: (whole, its parts): events of the whole are those of the parts together; with the whole
            `RECORDS`, every record is in one of the parts.
        only_added: corrections add records and events, and take none away.
        corrected: whether anything was; without, what is withheld twice is the same number.
        told_where: whether he knows in which clinics and months.
    """

    wholes: Sequence[tuple[str, tuple[str, ...]]] = ()
    only_added: bool = False
    corrected: bool = False
    told_where: bool = False


@dataclass(frozen=True, slots=True)
class Small:
    """A count that the policy withholds.

    Attributes:
        what: of what it is: records, an outcome's events, or those without.
        clinic: whose; empty for the network.
        when: a month, or the window of a release.
        value: the truth.
        policy: the laxest of those under which it was published.
        terms: what adds up to it, and the constant with it.
    """

    what: str
    clinic: str
    when: str
    value: int
    policy: SmallNumberPolicy
    terms: tuple[tuple[int, float], ...]

    @property
    def least_values(self) -> float:
        """How many values must stay possible: half of the policy's."""
        return (self.policy.high - self.policy.low + 1) / 2.0


@dataclass(frozen=True, slots=True)
class Found:
    """What is left of a small count: its least and its most."""

    small: Small
    low: int
    high: int

    @property
    def recovered(self) -> bool:
        """Whether it is known exactly."""
        return self.low == self.high

    @property
    def narrowed(self) -> bool:
        """Whether fewer values are left than the policy promises."""
        return self.high - self.low + 1 < self.small.least_values


@dataclass
class Attacker:
    """Reads releases into one integer program, and asks it for every small count.

    Attributes:
        editions: the truth, by which small counts are found and the program is checked; nothing of it enters
            the program but names.
        releases: the tables as published.
        knowledge: what is known besides.
    """

    editions: Sequence[Edition]
    releases: Sequence[Mapping[str, pd.DataFrame]]
    knowledge: Knowledge = field(default_factory=Knowledge)

    def __post_init__(self) -> None:
        self._lower: list[float] = []
        self._upper: list[float] = []
        self._true: list[float] = []
        self._rows: list[tuple[Terms, float, float]] = []
        self._most = 4.0 * max(float(each.counts[RECORDS].sum()) for each in self.editions) + 100.0
        self._latest: dict[tuple[str, str, str], int] = {}
        self._cells: list[dict[tuple[str, str, str], int]] = []
        for edition in self.editions:
            self._cells.append(self._cells_of(edition))
        for k, (edition, tables) in enumerate(zip(self.editions, self.releases, strict=True)):
            _Reading(self, edition, self._cells[k], tables).read()
        lengths = [len(terms) for terms, _, _ in self._rows]
        row = np.repeat(np.arange(len(self._rows)), lengths)
        column = [i for terms, _, _ in self._rows for i in terms]
        value = [v for terms, _, _ in self._rows for v in terms.values()]
        self._matrix = sparse.csr_array((value, (row, column)), shape=(len(self._rows), len(self._lower)))
        self._bounds = np.array([(low, high) for _, low, high in self._rows]).reshape(-1, 2)
        self._check()

    def found(self) -> list[Found]:
        """What is left of every small count."""
        smalls = list(self.smalls())
        if not smalls:
            return []
        row = np.repeat(np.arange(len(smalls)), [len(each.terms) for each in smalls])
        column = [i for each in smalls for i, _ in each.terms]
        value = [v for each in smalls for _, v in each.terms]
        of = sparse.csr_array((value, (row, column)), shape=(len(smalls), len(self._lower)))
        low = np.array([float(each.value) for each in smalls])
        high, least = low.copy(), np.array([each.least_values for each in smalls])
        rng = np.random.default_rng(0)
        stalled = 0
        while stalled < 4 and (left := np.flatnonzero(high - low + 1 < least)).size:
            pull = np.zeros(len(smalls))
            pull[left] = rng.choice([-1.0, 1.0], left.size)
            self._see(of, np.asarray(of.T @ pull), low, high, exact=False)
            stalled = stalled + 1 if np.array_equal(left, np.flatnonzero(high - low + 1 < least)) else 0
        for i in np.flatnonzero(high - low + 1 < least):
            for sign in (1.0, -1.0):
                if high[i] - low[i] + 1 < least[i]:
                    pull = np.zeros(len(smalls))
                    pull[i] = sign
                    self._see(of, np.asarray(of.T @ pull), low, high, exact=True)
        return [
            Found(small, round(one), round(other))
            for small, one, other in zip(smalls, low, high, strict=True)
        ]

    def smalls(self) -> Iterator[Small]:
        """Every count that each policy withholds under which it was published."""
        seen: dict[tuple[tuple[int, float], ...], Small] = {}
        for k, edition in enumerate(self.editions):
            for what, clinic, when, terms in self._sums(k, edition):
                value = round(sum(v * self._true[i] for i, v in terms.items()))
                size = round(sum(self._true[i] for i in self._records_of(k, edition, clinic, when)))
                key = tuple(sorted(terms.items()))
                before = seen.get(key)
                policy = edition.policy
                if before is not None and before.policy.high < policy.high:
                    policy = before.policy
                label = when or f"window {k}"
                seen[key] = Small(what, clinic, label, value, policy, key)
                if not edition.policy.withholds or not size:
                    seen[key] = Small(what, clinic, label, -1, policy, key)
        for each in seen.values():
            alike = each.what.endswith(" without") and each.value == 0 and each.policy.withhold_unanimous
            if each.policy.is_small(each.value) or alike:
                yield each

    def _sums(self, k: int, edition: Edition) -> Iterator[tuple[str, str, str, Terms]]:
        for clinic, when in itertools.product((*edition.clinics, ""), ("", *edition.months)):
            whole = dict.fromkeys(self._records_of(k, edition, clinic, when), 1.0)
            yield RECORDS, clinic, when, whole
            for outcome in edition.outcomes:
                events = dict.fromkeys(self._of(k, edition, outcome, clinic, when), 1.0)
                yield outcome, clinic, when, events
                yield f"{outcome} without", clinic, when, whole | dict.fromkeys(events, -1.0)

    def _records_of(self, k: int, edition: Edition, clinic: str, when: str) -> list[int]:
        return self._of(k, edition, RECORDS, clinic, when)

    def _of(self, k: int, edition: Edition, column: str, clinic: str, when: str) -> list[int]:
        clinics = (clinic,) if clinic else edition.clinics
        months = (when,) if when else edition.months
        return [self._cells[k][column, each, month] for each in clinics for month in months]

    def _cells_of(self, edition: Edition) -> dict[tuple[str, str, str], int]:
        """The unknowns of a release: those of the one before where it is known that nothing was corrected."""
        cells: dict[tuple[str, str, str], int] = {}
        may_be_same = self.knowledge.told_where or not self.knowledge.corrected
        for c, clinic in enumerate(edition.clinics):
            for m, month in enumerate(edition.months):
                true = {column: float(counts[c, m]) for column, counts in edition.counts.items()}
                old = {column: self._latest.get((column, clinic, month)) for column in true}
                same = may_be_same and all(
                    i is not None and self._true[i] == true[column] for column, i in old.items()
                )
                for column, value in true.items():
                    before = old[column]
                    if same and before is not None:
                        cells[column, clinic, month] = before
                        continue
                    cells[column, clinic, month] = new = self.new(value)
                    if before is not None and self.knowledge.only_added:
                        self.bind({new: 1.0, before: -1.0}, 0.0)
                if not same:
                    self._consist({column: cells[column, clinic, month] for column in true})
        self._latest |= cells
        return cells

    def _consist(self, cells: Mapping[str, int]) -> None:
        """Events are some of the records, and parts add up to wholes."""
        for column, i in cells.items():
            if column != RECORDS:
                self.bind({cells[RECORDS]: 1.0, i: -1.0}, 0.0)
        for whole, parts in self.knowledge.wholes:
            self.bind({cells[whole]: -1.0} | {cells[part]: 1.0 for part in parts}, 0.0, 0.0)

    def new(self, true: float, most: float | None = None) -> int:
        """A whole number that is not known; its true value is for the check alone."""
        self._lower.append(0.0)
        self._upper.append(self._most if most is None else most)
        self._true.append(true)
        return len(self._lower) - 1

    def bind(self, terms: Terms, low: float = -np.inf, high: float = np.inf) -> None:
        """What terms add up to lies between these."""
        self._rows.append((terms, low, high))

    def one_of(self, *ranges: Sequence[tuple[Terms, float, float]]) -> None:
        """One of some statements is true, each of ranges that all hold."""
        true = [
            all(low <= sum(v * self._true[i] for i, v in terms.items()) <= high for terms, low, high in each)
            for each in ranges
        ]
        first = true.index(True) if True in true else -1
        switches = [self.new(float(i == first), 1.0) for i in range(len(ranges))]
        self.bind(dict.fromkeys(switches, 1.0), 1.0, 1.0)
        for switch, statements in zip(switches, ranges, strict=True):
            for terms, low, high in statements:
                if np.isfinite(low):
                    self.bind({**terms, switch: -self._most}, low - self._most)
                if np.isfinite(high):
                    self.bind({**terms, switch: self._most}, -np.inf, high + self._most)

    def true(self, i: int) -> float:
        """The true value of an unknown, for switches that depend on it."""
        return self._true[i]

    def _check(self) -> None:
        """The truth agrees with what was read, or it was misread.

        Raises:
            AssertionError: it does not.
        """
        sums = self._matrix @ np.array(self._true)
        wrong = (sums < self._bounds[:, 0] - 1e-6) | (sums > self._bounds[:, 1] + 1e-6)
        assert not wrong.any(), [self._rows[i] for i in np.flatnonzero(wrong)[:3]]

    def _see(self, of: sparse.csr_array, cost: Floats, low: Floats, high: Floats, *, exact: bool) -> None:
        """A table that agrees with everything and costs little; remember what it has of each count."""
        solved = optimize.milp(
            cost,
            constraints=optimize.LinearConstraint(self._matrix, *self._bounds.T),
            bounds=optimize.Bounds(np.array(self._lower), np.array(self._upper)),
            integrality=np.ones(len(cost)),
            options={} if exact else {"mip_rel_gap": 0.3, "time_limit": 10.0},
        )
        assert solved.x is not None or not exact, solved.message
        if solved.x is not None:
            seen = of @ np.round(solved.x)
            np.minimum(low, seen, out=low)
            np.maximum(high, seen, out=high)


@dataclass(frozen=True)
class _Reading:
    """One release as it goes into the program."""

    attacker: Attacker
    edition: Edition
    cells: Mapping[tuple[str, str, str], int]
    tables: Mapping[str, pd.DataFrame]

    def read(self) -> None:
        """All that it publishes of counts, and what its statuses say."""
        clinics = self.tables["clinics"].set_index("clinic")
        for clinic, n, status in zip(clinics.index, clinics["n_records"], clinics["status"], strict=True):
            self._state(self._sum(RECORDS, clinic), n)
            if pd.isna(n):
                self._size_label(self._sum(RECORDS, clinic), status)
        for row in self.tables["outcomes"].itertuples():
            self._state(self._sum(RECORDS, ""), row.n_records)
            if row.outcome in self.edition.outcomes and row.status == "ok":
                self._estimates(row.outcome)
                self._mean(row.outcome)
        self._months()
        self._idle_months()

    def _sum(self, column: str, clinic: str, month: str = "") -> Terms:
        clinics = (clinic,) if clinic else self.edition.clinics
        months = (month,) if month else self.edition.months
        return {self.cells[column, each, when]: 1.0 for each in clinics for when in months}

    def _state(self, terms: Terms, shown: object) -> None:
        """A count as published, rounded as the policy rounds: what it shows is not small."""
        if pd.isna(shown):  # type: ignore[call-overload]
            return
        policy, count = self.edition.policy, float(shown)  # type: ignore[arg-type]
        if policy.round_to == 1 or not count:
            self.attacker.bind(terms, count, count)
        else:
            half = (policy.round_to - 1) // 2
            self.attacker.bind(terms, max(count - half, policy.high + 1.0), count + half)

    def _size_label(self, terms: Terms, status: str) -> None:
        policy = self.edition.policy
        if status == PRIMARY:
            self.attacker.bind(terms, policy.low, policy.high)
        elif status == SECONDARY:
            self.attacker.one_of([(terms, 0.0, 0.0)], [(terms, policy.high + 1.0, np.inf)])

    def _estimates(self, outcome: str) -> None:
        estimates = self.tables["clinic_estimates"]
        raw = estimates[(estimates["outcome"] == outcome) & (estimates["form"] == "raw")]
        sizes = self.tables["clinics"].set_index("clinic")["n_records"]
        for row in raw.itertuples():
            size, events = self._sum(RECORDS, row.clinic), self._sum(outcome, row.clinic)
            self._state(size, row.denominator)
            self._state(events, row.numerator)
            if pd.isna(row.numerator) and not pd.isna(sizes[row.clinic]):
                self._event_label(size, events, row.status)

    def _event_label(self, size: Terms, events: Terms, status: str) -> None:
        """Of outcomes that add up a status says only that one of them is small."""
        if status == PRIMARY and self.attacker.knowledge.wholes:
            return
        policy, rest = self.edition.policy, size | dict.fromkeys(events, -1.0)
        few_without = [(rest, 0.0 if policy.withhold_unanimous else policy.low, float(policy.high))]
        if status == PRIMARY:
            self.attacker.one_of([(events, policy.low, policy.high)], few_without)
        elif status == SECONDARY:
            many = [(events, policy.high + 1.0, np.inf), (rest, policy.high + 1.0, np.inf)]
            self.attacker.one_of([(events, 0.0, 0.0)], many)

    def _mean(self, outcome: str) -> None:
        """The share of all records, to its digits."""
        figures = self.tables["network_figures"]
        mean = figures[(figures["outcome"] == outcome) & (figures["figure"] == "mean")]["value"]
        if mean.isna().all():
            return
        share, records = float(mean.iloc[0]), self._sum(RECORDS, "")
        off = 1e-9 * share
        if self.edition.policy.round_to > 1 and share:
            off = 0.5 * 10.0 ** (np.floor(np.log10(share)) - 2)
            self._mean_of_rounded(outcome, share, off)
            return
        for sign in (1.0, -1.0):
            ratio = (share + sign * off) / 100.0
            terms = dict.fromkeys(records, -ratio) | dict.fromkeys(self._sum(outcome, ""), 1.0)
            self.attacker.bind(terms, *((-np.inf, 1e-6) if sign > 0 else (-1e-6, np.inf)))

    def _mean_of_rounded(self, outcome: str, share: float, off: float) -> None:
        """A share of rounded counts: the events were rounded to one of these multiples."""
        outcomes, step = self.tables["outcomes"].set_index("outcome"), self.edition.policy.round_to
        size = outcomes.loc[outcome, "n_records"]
        if pd.isna(size):
            return
        least, most = (float(size) * (share + sign * off) / 100.0 for sign in (-1.0, 1.0))
        low, high = np.ceil((least - 1e-6) / step) * step, np.floor((most + 1e-6) / step) * step
        half = (step - 1) // 2
        self.attacker.bind(self._sum(outcome, ""), float(low) - half, float(high) + half)

    def _months(self) -> None:
        rare = self.tables["outcomes"].set_index("outcome")["status"] != "ok"
        for row in self.tables["clinic_months"].itertuples():
            records = self._sum(RECORDS, row.clinic, row.month)
            if row.outcome not in self.edition.outcomes:
                self._state(records, row.numerator)
                if row.clinic and pd.isna(row.numerator) and row.status == SECONDARY:
                    self._size_label(records, SECONDARY)
                continue
            events = self._sum(row.outcome, row.clinic, row.month)
            self._state(records, row.denominator)
            self._state(events, row.numerator)
            if row.clinic and pd.isna(row.numerator) and row.status == SECONDARY and not rare[row.outcome]:
                self._event_label(records, events, SECONDARY)

    def _idle_months(self) -> None:
        """How many clinic-months have no records."""
        quality = self.tables["quality"]
        idle = quality[quality["rule"] == "months_without_records"]
        for row in idle.itertuples():
            if pd.isna(row.n_found):
                continue
            cells = list(self._sum(RECORDS, row.clinic))
            empty = [self.attacker.new(float(self.attacker.true(i) == 0.0), 1.0) for i in cells]
            most = self.attacker._most
            for i, none in zip(cells, empty, strict=True):
                self.attacker.bind({i: 1.0, none: most}, -np.inf, most)
                self.attacker.bind({i: 1.0, none: 1.0}, 1.0)
            self.attacker.bind(dict.fromkeys(empty, 1.0), float(row.n_found), float(row.n_found))
