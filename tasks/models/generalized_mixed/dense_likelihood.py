"""The likelihood of one scalar random effect by the trapezoidal rule, dense enough whatever the effects' SD.

Where clinics' effects have an SD of several units, a clinic without an event has an integrand that is a
normal density on one side and cut off on the other within a small fraction of it. Gauss–Hermite nodes about
the mode then fall to one side of the cut or the other: the sum is rugged in every parameter, with maxima of
its own, and no longer the likelihood (201 nodes are 0.02 off at an SD of 20). The trapezoidal rule over all
of the integrand that matters has an error that vanishes exponentially in the number of nodes (Trefethen &
Weideman 2014, SIAM Review 56:385, §3), which is doubled until nothing changes.

The integrand is log-concave in effect and coefficients together, and so is its integral (Prékopa 1973): at a
given SD the coefficients have one best value, and every climb ends there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation, ScalarLikelihood
from tasks.models.generalized_mixed.quadrature_chunk import EMPTY, Chunk

Floats = NDArray[np.float64]

_FALL = 40.0  # the integrand is left out where it is below e⁻⁴⁰ of its height
_FARTHEST = (2.0 * _FALL) ** 0.5  # it is, that far from the mode: its log has a curvature of −1 or less
_NEAREST = 1e-8
_BISECTIONS = 12
_FIRST = 65
_SETTLED = 1e-11
_BLOCK = 1 << 18
_MOST_NODES = 1 << 15  # an SD of 200 takes a quarter of them
MOST_POINTS = 1 << 21
"""Nodes times cells that one evaluation may take: some tenths of a second."""


class NotSettledError(ArithmeticError):
    """The likelihood would need more nodes than it is worth, or is asked for far from any maximum."""


@dataclass(frozen=True)
class DenseLikelihood:
    """Log-likelihood of a model with one scalar random effect per cluster, exact to rounding.

    Attributes:
        model: the same model by Gauss–Hermite quadrature, whose cells and parameters these are.
    """

    model: ScalarLikelihood

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """The log-likelihood with its gradient and Hessian in (σ, β[, log size]); order 0: the value alone.

        Args:
            parameters: the point.
            order: 0 or 2.
            near: an earlier evaluation whose modes are a good start.

        Raises:
            NotSettledError: more nodes are needed than are allowed.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            return self._evaluate(parameters, order, near)

    def _evaluate(
        self, parameters: Floats, order: int, near: LikelihoodEvaluation | None
    ) -> LikelihoodEvaluation:
        clusters, outcome = self._clusters(parameters)
        clusters.find_modes(np.zeros(clusters.sizes.size) if near is None else near.modes)
        integrand = _Integrand.about_modes(clusters)
        count, before = _FIRST, integrand.by_cluster(_FIRST)
        while True:
            count = 2 * count - 1
            if count > min(_MOST_NODES, MOST_POINTS / self.model.offset.size):
                raise NotSettledError
            value = integrand.by_cluster(count)
            change = float(np.abs(value - before).sum())
            if not np.isfinite(change):
                raise NotSettledError
            if change <= _SETTLED * max(1.0, 1e-2 * float(np.abs(value).sum())):
                break
            before = value
        constant = outcome.log_constant()
        gradient, hessian = EMPTY, EMPTY
        if order > 0:
            gradient, hessian = integrand.derivatives(count, value)
            if outcome.has_size:
                gradient[-1] += outcome.log_constant_slope()
                hessian[-1, -1] += outcome.log_constant_curvature()
        return LikelihoodEvaluation(
            parameters.copy(), float(value.sum() + constant), gradient, hessian, clusters.u
        )

    def _clusters(self, parameters: Floats) -> tuple[Chunk, CellOutcome]:
        outcome = self.model.outcome
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[-1]))
        part = replace(outcome, constant=0.0)
        model = self.model
        return Chunk.of(model.x, model.z, model.offset, part, model.starts, parameters), outcome


