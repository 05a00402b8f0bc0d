"""Second derivatives of Laplace's log-likelihood, by implicit differentiation of the modes.

With the notation of `laplace_point`, dots for derivatives in parameters i and j, τ = log size of a negative
binomial, and c_i, d_i what a parameter does to Xβ and to D, the modes move by

    o_i = X c_i + Z d_i s,    e_i = d_i s + K Z'(f'' o_i + ∂f'/∂τ),    η̇_i = X c_i + Z e_i,
    ṡ_i = Z'(f'' η̇_i + ∂f'/∂τ),

also where D is singular. Twice differentiating ℓ, with b̈ taken out of it by the adjoint a = K Z'k that the
gradient has already,

    ℓ̈_ij = Σ (f'' η̇_i + ∂f'/∂τ) o_j + ½ tr D̈_ij (ss' + s_a s' + s s_a' − Z'V⁻¹Z) + s_a'(d_i ṡ_j + d_j ṡ_i)
          + Σ (½ f'''' v + f''' Za) η̇_i η̇_j − ½ tr K̇_i Ṗ_j − ½ tr (Z'V⁻¹Z)˙_i d_j,

where Ṗ_i = −Σ f''' η̇_i zz', and where i or j is τ the same with ∂/∂τ of f and its derivatives (Skaug &
Fournier 2006, Comput Stat Data Anal 51:699, reach it by automatic differentiation). K̇_i and (Z'V⁻¹Z)˙_i are
what Ṗ_i and d_i do to the blocks of the elimination: its own arithmetic, done in complex numbers with a
vanishing imaginary part, which gives the derivative to the last digit (Squire & Trapp 1998, SIAM Rev 40:110).
What cells are needed for is summed over each combination of levels once, whatever the number of parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.laplace_point import LaplacePoint

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

_TINY = 1e-40
"""Imaginary part that stands for a derivative: its square is lost beside 1, whatever is differentiated."""


class LaplaceHessian:
    """Second derivatives at one point, those of (θ, log size) apart from those of all parameters.

    Args:
        point: where; its modes are found.

    Attributes:
        mode_slopes: (m, U) derivatives of the modes, stacked, in every parameter.
    """

    def __init__(self, point: LaplacePoint) -> None:
        self._point = point
        x, z, arrangement = point.whole.x, point.whole.z, point.arrangement
        p, q = x.size, point.theta.size
        self._m = q + p + point.outcome.has_size
        self._beta = slice(q, q + p)
        slopes = arrangement.covariance_slopes(point.theta)
        self._covariance_slopes = slopes
        self._crossed = z.crossed(x, point.second)
        moved = [arrangement.zeros() for _ in slopes]
        for own, (factor, slope) in zip(moved, slopes, strict=True):
            own[factor] = point.scores[factor] @ slope
        outright = np.zeros((len(self._crossed), arrangement.n_columns, self._m))
        for i, own in enumerate(moved):
            outright[:, :, i] = arrangement.combined(own)
        sides = np.empty_like(outright)
        sides[:, :, :q] = z.products(point.second) @ outright[:, :, :q]
        sides[:, :, self._beta] = self._crossed
        if point.outcome.has_size:
            sides[:, :, -1] = z.sums(point.size_slopes[1])
        found = point.factor.effects(sides)
        self._moves = outright + found.combined
        self._score_slopes = found.scores
        self.mode_slopes = arrangement.stack(found.effects).T
        for i, own in enumerate(moved):
            self.mode_slopes[i] += arrangement.stack(own)

    def whole(self) -> Floats:
        """(m, m) the Hessian."""
        hessian = self._of_modes() + self._of_curvature(coefficients=True)
        hessian += self._of_determinant(range(self._m))
        return np.asarray(0.5 * (hessian + hessian.T))

    def working(self) -> Floats:
        """(m, m) the same, without how ½ log|I + D Z'WZ| curves in the coefficients, which is small."""
        others = np.r_[0 : self._beta.start, self._beta.stop : self._m]
        hessian = self._of_modes() + self._of_curvature(coefficients=False)
        rows = self._of_determinant(others)
        hessian[others] += rows[others]
        hessian[np.ix_(np.arange(self._m)[self._beta], others)] += rows[others][:, self._beta].T
        return np.asarray(0.5 * (hessian + hessian.T))

    def _of_modes(self) -> Floats:
        """Σ (f'' η̇_i + ∂f'/∂τ) o_j, and what θ does twice to D."""
        point, beta = self._point, self._beta
        x, z = point.whole.x, point.whole.z
        q = beta.start
        hessian = np.zeros((self._m, self._m))
        hessian[:, beta] = np.tensordot(self._moves, self._crossed, axes=((0, 1), (0, 1)))
        hessian[beta, beta] += x.products(point.second)
        for i, (factor, slope) in enumerate(self._covariance_slopes):
            by_level = (point.scores[factor] + point.adjoint.scores[factor][:, :, 0]) @ slope
            by_adjoint = point.adjoint.scores[factor][:, :, 0] @ slope
            moved = self._score_slopes[factor]
            hessian[:, i] += np.tensordot(moved, by_level, axes=((0, 1), (0, 1)))
            hessian[i, :] += np.tensordot(moved, by_adjoint, axes=((0, 1), (0, 1)))
        hessian[:q, :q] += point.arrangement.covariance_curvature(point.covariance_gradient)
        if point.outcome.has_size:
            first = point.size_slopes[1]
            total = x.totals(first)
            hessian[-1, beta] += total
            hessian[beta, -1] += total
            hessian[:, -1] += np.tensordot(self._moves, z.sums(first), axes=((0, 1), (0, 1)))
            hessian[-1, -1] += point.outcome.size_curvatures(point.eta)[0].sum()
            hessian[-1, -1] += point.outcome.log_constant_curvature()
        return hessian

    def _of_curvature(self, *, coefficients: bool) -> Floats:
        """Σ (½ f'''' v + f''' Za) η̇_i η̇_j; `coefficients`: between coefficients too."""
        point, beta = self._point, self._beta
        x, z = point.whole.x, point.whole.z
        weights = 0.5 * point.fourth * point.leverage + point.third * point.spread_adjoint
        crossed = np.zeros((self._m, self._m))
        crossed[beta] = np.tensordot(z.crossed(x, weights), self._moves, axes=((0, 1), (0, 1)))
        hessian = crossed + crossed.T
        inner = z.products(weights) @ self._moves
        hessian += np.tensordot(inner, self._moves, axes=((0, 1), (0, 1)))
        if coefficients:
            hessian[beta, beta] += x.products(weights)
        else:
            hessian[beta, beta] = 0.0
        if point.outcome.has_size:
            _, of_first, of_second = point.outcome.size_curvatures(point.eta)
            mixed = 0.5 * point.leverage * point.size_slopes[3] + point.size_slopes[2] * point.spread_adjoint
            row = np.tensordot(self._moves, z.sums(mixed), axes=((0, 1), (0, 1)))
            row[beta] += x.totals(mixed)
            hessian[-1] += row
            hessian[:, -1] += row
            hessian[-1, -1] += 0.5 * (point.leverage @ of_second) + point.spread_adjoint @ of_first
        return hessian

    def _of_determinant(self, rows: Iterable[int]) -> Floats:
        """−½ tr K̇_i Ṗ_j − ½ tr (Z'V⁻¹Z)˙_i d_j for these i and every j; zero in other rows."""
        point, beta = self._point, self._beta
        z, q = point.whole.z, beta.start
        triples = z.triples(point.whole.x, point.third)
        of_size = z.products(point.size_slopes[2]) if point.outcome.has_size else None
        hessian = np.zeros((self._m, self._m))
        for i in rows:
            coefficient = i - q if q <= i < beta.stop else None
            products = -triples.along(coefficient, self._moves[:, :, i])
            if of_size is not None and i == self._m - 1:
                products -= of_size
            covariances = [each.astype(complex) for each in point.covariances]
            if i < q:
                factor, slope = self._covariance_slopes[i]
                covariances[factor] += 1j * _TINY * slope
            plan = point.arrangement.plan
            blocks = plan.factorise(point.products + 1j * _TINY * products, covariances)
            posterior = blocks.posterior(combined=True)
            moving = np.imag(cast("Numbers", posterior.combined)) / _TINY
            by_coefficient, by_effect = triples.against(moving)
            hessian[i, beta] += 0.5 * by_coefficient
            hessian[i] += 0.5 * np.tensordot(by_effect, self._moves, axes=((0, 1), (0, 1)))
            if of_size is not None:
                hessian[i, -1] += 0.5 * float((moving * of_size).sum())
            for j, (factor, slope) in enumerate(self._covariance_slopes):
                information = np.imag(posterior.information[factor]).sum(axis=0) / _TINY
                hessian[i, j] -= 0.5 * float((information * slope).sum())
        return hessian
