"""The likelihood of one scalar random effect by a dense trapezoidal rule, whatever the effects' SD.

Where clinics' effects have an SD of several units, a clinic without an event has an integrand that is a
normal density on one side and cut off on the other within a small fraction of it. Gauss–Hermite nodes about
the mode then fall to one side of the cut or the other: the sum is rugged in every parameter, with maxima of
its own, and no longer the likelihood (201 nodes are 0.02 off at an SD of 20). The trapezoidal rule over all
of the integrand that matters has an error that vanishes exponentially in the number of nodes (Trefethen &
Weideman 2014, SIAM Review 56:385, §3), which is doubled until nothing changes. Its nodes are u = c + δ sinh t
with t evenly spaced: close together at the cut c, and the farther apart the farther from it (ibid., §14), so
that an SD of 100 takes as many as an SD of 1.

The integrand is log-concave in effect and coefficients together, and so is its integral (Prékopa 1973): at a
given SD the coefficients have one best value, and every climb ends there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.equal_clusters import ClusterCells, ClusterKinds
from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation, ScalarLikelihood
from tasks.models.generalized_mixed.quadrature_chunk import EMPTY, Chunk

Floats = NDArray[np.float64]

_FALL = 40.0  # the integrand is left out where it is below e⁻⁴⁰ of its height
_FARTHEST = (2.0 * _FALL) ** 0.5  # it is, that far from the mode: its log has a curvature of −1 or less
_NEAREST = 1e-8
_BISECTIONS = 12
_CUT_FOUND = 0.25  # how near to the cut its place is known, in units of the predictor
_WIDTH = 3.0  # the fewest nodes for the most data sets, of 1, 2 and 3
_FIRST = 33
_BLOCK = 1 << 18
_MOST_NODES = 4_097  # an SD of 200 takes a fortieth of them
SETTLED = 1e-6
"""Change of the log-likelihood at which the nodes are enough: twice as many have the square of the error, so
that what is kept is right to 1e-12 or so."""


class NotSettledError(ArithmeticError):
    """The likelihood is asked for so far from any maximum that no number of nodes settles it."""


@dataclass(frozen=True)
class DenseLikelihood:
    """Log-likelihood of a model with one scalar random effect per cluster, exact to rounding.

    Clusters that agree are evaluated once, in an order of their own: rows or clusters in another order give
    the same bits.

    Attributes:
        model: the same model by Gauss–Hermite quadrature, whose cells and parameters these are.
        settled: change of the log-likelihood at twice the nodes that is none.
        most_nodes: nodes at which it is given up.
    """

    model: ScalarLikelihood
    settled: float = SETTLED
    most_nodes: int = _MOST_NODES

    @cached_property
    def kinds(self) -> ClusterKinds:
        """The model's clusters, those that agree once."""
        model = self.model
        return ClusterKinds.of(ClusterCells(model.x, model.z, model.offset, model.outcome, model.starts))

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
        kinds, (clusters, outcome) = self.kinds, self._clusters(parameters)
        clusters.find_modes(np.zeros(kinds.times.size) if near is None else near.modes[kinds.example])
        integrand = _Integrand.about_cuts(clusters, kinds.times)
        count, before = _FIRST, integrand.by_cluster(_FIRST)
        while True:
            count = 2 * count - 1
            if count > self.most_nodes:
                raise NotSettledError
            value = integrand.by_cluster(count)
            change = float(kinds.times @ np.abs(value - before))
            if not np.isfinite(change):
                raise NotSettledError
            if change <= self.settled:
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
            parameters.copy(),
            float(kinds.times @ value + constant),
            gradient,
            hessian,
            clusters.u[kinds.kind],
        )

    def _clusters(self, parameters: Floats) -> tuple[Chunk, CellOutcome]:
        outcome, cells = self.model.outcome, self.kinds.cells
        part = replace(cells.outcome, constant=0.0)
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[-1]))
            part = part.with_log_size(float(parameters[-1]))
        return Chunk.of(cells.x, cells.z, cells.offset, part, cells.starts, parameters), outcome


