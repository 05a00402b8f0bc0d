"""The posterior of clinic effects in a generalized linear mixed model with one random effect.

On a grid of SDs the coefficients are found anew and integrated out by Laplace's approximation, with flat
priors on them and on the SD, as for normal outcomes; at each, a clinic's posterior mean and SD come by
adaptive quadrature. This needs the outcome's cells once more: they are read, used and dropped.
Source: the nested approximation of Rue, Martino & Chopin (2009), JRSS-B 71:319, with one hyperparameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tasks.errors import EstimationError, nearest
from tasks.models.clinics.clinic_posterior import ClinicPosterior, Node, stretched, weigh
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.sd_profile import SdProfile, likelihood_family, working_parameters
from tasks.records import Cells, Design

Floats = NDArray[np.float64]

_DROP = 8.0
"""The grid ends where the log posterior has fallen by this much: a density of 3·10⁻⁴ of the highest."""
_HIGHEST = 10.0
"""The largest SD between levels, in log odds or log rate, that is thought possible; few rare events rule out
none by themselves."""
_QUADRATURE, _LESS = 15, 7
SLIGHT = 1e-12
"""Weight under which an SD is passed over."""
_MANY_CELLS = 100_000
"""With more cells than this the SD's likelihood is Laplace's, and levels' moments have fewer nodes."""


def count_posterior(fit: GlmmFit, group: str) -> ClinicPosterior:
    """The joint posterior of the effects of a grouping factor's levels.

    Where the fit does not remember its data (it was unpickled), or has several random effects, the SD is held
    at its estimate and effects are normal about their conditional modes.

    Raises:
        EstimationError: the fit has no random effects by that group, or several by that group.
    """
    if group not in fit.varcomp:
        raise EstimationError(f"no random effects by {group!r} in this fit; {nearest(group, fit.varcomp)}")
    if len(fit.varcomp[group]) > 1:
        raise EstimationError(
            f"{group} has several random effects in {fit.formula}, so its levels have no one effect",
            hint=f"fit (1 | {group})",
        )
    if fit.data is None or len(fit.loadings) > 1:
        return _held(fit, group)
    return posterior_from_cells(*fit.cells(), fit)


def posterior_from_cells(design: Design, cells: Cells, fit: GlmmFit) -> ClinicPosterior:
    """The same from the cells that the fit was made from."""
    (group,) = fit.varcomp
    levels = tuple(fit.labels[group])
    quadrature, count = nodes_for(cells, fit)
    profile = SdProfile.of(design, cells, likelihood_family(fit), quadrature)
    start = working_parameters(profile.cells, fit)
    grid, widths = _grid(profile, start, fit)
    points = [profile.at(float(sd), start) for sd in grid]
    weights = weigh(np.array([height_of(point) for point in points]), widths)
    average = average_row(profile, start)
    nodes = []
    for sd, point, weight in zip(grid, points, weights, strict=True):
        if weight >= SLIGHT:
            # standardised effects are read off at the likelihood's σ, the SD over the column's scale
            effects = profile.likelihood.posterior(point.parameters, count, point)
            nodes.append(node_of(float(weight), float(sd), point, effects, float(sd), start, average))
    return ClinicPosterior(group, levels, tuple(nodes), float("inf"))


def node_of(
    weight: float,
    sd: float,
    point: LikelihoodEvaluation,
    effects: tuple[Floats, Floats],
    scale: Floats | float,
    start: Floats,
    average: Floats,
) -> Node:
    """The effects given one SD between clinics, coefficients near their best there.

    Args:
        weight: of the SD.
        sd: the SD.
        point: the likelihood at its best.
        effects: (n,) posterior means and SDs of standardised effects.
        scale: (n,) by which they are multiplied, or one number for all.
        start: parameters of the fit.
        average: (p,) the sample's average row.
    """
    mean, spread = effects
    slopes = point.mode_slopes[1:]
    root = np.linalg.cholesky(np.linalg.inv(-point.hessian[1:, 1:])[: len(slopes), : len(slopes)])
    moved = point.parameters[1 : 1 + average.size] - start[1 : 1 + average.size]
    return Node(
        weight=weight,
        sd_between=sd,
        sd_within=math.nan,
        mean=scale * mean,
        sd=scale * spread,
        shared=(scale * slopes).T @ root,
        typical=float(average @ moved),
        typical_shared=average @ root,
    )


