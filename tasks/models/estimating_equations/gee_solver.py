"""Solving the estimating equations: a start by likelihood, then scoring with the correlation re-estimated.

One pass at β gives the residuals, from them the scale and correlation, and from those the scoring step, so
the equations are the fixed point of one map β → β + (ΣB_i)⁻¹ΣU_i. Its steps shrink by a constant factor;
Anderson's acceleration (Anderson 1965, J ACM 12, 547; Walker & Ni 2011, SIAM J Numer Anal 49, 1715) uses the
last few to reach the same fixed point in a third of the passes. Where clinics hardly differ the weight of a
large clinic turns on the fourth digit of the correlation, the map bends sharply, and the acceleration can
go round in circles: damped scoring then reaches the fixed point by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee_family import Family
from tasks.models.estimating_equations.gee_sums import Centre
from tasks.models.estimating_equations.working_correlation import Weighed
from tasks.models.generalized_mixed.families import CellOutcome, FamilyName
from tasks.models.generalized_mixed.independence_fit import independence_fit
from tasks.models.generalized_mixed.separation import SUSPECT, find_separation, refuse_separated
from tasks.records.cells import Cells
from tasks.records.design import Design

Floats = NDArray[np.float64]

TOLERANCE = 1e-10
"""Largest scoring step, in standard errors, at which the equations count as solved."""

_ACCEPTED = 1e-8  # where rounding lets steps shrink no further
_MEMORY = 5
_PATIENCE = 5  # damped steps are small: so many times more of them
_REGAINED = 1.25  # what a step that was smaller than the one before gives back of the next one's length
_SMALLEST_PART = 2.0**-12
_RUNAWAY = 1e8  # no solution leaves residuals with so many times the variance of those at the start
_ROWS_FOR_A_START = 60_000


@dataclass(frozen=True, slots=True)
class EquationsEvaluation:
    """The equations at one value of the coefficients.

    Attributes:
        scale: moment estimate of φ.
        weighed: correlation, information and score.
    """

    scale: float
    weighed: Weighed


@dataclass(frozen=True, slots=True)
class Solution:
    """Where the iterations ended.

    Attributes:
        coefficients: (p,) of the columns about their centre.
        evaluation: the equations there.
        iterations: scoring steps taken.
        step: last scoring step, in standard errors.
        converged: whether it passed the test.
    """

    coefficients: Floats
    evaluation: EquationsEvaluation
    iterations: int
    step: float
    converged: bool


def solve(
    evaluate: Callable[[Floats], EquationsEvaluation], start: Floats, max_iterations: int = 200
) -> Solution:
    """Iterate from `start` until the scoring step is a vanishing part of the standard errors.

    Accelerated scoring comes first, and damped scoring where that did not settle; both stop alike.
    """
    quick = _accelerated(evaluate, start, max_iterations)
    if quick.converged:
        return quick
    slow = _damped(evaluate, start, _PATIENCE * max_iterations)
    return replace(slow, iterations=quick.iterations + slow.iterations)


def _accelerated(
    evaluate: Callable[[Floats], EquationsEvaluation], start: Floats, max_iterations: int
) -> Solution:
    """Scoring by Anderson's acceleration."""
    b = start
    points: list[Floats] = []
    steps: list[Floats] = []
    progress = _Progress()
    for iteration in range(1, max_iterations + 1):
        here = evaluate(b)
        step, se = _scoring_step(here)
        size = float(np.max(np.abs(step) / se))
        if progress.is_lost(here.scale, size):
            break
        restart = size > 2.0 * progress.best
        if progress.ends_at(size):
            return Solution(b + step, here, iteration, size, converged=True)
        if restart:  # the map is not contracting here: forget the past and go carefully
            points, steps = [], []
            step = step * 0.5
        points, steps = [*points[-_MEMORY:], b], [*steps[-_MEMORY:], step]
        b = b + step if size > 0.5 else _mixed(points, steps, se)
    return Solution(b, here, iteration, size, converged=False)


def _damped(
    evaluate: Callable[[Floats], EquationsEvaluation], start: Floats, max_iterations: int
) -> Solution:
    """Scoring by a part of each step, halved whenever the next step is no smaller.

    A map whose steps change sign (or turn) and grow is a contraction once it is damped enough. A step to a
    correlation that the clusters cannot have is halved too, unless it starts from one. Where such a
    correlation was in the way to the end, the equations there are returned, with their flaw.
    """
    b, part, progress = start, 1.0, _Progress()
    impossible: EquationsEvaluation | None = None
    here = evaluate(b)
    step, se = _scoring_step(here)
    size = float(np.max(np.abs(step) / se))
    for iteration in range(1, max_iterations + 1):
        if part < _SMALLEST_PART or progress.is_lost(here.scale, size):
            break
        if progress.ends_at(size):
            return Solution(b + step, here, iteration, size, converged=True)
        ahead = evaluate(b + part * step)
        if ahead.weighed.flaw and not here.weighed.flaw:
            part, impossible = part / 2.0, ahead
            continue
        b, here, before = b + part * step, ahead, size
        step, se = _scoring_step(here)
        size = float(np.max(np.abs(step) / se))
        part = min(_REGAINED * part, 1.0) if size < before else part / 2.0
    return Solution(b, impossible or here, iteration, size, converged=False)


