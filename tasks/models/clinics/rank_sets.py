"""Confidence sets for ranks: which places a clinic can hold, whatever the truth, with stated confidence.

They use each clinic's own figure and its standard error and no assumption about how clinics differ. A clinic
is behind those whose figures are significantly better and ahead of those significantly worse; comparisons are
calibrated together by the largest of their studentised errors, and again among those not yet told apart
(Romano & Wolf's step-down) until nothing changes.
Source: Mogstad, Romano, Shaikh & Wilhelm (2024), Rev Econ Stud 91:476, §3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]

_BUDGET = 2e7
"""Comparisons times simulated errors; the number of errors follows from it, between 400 and 4,000."""


@dataclass(frozen=True)
class RankSets:
    """Sets of ranks by clinic, 1 the best.

    Attributes:
        lower, upper: (n,) ends: `1 + clinics significantly better` and `n − clinics significantly worse`.
        simultaneous: whether all sets hold at once with the stated confidence, or each does by itself.
        level: the confidence.
    """

    lower: Integers
    upper: Integers
    simultaneous: bool
    level: float


def rank_sets(
    values: Floats,
    se: Floats,
    shared: Floats | None = None,
    *,
    level: float = 0.95,
    simultaneous: bool = False,
    seed: int = 0,
) -> RankSets:
    """Confidence sets for the ranks of estimated values, the largest being the best.

    Args:
        values: (n,) estimates; NaN where there is none, whose set is then 1 to n.
        se: (n,) standard errors of what is each one's own.
        shared: (n, r) loadings on r independent standard normals, of what errors have in common: coefficients
            that adjust clinics of different kinds differently.
        level: confidence of each set, or of all at once.
        simultaneous: whether all sets are to hold at once.
        seed: of the simulated errors.
    """
    n = len(values)
    known = np.isfinite(values) & np.isfinite(se) & (se > 0.0)
    x, s = values[known], se[known]
    common = np.zeros((len(x), 1)) if shared is None else shared[known]
    lower, upper = np.ones(n, dtype=np.int64), np.full(n, n, dtype=np.int64)
    if len(x) > 1:
        count = int(np.clip(_BUDGET / len(x) ** 2, 400, 4_000))
        rng = np.random.default_rng(seed)
        errors = rng.standard_normal((count, len(x)), dtype=np.float32) * s.astype(np.float32)
        errors += rng.standard_normal((count, common.shape[1]), dtype=np.float32) @ common.T.astype(
            np.float32
        )
        gram = common @ common.T
        variance = s**2 + np.diag(gram)
        spread = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2.0 * gram, 0.0))
        np.fill_diagonal(spread, 1.0)
        better, worse = (_all_at_once if simultaneous else _each_alone)(x, spread, errors, level)
        lower[known] += better
        upper[known] -= worse
    return RankSets(lower, upper, simultaneous, level)


def _each_alone(x: Floats, spread: Floats, errors: Singles, level: float) -> tuple[Integers, Integers]:
    """How many are significantly better and worse than each, every clinic's comparisons calibrated apart."""
    better, worse = np.zeros(len(x), dtype=np.int64), np.zeros(len(x), dtype=np.int64)
    for j in range(len(x)):
        others = np.delete(np.arange(len(x)), j)
        t = (x[others] - x[j]) / spread[j, others]
        studentised = np.abs(errors[:, others] - errors[:, [j]]) / spread[j, others].astype(np.float32)
        open_ = np.ones(len(others), dtype=bool)
        while open_.any():
            limit = float(np.quantile(studentised[:, open_].max(axis=1), level))
            found = open_ & (np.abs(t) > limit)
            if not found.any():
                break
            open_ &= ~found
        better[j], worse[j] = np.sum(~open_ & (t > 0.0)), np.sum(~open_ & (t < 0.0))
    return better, worse


def _all_at_once(x: Floats, spread: Floats, errors: Singles, level: float) -> tuple[Integers, Integers]:
    """The same with all pairs of clinics calibrated together."""
    n = len(x)
    t = (x[None, :] - x[:, None]) / spread
    open_ = np.triu(np.ones((n, n), dtype=bool), 1)
    while open_.any():
        largest = np.zeros(len(errors), dtype=np.float32)
        for j in np.flatnonzero(open_.any(axis=1)):
            others = np.flatnonzero(open_[j])
            studentised = np.abs(errors[:, others] - errors[:, [j]]) / spread[j, others].astype(np.float32)
            np.maximum(largest, studentised.max(axis=1), out=largest)
        found = open_ & (np.abs(t) > float(np.quantile(largest, level)))
        if not found.any():
            break
        open_ &= ~found
    told_apart = np.triu(~open_, 1)
    told_apart |= told_apart.T
    return (told_apart & (t > 0.0)).sum(axis=1), (told_apart & (t < 0.0)).sum(axis=1)
