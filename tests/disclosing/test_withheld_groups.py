"""Groups of patients: no small one is shown, nor follows from sums or from the releases before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import optimize

from tasks.disclosing import POLICIES, GroupCounts, Related, SmallNumberPolicy, decide, mask
from tasks.release import PATIENT_GROUPS, conform
from tests.disclosing.networks import Network, Tables

pytestmark = pytest.mark.attack

POLICY = POLICIES["suppress-1-10"]
CODES = ("<18", "18-65", "65+", "other")
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Grouped:
    """Records and events of a network's groups by month, (G, M); four clinics share them out evenly."""

    records: Integers
    events: Integers
    codes: tuple[str, ...] = CODES
    people: Integers | None = None
    months: tuple[str, ...] = tuple(str(each) for each in pd.period_range("2024-01", periods=24, freq="M"))

    def tables(self, window: slice) -> Tables:
        """The release of a window, as estimated."""
        months = self.months[: self.records.shape[1]][window]
        share = [_shared(each[:, window].sum(axis=0)) for each in (self.records, self.events)]
        made = Network(months, *share).tables()
        sizes, events = (each[:, window].sum(axis=1) for each in (self.records, self.events))
        rows = pd.DataFrame(
            {
                "outcome": "positive",
                "column": "age",
                "group": self.codes,
                "place": range(1, len(self.codes) + 1),
                "column_label": "Age",
                "label": self.codes,
                "value": 100.0 * events / np.maximum(sizes, 1),
                "numerator": events,
                "denominator": sizes,
                "status": "ok",
            }
        )
        return {**made, "patient_groups": conform(PATIENT_GROUPS, rows[sizes > 0])}

    def counts(self, window: slice) -> GroupCounts:
        """What stands behind them."""
        months = self.months[: self.records.shape[1]][window]
        people = self.records if self.people is None else self.people
        cells = [
            {"group": code, "month": month, "n": self.records[g, m], "events": self.events[g, m]}
            | {"people": people[g, m], "with_event": min(people[g, m], self.events[g, m])}
            | {"without_event": min(people[g, m], self.records[g, m] - self.events[g, m])}
            for g, code in enumerate(self.codes)
            for m, month in zip(range(len(self.months))[window], months, strict=True)
        ]
        table = pd.DataFrame(cells).assign(outcome="positive")
        sides = ["people", "with_event", "without_event"]
        whole = table.groupby(["outcome", "group"])[sides].sum().reset_index().assign(month="")
        return GroupCounts("age", self.codes, table, pd.concat([table, whole]))

    def published(
        self, windows: Sequence[slice], policy: SmallNumberPolicy = POLICY, *, compared: bool = True
    ) -> list[pd.DataFrame]:
        """The table of groups in each release, held against those before."""
        releases: list[Tables] = []
        for window in windows:
            made = self.tables(window)
            before = releases if compared else []
            withheld = decide(policy, made, before, groups=[self.counts(window)])
            releases.append(mask(policy, made, withheld))
        return [each["patient_groups"].set_index("group") for each in releases]


