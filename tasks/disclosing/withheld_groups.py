"""Groups of patients, such as ages: which of them may be seen, so that no small group is, nor follows.

The groups of a column share out the network's records: each is a clinic to all that is known here of clinics,
whose months nobody publishes. They are held against what earlier releases show of the same groups, month by
month, so that a small number of patients of one month does not follow from two windows. Where the network's
own count is withheld to the last digit, so are the groups', which add up to it; and where a column was
divided otherwise in a release that stands, nothing is shown: what lies between two divisions may be few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from tasks.disclosing.chains import told_by_chains
from tasks.disclosing.count_columns import CountColumn, Shown
from tasks.disclosing.counts import (
    NETWORK,
    Booleans,
    Counts,
    Floats,
    WithheldCounts,
    counts_of,
    events_of,
    withhold_alike,
    withhold_windows,
)
from tasks.disclosing.overlapping_releases import known_before, withhold_across_releases
from tasks.disclosing.policy import SmallNumberPolicy
from tasks.disclosing.related import Related, protected_together
from tasks.disclosing.release_counts import ReleaseCounts, Tables
from tasks.disclosing.withholding import (
    PRIMARY,
    SECONDARY,
    Withheld,
    WithheldGroups,
    WithheldOfOutcome,
)
from tasks.release import Of

REST = "other"
"""The group of what is in none of the others; its row is left out where it has nothing."""
WINDOW = ""


@dataclass(frozen=True)
class GroupCounts:
    """Counts behind one column's groups.

    Attributes:
        column: the column.
        codes: its groups, the rest last.
        months: `outcome`, `group`, `month`, `n` (values) and `events` (Σy).
        people: `outcome`, `group`, `month` (`WINDOW` for all together), `people`, `with_event` and
            `without_event`: patients behind them.
        alike: (outcome, group) of which all values are the same.
    """

    column: str
    codes: tuple[str, ...]
    months: pd.DataFrame
    people: pd.DataFrame
    alike: frozenset[tuple[str, str]] = frozenset()

    def by_month(self, outcome: str, name: str, months: Sequence[str]) -> Floats:
        """(G, M) counts of the groups' months."""
        mine = self.months[self.months["outcome"] == outcome]
        return _wide(mine, name, self.codes, months)

    def few(self, policy: SmallNumberPolicy, outcome: str, side: str, months: Sequence[str]) -> Booleans:
        """(G, 1 + M) counts behind which few people stand."""
        mine = self.people[self.people["outcome"] == outcome]
        return policy.is_small(_wide(mine, side, self.codes, (WINDOW, *months)))


def _wide(rows: pd.DataFrame, name: str, codes: Sequence[str], months: Sequence[str]) -> Floats:
    table = rows.pivot_table(index="group", columns="month", values=name, aggfunc="sum", observed=True)
    found = table.reindex(index=list(codes), columns=list(months)).fillna(0.0)
    return np.asarray(found, dtype=np.float64)


def decide_groups(
    release: ReleaseCounts,
    groups: Sequence[GroupCounts],
    decided: Mapping[str, WithheldOfOutcome | None],
    related: Related,
) -> dict[tuple[str, str], WithheldGroups]:
    """What is withheld of each outcome's groups: (outcome, column) → sizes, and events.

    Args:
        release: the release's counts, with the earlier releases.
        groups: the counts behind every column's groups.
        decided: outcome → what is withheld of it otherwise.
        related: outcomes that are parts or sides of one another.
    """
    found: dict[tuple[str, str], WithheldGroups] = {}
    for each in groups:
        outcomes = [name for name in decided if (each.months["outcome"] == name).any()]
        columns = {name: _Groups(release, each, name) for name in outcomes}
        found |= {(name, each.column): one for name, one in _decide(columns, decided, related).items()}
    return found


