"""What an answer says of itself, from its own numbers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest
from scipy import stats

from flows.asking import AdHocQuestion, answer
from tasks import models
from tasks.logistic_scale import attenuation_factor
from tasks.models import LmmFit, glmm, lmm, marginal_effects, mundlak


def visits(network_file: Path) -> duckdb.DuckDBPyRelation:
    """The records as screening leaves them: copies once."""
    connection = duckdb.connect(str(network_file.parent / "records.duckdb"), read_only=True)
    return connection.sql(
        "SELECT DISTINCT clinic, patient, vaccinated, sbp, emergencies, age, sex, visit_date FROM visits"
    )


@pytest.mark.slow
def test_a_linear_model_tells_its_icc_twice_and_what_likelihood_would_give(network_file: Path) -> None:
    formula = "sbp ~ age + (1 | clinic)"
    found = answer(network_file, AdHocQuestion(formula)).fit
    assert isinstance(found, LmmFit)
    said = " ".join(found.messages)
    rows = visits(network_file)
    restricted, likelihood = (lmm(formula, rows, reml=reml) for reml in (True, False))
    share = restricted.icc["clinic"]
    assert "What would change for a patient like this one" in said
    assert f"two records of one clinic correlate by {share:.3g}" in said
    assert f"{100 * share:.2g}% of what records differ by" in said
    assert f"SD between clinics is {float(restricted.varcomp.sd('clinic').iloc[0]):.4g}" in said
    assert f"gives {float(likelihood.varcomp.sd('clinic').iloc[0]):.4g}" in said
    test = mundlak("sbp ~ age", rows, groups="clinic")
    assert f"(Mundlak's test: p = {test.f.p:.2g})" in said


def test_a_logistic_model_tells_how_odds_ratios_shrink(network_file: Path) -> None:
    formula = "vaccinated ~ sex + (1 | clinic)"
    found = answer(network_file, AdHocQuestion(formula, marginal="sex=female,male"))
    rows = visits(network_file)
    fit = glmm(formula, rows, family="binomial")
    variance = float(fit.varcomp.variance("clinic").iloc[0])
    assert f"about {attenuation_factor(variance):.2f} times as large" in " ".join(found.fit.messages)
    assert found.marginal is not None
    expected = marginal_effects(fit, "sex", rows, contrast=["female", "male"]).table
    ours = found.marginal.table
    assert ours.loc["risk_difference", "estimate"] == pytest.approx(
        expected.loc["risk_difference", "estimate"], rel=1e-4
    )
    assert "risk_difference" in str(found)


def test_the_factor_is_that_of_a_logistic_curve_taken_for_a_normal_one() -> None:
    """At a variance of 1: 1/√(1 + c²), with c = 16√3/(15π)."""
    c = 16 * 3**0.5 / (15 * 3.141592653589793)
    assert attenuation_factor(1.0) == pytest.approx(1 / (1 + c**2) ** 0.5)
    # c is the scale of the normal distribution function that is closest to the logistic one
    assert stats.norm.cdf(c * 1.0) == pytest.approx(stats.logistic.cdf(1.0), abs=0.01)


@pytest.mark.parametrize(("p_joint", "p_age"), [(0.2, 0.03), (0.2, 0.4)])
def test_a_test_that_finds_nothing_is_not_said_to_show_that_there_is_nothing(
    network_file: Path, monkeypatch: pytest.MonkeyPatch, p_joint: float, p_age: float
) -> None:
    """And where one column by itself disagrees, that is said beside it."""
    found = mundlak("sbp ~ age", visits(network_file), groups="clinic")
    fit = SimpleNamespace(p_values={found.means["age"]: p_age})
    test = SimpleNamespace(f=SimpleNamespace(p=p_joint), means=found.means, fit=fit)
    monkeypatch.setattr(models, "mundlak", lambda *_, **__: test)
    said = " ".join(answer(network_file, AdHocQuestion("sbp ~ age + (1 | clinic)")).fit.messages)
    assert "are not shown to differ (Mundlak's test: p = 0.2)" in said
    assert "speaks against" not in said
    assert ("Of age taken by itself they do differ (p = 0.03)" in said) == (p_age < 0.05)


@pytest.mark.slow
def test_gee_answers_the_policy_question(network_file: Path) -> None:
    said = " ".join(answer(network_file, AdHocQuestion("vaccinated ~ age")).fit.messages)
    assert "over the whole population" in said
    assert "intraclass" not in said
