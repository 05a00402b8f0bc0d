"""Separation: covariates that tell the outcome apart perfectly, so that no finite coefficient fits best.

For a binary outcome the data are separated when some direction d has x'd ≥ 0 wherever the outcome is 1, ≤ 0
wherever it is 0, and not 0 everywhere (Albert & Anderson 1984); a cell with both outcomes needs x'd = 0. For
counts, zero counts need x'd ≤ 0 and the others x'd = 0 (Santos Silva & Tenreyro 2010). Whether there is such
a direction is a linear program (Konis 2007), solved here on the rows that matter: rows that a solution
violates are added until none is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.families import CellOutcome, FamilyName

Floats = NDArray[np.float64]
Parts = Callable[[], Iterator[tuple[Floats, Floats]]]

SUSPECT = 12.0
"""A linear predictor this far out (a probability of 6 in a million) is a sign that a coefficient diverges."""

_FIRST = 2_000
_ADDED = 2_000
_TOLERANCE = 1e-7


class SeparatedError(EstimationError):
    """Covariates separate the outcome, so that no finite coefficient fits best."""


@dataclass(frozen=True)
class Separation:
    """A direction along which the likelihood keeps rising.

    Attributes:
        columns: fixed-effect columns that take part in it.
        complete: whether it tells apart every row (else some rows: quasi-complete).
        rows: share of the rows that it tells apart.
    """

    columns: tuple[str, ...]
    complete: bool
    rows: float


def find_separation(
    names: tuple[str, ...], x: Floats, outcome: CellOutcome, rows: Floats
) -> Separation | None:
    """The covariates that separate the outcome, or None where finite coefficients exist.

    Args:
        names: (p,) columns.
        x: (p, N) columns, in any location and scale that the intercept takes up.
        outcome: the outcome of every cell.
        rows: (N,) rows in each cell: however they are ordered and collapsed, the answer is the same.
    """
    x, side, rows = _distinct(x, sides(outcome), rows)
    x = _centred(x, rows)
    scale = np.sqrt((x**2 * rows).sum(axis=1) / rows.sum())
    scaled = x / np.where(scale > 0.0, scale, 1.0)[:, None]
    direction = _direction(scaled, side, rows)
    if direction is None:
        return None
    reach = direction @ scaled
    told = np.abs(reach) > 1e-6 * np.abs(reach).max()
    share = float(rows[told].sum() / rows.sum())
    columns = _smallest_set(names, scaled, side, direction, rows)
    return Separation(columns, _is_complete(scaled, side), share)


def foretold(x: Floats, outcome: CellOutcome) -> NDArray[np.bool_]:
    """(N,) cells whose outcome the covariates foretell with certainty, as coefficients go to infinity.

    In the limit they add nothing to the likelihood of the other cells: without them the other coefficients
    and the random effects are what they are with them (Konis 2007, §2.3; Correia, Guimarães & Zylkin 2019,
    prop. 1). What is left may be separated again, so one direction is looked for after the other.

    Args:
        x: (p, N) fixed-effect columns.
        outcome: the outcome of every cell.
    """
    scale = np.sqrt((x**2).mean(axis=1))
    scaled = x / np.where(scale > 0.0, scale, 1.0)[:, None]
    side, found = sides(outcome), np.zeros(x.shape[1], dtype=bool)
    while not found.all():
        left = np.flatnonzero(~found)
        direction = _direction(scaled[:, left], side[left], np.ones(left.size))
        if direction is None:
            break
        reach = np.abs(direction @ scaled[:, left])
        found[left[reach > 1e-6 * reach.max()]] = True
    return found


def refuse_separated(separation: Separation, response: str, family: FamilyName) -> SeparatedError:
    """The error for separated data: which covariates, and the ways out."""
    named = [name for name in separation.columns if name != "(Intercept)"] or list(separation.columns)
    what = f"{named[0]} separates" if len(named) == 1 else f"{', '.join(named)} together separate"
    how = "completely" if separation.complete else f"for {100.0 * separation.rows:.3g}% of the rows"
    kind = "its 0s from its 1s" if family == "binomial" else "zero counts from the others"
    return SeparatedError(
        f"{what} the outcome {response} {how}, {kind}: no finite coefficient fits best",
        hint=f"leave {' and '.join(named[:3])} out, merge levels, or use more months of records",
    )


def is_separated(parts: Parts, x: Floats, side: Floats) -> bool:
    """Whether covariates separate an outcome whose rows come a part at a time.

    The linear program is solved on some rows; a pass over all of them finds those that its solution violates,
    which are added until there is none left, or until nothing is left to gain.

    Args:
        parts: reads the rows once more: (p, n) columns and (n,) sides of each part.
        x: (p, m) columns of some rows to begin with, in the same location.
        side: (m,) their sides.
    """
    scale = np.sqrt((x**2).mean(axis=1))
    scale = np.where(scale > 0.0, scale, 1.0)[:, None]
    goal, n = np.zeros(len(x)), 0
    for columns, each in parts():
        goal += (columns / scale) @ each
        n += each.size
    some = np.unique(np.linspace(0, side.size - 1, min(side.size, _FIRST)).astype(int))
    held = np.unique(np.vstack([x[:, some] / scale, side[some]]), axis=1)
    while True:
        direction = _solve(held[:-1], held[-1], goal)
        if goal @ direction <= _TOLERANCE * n:
            return False
        worst = np.empty((len(held), 0))
        for columns, each in parts():
            violation = _violation(columns / scale, each, direction)
            those = np.flatnonzero(violation > _TOLERANCE)
            those = those[np.argsort(-violation[those])[:_ADDED]]
            worst = np.hstack([worst, np.vstack([columns[:, those] / scale, each[those]])])
            worst = worst[:, np.argsort(-_violation(worst[:-1], worst[-1], direction))[:_ADDED]]
        more = np.unique(np.hstack([held, worst]), axis=1)
        if more.shape[1] == held.shape[1]:
            return True
        held = more


def _violation(x: Floats, side: Floats, direction: Floats) -> Floats:
    """(n,) by how much x'd is on the wrong side."""
    reach = direction @ x
    return np.where(side == 0.0, np.abs(reach), -side * reach)


