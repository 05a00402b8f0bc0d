"""Cluster-robust covariances from each cluster's information and score: five kinds, and their df.

Let cluster i have information B_i = D_i'V_i⁻¹D_i, score U_i = D_i'V_i⁻¹(y_i − μ_i), and let
M = (Σ B_i)⁻¹. Every small-sample correction here is a function of the cluster's leverage
H_i = D_i M D_i'V_i⁻¹, an n_i × n_i matrix that is never formed: for a function f given by its power
series, D_i'V_i⁻¹ f(H_i) = f(B_i M) D_i'V_i⁻¹ (push-through), and with ΣB_i = CC' the p × p matrix
B_i M = C S_i C⁻¹ is similar to the symmetric S_i = C⁻¹B_iC⁻ᵀ, whose eigenvalues lie in [0, 1]. So
(I − H_i)⁻¹ and the principal (I − H_i)^(−1/2) of the non-symmetric H_i cost one p × p eigenproblem.

Sources: Liang & Zeger (1986) Biometrika 73, 13 (robust); Mancl & DeRouen (2001) Biometrics 57, 126;
Kauermann & Carroll (2001) JASA 96, 1387; Fay & Graubard (2001) Biometrics 57, 1198 (bound 0.75);
Bell & McCaffrey (2002) Survey Methodology 28, 169 and Pustejovsky & Tipton (2018) JBES 36, 672
(Satterthwaite df; CR2 is Kauermann–Carroll with an identity working covariance).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Floats = NDArray[np.float64]
Covariance = Literal["model", "robust", "kauermann-carroll", "mancl-derouen", "fay-graubard"]

COVARIANCES: Mapping[Covariance, str] = {
    "model": "model-based",
    "robust": "robust (sandwich)",
    "kauermann-carroll": "robust, Kauermann–Carroll corrected",
    "mancl-derouen": "robust, Mancl–DeRouen corrected",
    "fay-graubard": "robust, Fay–Graubard corrected",
}

# A leverage this close to 1 is 1 up to rounding: that cluster alone determines a combination of
# coefficients, its residuals say nothing about it, and the generalised inverse leaves it out.
_FULL_LEVERAGE = 1e-10
_FAY_GRAUBARD_BOUND = 0.75


@dataclass(frozen=True)
class ClusterScores:
    """What every sandwich needs from the clusters.

    Attributes:
        information: (K, p, p) B_i, per cluster, for unit scale.
        score: (K, p) U_i at the solution (their sum is zero there), for unit scale.
        scale: the φ of the working covariance; it only enters the model-based covariance.
        back: (p, p) matrix S with coefficients = S · (coefficients of the columns that `information`
            and `score` belong to); identity where these are the formula's own columns.
    """

    information: Floats
    score: Floats
    scale: float
    back: Floats

    @cached_property
    def _root(self) -> Floats:
        """Lower Cholesky factor C of the total information."""
        return np.asarray(np.linalg.cholesky(self.information.sum(axis=0)))

    @cached_property
    def _whitened(self) -> tuple[Floats, Floats]:
        """(K, p, p) S_i = C⁻¹B_iC⁻ᵀ and (K, p) C⁻¹U_i."""
        inverse = linalg.solve_triangular(self._root, np.eye(len(self._root)), lower=True)
        leverage = inverse @ self.information @ inverse.T
        return 0.5 * (leverage + leverage.transpose(0, 2, 1)), self.score @ inverse.T

    @cached_property
    def _spectrum(self) -> tuple[Floats, Floats]:
        """Eigenvalues (K, p) and eigenvectors (K, p, p) of the S_i."""
        values, vectors = np.linalg.eigh(self._whitened[0])
        return np.clip(values, 0.0, 1.0), vectors

    def together(self, units: NDArray[np.int64]) -> ClusterScores:
        """The same with the clusters of a unit counted as one.

        Args:
            units: (K,) which unit each cluster belongs to: 0, 1, …
        """
        k = int(units.max()) + 1
        information, score = np.zeros((k, *self.information.shape[1:])), np.zeros((k, self.score.shape[1]))
        np.add.at(information, units, self.information)
        np.add.at(score, units, self.score)
        return replace(self, information=information, score=score)

    @property
    def n_clusters(self) -> int:
        """Clusters."""
        return len(self.score)

    @property
    def full_leverage(self) -> NDArray[np.int64]:
        """Which clusters alone determine some combination of coefficients (a leverage of 1)."""
        return np.flatnonzero(self._spectrum[0].max(axis=1) > 1.0 - _FULL_LEVERAGE)

    def covariance(self, kind: Covariance) -> Floats:
        """(p, p) covariance of the formula's coefficients."""
        if kind == "model":
            half = self._to_coefficients(np.eye(len(self._root)))
            return np.asarray(self.scale * half @ half.T)
        half = self._to_coefficients(self._adjusted(kind).T)
        return np.asarray(half @ half.T)

    def degrees_of_freedom(self, kind: Covariance, contrast: Floats) -> float:
        """Satterthwaite df of the variance estimate of one combination of coefficients.

        With the working covariance taken for true, the estimate Σ(c'M A_i U_i)² is a quadratic form in
        normal variables whose matrix P has entries P_ij = δ_ij h_i't_i − t_i't_j, where
        h_i = f(S_i)C⁻¹c and t_i = S_i h_i; df = tr(P)²/tr(P²) (Bell & McCaffrey 2002, §4; Pan & Wall
        2002 Stat Med 21, 1429 for GEE). P is never formed.

        Args:
            kind: any covariance but "model".
            contrast: (p,) weights of the coefficients.
        """
        h = self._adjust_contrast(kind, contrast)
        t = np.einsum("kij,kj->ki", self._whitened[0], h)
        own = np.einsum("ki,ki->k", h, t)
        shared = np.einsum("ki,ki->k", t, t)
        gram = t.T @ t
        trace = float((own - shared).sum())
        square = float((own**2 - 2.0 * own * shared).sum() + (gram**2).sum())
        return trace**2 / square if square > 0.0 and trace > 0.0 else float("nan")

    def joint_degrees_of_freedom(self, kind: Covariance, contrasts: Floats) -> float:
        """η, the df of the Wishart that the covariance estimate of several combinations is most like.

        The Hotelling approximation HTZ of Pustejovsky & Tipton (2018, eq. 17): with the combinations made
        orthonormal under the working covariance, η = q(q+1)/Σ_st Var(V̂_st), and the Wald statistic Q gives
        F = (η − q + 1)/(ηq) Q on q and η − q + 1 df. For one combination η is the Satterthwaite df.

        Args:
            kind: any covariance but "model".
            contrasts: (q, p) linearly independent weights of the coefficients.
        """
        whole = linalg.solve_triangular(self._root, self.back.T @ contrasts.T, lower=True)
        root = np.linalg.cholesky(whole.T @ whole)
        standard = np.linalg.solve(root, contrasts)
        h = [self._adjust_contrast(kind, row) for row in standard]
        t = [np.einsum("kij,kj->ki", self._whitened[0], each) for each in h]
        q = len(standard)
        # P^(st)_ij = δ_ij h_i^s't_i^t − t_i^s't_j^t; expectations and variances need only its sums
        own = np.array([[np.einsum("ki,ki->k", h[s], t[r]) for r in range(q)] for s in range(q)])
        shared = np.array([[np.einsum("ki,ki->k", t[s], t[r]) for r in range(q)] for s in range(q)])
        expected = (own - shared).sum(axis=2)
        # V̂ under the working covariance has this mean, not quite I for uncorrected kinds
        turn = np.linalg.inv(np.linalg.cholesky(expected))
        h = list(np.einsum("sr,rki->ski", turn, np.array(h)))
        t = list(np.einsum("sr,rki->ski", turn, np.array(t)))
        variance = 0.0
        for s in range(q):
            for r in range(q):
                variance += _products(h, t, (s, s), (r, r)) + _products(h, t, (s, r), (r, s))
        return q * (q + 1) / variance

    def _to_coefficients(self, columns: Floats) -> Floats:
        """S C⁻ᵀ applied to (p, r) columns."""
        return np.asarray(self.back @ linalg.solve_triangular(self._root, columns, lower=True, trans="T"))

    def _factor(self, kind: Covariance) -> Floats | None:
        """(K, p) f of each eigenvalue, for the corrections that are functions of the leverage alone."""
        if kind not in ("kauermann-carroll", "mancl-derouen"):
            return None
        left = 1.0 - self._spectrum[0]
        power = -0.5 if kind == "kauermann-carroll" else -1.0
        kept = left > _FULL_LEVERAGE
        return np.where(kept, np.where(kept, left, 1.0) ** power, 0.0)

    def _apply(self, factor: Floats, vectors: Floats) -> Floats:
        """Q_i diag(factor_i) Q_i' applied to each cluster's (K, p) vector."""
        axes = self._spectrum[1]
        inside = np.einsum("kji,kj->ki", axes, vectors) * factor
        return np.asarray(np.einsum("kij,kj->ki", axes, inside))

    def _shrink_bound(self) -> Floats:
        """(K, p) Fay–Graubard's diagonal F_i, on the formula's own coefficients."""
        # B_i M in the formula's columns is S⁻ᵀ(B_i M)Sᵀ: the correction is not invariant to a shift
        onto = linalg.solve_triangular(self._root, self.back.T, lower=True, trans="N")
        product = self.information @ linalg.solve_triangular(self._root, onto, lower=True, trans="T")
        diagonal = np.einsum("ij,kij->kj", np.linalg.inv(self.back), product)
        return np.asarray((1.0 - np.minimum(_FAY_GRAUBARD_BOUND, diagonal)) ** -0.5)

    def _adjusted(self, kind: Covariance) -> Floats:
        """(K, p) C⁻¹ A_i U_i."""
        whitened = self._whitened[1]
        if kind == "robust":
            return whitened
        factor = self._factor(kind)
        if factor is not None:
            return self._apply(factor, whitened)
        own = np.linalg.solve(self.back.T, self.score.T).T * self._shrink_bound()
        return np.asarray(linalg.solve_triangular(self._root, self.back.T @ own.T, lower=True).T)

    def _adjust_contrast(self, kind: Covariance, contrast: Floats) -> Floats:
        """(K, p) h_i = C'A_i'Mc."""
        plain = linalg.solve_triangular(self._root, self.back.T @ contrast, lower=True)
        repeated = np.broadcast_to(plain, self.score.shape)
        if kind == "robust":
            return np.asarray(repeated)
        factor = self._factor(kind)
        if factor is not None:
            return self._apply(factor, repeated)
        # A_i = Sᵀ F_i S⁻ᵀ on these columns, so A_i'Mc = S⁻¹ F_i S M c and S M c is c's row of M
        own = self._to_coefficients(plain)
        moved = np.linalg.solve(self.back, (self._shrink_bound() * own).T)
        return np.asarray((self._root.T @ moved).T)


def _products(h: list[Floats], t: list[Floats], one: tuple[int, int], other: tuple[int, int]) -> float:
    """Σ_ij P^(one)_ij P^(other)_ij, where P^(st)_ij = δ_ij h_i^s't_i^t − t_i^s't_j^t."""
    (a, b), (c, d) = one, other
    own_one, own_other = np.einsum("ki,ki->k", h[a], t[b]), np.einsum("ki,ki->k", h[c], t[d])
    shared_one, shared_other = np.einsum("ki,ki->k", t[a], t[b]), np.einsum("ki,ki->k", t[c], t[d])
    crossed = float(np.sum((t[a].T @ t[c]) * (t[b].T @ t[d])))
    return float((own_one * own_other - own_one * shared_other - shared_one * own_other).sum()) + crossed
