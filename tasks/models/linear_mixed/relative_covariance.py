"""The random effects' relative covariance D = ΛΛ' as a function of its free parameters θ.

θ stacks the lower triangles of Λ term by term (Bates et al. 2015, eq. 4), column by column as lme4 does.
Diagonals are not bounded: D is even in them, so that an optimum on the boundary (a zero variance, a
correlation of ±1) is an ordinary stationary point in θ; whether it is a minimum over the D that are allowed
is then asked of ∂/∂D.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

_TIED = 1e-14


@dataclass(frozen=True)
class RelativeCovariance:
    """Which entries of the factors' covariances D are free.

    Attributes:
        sizes: d per grouping factor.
        terms: per factor, the positions of the effects of each of its terms.
    """

    sizes: tuple[int, ...]
    terms: tuple[tuple[tuple[int, ...], ...], ...]

    @cached_property
    def entries(self) -> tuple[tuple[int, int, int], ...]:
        """(factor, row, column) of each free parameter, rows ≥ columns: entries of Λ, and of D alike."""
        return tuple(
            (factor, term[row], term[column])
            for factor, terms in enumerate(self.terms)
            for term in terms
            for column in range(len(term))
            for row in range(column, len(term))
        )

    @property
    def size(self) -> int:
        """Number of free parameters."""
        return len(self.entries)

    @cached_property
    def basis(self) -> tuple[tuple[int, Floats], ...]:
        """(factor, E) per free entry of D: D_f = Σ (entry)·E, E symmetric of zeros and ones."""
        result = []
        for factor, row, column in self.entries:
            unit = np.zeros((self.sizes[factor],) * 2)
            unit[row, column] = unit[column, row] = 1.0
            result.append((factor, unit))
        return tuple(result)

    def triangles(self, theta: Numbers) -> list[Numbers]:
        """Λ per factor."""
        result = [np.zeros((d, d), dtype=theta.dtype) for d in self.sizes]
        for value, (factor, row, column) in zip(theta, self.entries, strict=True):
            result[factor][row, column] = value
        return result

    def covariance(self, theta: Numbers) -> list[Numbers]:
        """D = ΛΛ' per factor."""
        return [triangle @ triangle.T for triangle in self.triangles(theta)]

    def theta(self, covariance: Sequence[Floats]) -> Floats:
        """θ of given D (positive semi-definite, zero between terms), with Λ's diagonals ≥ 0."""
        triangles = [np.zeros((d, d)) for d in self.sizes]
        for factor, terms in enumerate(self.terms):
            for term in terms:
                at = np.ix_(term, term)
                triangles[factor][at] = lower_root(covariance[factor][at])
        return np.array([triangles[f][i, j] for f, i, j in self.entries])

    def pivoted(self, covariance: Sequence[Floats]) -> RelativeCovariance:
        """The same entries, each term's effects in the order of a pivoted Cholesky factorisation of its D."""
        ordered = tuple(
            tuple(tuple(term[k] for k in _pivots(covariance[f][np.ix_(term, term)])) for term in terms)
            for f, terms in enumerate(self.terms)
        )
        return self if ordered == self.terms else RelativeCovariance(self.sizes, ordered)

    def jacobian(self, theta: Floats) -> Floats:
        """(m, m) ∂(free entries of D)/∂θ."""
        triangles = self.triangles(theta)
        m = self.size
        result = np.zeros((m, m))
        for b, (factor, row, column) in enumerate(self.entries):
            for a, (other, i, j) in enumerate(self.entries):
                if other == factor:
                    triangle = triangles[factor]
                    result[a, b] = (i == row) * triangle[j, column] + (j == row) * triangle[i, column]
        return result

    def gradient(self, slopes: Sequence[Floats], theta: Floats) -> Floats:
        """∂f/∂θ from the symmetric Γ = ∂f/∂D per factor (df = tr Γ dD): 2ΓΛ."""
        products = [
            2.0 * slope @ triangle for slope, triangle in zip(slopes, self.triangles(theta), strict=True)
        ]
        return np.array([products[f][i, j] for f, i, j in self.entries])

    def hessian(self, slopes: Sequence[Floats], curvature: Floats, theta: Floats) -> Floats:
        """∂²f/∂θ² from Γ and the (m, m) Hessian in the free entries of D."""
        jacobian = self.jacobian(theta)
        result = jacobian.T @ curvature @ jacobian
        for a, (factor, row, column) in enumerate(self.entries):
            for b, (other, i, j) in enumerate(self.entries):
                if other == factor and j == column:
                    result[a, b] += 2.0 * slopes[factor][row, i]
        return result


def lower_root(matrix: Floats) -> Floats:
    """Lower triangular Λ with ΛΛ' = matrix and diagonal ≥ 0, for positive semi-definite matrices."""
    size = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    unit = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(matrix / np.outer(unit, unit))
    # what is left of an exact tie after rounding would come out as its square root
    kept = np.where(values > _TIED, values, 0.0)
    root = size[:, None] * vectors * np.sqrt(kept)
    triangle = np.asarray(np.linalg.qr(root.T, mode="r")).T
    signs = np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
    return np.asarray(triangle * signs)


def _pivots(matrix: Floats) -> list[int]:
    """The order in which each effect in turn has the largest variance given those before it."""
    left = matrix.copy()
    rest, order = list(range(len(matrix))), []
    while rest:
        k = max(rest, key=lambda each: left[each, each])
        order.append(k)
        rest.remove(k)
        if left[k, k] > 0.0:
            left = left - np.outer(left[:, k], left[k]) / left[k, k]
    return order