class PredictorReach:
    """How far linear predictors without random effects reach, of cells that come a part at a time.

    Args:
        family: of the outcome.
    """

    def __init__(self, family: FamilyName) -> None:
        self._family = family
        self._lowest, self._highest = np.inf, -np.inf

    def see(self, eta: Floats, offset: Floats) -> None:
        """Cells with (n,) x'β and offsets: a probability is far out by both, a count by the first."""
        far = eta + offset if self._family == "binomial" else eta
        self._lowest = min(self._lowest, float(far.min()))
        self._highest = max(self._highest, float(far.max()))

    @property
    def is_suspect(self) -> bool:
        """Whether they reach so far that a coefficient may diverge."""
        if self._family == "binomial":
            return max(self._highest, -self._lowest) > SUSPECT
        return self._highest - self._lowest > SUSPECT


def sides(outcome: CellOutcome) -> Floats:
    """(N,) 1 where x'd must be ≥ 0, −1 where ≤ 0, 0 where it must be 0."""
    if outcome.family == "binomial":
        return np.where(outcome.y >= outcome.n, 1.0, np.where(outcome.y <= 0.0, -1.0, 0.0))
    return np.where(outcome.y <= 0.0, -1.0, 0.0)


def _distinct(x: Floats, side: Floats, rows: Floats) -> tuple[Floats, Floats, Floats]:
    """Cells that differ, in an order of their own: of several directions the same one is then found."""
    different, cell = np.unique(np.vstack([x, side]), axis=1, return_inverse=True)
    together = np.zeros(different.shape[1])
    np.add.at(together, cell.ravel(), rows)
    return different[:-1], different[-1], together


