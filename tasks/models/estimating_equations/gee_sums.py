"""What the estimating equations need from the clusters: sums, taken from moments or in a pass over cells.

With z = √v·x (x about a centre) and e the Pearson residual, the equations under independence,
exchangeable and nested exchangeable correlation need of a cluster only Σzz', Σze, Σe², and of each of its
units (the cluster itself, or each patient of a clinic) Σz, Σe and the number of rows. For the Gaussian
family these follow from the moments, whatever the coefficients; for others a pass over the cells takes
them block by block, as one matrix product a cluster. On a million rows of ten covariates that is 0.03 s in
NumPy and 0.04 s in a compiled (Numba) loop on two threads, which takes 0.7 s to import and load and 8 s to
compile: so there is no compiled code here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.models.estimating_equations.gee_family import Family
from tasks.records.cells import Cells
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 16_384  # rows taken together: enough to outweigh the calls, few enough to stay in cache
_LONG_RUN = 48  # rows of one unit from which a matrix product beats a segmented sum of products


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sums over the rows of K clusters and of their S units, at one value of the coefficients.

    Attributes:
        zz: (p, p) Σ zz' over all rows.
        ze: (p,) Σ ze over all rows.
        ee: Σ e² over all rows.
        z1: (S, p) Σ z per unit.
        e1: (S,) Σ e per unit.
        rows: (S,) rows per unit (patients, visits or trials: whatever one outcome belongs to).
        first: (K,) position of each cluster's first unit; units are contiguous.
        products: gives (K, p, p) Σ zz' and (K, p) Σ ze by cluster. Iterations do without: asked for once,
            at the solution.
    """

    zz: Floats
    ze: Floats
    ee: float
    z1: Floats
    e1: Floats
    rows: Floats
    first: Integers
    products: Callable[[], tuple[Floats, Floats]]

    def by_cluster(self, per_unit: Floats) -> Floats:
        """Per-unit values added up within clusters."""
        return per_unit if len(per_unit) == len(self.first) else np.add.reduceat(per_unit, self.first, axis=0)


@dataclass(frozen=True, slots=True)
class Centre:
    """A point the columns are taken about, so that no digits cancel; zero without an intercept.

    Attributes:
        point: (p,) the centre; 0 for the intercept.
        back: (p, p) matrix S: coefficients of the columns themselves = S · coefficients of the centred ones.
    """

    point: Floats
    back: Floats

    @classmethod
    def at(cls, names: tuple[str, ...], point: Floats) -> Centre:
        """The centre at `point` for columns of these names."""
        back = np.eye(len(names))
        if INTERCEPT not in names:
            return cls(np.zeros(len(names)), back)
        constant = names.index(INTERCEPT)
        point = np.where(np.arange(len(names)) == constant, 0.0, point)
        back[constant] -= point
        return cls(point, back)


