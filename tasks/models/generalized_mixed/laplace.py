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

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.arrangement import Arrangement
from tasks.models.generalized_mixed.combination_columns import CellColumns, RandomColumns
from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.quadrature_chunk import EMPTY

Floats = NDArray[np.float64]

_STEPS = 200
_FAR = 1.0
_STEP_TOLERANCE = 1e-11


@dataclass(frozen=True)
class GroupedLikelihood:
    """Laplace log-likelihood of a model with random-effects terms on one or several grouping factors.

    Parameters are (θ, β) and, for a negative binomial, log size.

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

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """The log-likelihood, its gradient and (order 2) a working Hessian at (θ, β[, log size]).

        The working Hessian has what differs with θ and log size by one-sided differences of the gradient, and
        leaves out of the coefficients' block how ½ log|I + D Z'WZ| curves, which is small; `exact_hessian`
        is exact.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                point = LaplacePoint(self, parameters, near)
                gradient = point.gradient()
            except np.linalg.LinAlgError:  # a step into absurd variances or means: not a place to climb to
                lost = np.zeros(parameters.size)
                return LikelihoodEvaluation(
                    parameters.copy(), -np.inf, lost, EMPTY, np.zeros(self.arrangement.size)
                )
        modes = self.arrangement.stack(point.effects)
        if order < 2:
            return LikelihoodEvaluation(parameters.copy(), point.value(), gradient, EMPTY, modes)
        block, slopes = point.coefficient_information()
        p, q = self.x.size, self.n_theta
        padded = np.zeros((parameters.size, modes.size))
        padded[q : q + p] = slopes
        hessian = np.zeros((parameters.size, parameters.size))
        hessian[q : q + p, q : q + p] = -block
        here = LikelihoodEvaluation(parameters.copy(), point.value(), gradient, EMPTY, modes, EMPTY, padded)
        for i in (*range(q), *range(q + p, parameters.size)):
            hessian[i, :] = (self._gradient_beside(here, i, 1e-4) - gradient) / 1e-4
        for i in range(q + p, parameters.size):
            hessian[:, i] = hessian[i, :]
        hessian[q : q + p, :q] = hessian[:q, q : q + p].T
        hessian[:q, :q] = 0.5 * (hessian[:q, :q] + hessian[:q, :q].T)
        return LikelihoodEvaluation(here.parameters, here.value, gradient, hessian, modes, EMPTY, padded)

    def evaluate_exactly(self, parameters: Floats, near: LikelihoodEvaluation | None) -> LikelihoodEvaluation:
        """As `evaluate`, with the exact Hessian."""
        here = self.evaluate(parameters, 2, near)
        return replace(here, hessian=self.exact_hessian(here)) if np.isfinite(here.value) else here

    def exact_hessian(self, here: LikelihoodEvaluation) -> Floats:
        """Hessian by central differences of the exact gradient, each over a 3000th of a standard error."""
        scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(here.hessian)), 1e-12))
        rows = [self._difference(here, i, 3e-4 * scale[i]) for i in range(here.parameters.size)]
        matrix = np.array(rows)
        return 0.5 * (matrix + matrix.T)

    def _difference(self, here: LikelihoodEvaluation, i: int, width: float) -> Floats:
        up, down = (self._gradient_beside(here, i, each) for each in (width, -width))
        return (up - down) / (2.0 * width)

    def _gradient_beside(self, here: LikelihoodEvaluation, i: int, width: float) -> Floats:
        step = np.zeros(here.parameters.size)
        step[i] = width
        return self.evaluate(here.parameters + step, 1, here).gradient


class LaplacePoint:
    """Everything at one point of the parameter space: the mode is found on construction.

    Attributes:
        effects: per factor, (n, d) conditional modes b̂.
        scores: per factor, (n, d) s with b̂ = Ds.
        eta: (N,) linear predictor at the mode.
    """

    def __init__(
        self, whole: GroupedLikelihood, parameters: Floats, near: LikelihoodEvaluation | None
    ) -> None:
        p, q = whole.x.size, whole.n_theta
        self.whole, self.arrangement = whole, whole.arrangement
        self.outcome = whole.outcome
        if self.outcome.has_size:
            self.outcome = self.outcome.with_log_size(float(parameters[-1]))
        self.theta = parameters[:q]
        self.covariances = self.arrangement.covariances(self.theta)
        self.fixed = whole.offset + whole.x.predictor(parameters[q : q + p])
        self._find_mode(None if near is None else self.arrangement.unstack(near.modes_near(parameters)))
        self.first, self.second, self.third, _ = self.outcome.derivatives(self.eta)

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
            factor = arrangement.plan.factorise(z.products(-second), self.covariances)
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
                break
            if comparable:
                norm_held = np.where(worse, norm_held, norm)
            comparable = True
            effects = [a + b for a, b in zip(held, effect_steps, strict=True)]
            scores = [a + b for a, b in zip(held_scores, score_steps, strict=True)]
        self.effects, self.scores, self.eta, self.factor = effects, scores, eta, factor

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

    def gradient(self) -> Floats:
        """∂ℓ/∂(θ, β[, log size])."""
        x, z = self.whole.x, self.whole.z
        posterior = self.factor.posterior(combined=True)
        leverage = z.quadratic(cast("Floats", posterior.combined))
        moved = 0.5 * self.third * leverage
        a = self.factor.effects(z.sums(moved)[:, :, None])
        spread_a = z.predictor(a.combined[:, :, 0])
        residual = self.first + moved + self.second * spread_a
        by_covariance = []
        for s, s_a, information in zip(self.scores, a.scores, posterior.information, strict=True):
            cross = s.T @ s_a[:, :, 0]
            by_covariance.append(0.5 * (s.T @ s + cross + cross.T - information.sum(axis=0)))
        parts = [self.arrangement.theta_gradient(self.theta, by_covariance), x.totals(residual)]
        if self.outcome.has_size:
            of_density, of_first, of_second = self.outcome.size_slopes(self.eta)
            slope = of_density.sum() + 0.5 * (leverage @ of_second) + of_first @ spread_a
            parts.append(np.array([slope + self.outcome.log_constant_slope()]))
        return np.concatenate(parts)

    def coefficient_information(self) -> tuple[Floats, Floats]:
        """(p, p) X'WX − X'WZKZ'WX, and (p, U) slopes of the modes in β."""
        x, z = self.whole.x, self.whole.z
        found = self.factor.effects(z.crossed(x, -self.second))
        return x.products(-self.second) - found.explained, -self.arrangement.stack(found.effects).T
