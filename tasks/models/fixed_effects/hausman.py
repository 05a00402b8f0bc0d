"""Do effects within clinics differ from effects between them? Hausman's and Mundlak's tests.

A mixed model (like a GEE) blends the comparison of patients within a clinic with the comparison of clinics.
Where the two differ, clinics that have more of a covariate differ in other ways as well, and only the
within effect is free of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from tasks.errors import EstimationError, FormulaError
from tasks.models.estimating_equations.gee_sums import Centre
from tasks.models.estimating_equations.robust_fit import RobustFit
from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Fit, Floats, Wald
from tasks.models.fixed_effects.group_means import least_squares, with_means
from tasks.models.fixed_effects.random_effects import (
    RandomEffectsFit,
    swamy_arora_from_moments,
    varying_within,
)
from tasks.models.fixed_effects.within import WithinFit, within_from_moments
from tasks.models.linear_mixed.lmm import lmm_from_moments
from tasks.models.numerics import distributions as stats
from tasks.records import moments_for
from tasks.records.design import Design, RandomTerm
from tasks.records.moments import INTERCEPT, Moments

_LEVEL = 0.05


@dataclass(frozen=True)
class HausmanTest:
    """Whether within and random-effects estimates differ by more than chance.

    Attributes:
        statistic: (b_FE − b_RE)'(V_FE − V_RE)⁻¹(b_FE − b_RE).
        df: coefficients compared.
        p: upper tail of χ² on `df`.
        difference: b_FE − b_RE.
        same_sigma: the statistic with both covariances on the random-effects residual variance (Stata's
            `sigmamore`), and its p; None where the other fit gives no such variance.
        definite: whether V_FE − V_RE is positive definite; where not, the statistic means little.
        within, other: the two fits.
    """

    statistic: float
    df: int
    p: float
    difference: pd.Series
    same_sigma: tuple[float, float] | None
    definite: bool
    within: WithinFit
    other: Fit

    def __str__(self) -> str:
        group = self.within.n_groups.index[0]
        lines = [
            f"Hausman test: chi-squared {self.statistic:.4g} on {self.df} df, p = {self.p:.3g}",
            _verdict(self.p, str(group)),
        ]
        if not self.definite:
            lines.append(
                "The difference of the covariances is not positive definite, so the statistic is not to be "
                "trusted; Mundlak's test does not have this difficulty."
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Slope:
    """A slope with the ends of its 95% interval."""

    estimate: float
    lower: float
    upper: float


@dataclass(frozen=True)
class MundlakTest:
    """Whether the covariates' cluster means matter beside the covariates themselves.

    Attributes:
        statistic: Wald χ² that the coefficients of all means are zero.
        df: means tested.
        p: upper tail of χ² on `df`.
        f: the same as an F test with the fit's own df, better for few clusters.
        fit: the augmented model: coefficients of x are within effects, of x_mean the contextual effects
            (between minus within).
        means: each covariate tested → its column of means.
    """

    statistic: float
    df: int
    p: float
    f: Wald
    fit: Fit
    means: dict[str, str]

    def slopes(self, covariate: str) -> tuple[Slope, Slope]:
        """A covariate's slope within clusters, and between them: among rows of one, and among their means."""
        within = {covariate: 1.0}
        return self._slope(within), self._slope(within | {self.means[covariate]: 1.0})

    def _slope(self, weights: dict[str, float]) -> Slope:
        found = self.fit.test(weights)
        across = np.array([weights.get(str(name), 0.0) for name in self.fit.coef.index])
        se = float(np.sqrt(across @ self.fit.vcov.to_numpy() @ across))
        reach = float(stats.t.ppf(0.975, found.df)) * se
        estimate = float(found.estimate.iloc[0])
        return Slope(estimate, estimate - reach, estimate + reach)

    def __str__(self) -> str:
        group = self.fit.n_groups.index[0]
        return (
            f"Mundlak test: chi-squared {self.statistic:.4g} on {self.df} df, p = {self.p:.3g} "
            f"(F test: p = {self.f.p:.3g} on {self.f.df_num} and {self.f.df:.1f} df)\n"
            + _verdict(self.f.p, str(group))
        )


