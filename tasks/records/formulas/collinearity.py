"""Columns that are linear combinations of earlier ones: found, explained and dropped as R does.

R's `lm` (LINPACK's dqrdc2 with its limited pivoting) keeps a column where what earlier columns leave of it
is at least 1e-7 of its length. Cross-products show that ratio to about 1e-8 only, so a suspect is looked
at again in the rows themselves, where its residual has full precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-7
_SUSPECT = 1e-5
_SAMPLE = 5_000
_FAR = 1e-6

Confirm = Callable[[int, Floats], float]


@dataclass(frozen=True, slots=True)
class Aliased:
    """Which columns stay, and why the others go.

    Attributes:
        kept: positions of the columns that stay, in order.
        reasons: position of a column that goes → why, in words.
    """

    kept: tuple[int, ...]
    reasons: dict[int, str]


def find(
    names: Sequence[str], products: Floats, reference: Floats, intercept: bool, confirm: Confirm
) -> Aliased:
    """Sort the columns of a design into those that stay and those that earlier ones determine.

    Args:
        names: p column names; the first is the constant where `intercept`.
        products: (1 + p, 1 + p) or, with an intercept, (p, p) cross-products about `reference`, the
            constant first in either case.
        reference: the point they are taken about, 0 for the constant.
        intercept: whether the constant is one of the columns.
        confirm: (position in `products`, its weights) → the sum of squares over the rows of column − Σ
            weight · column, all about `reference`.
    """
    n = products[0, 0]
    squares = np.diag(products) + 2.0 * reference * products[0] + n * reference**2
    squares[0] = n
    about = products
    if not intercept:  # nothing absorbs a shift: work about zero
        move = np.eye(len(products))
        move[1:, 0] = reference[1:]
        about = move @ products @ move.T
    scale = np.sqrt(np.where(np.diag(about) > 0, np.diag(about), 1.0))
    scaled = about / np.outer(scale, scale)
    offset = 0 if intercept else 1
    kept: list[int] = [0] if intercept else []
    reasons: dict[int, str] = {}
    for position in range(1, len(products)):
        column = position - offset
        weights = _weights(scaled, kept, position)
        left = scaled[position, position] - float(scaled[position, kept] @ weights)
        size = squares[position]
        if size == 0.0:
            reasons[column] = "is zero in every row"
            continue
        if left * scale[position] ** 2 < _SUSPECT**2 * size or left < _SUSPECT**2:
            full = np.zeros(len(products))
            full[kept] = weights * scale[position] / scale[kept]
            full[position] = -1.0
            if not intercept:  # the same combination, about the reference point
                full[0] += float(full[1:] @ reference[1:])
            exact = confirm(position, full)
            if exact < TOLERANCE**2 * size:
                reasons[column] = _reason(names, column, kept, weights, offset)
                continue
        kept.append(position)
    return Aliased(tuple(each - offset for each in kept), reasons)


def surely_none(columns: Sequence[Floats]) -> bool:
    """Whether some of the rows alone show that no column is determined by the others.

    What other columns leave of a column only grows with more rows: where it is far from nothing on a few
    thousand of them, compared with the column's length on all, it is so on all.

    Args:
        columns: (N,) values of each column.
    """
    n = len(columns[0]) if columns else 0
    if n < 4 * _SAMPLE:
        return False
    rows = slice(0, None, n // _SAMPLE)
    sample = np.column_stack([column[rows] for column in columns])
    left = np.linalg.qr(sample, mode="r")
    lengths = np.array([np.sqrt(column @ column) for column in columns])
    return bool(np.all(np.abs(np.diag(left)) > _FAR * lengths))


def _weights(scaled: Floats, kept: list[int], position: int) -> Floats:
    if not kept:
        return np.zeros(0)
    gram = scaled[np.ix_(kept, kept)]
    return np.asarray(np.linalg.lstsq(gram, scaled[kept, position], rcond=None)[0], dtype=np.float64)


def _reason(names: Sequence[str], column: int, kept: list[int], weights: Floats, offset: int) -> str:
    involved = [
        names[each - offset] for each, weight in zip(kept, weights, strict=True) if abs(weight) > 1e-6
    ]
    others = [name for name in involved if name != "(Intercept)"]
    if not others:
        return "is constant"
    if len(others) == 1:
        return f"is a linear function of {others[0]}"
    shown = others if len(others) <= 6 else [*others[:5], f"{len(others) - 5} more"]
    return f"is a linear combination of {', '.join(shown[:-1])} and {shown[-1]}"
