"""Working correlations: their moment estimates, and the closed forms that weigh a cluster by them.

Each structure turns sums (or rows) at a value of the coefficients into its parameters and then into the
clusters' information B_i = Z'R⁻¹Z and score U_i = Z'R⁻¹e, with Z = A^(1/2)X and e the Pearson residuals.
R_i itself is never formed: exchangeable and nested exchangeable inverses are rank-one updates of a
diagonal (Sherman–Morrison), AR(1) is a Markov chain whose inverse has a bidiagonal root, and
unstructured needs one triangular root per pattern of occasions seen, shared by all clusters with it.

Two conventions for the moments (both in use; they differ in the second to fourth digit):
`liang-zeger`, φ = Σe²/(N − p) and correlations over (pairs − p) (Liang & Zeger 1986; SAS GENMOD);
`geepack`, φ = Σe²/N and correlations over the pairs, AR(1) by least squares over all pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.models.estimating_equations.gee_sums import ClusterSums

Floats = NDArray[np.float64]
Convention = Literal["liang-zeger", "geepack"]

CONVENTIONS: Mapping[Convention, str] = {
    "liang-zeger": "moments over N − p (Liang & Zeger 1986)",
    "geepack": "moments over N (geepack)",
}


_SINGULAR = 1e-8
"""An eigenvalue of a correlation below it is zero up to rounding, and its inverse is nothing but rounding."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Clusters weighed by a working correlation.

    Attributes:
        parameters: name → value of the correlation parameters.
        information: (p, p) ΣB_i for unit scale.
        score: (p,) ΣU_i for unit scale.
        clusters: gives (K, p, p) B_i and (K, p) U_i; asked for once, at the solution.
        flaw: why the estimated correlation is not a correlation of these clusters; empty where it is.
            The clusters are then weighed by a nearby one that is, so that iterations can go on.
    """

    parameters: Mapping[str, float]
    information: Floats
    score: Floats
    clusters: Callable[[], tuple[Floats, Floats]]
    flaw: str = field(default="")


class SumsCorrelation(Protocol):
    """A structure whose weights follow from cluster sums."""

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Estimate and weigh; `taken` is what the convention takes off a number of pairs (p or 0)."""


class Independence:
    """R = I: B_i = Z'Z, U_i = Z'e."""

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Weigh all rows alike."""
        return _weighed(sums, {}, _equal_weights(sums))


class Exchangeable:
    """R = (1 − α)I + αJ: any two rows of a cluster are equally correlated.

    α = Σ_i Σ_{j<k} e_ij e_ik / (φ (pairs − p)), and R⁻¹ = [I − α/(1 + (n−1)α) J]/(1 − α).
    """

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Estimate α and weigh."""
        n = sums.rows
        pairs = float((n * (n - 1.0)).sum()) / 2.0
        flaw = _too_few(pairs, taken, "")
        if flaw:
            return _weighed(sums, {"alpha": 0.0}, _equal_weights(sums), flaw)
        alpha = float(sums.e1 @ sums.e1 - sums.ee) / 2.0 / (scale * (pairs - taken))
        if not (alpha < 1.0 - _SINGULAR and 1.0 + (float(n.max()) - 1.0) * alpha > _SINGULAR):
            size = f"a cluster of {n.max():.0f} rows"
            flaw = f"the correlation is estimated at {alpha:.3g}, which {size} cannot have"
            return _weighed(sums, {"alpha": alpha}, _equal_weights(sums), flaw)
        weights = _Weights(1.0 - alpha, alpha / (1.0 + (n - 1.0) * alpha), None, None)
        return _weighed(sums, {"alpha": alpha}, weights)


