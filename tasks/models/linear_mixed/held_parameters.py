"""Variance parameters with one quantity held at a value: what is left free, and how the rest follows.

The full parameters are the Cholesky factor's θ and log σ², in a basis of the random effects in which the
quantity held is one number or two of them (see `lmm_profile`). One of them, `which`, follows
from the others, which are free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """Full parameter `which` is `value` itself: for log σ², the residual SD is held."""

    which: int
    value: float

    def follows(self, free: Floats) -> tuple[float, Floats, Floats]:
        """Full parameter `which` as a function of the (k,) free ones: value, (k,) slope, (k, k) curvature."""
        k = len(free)
        return self.value, np.zeros(k), np.zeros((k, k))

    def expand(self, free: Floats) -> Floats:
        """(k + 1,) full parameters."""
        return np.insert(free, self.which, self.follows(free)[0])

    def jacobian(self, free: Floats) -> Floats:
        """(k + 1, k) ∂full/∂free."""
        return np.insert(np.eye(len(free)), self.which, self.follows(free)[1], axis=0)

    def bend(self, free: Floats, weights: Floats) -> Floats:
        """(k, k) Σ weight_i ∂²full_i/∂free²."""
        return np.asarray(weights[self.which] * self.follows(free)[2])

    def free(self, full: Floats) -> Floats:
        """(k,) free parameters of full ones."""
        return np.delete(full, self.which)


@dataclass(frozen=True)
class SdHeld(Held):
    """θ[which]·σ = value: an effect's standard deviation is held; log σ² is the last free parameter."""

    def follows(self, free: Floats) -> tuple[float, Floats, Floats]:
        """value·exp(−½ log σ²)."""
        k = len(free)
        own, slope, curve = self.value * float(np.exp(-0.5 * free[-1])), np.zeros(k), np.zeros((k, k))
        slope[-1], curve[-1, -1] = -0.5 * own, 0.25 * own
        return own, slope, curve


@dataclass(frozen=True)
class ShareHeld(Held):
    """θ[which]² = value·(1 + Σ θ[others]²): a share of variance is held, `value` being its odds."""

    others: tuple[int, ...]

    def follows(self, free: Floats) -> tuple[float, Floats, Floats]:
        """√(value·(1 + Σ others²))."""
        k = len(free)
        places = [each - (each > self.which) for each in self.others]
        theta, own_places = np.zeros(k), np.zeros(k)
        theta[places], own_places[places] = free[places], 1.0
        own = float(np.sqrt(self.value * (1.0 + theta @ theta)))
        if own == 0.0:
            return 0.0, np.zeros(k), np.zeros((k, k))
        curve = self.value * np.diag(own_places) / own - self.value**2 * np.outer(theta, theta) / own**3
        return own, self.value * theta / own, curve


@dataclass(frozen=True)
class CorrelationHeld(Held):
    """θ[below] = value·c and θ[which] = √(1 − value²)·c; c stands in the place of `below` among the free."""

    below: int

    def follows(self, free: Floats) -> tuple[float, Floats, Floats]:
        """√(1 − value²)·c."""
        k = len(free)
        across, slope = float(np.sqrt(max(1.0 - self.value**2, 0.0))), np.zeros(k)
        slope[self.below] = across
        return across * float(free[self.below]), slope, np.zeros((k, k))

    def expand(self, free: Floats) -> Floats:
        """(k + 1,) full parameters."""
        full = super().expand(free)
        full[self.below] = self.value * free[self.below]
        return full

    def jacobian(self, free: Floats) -> Floats:
        """(k + 1, k) ∂full/∂free."""
        result = super().jacobian(free)
        result[self.below, self.below] = self.value
        return result

    def free(self, full: Floats) -> Floats:
        """(k,) free parameters of full ones: c is the length of the pair."""
        result = full.copy()
        result[self.below] = np.hypot(full[self.below], full[self.which])
        return np.delete(result, self.which)