class MomentSums:
    """Gaussian sums from moments: no row is read, whatever the coefficients.

    Args:
        moments: grouped by cluster, perhaps by more; the response is the last column.
        fixed: names of the fixed-effect columns.
        units: 1 where the cluster is the unit, 2 where each row of the moments is one.
    """

    def __init__(self, moments: Moments, fixed: tuple[str, ...], units: int = 1) -> None:
        if INTERCEPT not in fixed:
            moments = moments.raw()
        columns, response = moments.position(*fixed), len(moments.columns) - 1
        products = moments.products
        self.centre = Centre.at(fixed, moments.reference[columns])
        self._constant = fixed.index(INTERCEPT) if INTERCEPT in fixed else None
        self._shift = float(moments.reference[response])
        first = np.flatnonzero(np.diff(moments.codes[:, 0], prepend=-1)).astype(np.int64)
        whole = products if len(first) == len(products) else np.add.reduceat(products, first, axis=0)
        if units == 1:
            products, first = whole, np.arange(len(whole), dtype=np.int64)
        self._first, self._rows = first, products[:, 0, 0]
        self._zz = np.ascontiguousarray(whole[:, columns[:, None], columns])
        self._zy = whole[:, columns, response]
        total = whole.sum(axis=0)
        self._total_zz, self._total_zy = self._zz.sum(axis=0), self._zy.sum(axis=0)
        self._yy = float(total[response, response])
        self._z1, self._y1 = products[:, 0, columns], products[:, 0, response]

    @property
    def n_rows(self) -> float:
        """Rows in all."""
        return float(self._rows.sum())

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients of the centred columns."""
        b = self._about_reference(coefficients)
        explained = self._total_zz @ b
        return ClusterSums(
            zz=self._total_zz,
            ze=self._total_zy - explained,
            ee=float(self._yy - 2.0 * self._total_zy @ b + explained @ b),
            z1=self._z1,
            e1=self._y1 - self._z1 @ b,
            rows=self._rows,
            first=self._first,
            products=lambda: (self._zz, self._zy - self._zz @ b),
        )

    @property
    def spread(self) -> float:
        """Sum of squares of the outcome about its mean; 0 where it is constant up to rounding."""
        total, n = float(self._y1.sum()), self.n_rows
        about_mean = self._yy - total**2 / n
        # the outcome's own size, to tell a constant from rounding
        size = self._yy + n * self._shift**2
        return about_mean if about_mean > 1e-24 * size else 0.0

    @property
    def rows(self) -> Floats:
        """(S,) rows per unit."""
        return self._rows

    @property
    def first(self) -> Integers:
        """(K,) position of each cluster's first unit."""
        return self._first

    def least_squares(self) -> Floats:
        """Ordinary least squares of the centred columns."""
        b = np.linalg.solve(self._total_zz, self._total_zy)
        if self._constant is not None:
            b[self._constant] += self._shift
        return np.asarray(b)

    def _about_reference(self, coefficients: Floats) -> Floats:
        b = coefficients.copy()
        if self._constant is not None:
            b[self._constant] -= self._shift
        return b


