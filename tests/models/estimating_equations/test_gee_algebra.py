"""GEE against its definitions, written out with the matrices that the estimator never forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import linalg

from tasks.models.estimating_equations.gee import GeeFit, gee
from tasks.models.fixed_effects.within import within

Floats = NDArray[np.float64]


def clinics(seed: int = 1, k: int = 9) -> pd.DataFrame:
    """Patients with several visits in clinics of very unequal size, with every kind of outcome."""
    rng = np.random.default_rng(seed)
    rows = []
    for clinic in range(k):
        own = rng.normal()
        for patient in range(int(rng.integers(2, 9))):
            mine, visits = rng.normal(), np.sort(rng.choice(6, int(rng.integers(1, 5)), replace=False))
            rows += [
                (f"c{clinic}", f"c{clinic}p{patient}", visit, own, mine, rng.normal()) for visit in visits
            ]
    data = pd.DataFrame(rows, columns=["clinic", "patient", "visit", "own", "mine", "x"])
    level = 0.8 * data.own + 0.7 * data.mine + 0.5 * data.x
    data["score"] = 50.0 + level + rng.normal(size=len(data))
    data["yes"] = (rng.random(len(data)) < 1.0 / (1.0 + np.exp(-0.5 * level))).astype(int)
    data["count"] = rng.poisson(np.exp(0.4 + 0.4 * level))
    data["months"] = rng.uniform(0.5, 3.0, len(data))
    return data


class Dense:
    """The equations of one fit with every V_i and H_i in full."""

    def __init__(self, fit: GeeFit, data: pd.DataFrame, response: str, correlation: Any) -> None:
        x = np.column_stack([np.ones(len(data)), data.x])
        eta = x @ fit.coef.to_numpy()
        if fit.family.name == "gaussian":
            mean, variance = eta, np.ones_like(eta)
        elif fit.family.name == "binomial":
            mean = 1.0 / (1.0 + np.exp(-eta))
            variance = mean * (1.0 - mean)
        else:
            mean = variance = np.exp(eta)
        self.parts = []
        for _, rows in data.groupby("clinic"):
            at = rows.index.to_numpy()
            half = np.diag(np.sqrt(variance[at]))
            v = fit.scale * half @ correlation(rows) @ half
            d = variance[at][:, None] * x[at]
            self.parts.append((d, np.linalg.inv(v), data[response].to_numpy()[at] - mean[at]))
        self.bread = np.linalg.inv(sum(d.T @ w @ d for d, w, _ in self.parts))

    def covariance(self, kind: str) -> Floats:
        meat = np.zeros_like(self.bread)
        for d, w, r in self.parts:
            h = d @ self.bread @ d.T @ w
            score = d.T @ w @ r
            if kind == "kauermann-carroll":
                score = d.T @ w @ np.linalg.inv(linalg.sqrtm(np.eye(len(r)) - h).real) @ r
            elif kind == "mancl-derouen":
                score = d.T @ w @ np.linalg.solve(np.eye(len(r)) - h, r)
            elif kind == "fay-graubard":
                score = score * (1.0 - np.minimum(0.75, np.diag(d.T @ w @ d @ self.bread))) ** -0.5
            meat += np.outer(score, score)
        return self.bread if kind == "model" else self.bread @ meat @ self.bread

    def satterthwaite(self, kind: str, contrast: Floats) -> float:
        """tr(P)²/tr(P²) with the quadratic form P written out under the working covariance."""
        big_w = linalg.block_diag(*(w for _, w, _ in self.parts))
        d = np.vstack([part for part, _, _ in self.parts])
        v = np.linalg.inv(big_w)
        residual = np.eye(len(d)) - d @ self.bread @ d.T @ big_w
        forms, start = [], 0
        for part, w, r in self.parts:
            n = len(r)
            h = part @ self.bread @ part.T @ w
            adjust = np.eye(n)
            if kind == "kauermann-carroll":
                adjust = np.linalg.inv(linalg.sqrtm(np.eye(n) - h).real)
            elif kind == "mancl-derouen":
                adjust = np.linalg.inv(np.eye(n) - h)
            row = np.zeros(len(d))
            if kind == "fay-graubard":
                f = (1.0 - np.minimum(0.75, np.diag(part.T @ w @ part @ self.bread))) ** -0.5
                row[start : start + n] = contrast @ self.bread @ np.diag(f) @ part.T @ w
            else:
                row[start : start + n] = contrast @ self.bread @ part.T @ w @ adjust
            forms.append(row @ residual)
            start += n
        p = np.array(forms) @ v @ np.array(forms).T
        return float(np.trace(p) ** 2 / np.sum(p * p))


def exchangeable(fit: GeeFit) -> Any:
    def matrix(rows: pd.DataFrame) -> Floats:
        n, alpha = len(rows), fit.working["alpha"]
        return (1.0 - alpha) * np.eye(n) + alpha * np.ones((n, n))

    return matrix


def nested(fit: GeeFit) -> Any:
    def matrix(rows: pd.DataFrame) -> Floats:
        same = rows.patient.to_numpy()[:, None] == rows.patient.to_numpy()
        result = np.where(same, fit.working["alpha_patient"], fit.working["alpha_clinic"])
        np.fill_diagonal(result, 1.0)
        return result

    return matrix


OUTCOMES = {"gaussian": "score", "binomial": "yes", "poisson": "count"}
KINDS = ["model", "robust", "kauermann-carroll", "mancl-derouen", "fay-graubard"]


@pytest.mark.parametrize("family", OUTCOMES)
@pytest.mark.parametrize("corr", ["exchangeable", "nested-exchangeable"])
def test_covariances_are_their_definitions(family: str, corr: str) -> None:
    data, response = clinics(), OUTCOMES[family]
    groups = ("clinic", "patient") if corr.startswith("nested") else "clinic"
    fit = gee(f"{response} ~ x", data, groups=groups, family=family, corr=corr)
    assert fit.converged
    assert not fit.messages
    dense = Dense(fit, data, response, nested(fit) if corr.startswith("nested") else exchangeable(fit))
    score = sum(d.T @ w @ r for d, w, r in dense.parts)
    np.testing.assert_allclose(score / np.sqrt(np.diag(np.linalg.inv(dense.bread))), 0.0, atol=1e-8)
    for kind in KINDS:
        np.testing.assert_allclose(fit.covariance(kind), dense.covariance(kind), rtol=1e-9)
    for kind in KINDS[1:]:
        for contrast in (np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([1.0, 2.0])):
            df = fit.scores.degrees_of_freedom(kind, contrast)
            assert df == pytest.approx(dense.satterthwaite(kind, contrast), rel=1e-8)


def test_nested_correlations_are_their_moments() -> None:
    data = clinics()
    fit = gee("score ~ x", data, groups="clinic/patient", corr="nested-exchangeable")
    residual = data.score - fit.coef["(Intercept)"] - fit.coef["x"] * data.x
    phi = float(residual @ residual) / (len(data) - 2)
    inner, outer = [], []
    for _, rows in data.groupby("clinic"):
        e, patient = residual[rows.index].to_numpy(), rows.patient.to_numpy()
        for j in range(len(e)):
            for i in range(j):
                (inner if patient[i] == patient[j] else outer).append(e[i] * e[j])
    assert fit.scale == pytest.approx(phi, rel=1e-10)
    assert fit.working["alpha_patient"] == pytest.approx(sum(inner) / (len(inner) - 2) / phi, rel=1e-9)
    assert fit.working["alpha_clinic"] == pytest.approx(sum(outer) / (len(outer) - 2) / phi, rel=1e-9)
    assert fit.n_groups.to_dict() == {"clinic": 9, "patient": data.patient.nunique()}


def test_nested_without_repeated_patients_gives_way() -> None:
    data = clinics()
    data["row"] = np.arange(len(data))
    nested_fit = gee("yes ~ x", data, groups=("clinic", "row"), family="binomial", corr="nested-exchangeable")
    assert "no pairs of rows of one row" in nested_fit.messages[0]
    plain = gee("yes ~ x", data, groups="clinic", family="binomial", corr="independence")
    np.testing.assert_allclose(nested_fit.coef, plain.coef, rtol=1e-9)


def test_ar1_by_time_itself() -> None:
    """Gaps in the time column's units: R_jk = α^|t_j − t_k| with unequal gaps, against dense matrices."""
    data = clinics(3).drop(columns="clinic").rename(columns={"patient": "clinic"})
    data["day"] = data.visit**2 + data.visit
    fit = gee("score ~ x", data, groups="clinic", corr="ar1", time="day", spacing="time")

    def correlation(rows: pd.DataFrame) -> Floats:
        day = rows.day.to_numpy()
        return np.asarray(fit.working["alpha"] ** np.abs(day[:, None] - day))

    dense = Dense(fit, data, "score", correlation)
    for kind in KINDS:
        np.testing.assert_allclose(fit.covariance(kind), dense.covariance(kind), rtol=1e-8)
    residual = (data.score - fit.coef["(Intercept)"] - fit.coef["x"] * data.x).to_numpy()
    pairs = [
        (abs(data.day[i] - data.day[j]), residual[i] * residual[j] / fit.scale)
        for _, rows in data.groupby("clinic")
        for i in rows.index
        for j in rows.index
        if i < j
    ]
    gap, product = np.array(pairs).T
    near = fit.working["alpha"] + np.array([-1e-4, 0.0, 1e-4])
    misfit = [float(np.sum((product - alpha**gap) ** 2)) for alpha in near]
    assert misfit[1] < min(misfit[0], misfit[2])


