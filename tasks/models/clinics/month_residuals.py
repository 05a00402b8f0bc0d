"""What clinics' months scatter by about the levels of both: the residuals that shocks are looked for in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.models.fit import Floats

_ROUNDS = 500
_SETTLED = 1e-10
_RANK = 1e-6
_FEWEST_OF_LINE = 3
"""Months of a clinic through which a line is drawn: through two it leaves nothing."""


def sampling_of(weight: Floats, alike: Floats) -> Floats:
    """(K, T, T) covariance of months' figures without shocks: 1/weight, times how alike months are."""
    sd = np.sqrt(np.divide(1.0, weight, where=weight > 0.0, out=np.zeros_like(weight)))
    return np.asarray(sd[:, :, None] * alike * sd[:, None, :])


def scatter_by_chance(weight: Floats, alike: Floats) -> tuple[float, float]:
    """Mean and half the variance of Σ w r² about clinics' means without shocks, beyond independent months'.

    Of a quadratic form xᵀAx of normal x with covariance V they are tr(AV) and tr(AVAV) (Searle 1971, Linear
    Models, ch. 2): A weighs squares about a clinic's weighted mean; of independent months both are T − 1.

    Args:
        weight: (K, T) inverse sampling variances; 0 where a clinic has no records in a month.
        alike: (K, T, T) covariance of months' figures, in units of their SDs.
    """
    there = weight.sum(axis=1) > 0.0
    weight, alike = weight[there], alike[there]
    share = weight / weight.sum(axis=1, keepdims=True)
    centre = np.eye(weight.shape[1])[None] - share[:, None, :]
    form = np.swapaxes(centre, 1, 2) @ (weight[:, :, None] * centre)
    scatter = form @ sampling_of(weight, alike)
    alone = float((weight > 0.0).sum() - there.sum())
    mean = float(np.einsum("ktt->", scatter)) - alone
    return mean, float(np.einsum("kst,kts->", scatter, scatter)) - alone


def degrees_of_freedom(weight: Floats, known: Sequence[Floats]) -> int:
    """How many the columns take, beside levels: none for a program that nobody has yet, or all have had."""
    if not known:
        return 0
    root = np.sqrt(weight).ravel()
    columns = np.array([about_levels(each, weight).ravel() * root for each in known]).T
    size = float(np.abs(np.array(known).reshape(len(known), -1).T * root[:, None]).max(initial=0.0))
    return int(np.linalg.matrix_rank(columns, tol=_RANK * size)) if size > 0.0 else 0


def without_columns(residual: Floats, weight: Floats, known: Sequence[Floats]) -> Floats:
    """(K, T) residuals less the columns' part, beside levels of clinics and months."""
    if not known:
        return residual
    columns = np.array([about_levels(each, weight).ravel() for each in known]).T
    root = np.sqrt(weight).ravel()
    fitted = np.linalg.lstsq(columns * root[:, None], residual.ravel() * root, rcond=None)[0]
    return np.asarray(residual - (columns @ fitted).reshape(residual.shape))


def about_levels(values: Floats, weight: Floats) -> Floats:
    """(K, T) values about the weighted levels of clinics and months, by turns."""
    left = np.array(values, dtype=float)
    for _ in range(_ROUNDS):
        moved = 0.0
        for axis in (0, 1):
            total = weight.sum(axis=axis, keepdims=True)
            level = np.divide(
                (weight * left).sum(axis=axis, keepdims=True), total, where=total > 0.0, out=total * 0.0
            )
            left = left - level
            moved = max(moved, float(np.abs(level).max()))
        if moved < _SETTLED:
            break
    return left


def without_own_effects(values: Floats, weight: Floats, column: Floats) -> tuple[Floats, int]:
    """(K, T) values about each clinic's own line on a column, and how many lines that were.

    Args:
        values: (K, T) about levels.
        weight: (K, T) of each; 0 where there is none.
        column: (K, T) what the lines are on, such as time.
    """
    total = weight.sum(axis=1, keepdims=True)
    safe = np.where(total > 0.0, total, 1.0)
    across = column - (weight * column).sum(axis=1, keepdims=True) / safe
    about = values - (weight * values).sum(axis=1, keepdims=True) / safe
    squares = (weight * across**2).sum(axis=1, keepdims=True)
    size = (weight * column**2).sum(axis=1, keepdims=True)
    bent = ((weight > 0.0).sum(axis=1, keepdims=True) >= _FEWEST_OF_LINE) & (squares > _RANK * size)
    slope = np.divide(
        (weight * across * about).sum(axis=1, keepdims=True), squares, where=bent, out=np.zeros_like(total)
    )
    return np.where(weight > 0.0, about - slope * across, 0.0), int(bent.sum())
