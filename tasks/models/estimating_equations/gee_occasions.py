"""Working correlations over occasions: AR(1) and unstructured, for rows in order of time.

Rows of a cluster are told apart by their occasion, the position of their time among the times seen
anywhere in the data (what other programs call the wave); rows may be missing. See
`tasks.models.estimating_equations.working_correlation` for the two conventions of the moments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize

from tasks.models.estimating_equations.gee_sums import segment_products
from tasks.models.estimating_equations.working_correlation import Convention, Weighed

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowsInTime:
    """Rows sorted by cluster, then time.

    Attributes:
        starts: (K,) first row of each cluster.
        time: (N,) position in time that AR(1) measures gaps by.
        occasion: (N,) index of the row's time among `times`.
        times: (T,) the different times.
    """

    starts: Integers
    time: Floats
    occasion: Integers
    times: Floats

    @property
    def follows(self) -> NDArray[np.bool_]:
        """(N,) whether a row has an earlier one in its cluster."""
        result = np.ones(len(self.time), dtype=bool)
        result[self.starts] = False
        return result

    def pairs(self) -> Iterator[tuple[Integers, Integers]]:
        """Earlier and later rows of every pair within a cluster, by how many rows lie between them."""
        cluster = np.zeros(len(self.time), dtype=np.int64)
        cluster[self.starts] = 1
        cluster = np.cumsum(cluster)
        longest = int(np.diff(np.append(self.starts, len(self.time))).max())
        for step in range(1, longest):
            earlier = np.flatnonzero(cluster[step:] == cluster[:-step])
            yield earlier, earlier + step


class RowsCorrelation(Protocol):
    """A structure whose weights need the rows in order."""

    def weigh(self, z: Floats, e: Floats, scale: float, taken: float) -> Weighed:
        """Estimate from residuals `e` and weigh rows `z`; `taken` is p or 0 (the convention)."""


class AutoRegressive:
    """R_jk = α^|t_j − t_k|.

    α by convention: `liang-zeger`, the products of rows one unit of time apart over (their number − p);
    `geepack`, the least-squares solution of Σ t α^(t−1) (e_j e_k/φ − α^t) = 0 over all pairs t apart. With
    times that are nowhere one unit apart only the second exists, and is used.
    """

    def __init__(self, rows: RowsInTime, convention: Convention) -> None:
        self.rows = rows
        follows = np.flatnonzero(rows.follows)
        gap = rows.time[follows] - rows.time[follows - 1]
        self._later, self._gap = follows, gap
        self._next = follows[gap == 1.0]
        self._whole = bool(np.all(gap == np.round(gap)))
        self.has_neighbours = len(self._next) > 0
        self._least_squares = convention == "geepack" or not self.has_neighbours

    def weigh(self, z: Floats, e: Floats, scale: float, taken: float) -> Weighed:
        """Estimate α and weigh."""
        if not len(self._later):
            return _weighed({"alpha": 0.0}, z, e, self.rows.starts, "no pairs of rows to estimate from")
        if not self._least_squares and len(self._next) <= taken:
            flaw = f"{len(self._next)} pairs of neighbouring rows are too few for {taken:.0f} coefficients"
            return _weighed({"alpha": 0.0}, z, e, self.rows.starts, flaw)
        alpha = self._all_pairs(e, scale) if self._least_squares else self._neighbours(e, scale, taken)
        flaw = (
            ""
            if abs(alpha) < 1.0 and (self._whole or alpha > 0.0)
            else (f"the correlation of neighbouring occasions is estimated at {alpha:.3g}")
        )
        used = np.clip(alpha, 0.0, 0.99) if flaw else alpha
        rho = np.power(used, self._gap)
        left = np.sqrt(1.0 - rho**2)
        free_z, free_e = z.copy(), e.copy()
        free_z[self._later] = (z[self._later] - rho[:, None] * z[self._later - 1]) / left[:, None]
        free_e[self._later] = (e[self._later] - rho * e[self._later - 1]) / left
        return _weighed({"alpha": float(alpha)}, free_z, free_e, self.rows.starts, flaw)

    def _neighbours(self, e: Floats, scale: float, taken: float) -> float:
        return float(e[self._next] @ e[self._next - 1]) / (scale * (len(self._next) - taken))

    def _all_pairs(self, e: Floats, scale: float) -> float:
        """The α in (−1, 1) that brings α^t closest to all products of pairs t apart."""
        sums: dict[float, list[float]] = {}
        for earlier, later in self.rows.pairs():
            lags, which = np.unique(self.rows.time[later] - self.rows.time[earlier], return_inverse=True)
            products = np.bincount(which, e[later] * e[earlier])
            for lag, product, count in zip(lags, products, np.bincount(which), strict=True):
                entry = sums.setdefault(float(lag), [0.0, 0.0])
                entry[0] += product / scale
                entry[1] += count
        lag = np.array(list(sums))
        product, count = np.array(list(sums.values())).T

        def misfit(alpha: float) -> float:
            power = alpha**lag
            return float(count @ (power * power) - 2.0 * product @ power)

        def slope(alpha: float) -> float:
            power = alpha ** (lag - 1.0)
            return float((lag * power) @ (count * power * alpha - product))

        near_one = 1.0 - np.logspace(-1.0, -9.0, 65)
        grid = np.concatenate([np.linspace(0.0, 0.9, 91)[1:-1], near_one])
        if self._whole:
            grid = np.concatenate([-grid[::-1], [0.0], grid])
        best = int(np.argmin([misfit(each) for each in grid]))
        if best == len(grid) - 1:
            return 1.0
        if best == 0:
            return -1.0 if self._whole else 0.0
        low, high = float(grid[best - 1]), float(grid[best + 1])
        if slope(low) * slope(high) > 0.0:
            return float(grid[best])
        return float(optimize.brentq(slope, low, high, xtol=1e-16, rtol=1e-15))


class Unstructured:
    """R_jk = ρ_(occasion j, occasion k): one correlation per pair of occasions.

    ρ_jk = Σ e_ij e_ik / (φ (clusters seen at both − p)), over the clusters seen at both.
    """

    def __init__(self, rows: RowsInTime) -> None:
        self.rows = rows
        k, t = len(rows.starts), len(rows.times)
        cluster = np.repeat(np.arange(k), np.diff(np.append(rows.starts, len(rows.time))))
        self._cell = cluster * t + rows.occasion
        seen = np.zeros((k, t), dtype=bool)
        seen.flat[self._cell] = True
        self._together = seen.T.astype(float) @ seen.astype(float)
        self._shape = (k, t)
        patterns, which = np.unique(seen, axis=0, return_inverse=True)
        order = np.argsort(which.ravel(), kind="stable")
        ends = np.cumsum(np.bincount(which.ravel()))[:-1]
        # per pattern: its occasions, and its clusters' rows (clusters × occasions)
        self._patterns = [
            (np.flatnonzero(pattern), rows.starts[members][:, None] + np.arange(int(pattern.sum())))
            for pattern, members in zip(patterns, np.split(order, ends), strict=True)
        ]

    def weigh(self, z: Floats, e: Floats, scale: float, taken: float) -> Weighed:
        """Estimate the correlations and weigh."""
        t = self._shape[1]
        residuals = np.zeros(self._shape)
        residuals.flat[self._cell] = e
        left = self._together - taken
        correlation = np.full((t, t), np.nan)
        np.divide(residuals.T @ residuals, scale * left, out=correlation, where=left > 0.0)
        np.fill_diagonal(correlation, 1.0)
        upper = np.triu_indices(t, 1)
        names = [f"{self.rows.times[j]:g}:{self.rows.times[i]:g}" for j, i in zip(*upper, strict=True)]
        parameters = dict(zip(names, correlation[upper].tolist(), strict=True))
        flaw = self._flaw(correlation)
        usable = _nearby(correlation) if flaw else correlation
        free_z, free_e = np.empty_like(z), np.empty_like(e)
        p = z.shape[1]
        for occasions, rows in self._patterns:
            root = np.linalg.cholesky(usable[np.ix_(occasions, occasions)])
            stacked = np.concatenate([z[rows], e[rows][:, :, None]], axis=2)
            flat = stacked.transpose(1, 0, 2).reshape(len(occasions), -1)
            free = linalg.solve_triangular(root, flat, lower=True)
            free = free.reshape(len(occasions), len(rows), p + 1).transpose(1, 0, 2)
            free_z[rows], free_e[rows] = free[:, :, :p], free[:, :, p]
        return _weighed(parameters, free_z, free_e, self.rows.starts, flaw)

    def _flaw(self, correlation: Floats) -> str:
        if np.any(np.isnan(correlation)):
            j, i = np.argwhere(np.isnan(correlation))[0]
            return (
                f"occasions {self.rows.times[j]:g} and {self.rows.times[i]:g} were both seen in only "
                f"{self._together[j, i]:.0f} clusters, too few to estimate their correlation"
            )
        for occasions, _ in self._patterns:
            try:
                np.linalg.cholesky(correlation[np.ix_(occasions, occasions)])
            except np.linalg.LinAlgError:
                largest = float(np.abs(correlation[np.triu_indices(len(correlation), 1)]).max())
                return (
                    "the unstructured correlation is not positive definite"
                    f" (its largest entry is estimated at {largest:.3g})"
                )
        return ""


def _weighed(parameters: Mapping[str, float], z: Floats, e: Floats, starts: Integers, flaw: str) -> Weighed:
    """From rows that have been made uncorrelated within clusters."""
    return Weighed(parameters, z.T @ z, z.T @ e, lambda: segment_products(z, e, starts), flaw)


def _nearby(correlation: Floats) -> Floats:
    """A positive definite matrix on the way from the estimate to the identity, for iterations only."""
    filled = np.clip(np.nan_to_num(correlation, nan=0.0), -1.0, 1.0)
    smallest = float(np.linalg.eigvalsh(filled)[0])
    share = 1.0 if smallest >= 1.0 else min(1.0, (0.05 - smallest) / (1.0 - smallest))
    return (1.0 - share) * filled + share * np.eye(len(filled))
