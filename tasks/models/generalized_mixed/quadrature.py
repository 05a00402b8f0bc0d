"""Adaptive Gauss–Hermite quadrature for one scalar random effect: log-likelihood and exact derivatives.

A cluster's outcomes are independent given its standardised effect u ~ N(0, 1), with linear predictors
η_i(u) = o_i + x_i'β + σ z_i u. With g(u) = Σ f_i(η_i(u)) − u²/2, mode m (g'(m) = 0), curvature h = −g''(m)
and τ = h^(−1/2), the K-node rule centred at the mode is (Liu & Pierce 1994; Pinheiro & Bates 1995, eq. 2.7)

    ℓ = log τ + log Σ_k exp(a_k + g(m + √2 τ t_k)),    a_k = log w_k + t_k² − ½ log π,

which for K = 1 is Laplace's approximation. Both m and τ depend on (σ, β); the derivatives here include that
dependence, so that the maximum is the maximum of this very function whatever K is. With b = ∂η/∂(σ, β),

    ∂m = h⁻¹ g_uv,    ∂²m = h⁻¹ (g_uuu ∂m ∂m' + g_uuv ∂m' + ∂m g_uuv' + g_uvv),
    ∂h = −(g_uuv + g_uuu ∂m),    and so on; every g_… is a sum of f'…f'''' times powers of z and b.

One pass over the rows gives everything: rows are sorted by cluster, so that each sum is a segmented sum, and
are taken in chunks that stay in cache. (A million rows and eleven columns take 0.07 s of one processor in
NumPy; threads won nothing, as its lock is taken back after every chunk-sized operation, and to import a
compiler would cost as much as a whole fit.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from tasks.models.generalized_mixed.families import Outcome
from tasks.models.numerics.inner import inner

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

EMPTY: Floats = np.empty((0, 0))
CHUNK = 16_384
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
class Evaluation:
    """A log-likelihood at a point, with what was found on the way.

    Attributes:
        parameters: (q,) the point.
        value: the log-likelihood, every constant included.
        gradient: (q,).
        hessian: (q, q); empty where only the gradient was asked for.
        modes: conditional modes of the standardised effects.
        precision: curvature h of −g at the mode, for a scalar effect.
        mode_slopes: ∂modes/∂parameters, to start a nearby evaluation from; may be empty.
        next_order: what the next order of the expansion adds to Laplace (order 2, scalar effect).
    """

    parameters: Floats
    value: float
    gradient: Floats
    hessian: Floats
    modes: Floats
    precision: Floats = field(default_factory=lambda: EMPTY)
    mode_slopes: Floats = field(default_factory=lambda: EMPTY)
    next_order: float = 0.0

    def modes_near(self, parameters: Floats) -> Floats:
        """First-order prediction of the modes at other parameters."""
        if self.mode_slopes.size == 0:
            return self.modes
        move = (parameters - self.parameters)[: self.mode_slopes.shape[0]]
        # A prediction is only a start for a safeguarded Newton iteration; long extrapolations are cut
        return self.modes + np.clip(move @ self.mode_slopes, -1.0, 1.0)


@dataclass(frozen=True)
class ScalarLikelihood:
    """Log-likelihood of a model with one scalar random effect per cluster, K-node adaptive quadrature.

    Parameters are (σ, β) and, for a negative binomial, log size. The likelihood is even in σ.

    Attributes:
        x: (p, N) fixed-effect columns, one contiguous row per column, cells sorted by cluster.
        z: (N,) random-effect column, or None for a random intercept.
        offset: (N,).
        outcome: the outcome of every cell.
        starts: (J + 1,) where each cluster's cells begin; no cluster is empty.
        nodes: K ≥ 1.
    """

    x: Floats
    z: Floats | None
    offset: Floats
    outcome: Outcome
    starts: Integers
    nodes: int = 1

    @property
    def n_theta(self) -> int:
        """Number of variance parameters: σ comes first."""
        return 1

    def evaluate(self, parameters: Floats, order: int = 2, near: Evaluation | None = None) -> Evaluation:
        """The log-likelihood, its gradient and (order 2) its Hessian at (σ, β[, log size]).

        Args:
            parameters: the point.
            order: 1 for value and gradient, 2 for the Hessian too.
            near: an earlier evaluation whose modes are a good start.
        """
        p, clusters = self.x.shape[0], self.starts.size - 1
        outcome = self.outcome
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[1 + p]))
        sigma, beta = float(parameters[0]), parameters[1 : 1 + p]
        begin = np.zeros(clusters) if near is None else near.modes_near(parameters)
        value, gradient = outcome.log_constant(), np.zeros(parameters.size)
        if outcome.has_size:
            gradient[-1] = outcome.log_constant_slope()
        hessian = np.zeros((p + 1, p + 1))
        modes, precision, slopes = np.empty(clusters), np.empty(clusters), np.empty((p + 1, clusters))
        next_order = 0.0

        for rows, those in self._chunks():
            # a step too far overflows; its value is not finite, and the climb shortens it
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                part = _Chunk.of(self, outcome, rows, those, sigma, beta)
                part.find_modes(begin[those])
                part.differentiate(self.nodes, order)
            value += part.value
            gradient += part.gradient
            hessian += part.hessian
            modes[those], precision[those], slopes[:, those] = part.u, part.h, part.mode_slopes
            next_order += part.next_order
        full = EMPTY
        if order > 1:
            full = hessian
            if outcome.has_size:
                full = self._with_size(parameters, hessian, near)
        return Evaluation(
            parameters.copy(), float(value), gradient, full, modes, precision, slopes, next_order
        )

    def posterior(self, parameters: Floats, nodes: int, near: Evaluation) -> tuple[Floats, Floats]:
        """Posterior mean and SD of each cluster's standardised effect, at these parameters, by quadrature."""
        p = self.x.shape[0]
        outcome = self.outcome
        if outcome.has_size:
            outcome = outcome.with_log_size(float(parameters[1 + p]))
        mean, sd = np.empty(self.starts.size - 1), np.empty(self.starts.size - 1)
        for rows, those in self._chunks(nodes):
            part = _Chunk.of(self, outcome, rows, those, float(parameters[0]), parameters[1 : 1 + p])
            part.find_modes(near.modes[those])
            at, weight = part.posterior_nodes(nodes)
            mean[those] = (weight * at).sum(axis=0)
            sd[those] = np.sqrt((weight * (at - mean[those]) ** 2).sum(axis=0))
        return mean, sd

    def _with_size(self, parameters: Floats, block: Floats, near: Evaluation | None) -> Floats:
        """The Hessian with its log-size row, by Richardson-extrapolated differences of the exact gradient."""
        step = np.zeros(parameters.size)
        differences = []
        for width in (2e-3, 1e-3):
            step[-1] = width
            up = self.evaluate(parameters + step, 1, near).gradient
            down = self.evaluate(parameters - step, 1, near).gradient
            differences.append((up - down) / (2.0 * width))
        row = (4.0 * differences[1] - differences[0]) / 3.0
        full = np.empty((parameters.size, parameters.size))
        full[:-1, :-1] = block
        full[-1, :] = full[:, -1] = row
        return full

    def _chunks(self, nodes: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Runs of whole clusters, of about a cache's worth of rows."""
        size = max(512, CHUNK * 4 // (4 + (nodes or self.nodes)))
        clusters, first = self.starts.size - 1, 0
        while first < clusters:
            last = int(np.searchsorted(self.starts, self.starts[first] + size, side="right")) - 1
            last = min(max(last, first + 1), clusters)
            yield slice(int(self.starts[first]), int(self.starts[last])), slice(first, last)
            first = last


@dataclass(slots=True)
class _Chunk:
    """Some whole clusters at one point of the parameter space; `find_modes` first, then `differentiate`."""

    x: Floats
    z: Floats | None
    fixed: Floats  # η without the random effect
    outcome: Outcome
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
        cls, whole: ScalarLikelihood, outcome: Outcome, rows: slice, those: slice, sigma: float, beta: Floats
    ) -> _Chunk:
        starts = whole.starts[those.start : those.stop + 1] - rows.start
        x = whole.x[:, rows]
        return cls(
            x=x,
            z=None if whole.z is None else whole.z[rows],
            fixed=whole.offset[rows] + beta @ x,
            outcome=outcome.part(rows.start, rows.stop),
            starts=starts[:-1],
            sizes=np.diff(starts),
            sigma=sigma,
            u=np.empty(0),
            h=np.empty(0),
            mode_slopes=EMPTY,
            next_order=0.0,
            value=0.0,
            gradient=np.zeros(1 + x.shape[0] + outcome.has_size),
            hessian=np.zeros((1 + x.shape[0], 1 + x.shape[0])),
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
        out = np.empty((rows.shape[0], self.x.shape[0], self.sizes.size))
        for j, (begin, size) in enumerate(zip(self.starts, self.sizes, strict=True)):
            np.matmul(rows[:, begin : begin + size], self.x[:, begin : begin + size].T, out=out[:, :, j])
        return out

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
        gradient, hessian = self.gradient, self.hessian
        sigma, u, p = self.sigma, self.u, self.x.shape[0]
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
        self.h, self.mode_slopes = h, m_v

        c, a = hermite_rule(nodes)
        c = c[:, None] * tau  # (K, J): distance of each node from the mode
        at = u + c
        if nodes == 1:
            density, f1, f2 = self.outcome.density(eta)[None], first[None], second[None]
        else:
            node_eta = self.predictor(at)
            density = self.outcome.density(node_eta)
            f1, f2 = self.outcome.slopes(node_eta)
        log_terms = a[:, None] + self.sums(density) - 0.5 * at**2
        top = log_terms.max(axis=0)
        weight = np.exp(log_terms - top)
        total = weight.sum(axis=0)
        weight /= total
        self.value = float((np.log(tau) + top + np.log(total)).sum())

        # first derivatives: G_k is the total derivative of g at node k, u_v that of the node itself
        n1 = self.sums(f1, 1)
        p1 = column_sums[2:3] if nodes == 1 else self.column_sums(f1)
        g_v = np.concatenate([(at * n1)[:, None], p1], axis=1)  # (K, p+1, J)
        slope = sigma * n1 - at  # (K, J): g_u at the nodes
        if nodes == 1:
            slope = np.zeros_like(slope)  # zero at the mode by definition; keep rounding out
        u_v = m_v + c[:, None] * s_v
        node_gradient = g_v + slope[:, None] * u_v
        cluster_gradient = s_v + np.einsum("kj,kvj->vj", weight, node_gradient)
        gradient[: p + 1] += cluster_gradient.sum(axis=1)
        if self.outcome.has_size:
            size_at_nodes = self.outcome.size_slopes(eta[None] if nodes == 1 else node_eta)[0]
            gradient[-1] += self._size_slope(eta, weight, slope, c, size_at_nodes)
        if order < 2:
            return

        s4, v4 = self.sums(fourth, 4), column_sums[-1]
        mean_slope = (weight * slope).sum(axis=0)
        spread = 1.0 + (weight * slope * c).sum(axis=0)  # multiplies ∂² log τ
        on_mode = mean_slope + 0.5 * spread * skew / h  # multiplies ∂² m
        # ∂² log τ = [g_uuvv + g_uuuv m' + m g_uuuv' + g_uuuu m m' + g_uuu m_vv]/2h + 2 s_v s_v'
        half = 0.5 * spread / h
        g_uuuv = np.vstack([sigma**3 * u * s4 + 3.0 * sigma**2 * s3, sigma**3 * v4])
        kurt = sigma**4 * s4
        # Shun & McCullagh (1995) JRSS B 57:749, eq. 4, for one dimension
        self.next_order = float((kurt / (8.0 * h**2) + 5.0 * skew**2 / (24.0 * h**3)).sum())
        both = inner(half * g_uuuv + on_mode / h * g_uuv, m_v)
        n2 = self.sums(f2, 2)
        p2 = v2[None] if nodes == 1 else self.column_sums(self.times_z(f2, 1))
        curvature = sigma**2 * n2 - 1.0
        node_uv = np.concatenate([(sigma * at * n2 + n1)[:, None], sigma * p2], axis=1)
        both += _products(weight, node_uv, u_v)
        hessian += both + both.T
        hessian += inner((half * kurt + on_mode * skew / h) * m_v, m_v)
        hessian += inner((3.0 * spread - 1.0) * s_v, s_v)
        hessian += _products(weight * curvature, u_v, u_v)
        if nodes > 1:
            hessian += _products(weight, node_gradient, node_gradient)
            mean_gradient = cluster_gradient - s_v
            hessian -= inner(mean_gradient, mean_gradient)
        # what remains is g_vv, g_uvv and g_uuvv: σσ and σβ by cluster, ββ by row
        hessian[0, 0] += float(
            (weight * at**2 * n2).sum()
            + (on_mode / h) @ (sigma * u**2 * s3 + 2.0 * u * s2)
            + half @ (sigma**2 * u**2 * s4 + 4.0 * sigma * u * s3 + 2.0 * s2)
        )
        cross = (
            np.einsum("kj,kvj->v", weight * at, p2)
            + (sigma * u * v3 + v2) @ (on_mode / h)
            + (sigma**2 * u * v4 + 2.0 * sigma * v3) @ half
        )
        hessian[0, 1:] += cross
        hessian[1:, 0] += cross
        z = 1.0 if self.z is None else self.z
        by_row = second if nodes == 1 else np.einsum("kn,kn->n", np.repeat(weight, self.sizes, axis=1), f2)
        by_row = by_row + np.repeat(sigma * on_mode / h, self.sizes) * z * third
        by_row += np.repeat(sigma**2 * half, self.sizes) * (z * z) * fourth
        if np.all(by_row <= 0.0):  # as nearly always: a product with itself costs half
            root = self.x * np.sqrt(-by_row)
            hessian[1:, 1:] -= inner(root, root)
        else:
            hessian[1:, 1:] += inner(self.x * by_row, self.x)

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
        _, first, second = self.outcome.size_slopes(eta)
        third = self.outcome.derivatives(eta)[2]
        m_k = self.sigma * self.sums(first, 1) / self.h
        h_k = -(self.sigma**2 * self.sums(second, 2) + self.sigma**3 * self.sums(third, 3) * m_k)
        s_k = -0.5 * h_k / self.h
        moved = slope * (m_k + c * s_k)
        return float((s_k + (weight * (self.sums(at_nodes) + moved)).sum(axis=0)).sum())


def _products(weight: Floats, left: Floats, right: Floats) -> Floats:
    """(v, w) Σ over nodes and clusters of weight (K, J) times left (K, v, J) times right (K, w, J)."""
    total = np.zeros((left.shape[1], right.shape[1]))
    for each, a, b in zip(weight, left, right, strict=True):
        total += inner(each * a, b)
    return total