def nodes_for(cells: Cells, fit: GlmmFit) -> tuple[int, int]:
    """Quadrature nodes of the SD's likelihood, and of levels' moments: fewer where cells are many."""
    many = cells.weight.size > _MANY_CELLS
    return 1 if many else min(max(fit.nodes, 1), _QUADRATURE), _LESS if many else _QUADRATURE


def average_row(profile: SdProfile, start: Floats) -> Floats:
    """(p,) the sample's average row: how much each coefficient moves the sample's expected outcome.

    Rows count by the slope of their expected outcome in the linear predictor: the figure of all rows at a
    level then moves, to first order, as this row does.
    """
    cells = profile.cells
    eta = cells.offset + start[1 : 1 + len(cells.x)] @ cells.x
    if cells.outcome.family == "binomial":
        chance = special.expit(eta)
        slope = cells.outcome.n * chance * (1.0 - chance)
    else:
        slope = cells.rows * np.exp(eta - eta.max())
    return np.asarray(cells.x @ slope / slope.sum())


def height_of(point: LikelihoodEvaluation) -> float:
    """Log posterior of the SD, coefficients integrated out by Laplace's approximation."""
    information = -point.hessian[1:, 1:]
    return point.value - 0.5 * float(np.linalg.slogdet(information)[1])


def _grid(profile: SdProfile, start: Floats, fit: GlmmFit) -> tuple[Floats, Floats]:
    """SDs over the bulk of their posterior, and the widths that they stand for.

    Where the estimate is many standard errors from zero a few points about it do: the trapezoid rule is very
    exact on a near-normal density. Elsewhere the ends are looked for.
    """
    (group,) = fit.varcomp
    best = float(fit.varcomp.sd(group).iloc[0])
    se = profile.scale * math.sqrt(max(float(fit.joint_vcov.to_numpy()[0, 0]), 0.0))
    if best > 0.0 and 0.0 < se < 0.2 * best:
        count, reach = (5, 3.2) if se < 0.1 * best else (9, 4.0)
        # likelihoods of SDs are near normal on the log scale
        factor = np.exp(np.linspace(-reach, reach, count) * se / best)
        return best * factor, factor
    low, bulk, high = range_of(lambda sd: height_of(profile.at(sd, start)), best)
    return stretched(low, high, bulk, 15)


def range_of(height: Callable[[float], float], best: float) -> tuple[float, float, float]:
    """Where the posterior of the SD has faded below, where its bulk ends, and where it has faded above.

    Args:
        height: log posterior of an SD.
        best: about where it is highest.
    """
    sds = [max(best, 0.05) * factor for factor in (0.5, 1.0, 1.5, 2.0)]
    heights = [height(each) for each in sds]
    while heights[-1] > max(heights) - _DROP and sds[-1] < _HIGHEST:
        sds.append(min(sds[-1] * 1.4, _HIGHEST))
        heights.append(height(sds[-1]))
    top = max(heights)
    bulk = max(sd for sd, each in zip(sds, heights, strict=True) if each > top - 2.0)
    low = 0.0
    if height(0.0) < top - _DROP:
        above = best
        for _ in range(6):
            middle = 0.5 * (low + above)
            low, above = (middle, above) if height(middle) < top - _DROP else (low, middle)
    return low, bulk, sds[-1]


def _held(fit: GlmmFit, group: str) -> ClinicPosterior:
    """The posterior with every variance held at its estimate."""
    modes, conditional, slopes = fit.modes[group]
    root = np.linalg.cholesky(fit.vcov.to_numpy())
    node = Node(
        weight=1.0,
        sd_between=float(fit.varcomp.sd(group).iloc[0]),
        sd_within=math.nan,
        mean=modes[:, 0],
        sd=np.sqrt(conditional[:, 0, 0]),
        shared=slopes[:, :, 0].T @ root,
    )
    return ClinicPosterior(group, tuple(fit.labels[group]), (node,), float("inf"))
