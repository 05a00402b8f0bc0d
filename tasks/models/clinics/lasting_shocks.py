"""Shocks of clinics' months that last: how alike those of neighbouring months are.

A shock that comes anew each month averages out over a year; one that lasts does not, and looks like the
clinic's own level. About a clinic's mean over the window shocks vary by less than they do, the more so the
longer they last: their variance σ² and their correlation ρ^|s − t| (of months s and t) are therefore
estimated together, by equating the scatter of months about their clinics and the products of neighbouring
months with what both are expected to be (moments, as in DerSimonian & Laird 1986, Control Clin Trials 7:177;
the bias of correlations about an estimated mean is Marriott & Pope's, 1954, Biometrika 41:390).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.models.fit import Floats
from tasks.models.numerics.distributions import t

SIGNIFICANT = 0.05
LONGEST = 0.95
"""Correlation of neighbouring months beyond which a shock is not told from the clinic's level."""
_STEPS = 95
_ROUNDS = 500
_SETTLED = 1e-10


@dataclass(frozen=True)
class LastingShocks:
    """Shocks that last.

    Attributes:
        strength: their SD σ, on the scale of the link.
        lasting: correlation ρ of those of neighbouring months.
        of_mean: (K,) variance that they add to each clinic's own figure.
    """

    strength: float
    lasting: float
    of_mean: Floats


def lasting_shocks(residual: Floats, weight: Floats, known: Sequence[Floats] = ()) -> LastingShocks | None:
    """Shocks that last; None where neighbouring months are no more alike than chance makes them.

    Args:
        residual: (K, T) months' figures about the clinic's level and the month's, on the scale of the link.
        weight: (K, T) inverse sampling variances; 0 where a clinic has no records in a month.
        known: (K, T) columns that change within clinics and are no shocks, such as the program.
    """
    clinics, months = weight.shape
    there = weight.sum(axis=1) > 0.0
    if clinics < 3 or months < 3 or there.sum() < 3:
        return None
    left = _without(residual, weight, known)
    products = _Products.of(left[there], weight[there])
    if not np.trace(products.of_scatter) > 0.0:  # no clinic has two months
        return None
    new = products.excess(np.eye(months))
    if new <= 0.0:
        return None
    # of each clinic, what neighbouring months have in common beyond shocks that come anew
    beyond = (
        products.neighbours - products.neighbours_by_chance - new * products.neighbours_of(np.eye(months))
    )
    error = float(np.std(beyond, ddof=1)) * np.sqrt(len(beyond))
    if not error > 0.0 or t.sf(float(beyond.sum()) / error, len(beyond) - 1) >= SIGNIFICANT:
        return None
    apart = np.abs(np.subtract.outer(np.arange(months), np.arange(months)))
    lasting = LONGEST
    for candidate in np.linspace(0.0, LONGEST, _STEPS + 1)[1:]:
        alike = candidate**apart
        expected = float(products.neighbours_of(alike).sum()) * products.excess(alike)
        if float((products.neighbours - products.neighbours_by_chance).sum()) <= expected:
            lasting = float(candidate)
            break
    alike = lasting**apart
    variance = products.excess(alike)
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), where=there[:, None], out=weight * 0.0)
    return LastingShocks(float(np.sqrt(variance)), lasting, variance * ((share @ alike) * share).sum(axis=1))


@dataclass(frozen=True)
class _Products:
    """Sums of squares and of neighbours' products about clinics' means, and what is expected of them.

    Attributes:
        scatter: Σ w r² of all clinics' months, r about the clinic's mean; `scatter_by_chance` without shocks.
        neighbours: (K,) sums of neighbouring months' w r, multiplied; `neighbours_by_chance` without shocks.
        of_scatter: (T, T) derivative of the expected scatter by the shocks' covariance.
        of_neighbours: (K, T, T) the same of the neighbours' products.
    """

    scatter: float
    scatter_by_chance: float
    neighbours: Floats
    neighbours_by_chance: Floats
    of_scatter: Floats
    of_neighbours: Floats

    @classmethod
    def of(cls, residual: Floats, weight: Floats) -> _Products:
        clinics, months = weight.shape
        share = weight / weight.sum(axis=1, keepdims=True)
        about = residual - (share * residual).sum(axis=1, keepdims=True)
        centre = np.eye(months)[None] - share[:, None, :]
        beside = 0.5 * (np.eye(months, k=1) + np.eye(months, k=-1))
        size = weight.mean(axis=1)
        squares = weight[:, :, None] * np.eye(months)[None]
        crossed = beside[None] * weight[:, :, None] * weight[:, None, :] / size[:, None, None]
        of_squares, of_crossed = (np.swapaxes(centre, 1, 2) @ each @ centre for each in (squares, crossed))
        variance = np.divide(1.0, weight, where=weight > 0.0, out=np.zeros_like(weight))
        chance = [np.einsum("ktt,kt->k", each, variance) for each in (of_squares, of_crossed)]
        kept = (clinics - 1.0) / clinics  # months have levels of their own
        return cls(
            scatter=float((weight * about**2).sum()) / kept,
            scatter_by_chance=float(chance[0].sum()),
            neighbours=np.einsum("ks,kst,kt->k", about, crossed, about) / kept,
            neighbours_by_chance=chance[1],
            of_scatter=of_squares.sum(axis=0),
            of_neighbours=of_crossed,
        )

    def excess(self, alike: Floats) -> float:
        """The shocks' variance by the scatter, if months are correlated so."""
        return (self.scatter - self.scatter_by_chance) / float((self.of_scatter * alike).sum())

    def neighbours_of(self, alike: Floats) -> Floats:
        """(K,) what the neighbours' products are expected to have of shocks with variance 1."""
        return np.asarray((self.of_neighbours * alike).sum(axis=(1, 2)))


def _without(residual: Floats, weight: Floats, known: Sequence[Floats]) -> Floats:
    """(K, T) residuals less the columns' part, beside levels of clinics and months."""
    if not known:
        return residual
    columns = np.array([_two_way(each, weight).ravel() for each in known]).T
    root = np.sqrt(weight).ravel()
    fitted = np.linalg.lstsq(columns * root[:, None], residual.ravel() * root, rcond=None)[0]
    return np.asarray(residual - (columns @ fitted).reshape(residual.shape))


def _two_way(values: Floats, weight: Floats) -> Floats:
    """Values about the weighted levels of rows and columns, by turns."""
    left = np.array(values, dtype=float)
    for _ in range(_ROUNDS):
        moved = 0.0
        for axis in (0, 1):
            total = weight.sum(axis=axis, keepdims=True)
            level = np.divide(
                (weight * left).sum(axis=axis, keepdims=True), total, where=total > 0.0, out=total * 0.0
            )
            left = left - level
            moved = max(moved, float(np.abs(level).max()))
        if moved < _SETTLED:
            break
    return left
