"""What a GEE and the within estimator do with data that cannot answer: one sentence and a way out."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError, EstimationError
from tasks.models.estimating_equations.gee import gee
from tasks.models.fixed_effects.hausman import between_within, hausman, mundlak
from tasks.models.fixed_effects.random_effects import swamy_arora
from tasks.models.fixed_effects.within import within
from tests.refs.reference import load_case, load_data

pytestmark = pytest.mark.published


def plain(seed: int = 1, clinics: int = 10, rows: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), rows)
    data = pd.DataFrame({"clinic": clinic, "visit": np.tile(np.arange(rows), clinics)})
    data["x"], data["rare"] = rng.normal(size=len(data)), (rng.random(len(data)) < 0.1).astype(int)
    data["rural"] = data.clinic % 2
    own = rng.normal(size=clinics)[clinic]
    data["score"] = 10.0 + data.x + own + rng.normal(size=len(data))
    data["yes"] = (rng.random(len(data)) < 1.0 / (1.0 + np.exp(-own - data.x))).astype(int)
    data["count"] = rng.poisson(np.exp(0.3 * own))
    return data


REFUSED: list[tuple[str, dict[str, Any], str, dict[str, Any], str]] = [
    ("one clinic", {"clinic": 1}, "score ~ x", {}, "clinic has only one value"),
    (
        "constant",
        {"score": 3.7},
        "score ~ x",
        {"corr": "exchangeable"},
        "score has the same value in every row",
    ),
    (
        "constant in time",
        {"score": 3.7},
        "score ~ x",
        {"corr": "ar1", "time": "visit"},
        "score has the same value in every row",
    ),
    ("all zero", {"yes": 0}, "yes ~ x", {"family": "binomial"}, "yes is 0 in every row"),
    ("all one", {"yes": 1}, "yes ~ x", {"family": "binomial"}, "yes is 1 in every row"),
    ("no events", {"count": 0}, "count ~ x", {"family": "poisson"}, "count is 0 in every row"),
    ("not binary", {}, "count ~ x", {"family": "binomial"}, "count is not 0 or 1 in every row"),
    (
        "negative",
        {"count": lambda d: d["count"] - 3},
        "count ~ x",
        {"family": "poisson"},
        "negative or not whole",
    ),
    ("fraction", {}, "score ~ x", {"family": "poisson"}, "negative or not whole"),
    ("infinite", {"x": lambda d: d.x.replace(d.x[0], np.inf)}, "score ~ x", {}, "x .*infinite"),
    ("unknown", {}, "score ~ xx", {}, "no column 'xx'"),
    ("random", {}, "score ~ x + (1 | clinic)", {}, "no random effects"),
    ("family", {}, "score ~ x", {"family": "gama"}, "no family 'gama'"),
    ("corr", {}, "score ~ x", {"corr": "exchangable"}, "did you mean 'exchangeable'"),
    ("cov", {}, "score ~ x", {"cov": "sandwich"}, "no covariance 'sandwich'"),
    ("convention", {}, "score ~ x", {"convention": "sas"}, "no convention 'sas'"),
    ("no time", {}, "score ~ x", {"corr": "ar1"}, "needs to know the order"),
    (
        "ties",
        {"visit": 1},
        "score ~ x",
        {"corr": "ar1", "time": "visit"},
        "110 rows have the same clinic and visit",
    ),
    ("nested", {}, "score ~ x", {"corr": "nested-exchangeable"}, "takes 2 grouping columns, and got 1"),
    ("trials", {}, "count ~ x", {"family": "poisson", "trials": "visit"}, "a poisson outcome has no trials"),
    ("df", {}, "score ~ x", {"cov": "model", "df": "satterthwaite"}, "no Satterthwaite df"),
    ("too many", {}, "score ~ C(visit)", {"df": "clusters-parameters"}, "no degrees of freedom for 12"),
]


@pytest.mark.parametrize(
    ("change", "formula", "keywords", "words"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_refused(change: dict[str, Any], formula: str, keywords: dict[str, Any], words: str) -> None:
    data = plain().assign(**change)
    with pytest.raises(ClinicnetError, match=words) as caught:
        gee(formula, data, groups="clinic", **keywords)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("family", ["binomial", "poisson"])
def test_separation_names_the_covariate(family: str) -> None:
    response = {"binomial": "yes", "poisson": "count"}[family]
    data = plain()
    data.loc[data.rare == 1, response] = 0
    with pytest.raises(EstimationError, match=f"rare separates the outcome {response}") as caught:
        gee(f"{response} ~ x + rare", data, groups="clinic", family=family, corr="exchangeable")
    assert "rare" in str(caught.value.hint)


def test_separation_in_the_reference_data() -> None:
    data = load_data("sim_sep")
    for outcome in ("y_complete", "y_quasi"):
        with pytest.raises(EstimationError, match="separate"):
            gee(f"{outcome} ~ x + arm", data, groups="clinic", family="binomial", corr="exchangeable")
    fit = gee("y_ok ~ x + arm", data, groups="clinic", family="binomial", corr="exchangeable")
    assert fit.converged


def test_missing_clinics_are_counted() -> None:
    """As the edge case recommends: those rows are dropped, and it says how many."""
    data = load_data("sleepstudy")
    data.loc[[2, 49], "Subject"] = None
    fit = gee("Reaction ~ Days", data, groups="Subject", corr="exchangeable")
    assert fit.n_obs == 178
    assert fit.dropped.rows == {"Subject is missing": 2}
    assert "2 rows left out: Subject is missing" in fit.summary()


def test_aliased_columns_are_dropped_and_named() -> None:
    data = plain().assign(twice=lambda rows: 2.0 * rows.x)
    fit = gee("score ~ x + twice", data, groups="clinic", corr="exchangeable")
    assert list(fit.coef.index) == ["(Intercept)", "x"]
    assert "x" in fit.dropped.columns["twice"]
    inside = within("score ~ x + twice", data, groups="clinic")
    assert list(inside.coef.index) == ["x"]


def test_every_row_a_cluster() -> None:
    data = load_data("sim_allsingle")
    names = [name for name in data.columns if name not in ("clinic", "id")]
    cluster = next(name for name in data.columns if name not in names)
    data["row"] = np.arange(len(data))
    response = next(name for name in names if data[name].dtype.kind == "f")
    covariate = next(name for name in names if name != response and data[name].dtype.kind in "fi")
    fit = gee(f"{response} ~ {covariate}", data, groups=cluster, corr="exchangeable")
    assert "no pairs of rows to estimate a correlation from" in fit.messages[0]
    assert "independence was used" in fit.messages[0]
    assert fit.working == {}
    assert np.isnan(fit.icc)


def test_a_negative_correlation_too_small_for_the_clusters_gives_way() -> None:
    """Alternating outcomes within large clusters: no exchangeable correlation can be this negative."""
    rng = np.random.default_rng(3)
    clinic = np.repeat(np.arange(12), [200] + 11 * [4])
    data = pd.DataFrame({"clinic": clinic, "x": rng.normal(size=len(clinic))})
    data["y"] = np.tile([1.0, -1.0], len(data) // 2) + 0.1 * data.x + 0.05 * rng.normal(size=len(data))
    fit = gee("y ~ x", data, groups="clinic", corr="exchangeable")
    independent = gee("y ~ x", data, groups="clinic", corr="independence")
    assert "which a cluster of 200 rows cannot have" in fit.messages[0]
    np.testing.assert_allclose(fit.coef, independent.coef)


def test_few_clusters_get_a_corrected_covariance() -> None:
    few = gee("score ~ x", plain(clinics=39), groups="clinic", corr="exchangeable")
    many = gee("score ~ x", plain(clinics=40), groups="clinic", corr="exchangeable")
    assert (few.cov, many.cov) == ("kauermann-carroll", "robust")
    assert (few.df < 39).all()
    assert not few.messages
    asked = gee("score ~ x", plain(), groups="clinic", corr="exchangeable", cov="robust")
    assert "with 10 clusters the robust (sandwich) covariance is too small" in asked.messages[0]
    stated = few.with_covariance("mancl-derouen", "clusters-parameters")
    assert (stated.df == 37).all()
    assert (stated.se > few.se).all()
    np.testing.assert_allclose(stated.vcov, few.covariance("mancl-derouen"))


def test_full_leverage_is_said() -> None:
    """A covariate that only one clinic has: its own residuals say nothing about it."""
    data = plain().assign(only=lambda rows: (rows.clinic == 3).astype(int))
    fit = gee("score ~ x + only", data, groups="clinic", corr="independence", cov="kauermann-carroll")
    assert any("leverage 1" in message for message in fit.messages)
    assert np.isfinite(fit.se).all()


def test_few_df_are_said() -> None:
    """A covariate that differs in two of ten clinics has hardly more than one degree of freedom."""
    data = plain().assign(pilot=lambda rows: (rows.clinic < 2).astype(int))
    fit = gee("score ~ x + pilot", data, groups="clinic", corr="exchangeable")
    assert fit.df["pilot"] < 2.0
    assert fit.messages == (
        f"very few clusters carry the information on pilot ({fit.df['pilot']:.1f}) (df in brackets): "
        "the interval is rough.",
    )


def test_unstructured_with_waves_that_no_clusters_share() -> None:
    data = plain()
    data["visit"] = np.where(data.clinic < 5, data.visit, data.visit + 100)
    with pytest.raises(EstimationError, match="both seen in only 0 clusters"):
        gee("score ~ x", data, groups="clinic", corr="unstructured", time="visit")


def test_ar1_without_neighbours() -> None:
    """Rows two days apart: no lag-one products, so all pairs decide, and the reader is told."""
    data = plain().assign(day=lambda rows: 2.0 * rows.visit)
    fit = gee("score ~ x", data, groups="clinic", corr="ar1", time="day", spacing="time")
    assert "fitted to all pairs" in fit.messages[0]
    by_pairs = gee(
        "score ~ x", data, groups="clinic", corr="ar1", time="day", spacing="time", convention="geepack"
    )
    assert fit.working["alpha"] == pytest.approx(by_pairs.working["alpha"], rel=0.05)
    by_occasion = gee("score ~ x", data, groups="clinic", corr="ar1", time="day")
    assert by_occasion.messages == ()
    two = data[data.visit < 2].iloc[:6]
    with pytest.raises(EstimationError, match="3 pairs of neighbouring rows are too few for 3 coefficients"):
        gee(
            "score ~ x + day",
            two.assign(clinic=[0, 0, 1, 1, 2, 2]),
            groups="clinic",
            corr="ar1",
            time="visit",
        )


def test_unsorted_rows_are_grouped_by_label() -> None:
    """geepack takes each run of rows for a cluster; the sorted values of the edge case are the right ones."""
    case = load_case("edge_geepack_unsorted")
    expected = case["r_behaviour"]["sorted"]
    fit = gee(
        "yb ~ x_na",
        load_data(case),
        groups="clinic",
        family="binomial",
        corr="exchangeable",
        convention="geepack",
    )
    assert fit.n_groups["clinic"] == expected["n_clusters"]
    # geepack stops at steps of 1e-4; the exact values are case gee_unsorted_na_exch
    np.testing.assert_allclose(fit.coef, list(expected["coef"].values()), atol=1e-5)


def test_within_refuses_what_is_constant_within() -> None:
    data = plain()
    with pytest.raises(EstimationError, match="rural is the same in all rows of each clinic") as caught:
        within("score ~ x + rural", data, groups="clinic")
    assert "between_within" in str(caught.value.hint)
    data["size"] = data.clinic * 3.0
    with pytest.raises(EstimationError, match="rural, size are the same"):
        within("score ~ x + rural + size", data, groups="clinic")
    with pytest.raises(EstimationError, match="score does not vary within any clinic"):
        within("score ~ x", data.assign(score=data.clinic * 1.5), groups="clinic")
    with pytest.raises(EstimationError, match="only one value"):
        within("score ~ x", data[data.clinic == 1], groups="clinic")
    with pytest.raises(ClinicnetError, match="no covariate"):
        within("score ~ 1", data, groups="clinic")
    with pytest.raises(ClinicnetError, match="no random effects"):
        within("score ~ x + (1 | clinic)", data, groups="clinic")
    with pytest.raises(EstimationError, match="no covariance 'cr3'"):
        within("score ~ x", data, groups="clinic", cov="cr3")  # type: ignore[arg-type]
    wide = data.groupby("clinic").head(2)
    for number in range(10):
        wide = wide.assign(**{f"x{number}": np.random.default_rng(number).normal(size=len(wide))})
    with pytest.raises(EstimationError, match="20 rows cannot carry 10 clinic effects and 10 coefficients"):
        within("score ~ " + " + ".join(f"x{number}" for number in range(10)), wide, groups="clinic")


def test_within_says_which_clinics_say_nothing() -> None:
    data = pd.concat([plain(), pd.DataFrame({"clinic": [50, 51], "x": [0.0, 1.0], "score": [9.0, 8.0]})])
    fit = within("score ~ x", data, groups="clinic")
    assert fit.messages == ("2 of the 12 clinics have one row and say nothing about effects within.",)
    assert fit.n_groups["clinic"] == 12


def test_aliased_within_only() -> None:
    """Time in the clinic and the calendar run in parallel within clinics, though not across them."""
    data = plain()
    data["month"] = data.visit + data.clinic % 3
    fit = within("score ~ visit + month + x", data, groups="clinic")
    assert list(fit.coef.index) == ["visit", "x"]
    assert "within clinic it is a linear combination" in fit.dropped.columns["month"]


def test_hausman_and_mundlak_refuse_what_they_cannot_compare() -> None:
    data = plain()
    with pytest.raises(EstimationError, match="no covariate varies within clinic"):
        mundlak("score ~ rural", data, groups="clinic")
    balanced = data.assign(half=(data.visit % 2).astype(float))
    with pytest.raises(EstimationError, match="same mean in each clinic"):
        between_within("score ~ half", balanced, groups="clinic")
    inner = within("score ~ x", data, groups="clinic")
    other = swamy_arora("score ~ x", data[data.visit > 0], groups="clinic")
    with pytest.raises(EstimationError, match="120 rows and the other 110"):
        hausman(inner, other)
    with pytest.raises(EstimationError, match="no coefficient in common"):
        hausman(inner, swamy_arora("score ~ visit", data, groups="clinic"))
    with pytest.raises(ClinicnetError, match="cluster column"):
        hausman("score ~ x", data)
    with pytest.raises(EstimationError, match="too few for a regression of their means"):
        swamy_arora("score ~ x + visit + rare", data[data.clinic < 4], groups="clinic")


def test_predictions() -> None:
    data = plain()
    marginal = gee("yes ~ x", data, groups="clinic", family="binomial", corr="exchangeable")
    new = pd.DataFrame({"x": [0.0, 1.0]}, index=["a", "b"])
    expected = 1.0 / (1.0 + np.exp(-(marginal.coef["(Intercept)"] + marginal.coef["x"] * new.x)))
    pd.testing.assert_series_equal(marginal.predict(new), expected, check_names=False)
    with pytest.raises(EstimationError, match="population averages only"):
        marginal.predict(new, kind="conditional")  # type: ignore[arg-type]
    inside = within("score ~ x", data, groups="clinic")
    at = pd.DataFrame({"x": [0.5, 0.5, 0.5], "clinic": [3, 99, 4]})
    own = inside.effects()["estimate"]
    got = inside.predict(at)
    assert got[0] == pytest.approx(own[3] + 0.5 * inside.coef["x"])
    assert np.isnan(got[1])
    assert got[2] == pytest.approx(own[4] + 0.5 * inside.coef["x"])
    assert inside.predict(at, kind="marginal")[1] == pytest.approx(inside.intercept + 0.5 * inside.coef["x"])
    with pytest.raises(ClinicnetError, match="no column 'clinic'"):
        inside.predict(new)
    with pytest.raises(ClinicnetError, match="clinic means"):
        between_within("score ~ x", data, groups="clinic").predict(at)


def test_fits_can_be_stored() -> None:
    """Fits cross process boundaries; nothing in them is a row of a patient."""
    for fit in (
        gee("yes ~ x", plain(), groups="clinic", family="binomial", corr="exchangeable"),
        gee("score ~ x", plain(), groups="clinic", corr="ar1", time="visit"),
        within("score ~ x", plain(), groups="clinic", cov="cr2"),
    ):
        again = pickle.loads(pickle.dumps(fit))  # noqa: S301
        pd.testing.assert_frame_equal(again.coefficient_table(), fit.coefficient_table())
        kind = "cr0" if fit.method.startswith("Within") else "mancl-derouen"
        pd.testing.assert_frame_equal(again.covariance(kind), fit.covariance(kind))


def test_summaries_say_what_was_fitted() -> None:
    words = gee("yes ~ x", plain(), groups="clinic", family="binomial", corr="exchangeable").summary()
    for part in (
        "binomial family, exchangeable working correlation",
        "120 rows; 10 groups by clinic",
        "population-averaged: log odds ratio",
        "Kauermann–Carroll",
        "Satterthwaite",
        "alpha",
        "N − p",
    ):
        assert part in words
    words = within("score ~ x", plain(), groups="clinic", cov="cr2").summary()
    for part in ("Within", "every clinic its own control", "CR2", "all clinic effects are equal: F ="):
        assert part in words