def test_hotelling_df_of_one_combination_is_satterthwaite() -> None:
    fit = gee("yes ~ x", clinics(), groups="clinic", family="binomial", corr="exchangeable")
    for row in np.eye(2):
        one = fit.scores.joint_degrees_of_freedom("kauermann-carroll", row[None])
        assert one == pytest.approx(fit.scores.degrees_of_freedom("kauermann-carroll", row), rel=1e-10)


@pytest.mark.slow
def test_hotelling_df_by_simulation() -> None:
    """η makes the average variance of the entries of V̂ that of a Wishart: checked against draws of V̂."""
    fit = gee("score ~ x + months", clinics(5, 14), groups="clinic", corr="exchangeable")
    scores, contrast = fit.scores, np.eye(3)[1:]
    eta = scores.joint_degrees_of_freedom("kauermann-carroll", contrast)
    rng = np.random.default_rng(7)
    k, p = scores.score.shape
    roots = np.linalg.cholesky(scores.information + 1e-12 * np.eye(p))
    bread = np.linalg.inv(scores.information.sum(axis=0))
    draws = []
    for _ in range(4000):
        u = np.einsum("kij,kj->ki", roots, rng.normal(size=(k, p)))
        u = u - np.einsum("kij,jl,l->ki", scores.information, bread, u.sum(axis=0))
        drawn = type(scores)(scores.information, u, 1.0, scores.back)
        draws.append(contrast @ drawn.covariance("kauermann-carroll") @ contrast.T)
    values = np.array(draws)
    turn = np.linalg.inv(np.linalg.cholesky(values.mean(axis=0)))
    standard = turn @ values @ turn.T
    total = standard.reshape(len(values), -1).var(axis=0).sum()
    assert eta == pytest.approx(2 * 3 / total, rel=0.1)


