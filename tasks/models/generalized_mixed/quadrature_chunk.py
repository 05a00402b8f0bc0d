"""Clusters of one scalar random effect at one point: their part of the quadrature likelihood, differentiated.

With b = ∂η/∂(σ, β), the mode m and the scale τ of `quadrature` move with the parameters:

    ∂m = h⁻¹ g_uv,    ∂²m = h⁻¹ (g_uuu ∂m ∂m' + g_uuv ∂m' + ∂m g_uuv' + g_uvv),
    ∂h = −(g_uuv + g_uuu ∂m),    and so on; every g_… is a sum of f'…f'''' times powers of z and b.

One pass over the rows gives everything: rows are sorted by cluster, so that each sum is a segmented sum, and
are taken in chunks that stay in cache. (A million rows and eleven columns take 0.07 s of one processor in
NumPy; threads won nothing, as its lock is taken back after every chunk-sized operation, and to import a
compiler would cost as much as a whole fit.)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from tasks.models.generalized_mixed.families import CellOutcome
from tasks.models.numerics.chunked_products import chunked_product

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EMPTY: Floats = np.empty((0, 0))
_LARGE = 50  # rows per cluster from which a matrix product each beats one segmented sum over all
_STEPS = 200
_STEP_TOLERANCE = 1e-8  # a Newton step of this size leaves an error of about its square


@lru_cache(maxsize=64)
def hermite_rule(nodes: int) -> tuple[Floats, Floats]:
    """√2 t_k and a_k = log w_k + t_k² − ½ log π of the K-node Gauss–Hermite rule, K ≥ 1.

    Nodes are eigenvalues of the Jacobi matrix (Golub & Welsch 1969); w_k e^{t_k²} = 1 / Σ_j ψ_j(t_k)² with
    ψ_j the orthonormal Hermite functions, whose recurrence neither overflows nor cancels, at any K.
    """
    t = linalg.eigh_tridiagonal(np.zeros(nodes), np.sqrt(np.arange(1, nodes) / 2.0), eigvals_only=True)
    t = 0.5 * (t - t[::-1])  # the rule is symmetric
    previous, current = np.zeros(nodes), np.exp(-0.5 * t**2) / np.pi**0.25
    total = current**2
    for j in range(nodes - 1):
        following = np.sqrt(2.0 / (j + 1)) * t * current - np.sqrt(j / (j + 1)) * previous
        previous, current = current, following
        total += current**2
    return np.sqrt(2.0) * t, -np.log(total) - 0.5 * np.log(np.pi)


@dataclass(frozen=True, slots=True)
class _AtModes:
    """Sums over the clusters' rows at their modes, and how modes and scales move.

    Attributes:
        eta: (n,) linear predictors.
        derivatives: f', f'', f''' and f'''' of the rows.
        s1, s2, s3: (J,) sums of f'z, f''z² and f'''z³.
        column_sums: (…, p, J) sums of f''z, f'''z²[, f'][, f''''z³] times the fixed-effect columns.
        h, tau, skew: (J,) curvature −g_uu, its inverse root, and g_uuu.
        g_uuv, m_v, s_v: (p + 1, J) ∂g_uu, ∂m and ∂ log τ by (σ, β).
    """

    eta: Floats
    derivatives: tuple[Floats, Floats, Floats, Floats]
    s1: Floats
    s2: Floats
    s3: Floats
    column_sums: Floats
    h: Floats
    tau: Floats
    skew: Floats
    g_uuv: Floats
    m_v: Floats
    s_v: Floats


@dataclass(frozen=True, slots=True)
class _AtNodes:
    """What the rule's K nodes give.

    Attributes:
        eta: (K, n) linear predictors.
        c: (K, J) distance of each node from the mode.
        at: (K, J) the nodes.
        weight: (K, J) their normalised posterior weights.
        f2: (K, n) f'' of the rows.
        n1: (K, J) sums of f'z.
        slope: (K, J) g_u.
        u_v: (K, p + 1, J) how the nodes move with (σ, β).
        gradient: (K, p + 1, J) total derivative of g.
        cluster_gradient: (p + 1, J) each cluster's part of the gradient.
    """

    eta: Floats
    c: Floats
    at: Floats
    weight: Floats
    f2: Floats
    n1: Floats
    slope: Floats
    u_v: Floats
    gradient: Floats
    cluster_gradient: Floats


@dataclass(slots=True)
class Chunk:
    """Some whole clusters at one point of the parameter space; `find_modes` first, then `differentiate`.

    Attributes:
        x: (p, n) fixed-effect columns.
        z: (n,) random-effect column, or None for a random intercept.
        fixed: (n,) linear predictors without the random effect.
        outcome: of the n cells.
        starts: (J,) where each cluster's cells begin.
        sizes: (J,) how many it has.
        sigma: SD of the effect.
        u: (J,) modes of the standardised effects.
        h: (J,) curvatures there.
        mode_slopes: (p + 1, J) ∂modes/∂(σ, β).
        next_order: what the next order of the expansion adds to Laplace.
        value, gradient, hessian: these clusters' part of the log-likelihood and its derivatives.
    """

    x: Floats
    z: Floats | None
    fixed: Floats
    outcome: CellOutcome
    starts: Integers
    sizes: Integers
    sigma: float
    u: Floats
    h: Floats
    mode_slopes: Floats
    next_order: float
    value: float
    gradient: Floats
    hessian: Floats

    @classmethod
    def of(
        cls,
        x: Floats,
        z: Floats | None,
        offset: Floats,
        outcome: CellOutcome,
        starts: Integers,
        parameters: Floats,
    ) -> Chunk:
        """Clusters at (σ, β, …).

        Args:
            x, z, offset, outcome: of their cells.
            starts: (J + 1,) where each cluster's cells begin, and the end.
            parameters: the point.
        """
        p = x.shape[0]
        return cls(
            x=x,
            z=z,
            fixed=offset + parameters[1 : 1 + p] @ x,
            outcome=outcome,
            starts=starts[:-1],
            sizes=np.diff(starts),
            sigma=float(parameters[0]),
            u=np.empty(0),
            h=np.empty(0),
            mode_slopes=EMPTY,
            next_order=0.0,
            value=0.0,
            gradient=np.zeros(1 + p + outcome.has_size),
            hessian=np.zeros((1 + p, 1 + p)),
        )

    def predictor(self, u: Floats) -> Floats:
        """η at (…, J) values of the standardised effects."""
        spread = np.repeat(self.sigma * u, self.sizes, axis=-1)
        if self.z is not None:
            spread = spread * self.z
        return self.fixed + spread

    def times_z(self, rows: Floats, power: int) -> Floats:
        """rows·z^power; the last axis runs over rows."""
        if self.z is None or power == 0:
            return rows
        return np.asarray(rows * (self.z if power == 1 else self.z**power))

    def sums(self, rows: Floats, power: int = 0) -> Floats:
        """Sums over each cluster of rows·z^power; the last axis runs over rows."""
        return np.asarray(np.add.reduceat(self.times_z(rows, power), self.starts, axis=-1))

    def column_sums(self, rows: Floats) -> Floats:
        """(m, p, J) sums over each cluster of (m, n) rows times each fixed-effect column."""
        if self.sizes.size * _LARGE > rows.shape[1]:
            return np.stack([self.sums(self.x * each) for each in rows])
        by_cluster = np.empty((self.sizes.size, rows.shape[0], self.x.shape[0]))
        for own, begin, size in zip(by_cluster, self.starts, self.sizes, strict=True):
            # into rows of their own: NumPy multiplies without BLAS where a result's elements lie apart
            np.matmul(rows[:, begin : begin + size], self.x[:, begin : begin + size].T, out=own)
        return np.ascontiguousarray(np.moveaxis(by_cluster, 0, -1))

    def find_modes(self, u: Floats) -> None:
        """The conditional modes: Newton's method, each cluster's step halved until its score shrinks.

        g is strictly concave with g'' ≤ −1, so a Newton step always has a length at which |g'| falls: the
        iteration cannot diverge or cycle, however large σ is.
        """
        held, score_held = u, np.full(u.size, np.inf)
        step = np.zeros(u.size)
        for _ in range(_STEPS):
            first, second = self.outcome.slopes(self.predictor(u))
            score = self.sigma * self.sums(first, 1) - u
            worse = (np.abs(score) > score_held) & (np.abs(step) > 1e-9 * (1.0 + np.abs(u)))
            fresh = score / (1.0 - self.sigma**2 * self.sums(second, 2))
            step = np.where(worse, 0.5 * step, fresh)
            held = np.where(worse, held, u)
            score_held = np.where(worse, score_held, np.abs(score))
            u = held + step
            if np.all(np.abs(step) <= _STEP_TOLERANCE * (1.0 + np.abs(u))):
                break
        self.u = u

    def differentiate(self, nodes: int, order: int) -> None:
        """This chunk's part of the log-likelihood, its gradient and (order 2) its Hessian."""
        p = self.x.shape[0]
        mode = self._at_modes(nodes, order)
        self.h, self.mode_slopes = mode.h, mode.m_v
        node = self._at_nodes(mode, nodes)
        self.gradient[: p + 1] += node.cluster_gradient.sum(axis=1)
        if self.outcome.has_size:
            size_at_nodes = self.outcome.size_slopes(node.eta)[0]
            self.gradient[-1] += self._size_slope(mode.eta, node.weight, node.slope, node.c, size_at_nodes)
        if order > 1:
            self._add_hessian(mode, node, nodes)

    def _at_modes(self, nodes: int, order: int) -> _AtModes:
        sigma, u = self.sigma, self.u
        eta = self.predictor(u)
        first, second, third, fourth = self.outcome.derivatives(eta)
        s1, s2, s3 = self.sums(first, 1), self.sums(second, 2), self.sums(third, 3)
        by_column = [self.times_z(second, 1), self.times_z(third, 2)]
        if nodes == 1:
            by_column.append(first)
        if order > 1:
            by_column.append(self.times_z(fourth, 3))
        column_sums = self.column_sums(np.stack(by_column))
        v2, v3 = column_sums[0], column_sums[1]
        h = 1.0 - sigma**2 * s2
        tau = h**-0.5
        skew = sigma**3 * s3
        g_uv = np.vstack([sigma * u * s2 + s1, sigma * v2])
        g_uuv = np.vstack([sigma**2 * u * s3 + 2.0 * sigma * s2, sigma**2 * v3])
        m_v = g_uv / h
        h_v = -(g_uuv + skew * m_v)
        s_v = -0.5 * h_v / h
        return _AtModes(
            eta, (first, second, third, fourth), s1, s2, s3, column_sums, h, tau, skew, g_uuv, m_v, s_v
        )

    def _at_nodes(self, mode: _AtModes, nodes: int) -> _AtNodes:
        """The nodes, their weights and gradients; the log-likelihood itself is set on the way.

        `gradient` is the total derivative of g at each node, `u_v` that of the node itself.
        """
        c, a = hermite_rule(nodes)
        c = c[:, None] * mode.tau
        at = self.u + c
        if nodes == 1:
            eta = mode.eta[None]
            density = self.outcome.density(mode.eta)[None]
            f1, f2 = mode.derivatives[0][None], mode.derivatives[1][None]
        else:
            eta = self.predictor(at)
            density = self.outcome.density(eta)
            f1, f2 = self.outcome.slopes(eta)
        log_terms = a[:, None] + self.sums(density) - 0.5 * at**2
        top = log_terms.max(axis=0)
        weight = np.exp(log_terms - top)
        total = weight.sum(axis=0)
        weight /= total
        self.value = float((np.log(mode.tau) + top + np.log(total)).sum())

        n1 = self.sums(f1, 1)
        p1 = mode.column_sums[2:3] if nodes == 1 else self.column_sums(f1)
        g_v = np.concatenate([(at * n1)[:, None], p1], axis=1)
        slope = self.sigma * n1 - at
        if nodes == 1:
            slope = np.zeros_like(slope)  # zero at the mode by definition; keep rounding out
        u_v = mode.m_v + c[:, None] * mode.s_v
        gradient = g_v + slope[:, None] * u_v
        cluster_gradient = mode.s_v + np.einsum("kj,kvj->vj", weight, gradient)
        return _AtNodes(eta, c, at, weight, f2, n1, slope, u_v, gradient, cluster_gradient)

    def _add_hessian(self, mode: _AtModes, node: _AtNodes, nodes: int) -> None:
        hessian, sigma, u = self.hessian, self.sigma, self.u
        h, skew, m_v, s_v, weight = mode.h, mode.skew, mode.m_v, mode.s_v, node.weight
        s4, v4 = self.sums(mode.derivatives[3], 4), mode.column_sums[-1]
        mean_slope = (weight * node.slope).sum(axis=0)
        spread = 1.0 + (weight * node.slope * node.c).sum(axis=0)  # multiplies ∂² log τ
        on_mode = mean_slope + 0.5 * spread * skew / h  # multiplies ∂² m
        # ∂² log τ = [g_uuvv + g_uuuv m' + m g_uuuv' + g_uuuu m m' + g_uuu m_vv]/2h + 2 s_v s_v'
        half = 0.5 * spread / h
        g_uuuv = np.vstack([sigma**3 * u * s4 + 3.0 * sigma**2 * mode.s3, sigma**3 * v4])
        kurt = sigma**4 * s4
        # Shun & McCullagh (1995) JRSS B 57:749, eq. 4, for one dimension
        self.next_order = float((kurt / (8.0 * h**2) + 5.0 * skew**2 / (24.0 * h**3)).sum())
        both = chunked_product(half * g_uuuv + on_mode / h * mode.g_uuv, m_v)
        n2 = self.sums(node.f2, 2)
        p2 = mode.column_sums[0][None] if nodes == 1 else self.column_sums(self.times_z(node.f2, 1))
        curvature = sigma**2 * n2 - 1.0
        node_uv = np.concatenate([(sigma * node.at * n2 + node.n1)[:, None], sigma * p2], axis=1)
        both += _products(weight, node_uv, node.u_v)
        hessian += both + both.T
        hessian += chunked_product((half * kurt + on_mode * skew / h) * m_v, m_v)
        hessian += chunked_product((3.0 * spread - 1.0) * s_v, s_v)
        hessian += _products(weight * curvature, node.u_v, node.u_v)
        if nodes > 1:
            hessian += _products(weight, node.gradient, node.gradient)
            mean_gradient = node.cluster_gradient - s_v
            hessian -= chunked_product(mean_gradient, mean_gradient)
        self._add_sigma_rows(mode, node, on_mode / h, half, (n2, p2, s4, v4))
        self._add_coefficients_by_row(mode, node, on_mode, half, nodes)

    def _add_sigma_rows(
        self,
        mode: _AtModes,
        node: _AtNodes,
        on_mode: Floats,
        half: Floats,
        sums: tuple[Floats, Floats, Floats, Floats],
    ) -> None:
        """What remains of g_vv, g_uvv and g_uuvv for σσ and σβ, by cluster."""
        sigma, u, (n2, p2, s4, v4) = self.sigma, self.u, sums
        v2, v3 = mode.column_sums[0], mode.column_sums[1]
        self.hessian[0, 0] += float(
            (node.weight * node.at**2 * n2).sum()
            + on_mode @ (sigma * u**2 * mode.s3 + 2.0 * u * mode.s2)
            + half @ (sigma**2 * u**2 * s4 + 4.0 * sigma * u * mode.s3 + 2.0 * mode.s2)
        )
        cross = (
            np.einsum("kj,kvj->v", node.weight * node.at, p2)
            + (sigma * u * v3 + v2) @ on_mode
            + (sigma**2 * u * v4 + 2.0 * sigma * v3) @ half
        )
        self.hessian[0, 1:] += cross
        self.hessian[1:, 0] += cross

    def _add_coefficients_by_row(
        self, mode: _AtModes, node: _AtNodes, on_mode: Floats, half: Floats, nodes: int
    ) -> None:
        """The same for ββ, by row."""
        _, second, third, fourth = mode.derivatives
        sigma, z = self.sigma, 1.0 if self.z is None else self.z
        if nodes == 1:
            by_row = second
        else:
            by_row = np.einsum("kn,kn->n", np.repeat(node.weight, self.sizes, axis=1), node.f2)
        by_row = by_row + np.repeat(sigma * on_mode / mode.h, self.sizes) * z * third
        by_row += np.repeat(sigma**2 * half, self.sizes) * (z * z) * fourth
        if np.all(by_row <= 0.0):  # as nearly always: a product with itself costs half
            root = self.x * np.sqrt(-by_row)
            self.hessian[1:, 1:] -= chunked_product(root, root)
        else:
            self.hessian[1:, 1:] += chunked_product(self.x * by_row, self.x)

    def posterior_nodes(self, nodes: int) -> tuple[Floats, Floats]:
        """(K, J) nodes and their normalised posterior weights."""
        _, second = self.outcome.slopes(self.predictor(self.u))
        tau = (1.0 - self.sigma**2 * self.sums(second, 2)) ** -0.5
        c, a = hermite_rule(nodes)
        at = self.u + c[:, None] * tau
        log_terms = a[:, None] + self.sums(self.outcome.density(self.predictor(at))) - 0.5 * at**2
        weight = np.exp(log_terms - log_terms.max(axis=0))
        return at, weight / weight.sum(axis=0)

    def _size_slope(self, eta: Floats, weight: Floats, slope: Floats, c: Floats, at_nodes: Floats) -> float:
        """This chunk's part of ∂ℓ/∂ log size, the movement of mode and scale included."""
        _, first, second, _ = self.outcome.size_slopes(eta)
        third = self.outcome.derivatives(eta)[2]
        m_k = self.sigma * self.sums(first, 1) / self.h
        h_k = -(self.sigma**2 * self.sums(second, 2) + self.sigma**3 * self.sums(third, 3) * m_k)
        s_k = -0.5 * h_k / self.h
        moved = slope * (m_k + c * s_k)
        return float((s_k + (weight * (self.sums(at_nodes) + moved)).sum(axis=0)).sum())


def _products(weight: Floats, left: Floats, right: Floats) -> Floats:
    """(v, w) Σ over nodes and clusters of weight (K, J) times left (K, v, J) times right (K, w, J)."""
    weighted = (weight[:, None] * left).swapaxes(0, 1)
    return chunked_product(
        weighted.reshape(len(weighted), -1), right.swapaxes(0, 1).reshape(right.shape[1], -1)
    )