def _shared(totals: Integers) -> Integers:
    """(4, M) clinics that add up to totals."""
    base = np.repeat(totals[None, :] // 4, 4, axis=0)
    base[0] += totals - base.sum(axis=0)
    return base


@pytest.mark.slow
def test_a_small_group_is_withheld_and_one_more_so_that_the_sum_does_not_tell() -> None:
    made = Grouped(np.array([[3], [400], [50], [60]]), np.array([[1], [100], [20], [30]]))
    (shown,) = made.published([slice(0, 1)])
    assert shown["denominator"].isna().to_dict() == {"<18": True, "18-65": False, "65+": True, "other": False}
    assert shown.loc["<18", "status"] == "suppressed_primary"
    assert shown.loc["65+", "status"] == "suppressed_secondary"
    assert shown.loc[["<18", "65+"], ["value", "numerator", "difference"]].isna().all(axis=None)


def test_few_events_are_withheld_and_the_records_are_shown() -> None:
    made = Grouped(np.array([[300], [400], [500], [60]]), np.array([[4], [100], [200], [30]]))
    (shown,) = made.published([slice(0, 1)])
    assert shown["denominator"].notna().all()
    assert shown["numerator"].isna().to_dict() == {"<18": True, "18-65": False, "65+": False, "other": True}


@pytest.mark.slow
def test_so_are_few_without_an_event_and_groups_in_which_everybody_has_it() -> None:
    made = Grouped(np.array([[300], [400], [500], [60]]), np.array([[300], [395], [200], [30]]))
    (shown,) = made.published([slice(0, 1)])
    assert shown.loc[["<18", "18-65"], "numerator"].isna().all()


def test_a_group_of_one_value_takes_another_with_it_so_that_the_networks_mean_does_not_tell() -> None:
    made, window = Grouped(np.array([[100], [200], [300], [60]]), np.zeros((4, 1), dtype=int)), slice(0, 1)
    counts = replace(made.counts(window), alike=frozenset({("positive", "65+")}))
    tables = Network(
        made.months[:1], _shared(made.records.sum(axis=0)), made.events, kind="continuous"
    ).tables()
    tables["patient_groups"] = made.tables(window)["patient_groups"]
    shown = mask(POLICY, tables, decide(POLICY, tables, groups=[counts]))["patient_groups"].set_index("group")
    assert shown["denominator"].notna().all()
    assert pd.isna(shown.loc["65+", "value"])
    assert shown["value"].isna().sum() == 2


def test_many_records_of_few_patients_are_theirs() -> None:
    records = np.array([[300], [400], [500], [60]])
    people = np.array([[4], [390], [480], [55]])
    (shown,) = Grouped(records, records // 3, people=people).published([slice(0, 1)])
    assert shown.loc["<18", "status"] == "suppressed_primary"
    assert pd.isna(shown.loc["<18", "denominator"])


@pytest.mark.slow
def test_a_small_month_does_not_follow_from_two_windows() -> None:
    records = np.array([[100, 90, 4], [200, 210, 220], [150, 140, 160], [80, 90, 85]])
    made = Grouped(records, records // 3)
    before, after = made.published([slice(0, 2), slice(0, 3)])
    assert before["denominator"].notna().all()
    assert pd.isna(after.loc["<18", "denominator"])
    assert after["denominator"].isna().sum() == 2


@pytest.mark.slow
def test_where_a_column_is_divided_otherwise_than_before_nothing_is_shown() -> None:
    records = np.array([[100, 90], [200, 210], [150, 140], [80, 90]])
    old = Grouped(records, records // 3)
    moved = Grouped(records, records // 3, codes=("<19", "19-65", "65+", "other"))
    first = old.tables(slice(0, 1))
    published = mask(POLICY, first, decide(POLICY, first, groups=[old.counts(slice(0, 1))]))
    assert published["patient_groups"]["denominator"].notna().all()
    second = moved.tables(slice(0, 2))
    withheld = decide(POLICY, second, [published], groups=[moved.counts(slice(0, 2))])
    assert mask(POLICY, second, withheld)["patient_groups"]["denominator"].isna().all()


def test_groups_that_nobody_decided_on_are_withheld() -> None:
    made = Grouped(np.array([[100], [200], [300], [60]]), np.array([[30], [60], [90], [20]]))
    tables = made.tables(slice(0, 1))
    after = mask(POLICY, tables, decide(POLICY, tables, related=Related()))["patient_groups"]
    assert after[["value", "numerator", "denominator", "difference"]].isna().all(axis=None)


def _fewest_values(
    made: Grouped, shown: Sequence[pd.DataFrame], windows: Sequence[slice], policy: SmallNumberPolicy
) -> float:
    """How many values the small month can have that all releases together narrow most: by integer programs.

    Who solves them knows every month of the network, and of each window what is shown, as it is rounded.
    """
    counts, half = made.records, (policy.round_to - 1) / 2.0
    groups, months = counts.shape
    position = np.arange(groups * months).reshape(groups, months)
    rows, low, high = [], [], []

    def bind(cells: NDArray[np.int64], least: float, most: float) -> None:
        row = np.zeros(groups * months)
        row[cells.ravel()] = 1.0
        rows.append(row), low.append(least), high.append(most)

    for m in range(months):
        bind(position[:, m], counts[:, m].sum() - half, counts[:, m].sum() + half)
    for window, table in zip(windows, shown, strict=True):
        for g, code in enumerate(made.codes):
            stated = table["denominator"].get(code, 0.0)
            if pd.notna(stated):
                bind(position[g, window], float(stated) - half, float(stated) + half)
    bounds = optimize.LinearConstraint(np.array(rows), low, high)
    fewest = np.inf
    for g, m in np.argwhere((counts > 0) & (counts <= policy.high)):
        cost = np.zeros(groups * months)
        cost[position[g, m]] = 1.0
        ends = [
            optimize.milp(sign * cost, constraints=bounds, integrality=np.ones(len(cost)))
            for sign in (1.0, -1.0)
        ]
        assert all(each.status == 0 for each in ends)
        fewest = min(fewest, 1.0 - float(ends[1].fun) - float(ends[0].fun))
    return fewest


def _year(seed: int) -> tuple[Grouped, list[slice]]:
    """A year of a network with one small group, and windows that slide or grow."""
    rng = np.random.default_rng([31, seed])
    records = rng.poisson(np.array([4.0, 80.0, 40.0, 12.0])[:, None] * np.ones(7))
    most = 4 if seed % 2 else 7
    return Grouped(records, rng.binomial(records, 0.4)), [slice(max(0, k - most), k) for k in range(1, 8)]


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seed"), [("suppress-1-10", 0), ("suppress-1-10", 1), ("suppress-1-4", 1), ("nhs-7-round-5", 0)]
)
def test_no_small_month_of_a_group_follows_from_a_year_of_releases(seed: int, name: str) -> None:
    made, windows = _year(seed)
    policy = POLICIES[name]
    shown = made.published(windows, policy)
    assert sum(table["denominator"].notna().sum() for table in shown) > 9
    assert _fewest_values(made, shown, windows, policy) >= (policy.high - policy.low + 1) / 2


@pytest.mark.slow
def test_it_would_if_releases_were_not_held_against_one_another() -> None:
    made, windows = _year(0)
    shown = made.published(windows, compared=False)
    assert _fewest_values(made, shown, windows, POLICY) == 1.0
