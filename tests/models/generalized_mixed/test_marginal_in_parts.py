"""Population averages of records that come in parts are those of a frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import RecordsError
from tasks.models import gee, glmm, lmm, marginal_effects
from tasks.models.fit import Fit
from tasks.records import Records
from tasks.records.for_models.set_rows import rows_with
from tasks.records.in_database import from_database
from tests.models.estimator_sources import in_duckdb


def patients(n: int = 400, seed: int = 3) -> pd.DataFrame:
    """Clinics in no order, a text column, missing values, and covariates in which no two rows agree."""
    rng = np.random.default_rng(seed)
    clinic = rng.integers(0, 12, n)
    data = pd.DataFrame(
        {
            "clinic": [f"C{each:02d}" for each in clinic],
            "age": rng.normal(50.0, 12.0, n),
            "sex": rng.choice(["F", "M"], n),
            "program": rng.integers(0, 2, n),
        }
    )
    linear = rng.normal(0.0, 0.7, 12)[clinic] + 0.03 * (data["age"] - 50.0) + 0.6 * data["program"] - 0.4
    data["yes"] = (rng.random(n) < 1.0 / (1.0 + np.exp(-linear))).astype(int)
    data["count"] = rng.poisson(np.exp(linear))
    data["score"] = linear + rng.normal(size=n)
    # nobody of whole parts is complete
    data.loc[[*range(20), *rng.choice(n, 15, replace=False)], "age"] = None
    data.loc[rng.choice(n, 9, replace=False), "sex"] = None
    return data


DATA = patients()
FITS: dict[str, Callable[[Any], Fit]] = {
    "GEE": lambda data: gee("yes ~ age * program + sex", data, groups="clinic", family="binomial"),
    "GLMM": lambda data: glmm("yes ~ age + program + sex + (1 | clinic)", data, nodes=5),
    "slopes": lambda data: glmm("count ~ age + program * sex + (program | clinic)", data, family="poisson"),
    "LMM": lambda data: lmm("score ~ poly(age, 2) + program + (1 | clinic)", data),
}


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setattr(from_database, "_PART", 7)
    return in_duckdb({"patients": DATA}, tmp_path)("patients")


@pytest.mark.parametrize("which", list(FITS))
@pytest.mark.parametrize(("variable", "contrast"), [("program", (0, 1)), ("age", (40.0, 60.0))])
def test_parts_average_to_the_whole(
    which: str, variable: str, contrast: tuple[float, float], records: Records
) -> None:
    fit = FITS[which](DATA)
    parts = list(rows_with(fit.design, records, variable, contrast))
    assert len(parts) > 20
    assert all(len(low.fixed) == len(high.fixed) <= 7 for low, high in parts)
    whole = marginal_effects(fit, variable, DATA, contrast=contrast)
    found = marginal_effects(fit, variable, records, contrast=contrast)
    assert (found.n, found.messages) == (whole.n, whole.messages)
    assert found.table["estimand"].equals(whole.table["estimand"])
    figures = ["estimate", "se", "lower", "upper"]
    np.testing.assert_allclose(found.table[figures], whole.table[figures], rtol=1e-10)
    assert (found.attenuation is None) == (whole.attenuation is None)
    if whole.attenuation is not None:
        assert found.attenuation is not None
        assert found.attenuation.exact == pytest.approx(whole.attenuation.exact, rel=1e-10, nan_ok=True)


@pytest.mark.slow
def test_a_gee_beside_is_averaged_in_parts_too(records: Records) -> None:
    fit, beside = FITS["GLMM"](DATA), FITS["GEE"](DATA)
    tables = [marginal_effects(fit, "program", data, gee=beside).table for data in (DATA, records)]
    figures = ["estimate", "se", "lower", "upper"]
    np.testing.assert_allclose(tables[1][figures], tables[0][figures], rtol=1e-10)


def test_no_complete_row_is_said_with_the_reasons(tmp_path: Path, records: Records) -> None:
    fit = FITS["GEE"](DATA)
    said = []
    for frame in (DATA.assign(age=np.where(DATA["sex"].isna(), 50.0, np.nan)), DATA.iloc[:0]):
        (tmp_path / str(len(frame))).mkdir()
        for data in (frame, in_duckdb({"patients": frame}, tmp_path / str(len(frame)))("patients")):
            with pytest.raises(RecordsError) as refused:
                marginal_effects(fit, "program", data)
            said.append(str(refused.value))
    assert said[0] == said[1]
    assert said[2] == said[3]
