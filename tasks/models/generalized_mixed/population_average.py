"""An average over a sample and its clinics' effects, with its gradient: what standardisation compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from tasks.models.fit import Fit, Floats
from tasks.models.generalized_mixed.families import LINKS, mean_of
from tasks.models.generalized_mixed.glmm_fit import LOG_SIZE, GlmmFit, Loading
from tasks.models.numerics.normal_mixture import marginal_derivatives
from tasks.records.for_models.set_rows import SetRows

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
    """

    n: float
    mean: float
    gradient: Floats
    median: float
    median_gradient: Floats
    moves: NDArray[np.bool_]

    @classmethod
    def over(cls, parts: Sequence[Averaged]) -> Averaged:
        """The average over all of some parts of the sample."""
        n = sum(each.n for each in parts)
        shares = [each.n / n for each in parts]

        def whole(values: Iterable[Floats | float]) -> Any:
            return sum(share * value for share, value in zip(shares, values, strict=True))

        return cls(
            n=n,
            mean=float(whole(each.mean for each in parts)),
            gradient=whole(each.gradient for each in parts),
            median=float(whole(each.median for each in parts)),
            median_gradient=whole(each.median_gradient for each in parts),
            moves=parts[0].moves,
        )


@dataclass(frozen=True)
class Contrasted:
    """The sample with a variable at each of two values, reference first.

    Attributes:
        low: averages at the one.
        high: averages at the other.
        step: (p,) how the fixed-effect columns move between them, where they move alike in every row; None
            where rows differ.
    """

    low: Averaged
    high: Averaged
    step: Floats | None

    def __iter__(self) -> Iterator[Averaged]:
        return iter((self.low, self.high))


def contrasted(fit: Fit, variable: str, parts: Iterable[tuple[SetRows, ...]]) -> Contrasted:
    """Averages over a sample that comes in parts, each with the variable at two values."""
    averages: list[tuple[Averaged, Averaged]] = []
    least, most = np.full(len(fit.coef), np.inf), np.full(len(fit.coef), -np.inf)
    for low, high in parts:
        averages.append((averaged(fit, variable, low), averaged(fit, variable, high)))
        moved = high.fixed - low.fixed
        least, most = np.minimum(least, moved.min(axis=0)), np.maximum(most, moved.max(axis=0))
    lows, highs = zip(*averages, strict=True)
    size = float(np.maximum(np.abs(least), np.abs(most)).max(initial=0.0))
    alike = float((most - least).max(initial=0.0)) <= 1e-12 * size
    return Contrasted(Averaged.over(lows), Averaged.over(highs), least if alike else None)


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
