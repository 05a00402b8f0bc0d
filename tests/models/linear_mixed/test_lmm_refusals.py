"""What data that cannot answer a linear mixed model get: a sentence with the column and the way out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError, EstimationError, FormulaError
from tasks.models.linear_mixed.lmm import lmm
from tests.refs.reference import load_case, load_data

pytestmark = pytest.mark.published


def _clinics(n: int = 60, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    clinic = rng.integers(0, 6, n)
    x = rng.normal(size=n)
    y = 2.0 + 0.5 * x + rng.normal(size=6)[clinic] + rng.normal(size=n)
    return pd.DataFrame({"clinic": [f"C{k}" for k in clinic], "x": x, "y": y})


def _refused(formula: str, data: pd.DataFrame, *words: str, **options: object) -> str:
    with pytest.raises(ClinicnetError) as caught:
        lmm(formula, data, **options)  # type: ignore[arg-type]
    text = str(caught.value)
    for word in words:
        assert word in text, text
    assert "HINT: " in text
    assert len(caught.value.message) < 260
    return text


def test_one_row_per_clinic() -> None:
    data = load_data("sim_allsingle")
    _refused("y ~ x + (1 | clinic)", data, "every clinic has one row")
    _refused("y ~ x + (x | clinic)", data, "every clinic has one row")


def test_one_clinic() -> None:
    _refused("y ~ x + (1 | onecl)", load_data("sim_twoclust"), "all rows have the same onecl")


def test_a_constant_outcome() -> None:
    _refused("y_const ~ x + (1 | clinic)", load_data("sim_const"), "y_const", "same value in every row")


def test_a_missing_clinic_is_counted() -> None:
    data = load_data("sleepstudy")
    data.loc[[2, 49], "Subject"] = np.nan
    expected = load_case("edge_missing_cluster_id")["r_behaviour"]["lmer"]
    fit = lmm("Reaction ~ Days + (1 | Subject)", data)
    assert fit.n_obs == expected["n_obs"]
    assert fit.dropped.rows == {"Subject is missing": 2}
    assert "2 rows left out: Subject is missing" in fit.summary()
    np.testing.assert_allclose(fit.coef, list(expected["fixef"].values()), rtol=1e-7)
    np.testing.assert_allclose(fit.se, list(expected["se"].values()), rtol=1e-6)
    assert fit.loglik == pytest.approx(expected["logLik"], abs=1e-7)


@pytest.mark.parametrize(
    ("formula", "reference", "dropped"),
    [
        ("y ~ x1 + x2 + (1 | clinic)", "lmer_x2", "x2"),
        ("y ~ x1 + ga + gb + gc + (1 | clinic)", "lmer_dummies", "gc"),
        ("y ~ x1 + x3 + (1 | clinic)", "near_collinear_lmer", "x3"),
        ("y ~ one + x1 + (1 | clinic)", "constant_col", "one"),
    ],
)
def test_aliased_columns_are_dropped_and_named(formula: str, reference: str, dropped: str) -> None:
    expected = load_case("edge_rank_deficient_messages")["r_behaviour"][reference]
    fit = lmm(formula, load_data("sim_rank"))
    assert list(fit.coef.index) == list(expected["fixef"])
    np.testing.assert_allclose(fit.coef, list(expected["fixef"].values()), rtol=1e-6)
    np.testing.assert_allclose(fit.se, list(expected["se"].values()), rtol=1e-6)
    assert list(fit.dropped.columns) == [dropped]
    assert f"column {dropped} left out" in fit.summary()


def test_no_random_term() -> None:
    _refused("y ~ x", _clinics(), "no random term", "within() or gee()")


def test_as_many_random_effects_as_rows() -> None:
    data = _clinics(40)
    data["patient"] = np.arange(40) // 2
    text = _refused("y ~ x + (x | patient)", data, "20 levels of patient", "as many effects as")
    assert "(1 | patient)" in text


def test_more_coefficients_than_rows() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(6, 8)), columns=[f"x{k}" for k in range(8)])
    data["clinic"] = [0, 0, 0, 1, 1, 1]
    data["y"] = rng.normal(size=6)
    right = " + ".join(f"x{k}" for k in range(5))
    _refused(f"y ~ {right} + (1 | clinic)", data, "6 coefficients cannot be estimated from 6 rows")


def test_two_names_for_one_grouping() -> None:
    data = _clinics()
    data["site"] = data["clinic"].str.lower()
    _refused("y ~ x + (1 | clinic) + (1 | site)", data, "clinic and site group the rows in the same way")


def test_a_random_column_that_repeats_another() -> None:
    data = _clinics().assign(z=lambda d: 3.0 * d["x"] - 1.0)
    _refused("y ~ x + (1 + x + z | clinic)", data, "z by clinic")
    _refused("y ~ x + (1 | clinic) + (1 + x | clinic)", data, "(Intercept) has two random effects by clinic")


def test_an_outcome_that_the_model_reproduces() -> None:
    data = _clinics()
    data["y"] = 1.0 + 2.0 * data["x"] + data["clinic"].map({f"C{k}": k for k in range(6)})
    _refused("y ~ x + (1 | clinic)", data, "reproduce y exactly")


@pytest.mark.filterwarnings("error")
def test_an_outcome_that_the_covariates_alone_reproduce() -> None:
    data = _clinics()
    data["y"] = 2.0 * data["x"]
    _refused("y ~ x + (1 | clinic)", data, "reproduce y exactly")


def test_infinite_values() -> None:
    data = _clinics()
    data.loc[3, "x"] = np.inf
    with pytest.raises(ClinicnetError, match=r"x .*infinite"):
        lmm("y ~ x + (1 | clinic)", data)


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(FormulaError, match=r"no column 'clinik'.*'clinic'"):
        lmm("y ~ x + (1 | clinik)", _clinics())


def test_options_that_do_not_exist_or_go_together() -> None:
    with pytest.raises(EstimationError, match="satterthwaite"):
        lmm("y ~ x + (1 | clinic)", _clinics(), df="satterthwait")  # type: ignore[arg-type]
    _refused("y ~ x + (1 | clinic)", _clinics(), "REML", reml=False, df="kenward-roger")


def test_a_variance_of_zero_is_said() -> None:
    fit = lmm("Yield ~ 1 + (1 | Batch)", load_data("Dyestuff2"))
    assert fit.singular
    assert fit.converged
    assert fit.varcomp["Batch"].iloc[0, 0] == 0.0
    assert (fit.ranef["Batch"]["estimate"] == 0.0).all()
    assert any("estimated as zero" in message for message in fit.messages)
    assert "estimated as zero" in fit.summary()


def test_a_correlation_of_one_is_said() -> None:
    fit = lmm("y ~ time + (time | clinic)", load_data("sim_rho1"))
    assert fit.singular
    assert fit.varcomp.correlation("clinic").iloc[0, 1] == pytest.approx(1.0, abs=1e-12)
    assert any("tied" in message for message in fit.messages)


def test_variances_that_cannot_be_told_apart_are_said() -> None:
    """A covariate that is constant within clinics gives two variances, and a term with three parameters."""
    data = _clinics(120).assign(rural=lambda d: d["clinic"].isin(["C0", "C1", "C2"]).astype(float))
    fit = lmm("y ~ rural + (rural | clinic)", data)
    assert fit.converged
    assert any("other values fit equally well" in message for message in fit.messages)
    assert not any("equally well" in each for each in lmm("y ~ x + (x | clinic)", data).messages)


def test_no_row_of_the_data_reaches_a_message() -> None:
    data = _clinics().assign(name=[f"patient-{k}-secret" for k in range(60)])
    text = _refused("y ~ x + (1 | name)", data, "every name has one row")
    assert "secret" not in text