def test_cr2_is_the_dummy_variable_definition() -> None:
    """CR2 with cluster effects as dummies, A_i = (I − H_i)^(−1/2) from the full hat matrix, and its df."""
    data = clinics(2, 7)
    fit = within("score ~ x + months", data, groups="clinic", cov="cr2")
    dummies = pd.get_dummies(data.clinic).to_numpy(dtype=float)
    x = np.column_stack([data.x, data.months, dummies])
    bread = np.linalg.pinv(x.T @ x)
    residual_maker = np.eye(len(x)) - x @ bread @ x.T
    residual = residual_maker @ data.score.to_numpy()
    meat, forms = np.zeros((2, 2)), {0: [], 1: []}
    for _, rows in data.groupby("clinic"):
        at = rows.index.to_numpy()
        inner = residual_maker[np.ix_(at, at)]
        values, vectors = np.linalg.eigh(inner)
        root = np.where(values > 1e-10, np.maximum(values, 1e-10) ** -0.5, 0.0)
        adjust = vectors @ np.diag(root) @ vectors.T
        part = (bread @ x[at].T @ adjust)[:2]
        meat += np.outer(part @ residual[at], part @ residual[at])
        for j in range(2):
            forms[j].append(part[j] @ residual_maker[at])
    np.testing.assert_allclose(fit.vcov, meat, rtol=1e-9)
    for j in range(2):
        p = np.array(forms[j]) @ np.array(forms[j]).T
        assert fit.df.iloc[j] == pytest.approx(np.trace(p) ** 2 / np.sum(p * p), rel=1e-8)
