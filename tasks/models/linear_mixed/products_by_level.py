"""What elimination reads of a linear mixed model: products of working columns by combination of levels.

Where the finest group's levels are folded (`tasks.records.folded_moments`), its levels here are not its own
but others that have the same likelihood. Effects of patients who all have n rows, b ~ N(0, d I), are as
likely in any other orthonormal basis. In one that begins with the patients' sums of the columns that a clinic
has effects of (the constant alone, as a rule), all further patients meet no effect of the clinic's: they are
patients of any clinic, and those of all clinics with n rows are told together, by a root of what is left of
Σ s s'. The rest of them have sums of nothing; they are alike, and told once with how many they are. What a
patient's effect meets is then not the constant of its rows but its sum in that basis, so that its constant is
a random column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.records.folded_moments import FoldedMoments
from tasks.records.moments import Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_NOTHING = 1e-13
"""Share of the sums of columns of one size below which they are linear combinations of each other."""


@dataclass(frozen=True, slots=True)
class ProductsByLevel:
    """Products of u random columns by combination of the levels of F factors.

    Attributes:
        random: (C, u, u) with one another.
        sides: (C, u, p + 1) with (X, y).
        codes: (C, F) levels of the factors.
        levels: per factor, how many levels.
        repeats: per factor, how many levels each of its levels stands for; None: one each.
    """

    random: Floats
    sides: Floats
    codes: Integers
    levels: tuple[int, ...]
    repeats: tuple[Floats | None, ...]


def products_by_level(
    moments: Moments, random: Floats, sides: Floats, groups: Sequence[str]
) -> ProductsByLevel:
    """From moments by all grouping factors.

    Args:
        moments: of q columns.
        random: (u, q) the random columns as weights of those.
        sides: (p + 1, q) (X, y) likewise.
        groups: names of the grouping factors.
    """
    half = random @ moments.products
    factors = [moments.factors.index(group) for group in groups]
    return ProductsByLevel(
        random=half @ random.T,
        sides=half @ sides.T,
        codes=moments.codes[:, factors],
        levels=tuple(len(moments.levels[f]) for f in factors),
        repeats=(None,) * len(groups),
    )


def folded_products_by_level(
    folded: FoldedMoments, random: Floats, sides: Floats, groups: Sequence[str]
) -> ProductsByLevel:
    """From folded moments; the folded factor's effects have a random column of their own, the last.

    Args:
        folded: of q columns.
        random, sides, groups: as `products_by_level`.
    """
    moments, u = folded.moments, len(random)
    met = _met_by_clinics(folded, random, sides)
    left = _left_of_all(folded, sides, met)
    told, pooled = len(met.kind), len(left.rows)
    n = told + pooled
    own = np.zeros((n, u + 1, u + 1))
    own[:, u, u] = np.concatenate([folded.rows[met.kind], left.rows])
    own[:told, u, :u] = own[:told, :u, u] = met.random
    beside = np.zeros((n, u + 1, len(sides)))
    beside[:, u] = np.concatenate([met.sides, left.sides])
    # the products of all rows of a combination stand in its first row: they are added up over it
    within = np.concatenate([folded.within[met.kind], np.zeros(pooled, dtype=np.int64)])
    combinations, first = np.unique(within[:told], return_index=True)
    half = random @ moments.products[combinations]
    own[first, :u, :u] = half @ random.T
    beside[first, :u] = half @ sides.T

    codes = np.empty((n, len(groups)), dtype=np.int64)
    levels: list[int] = []
    repeats: list[Floats | None] = []
    for f, group in enumerate(groups):
        if group == folded.group:
            codes[:, f] = np.arange(n)
            levels.append(n)
            repeats.append(np.concatenate([np.ones(told), left.repeats]))
        else:
            at = moments.factors.index(group)
            codes[:, f] = moments.codes[within, at]
            levels.append(len(moments.levels[at]))
            repeats.append(None)
    return ProductsByLevel(own, beside, codes, tuple(levels), tuple(repeats))


@dataclass(frozen=True, slots=True)
class _Met:
    """Patients in a basis that begins with what clinics have effects of: those who meet them.

    Attributes:
        kind: (n,) the class of each.
        random: (n, u) their sums of the random columns.
        sides: (n, p + 1) of (X, y).
    """

    kind: Integers
    random: Floats
    sides: Floats


def _met_by_clinics(folded: FoldedMoments, random: Floats, sides: Floats) -> _Met:
    # the constant first, whether or not clinics have an effect of it: every class then has one of these
    weights = np.vstack([np.eye(1, len(folded.effects)), random[:, folded.effects]])
    half = weights @ folded.sums
    products = half[:, :, folded.effects] @ weights.T
    # columns are brought to the size of their parts: by their own, what cancels to rounding would look large
    parts = np.sqrt(np.einsum("kii->ki", folded.sums[:, :, folded.effects]))
    size = parts @ np.abs(weights).T
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(products / (size[:, :, None] * size[:, None, :]))
    kind, place = np.nonzero(values > _NOTHING)
    root = np.sqrt(values[kind, place])[:, None]
    along = vectors[kind, :, place]
    with_sides = np.einsum("nu,nuv->nv", along / size[kind], (half @ sides.T)[kind]) / root
    return _Met(kind, (root * along * size[kind])[:, 1:], with_sides)


@dataclass(frozen=True, slots=True)
class _Left:
    """All other patients, who meet no clinic: (n,) rows and how many are alike, (n, p + 1) their sums."""

    rows: Floats
    sides: Floats
    repeats: Floats


def _left_of_all(folded: FoldedMoments, sides: Floats, met: _Met) -> _Left:
    size_of = np.searchsorted(folded.sizes, folded.rows)
    products = sides @ folded.pooled @ sides.T
    many = np.bincount(size_of, weights=folded.levels, minlength=len(folded.sizes))
    rows, sums, repeats = [], [], []
    for s, n in enumerate(folded.sizes):
        those = met.sides[size_of[met.kind] == s]
        missing = round(float(many[s])) - len(those)
        root = _root(products[s] - those.T @ those, np.sqrt(np.diag(products[s])))[:missing]
        rest = missing - len(root)
        rows += [n] * (len(root) + (rest > 0))
        sums += [root, np.zeros((int(rest > 0), len(sides)))]
        repeats += [1.0] * len(root) + [float(rest)] * (rest > 0)
    return _Left(np.array(rows), np.concatenate(sums), np.array(repeats))


def _root(products: Floats, size: Floats) -> Floats:
    """(v, v) R with R'R = products, rows in falling order of size.

    Args:
        products: what is left of columns' sums of squares.
        size: (v,) of the columns before; by what was left of them, rounding alone would look large.
    """
    size = np.where(size > 0.0, size, 1.0)
    values, vectors = np.linalg.eigh(products / np.outer(size, size))
    return np.asarray((np.sqrt(np.maximum(values, 0.0)) * vectors).T[::-1] * size)
