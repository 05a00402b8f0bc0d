"""Moments: per-group cross-products of a model's columns, all that a Gaussian model needs from the patients.

For a group g with rows v (one value per column, the first column constant 1) and a reference point r
(r = 0 for the constant), `products[g] = Σ (v − r)(v − r)ᵀ`. Taken about a point near the means, no digits
cancel. Moments about one reference point add up: over clinics, months and sites.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

INTERCEPT = "(Intercept)"


@dataclass(frozen=True, slots=True, repr=False)
class Moments:
    """Cross-products of (1, covariates, outcome) per combination of grouping-factor levels.

    Attributes:
        columns: q column names; `columns[0]` is `(Intercept)`, the constant 1.
        reference: (q,) the point the products are taken about, in each column's own unit; 0 for the constant.
        products: (G, q, q) symmetric; `products[:, 0, 0]` is the number of rows (sum of weights) of a group.
        factors: F names of grouping factors, as lme4 names them (`clinic`, `clinic:region`).
        levels: per factor, its labels in sorted order.
        codes: (G, F) which level of each factor a group belongs to; groups are sorted by these codes,
            the first factor slowest.
        precision: (G,) by which `products` are multiplied, where groups' rows differ in variance: average 1
            over rows. None: they do not.
    """

    columns: tuple[str, ...]
    reference: Floats
    products: Floats
    factors: tuple[str, ...]
    levels: tuple[tuple[Hashable, ...], ...]
    codes: Integers
    precision: Floats | None = None

    def __repr__(self) -> str:
        """Sizes only: a group can be a patient, and what is printed can end in a log."""
        return f"Moments({', '.join(self.columns)}; {len(self.codes):,} groups of {self.n_obs:,.0f} rows)"

    @property
    def n(self) -> Floats:
        """(G,) rows per group."""
        return self.products[:, 0, 0]

    @property
    def n_obs(self) -> float:
        """Rows in all."""
        return float(self.n.sum())

    def weighted(self, precision: Floats) -> Moments:
        """These moments with each group's products multiplied by its rows' precision."""
        plain = self.unweighted()
        return replace(plain, products=plain.products * precision[:, None, None], precision=precision)

    def unweighted(self) -> Moments:
        """The products as they were before they were weighted."""
        if self.precision is None:
            return self
        return replace(self, products=self.products / self.precision[:, None, None], precision=None)

    @property
    def mean_row(self) -> Floats:
        """(q,) mean of each column over all rows, whatever their precision."""
        plain = self.unweighted()
        mean = plain.products[:, 0, :].sum(axis=0) / plain.n_obs + self.reference
        mean[0] = 1.0
        return np.asarray(mean)

    def taken(self, order: Integers) -> Moments:
        """These groups in another order."""
        precision = None if self.precision is None else self.precision[order]
        return replace(self, products=self.products[order], codes=self.codes[order], precision=precision)

    def position(self, *names: str) -> Integers:
        """Where the named columns stand in `columns`."""
        return np.array([self.columns.index(name) for name in names], dtype=np.int64)

    def about(self, reference: Floats) -> Moments:
        """The same moments about another reference point (exact algebra; digits cancel if it is far away)."""
        shift = self.reference - np.asarray(reference, dtype=float)
        shift[0] = 0.0
        moved = np.asarray(reference, dtype=float).copy()
        moved[0] = 0.0
        return replace(self, reference=moved, products=shifted(self.products, shift))

    def raw(self) -> Moments:
        """The same moments about zero: plain sums of squares and products."""
        return self.about(np.zeros(len(self.columns)))


def shifted(products: Floats, shift: Floats, rows: Integers | slice = slice(None)) -> Floats:
    """(…, m, q) the given rows of (I + s e₀') P (I + e₀ s'): products about a point that is `shift` nearer.

    One side after the other, without a product of whole matrices, and without the rows not asked for.

    Args:
        products: (…, q, q).
        shift: (q,) by which every column's values grow; 0 for the constant.
        rows: which rows.
    """
    moved = products[..., rows, :] + shift[rows, None] * products[..., :1, :]
    moved += moved[..., :1] * shift
    return moved