class CellSums:
    """Sums by a pass over cells, for any family.

    A binomial cell's `trials` are outcomes of their own: patients of one row are correlated like patients
    of different rows, so counts of successes give what one row per patient gives.

    Args:
        cells: sorted by cluster, then unit.
        fixed: names of the columns of `cells.fixed`.
        family: mean and variance functions.
        units: how many of the cells' grouping factors, from the first, tell units apart (1: the unit is
            the cluster; 2: e.g. patients within clinics).
        centre: the point columns are taken about; None: their means.
    """

    def __init__(
        self,
        cells: Cells,
        fixed: tuple[str, ...],
        family: Family,
        units: int = 1,
        centre: Centre | None = None,
    ) -> None:
        self.cells, self.family = cells, family
        self._columns = np.ascontiguousarray(cells.fixed.T, dtype=float)  # long rows are fast rows
        weight = cells.trials if family.name == "binomial" else cells.weight
        self._weight = None if np.all(weight == 1.0) else weight
        self.centre = centre or Centre.at(fixed, self._columns @ weight / weight.sum())
        changed = np.any(np.diff(cells.codes[:, :units], axis=0, prepend=-1) != 0, axis=1)
        self.starts = np.flatnonzero(changed).astype(np.int64)
        self.first = np.flatnonzero(np.diff(cells.codes[self.starts, 0], prepend=-1)).astype(np.int64)
        self.rows = np.add.reduceat(weight, self.starts)
        # what is left of Σ y² about a cell's own mean: zero for single rows, exact for collapsed ones
        squares = cells.total if family.name == "binomial" else cells.total_squares
        self._spread = None if self._weight is None else np.maximum(squares - cells.total**2 / weight, 0.0)
        self._offset = cells.offset if np.any(cells.offset) else None

    @property
    def n_rows(self) -> float:
        """Outcomes in all."""
        return float(self.rows.sum())

    def rows_at(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """(N, p) z and (N,) e of the cells, each of them one measurement (of the mean of its trials)."""
        block, _ = self._block(self.centre.back @ coefficients, slice(None))
        return np.ascontiguousarray(block[:-2].T), block[-2]

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients of the centred columns."""
        p, n_units, n_clusters = len(self._columns), len(self.starts), len(self.first)
        beta = self.centre.back @ coefficients
        # with long runs the products by cluster cost no more than their total does
        gram = np.zeros((n_clusters if n_clusters * _LONG_RUN <= len(self.cells.total) else 1, p + 2, p + 2))
        per_unit = np.zeros((p + 1, n_units))
        spread = 0.0
        bounds = self.starts[self.first]
        for rows in self._blocks():
            block, extra = self._block(beta, rows)
            if len(gram) == n_clusters:
                clusters, at = _runs(bounds, rows)
                _add_products(gram[clusters], block, at)
            else:
                gram[0] += block @ block.T
            if extra is not None:
                spread += float(extra.sum())
            if len(gram) < n_units:
                units, at = _runs(self.starts, rows)
                per_unit[:, units] += np.add.reduceat(block[:-1] * block[-1], at, axis=1)
        if len(gram) == n_units:
            per_unit = gram[:, :-1, -1].T
        total = gram.sum(axis=0)
        return ClusterSums(
            zz=total[:p, :p],
            ze=total[:p, p],
            ee=float(total[p, p]) + spread,
            z1=per_unit[:p].T,
            e1=per_unit[p],
            rows=self.rows,
            first=self.first,
            products=lambda: self._products(beta, gram),
        )

    def _products(self, beta: Floats, gram: Floats) -> tuple[Floats, Floats]:
        """(K, p, p) Σzz' and (K, p) Σze, from what was summed already or in another pass."""
        p, bounds = len(self._columns), self.starts[self.first]
        if len(gram) != len(bounds):
            gram = np.zeros((len(bounds), p + 2, p + 2))
            for rows in self._blocks():
                block, _ = self._block(beta, rows)
                clusters, at = _runs(bounds, rows)
                _add_products(gram[clusters], block, at)
        return gram[:, :p, :p], gram[:, :p, p]

    def _blocks(self) -> Iterator[slice]:
        n = len(self.cells.total)
        return (slice(row, min(row + _BLOCK, n)) for row in range(0, n, _BLOCK))

    def _block(self, beta: Floats, rows: slice) -> tuple[Floats, Floats | None]:
        """Rows (z, e, √weight) of some cells, z and e for √weight rows, and their Σe² beyond e²."""
        columns, total = self._columns[:, rows], self.cells.total[rows]
        eta = beta @ columns
        if self._offset is not None:
            eta += self._offset[rows]
        mean, root = self.family.mean_and_root(eta)
        block = np.empty((len(columns) + 2, columns.shape[1]))
        np.subtract(columns, self.centre.point[:, None], out=block[:-2])
        if self._weight is None or self._spread is None:
            block[:-2] *= root
            np.divide(total - mean, root, out=block[-2])
            block[-1] = 1.0
            return block, None
        weight = self._weight[rows]
        np.sqrt(weight, out=block[-1])
        scaled = root * block[-1]
        block[:-2] *= scaled
        np.divide(total - weight * mean, scaled, out=block[-2])
        return block, self._spread[rows] / (root * root)


def _runs(starts: Integers, rows: slice) -> tuple[slice, Integers]:
    """Which runs (beginning at `starts`) some rows touch, and where among the rows each begins."""
    first = int(np.searchsorted(starts, rows.start, side="right")) - 1
    after = int(np.searchsorted(starts, rows.stop))
    return slice(first, after), np.maximum(starts[first:after], rows.start) - rows.start


def _add_products(sums: Floats, block: Floats, at: Integers) -> None:
    """Add Σvv' over each run of the columns v of a (q, n) block; runs begin at `at`."""
    n = block.shape[1]
    if len(at) * _LONG_RUN <= n:
        for each, start, stop in zip(sums, at, np.append(at[1:], n), strict=True):
            run = block[:, start:stop]
            each += run @ run.T
        return
    for j in range(len(block)):  # one column's products at a time: q × n in memory, not q² × n
        products = np.add.reduceat(block[j:] * block[j], at, axis=1).T
        sums[:, j, j:] += products
        sums[:, j + 1 :, j] += products[:, 1:]


def segment_products(z: Floats, e: Floats, starts: Integers) -> tuple[Floats, Floats]:
    """(K, p, p) Σzz' and (K, p) Σze over runs of rows that begin at `starts`."""
    block = np.ascontiguousarray(np.concatenate([z, e[:, None]], axis=1).T)
    gram = np.zeros((len(starts), len(block), len(block)))
    for row in range(0, len(e), _BLOCK):
        rows = slice(row, min(row + _BLOCK, len(e)))
        runs, at = _runs(starts, rows)
        _add_products(gram[runs], block[:, rows], at)
    return gram[:, :-1, :-1], gram[:, :-1, -1]
