"""Adaptive Gauss–Hermite quadrature for one scalar random effect: log-likelihood and exact derivatives.

A cluster's outcomes are independent given its standardised effect u ~ N(0, 1), with linear predictors
η_i(u) = o_i + x_i'β + σ z_i u. With g(u) = Σ f_i(η_i(u)) − u²/2, mode m (g'(m) = 0), curvature h = −g''(m)
and τ = h^(−1/2), the K-node rule centred at the mode is (Liu & Pierce 1994; Pinheiro & Bates 1995, eq. 2.7)

    ℓ = log τ + log Σ_k exp(a_k + g(m + √2 τ t_k)),    a_k = log w_k + t_k² − ½ log π,

which for K = 1 is Laplace's approximation. Both m and τ depend on (σ, β); the derivatives here include that
dependence (see `quadrature_chunk`), so that the maximum is the maximum of this very function whatever K is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.generalized_mixed.quadrature_chunk import EMPTY, Chunk

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class LikelihoodEvaluation:
    """A log-likelihood at a point, with what was found on the way.

    Attributes:
        parameters: (q,) the point.
        value: the log-likelihood, every constant included.
        gradient: (q,).
        hessian: (q, q); empty where only the gradient was asked for.
        modes: conditional modes of the standardised effects.
        precision: curvature h of −g at the mode, for a scalar effect.
        mode_slopes: ∂modes/∂parameters, to start a nearby evaluation from; may be empty.
        next_order: what the next order of the expansion adds to Laplace (order 2, scalar effect).
    """

    parameters: Floats
    value: float
    gradient: Floats
    hessian: Floats
    modes: Floats
    precision: Floats = field(default_factory=lambda: EMPTY)
    mode_slopes: Floats = field(default_factory=lambda: EMPTY)
    next_order: float = 0.0

    def modes_near(self, parameters: Floats) -> Floats:
        """First-order prediction of the modes at other parameters."""
        if self.mode_slopes.size == 0:
            return self.modes
        move = (parameters - self.parameters)[: self.mode_slopes.shape[0]]
        # A prediction is only a start for a safeguarded Newton iteration; long extrapolations are cut
        return self.modes + np.clip(move @ self.mode_slopes, -1.0, 1.0)


class ClusterLikelihood(Protocol):
    """What a climb asks of the likelihood of one scalar random effect, wherever its rows are.

    Parameters, modes and precision are those of `ScalarLikelihood`.
    """

    @property
    def nodes(self) -> int:
        """K ≥ 1."""
        ...

    @property
    def n_cells(self) -> int:
        """N, cells in all."""
        ...

    @property
    def n_fixed(self) -> int:
        """p, fixed-effect columns."""
        ...

    @property
    def has_size(self) -> bool:
        """Whether log size is a parameter."""
        ...

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """The log-likelihood, its gradient and (order 2) its Hessian, as `ScalarLikelihood.evaluate`."""
        ...

    def posterior(self, parameters: Floats, nodes: int, near: LikelihoodEvaluation) -> tuple[Floats, Floats]:
        """Posterior mean and SD of each cluster's standardised effect, as `ScalarLikelihood.posterior`."""
        ...


