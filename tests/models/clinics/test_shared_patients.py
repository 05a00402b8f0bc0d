"""How alike months are because the same patients come in both, whatever months do to all of a clinic's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.models.clinics.shared_patients import correlation_of_months

CLINICS, MONTHS, COMING, ONCE = 40, 6, 8, 4


def records(rng: np.random.Generator, *, shock: float, memory: float = 1.0) -> pd.DataFrame:
    """Eight patients come every month and four once; half of a record's variance of 1 is their patient's own.

    `memory` is by how much the own part of a month is that of the month before.
    """
    rows = []
    for clinic in range(CLINICS):
        own = rng.normal(size=COMING)
        for month in range(MONTHS):
            own = memory * own + np.sqrt(1.0 - memory**2) * rng.normal(size=COMING)
            added = rng.normal(0.0, shock)
            again = np.sqrt(0.5) * (own + rng.normal(size=COMING))
            for patient, y in enumerate([*again, *rng.normal(size=ONCE)]):
                who = patient if patient < COMING else 100 + month * ONCE + patient
                rows.append((f"c{clinic:02}", who, f"m{month}", y + added))
    return pd.DataFrame(rows, columns=["clinic", "patient", "month", "y"])


def found(data: pd.DataFrame) -> np.ndarray:
    """What is found of the records, summed as `patients_by_months` sums them."""
    one = data.groupby(["clinic", "patient", "month"])["y"].agg(o="sum", m="size").reset_index()
    other = one.rename(columns={"month": "period", "o": "p", "m": "q"})
    both = one.merge(other, on=["clinic", "patient"])
    both = both[both["month"] <= both["period"]]
    o, m, p, q = (both[each] for each in "ompq")
    sums = both[["clinic", "month", "period"]].assign(
        products=o * p,
        outcome_by_size=o * q,
        size_by_outcome=m * p,
        sizes=m * q,
        more_size=m**2 * q,
        size_more=m * q**2,
    )
    pairs = sums.groupby(["clinic", "month", "period"]).sum().reset_index()
    places = (pd.Index(sorted(data["clinic"].unique())), pd.Index(sorted(data["month"].unique())))
    size, mean, variance = (
        data.pivot_table("y", "clinic", "month", aggfunc=each).to_numpy(dtype=float)
        for each in ("count", "mean", "var")
    )
    return correlation_of_months(pairs, places, size, mean, np.full_like(variance, variance.mean()))


@pytest.mark.parametrize("shock", [0.0, 1.0])
def test_what_patients_have_in_common_is_found_whatever_months_do(shock: float) -> None:
    """Eight of twelve records are of patients who come again, and correlate by a half: 8/12 · 0.5."""
    alike = found(records(np.random.default_rng(1), shock=shock))
    assert alike.shape == (CLINICS, MONTHS, MONTHS)
    assert np.einsum("ktt->kt", alike) == pytest.approx(np.ones((CLINICS, MONTHS)))
    assert alike == pytest.approx(np.swapaxes(alike, 1, 2))
    apart = alike[:, ~np.eye(MONTHS, dtype=bool)]
    assert apart.mean() == pytest.approx(8 / 12 * 0.5, abs=0.03)


def test_patients_who_remember_the_last_month_best() -> None:
    """Their parts of months correlate by 0.6 from one to the next, and by 0.36 over two."""
    networks = (records(np.random.default_rng([2, each]), shock=0.5, memory=0.6) for each in range(4))
    alike = np.mean([found(each).mean(axis=0) for each in networks], axis=0)
    assert np.diag(alike, 1).mean() == pytest.approx(8 / 12 * 0.5 * 0.6, abs=0.04)
    assert np.diag(alike, 2).mean() == pytest.approx(8 / 12 * 0.5 * 0.36, abs=0.04)


def test_a_patient_who_comes_twice_in_a_month_makes_it_known_less_well() -> None:
    data = records(np.random.default_rng(3), shock=0.0)
    twice = data.assign(month=data["month"].map(lambda each: f"m{int(each[1]) // 2}"))
    alike = np.einsum("ktt->kt", found(twice))
    # 24 records, 16 of eight patients: each pair adds 2 · 0.5
    assert alike.mean() == pytest.approx(1.0 + 16 * 0.5 / 24, abs=0.06)