@dataclass(frozen=True, slots=True)
class NestedExchangeable:
    """Rows of one unit correlate by α_unit, rows of different units of one cluster by α_cluster.

    R = (1 − α_u)I + (α_u − α_c)⊕J + α_c J (Teerenstra et al. 2010 Biometrics 66, 1230). With
    d = 1 − α_u, δ = α_u − α_c and g_s = 1/(d + m_s δ) for a unit of m_s rows, the block-diagonal part has
    inverse [I − δ g_s J]/d and maps 1 to g_s 1, and the rest is one more rank-one update.

    Attributes:
        cluster: name of the outer group.
        unit: name of the inner one.
    """

    cluster: str
    unit: str

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Estimate both correlations and weigh."""
        m = sums.rows
        n, e1 = sums.by_cluster(m), sums.by_cluster(sums.e1)
        names = (f"alpha_{self.unit}", f"alpha_{self.cluster}")
        pairs_inner = float((m * (m - 1.0)).sum()) / 2.0
        pairs_outer = float((n**2).sum() - (m**2).sum()) / 2.0
        flaw = _too_few(pairs_inner, taken, f" of one {self.unit}") or _too_few(
            pairs_outer, taken, f" of different {self.unit}s of one {self.cluster}"
        )
        if flaw:
            return _weighed(sums, dict.fromkeys(names, 0.0), _equal_weights(sums), flaw)
        within, between = float(sums.e1 @ sums.e1), float(e1 @ e1)
        inner = (within - sums.ee) / 2.0 / (scale * (pairs_inner - taken))
        outer = (between - within) / 2.0 / (scale * (pairs_outer - taken))
        parameters = dict(zip(names, (inner, outer), strict=True))
        if not self._possible(inner, outer, sums):
            flaw = (
                f"the correlations are estimated at {inner:.3g} within {self.unit} and {outer:.3g} between "
                "them, which these clusters cannot have"
            )
            return _weighed(sums, parameters, _equal_weights(sums), flaw)
        d, delta = 1.0 - inner, inner - outer
        g = 1.0 / (d + m * delta)
        shrink = outer / (1.0 + outer * sums.by_cluster(g * m))
        return _weighed(sums, parameters, _Weights(d, delta * g, g, shrink))

    @staticmethod
    def _possible(inner: float, outer: float, sums: ClusterSums) -> bool:
        """Whether R is positive definite for every cluster."""
        spread = 1.0 - inner + sums.rows * (inner - outer)
        if not inner < 1.0 - _SINGULAR or spread.min() <= _SINGULAR:
            return False
        return bool((1.0 + outer * sums.by_cluster(sums.rows / spread)).min() > _SINGULAR)


@dataclass(frozen=True, slots=True)
class _Weights:
    """R⁻¹ of every cluster: [I − ⊕ inner_s J]/d − outer·(along)(along)', along constant within units.

    Attributes:
        d: variance left to a row of its own.
        inner: (S,) per unit.
        along: (S,) value of the vector on each unit's rows; None where there is no outer part.
        outer: (K,) per cluster; None likewise.
    """

    d: float
    inner: Floats
    along: Floats | None
    outer: Floats | None


def _equal_weights(sums: ClusterSums) -> _Weights:
    return _Weights(1.0, np.zeros(len(sums.rows)), None, None)


def _weighed(
    sums: ClusterSums, parameters: Mapping[str, float], weights: _Weights, flaw: str = ""
) -> Weighed:
    """Total information and score, and by cluster when asked."""
    d, inner = weights.d, weights.inner
    information = (sums.zz - (sums.z1 * inner[:, None]).T @ sums.z1) / d
    score = (sums.ze - sums.z1.T @ (inner * sums.e1)) / d
    if weights.along is not None and weights.outer is not None:
        along_z = sums.by_cluster(weights.along[:, None] * sums.z1)
        along_e = sums.by_cluster(weights.along * sums.e1)
        information -= (along_z * weights.outer[:, None]).T @ along_z
        score -= along_z.T @ (weights.outer * along_e)
    return Weighed(parameters, information, score, lambda: _clusters(sums, weights), flaw)


def _clusters(sums: ClusterSums, weights: _Weights) -> tuple[Floats, Floats]:
    """(K, p, p) B_i and (K, p) U_i."""
    zz, ze = sums.products()
    d, inner = weights.d, weights.inner
    information, score = np.empty_like(zz), np.empty_like(ze)
    for j in range(zz.shape[1]):  # a row of every matrix at a time keeps the temporaries small
        down = sums.by_cluster(sums.z1 * (inner * sums.z1[:, j])[:, None])
        information[:, j] = (zz[:, j] - down) / d
        score[:, j] = (ze[:, j] - sums.by_cluster(inner * sums.e1 * sums.z1[:, j])) / d
    if weights.along is not None and weights.outer is not None:
        along_z = sums.by_cluster(weights.along[:, None] * sums.z1)
        along_e = sums.by_cluster(weights.along * sums.e1)
        for j in range(zz.shape[1]):
            information[:, j] -= along_z * (weights.outer * along_z[:, j])[:, None]
        score -= along_z * (weights.outer * along_e)[:, None]
    return information, score


def _too_few(pairs: float, taken: float, where: str) -> str:
    """A flaw where there are no more pairs of rows than the convention takes off them; empty otherwise."""
    if pairs > taken:
        return ""
    return (
        f"{'no' if pairs == 0.0 else f'only {pairs:.0f}'} pairs of rows{where} to estimate a correlation from"
    )
