"""Plain, slow answers from the formulas, a loop or a dense matrix each, for data of a few rows.

Nothing is shared with the estimators: rows are Python's, covariances whole matrices, integrals sums over a
fine grid.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Complete rows.

    Attributes:
        x: (N, p) design, the intercept first.
        y: (N,) outcome.
        clinic: (N,) labels.
    """

    x: Floats
    y: Floats
    clinic: Sequence[Hashable]

    @property
    def members(self) -> list[list[int]]:
        """Rows of each clinic."""
        return [
            [i for i, each in enumerate(self.clinic) if each == k] for k in sorted(set(self.clinic), key=str)
        ]

    @property
    def same(self) -> Floats:
        """(N, N) 1 where two rows are of one clinic."""
        return np.array([[float(a == b) for b in self.clinic] for a in self.clinic])


def mean(values: Sequence[float]) -> float:
    """Σy/n, added without loss."""
    return math.fsum(values) / len(values)


def anova_icc(rows: Rows) -> float:
    """(MSB − MSW)/(MSB + (n0 − 1)MSW) of an analysis of variance by clinic (Donner 1986, eq. 3)."""
    y, groups = rows.y.tolist(), rows.members
    n, k = len(y), len(groups)
    grand = mean(y)
    means = [mean([y[i] for i in group]) for group in groups]
    between = math.fsum(len(g) * (m - grand) ** 2 for g, m in zip(groups, means, strict=True)) / (k - 1)
    within = math.fsum((y[i] - m) ** 2 for g, m in zip(groups, means, strict=True) for i in g) / (n - k)
    n0 = (n - sum(len(g) ** 2 for g in groups) / n) / (k - 1)
    return (between - within) / (between + (n0 - 1.0) * within)


@dataclass(frozen=True)
class Gls:
    """Generalized least squares with V = I + ratio·(same clinic).

    Attributes:
        coef: (p,) coefficients.
        sigma2: residual variance, over N − p.
        se: (p,) standard errors.
        reml: restricted log-likelihood with all constants (Harville 1974, eq. 4, with log|X'X| left out).
    """

    coef: Floats
    sigma2: float
    se: Floats
    reml: float


def gls(rows: Rows, ratio: float) -> Gls:
    """Least squares where clinics vary by `ratio` times the residual variance."""
    n, p = rows.x.shape
    v = np.eye(n) + ratio * rows.same
    inverse = np.linalg.inv(v)
    information = rows.x.T @ inverse @ rows.x
    coef = np.linalg.solve(information, rows.x.T @ inverse @ rows.y)
    left = rows.y - rows.x @ coef
    sigma2 = float(left @ inverse @ left) / (n - p)
    determinants = np.linalg.slogdet(v)[1] + np.linalg.slogdet(information)[1]
    reml = -0.5 * ((n - p) * (math.log(2.0 * math.pi * sigma2) + 1.0) + float(determinants))
    return Gls(coef, sigma2, np.sqrt(sigma2 * np.diag(np.linalg.inv(information))), reml)


def best_reml(rows: Rows) -> float:
    """The highest restricted log-likelihood over the ratio of variances, from a grid refined at its top."""
    grid = np.linspace(-12.0, 12.0, 97)
    values = [gls(rows, math.exp(each)).reml for each in grid]
    top = int(np.argmax(values))
    ends = grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)]
    refined = optimize.minimize_scalar(
        lambda log_ratio: -gls(rows, math.exp(log_ratio)).reml, bounds=ends, method="bounded"
    )
    return max(-float(refined.fun), gls(rows, 0.0).reml)


@dataclass(frozen=True)
class Gee:
    """An exchangeable GEE at given coefficients and correlation.

    Attributes:
        score: (p,) Σ D'V⁻¹(y − μ), zero at a solution, in units of its standard deviation.
        scale: φ, squared Pearson residuals over N − p.
        alpha: products of residuals of pairs over φ·(pairs − p) (Liang & Zeger 1986).
        robust: (p,) standard errors from the sandwich.
        model: (p,) standard errors if the working correlation is right.
    """

    score: Floats
    scale: float
    alpha: float
    robust: Floats
    model: Floats


def gee(rows: Rows, coef: Floats, alpha: float, family: str) -> Gee:
    """The estimating equations and the moments, cluster by cluster with whole matrices."""
    eta = rows.x @ coef
    mu = {"gaussian": eta, "binomial": special.expit(eta), "poisson": np.exp(eta)}[family]
    variance = {"gaussian": np.ones_like(mu), "binomial": mu * (1.0 - mu), "poisson": mu}[family]
    residual = (rows.y - mu) / np.sqrt(variance)
    n, p = rows.x.shape
    scale = float(residual @ residual) / (n - p)
    products = [residual[i] * residual[j] for g in rows.members for a, i in enumerate(g) for j in g[a + 1 :]]
    found = sum(products) / (scale * (len(products) - p)) if len(products) > p else math.nan
    information, meat, score = np.zeros((p, p)), np.zeros((p, p)), np.zeros(p)
    for group in rows.members:
        d = variance[group][:, None] * rows.x[group]
        root = np.diag(np.sqrt(variance[group]))
        correlation = alpha + (1.0 - alpha) * np.eye(len(group))
        weight = np.linalg.inv(root @ correlation @ root)
        own = d.T @ weight @ (rows.y[group] - mu[group])
        information += d.T @ weight @ d
        meat += np.outer(own, own)
        score += own
    bread = np.linalg.inv(information)
    return Gee(
        score / np.sqrt(scale * np.diag(information)),
        scale,
        float(found),
        np.sqrt(np.maximum(np.diag(bread @ meat @ bread), 0.0)),
        np.sqrt(scale * np.diag(bread)),
    )


def marginal_loglik(rows: Rows, coef: Floats, sd: float, family: str) -> float:
    """log ∏ₖ ∫ ∏ᵢ f(yᵢ | u) φ(u) du by the trapezoid rule on 4,001 points of u from −10 to 10 sd."""
    u = np.linspace(-10.0, 10.0, 4001)
    log_density = -0.5 * u**2 - 0.5 * math.log(2.0 * math.pi) + math.log(u[1] - u[0])
    total = 0.0
    for group in rows.members:
        log_f = log_density.copy()
        for i in group:
            eta = float(rows.x[i] @ coef) + sd * u
            if family == "binomial":
                log_f += rows.y[i] * eta - np.logaddexp(0.0, eta)
            else:
                log_f += rows.y[i] * eta - np.exp(eta) - math.lgamma(rows.y[i] + 1.0)
        total += float(special.logsumexp(log_f))
    return total