def _decide(
    columns: Mapping[str, _Groups], decided: Mapping[str, WithheldOfOutcome | None], related: Related
) -> dict[str, WithheldGroups]:
    shown = {name: decided[name] for name in columns}
    open_ = {
        name: one for name, one in columns.items() if shown[name] is not None and not one.divided_otherwise
    }
    sizes = _withhold_sizes(open_)
    by_name: dict[str, WithheldOfOutcome | None] = {}
    for name, one in open_.items():
        small, gone = one.withhold_events(sizes)
        by_name[name] = WithheldOfOutcome(Withheld(small, gone).status(one.codes), {}, {}, {})
    concerned = Related(
        *([pair for pair in pairs if set(pair) <= by_name.keys()] for pairs in (related.parts, related.sides))
    )
    if by_name:
        codes = next(iter(open_.values())).codes
        events = {name: one.windows_alone for name, one in open_.items()}
        policy = next(iter(open_.values())).policy
        by_name = protected_together(policy, by_name, events, concerned, codes, ())
    found = {}
    for name, one in columns.items():
        of_outcome, mine = shown[name], by_name.get(name)
        everything = dict.fromkeys(one.codes, SECONDARY)
        if of_outcome is None or mine is None:
            found[name] = WithheldGroups(everything, everything)
            continue
        small = _any([each.sizes.small[:, 0] for each in open_.values()])
        of_sizes = Withheld(small, sizes).status(one.codes)
        found[name] = WithheldGroups(
            everything if Of.SIZES in of_outcome.totals else of_sizes,
            everything if Of.EVENTS in of_outcome.totals else {**of_sizes, **mine.clinics},
        )
    return found


def _withhold_sizes(columns: Mapping[str, _Groups]) -> Booleans:
    """(G,) groups whose size is withheld, of every outcome: nearly the same records stand behind all."""
    if not columns:
        return np.zeros(0, dtype=bool)
    gone = _any([one.sizes.small[:, 0] for one in columns.values()])
    while True:
        before = gone.copy()
        for one in columns.values():
            gone = one.withhold(one.sizes, one.size_column, "denominator", gone)
        if np.array_equal(gone, before):
            return gone


def _any(of_outcomes: Sequence[Booleans]) -> Booleans:
    return np.asarray(np.any(of_outcomes, axis=0), dtype=np.bool_)


