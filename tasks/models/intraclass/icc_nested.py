"""The intraclass correlation at each level of nested groups: patients in clinics in regions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.intraclass.icc_estimates import METHODS
from tasks.models.intraclass.icc_result import ICC, clinics_table, levels_table
from tasks.models.intraclass.nested_anova import correlations, generalized_draws, nested_sums
from tasks.models.intraclass.one_way import split
from tasks.models.linear_mixed.lmm import LmmFit, lmm
from tasks.models.linear_mixed.satterthwaite import satterthwaite
from tasks.records import Design, Moments

Floats = NDArray[np.float64]

_DRAWS = 20_000


def nested_icc(
    formula: str, data: Any, design: Design, moments: Moments, *, method: str, level: float, seed: int
) -> ICC:
    """The ICC at every level, by nested analysis of variance, REML or ML.

    The correlation of two rows that share a clinic includes what they share by being in one region. Without
    covariates the interval is the generalized one of the analysis of variance, whatever the method: few
    regions make it wide, as they should.

    Raises:
        EstimationError: the groups are not nested, or a covariate is used with `anova`.
    """
    groups = sorted(moments.factors, key=lambda name: len(moments.levels[moments.factors.index(name)]))
    response = moments.columns[-1]
    plain = design.fixed == ("(Intercept)",)
    if method == "anova" and not plain:
        raise EstimationError(
            "nested groups with covariates have no analysis-of-variance ICC here",
            hint='ask for method="reml"',
        )
    sums = nested_sums(moments, groups, response)
    totals = sums.weighted(np.ones(len(sums.n)))
    rng = np.random.default_rng(seed)
    if method == "anova":
        variances, drawn = totals.variances, generalized_draws(totals, _DRAWS, rng)
    else:
        fit = _likelihood(formula, data, groups, method)
        variances = np.array([*(float(fit.varcomp.variance(name).iloc[0]) for name in groups), fit.sigma2])
        drawn = generalized_draws(totals, _DRAWS, rng) if plain else _sampled(fit, groups, rng)
    at = correlations(variances)
    ends = _ends(correlations(drawn), level)
    finest = split(moments, groups[-1], ("(Intercept)",), response)
    messages = (
        [] if plain else ["nested groups with covariates have no interval: profile the variances with lmm"]
    )
    if variances.min() < 0.0:
        negative = ", ".join(name for name, each in zip(groups, variances[:-1], strict=True) if each < 0.0)
        messages.append(f"the variance of {negative} is estimated below zero: it cannot be told from chance")
    components = {f"variance_{name}": float(each) for name, each in zip(groups, variances[:-1], strict=True)}
    components["variance_within"] = float(variances[-1])
    for name, square, df in zip([*groups, "within"], totals.mean_squares, totals.df, strict=True):
        components[f"ms_{name}"], components[f"df_{name}"] = float(square), float(df)
    return ICC(
        name=METHODS["continuous"][method] if plain else f"adjusted {METHODS['continuous'][method]}",
        group=groups[-1],
        kind="continuous",
        method=method,
        estimate=float(at[-1]),
        lower=ends[-1][0],
        upper=ends[-1][1],
        level=level,
        interval="generalized" if plain else "sampled",
        components=pd.Series(components, name="value"),
        levels=levels_table(
            groups, [float(each) for each in variances[:-1]], [float(each) for each in at], ends
        ),
        clinics=clinics_table(finest, float(at[-1])),
        design=design,
        messages=tuple(messages),
    )


def _likelihood(formula: str, data: Any, groups: list[str], method: str) -> LmmFit:
    if "|" not in formula:
        formula = " + ".join([formula, *(f"(1 | {name})" for name in groups)])
    return lmm(formula, data, reml=method == "reml")


def _sampled(fit: LmmFit, groups: list[str], rng: np.random.Generator) -> Floats:
    """(draws, L + 1) variances relative to the one within, from draws of the SDs about their estimates.

    Source: Meyer & Houle (2013), Proc Assoc Advmt Anim Breed Genet 20:523.
    """
    optimum = fit.optimum
    spread = satterthwaite(optimum.point, optimum.theta).covariance[:-1, :-1]
    theta = rng.multivariate_normal(optimum.theta, spread, _DRAWS, method="eigh")
    factors = [factor for factor, _, _ in optimum.point.criterion.shape.entries]
    names = [optimum.point.criterion.data.groups[factor].group for factor in factors]
    return np.column_stack([*(theta[:, names.index(name)] ** 2 for name in groups), np.ones(_DRAWS)])


def _ends(drawn: Floats, level: float) -> list[tuple[float, float]]:
    lower, upper = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0], axis=0)
    return [(float(low), float(high)) for low, high in zip(lower, upper, strict=True)]
