"""The posterior of clinic effects in a linear mixed model, from moments.

Coefficients and residual variance have their usual flat priors and are integrated out exactly; what remains
is the restricted likelihood of the variances, here with a flat prior on the effects' standard deviations
(Gelman 2006, Bayesian Analysis 1:515). With one variance it is integrated on a grid; with several, over draws
about the estimates, weighted by the restricted likelihood itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError, nearest
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node, stretched, weigh
from tasks.models.clinics.uncertain_variances import with_uncertain_variances
from tasks.models.linear_mixed.lmm import LmmFit
from tasks.models.linear_mixed.lmm_criterion import Criterion, CriterionPoint, criterion_of
from tasks.models.linear_mixed.satterthwaite import satterthwaite
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]

_NODES = 49
_SEVERAL = 64
_HIGHEST = 1e3
"""The largest SD between levels, in residual SDs, that is thought possible: an ICC of 0.999999."""
_DROP = 20.0
"""The grid ends where the log posterior has fallen by this much: a density of 2·10⁻⁹ of the highest."""
_MANY = 20_000
"""With more combinations of levels than this, several variances are held at their estimates."""


def gaussian_posterior(fit: LmmFit, group: str) -> ClinicPosterior:
    """The joint posterior of the intercepts of a grouping factor's levels.

    Raises:
        EstimationError: the fit has no random intercept for that group, or fewer than two levels more than
            covariates (the constant included) that are constant within them: the SD's posterior has no end.
    """
    criterion = criterion_of(fit.design, fit.read, reml=True)
    names = [each.group for each in criterion.data.groups]
    if group not in names:
        raise EstimationError(f"no random effects by {group!r} in this fit; {nearest(group, names)}")
    if fit.folded is not None and fit.folded.group == group:
        fit.refuse_folded("a posterior is of each of them")
    factor = names.index(group)
    columns = criterion.data.groups[factor].columns
    if INTERCEPT not in columns:
        raise EstimationError(
            f"{group} has no random intercept in {fit.formula}, so its levels have no effect of their own",
            hint=f"write (1 + … | {group})",
        )
    effect = columns.index(INTERCEPT)
    moments = fit.moments
    points, weights = (
        _one(criterion, moments, group) if criterion.shape.size == 1 else _several(criterion, fit)
    )
    means = moments.mean_row
    average = np.array([means[moments.columns.index(name)] for name in criterion.data.fixed])
    typical = float(average @ fit.coef.loc[list(criterion.data.fixed)].to_numpy())
    nodes = tuple(
        _node(point, weight, factor, effect, average, typical)
        for point, weight in zip(points, weights, strict=True)
        if weight > 1e-12
    )
    levels = tuple(fit.moments.levels[fit.moments.factors.index(group)])
    if fit.variances is not None:
        nodes = tuple(with_uncertain_variances(node, fit.variances, fit.moments) for node in nodes)
        return ClinicPosterior(group, levels, nodes, np.inf)
    return ClinicPosterior(group, levels, nodes, criterion.nu)


def _one(criterion: Criterion, moments: Moments, group: str) -> tuple[list[CriterionPoint], Floats]:
    """A grid over the relative SD t = τ/σ, from zero to where its posterior has faded."""

    def height(t: float) -> float:
        return -0.5 * criterion.at_theta(np.array([t])).value

    coarse = np.concatenate(([0.0], np.geomspace(1e-3, _HIGHEST, 37)))
    heights = np.array([height(float(t)) for t in coarse])
    # far out the density falls as t to the power −(levels − constant columns): with one over it never ends
    if (heights[-1] - heights[-2]) / np.log(coarse[-1] / coarse[-2]) > -1.5:
        n = len(moments.levels[moments.factors.index(group)])
        raise EstimationError(
            f"{n} {group}s are too few to say how much they differ",
            hint="three or more can, and one more for each column that is the same within all of them",
        )
    top = heights.max()
    inside = np.flatnonzero(heights > top - _DROP)
    low = float(coarse[max(inside[0] - 1, 0)])
    high = float(coarse[min(inside[-1] + 1, len(coarse) - 1)])
    bulk = float(coarse[np.flatnonzero(heights > top - 2.0)[-1]])
    grid, widths = stretched(low, high, max(bulk, 1e-3), _NODES)
    points = [criterion.at_theta(np.array([t])) for t in grid]
    return points, weigh(np.array([-0.5 * point.value for point in points]), widths)


def _several(criterion: Criterion, fit: LmmFit) -> tuple[list[CriterionPoint], Floats]:
    """Importance sampling of θ about its estimate; the estimate alone where each look is dear."""
    theta = fit.optimum.theta
    here = criterion.at_theta(theta)
    if len(criterion.data.codes) > _MANY or not math.isfinite(here.value):
        return [here], np.ones(1)
    spread = satterthwaite(here, theta).covariance[:-1, :-1]
    values, vectors = np.linalg.eigh(0.5 * (spread + spread.T))
    kept = values > 1e-14 * max(float(values.max()), 1e-300)
    root = vectors[:, kept] * np.sqrt(values[kept])
    # a Student t proposal has heavier tails than any posterior here; the seed makes a fit repeat itself
    rng = np.random.default_rng(0)
    df = 5.0
    z = rng.standard_normal((_SEVERAL, int(kept.sum()))) / np.sqrt(rng.chisquare(df, (_SEVERAL, 1)) / df)
    points = [criterion.at_theta(theta + root @ each) for each in z]
    proposal = -0.5 * (df + z.shape[1]) * np.log1p(np.sum(z**2, axis=1) / df)
    heights = np.array([-0.5 * point.value for point in points]) - proposal
    heights = np.where(np.isfinite(heights), heights, -np.inf)
    return points, weigh(heights, np.ones(_SEVERAL))


def _node(
    point: CriterionPoint, weight: float, factor: int, effect: int, average: Floats, typical: float
) -> Node:
    """The posterior at one point; `average` is the sample's average row, `typical` the fit's value of it."""
    data = point.criterion.data
    p = len(data.fixed)
    back = data.groups[factor].back[effect]
    unit = data.y_scale * math.sqrt(float(point.sigma2))
    effects = np.einsum("d,ndm->nm", back, point.effects.effects[factor])
    spread = np.einsum("d,nde,e->n", back, point.conditional_covariance[factor], back)
    root = np.linalg.cholesky(point.s_xx_inverse) if p else np.zeros((0, 0))
    return Node(
        weight=float(weight),
        sd_between=unit * math.sqrt(max(float(back @ point.covariance[factor] @ back), 0.0)),
        sd_within=unit,
        mean=data.y_scale * (effects @ point.residual),
        sd=unit * np.sqrt(np.maximum(spread, 0.0)),
        # effects fall as coefficients rise, and the average row's predictor rises
        shared=-unit * effects[:, :p] @ root,
        typical=float(average @ (data.y_scale * data.back @ point.beta + data.shift)) - typical,
        typical_shared=unit * (average @ data.back) @ root,
    )
