"""Rankability: the share of what clinics' own figures differ by that is not sampling error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.interpolate import PchipInterpolator

from tasks.models.clinics.clinic_posterior import ClinicPosterior
from tasks.models.fit import Floats


@dataclass(frozen=True)
class Rankability:
    """ρ = τ²/(τ² + median s²), for a clinic of middling size.

    Attributes:
        value: ρ at the estimated SD between clinics.
        at: (K,) ρ at the SDs of the posterior's nodes, in ascending order.
        weights: (K,) their posterior probabilities.
    """

    value: float
    at: Floats
    weights: Floats

    def probability_above(self, bound: float) -> float:
        """Posterior probability that ρ is above a bound."""
        return 1.0 - float(np.clip(self._distribution(bound), 0.0, 1.0))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Ends of the posterior interval of ρ, which holds `value`."""
        grid = np.linspace(self.at[0], self.at[-1], 2_001)
        upto = self._distribution(grid)
        tail = (1.0 - level) / 2.0
        low, high = (
            float(grid[min(int(np.searchsorted(upto, p)), len(grid) - 1)]) for p in (tail, 1.0 - tail)
        )
        return min(low, self.value), max(high, self.value)

    def _distribution(self, value: float | Floats) -> Floats:
        """Posterior distribution function of ρ: each node's probability lies half below it."""
        if len(self.at) == 1 or self.at[-1] <= self.at[0]:
            return np.asarray(np.where(np.asarray(value) < self.at[0], 0.0, 1.0))
        halves = np.concatenate([[0.0], (np.cumsum(self.weights) - 0.5 * self.weights), [1.0]])
        ends = np.concatenate(
            [[max(2.0 * self.at[0] - self.at[1], 0.0)], self.at, [min(2.0 * self.at[-1] - self.at[-2], 1.0)]]
        )
        ends, where = np.unique(ends, return_index=True)
        curve = PchipInterpolator(ends, np.maximum.accumulate(halves[where]), extrapolate=False)
        inside = np.clip(value, ends[0], ends[-1])
        return np.asarray(np.where(np.asarray(value) < ends[0], 0.0, curve(inside)))


def rankability(sd_between: float, own_sd: Floats, posterior: ClinicPosterior | None = None) -> Rankability:
    """The rankability of clinics.

    Args:
        sd_between: τ, the SD between clinics.
        own_sd: (n,) sampling errors s of the clinics' own effects; those that are not finite do not count.
        posterior: of the clinics' effects, which knows how uncertain τ is; left out, τ is taken as known.

    Source: van Houwelingen, Brand & Louis (1999); Lingsma et al. (2010), Eur J Epidemiol 25:639.
    """
    known = own_sd[np.isfinite(own_sd)]
    if len(known) == 0:
        return Rankability(0.0, np.zeros(1), np.ones(1))
    error = float(np.median(known**2))
    value = sd_between**2 / (sd_between**2 + error) if sd_between > 0.0 else 0.0
    if posterior is None:
        return Rankability(value, np.array([value]), np.ones(1))
    if len(posterior.nodes) == 1:
        at = _by_chi_squared(value, len(known))
        return Rankability(value, at, np.full(len(at), 1.0 / len(at)))
    between = np.array([node.sd_between for node in posterior.nodes])
    within = [node.sd_within for node in posterior.nodes]
    # the residual SD differs from node to node where there is one for all; a level's own is in its error
    scale = np.array([each if isinstance(each, float) and np.isfinite(each) else 1.0 for each in within])
    typical = float(posterior.weights @ scale)
    at = between**2 / (between**2 + error * (scale / typical) ** 2)
    order = np.argsort(at, kind="stable")
    return Rankability(value, at[order], posterior.weights[order])


def averaged_rankability(ways: Sequence[tuple[float, Rankability]]) -> Rankability:
    """The rankability where it is one of several, each with a probability: `value` is their mean."""
    total = sum(probability for probability, _ in ways)
    at = np.concatenate([way.at for _, way in ways])
    weights = np.concatenate(
        [probability / total * way.weights / way.weights.sum() for probability, way in ways]
    )
    order = np.argsort(at, kind="stable")
    value = sum(probability / total * way.value for probability, way in ways)
    return Rankability(value, at[order], weights[order])


def _by_chi_squared(value: float, clinics: int) -> Floats:
    """Equally probable values of ρ where the posterior holds τ at its estimate, as with very many patients.

    Clinics' own figures vary by τ² + s² = s²/(1 − ρ), whose sum of squares is a scaled χ² with one
    degree of freedom less than there are clinics.
    """
    df = max(clinics - 1, 1)
    chances = (np.arange(200) + 0.5) / 200
    spread = df / special.chdtri(df, chances)
    return np.asarray(np.clip(1.0 - (1.0 - value) / np.sort(spread), 0.0, 1.0))