def _centred(x: Floats, rows: Floats) -> Floats:
    """Columns about their means, where there is a constant one that takes that up.

    A frame and a database may give them about different points, and of several separating directions the one
    that is found depends on it.
    """
    constant = np.ptp(x, axis=1) == 0.0
    if not np.any(x[constant, :1]):
        return x
    return np.asarray(np.where(constant[:, None], x, x - (x @ rows / rows.sum())[:, None]))


def _direction(x: Floats, side: Floats, rows: Floats) -> Floats | None:
    """A separating direction with entries in [−1, 1], or None."""
    n = x.shape[1]
    goal = x @ (side * rows) * (n / rows.sum())
    chosen = np.unique(np.linspace(0, n - 1, min(n, _FIRST)).astype(int))
    while True:
        direction = _solve(x[:, chosen], side[chosen], goal)
        if goal @ direction <= _TOLERANCE * n:
            return None
        violation = _violation(x, side, direction)
        worst = np.flatnonzero(violation > _TOLERANCE)
        fresh = worst if chosen.size == n else np.setdiff1d(worst, chosen)
        if chosen.size == n or fresh.size == 0:
            return direction
        fresh = fresh[np.argsort(-violation[fresh])[:_ADDED]]
        chosen = np.union1d(chosen, fresh)


def _is_complete(x: Floats, side: Floats) -> bool:
    """Whether some direction has x'd strictly on its side in every row: then, scaled, by 1 or more."""
    if np.any(side == 0.0):
        return False
    chosen = np.unique(np.linspace(0, x.shape[1] - 1, min(x.shape[1], _FIRST)).astype(int))
    while True:
        answer = optimize.linprog(
            np.zeros(x.shape[0]),
            A_ub=-(x[:, chosen] * side[chosen]).T,
            b_ub=-np.ones(chosen.size),
            bounds=[(-1e6, 1e6)] * x.shape[0],
            method="highs",
        )
        if answer.status != 0:
            return False
        short = side * (np.asarray(answer.x, dtype=float) @ x)
        worst = np.setdiff1d(np.flatnonzero(short < 1.0 - 1e-6), chosen)
        if worst.size == 0:
            return True
        chosen = np.union1d(chosen, worst[np.argsort(short[worst])[:_ADDED]])


def _solve(x: Floats, side: Floats, goal: Floats) -> Floats:
    """Maximises goal'd over the directions that the chosen rows allow."""
    strict, equations = side != 0.0, _independent(x[:, side == 0.0])
    answer = optimize.linprog(
        -goal,
        A_ub=-(x[:, strict] * side[strict]).T,
        b_ub=np.zeros(int(strict.sum())),
        A_eq=equations,
        b_eq=np.zeros(len(equations)),
        bounds=[(-1.0, 1.0)] * x.shape[0],
        method="highs",
    )
    return np.asarray(answer.x, dtype=float) if answer.status == 0 else np.zeros(x.shape[0])


def _independent(x: Floats) -> Floats:
    """(rank, p) independent equations that say what x'd = 0 says on every row."""
    values, vectors = np.linalg.svd(x.T, full_matrices=False)[1:]
    return np.asarray(vectors[values > values.max(initial=0.0) * max(x.shape) * np.finfo(float).eps])


def _smallest_set(
    names: tuple[str, ...], x: Floats, side: Floats, direction: Floats, rows: Floats
) -> tuple[str, ...]:
    """Columns without which there is no separation: others in the direction are dropped one by one."""
    kept = [i for i in range(len(names)) if abs(direction[i]) > 1e-9]
    # in an order that rounding does not decide: a frame and a database give the same answer
    for i in sorted(kept, key=lambda each: (round(float(abs(direction[each])), 6), each)):
        if names[i] == "(Intercept)" or len(kept) == 1:
            continue
        without = [k for k in kept if k != i]
        if _direction(x[without], side, rows) is not None:
            kept = without
    return tuple(names[i] for i in kept)
