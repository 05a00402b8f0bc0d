"""The joint posterior of clinic effects as a mixture over how much clinics differ.

Given the SD between clinics, effects are (nearly) normal: independent between clinics, but for what they
share through the coefficients being uncertain. How much clinics differ is itself uncertain, the more so the
fewer they are; a mixture over a grid of SDs, each with its posterior weight, carries that uncertainty in full
and without Monte Carlo error into every mean, SD and quantile. Draws are for what has no formula: ranks.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

_NORMAL = 2_000
"""Degrees of freedom from which t is taken for normal: its 97.5% point is then 1.9612 for 1.9600."""

_STEPS = 100
"""Of the search for a quantile, at most: seven or eight are the rule."""
_SETTLED = 1e-10
"""Newton step, in SDs, after which a quantile is found: beside a piece with hardly any spread steps are short
long before."""
_ROUNDING = 1e-14
"""Probability that sums of thousands of pieces are out by: there a step comes no closer."""
_SAME = 1e-13
"""Bracket, in SDs, that is a point."""


@dataclass(frozen=True)
class Parts:
    """What the posterior at one node is made of, where each level's residual variance is uncertain as well.

    Attributes:
        shares: (M, n) posterior probability of each part, which add up to 1 for every level.
        means, sds: (M, n) posterior means and SDs there, given the coefficients.
    """

    shares: Floats
    means: Floats
    sds: Floats


@dataclass(frozen=True)
class Tails:
    """A distribution of effects of unit variance and mean 0, as a mixture of normal ones.

    Attributes:
        shares: (K,) their probabilities.
        sds: (K,) their SDs.
    """

    shares: Floats
    sds: Floats


NORMAL_TAILS = Tails(np.ones(1), np.ones(1))


@dataclass(frozen=True)
class Node:
    """The posterior at one value of the variances.

    Attributes:
        weight: its posterior probability.
        sd_between: SD of the effects there.
        sd_within: residual SD there, or (n,) each level's; NaN for binary and count outcomes.
        mean: (n,) posterior means.
        sd: (n,) posterior SDs given the coefficients.
        shared: (n, r) loadings on r independent standard normals: what uncertain coefficients do to all.
        typical: linear predictor of the sample's average row here, less the fit's own.
        typical_shared: (r,) its loadings on the same normals; None: taken as known.
        parts: the same per level, finer; None: normal, with `mean` and `sd`.
        tails: the shape of the distribution that effects are drawn from.
        counted: (n,) levels whose mean others are held against; None: all.
    """

    weight: float
    sd_between: float
    sd_within: float | Floats
    mean: Floats
    sd: Floats
    shared: Floats
    typical: float = 0.0
    typical_shared: Floats | None = None
    parts: Parts | None = None
    tails: Tails = NORMAL_TAILS
    counted: NDArray[np.bool_] | None = None

    @property
    def mean_weights(self) -> Floats:
        """(n,) what each level counts for in the mean of all."""
        n = len(self.mean)
        if self.counted is None:
            return np.full(n, 1.0 / n)
        return np.where(self.counted, 1.0 / self.counted.sum(), 0.0)

    @property
    def pieces(self) -> Parts:
        """(M, n) the normal distributions that the levels' posteriors are mixtures of."""
        if self.parts is not None:
            return self.parts
        return Parts(np.ones((1, len(self.mean))), self.mean[None, :], self.sd[None, :])

    @property
    def spreads(self) -> Floats:
        """(M, n) SDs of the pieces, coefficients uncertain too."""
        return np.asarray(np.sqrt(self.pieces.sds**2 + np.sum(self.shared**2, axis=1)))

    @property
    def from_mean(self) -> tuple[Floats, Floats]:
        """(M, n) means and SDs of the pieces' distances from the mean of the levels that count, once each.

        What uncertain coefficients do to all levels alike, the intercept above all, cancels.
        """
        pieces, weight = self.pieces, self.mean_weights
        mean = np.sum(pieces.shares * pieces.means, axis=0)
        variance = np.sum(pieces.shares * (pieces.sds**2 + (pieces.means - mean) ** 2), axis=0)
        own = 1.0 - weight
        means = own * pieces.means - (float(weight @ mean) - weight * mean)
        apart = np.sum((self.shared - weight @ self.shared) ** 2, axis=1)
        others = float(weight**2 @ variance) - weight**2 * variance
        return means, np.sqrt((own * pieces.sds) ** 2 + others + apart)

    def average(self, weights: Floats) -> tuple[float, float]:
        """Mean and SD of Σ weights·(the average row's predictor at each level, less the fit's average).

        Args:
            weights: (n,) that add up to 1 for an average, to 0 for a difference of two.
        """
        pieces = self.pieces
        mean = np.sum(pieces.shares * pieces.means, axis=0)
        variance = np.sum(pieces.shares * (pieces.sds**2 + (pieces.means - mean) ** 2), axis=0)
        loadings, whole = weights @ self.shared, float(weights.sum())
        if self.typical_shared is not None:
            loadings = loadings + whole * self.typical_shared
        return whole * self.typical + float(weights @ mean), math.sqrt(
            float(weights**2 @ variance) + float(loadings @ loadings)
        )

    @property
    def level_spreads(self) -> Floats:
        """(M, n) SDs of effect and average row together: coefficients move them against each other."""
        own = self.shared if self.typical_shared is None else self.shared + self.typical_shared
        return np.asarray(np.sqrt(self.pieces.sds**2 + np.sum(own**2, axis=1)))