@dataclass(frozen=True)
class ScalarLikelihood:
    """Log-likelihood of a model with one scalar random effect per cluster, K-node adaptive quadrature.

    Parameters are (σ, β) and, for a negative binomial, log size. The likelihood is even in σ.

    Attributes:
        x: (p, N) fixed-effect columns, one contiguous row per column, cells sorted by cluster.
        z: (N,) random-effect column, or None for a random intercept.
        offset: (N,).
        outcome: the outcome of every cell.
        starts: (J + 1,) where each cluster's cells begin; no cluster is empty.
        nodes: K ≥ 1.
    """

    x: Floats
    z: Floats | None
    offset: Floats
    outcome: CellOutcome
    starts: Integers
    nodes: int = 1

    @property
    def n_theta(self) -> int:
        """Number of variance parameters: σ comes first."""
        return 1

    @property
    def n_cells(self) -> int:
        """N, cells in all."""
        return len(self.offset)

    @property
    def n_fixed(self) -> int:
        """p, fixed-effect columns."""
        return len(self.x)

    @property
    def has_size(self) -> bool:
        """Whether log size is a parameter."""
        return self.outcome.has_size

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """The log-likelihood, its gradient and (order 2) its Hessian at (σ, β[, log size]).

        Args:
            parameters: the point.
            order: 1 for value and gradient, 2 for the Hessian too.
            near: an earlier evaluation whose modes are a good start.
        """
        p, clusters = self.x.shape[0], self.starts.size - 1
        outcome = self.outcome
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[1 + p]))
        begin = np.zeros(clusters) if near is None else near.modes_near(parameters)
        value, gradient = outcome.log_constant(), np.zeros(parameters.size)
        if outcome.has_size:
            gradient[-1] = outcome.log_constant_slope()
        hessian = np.zeros((p + 1, p + 1))
        modes, precision, slopes = np.empty(clusters), np.empty(clusters), np.empty((p + 1, clusters))
        next_order = 0.0

        for rows, those in self._chunks():
            # a step too far overflows; its value is not finite, and the climb shortens it
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                part = self._chunk(outcome, rows, those, parameters)
                part.find_modes(begin[those])
                part.differentiate(self.nodes, order)
            value += part.value
            gradient += part.gradient
            hessian += part.hessian
            modes[those], precision[those], slopes[:, those] = part.u, part.h, part.mode_slopes
            next_order += part.next_order
        full = EMPTY
        if order > 1:
            full = hessian
            if outcome.has_size:
                full = self._with_size(parameters, hessian, near)
        return LikelihoodEvaluation(
            parameters.copy(), float(value), gradient, full, modes, precision, slopes, next_order
        )

    def posterior(self, parameters: Floats, nodes: int, near: LikelihoodEvaluation) -> tuple[Floats, Floats]:
        """Posterior mean and SD of each cluster's standardised effect, at these parameters, by quadrature."""
        p = self.x.shape[0]
        outcome = self.outcome
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[1 + p]))
        mean, sd = np.empty(self.starts.size - 1), np.empty(self.starts.size - 1)
        for rows, those in self._chunks(nodes):
            part = self._chunk(outcome, rows, those, parameters)
            part.find_modes(near.modes[those])
            at, weight = part.posterior_nodes(nodes)
            mean[those] = (weight * at).sum(axis=0)
            sd[those] = np.sqrt((weight * (at - mean[those]) ** 2).sum(axis=0))
        return mean, sd

    def _with_size(self, parameters: Floats, block: Floats, near: LikelihoodEvaluation | None) -> Floats:
        """The Hessian with its log-size row, by Richardson-extrapolated differences of the exact gradient."""
        step = np.zeros(parameters.size)
        differences = []
        for width in (2e-3, 1e-3):
            step[-1] = width
            up = self.evaluate(parameters + step, 1, near).gradient
            down = self.evaluate(parameters - step, 1, near).gradient
            differences.append((up - down) / (2.0 * width))
        row = (4.0 * differences[1] - differences[0]) / 3.0
        full = np.empty((parameters.size, parameters.size))
        full[:-1, :-1] = block
        full[-1, :] = full[:, -1] = row
        return full

    def _chunks(self, nodes: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Runs of whole clusters, of about a cache's worth of rows."""
        size = max(512, CHUNK * 4 // (4 + (nodes or self.nodes)))
        clusters, first = self.starts.size - 1, 0
        while first < clusters:
            last = int(np.searchsorted(self.starts, self.starts[first] + size, side="right")) - 1
            last = min(max(last, first + 1), clusters)
            yield slice(int(self.starts[first]), int(self.starts[last])), slice(first, last)
            first = last

    def _chunk(self, outcome: CellOutcome, rows: slice, those: slice, parameters: Floats) -> Chunk:
        return Chunk.of(
            self.x[:, rows],
            None if self.z is None else self.z[rows],
            self.offset[rows],
            outcome.part(rows.start, rows.stop),
            self.starts[those.start : those.stop + 1] - rows.start,
            parameters,
        )
