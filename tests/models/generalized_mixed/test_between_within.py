"""Degrees of freedom where clinics are the sample."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.models import glmm
from tasks.models.generalized_mixed.between_within import between_within_df


def network(seed: int, clinics: int = 9, size: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), size)
    arm, age = (np.arange(clinics) % 2)[clinic], rng.normal(size=len(clinic))
    eta = 0.3 * age + 0.5 * arm + rng.normal(0, 0.5, clinics)[clinic]
    event = (rng.random(len(clinic)) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"clinic": clinic, "arm": arm, "age": age, "event": event})


def test_clinics_for_what_clinics_share_and_patients_for_the_rest() -> None:
    fit = glmm("event ~ arm + age + (1 | clinic)", network(1))
    assert fit.df_method == "between–within"
    # nine clinics less the constant and the arm; 360 rows less nine clinics and age
    assert fit.df.to_dict() == {"(Intercept)": 7, "arm": 7, "age": 350}
    assert fit.conf_int().loc["arm", "upper"] - fit.coef["arm"] == pytest.approx(
        2.364624 * fit.se["arm"], rel=1e-6
    )


def test_nested_groups_count_at_the_level_where_a_column_varies() -> None:
    region = np.repeat(np.arange(4), 6)
    clinic = np.repeat(np.arange(12), 2)
    columns = np.array([np.ones(24), region % 2, clinic % 3, np.arange(24) % 2], dtype=float)
    df = between_within_df(columns, np.column_stack([region, clinic]), [4, 12], 24.0)
    # regions less the constant and their column; clinics less those and their own; rows less clinics and one
    assert list(df) == [2, 2, 9, 11]


def test_never_below_one() -> None:
    columns = np.array([np.ones(6), [0, 0, 0, 1, 1, 1]], dtype=float)
    assert list(between_within_df(columns, np.array([[0], [0], [0], [1], [1], [1]]), [2], 6.0)) == [1, 1]


def test_order_of_rows_does_not_matter() -> None:
    data = network(2)
    columns = np.array([np.ones(len(data)), data["arm"], data["age"]], dtype=float)
    codes = data[["clinic"]].to_numpy()
    shuffled = np.random.default_rng(3).permutation(len(data))
    first = between_within_df(columns, codes, [9], float(len(data)))
    assert np.array_equal(
        first, between_within_df(columns[:, shuffled], codes[shuffled], [9], float(len(data)))
    )