class _Progress:
    """How small the steps have become, and whether they have reached what rounding allows, or run away."""

    def __init__(self) -> None:
        self.best = np.inf
        self._worse = 0
        self._start: float | None = None

    def is_lost(self, scale: float, size: float) -> bool:
        """Whether there is no step from here, or residuals grew too far for a solution to be near."""
        if self._start is None:
            self._start = max(scale, 1.0)
        return not (np.isfinite(size) and scale <= _RUNAWAY * self._start)

    def ends_at(self, size: float) -> bool:
        """Whether a step of this size is the last: it is taken, as what is left after it is less still."""
        self._worse = self._worse + 1 if size >= self.best else 0
        at_rounding = self._worse >= 3 and self.best < _ACCEPTED and size < _ACCEPTED
        self.best = min(self.best, size)
        return size < TOLERANCE or at_rounding


def _scoring_step(here: EquationsEvaluation) -> tuple[Floats, Floats]:
    """The step and the standard errors there; NaN where the information is none, since it has no inverse."""
    try:
        inverse = np.linalg.inv(here.weighed.information)
    except np.linalg.LinAlgError:
        inverse = np.full_like(here.weighed.information, np.nan)
    variance = here.scale * np.diag(inverse)
    if not np.all(variance >= 0.0):
        return np.full(len(variance), np.nan), np.ones(len(variance))
    se = np.sqrt(variance)
    return inverse @ here.weighed.score, np.where(se > 0.0, se, np.inf)


def _mixed(points: list[Floats], steps: list[Floats], se: Floats) -> Floats:
    """The next point: the combination of the last ones whose steps cancel best, plus its step."""
    if len(points) == 1:
        return points[0] + steps[0]
    moved = np.diff(np.array(points), axis=0)
    changed = np.diff(np.array(steps), axis=0)
    weights, *_ = np.linalg.lstsq((changed / se).T, steps[-1] / se, rcond=1e-8)
    return np.asarray(points[-1] + steps[-1] - weights @ (moved + changed))


def likelihood_start(cells: Cells, design: Design, family: Family, centre: Centre) -> Floats:
    """Maximum likelihood under independence, near enough to start from (of the columns about `centre`).

    On large data a systematic sample of the cells is enough: the iterations that follow use them all.
    """
    step = len(cells.total) // _ROWS_FOR_A_START
    if step > 1:
        try:
            return likelihood_of(_every(cells, step), design, family, centre)
        except EstimationError:  # a rare level is missing from the sample
            pass
    return likelihood_of(cells, design, family, centre)


def _every(cells: Cells, step: int) -> Cells:
    taken = {
        name: getattr(cells, name)[::step]
        for name in ("fixed", "codes", "weight", "total", "total_squares", "trials", "offset")
    }
    return replace(cells, **taken, random=(), time=None)


def likelihood_of(cells: Cells, design: Design, family: Family, centre: Centre) -> Floats:
    """Maximum likelihood under independence, of the columns about `centre`.

    Raises:
        EstimationError: covariates separate the outcome, or no maximum can be found.
    """
    columns = np.ascontiguousarray((cells.fixed - centre.point).T)
    if family.name == "gaussian":
        score = columns @ (cells.total - cells.weight * cells.offset)
        least_squares = np.linalg.lstsq((columns * cells.weight) @ columns.T, score, rcond=None)
        return np.asarray(least_squares[0], dtype=float)
    kind: FamilyName = "binomial" if family.name == "binomial" else "poisson"
    outcome = CellOutcome.of(cells, kind)
    fit = independence_fit(columns, cells.offset, outcome)
    eta = fit.coefficients @ columns
    if max(float(np.abs(eta).max()), float(np.ptp(eta))) > SUSPECT:
        found = find_separation(design.fixed, columns, outcome, cells.weight)
        if found is not None:
            raise refuse_separated(found, design.response, kind)
    if not fit.settled:
        raise EstimationError(
            f"the likelihood of {design.response} has no maximum that can be found: an effect grows without "
            "end",
            hint="leave out covariates with rare levels, or merge those levels",
        )
    return fit.coefficients
