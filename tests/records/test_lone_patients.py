"""NULL is nobody's number: a record without a patient is a patient of its own, wherever the records are.

What is right: the same records with a number of its own written into each that has none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.models import gee, lmm
from tasks.records import cells_for
from tasks.records.questions import clinics_and_months
from tests.records.engines import ENGINES, as_duckdb, as_sqlite

_WITH_PATIENTS = "y ~ age + (1 | clinic) + (1 | patient)"
EVERYWHERE = ENGINES | {"SQLite": as_sqlite, "a data frame": lambda data, directory: data}


def _visits() -> pd.DataFrame:
    """Twelve clinics of 60 visits, each patient seen three times; one clinic and a third of another's visits
    without a number, and what is without lies higher."""
    rng = np.random.default_rng(7)
    clinic = np.repeat(np.arange(12), 60)
    patient = np.arange(720) // 3
    lone = (clinic == 11) | ((clinic == 10) & (np.arange(720) % 3 == 0))
    y = (
        130
        + rng.normal(0, 2, 12)[clinic]
        + rng.normal(0, 8, 240)[patient]
        + 30 * lone
        + rng.normal(0, 5, 720)
    )
    return pd.DataFrame(
        {
            "clinic": [f"K{each:02d}" for each in clinic],
            "patient": pd.array(np.where(lone, None, patient), dtype="Int64"),
            "month": "2024-01",
            "region": "North",
            "age": rng.integers(20, 90, 720),
            "ill": (y > 130).astype(int),
            "y": y,
        }
    )


def _numbered(visits: pd.DataFrame) -> pd.DataFrame:
    own = pd.Series(np.arange(len(visits)) + 100_000, index=visits.index)
    return visits.assign(patient=visits["patient"].fillna(own).astype("int64"))


@pytest.mark.parametrize("place", EVERYWHERE.values(), ids=EVERYWHERE)
def test_a_mixed_model_keeps_their_records(
    place: Callable[[pd.DataFrame, Path], Any], tmp_path: Path
) -> None:
    visits = _visits()
    fit, right = lmm(_WITH_PATIENTS, place(visits, tmp_path)), lmm(_WITH_PATIENTS, _numbered(visits))
    assert fit.n_obs == right.n_obs == 720
    np.testing.assert_allclose(fit.coef.to_numpy(), right.coef.to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(fit.se.to_numpy(), right.se.to_numpy(), rtol=1e-6)


@pytest.mark.parametrize("place", EVERYWHERE.values(), ids=EVERYWHERE)
def test_gee_takes_each_as_a_cluster(place: Callable[[pd.DataFrame, Path], Any], tmp_path: Path) -> None:
    visits = _visits()
    asked: dict[str, Any] = {"groups": "patient", "family": "binomial", "corr": "exchangeable"}
    fit, right = (
        gee("ill ~ age", place(visits, tmp_path), **asked),
        gee("ill ~ age", _numbered(visits), **asked),
    )
    assert fit.n_obs == right.n_obs == 720
    np.testing.assert_allclose(fit.coef.to_numpy(), right.coef.to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(fit.se.to_numpy(), right.se.to_numpy(), rtol=1e-7)


def test_equal_records_without_a_number_are_not_one_patient(tmp_path: Path) -> None:
    """The database counts equal rows together; five alike in all but whose they are stay five."""
    rows = pd.DataFrame(
        {"clinic": ["A"] * 5 + ["B"] * 2, "patient": [None] * 5 + [1, 1], "ill": [1] * 5 + [0, 0]}
    )
    rows["patient"] = rows["patient"].astype("Int64")
    design, cells = cells_for("ill ~ 1 + (1 | clinic/patient)", as_duckdb(rows, tmp_path))
    assert not design.dropped.rows
    patients = cells.factors.index("patient:clinic")
    assert sorted(np.bincount(cells.codes[:, patients], cells.weight)) == [1.0, 1.0, 1.0, 1.0, 1.0, 2.0]


def test_other_groups_without_a_label_are_left_out_as_r_leaves_them_out(tmp_path: Path) -> None:
    visits = _visits()
    visits.loc[:9, "clinic"] = None
    assert lmm(_WITH_PATIENTS, visits).n_obs == 710
    assert lmm(_WITH_PATIENTS, as_duckdb(visits, tmp_path)).n_obs == 710


def test_people_are_counted_with_them(tmp_path: Path) -> None:
    records = as_duckdb(_visits(), tmp_path)
    people = clinics_and_months.clinics(records).set_index("clinic")["n_patients"]
    # K09: 60 visits of 20; K10: the other 40 visits of 20, and 20 on their own; K11: 60 on their own
    assert people[["K09", "K10", "K11"]].tolist() == [20, 40, 60]
    assert clinics_and_months.patients_with_values(records, ["y"]) == {"y": 10 * 20 + 40 + 60}