@dataclass(frozen=True)
class _Integrand:
    """exp g(u) of each kind of cluster, u its standardised effect, between ends outside which it is nothing.

    Attributes:
        clusters: their cells, with the modes.
        times: (D,) how many clusters there are of each kind.
        cut: (D,) where the outcome itself holds the effect back.
        width: (D,) over what stretch it comes to do so.
        low, high: (D,) the ends, as t.
    """

    clusters: Chunk
    times: Floats
    cut: Floats
    width: Floats
    low: Floats
    high: Floats

    @classmethod
    def about_cuts(cls, clusters: Chunk, times: Floats) -> _Integrand:
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
        low, high = ends
        cut = _cut(clusters, low, high)
        _, second = clusters.outcome.slopes(clusters.predictor(cut))
        width = _WIDTH / np.sqrt(1.0 - clusters.sigma**2 * clusters.sums(second, 2))
        return cls(
            clusters, times, cut, width, np.arcsinh((low - cut) / width), np.arcsinh((high - cut) / width)
        )

    def by_cluster(self, count: int) -> Floats:
        """(D,) the log-likelihood of a cluster of each kind with so many nodes."""
        top = _log(self.clusters, self.clusters.u)
        total = np.zeros(top.size)
        for at, stretch in self._nodes(count):
            total += (np.exp(_log(self.clusters, at) - top) * stretch).sum(axis=0)
        return np.asarray(top + np.log(total * self._step(count)) - 0.5 * np.log(2.0 * np.pi))

    def derivatives(self, count: int, value: Floats) -> tuple[Floats, Floats]:
        """Gradient and Hessian: E ∂g and E ∂²g + Var ∂g over each cluster's posterior (Louis 1982)."""
        part = self.clusters
        p = part.x.shape[0]
        q = 1 + p + part.outcome.has_size
        mean, hessian = np.zeros((q, value.size)), np.zeros((q, q))
        shift = np.log(self.times * self._step(count)) - 0.5 * np.log(2.0 * np.pi) - value
        for at, stretch in self._nodes(count):
            weight = np.exp(_log(part, at) + shift) * stretch
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
        hessian -= np.triu((mean / self.times) @ mean.T)
        return mean.sum(axis=1), hessian + np.triu(hessian, 1).T - np.tril(hessian, -1)

    def _nodes(self, count: int) -> Iterator[tuple[Floats, Floats]]:
        """(k, D) nodes and what each stands for per unit of t, in blocks of so many as fit in a cache."""
        rows = max(1, _BLOCK // self.clusters.fixed.size)
        shares = np.linspace(0.0, 1.0, count)[:, None]
        for begin in range(0, count, rows):
            t = self.low + shares[begin : begin + rows] * (self.high - self.low)
            yield self.cut + self.width * np.sinh(t), self.width * np.cosh(t)

    def _step(self, count: int) -> Floats:
        return np.asarray((self.high - self.low) / (count - 1))


def _cut(clusters: Chunk, low: Floats, high: Floats) -> Floats:
    """(D,) effects between two ends at which the outcome begins to hold the effect back.

    The score of the outcome falls in the effect. Where it is on either side of zero the cut is where it is
    zero; where it never is, as without an event, where one event is expected, or half of all there could be.
    """
    left, right = _score(clusters, low), _score(clusters, high)
    goal = np.where(left <= 0.0, np.maximum(-1.0, 0.5 * right), 0.0)
    goal = np.where(right >= 0.0, np.minimum(1.0, 0.5 * left), goal)
    steps = np.log2(max(2.0, float((high - low).max()) * abs(clusters.sigma) / _CUT_FOUND))
    for _ in range(int(np.ceil(steps))):
        middle = 0.5 * (low + high)
        before = _score(clusters, middle) > goal
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.asarray(0.5 * (low + high))


def _score(clusters: Chunk, at: Floats) -> Floats:
    """(D,) derivative of the outcome's log-density in the predictor, along the effect's direction."""
    first, _ = clusters.outcome.slopes(clusters.predictor(at))
    return np.asarray(np.sign(clusters.sigma) * clusters.sums(first, 1))


def _log(clusters: Chunk, at: Floats) -> Floats:
    """g at (…, J) values of the standardised effects, constants apart."""
    return np.asarray(clusters.sums(clusters.outcome.density(clusters.predictor(at))) - 0.5 * at**2)