@dataclass(frozen=True)
class _Groups:
    """The groups of one column in one outcome."""

    release: ReleaseCounts
    counts: GroupCounts
    outcome: str
    _made: dict[str, Counts] = field(default_factory=dict)

    @property
    def policy(self) -> SmallNumberPolicy:
        return self.release.policy

    @property
    def codes(self) -> tuple[str, ...]:
        return self.counts.codes

    @property
    def size_column(self) -> CountColumn:
        return CountColumn(self.outcome, "denominator")

    @property
    def sizes(self) -> Counts:
        """How many records each group has."""
        if "sizes" not in self._made:
            self._made["sizes"] = self._counts(self._months("n"), self._few("people"))
        return self._made["sizes"]

    @property
    def windows_alone(self) -> Counts:
        """Events of the groups' windows, where there are any to protect beside other outcomes."""
        months = np.empty((len(self.codes), 0))
        return counts_of(self.policy, self._months("events").sum(axis=1), months, np.empty(0))

    @property
    def divided_otherwise(self) -> bool:
        """Whether a release that stands shows other groups of the column."""
        for tables in (*self.release.earlier, *self.release.beyond):
            rows = _rows(tables, self.outcome, self.counts.column)
            if len(rows) and set(rows["group"]) - {REST} != set(self.codes) - {REST}:
                return True
        return False

    def withhold_events(self, sizes: Booleans) -> tuple[Booleans, Booleans]:
        """(G,) groups with few events, or few without, or all alike; and all that are withheld of them."""
        kind, few_sizes = self.release.kinds[self.outcome], self.sizes.small[:, 0]
        if kind not in ("binary", "count"):
            alike = np.array([(self.outcome, code) in self.counts.alike for code in self.codes])
            alike &= self.policy.withhold_unanimous & (self.sizes.window > 0)
            return few_sizes | alike, withhold_alike(self.policy, self.sizes, alike, sizes)
        column = CountColumn(self.outcome, "numerator")
        events = self._counts(self._months("events"), self._few("with_event"))
        if kind == "count":
            return few_sizes | events.small[:, 0], self.withhold(events, column, "numerator", sizes)
        without = self._few("without_event")
        rest = self._counts(self._months("n") - self._months("events"), without)
        events = events_of(self.policy, events, self.sizes, without)
        gone = self.withhold(events, column, "numerator", sizes)
        while True:  # nor may those without the event follow from two windows
            before = gone
            gone = self.withhold(rest, replace(self.size_column, less="numerator"), "", gone)
            gone = self.withhold(events, column, "numerator", gone)
            if np.array_equal(gone, before):
                return few_sizes | events.small[:, 0], gone

    def withhold(self, counts: Counts, column: CountColumn, name: str, also: Booleans) -> Booleans:
        """(G,) groups whose windows are withheld, those `also`, and companions, beside earlier releases."""
        shown = self._shown(column, name)
        names = self.release.months
        counts = replace(counts, known=known_before(names, shown, counts.cells))
        gone = withhold_windows(self.policy, counts, also)
        hidden = np.ones(counts.months.shape, dtype=bool)
        network = np.zeros(len(names), dtype=bool)
        across = WithheldCounts(gone, hidden, network)
        return withhold_across_releases(self.policy, counts, names, shown, across).windows

    def _shown(self, column: CountColumn, name: str) -> list[Shown]:
        """What earlier releases show of the groups' windows, and of the network's months."""
        release = self.release
        near, beyond = (
            [
                each
                for tables, policy in zip(those, policies, strict=True)
                if (each := _shown(tables, policy, column, name, self.counts.column, self.codes)) is not None
            ]
            for those, policies in (
                (release.earlier, release.policies),
                (release.beyond, release.policies_beyond),
            )
        )
        return [*near, *told_by_chains(near, beyond)]

    def _counts(self, months: Floats, few: Booleans) -> Counts:
        counts = counts_of(self.policy, months.sum(axis=1), months, months.sum(axis=0), few=few)
        luck = self.release.draw.luck(tuple(f"{self.counts.column} {code}" for code in self.codes))
        return replace(counts, luck=luck)

    def _months(self, name: str) -> Floats:
        return self.counts.by_month(self.outcome, name, self.release.months)

    def _few(self, side: str) -> Booleans:
        return self.counts.few(self.policy, self.outcome, side, self.release.months)


def _rows(tables: Tables, outcome: str, column: str) -> pd.DataFrame:
    frame = tables.get("patient_groups")
    if frame is None:
        return pd.DataFrame({"group": []})
    return frame[(frame["outcome"] == outcome) & (frame["column"] == column)]


def _shown(
    tables: Tables,
    policy: SmallNumberPolicy,
    of_network: CountColumn,
    name: str,
    column: str,
    codes: tuple[str, ...],
) -> Shown | None:
    """The groups in an earlier release as if they were clinics; None where it has none."""
    rows = _rows(tables, of_network.outcome, column).set_index("group")
    if rows.empty:
        return None
    if name:
        counts = rows[name].astype("float64")
    else:
        counts = rows["denominator"].astype("float64") - rows["numerator"].astype("float64")
    window = counts.reindex(list(codes))
    if REST not in rows.index:
        window[REST] = 0.0
    small = (rows["status"] == PRIMARY).reindex(list(codes), fill_value=False).to_numpy(dtype=bool)
    months = of_network.by_month(tables, (NETWORK,))
    total, within = of_network.total(tables, policy)
    size = len(codes), len(months.names)
    unsaid = np.zeros((size[0] + 1, size[1]), dtype=bool)
    return Shown(
        months.names,
        np.asarray(window, dtype=np.float64),
        small,
        np.full(size, np.nan),
        unsaid,
        unsaid,
        months.counts[0],
        total,
        policy,
        total_within=within,
    )
