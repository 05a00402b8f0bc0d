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

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.models.gee_sums import ClusterSums, segment_products

Floats = NDArray[np.float64]
Convention = Literal["liang-zeger", "geepack"]

CONVENTIONS: Mapping[Convention, str] = {
    "liang-zeger": "moments over N − p (Liang & Zeger 1986)",
    "geepack": "moments over N (geepack)",
}


@dataclass(frozen=True, slots=True)
class Weighed:
    """Clusters weighed by a working correlation.

    Attributes:
        parameters: name → value of the correlation parameters.
        information: (K, p, p) B_i for unit scale.
        score: (K, p) U_i for unit scale.
        flaw: why the estimated correlation is not a correlation of these clusters; empty where it is.
            The clusters are then weighed by a nearby one that is, so that iterations can go on.
    """

    parameters: Mapping[str, float]
    information: Floats
    score: Floats
    flaw: str = field(default="")


class SumsCorrelation(Protocol):
    """A structure whose weights follow from cluster sums."""

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Estimate and weigh; `taken` is what the convention takes off a number of pairs (p or 0)."""


class Independence:
    """R = I."""

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """B_i = Z'Z, U_i = Z'e."""
        return Weighed({}, sums.zz, sums.ze)


class Exchangeable:
    """R = (1 − α)I + αJ: any two rows of a cluster are equally correlated.

    α = Σ_i Σ_{j<k} e_ij e_ik / (φ (pairs − p)), and R⁻¹ = [I − α/(1 + (n−1)α) J]/(1 − α).
    """

    def weigh(self, sums: ClusterSums, scale: float, taken: float) -> Weighed:
        """Estimate α and weigh."""
        n = sums.by_cluster(sums.rows)
        z1, e1 = sums.by_cluster(sums.z1), sums.by_cluster(sums.e1)
        pairs = float((n * (n - 1.0)).sum()) / 2.0
        products = float((e1**2 - sums.ee).sum()) / 2.0
        if pairs == 0.0:
            flaw = "no cluster has two rows, so there is no correlation to estimate"
            return Weighed({"alpha": 0.0}, sums.zz, sums.ze, flaw)
        if pairs <= taken:
            flaw = (
                f"{pairs:.0f} pairs of rows are too few for the {taken:.0f} coefficients fitted beside them"
            )
            return Weighed({"alpha": 0.0}, sums.zz, sums.ze, flaw)
        alpha = products / (scale * (pairs - taken))
        possible = alpha < 1.0 and 1.0 + (float(n.max()) - 1.0) * alpha > 0.0
        flaw = (
            ""
            if possible
            else (
                f"the correlation is estimated at {alpha:.3g}, "
                f"which a cluster of {n.max():.0f} rows cannot have"
            )
        )
        used = 0.0 if flaw else alpha
        inner = 1.0 - used
        outer = used / (1.0 + (n - 1.0) * used)
        information = (sums.zz - outer[:, None, None] * z1[:, :, None] * z1[:, None, :]) / inner
        score = (sums.ze - (outer * e1)[:, None] * z1) / inner
        return Weighed({"alpha": alpha}, information, score, flaw)


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
        for level, pairs in ((f"within {self.unit}", pairs_inner), (f"within {self.cluster}", pairs_outer)):
            if pairs <= taken:
                flaw = f"{pairs:.0f} pairs of rows {level} are too few to estimate a correlation from"
                return Weighed(dict.fromkeys(names, 0.0), sums.zz, sums.ze, flaw)
        within, between = float((sums.e1**2).sum()), float((e1**2).sum())
        inner = (within - float(sums.ee.sum())) / 2.0 / (scale * (pairs_inner - taken))
        outer = (between - within) / 2.0 / (scale * (pairs_outer - taken))
        flaw = (
            ""
            if self._possible(inner, outer, sums)
            else (
                f"the correlations are estimated at {inner:.3g} within {self.unit} and {outer:.3g} between "
                "them, which these clusters cannot have"
            )
        )
        d, delta, common = (1.0, 0.0, 0.0) if flaw else (1.0 - inner, inner - outer, outer)
        g = 1.0 / (d + m * delta)
        root = np.sqrt(g)
        blocks, block_scores = segment_products(root[:, None] * sums.z1, root * sums.e1, sums.first)
        along_z, along_e = sums.by_cluster(g[:, None] * sums.z1), sums.by_cluster(g * sums.e1)
        shrink = common / (1.0 + common * sums.by_cluster(g * m))
        information = (sums.zz - delta * blocks) / d
        information -= shrink[:, None, None] * along_z[:, :, None] * along_z[:, None, :]
        score = (sums.ze - delta * block_scores) / d - (shrink * along_e)[:, None] * along_z
        return Weighed(dict(zip(names, (inner, outer), strict=True)), information, score, flaw)

    @staticmethod
    def _possible(inner: float, outer: float, sums: ClusterSums) -> bool:
        """Whether R is positive definite for every cluster."""
        spread = 1.0 - inner + sums.rows * (inner - outer)
        if not inner < 1.0 or spread.min() <= 0.0:
            return False
        return bool((1.0 + outer * sums.by_cluster(sums.rows / spread)).min() > 0.0)
