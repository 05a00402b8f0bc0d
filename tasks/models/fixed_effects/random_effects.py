"""The random-effects GLS estimator of Swamy & Arora, from moments: what the Hausman test compares with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee_sums import Centre
from tasks.models.fit import Fit, Floats, VarianceComponents
from tasks.models.fixed_effects.within import within_from_moments
from tasks.records import moments_for
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT, Moments


@dataclass(frozen=True, kw_only=True)
class RandomEffectsFit(Fit):
    """A random-intercept model fitted by feasible GLS with moment estimates of the variances.

    Attributes:
        varcomp: variance of the cluster effects, and the residual variance.
        sigma2: residual variance, from the within estimator.
        sigma2_quasi: residual variance of the quasi-demeaned regression, which scales `vcov` (as plm's).
        theta: per cluster, the share of its mean that quasi-demeaning takes off.
    """

    varcomp: VarianceComponents
    sigma2: float
    sigma2_quasi: float
    theta: pd.Series

    @property
    def icc(self) -> float:
        """Share of the variance that lies between clusters."""
        between = float(self.varcomp[self.n_groups.index[0]].to_numpy()[0, 0])
        return between / (between + self.sigma2)


def swamy_arora(formula: str, data: Any, *, groups: str) -> RandomEffectsFit:
    """Random-effects GLS, as plm's `random.method = "swar"`, unbalanced clusters included.

    σ²_e comes from the within estimator and σ²_u from the between regression, with the trace of Baltagi &
    Chang (1994, J Econometrics 62, 67): σ²_u = (RSS_b − (K − k)σ²_e)/(N − tr[(X'PX)⁻¹X'PZZ'X]), negative
    values being taken as zero (and said).

    Raises:
        EstimationError: as `within`, but covariates constant within clusters are welcome; fewer clusters
            than coefficients.
    """
    design, moments = moments_for(formula, data, groups=(groups,))
    return swamy_arora_from_moments(design, moments)


def swamy_arora_from_moments(design: Design, moments: Moments) -> RandomEffectsFit:
    """Random-effects GLS from moments by cluster (the first factor)."""
    group, n = moments.factors[0], moments.n
    if INTERCEPT not in design.fixed:
        raise EstimationError("the random-effects estimator needs an intercept in the formula")
    varying = varying_within(design, moments)
    if not varying:
        raise EstimationError(
            f"no covariate varies within {group}, so the variance there cannot be estimated"
        )
    inner = within_from_moments(_only(design, (INTERCEPT, *varying)), moments, "classical")
    columns, last = moments.position(*design.fixed), len(moments.columns) - 1
    total = moments.products[:, columns[:, None], columns], moments.products[:, columns, last]
    sums, y = moments.products[:, 0, columns], moments.products[:, 0, last]
    k, p, n_obs = len(n), len(columns), float(n.sum())
    if k <= p:
        raise EstimationError(
            f"{k} {group}s are too few for a regression of their means on {p} coefficients",
            hint="use fewer covariates, or lmm()",
        )
    between_xx = np.einsum("ki,kj,k->ij", sums, sums, 1.0 / n)
    between_xy = sums.T @ (y / n)
    between_b = np.linalg.lstsq(between_xx, between_xy, rcond=None)[0]
    rss_between = float(y @ (y / n) - between_xy @ between_b)
    trace = float(np.trace(np.linalg.lstsq(between_xx, sums.T @ sums, rcond=None)[0]))
    rank = int(np.linalg.matrix_rank(_scaled(between_xx)))
    variance = (rss_between - (k - rank) * inner.sigma2) / (n_obs - trace)
    notes = () if variance > 0.0 else (f"the variance between {group}s is estimated at zero or below.",)
    variance = max(variance, 0.0)
    share = variance / (inner.sigma2 + n * variance)
    xx = total[0].sum(axis=0) - np.einsum("ki,kj,k->ij", sums, sums, share)
    xy = total[1].sum(axis=0) - sums.T @ (share * y)
    yy = float(moments.products[:, last, last].sum() - share @ (y * y))
    b = np.linalg.solve(xx, xy)
    sigma2_quasi = (yy - float(xy @ b)) / (n_obs - p)
    centre = Centre.at(design.fixed, moments.reference[columns])
    coefficients = b.copy()
    coefficients[design.fixed.index(INTERCEPT)] += moments.reference[last]
    names = pd.Index(design.fixed)
    vcov = centre.back @ (sigma2_quasi * np.linalg.inv(xx)) @ centre.back.T
    return RandomEffectsFit(
        method="Random-effects GLS (Swamy–Arora)",
        design=design,
        estimand=f"within and between {group}s: difference in means, {group} effects being random",
        coef=pd.Series(centre.back @ coefficients, index=names, name="estimate"),
        vcov=pd.DataFrame(vcov, index=names, columns=names),
        df=pd.Series(np.inf, index=names, name="df"),
        df_method="normal",
        loglik=None,
        n_parameters=p + 2,
        n_obs=round(n_obs),
        n_groups=pd.Series({group: k}),
        converged=True,
        singular=variance == 0.0,
        messages=notes,
        varcomp=_components(group, variance, inner.sigma2),
        sigma2=inner.sigma2,
        sigma2_quasi=sigma2_quasi,
        theta=pd.Series(1.0 - np.sqrt(1.0 - n * share), index=pd.Index(moments.levels[0], name=group)),
    )


def varying_within(design: Design, moments: Moments) -> tuple[str, ...]:
    """Fixed-effect columns that vary within some cluster."""
    names = [name for name in design.fixed if name != INTERCEPT]
    columns = moments.position(*names)
    whole = moments.products[:, columns, columns]
    inside = whole - moments.products[:, 0, columns] ** 2 / moments.n[:, None]
    return tuple(
        name
        for name, left, size in zip(names, inside.sum(axis=0), whole.sum(axis=0), strict=True)
        if left > 1e-12 * size
    )


def _only(design: Design, names: tuple[str, ...]) -> Design:
    return replace(design, fixed=names)


def _scaled(matrix: Floats) -> Floats:
    root = np.sqrt(np.where(np.diag(matrix) > 0.0, np.diag(matrix), 1.0))
    return np.asarray(matrix / np.outer(root, root))


def _components(group: str, variance: float, residual: float) -> VarianceComponents:
    frames: Mapping[str, pd.DataFrame] = {
        group: pd.DataFrame([[variance]], index=[INTERCEPT], columns=[INTERCEPT])
    }
    return VarianceComponents(frames, residual)