def hausman(
    first: WithinFit | str,
    second: Any,
    *,
    groups: str | None = None,
    random: Literal["swamy-arora", "reml"] = "swamy-arora",
) -> HausmanTest:
    """Hausman's test (1978, Econometrica 46, 1251) of the within against a random-effects estimator.

    `hausman(within_fit, random_fit)` compares two fits, `hausman(formula, data, groups="clinic")` makes them:
    all covariates in the random-effects model, those that vary within clusters in the within estimator.
    The classical covariance of the within fit is used, whatever it reports.

    Args:
        first: a within fit, or a formula.
        second: a random-effects fit (`lmm`, `swamy_arora`), or data.
        groups: the cluster column, with a formula.
        random: which random-effects fit to make, with a formula.

    Raises:
        EstimationError: the fits share no coefficient or were not made from the same number of rows.
    """
    if isinstance(first, WithinFit):
        if not isinstance(second, Fit):
            raise EstimationError("hausman() compares a within fit with a random-effects fit")
        return _compare(first, second)
    if groups is None:
        raise FormulaError("hausman() with a formula needs the cluster column", hint='give groups="clinic"')
    design, moments = moments_for(first, second, groups=(groups,))
    varying = _varying(design, moments)
    inner = within_from_moments(replace(design, fixed=(INTERCEPT, *varying)), moments, "classical")
    if random == "swamy-arora":
        return _compare(inner, swamy_arora_from_moments(design, moments))
    return _compare(inner, lmm_from_moments(_with_intercepts(design, moments), moments, reml=True))


def mundlak(
    formula: str, data: Any, *, groups: str, method: Literal["reml", "ml", "pooled"] = "reml"
) -> MundlakTest:
    """Mundlak's test (1978, Econometrica 46, 69): cluster means added to the model.

    Args:
        formula: outcome and covariates.
        data: DataFrame, Arrow table, DuckDB relation or Records, rows in any order.
        groups: the cluster column.
        method: random intercepts by REML or ML, or pooled least squares with a cluster-robust covariance
            (CR1), which does not assume the random-effects model.

    Raises:
        EstimationError: no covariate varies within clusters, or none has means that vary between them.
    """
    design, moments = moments_for(formula, data, groups=(groups,))
    names = _varying_between(_varying(design, moments), moments, groups)
    augmented, widened = with_means(design, moments, names)
    fit: Fit
    if method == "pooled":
        fit = _pooled(augmented, widened)
    else:
        fit = lmm_from_moments(augmented, widened, reml=method == "reml")
    means = list(augmented.fixed[-len(names) :])
    test = fit.test(means)
    estimate, vcov = fit.coef[means].to_numpy(), fit.vcov.loc[means, means].to_numpy()
    statistic = float(estimate @ np.linalg.solve(vcov, estimate))
    p = float(stats.chi2.sf(statistic, len(names)))
    return MundlakTest(statistic, len(names), p, test, fit, dict(zip(names, means, strict=True)))


def between_within(formula: str, data: Any, *, groups: str, method: Literal["reml", "ml"] = "reml") -> Fit:
    """Within and between effects side by side: each covariate split into deviation and cluster mean.

    The coefficient of `x` compares patients of one clinic, that of `x_mean` compares clinics (Neuhaus &
    Kalbfleisch 1998, Biometrics 54, 638). A mixed model without the split averages the two.

    Args:
        formula: outcome and covariates; those constant within clusters keep one coefficient.
        data: DataFrame, Arrow table, DuckDB relation or Records, rows in any order.
        groups: the cluster column.
        method: REML or ML.
    """
    design, moments = moments_for(formula, data, groups=(groups,))
    names = _varying_between(_varying(design, moments), moments, groups)
    split, widened = with_means(design, moments, names, centred=True)
    fit = lmm_from_moments(split, widened, reml=method == "reml")
    return replace(
        fit,
        estimand=f"x: within {groups}, comparing rows of one {groups}; x_mean: between, comparing {groups}s "
        "whose means of x differ",
    )


