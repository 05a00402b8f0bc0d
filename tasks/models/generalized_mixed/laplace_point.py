"""Laplace's approximation for random effects of any dimension: nested, crossed, several terms.

With linear predictors η = o + Xβ + Zb, b ~ N(0, D(θ)), f(η) = Σ log p(y | η), b̂ the mode of
g(b) = f(η) − b'D⁻¹b/2 and W = −f''(η) at the mode (Tierney & Kadane 1986; Breslow & Clayton 1993, eq. 3),

    ℓ(θ, β) = g(b̂) − ½ log |I + D Z'WZ|.

Its gradient includes how the mode moves. With K = (Z'WZ + D⁻¹)⁻¹, leverages v_i = z_i'Kz_i,
k_i = ½ f'''_i v_i, a = K Z'k, residuals r = f' + k + f''·(Za), and the scores s = Z'f' and
s_a = Z'(k + f''·Za), so that b̂ = Ds and a = Ds_a also where D is singular,

    ∂ℓ/∂β = X'r,    ∂ℓ/∂D = ½ Σ (s s' + s_a s' + s s_a' − Z'V⁻¹Z),

summed over the levels of each factor, its own blocks. (Implicit differentiation of Z'f' = D⁻¹b̂; Skaug &
Fournier 2006 arrive at the same by automatic differentiation.) How θ makes up D: see `arrangement`.

Z'WZ + D⁻¹ is never formed: `tasks.models.numerics.elimination` factorises it factor by factor.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.arrangement import Arrangement
from tasks.models.generalized_mixed.combination_columns import CellColumns, RandomColumns
from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.numerics.elimination import Effects, Posterior

Floats = NDArray[np.float64]

_STEPS = 200
_FAR = 1.0
_STEP_TOLERANCE = 1e-11


@dataclass(frozen=True)
class GroupedCells:
    """Cells with random-effects terms on one or several grouping factors.

    Attributes:
        x: fixed-effect columns.
        z: random-effect columns.
        offset: (N,).
        outcome: the outcome of every cell.
        arrangement: terms and the levels that meet in each combination.
    """

    x: CellColumns
    z: RandomColumns
    offset: Floats
    outcome: CellOutcome
    arrangement: Arrangement

    @property
    def n_theta(self) -> int:
        """Number of variance parameters."""
        return self.arrangement.n_theta


class LaplacePoint:
    """Everything at one point of the parameter space: the mode is found on construction.

    Attributes:
        theta: variance parameters.
        covariances: per factor, (d, d) D.
        effects: per factor, (n, d) conditional modes b̂.
        scores: per factor, (n, d) s with b̂ = Ds.
        eta: (N,) linear predictor at the mode.
        factor: Z'WZ + D⁻¹ there, eliminated.
        products: (C, u, u) sums of zWz' in each combination.
        first, second, third, fourth: (N,) f', f'', f''' and f'''' there.
    """

    def __init__(self, whole: GroupedCells, parameters: Floats, near: LikelihoodEvaluation | None) -> None:
        p, q = whole.x.size, whole.n_theta
        self.whole, self.arrangement = whole, whole.arrangement
        self.outcome = whole.outcome
        if self.outcome.has_size:
            self.outcome = self.outcome.with_log_size(float(parameters[-1]))
        self.theta = parameters[:q]
        self.covariances = self.arrangement.covariances(self.theta)
        self.fixed = whole.offset + whole.x.predictor(parameters[q : q + p])
        self._find_mode(None if near is None else self.arrangement.unstack(near.modes_near(parameters)))
        self.first, self.second, self.third, self.fourth = self.outcome.derivatives(self.eta)

    def _find_mode(self, start: list[Floats] | None) -> None:
        """Newton's method for the mode; each connected part's step is halved until its score shrinks.

        g is strictly concave in the standardised effects (its Hessian is at most −I), so that a Newton step
        always has a length at which the norm of the score falls: the iteration cannot diverge or cycle. A
        start from elsewhere need not lie in the range of D and has no score to compare by: its first step is
        taken whole, unless it is so long that to begin from zero is safer.
        """
        z, arrangement, component = self.whole.z, self.arrangement, self.arrangement.component
        parts = arrangement.parts
        zero = arrangement.unstack(np.zeros(arrangement.size))
        effects, scores = list(zero if start is None else start), list(zero)
        held, held_scores, effect_steps, score_steps = list(zero), list(zero), list(zero), list(zero)
        norm, norm_held, comparable = np.zeros(parts), np.full(parts, np.inf), start is None
        for _ in range(_STEPS):
            eta = self.fixed + z.predictor(arrangement.combined(effects))
            first, second = self.outcome.slopes(eta)
            worse = np.zeros(parts, dtype=bool)
            if comparable:
                norm, length = self._score_norms(first, scores, effects, effect_steps)
                worse = (norm > norm_held) & (length > 1e-16)
            products = z.products(-second)
            factor = arrangement.plan.factorise(products, self.covariances)
            working = z.sums(first - second * (eta - self.fixed))
            fresh = factor.effects(working[:, :, None])
            longest = 0.0
            for f, labels in enumerate(component):
                again = worse[labels][:, None]
                moves = fresh.effects[f][:, :, 0] - effects[f], fresh.scores[f][:, :, 0] - scores[f]
                effect_steps[f] = np.where(again, 0.5 * effect_steps[f], moves[0])
                score_steps[f] = np.where(again, 0.5 * score_steps[f], moves[1])
                held[f] = np.where(again, held[f], effects[f])
                held_scores[f] = np.where(again, held_scores[f], scores[f])
                longest = max(longest, float(np.max(np.abs(effect_steps[f]) / (1.0 + np.abs(effects[f])))))
            if not comparable and longest > _FAR:
                effects, scores, comparable = list(zero), list(zero), True
                continue
            if comparable and longest <= _STEP_TOLERANCE:
                # where D is zero no effect moves, and the scores are those of this step
                scores = [a + b for a, b in zip(held_scores, score_steps, strict=True)]
                break
            if comparable:
                norm_held = np.where(worse, norm_held, norm)
            comparable = True
            effects = [a + b for a, b in zip(held, effect_steps, strict=True)]
            scores = [a + b for a, b in zip(held_scores, score_steps, strict=True)]
        self.effects, self.scores, self.eta = effects, scores, eta
        self.factor, self.products = factor, products

    def _score_norms(
        self, first: Floats, scores: list[Floats], effects: list[Floats], steps: list[Floats]
    ) -> tuple[Floats, Floats]:
        """By connected part: squared norm of the standardised score, squared length of the step, relative."""
        component, parts = self.arrangement.component, self.arrangement.parts
        norm, length, reach = np.zeros(parts), np.zeros(parts), np.ones(parts)
        for f, wanted in enumerate(self.arrangement.by_level(self.whole.z.sums(first))):
            off = wanted - scores[f]
            norm += np.bincount(component[f], ((off @ self.covariances[f]) * off).sum(axis=1), parts)
            length += np.bincount(component[f], (steps[f] ** 2).sum(axis=1), parts)
            reach += np.bincount(component[f], (effects[f] ** 2).sum(axis=1), parts)
        return norm, length / reach

    def value(self) -> float:
        """ℓ, constants included."""
        density = float(self.outcome.density(self.eta).sum()) + self.outcome.log_constant()
        penalty = sum(float((b * s).sum()) for b, s in zip(self.effects, self.scores, strict=True))
        return density - 0.5 * penalty - 0.5 * float(self.factor.log_determinant)

    @cached_property
    def posterior(self) -> Posterior:
        """Conditional covariances of the effects."""
        return self.factor.posterior(combined=True)

    @cached_property
    def leverage(self) -> Floats:
        """(N,) v."""
        return self.whole.z.quadratic(cast("Floats", self.posterior.combined))

    @cached_property
    def moved(self) -> Floats:
        """(N,) k."""
        return np.asarray(0.5 * self.third * self.leverage)

    @cached_property
    def adjoint(self) -> Effects:
        """The effects a, with s_a as scores."""
        return self.factor.effects(self.whole.z.sums(self.moved)[:, :, None])

    @cached_property
    def spread_adjoint(self) -> Floats:
        """(N,) Za."""
        return self.whole.z.predictor(self.adjoint.combined[:, :, 0])

    @cached_property
    def covariance_gradient(self) -> list[Floats]:
        """Per factor, (d, d) ∂ℓ/∂D."""
        found = []
        for s, s_a, information in zip(
            self.scores, self.adjoint.scores, self.posterior.information, strict=True
        ):
            cross = s.T @ s_a[:, :, 0]
            found.append(0.5 * (s.T @ s + cross + cross.T - information.sum(axis=0)))
        return found

    @cached_property
    def size_slopes(self) -> tuple[Floats, Floats, Floats, Floats]:
        """(N,) ∂/∂ log size of f, f', f'' and f''', for a negative binomial."""
        return self.outcome.size_slopes(self.eta)

    def gradient(self) -> Floats:
        """∂ℓ/∂(θ, β[, log size])."""
        residual = self.first + self.moved + self.second * self.spread_adjoint
        of_theta = self.arrangement.theta_gradient(self.theta, self.covariance_gradient)
        parts = [of_theta, self.whole.x.totals(residual)]
        if self.outcome.has_size:
            of_density, of_first, of_second, _ = self.size_slopes
            slope = of_density.sum() + 0.5 * (self.leverage @ of_second) + of_first @ self.spread_adjoint
            parts.append(np.array([slope + self.outcome.log_constant_slope()]))
        return np.concatenate(parts)

    def coefficient_information(self) -> tuple[Floats, Floats]:
        """(p, p) X'WX − X'WZKZ'WX, and (p, U) slopes of the modes in β."""
        x, z = self.whole.x, self.whole.z
        found = self.factor.effects(z.crossed(x, -self.second))
        return x.products(-self.second) - found.explained, -self.arrangement.stack(found.effects).T