@dataclass(frozen=True)
class _Integrand:
    """exp g(u) of every cluster, u its standardised effect, between two ends beyond which it is nothing.

    Attributes:
        clusters: their cells, with the modes.
        low, high: (J,) the ends.
    """

    clusters: Chunk
    low: Floats
    high: Floats

    @classmethod
    def about_modes(cls, clusters: Chunk) -> _Integrand:
        top = _log(clusters, clusters.u)
        ends = []
        for sign in (-1.0, 1.0):
            inside = np.full(top.size, np.log(_NEAREST))
            outside = np.full(top.size, np.log(_FARTHEST))
            for _ in range(_BISECTIONS):
                middle = 0.5 * (inside + outside)
                above = top - _log(clusters, clusters.u + sign * np.exp(middle)) < _FALL
                inside, outside = np.where(above, middle, inside), np.where(above, outside, middle)
            ends.append(clusters.u + sign * np.exp(outside))
        return cls(clusters, ends[0], ends[1])

    def by_cluster(self, count: int) -> Floats:
        """(J,) the log-likelihood of each cluster with so many nodes."""
        top = _log(self.clusters, self.clusters.u)
        total = np.zeros(top.size)
        for at in self._nodes(count):
            total += np.exp(_log(self.clusters, at) - top).sum(axis=0)
        return np.asarray(top + np.log(total * self._step(count)) - 0.5 * np.log(2.0 * np.pi))

    def derivatives(self, count: int, value: Floats) -> tuple[Floats, Floats]:
        """Gradient and Hessian: E ∂g and E ∂²g + Var ∂g over each cluster's posterior (Louis 1982)."""
        part = self.clusters
        p = part.x.shape[0]
        q = 1 + p + part.outcome.has_size
        mean, hessian = np.zeros((q, value.size)), np.zeros((q, q))
        shift = np.log(self._step(count)) - 0.5 * np.log(2.0 * np.pi) - value
        for at in self._nodes(count):
            weight = np.exp(_log(part, at) + shift)
            eta = part.predictor(at)
            first, second = part.outcome.slopes(eta)
            score = np.empty((q, *at.shape))
            score[0] = at * part.sums(first, 1)
            score[1 : 1 + p] = np.moveaxis(part.column_sums(first), 1, 0)
            hessian[0, 0] += float((weight * at**2 * part.sums(second, 2)).sum())
            crossed = part.column_sums(part.times_z(second, 1))
            hessian[0, 1 : 1 + p] += np.einsum("kj,kpj->p", weight * at, crossed)
            by_row = (np.repeat(weight, part.sizes, axis=1) * second).sum(axis=0)
            hessian[1 : 1 + p, 1 : 1 + p] += (part.x * by_row) @ part.x.T
            if part.outcome.has_size:
                of_size, of_slope = part.outcome.size_slopes(eta)[:2]
                score[-1] = part.sums(of_size)
                hessian[0, -1] += float((weight * at * part.sums(of_slope, 1)).sum())
                hessian[1:-1, -1] += np.einsum("kj,kpj->p", weight, part.column_sums(of_slope))
                curvature = part.outcome.size_curvatures(eta)[0]
                hessian[-1, -1] += float((weight * part.sums(curvature)).sum())
            mean += np.einsum("kj,qkj->qj", weight, score)
            squares = np.einsum("kj,qkj,rkj->qr", weight, score, score, optimize=True)
            hessian += np.triu(squares)
        hessian -= np.triu(mean @ mean.T)
        return mean.sum(axis=1), hessian + np.triu(hessian, 1).T - np.tril(hessian, -1)

    def _nodes(self, count: int) -> list[Floats]:
        """(k, J) nodes, in blocks of so many as fit in a cache."""
        rows = max(1, _BLOCK // self.clusters.fixed.size)
        shares = np.linspace(0.0, 1.0, count)[:, None]
        width = self.high - self.low
        return [self.low + shares[begin : begin + rows] * width for begin in range(0, count, rows)]

    def _step(self, count: int) -> Floats:
        return np.asarray((self.high - self.low) / (count - 1))


def _log(clusters: Chunk, at: Floats) -> Floats:
    """g at (…, J) values of the standardised effects, constants apart."""
    return np.asarray(clusters.sums(clusters.outcome.density(clusters.predictor(at))) - 0.5 * at**2)