def _compare(inner: WithinFit, other: Fit) -> HausmanTest:
    names = [name for name in inner.coef.index if name in other.coef.index]
    if not names:
        raise EstimationError("the two fits have no coefficient in common, so there is nothing to compare")
    if inner.n_obs != other.n_obs:
        raise EstimationError(
            f"the within fit has {inner.n_obs:,} rows and the other {other.n_obs:,}; they must be the same",
            hint="use the same covariates in both, so that the same rows are complete",
        )
    difference = inner.coef[names] - other.coef[names]
    classical = inner.covariance("classical").loc[names, names].to_numpy()
    theirs = other.vcov.loc[names, names].to_numpy()
    d = difference.to_numpy()
    gap = classical - theirs
    statistic = float(d @ np.linalg.solve(gap, d))
    same = None
    if isinstance(other, RandomEffectsFit):
        rescaled = float(d @ np.linalg.solve(classical * (other.sigma2_quasi / inner.sigma2) - theirs, d))
        same = (rescaled, float(stats.chi2.sf(rescaled, len(names))))
    scale = np.sqrt(np.diag(classical))
    definite = bool(np.linalg.eigvalsh(gap / np.outer(scale, scale))[0] > 0.0)
    p = float(stats.chi2.sf(statistic, len(names)))
    return HausmanTest(statistic, len(names), p, difference, same, definite, inner, other)


def _varying(design: Design, moments: Moments) -> tuple[str, ...]:
    if len(moments.levels[0]) < 2:
        raise EstimationError(
            f"{moments.factors[0]} has only one value, so there is nothing to compare it with",
            hint=f"use records of two or more {moments.factors[0]}s",
        )
    if INTERCEPT not in design.fixed:
        raise FormulaError("comparing within with between effects needs an intercept in the formula")
    names = varying_within(design, moments)
    if not names:
        raise EstimationError(
            f"no covariate varies within {moments.factors[0]}, so there is no within effect to compare with",
            hint=f"name a covariate that differs between rows of one {moments.factors[0]}",
        )
    return names


def _varying_between(names: tuple[str, ...], moments: Moments, group: str) -> tuple[str, ...]:
    """Of covariates that vary within clusters, those whose means vary between them."""
    columns = moments.position(*names)
    means = moments.products[:, 0, columns] / moments.n[:, None]
    size = np.diag(moments.products[:, columns[:, None], columns].sum(axis=0)) / moments.n_obs
    spread = means.max(axis=0) - means.min(axis=0)
    kept = tuple(name for name, gap, own in zip(names, spread, size, strict=True) if gap**2 > 1e-20 * own)
    if not kept:
        raise EstimationError(
            f"every covariate has the same mean in each {group}, so within and between effects cannot differ",
            hint=f"use within(), or a covariate whose mean differs between {group}s",
        )
    return kept


def _with_intercepts(design: Design, moments: Moments) -> Design:

    group = moments.factors[0]
    return replace(
        design, formula=f"{design.formula} + (1 | {group})", random=(RandomTerm(group, (INTERCEPT,)),)
    )


def _pooled(design: Design, moments: Moments) -> RobustFit:
    """Least squares with CR1 errors."""
    group, k, p = moments.factors[0], len(moments.levels[0]), len(design.fixed)
    b, information, score = least_squares(moments, design.fixed)
    columns = moments.position(*design.fixed)
    centre = Centre.at(design.fixed, moments.reference[columns])
    b[design.fixed.index(INTERCEPT)] += moments.reference[-1]
    scores = ClusterScores(information, score, 1.0, centre.back)
    names = pd.Index(design.fixed)
    robust: Floats = k / (k - 1) * scores.covariance("robust")
    counts: Mapping[str, int] = {group: k}
    return RobustFit(
        method="Pooled least squares, cluster-robust CR1",
        design=design,
        estimand=f"x: within {group}; x_mean: what clusters with a higher mean of x differ by beyond that",
        coef=pd.Series(centre.back @ b, index=names, name="estimate"),
        vcov=pd.DataFrame(robust, index=names, columns=names),
        df=pd.Series(float(k - 1), index=names, name="df"),
        df_method="clusters − 1",
        loglik=None,
        n_parameters=p + 1,
        n_obs=round(moments.n_obs),
        n_groups=pd.Series(counts),
        converged=True,
        scores=scores,
        satterthwaite=None,
    )


def _verdict(p: float, group: str) -> str:
    if p < _LEVEL:
        return (
            f"Effects within {group}s differ from effects between them: {group}s with more of a covariate "
            "differ in other ways too. Quote the within effect (within() or between_within()) for what a "
            "change would do."
        )
    return (
        f"No sign that effects within {group}s differ from effects between them; the mixed model's effect, "
        "which uses both comparisons, is the more precise. A test that finds nothing does not show that "
        "there is nothing."
    )
