"""Satterthwaite's degrees of freedom for linear mixed models, from exact derivatives.

The variance v = c'Cov(β̂)c of a contrast is itself estimated; matched to a multiple of χ² it has
df = 2v²/Var(v̂), Var(v̂) = g'Ag with g = ∂v/∂(variance parameters) and A the inverse of their observed
information (Giesbrecht & Burns 1985 Biometrics 41:477; Fai & Cornelius 1996 J Stat Comput Simul 54:363 for
several contrasts at once). The parameters are θ and log σ². For an optimum inside the parameter space any
others give the same; on the boundary the variances that are zero count as known to be zero, as in lmerTest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.linear_mixed.lmm_criterion import CriterionPoint

Floats = NDArray[np.float64]

# eigenvalues of the scaled information below this are directions that the data do not determine
_UNDETERMINED = 1e-9


@dataclass(frozen=True)
class Satterthwaite:
    """What degrees of freedom of any contrast need.

    Attributes:
        vcov: (p, p) covariance of the coefficients.
        slopes: (m + 1, p, p) its derivatives in θ and log σ².
        covariance: (m + 1, m + 1) covariance of θ̂ and log σ̂².
    """

    vcov: Floats
    slopes: Floats
    covariance: Floats

    def df(self, contrast: Floats) -> float:
        """Denominator degrees of freedom of an (r, p) contrast."""
        variance = contrast @ self.vcov @ contrast.T
        values, vectors = np.linalg.eigh(variance)
        kept = values > 1e-12 * values.max()
        rows = vectors.T[kept] @ contrast
        each = np.array([self._single(row) for row in rows])
        if len(each) == 1:
            return float(each[0])
        if np.ptp(each) < 1e-8 * each.mean():
            return float(each.mean())
        # E of the average of the t² statistics, matched to an F
        if np.any(each <= 2.0):
            return 2.0
        expected = float(np.sum(each / (each - 2.0)))
        return 2.0 * expected / (expected - len(each))

    def of_coefficients(self) -> Floats:
        """(p,) degrees of freedom of each coefficient."""
        diagonal = np.einsum("app->pa", self.slopes)
        spread = np.einsum("pa,ab,pb->p", diagonal, self.covariance, diagonal)
        return _ratio(np.diag(self.vcov), spread)

    def _single(self, row: Floats) -> float:
        slope = np.einsum("p,apq,q->a", row, self.slopes, row)
        variance = np.array([row @ self.vcov @ row])
        return float(_ratio(variance, np.array([slope @ self.covariance @ slope]))[0])


def satterthwaite(point: CriterionPoint, theta: Floats) -> Satterthwaite:
    """The degrees of freedom's ingredients at the optimum.

    Args:
        point: the criterion at the optimum.
        theta: its parameters.
    """
    criterion = point.criterion
    shape, data, sigma2 = criterion.shape, criterion.data, float(point.sigma2)
    p, m = len(data.fixed), shape.size
    jacobian = shape.jacobian(theta)
    q_slopes = point.q_slopes
    # undo the profiling of σ²
    curvature = point.curvature + np.outer(q_slopes, q_slopes) / (point.q * sigma2)
    information = np.empty((m + 1, m + 1))
    information[:m, :m] = shape.hessian(point.slopes, curvature, theta)
    information[:m, m] = information[m, :m] = -jacobian.T @ q_slopes / sigma2
    information[m, m] = criterion.nu

    unit = data.y_scale**2 * sigma2
    vcov = unit * data.back @ point.s_xx_inverse @ data.back.T
    by_entry = np.empty((m, p, p))
    onto = point.s_xx_inverse @ data.back.T
    for a, (factor, e) in enumerate(shape.basis):
        products = np.tensordot(e, point.score_products[factor][:, :, :p, :p], axes=2)
        by_entry[a] = unit * onto.T @ products @ onto
    slopes = np.concatenate([np.tensordot(jacobian.T, by_entry, axes=1), vcov[None]])
    return Satterthwaite(vcov, slopes, 2.0 * determined_inverse(information))


def determined_inverse(information: Floats) -> Floats:
    """Inverse over the directions with positive information, zero along the others."""
    size = np.sqrt(np.abs(np.diag(information)))
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    kept = values > _UNDETERMINED * values.max()
    scaled = vectors[:, kept] / size[:, None]
    return np.asarray((scaled / values[kept]) @ scaled.T)


def _ratio(variance: Floats, spread: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.where(spread > 0.0, 2.0 * variance**2 / np.maximum(spread, 1e-300), np.inf)
