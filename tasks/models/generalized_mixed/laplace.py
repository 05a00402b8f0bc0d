"""Laplace's log-likelihood of a model with random effects of any dimension, as a climb reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.generalized_mixed.laplace_hessian import LaplaceHessian
from tasks.models.generalized_mixed.laplace_point import GroupedCells, LaplacePoint
from tasks.models.generalized_mixed.quadrature import LikelihoodEvaluation
from tasks.models.generalized_mixed.quadrature_chunk import EMPTY

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GroupedLikelihood(GroupedCells):
    """Laplace log-likelihood of a model with random-effects terms on one or several grouping factors.

    Parameters are (θ, β) and, for a negative binomial, log size.
    """

    def evaluate(
        self, parameters: Floats, order: int = 2, near: LikelihoodEvaluation | None = None
    ) -> LikelihoodEvaluation:
        """The log-likelihood, its gradient and (order 2) a working Hessian at (θ, β[, log size]).

        The working Hessian leaves out of the coefficients' block how ½ log|I + D Z'WZ| curves, which is small
        and takes one more elimination a coefficient; `evaluate_exactly` has all of it.
        """
        return self._evaluation(parameters, near, None if order < 2 else LaplaceHessian.working)

    def evaluate_exactly(self, parameters: Floats, near: LikelihoodEvaluation | None) -> LikelihoodEvaluation:
        """As `evaluate`, with the exact Hessian."""
        return self._evaluation(parameters, near, LaplaceHessian.whole)

    def _evaluation(
        self,
        parameters: Floats,
        near: LikelihoodEvaluation | None,
        second: Callable[[LaplaceHessian], Floats] | None,
    ) -> LikelihoodEvaluation:
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
        if second is None:
            return LikelihoodEvaluation(parameters.copy(), point.value(), gradient, EMPTY, modes)
        of_point = LaplaceHessian(point)
        return LikelihoodEvaluation(
            parameters.copy(),
            point.value(),
            gradient,
            second(of_point),
            modes,
            mode_slopes=of_point.mode_slopes,
        )
