"""Bootstrap intervals of variance components, from moments: no row is read again.

Parametric: new outcomes are drawn from the fitted model. Given the covariates' cross-products of a
combination of levels, the sums that enter the likelihood have known distributions: W'ε ~ N(0, σ²W'W) and
what is left of ε'ε is σ²χ². By clusters: levels of the coarsest factor are drawn with replacement, each draw
a group of its own (Davison & Hinkley 1997 *Bootstrap Methods* §3.8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fit import VarianceComponents
from tasks.models.linear_mixed.lmm_criterion import Criterion, criterion_of
from tasks.models.linear_mixed.lmm_optimum import Optimum, optimise
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Resampling = Literal["parametric", "clusters"]


def bootstrap_draws(
    design: Design,
    moments: Moments,
    optimum: Optimum,
    *,
    resampling: Resampling,
    coefficients: pd.Series,
    varcomp: VarianceComponents,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """(draws, parameters) SDs, correlations and shares of variance (`described`) of resampled data sets.

    Args:
        design, moments, optimum: of the fit.
        resampling: "parametric" or "clusters".
        coefficients, varcomp: of the fit, for parametric draws.
        draws: data sets.
        seed: of the random numbers.

    Raises:
        EstimationError: clusters are asked for and no factor contains the others.
    """
    rng = np.random.default_rng(seed)
    reml = optimum.point.criterion.reml
    source: Iterator[Moments]
    if resampling == "parametric":
        source = _simulated(design, moments, coefficients, varcomp, rng)
    else:
        source = _resampled(design, moments, rng)
    rows = []
    for _ in range(draws):
        criterion: Criterion = criterion_of(design, next(source), reml=reml)
        rows.append(described(optimise(criterion, _away_from_zero(criterion, optimum.theta))))
    return pd.DataFrame(rows).reset_index(drop=True)


def _away_from_zero(criterion: Criterion, theta: Floats) -> Floats:
    """A start near θ̂; zero is stationary by symmetry, so no diagonal begins there."""
    diagonal = np.array([i == j for _, i, j in criterion.shape.entries])
    return np.where(diagonal & (np.abs(theta) < 0.1), 0.1, theta)


def _simulated(
    design: Design,
    moments: Moments,
    coefficients: pd.Series,
    varcomp: VarianceComponents,
    rng: np.random.Generator,
) -> Iterator[Moments]:
    """Moments of outcomes drawn from the model, covariates as they are."""
    q = len(moments.columns)
    within = moments.products[:, : q - 1, : q - 1]
    n_rows = moments.n
    size = np.sqrt(np.diag(within.sum(axis=0)))
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(within / np.outer(size, size))
    values = np.where(values > 1e-11 * values[:, -1:], values, 0.0)
    roots = size[:, None] * vectors * np.sqrt(values)[:, None, :]
    left_over = np.maximum(n_rows - np.count_nonzero(values, axis=1), 0.0)
    sigma2 = float(varcomp.residual or 0.0)
    fixed = _about_reference(moments, list(design.fixed), coefficients.to_numpy())
    factors = []
    for group in varcomp:
        covariance = varcomp[group].to_numpy()
        sizes, axes = np.linalg.eigh(covariance)
        f = moments.factors.index(group)
        factors.append((f, list(varcomp[group].index), axes * np.sqrt(np.maximum(sizes, 0.0))))
    # the outcome about its mean under the model, so that no digits cancel
    total = within.sum(axis=0)
    centre = float(total[0] @ fixed / total[0, 0])
    while True:
        weights = np.tile(fixed, (len(within), 1))
        for f, columns, root in factors:
            drawn = rng.standard_normal((len(moments.levels[f]), root.shape[1])) @ root.T
            weights += _about_reference(moments, columns, drawn[moments.codes[:, f]])
        weights[:, 0] -= centre
        noise = np.sqrt(sigma2) * rng.standard_normal(values.shape)
        sums = (within @ weights[:, :, None])[:, :, 0]
        errors = (roots @ noise[:, :, None])[:, :, 0]
        explained = np.sum(np.where(values > 0.0, noise, 0.0) ** 2, axis=1)
        rest = sigma2 * np.where(left_over > 0.0, rng.chisquare(np.maximum(left_over, 1.0)), 0.0)
        squares = np.sum(weights * (sums + 2.0 * errors), axis=1) + explained + rest
        products = moments.products.copy()
        products[:, : q - 1, q - 1] = products[:, q - 1, : q - 1] = sums + errors
        products[:, q - 1, q - 1] = squares
        reference = moments.reference.copy()
        reference[-1] = centre
        yield replace(moments, products=products, reference=reference)


def _about_reference(moments: Moments, names: list[str], weights: Floats) -> Floats:
    """Weights on columns in their own units → weights on (constant, columns about the reference)."""
    at = moments.position(*names)
    result = np.zeros((*weights.shape[:-1], len(moments.columns) - 1))
    result[..., at] = weights
    result[..., 0] += weights @ moments.reference[at]
    return result


def _resampled(design: Design, moments: Moments, rng: np.random.Generator) -> Iterator[Moments]:
    """Moments of clusters drawn with replacement, each draw with levels of its own."""
    used = [moments.factors.index(group) for group in dict.fromkeys(term.group for term in design.random)]
    codes = moments.codes[:, used]
    top = _coarsest(codes)
    if top is None:
        raise EstimationError(
            "the grouping factors cross, so there are no independent clusters to draw",
            hint="use the parametric bootstrap or the profile",
        )
    order = np.argsort(codes[:, top], kind="stable")
    clusters, starts = np.unique(codes[order, top], return_index=True)
    ends = np.append(starts[1:], len(order))
    members = [order[a:b] for a, b in zip(starts, ends, strict=True)]
    while True:
        drawn = rng.integers(0, len(clusters), len(clusters))
        rows = np.concatenate([members[k] for k in drawn])
        copy = np.repeat(np.arange(len(drawn)), [len(members[k]) for k in drawn])
        fresh: list[Integers] = []
        for column in codes.T:
            pairs = copy * (int(column.max()) + 1) + column[rows]
            fresh.append(np.unique(pairs, return_inverse=True)[1].astype(np.int64))
        yield replace(
            moments,
            products=moments.products[rows],
            factors=tuple(moments.factors[f] for f in used),
            levels=tuple(tuple(range(int(column.max()) + 1)) for column in fresh),
            codes=np.column_stack(fresh),
        )


def _coarsest(codes: Integers) -> int | None:
    """The factor that contains all others, if there is one."""
    sizes = [len(np.unique(column)) for column in codes.T]
    top = int(np.argmin(sizes))
    for f, column in enumerate(codes.T):
        pairs = len(np.unique(column * (int(codes[:, top].max()) + 1) + codes[:, top]))
        if pairs != sizes[f]:
            return None
    return top


def percentile_intervals(draws: pd.DataFrame, estimate: pd.Series, level: float) -> pd.DataFrame:
    """One row per parameter: estimate, lower and upper percentiles of its draws."""
    tail = 0.5 * (1.0 - level)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "lower": draws.quantile(tail),
            "upper": draws.quantile(1.0 - tail),
        }
    )


def described(optimum: Optimum) -> pd.Series:
    """SDs, correlations, residual SD and shares of variance, named as in `lmm_profile`."""
    data = optimum.point.criterion.data
    unit = data.y_scale**2 * float(optimum.point.sigma2)
    result: dict[str, float] = {}
    intercepts: dict[str, float] = {}
    for group, relative in zip(data.groups, optimum.point.covariance, strict=True):
        covariance = unit * group.back @ relative @ group.back.T
        sd = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        for term in group.terms:
            for i in term:
                result[f"sd_{group.columns[i]}|{group.group}"] = float(sd[i])
            for i, j in combinations(term, 2):
                correlation = covariance[i, j] / (sd[i] * sd[j]) if sd[i] * sd[j] > 0.0 else float("nan")
                result[f"cor_{group.columns[j]}.{group.columns[i]}|{group.group}"] = float(correlation)
        if INTERCEPT in group.columns:
            intercepts[group.group] = float(sd[group.columns.index(INTERCEPT)] ** 2)
    result["sigma"] = float(np.sqrt(unit))
    total = sum(intercepts.values()) + unit
    result.update({f"icc|{group}": variance / total for group, variance in intercepts.items()})
    return pd.Series(result)
