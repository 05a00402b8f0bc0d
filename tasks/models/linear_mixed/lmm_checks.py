"""What a linear mixed model refuses before it is fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.linear_mixed.lmm_columns import WorkingMoments
from tasks.records.design import Design

Floats = NDArray[np.float64]

_NO_INFORMATION = 1e-9
_EXACT = 1e-13
"""Residual variance, as a share of the outcome's own, below which it is rounding alone."""


def refuse(design: Design, data: WorkingMoments, *, reml: bool) -> None:
    """Raise what is wrong with the groups and the number of rows.

    Raises:
        EstimationError: no random term; fewer than two groups; one row per group; as many random effects as
            rows; two factors that group the rows alike; as many coefficients as rows; random columns that
            are linear combinations of each other, or of the covariates; covariates and groups that together
            reproduce any outcome; covariates that reproduce this one.
    """
    if len(data.fixed) >= data.n:
        raise EstimationError(
            f"{len(data.fixed)} coefficients cannot be estimated from {data.n:.0f} rows",
            hint="leave out covariates, or widen the window",
        )
    for f, group in enumerate(data.groups):
        n_levels = data.n_levels(f)
        if n_levels < 2:
            raise EstimationError(
                f"all rows have the same {group.group}; differences between them need two or more",
                hint=f"leave out the random term by {group.group}, or take in more of them",
            )
        if n_levels >= data.n:
            raise EstimationError(
                f"every {group.group} has one row, so differences between them cannot be told from "
                "differences between rows",
                hint=f"leave out the random term by {group.group}, or group the rows by something coarser",
            )
        n_effects = n_levels * len(group.columns)
        if n_effects >= data.n:
            effects = ", ".join(group.columns)
            raise EstimationError(
                f"{n_levels:,} levels of {group.group} with {len(group.columns)} random effects each "
                f"({effects}) are as many effects as there are rows ({data.n:,.0f}), "
                "so their variances cannot be told from the residual variance",
                hint=f"leave a random effect by {group.group} out: (1 | {group.group})",
            )
        for other in range(f):
            if _same_partition(data, other, f):
                raise EstimationError(
                    f"{data.groups[other].group} and {group.group} group the rows in the same way, "
                    "so their variances cannot be told apart",
                    hint=f"keep one of the two random terms in {design.formula!r}",
                )
        for term in group.terms:
            _refuse_collinear(data, f, term)
        if n_effects + len(data.fixed) >= data.n:
            _refuse_saturated(data, f)
        if reml and n_effects <= len(data.fixed):
            _refuse_explained(data, f)
    p = len(data.fixed)
    beta = np.linalg.lstsq(data.totals[:p, :p], data.totals[:p, p], rcond=None)[0]
    refuse_exact(design, data, float(data.totals[p, p] - data.totals[:p, p] @ beta) / data.n)


def refuse_exact(design: Design, data: WorkingMoments, residual_variance: float) -> None:
    """Raise if a residual variance, in working units, is none.

    Raises:
        EstimationError: the model reproduces the outcome.
    """
    if not residual_variance > _EXACT:
        groups = " and ".join(group.group for group in data.groups)
        raise EstimationError(
            f"the covariates and {groups} reproduce {design.response} exactly: "
            "there is no residual variance to estimate",
            hint="check whether the outcome is computed from them, or leave a term out",
        )


def refuse_no_random_terms(design: Design) -> None:
    """Raise if the formula has no random term.

    Raises:
        EstimationError: it has none.
    """
    if not design.random:
        raise EstimationError(
            f"{design.formula!r} has no random term, so there is nothing mixed to fit",
            hint="add one, such as (1 | clinic), or use within() or gee()",
        )


def _same_partition(data: WorkingMoments, one: int, other: int) -> bool:
    a, b = data.codes[:, one], data.codes[:, other]
    pairs = len(np.unique(a * (int(b.max()) + 1) + b))
    if not pairs == len(np.unique(a)) == len(np.unique(b)):
        return False
    return bool(set(data.groups[one].columns) & set(data.groups[other].columns))


def _refuse_collinear(data: WorkingMoments, factor: int, term: tuple[int, ...]) -> None:
    own = [data.positions[factor][k] for k in term]
    total = data.random.sum(axis=0)[np.ix_(own, own)]
    size = np.sqrt(np.diag(total))
    group = data.groups[factor]
    for k, column in enumerate(term):
        before = total[:k, :k] / np.outer(size[:k], size[:k])
        against = total[:k, k] / (size[:k] * size[k]) if size[k] > 0.0 else np.zeros(k)
        left = 1.0 - against @ np.linalg.lstsq(before, against, rcond=None)[0] if k else 1.0
        if size[k] == 0.0 or left < 1e-10:
            raise EstimationError(
                f"the random effect of {group.columns[column]} by {group.group} varies with no row, or only "
                "as other random effects by it do",
                hint=f"leave {group.columns[column]} out of the random term by {group.group}",
            )


def _by_level(data: WorkingMoments, factor: int) -> tuple[Floats, Floats]:
    """(L, d, d) products of each level's random columns and (L, d, p) those with the covariates."""
    own, p = list(data.positions[factor]), len(data.fixed)
    levels, place = np.unique(data.codes[:, factor], return_inverse=True)
    products = np.zeros((len(levels), len(own), len(own)))
    sides = np.zeros((len(levels), len(own), p))
    np.add.at(products, place, data.random[:, own][:, :, own])
    np.add.at(sides, place, data.sides[:, own, :p])
    return products, sides


def _refuse_saturated(data: WorkingMoments, factor: int) -> None:
    """Refuse covariates and levels that reproduce any outcome: the rank of (X, Z) is the number of rows.

    The rank is that of Z and that of X within the levels.
    """
    p = len(data.fixed)
    products, sides = _by_level(data, factor)
    between = np.einsum("lip,lij,ljq->pq", sides, np.linalg.pinv(products, hermitian=True), sides)
    within = np.linalg.eigvalsh(data.totals[:p, :p] - between)
    rank = round(float(data.total(factor, np.linalg.matrix_rank(products, hermitian=True))))
    if rank + int(np.sum(within > _NO_INFORMATION * data.n)) >= data.n:
        group = data.groups[factor].group
        raise EstimationError(
            f"the covariates and {group} are as many effects as there are rows ({data.n:,.0f}): they "
            "reproduce any outcome, and leave no residual variance to estimate",
            hint="leave out covariates, or take in more rows",
        )


def _refuse_explained(data: WorkingMoments, factor: int) -> None:
    """Refuse a factor whose effects are combinations of the covariates: every variance fits equally well.

    Then MZ = 0 for M = I − X(X'X)⁻¹X', and the restricted likelihood, which knows the data by M alone, is the
    same for all variances of the effects Zb.
    """
    p = len(data.fixed)
    products, sides = _by_level(data, factor)
    told = np.einsum("lip,pq,liq->", sides, np.linalg.pinv(data.totals[:p, :p]), sides)
    size = float(data.total(factor, np.trace(products, axis1=1, axis2=2)))
    if size - told <= _NO_INFORMATION * size:
        group = data.groups[factor].group
        raise EstimationError(
            f"the covariates tell every {group} from the others, so that differences between them are "
            "differences of covariates as well and their variance can be anything",
            hint=f"leave out covariates that are the same in all rows of a {group}, or take in more of them",
        )
