"""An average over a sample and its clinics' effects, with its gradient: what standardisation compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from tasks.models.fit import Fit, Floats
from tasks.models.generalized_mixed.families import LINKS, mean_of
from tasks.models.generalized_mixed.glmm_fit import LOG_SIZE, GlmmFit, Loading
from tasks.models.numerics.normal_mixture import marginal_derivatives
from tasks.records.set_rows import SetRows

Scale = Literal["gaussian", "binomial", "poisson"]


class _Named(Protocol):
    name: str


@dataclass(frozen=True)
class Averaged:
    """An average over the sample and its gradients.

    Attributes:
        n: rows.
        mean: averaged over random effects and rows.
        gradient: of `mean` in (θ, β).
        median: averaged over rows at the median clinic (all effects zero).
        median_gradient: of `median` in (θ, β).
        moves: (p,) which fixed-effect columns depend on the variable.
        moving: (N, m) those columns.
    """

    n: float
    mean: float
    gradient: Floats
    median: float
    median_gradient: Floats
    moves: NDArray[np.bool_]
    moving: Floats


def averaged(fit: Fit, variable: str, rows: SetRows) -> Averaged:
    """Averages over one set of rows."""
    scale, loadings = scale_of(fit), _loadings(fit)
    eta = rows.offset + rows.fixed @ fit.coef.to_numpy()
    weight = rows.weight / rows.weight.sum()
    variance, slopes = np.zeros(eta.size), []
    for term, z in zip(loadings, rows.random, strict=bool(loadings)):
        variance += term.variance_at(z)
        slopes.append(term.variance_slopes(z))
    if scale == "gaussian":
        mean, by_eta, by_variance = eta, np.ones_like(eta), np.zeros_like(eta)
        median, median_slope = eta, by_eta
    else:
        mean, by_eta, by_variance = marginal_derivatives(LINKS[scale], eta, variance)
        median = mean_of(scale, eta)
        median_slope = median * (1.0 - median) if scale == "binomial" else median
    of_theta = [(weight * by_variance) @ each for each in slopes]
    n_theta = sum(each.size for each in of_theta)
    moves = np.array([variable in fit.design.sources.get(name, ()) for name in fit.design.fixed])
    return Averaged(
        n=float(rows.weight.sum()),
        mean=float(weight @ mean),
        gradient=np.concatenate([*of_theta, (weight * by_eta) @ rows.fixed]),
        median=float(weight @ median),
        median_gradient=np.concatenate([np.zeros(n_theta), (weight * median_slope) @ rows.fixed]),
        moves=moves,
        moving=rows.fixed[:, moves],
    )


@dataclass(frozen=True, slots=True)
class Mean:
    """An average over the sample and random effects.

    Attributes:
        value: the average.
        gradient: of it in (θ, β).
    """

    value: float
    gradient: Floats


def means_with(fit: GlmmFit, rows: SetRows, columns: Sequence[str]) -> list[Mean]:
    """Averages over one set of rows with one more of each of these columns in turn.

    Args:
        fit: a mixed model on a link.
        rows: the sample; its random columns are those that the effects have then.
        columns: of the fixed effects.
    """
    weight = rows.weight / rows.weight.sum()
    variance = np.zeros(weight.size)
    for term, z in zip(fit.loadings, rows.random, strict=True):
        variance += term.variance_at(z)
    places = [fit.design.fixed.index(name) for name in columns]
    predictor, coef = rows.offset + rows.fixed @ fit.coef.to_numpy(), fit.coef.to_numpy()
    values: list[float] = []
    by_eta, by_variance = np.empty((2, len(places), weight.size))
    for i, place in enumerate(places):
        mean, first, of_variance = marginal_derivatives(LINKS[fit.family], predictor + coef[place], variance)
        values.append(float(weight @ mean))
        np.multiply(weight, first, out=by_eta[i])
        np.multiply(weight, of_variance, out=by_variance[i])
    of_theta = [
        by_variance @ term.variance_slopes(z) for term, z in zip(fit.loadings, rows.random, strict=True)
    ]
    of_beta = by_eta @ rows.fixed
    of_beta[np.arange(len(places)), places] += by_eta.sum(axis=1)
    gradients = np.concatenate([*of_theta, of_beta], axis=1)
    return [Mean(value, gradient) for value, gradient in zip(values, gradients, strict=True)]


def delta_error(gradient: Floats, covariance: Floats) -> float:
    """The delta method's standard error."""
    return float(np.sqrt(max(float(gradient @ covariance @ gradient), 0.0)))


def scale_of(fit: Fit) -> Scale:
    """Whose link a fit has."""
    family = getattr(fit, "family", None)
    if family is None:
        return "gaussian"
    name = family if isinstance(family, str) else cast("_Named", family).name
    return "poisson" if name == "negative-binomial" else cast("Scale", name)


def _loadings(fit: Fit) -> tuple[Loading, ...]:
    return fit.loadings if isinstance(fit, GlmmFit) else ()


def joint_covariance(fit: Fit) -> Floats:
    """Covariance of (θ, β)."""
    if not isinstance(fit, GlmmFit):
        return fit.vcov.to_numpy()
    kept = [name for name in fit.joint_vcov.index if name != LOG_SIZE]
    return fit.joint_vcov.loc[kept, kept].to_numpy()
