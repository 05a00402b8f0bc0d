"""What a linear mixed model refuses before it is fitted, and what its reader must know after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fit import VarianceComponents
from tasks.models.linear_mixed.lmm_columns import WorkingMoments
from tasks.records.design import Design

if TYPE_CHECKING:  # an optimum is of a criterion, which is made of data that were not refused
    from tasks.models.linear_mixed.lmm_optimum import Optimum

Floats = NDArray[np.float64]

_FEW = 6
_NO_INFORMATION = 1e-9


def refuse(design: Design, data: WorkingMoments, *, reml: bool) -> None:
    """Raise what is wrong with the groups and the number of rows.

    Raises:
        EstimationError: no random term; fewer than two groups; one row per group; as many random effects as
            rows; two factors that group the rows alike; as many coefficients as rows; random columns that
            are linear combinations of each other, or of the covariates; covariates and groups that together
            reproduce any outcome.
    """
    if len(data.fixed) >= data.n:
        raise EstimationError(
            f"{len(data.fixed)} coefficients cannot be estimated from {data.n:.0f} rows",
            hint="leave out covariates, or widen the window",
        )
    for f, group in enumerate(data.groups):
        codes = data.codes[:, f]
        n_levels = len(np.unique(codes))
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
    rank = int(np.linalg.matrix_rank(products, hermitian=True).sum())
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
    size = float(np.trace(products, axis1=1, axis2=2).sum())
    if size - told <= _NO_INFORMATION * size:
        group = data.groups[factor].group
        raise EstimationError(
            f"the covariates tell every {group} from the others, so that differences between them are "
            "differences of covariates as well and their variance can be anything",
            hint=f"leave out covariates that are the same in all rows of a {group}, or take in more of them",
        )


def messages_of(optimum: Optimum, varcomp: VarianceComponents, levels: Mapping[str, int]) -> tuple[str, ...]:
    """Sentences about the boundary, undetermined variances, few groups and convergence."""
    said: list[str] = []
    if not optimum.converged:
        said.append(
            f"the search for the variances stopped after {optimum.record.iterations} steps without meeting "
            "its test; rescale covariates with extreme values or simplify the random terms"
        )
    data = optimum.point.criterion.data
    for f, group in enumerate(data.groups):
        relative = optimum.point.covariance[f]
        for term in group.terms:
            own = relative[np.ix_(term, term)]
            names = [group.columns[k] for k in term]
            zero = [name for name, value in zip(names, np.diag(own), strict=True) if value <= 0.0]
            said += [f"the variance of {name} by {group.group} is estimated as zero" for name in zero]
            rest = np.flatnonzero(np.diag(own) > 0.0)
            if len(rest) > 1:
                sd = np.sqrt(np.diag(own)[rest])
                smallest = np.linalg.eigvalsh(own[np.ix_(rest, rest)] / np.outer(sd, sd))[0]
                if smallest < 1e-9:
                    tied = " and ".join(names[k] for k in rest)
                    said.append(
                        f"the effects {tied} by {group.group} are estimated as exactly tied to each other "
                        f"(correlation of ±1 or a singular covariance); a simpler term may do"
                    )
        if levels[group.group] < _FEW:
            said.append(
                f"only {levels[group.group]} levels of {group.group}: their variance is very imprecise"
            )
    return (*said, *_undetermined(optimum))


def _undetermined(optimum: Optimum) -> list[str]:
    """A sentence if a combination of variances changes nothing: the information about it is zero."""
    criterion = optimum.point.criterion
    if criterion.shape.size < 2:
        return []
    information = optimum.point.average_quadratic
    size = np.sqrt(np.diag(information))
    if not np.all(size > 0.0):
        return []
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    if values[0] > _NO_INFORMATION:
        return []
    names: dict[str, None] = {}
    for weight, (factor, row, column) in zip(vectors[:, 0], criterion.shape.entries, strict=True):
        if abs(weight) > 0.1:
            group = criterion.data.groups[factor]
            for k in (row, column):
                names[f"{group.columns[k]} by {group.group}"] = None
    return [
        f"the data do not tell the variances and covariances of {', '.join(names)} apart: other values fit "
        "equally well, and those given are one choice"
    ]
