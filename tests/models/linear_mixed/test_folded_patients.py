"""A mixed model of patients who are told by sums is that of the patients one by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.errors import EstimationError
from tasks.models.clinics.posterior_gaussian import gaussian_posterior
from tasks.models.linear_mixed import lmm as lmm_module
from tasks.models.linear_mixed.lmm import LmmFit, lmm
from tasks.models.linear_mixed.lmm_criterion import criterion_of
from tasks.models.linear_mixed.lmm_optimum import ThetaPoint
from tasks.records import FoldedMoments, folded_moments_for, moments_for, read_once
from tests.models.estimator_sources import in_duckdb, in_postgresql

CLINICS = 12


def visits(patients: int = 260, seed: int = 3) -> pd.DataFrame:
    """Patients of one to seven visits in no order, each in one clinic; some values are missing."""
    rng = np.random.default_rng(seed)
    clinic = rng.integers(0, CLINICS, patients)
    clinic[:3] = CLINICS  # a clinic of three patients: fewer than columns
    n = rng.integers(1, 8, patients)
    patient = rng.permutation(np.repeat(np.arange(patients), n))
    where = clinic[patient]
    rows = len(patient)
    data = pd.DataFrame(
        {
            "patient": [f"P{each:04d}" for each in patient],
            "clinic": [f"C{each:02d}" for each in where],
            "region": [f"R{each % 4}" for each in where],
            "age": rng.normal(50.0, 12.0, rows),
            "stage": rng.choice(["I", "II", "III"], rows, p=[0.6, 0.3, 0.1]),
            "program": (where % 2).astype(float),
            "shift": rng.normal(size=rows),
        }
    )
    data["sbp"] = (
        130.0
        + 0.1 * data["age"]
        + 2.0 * (data["stage"] == "II")
        - data["program"]
        + 3.0 * rng.normal(size=CLINICS + 1)[where]
        + 5.0 * rng.normal(size=patients)[patient]
        + 8.0 * rng.normal(size=rows)
    )
    data["twice"] = 2.0 * data["age"] + 1.0
    for name, missing in (("age", 11), ("stage", 7), ("clinic", 5)):
        data.loc[rng.choice(rows, missing, replace=False), name] = None
    return data


DATA = visits()


@pytest.fixture(scope="module")
def relation() -> duckdb.DuckDBPyRelation:
    connection = duckdb.connect()
    connection.register("frame", DATA)
    connection.execute("CREATE TABLE visits AS SELECT * FROM frame")
    return connection.table("visits")


def same(folded: LmmFit, plain: LmmFit, rtol: float = 1e-9) -> None:
    """Every figure of one fit is that of the other, but for what only single patients have."""
    close: dict[str, Any] = {"rtol": rtol, "atol": 1e-12}
    pd.testing.assert_series_equal(folded.coef, plain.coef, **close)
    pd.testing.assert_frame_equal(folded.vcov, plain.vcov, **close)
    pd.testing.assert_series_equal(folded.df, plain.df, **close)
    pd.testing.assert_series_equal(folded.n_groups, plain.n_groups)
    pd.testing.assert_series_equal(folded.icc, plain.icc, **close)
    pd.testing.assert_series_equal(folded.theta, plain.theta, **close)
    assert folded.loglik == pytest.approx(plain.loglik, rel=1e-12)
    assert folded.sigma2 == pytest.approx(plain.sigma2, rel=rtol)
    assert list(folded.varcomp) == list(plain.varcomp)
    for group in plain.varcomp:
        pd.testing.assert_frame_equal(folded.varcomp[group], plain.varcomp[group], **close)
    assert folded.folded is not None
    assert set(folded.ranef) == set(plain.ranef) - {folded.folded.group}
    for group in folded.ranef:
        pd.testing.assert_frame_equal(folded.ranef[group], plain.ranef[group], rtol=1e-8, atol=1e-8)
    assert (folded.n_obs, folded.singular, folded.n_parameters) == (
        plain.n_obs,
        plain.singular,
        plain.n_parameters,
    )
    assert folded.design.dropped == plain.design.dropped
    assert folded.messages[:-1] == plain.messages
    assert "their own effects were not kept" in folded.messages[-1]


@pytest.mark.parametrize("how", [{}, {"reml": False}, {"df": "kenward-roger"}], ids=["reml", "ml", "kr"])
@pytest.mark.parametrize(
    "formula",
    [
        "sbp ~ age + stage + program + (1 | patient) + (1 | clinic)",
        "sbp ~ age + twice + program + (1 | clinic / patient)",
        "sbp ~ age + stage + (1 | patient)",
        "sbp ~ age + offset(shift) + (1 | patient) + (1 + age | clinic)",
        "sbp ~ age * stage + (1 | region / clinic / patient)",
        "sbp ~ 0 + stage + (1 | patient) + (0 + program || clinic)",
    ],
)
def test_it_is_the_fit_of_patients_one_by_one(
    formula: str, how: dict[str, Any], relation: duckdb.DuckDBPyRelation
) -> None:
    same(lmm(formula, relation, fold=True, **how), lmm(formula, relation, fold=False, **how), rtol=1e-8)


@pytest.mark.parametrize(
    ("terms", "rtol"),
    [
        ("(1 + age + program | clinic)", 1e-11),
        # a column that is nearly the constant costs what cancels in its squares
        ("(1 + age + program | clinic) + (0 + weight | region)", 1e-8),
    ],
    ids=["plain", "nearly collinear"],
)
@pytest.mark.parametrize("seed", range(6))
def test_the_criterion_is_the_same_function(seed: int, terms: str, rtol: float) -> None:
    rng = np.random.default_rng(seed)
    data = visits(int(rng.integers(30, 400)), seed)
    data["weight"] = 1e3 + rng.normal(size=len(data))
    connection = duckdb.connect()
    connection.register("data", data)
    formula = f"sbp ~ age * stage + weight + (1 | patient) + {terms}"
    read = folded_moments_for(formula, connection.table("data"), beyond=0.0)
    assert read is not None
    folded, plain = criterion_of(*read, reml=True), criterion_of(*moments_for(formula, data), reml=True)
    for scale in (0.05, 1.0, 4.0):
        theta = scale * rng.normal(size=folded.shape.size)
        here, there = ThetaPoint(folded, theta), ThetaPoint(plain, theta)
        assert here.value == pytest.approx(there.value, rel=rtol)
        np.testing.assert_allclose(
            here.gradient, there.gradient, rtol=100.0 * rtol, atol=100.0 * rtol * abs(there.value)
        )


@pytest.mark.slow
def test_profiles_tests_and_clinics_posteriors_are_the_same(relation: duckdb.DuckDBPyRelation) -> None:
    formula = "sbp ~ age + program + (1 | patient) + (1 | clinic)"
    folded, plain = (lmm(formula, relation, fold=fold) for fold in (True, False))
    pd.testing.assert_frame_equal(folded.profile(), plain.profile(), rtol=1e-6)
    pd.testing.assert_frame_equal(
        folded.profile(likelihood="restricted"), plain.profile(likelihood="restricted"), rtol=1e-6
    )
    clinics, one_by_one = (gaussian_posterior(fit, "clinic") for fit in (folded, plain))
    np.testing.assert_allclose(clinics.mean, one_by_one.mean, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(clinics.sd, one_by_one.sd, rtol=1e-7)


@pytest.mark.live
@pytest.mark.slow
def test_postgresql_folds_them_as_duckdb_does(postgresql: Any, postgresql_url: str, tmp_path: Path) -> None:
    formula = "sbp ~ age + stage + program + (1 | patient) + (1 | clinic)"
    plain = lmm(formula, DATA)
    for place in (in_duckdb({"visits": DATA}, tmp_path), in_postgresql({"visits": DATA}, postgresql)):
        same(lmm(formula, place("visits"), fold=True), plain)


def test_a_class_is_patients_of_one_clinic_with_as_many_rows() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE visits AS SELECT * FROM (VALUES ('p', 'a', 1.0), ('p', 'a', 3.0), ('q', 'a', 5.0), "
        "('q', 'a', 9.0), ('r', 'a', 2.0), ('s', 'b', 4.0), ('s', 'b', 6.0)) AS t(patient, clinic, y)"
    )
    found = folded_moments_for("y ~ 1 + (1 | patient) + (1 | clinic)", connection.table("visits"), beyond=0.0)
    assert found is not None
    _, folded = found
    assert (folded.group, folded.moments.factors, folded.moments.levels) == (
        "patient",
        ("clinic",),
        (("a", "b"),),
    )
    at = folded.moments.reference[1]
    assert list(zip(folded.within, folded.rows, folded.levels, strict=True)) == [
        (0, 1.0, 1.0),  # r
        (0, 2.0, 2.0),  # p and q
        (1, 2.0, 1.0),  # s
    ]
    p, q = 4.0 - 2.0 * at, 14.0 - 2.0 * at  # sums of two rows each
    np.testing.assert_allclose(folded.sums[1], [[4.0 + 4.0, 2.0 * (p + q)]], rtol=1e-14)
    s = 10.0 - 2.0 * at
    assert list(folded.sizes) == [1.0, 2.0]
    np.testing.assert_allclose(
        folded.pooled[1],
        [[3 * 4.0, 2.0 * (p + q + s)], [2.0 * (p + q + s), p * p + q * q + s * s]],
        rtol=1e-14,
    )
    assert repr(folded) == "FoldedMoments(4 levels of patient in 3 classes)"


@pytest.mark.slow
def test_more_products_than_a_database_returns_at_once(relation: duckdb.DuckDBPyRelation) -> None:
    rng = np.random.default_rng(8)
    data = DATA.assign(site=[f"S{each:02d}" for each in rng.integers(0, 60, len(DATA))])
    connection = duckdb.connect()
    connection.register("data", data)
    table = connection.table("data")
    formula = "sbp ~ site + (1 | patient) + (1 | clinic)"
    same(lmm(formula, table, fold=True), lmm(formula, table, fold=False), rtol=1e-8)


@pytest.mark.slow
def test_by_itself_it_begins_where_products_would_take_much(
    relation: duckdb.DuckDBPyRelation, monkeypatch: pytest.MonkeyPatch
) -> None:
    formula = "sbp ~ age + (1 | patient) + (1 | clinic)"
    whole = lmm(formula, relation)
    assert whole.folded is None
    products = int(whole.n_groups["patient"]) * 8.0 * 3**2  # of (1, age, sbp)
    monkeypatch.setattr(lmm_module, "FOLDED_BEYOND", products - 1.0)
    assert lmm(formula, relation).folded is not None
    monkeypatch.setattr(lmm_module, "FOLDED_BEYOND", products)
    assert lmm(formula, relation).folded is None
    assert lmm(formula, DATA).folded is None  # in memory already


@pytest.mark.parametrize(
    ("formula", "change"),
    [
        ("sbp ~ age + (1 | patient) + (1 | clinic)", "UPDATE visits SET clinic = 'C03' WHERE age > 60"),
        ("sbp ~ age + (1 | patient) + (1 | clinic)", "UPDATE visits SET patient = NULL WHERE age > 70"),
        ("sbp ~ age + (1 + age | patient) + (1 + age | clinic)", "UPDATE visits SET age = age"),
        ("sbp ~ age + (1 | patient) + (0 + age | patient)", "UPDATE visits SET age = age"),
        ("sbp ~ poly(age, 2) + (1 | patient) + (1 | clinic)", "UPDATE visits SET age = age"),
    ],
    ids=["patients of two clinics", "without a number", "a slope", "two terms", "learns from rows"],
)
def test_what_cannot_be_folded_is_read_as_before(formula: str, change: str) -> None:
    connection = duckdb.connect()
    connection.register("frame", DATA)
    connection.execute("CREATE TABLE visits AS SELECT * FROM frame")
    connection.execute(change)
    visits = connection.table("visits")
    assert folded_moments_for(formula, visits, beyond=0.0) is None
    with pytest.raises(EstimationError, match="no group can be folded up"):
        lmm(formula, visits, fold=True)


def test_what_was_read_for_a_whole_block_is_not_read_again(tmp_path: Path) -> None:
    records = in_duckdb({"visits": DATA}, tmp_path)("visits")
    formula = "sbp ~ age + (1 | patient) + (1 | clinic)"
    assert isinstance(folded_moments_for(formula, records, beyond=0.0), tuple)
    with read_once(records, moments_of=formula):
        moments_for(formula, records)
        assert folded_moments_for(formula, records, beyond=0.0) is None


@pytest.mark.parametrize(
    ("formula", "where"),
    [
        ("sbp ~ age + (1 | patient) + (1 | clinic)", "clinic = 'C01'"),
        (
            "sbp ~ age + (1 | patient)",
            "patient IN (SELECT patient FROM visits GROUP BY 1 HAVING count(*) = 1)",
        ),
        ("program ~ age + (1 | patient) + (1 | clinic)", "program = 1"),
        ("sbp ~ program + clinic + (1 | clinic) + (1 | patient)", "TRUE"),
        ("2 * age ~ age + (1 | patient) + (1 | clinic)", "TRUE"),
    ],
    ids=["one clinic", "one row each", "a constant", "clinics as covariates", "reproduced"],
)
def test_what_is_refused_is_refused_in_the_same_words(
    formula: str, where: str, relation: duckdb.DuckDBPyRelation
) -> None:
    some = (
        relation.filter(where)
        if "SELECT" not in where
        else relation.query("visits", f"SELECT * FROM visits WHERE {where}")
    )
    said = []
    for fold in (True, False):
        with pytest.raises(EstimationError) as refused:
            lmm(formula, some, fold=fold)
        said.append((refused.value.message, refused.value.hint))
    assert said[0] == said[1]


def test_what_single_patients_are_needed_for_says_so(relation: duckdb.DuckDBPyRelation) -> None:
    fit = lmm("sbp ~ age + (1 | patient) + (1 | clinic)", relation, fold=True)
    assert isinstance(fit.read, FoldedMoments)
    fit.predict(DATA, kind="marginal")
    for asked in (
        lambda: fit.predict(DATA, kind="conditional"),
        lambda: fit.varcomp_intervals("bootstrap"),
        lambda: gaussian_posterior(fit, "patient"),
    ):
        with pytest.raises(EstimationError, match="single levels of patient were not kept") as refused:
            asked()
        assert "fold=False" in str(refused.value.hint)