@dataclass(frozen=True)
class ClinicPosterior:
    """The joint posterior of the effects of a grouping factor's levels.

    Attributes:
        group: the factor.
        levels: (n,) its levels.
        nodes: the mixture.
        df: degrees of freedom of the residual variance, by which every node's spread is uncertain (infinite
            for binary and count outcomes, which have none).
    """

    group: str
    levels: tuple[Hashable, ...]
    nodes: tuple[Node, ...]
    df: float

    @cached_property
    def weights(self) -> Floats:
        """(K,) posterior probabilities of the nodes."""
        weights = np.array([node.weight for node in self.nodes])
        return np.asarray(weights / weights.sum())

    @cached_property
    def shares(self) -> Floats:
        """(P, n) posterior probabilities of all pieces of all nodes."""
        return np.vstack(
            [weight * node.pieces.shares for weight, node in zip(self.weights, self.nodes, strict=True)]
        )

    @cached_property
    def means(self) -> Floats:
        """(P, n) posterior means of the pieces."""
        return np.vstack([node.pieces.means for node in self.nodes])

    @cached_property
    def spreads(self) -> Floats:
        """(P, n) posterior SDs of the pieces, coefficients uncertain too."""
        return np.vstack([node.spreads for node in self.nodes])

    @property
    def mean(self) -> Floats:
        """(n,) posterior means, the variances' uncertainty averaged over."""
        return np.asarray(np.sum(self.shares * self.means, axis=0))

    @property
    def mean_of_level(self) -> Floats:
        """(n,) posterior means of the average row's predictor at each level, less the fit's average."""
        return np.asarray(np.sum(self.shares * self._level_means, axis=0))

    @property
    def sd(self) -> Floats:
        """(n,) posterior SDs, coefficients and variances uncertain."""
        inflation = 1.0 if np.isinf(self.df) else self.df / max(self.df - 2.0, 1.0)
        apart = self.means - self.mean
        return np.asarray(np.sqrt(np.sum(self.shares * (inflation * self.spreads**2 + apart**2), axis=0)))

    @property
    def sd_between(self) -> float:
        """Posterior mean of the SD between levels."""
        return float(self.weights @ [node.sd_between for node in self.nodes])

    def probability_above(self, value: float) -> Floats:
        """(n,) posterior probability that each effect is above a value."""
        return self._above(np.full(len(self.levels), value), self.means, self.spreads, self.shares)

    def probability_above_mean(self, value: float = 0.0) -> Floats:
        """(n,) probability that each effect is more than a value above the mean of all levels' effects.

        Held against the average of the population that they come from, each of a few levels shares that
        average's uncertainty; held against their own mean, hardly any of it is left.
        """
        return self._above(
            np.full(len(self.levels), value), self._mean_distances, self._mean_spreads, self.shares
        )

    @property
    def place(self) -> Floats:
        """(n,) expected share of levels of the fitted distribution that lie below each."""
        between = np.concatenate([np.full(len(node.pieces.means), node.sd_between) for node in self.nodes])
        nothing = np.zeros(len(self.levels))
        return np.asarray(
            sum(
                share
                * self._above(
                    nothing,
                    self._mean_distances,
                    np.hypot(self._mean_spreads, sd * between[:, None]),
                    self.shares,
                )
                for share, sd in zip(self._tails.shares, self._tails.sds, strict=True)
            )
        )

    def quantile_of_place(self, probability: float) -> Floats:
        """(n,) quantiles of the share of levels of the fitted distribution that lie below each."""
        between = np.concatenate([np.full(len(node.pieces.means), node.sd_between) for node in self.nodes])
        known = between > 0.0
        if not known.any():
            return np.full(len(self.levels), 0.5)
        scale = between[known][:, None]
        shares = self.shares[known] / self.shares[known].sum(axis=0)
        means, spreads = self._mean_distances[known] / scale, self._mean_spreads[known] / scale
        z = self._quantile(probability, means, spreads, shares)
        return np.asarray(special.ndtr(z[:, None] / self._tails.sds) @ self._tails.shares)

    @property
    def _tails(self) -> Tails:
        return self.nodes[0].tails

    @cached_property
    def _mean_distances(self) -> Floats:
        return np.vstack([node.from_mean[0] for node in self.nodes])

    @cached_property
    def _mean_spreads(self) -> Floats:
        return np.vstack([node.from_mean[1] for node in self.nodes])

    def quantile(self, probability: float) -> Floats:
        """(n,) posterior quantiles of the effects, from the mixture's distribution function."""
        return self._quantile(probability, self.means, self.spreads, self.shares)

    def quantile_above_mean(self, probability: float) -> Floats:
        """(n,) quantiles of each effect less the mean of all levels'; see `probability_above_mean`."""
        return self._quantile(probability, self._mean_distances, self._mean_spreads, self.shares)

    def quantile_of_level(self, probability: float) -> Floats:
        """(n,) quantiles of the average row's linear predictor at each level, less the fit's average.

        An effect is relative to the average level, which is uncertain itself; a level with many rows may be
        known better than the average that it is held against.
        """
        return self._quantile(probability, self._level_means, self._level_spreads, self.shares)

    def quantile_of_average(self, probability: float, weights: Floats | None = None) -> float:
        """Quantile of the average row's linear predictor, averaged over levels, less the fit's.

        Args:
            probability: below it.
            weights: (n,) of the levels; those that count, alike, where left out. See `Node.average`.
        """
        means, spreads = self._averages(weights)
        return float(self._quantile(probability, means, spreads, self.weights[:, None])[0])

    def mean_of_average(self, weights: Floats) -> float:
        """Posterior mean of the same."""
        return float(self.weights @ self._averages(weights)[0][:, 0])

    def probability_of_average_above(self, weights: Floats) -> float:
        """Probability that it is above 0: of two averages' difference, that the first is the higher."""
        means, spreads = self._averages(weights)
        return float(self._above(np.zeros(1), means, spreads, self.weights[:, None])[0])

    def _averages(self, weights: Floats | None) -> tuple[Floats, Floats]:
        """(K, 1) means and SDs of an average of levels at each node."""
        found = [node.average(node.mean_weights if weights is None else weights) for node in self.nodes]
        return tuple(np.array([[each] for each in part]) for part in zip(*found, strict=True))  # type: ignore[return-value]

    def quantile_of_mean(self, probability: float, rows: float) -> Floats:
        """(n,) the same of the mean of each level's next `rows` rows."""
        within = np.vstack([np.broadcast_to(node.sd_within, node.pieces.sds.shape) for node in self.nodes])
        spreads = np.hypot(self._level_spreads, within / np.sqrt(rows))
        return self._quantile(probability, self._level_means, spreads, self.shares)

    @property
    def _level_means(self) -> Floats:
        return np.vstack([node.typical + node.pieces.means for node in self.nodes])

    @property
    def _level_spreads(self) -> Floats:
        return np.vstack([node.level_spreads for node in self.nodes])

    def quantile_of_new(self, probability: float) -> float:
        """Quantile of the effect of a level that is not among these."""
        tails = self._tails
        spreads = np.array([[node.sd_between * sd] for node in self.nodes for sd in tails.sds])
        shares = np.array([[weight * share] for weight in self.weights for share in tails.shares])
        return float(self._quantile(probability, np.zeros_like(spreads), spreads, shares)[0])

    def _above(self, value: Floats, means: Floats, spreads: Floats, shares: Floats) -> Floats:
        """(n,) probability above a value of each level's own mixture."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (means - value) / spreads
        # a point mass on the value itself counts half
        z = np.where(spreads > 0.0, z, np.where(means == value, 0.0, np.copysign(np.inf, means - value)))
        tail = special.ndtr(z) if self.df > _NORMAL else special.stdtr(self.df, z)
        return np.asarray(np.sum(shares * tail, axis=0))

    def _quantile(self, probability: float, means: Floats, spreads: Floats, shares: Floats) -> Floats:
        """Quantiles of mixtures of t (or normal) distributions: Newton steps, halved where they go astray."""
        reach = 12.0 + (0.0 if np.isinf(self.df) else 400.0 / self.df)
        low, high = (means - reach * spreads).min(axis=0), (means + reach * spreads).max(axis=0)
        middle = np.sum(shares * means, axis=0)
        scale = np.sqrt(np.sum(shares * (spreads**2 + (means - middle) ** 2), axis=0))
        value = np.clip(middle + special.ndtri(probability) * scale, low, high)
        short_by = np.full(len(value), np.inf)
        left = np.arange(len(value))  # those that have not settled
        for _ in range(_STEPS):
            mixture = (means[:, left], spreads[:, left], shares[:, left])
            now, before = value[left], short_by[left]
            error = self._above(now, *mixture) - (1.0 - probability)
            low[left], high[left] = (
                np.where(error > 0.0, now, low[left]),
                np.where(error > 0.0, high[left], now),
            )
            with np.errstate(divide="ignore", invalid="ignore"):
                newton = now + error / self._density(now, *mixture)
            # beside a point mass, or far out, a step leads nowhere: it must stay between, and come closer
            closer = np.abs(error) < 0.5 * before
            exact = np.abs(error) <= _ROUNDING
            follows = (newton >= low[left]) & (newton <= high[left]) & (closer | exact)
            value[left] = np.where(follows, newton, 0.5 * (low[left] + high[left]))
            short_by[left] = np.abs(error)
            near = _SETTLED * scale[left]
            settled = (follows & (np.abs(newton - now) <= near)) | (
                high[left] - low[left] <= _SAME * scale[left]
            )
            left = left[~settled]
            if not len(left):
                break
        return np.asarray(value)

    def _density(self, value: Floats, means: Floats, spreads: Floats, shares: Floats) -> Floats:
        """(n,) density at a value of each level's own mixture, its point masses left out."""
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (value - means) / spreads
            if self.df > _NORMAL:
                density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
            else:
                constant = math.exp(math.lgamma(0.5 * self.df + 0.5) - math.lgamma(0.5 * self.df))
                power = (1.0 + z**2 / self.df) ** (-0.5 * (self.df + 1.0))
                density = constant / math.sqrt(math.pi * self.df) * power
            density = np.where(spreads > 0.0, density / spreads, 0.0)
        return np.asarray(np.sum(shares * density, axis=0))

    def draws(self, count: int, rng: np.random.Generator) -> Floats:
        """(count, n) joint draws; each node gives its share of them, in random order."""
        return self.draws_with_scale(count, rng)[0]

    def draws_with_scale(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
        """Joint draws, with the SD between levels and the scale of the residual SD that each belongs to."""
        which = rng.choice(len(self.nodes), size=count, p=self.weights)
        result = np.empty((count, len(self.levels)))
        scale = np.ones(count) if np.isinf(self.df) else np.sqrt(self.df / rng.chisquare(self.df, count))
        between = np.array([node.sd_between for node in self.nodes])[which] * scale
        for k, node in enumerate(self.nodes):
            rows = np.flatnonzero(which == k)
            if len(rows) == 0:
                continue
            mean, sd = _pieces_drawn(node, len(rows), rng)
            noise = rng.standard_normal((len(rows), len(self.levels))) * sd
            noise += rng.standard_normal((len(rows), node.shared.shape[1])) @ node.shared.T
            result[rows] = mean + scale[rows, None] * noise
        return result, between, scale


def _pieces_drawn(node: Node, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Means and SDs, (count, n) or (n,), of the pieces that each level's draws come from."""
    if node.parts is None:
        return node.mean, node.sd
    upto = np.cumsum(node.parts.shares, axis=0)[:-1]
    which = np.sum(rng.random((count, 1, len(node.mean))) > upto, axis=1)
    levels = np.arange(len(node.mean))
    return node.parts.means[which, levels], node.parts.sds[which, levels]


def stretched(low: float, high: float, middle: float, count: int) -> tuple[Floats, Floats]:
    """A grid from `low` to `high`, dense below `middle` and stretched above, with trapezoid weights.

    Even in x/(x + middle), so that half of [0, ∞) lies below `middle`: posteriors of SDs fall off slowly.
    """
    share = np.linspace(low / (low + middle), high / (high + middle), count)
    widths = middle / (1.0 - share) ** 2
    widths[[0, -1]] *= 0.5
    return middle * share / (1.0 - share), widths


def weigh(log_density: Floats, widths: Floats) -> Floats:
    """Normalised weights of quadrature nodes from a log density and the nodes' widths."""
    density = np.exp(log_density - log_density.max()) * widths
    return np.asarray(density / density.sum())
