"""What the estimating equations need from the clusters: sums, taken from moments or in a pass over cells.

With z = √v·x (x about a centre) and e the Pearson residual, the equations under independence,
exchangeable and nested exchangeable correlation need of a cluster only Σzz', Σze, Σe², and of each of its
units (the cluster itself, or each patient of a clinic) Σz, Σe and the number of rows. For the Gaussian
family these follow from the moments, whatever the coefficients; for others a pass over the cells takes
them in blocks small enough for the processor's cache, where NumPy is within a factor of two of compiled
code and needs no compiler.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.models.gee_family import Family
from tasks.records.cells import Cells
from tasks.records.moments import INTERCEPT, Moments

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_BLOCK = 2048  # rows whose design and products stay in cache together
_LONG_RUN = 48  # rows of one unit from which a matrix product beats a segmented sum of products
_ROWS_WORTH_A_THREAD = 100_000


@dataclass(frozen=True, slots=True)
class ClusterSums:
    """Sums over the rows of K clusters and of their S units, at one value of the coefficients.

    Attributes:
        zz: (K, p, p) Σ zz'.
        ze: (K, p) Σ ze.
        ee: (K,) Σ e².
        z1: (S, p) Σ z per unit.
        e1: (S,) Σ e per unit.
        rows: (S,) rows per unit (patients, visits or trials: whatever one outcome belongs to).
        first: (K,) position of each cluster's first unit; units are contiguous.
    """

    zz: Floats
    ze: Floats
    ee: Floats
    z1: Floats
    e1: Floats
    rows: Floats
    first: Integers

    def by_cluster(self, per_unit: Floats) -> Floats:
        """Per-unit values added up within clusters."""
        return per_unit if len(per_unit) == len(self.first) else np.add.reduceat(per_unit, self.first, axis=0)


class SumsSource(Protocol):
    """Gives the sums at any value of the coefficients (of the columns about `centre`)."""

    @property
    def n_rows(self) -> float:
        """Outcomes in all."""

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients."""


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
        moments: grouped by cluster, or by (cluster, unit); the response is the last column.
        fixed: names of the fixed-effect columns.
    """

    def __init__(self, moments: Moments, fixed: tuple[str, ...]) -> None:
        if INTERCEPT not in fixed:
            moments = moments.raw()
        columns, response = moments.position(*fixed), len(moments.columns) - 1
        products = moments.products
        self.centre = Centre.at(fixed, moments.reference[columns])
        self._constant = fixed.index(INTERCEPT) if INTERCEPT in fixed else None
        self._shift = float(moments.reference[response])
        first = np.flatnonzero(np.diff(moments.codes[:, 0], prepend=-1)).astype(np.int64)
        whole = products if len(first) == len(products) else np.add.reduceat(products, first, axis=0)
        self._first, self._rows = first, moments.n
        self._zz = np.ascontiguousarray(whole[:, columns[:, None], columns])
        self._zy, self._yy = whole[:, columns, response], whole[:, response, response]
        self._z1, self._y1 = products[:, 0, columns], products[:, 0, response]

    @property
    def n_rows(self) -> float:
        """Rows in all."""
        return float(self._rows.sum())

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients of the centred columns."""
        b = self._about_reference(coefficients)
        explained = self._zz @ b
        return ClusterSums(
            zz=self._zz,
            ze=self._zy - explained,
            ee=self._yy - 2.0 * self._zy @ b + explained @ b,
            z1=self._z1,
            e1=self._y1 - self._z1 @ b,
            rows=self._rows,
            first=self._first,
        )

    @property
    def spread(self) -> float:
        """Sum of squares of the outcome about its mean; 0 where it is constant up to rounding."""
        total, n = float(self._y1.sum()), self.n_rows
        about_mean = float(self._yy.sum()) - total**2 / n
        # the outcome's own size, to tell a constant from rounding
        size = float(self._yy.sum()) + n * self._shift**2
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
        b = np.linalg.solve(self._zz.sum(axis=0), self._zy.sum(axis=0))
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
    """

    def __init__(self, cells: Cells, fixed: tuple[str, ...], family: Family, units: int = 1) -> None:
        self.cells, self.family = cells, family
        self.design = np.ascontiguousarray(cells.fixed, dtype=float)
        weight = cells.trials if family.name == "binomial" else cells.weight
        self.weight = None if np.all(weight == 1.0) else weight
        mean = weight @ self.design / weight.sum()
        self.centre = Centre.at(fixed, mean)
        changed = np.any(np.diff(cells.codes[:, :units], axis=0, prepend=-1) != 0, axis=1)
        self.starts = np.flatnonzero(changed).astype(np.int64)
        self.first = np.flatnonzero(np.diff(cells.codes[self.starts, 0], prepend=-1)).astype(np.int64)
        self.rows = np.add.reduceat(weight, self.starts)
        # what is left of Σ y² about a cell's own mean: zero for single rows, exact for collapsed ones
        squares = cells.total if family.name == "binomial" else cells.total_squares
        self._spread = None if self.weight is None else np.maximum(squares - cells.total**2 / weight, 0.0)
        self._offset = cells.offset if np.any(cells.offset) else None

    @property
    def n_rows(self) -> float:
        """Outcomes in all."""
        return float(self.rows.sum())

    def sums(self, coefficients: Floats) -> ClusterSums:
        """Sums at these coefficients of the centred columns."""
        p, n_units, n_clusters = self.design.shape[1], len(self.starts), len(self.first)
        result = ClusterSums(
            zz=np.zeros((n_clusters, p, p)),
            ze=np.zeros((n_clusters, p)),
            ee=np.zeros(n_clusters),
            z1=np.zeros((n_units, p)),
            e1=np.zeros(n_units),
            rows=self.rows,
            first=self.first,
        )
        beta = self.centre.back @ coefficients
        stretches = self._stretches()
        if len(stretches) == 1:
            self._fill(result, beta, *stretches[0])
        else:
            with ThreadPoolExecutor(len(stretches)) as pool:
                list(pool.map(lambda stretch: self._fill(result, beta, *stretch), stretches))
        return result

    @property
    def n_rows_measured(self) -> float:
        """Cells, each one measurement however many trials it has."""
        return float(len(self.design))

    def rows_at(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """(N, p) z and (N,) e of the cells, each of them one measurement (of the mean of its trials)."""
        z, e, _, _ = self._block(self.centre.back @ coefficients, slice(None))
        return z, e

    def _stretches(self) -> list[tuple[int, int]]:
        """Rows for one thread each, ending where a cluster ends: two halves, or all of a small data set."""
        n = len(self.design)
        bounds = self.starts[self.first]
        after = int(np.searchsorted(bounds, n // 2))
        if n < _ROWS_WORTH_A_THREAD or after in (0, len(bounds)):
            return [(0, n)]
        return [(0, int(bounds[after])), (int(bounds[after]), n)]

    def _fill(self, result: ClusterSums, beta: Floats, row: int, last: int) -> None:
        """Add rows `row` to `last` to the sums, in blocks that may end within a cluster."""
        bounds = self.starts[self.first]
        while row < last:
            stop = min(row + _BLOCK, last)
            z, e, scale, squares = self._block(beta, slice(row, stop))
            units, at = _runs(self.starts, row, stop)
            result.z1[units] += np.add.reduceat(z if scale is None else z * scale[:, None], at, axis=0)
            result.e1[units] += np.add.reduceat(e if scale is None else e * scale, at)
            clusters, at = _runs(bounds, row, stop)
            result.ee[clusters] += np.add.reduceat(squares, at)
            add_products(result.zz, result.ze, z, e, clusters.start, at)
            row = stop

    def _block(self, beta: Floats, rows: slice) -> tuple[Floats, Floats, Floats | None, Floats]:
        """z and e of some cells (both times `scale`, the root of a cell's weight), and each cell's Σe²."""
        design, total = self.design[rows], self.cells.total[rows]
        eta = design @ beta
        if self._offset is not None:
            eta += self._offset[rows]
        mean, root = self.family.mean_and_root(eta)
        z = design - self.centre.point
        if self.weight is None or self._spread is None:
            z *= root[:, None]
            e = (total - mean) / root
            return z, e, None, e * e
        weight = self.weight[rows]
        scale = np.sqrt(weight)
        z *= (root * scale)[:, None]
        e = (total - weight * mean) / (root * scale)
        return z, e, scale, e * e + self._spread[rows] / (root * root)


def _runs(starts: Integers, row: int, stop: int) -> tuple[slice, Integers]:
    """Which runs (beginning at `starts`) rows `row` to `stop` touch, and where in the block each begins."""
    first = int(np.searchsorted(starts, row, side="right")) - 1
    after = int(np.searchsorted(starts, stop))
    return slice(first, after), np.maximum(starts[first:after], row) - row


def add_products(zz: Floats, ze: Floats, z: Floats, e: Floats, unit: int, bounds: Integers) -> None:
    """Add Σzz' and Σze of each run of rows (beginning at `bounds`) to entries `unit`, `unit` + 1, …"""
    if len(bounds) * _LONG_RUN <= len(z):
        for each, (start, stop) in enumerate(zip(bounds, np.append(bounds[1:], len(z)), strict=True), unit):
            run = z[start:stop]
            zz[each] += run.T @ run
            ze[each] += e[start:stop] @ run
        return
    here = slice(unit, unit + len(bounds))
    ze[here] += np.add.reduceat(z * e[:, None], bounds, axis=0)
    p = z.shape[1]
    for j in range(p):  # one column's products at a time: n × p in memory, not n × p²
        products = np.add.reduceat(z[:, j:] * z[:, j : j + 1], bounds, axis=0)
        zz[here, j, j:] += products
        zz[here, j + 1 :, j] += products[:, 1:]


def segment_products(z: Floats, e: Floats, starts: Integers) -> tuple[Floats, Floats]:
    """(K, p, p) Σzz' and (K, p) Σze over runs of rows that begin at `starts`."""
    k, p = len(starts), z.shape[1]
    zz, ze = np.zeros((k, p, p)), np.zeros((k, p))
    add_products(zz, ze, z, e, 0, starts)
    return zz, ze
