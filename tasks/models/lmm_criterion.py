"""The profiled (RE)ML criterion of a linear mixed model, with exact gradient and Hessian.

With V = I + ZDZ' (relative to σ²), S = (X y)'V⁻¹(X y) and q = y'Py = S_yy − S_yx S_xx⁻¹ S_xy,

    ML    log|V|              + n (1 + log 2π q/n)
    REML  log|V| + log|S_xx|  + ν (1 + log 2π q/ν),   ν = n − p

(Bates et al. 2015, eqs 34 and 41; Harville 1977 JASA 72:320). With C_j = Z_j'V⁻¹Z_j, T_j = Z_j'V⁻¹X,
e_j = Z_j'V⁻¹(y − Xβ̂), their derivatives in D are sums over levels j of d × d matrices:

    ∂ log|V| = Σ tr C_j dD,  ∂ log|S_xx| = −Σ tr T_j S_xx⁻¹ T_j' dD,  ∂ q = −Σ e_j' dD e_j.

With one grouping factor the second derivatives are sums over levels too; with several they couple levels,
and come exactly from the gradient by complex step (Squire & Trapp 1998 SIAM Review 40:110).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.models.elimination import Effects, Factorised
from tasks.models.lmm_columns import WorkingMoments
from tasks.models.relative_covariance import RelativeCovariance

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

_STEP = 1e-100


@dataclass(frozen=True)
class Criterion:
    """−2 log-likelihood as a function of the relative covariance, σ² and the coefficients profiled out.

    Attributes:
        data: working moments.
        reml: restricted likelihood or full.
        shape: which entries of D are free.
    """

    data: WorkingMoments
    reml: bool
    shape: RelativeCovariance

    @property
    def nu(self) -> float:
        """Divisor of q in σ²: n − p under REML, n under ML."""
        return self.data.n - (len(self.data.fixed) if self.reml else 0)

    def at(self, covariance: Sequence[Numbers]) -> Point:
        """The criterion at D (one matrix per grouping factor)."""
        return Point(self, covariance)

    def at_theta(self, theta: Floats) -> Point:
        """The criterion at D(θ)."""
        return Point(self, self.shape.covariance(theta))

    def _hessian_by_complex_step(self, covariance: Sequence[Floats]) -> Floats:
        columns = []
        for factor, unit in self.shape.basis:
            moved: list[Numbers] = [np.asarray(each, dtype=complex) for each in covariance]
            moved[factor] = moved[factor] + 1j * _STEP * unit
            slopes = self.at(moved).slopes
            columns.append([_along(slopes[f], e).imag / _STEP for f, e in self.shape.basis])
        curvature = np.array(columns)
        return 0.5 * (curvature + curvature.T)


class Point:
    """The criterion at one D: its value at once, its derivatives when asked."""

    def __init__(self, criterion: Criterion, covariance: Sequence[Numbers]) -> None:
        data = criterion.data
        self.criterion = criterion
        self.covariance = tuple(covariance)
        self.factorised: Factorised = data.elimination.factorise(data.random, covariance)
        self.effects: Effects = self.factorised.effects(data.sides)
        p = len(data.fixed)
        products = data.totals - self.effects.explained
        self.s_xx = products[:p, :p]
        self.s_xx_inverse: Numbers = np.linalg.inv(self.s_xx) if p else self.s_xx
        self.beta: Numbers = self.s_xx_inverse @ products[:p, p]
        self.residual: Numbers = np.append(-self.beta, 1.0)
        self.q: Any = products[p, p] - products[p, :p] @ self.beta
        self._posterior: Any = None
        self._slopes: list[Numbers] | None = None
        self._by_level: list[tuple[Floats, Floats]] | None = None

    @property
    def sigma2(self) -> Any:
        """q/ν, the residual variance in working units."""
        return self.q / self.criterion.nu

    @property
    def value(self) -> float:
        """The criterion in original units; infinite where rounding has made V or S_xx indefinite."""
        criterion = self.criterion
        nu = criterion.nu
        if not self.q > 0.0:
            return float("inf")
        value = self.factorised.log_determinant + nu * (1.0 + np.log(2.0 * np.pi * self.q / nu))
        value += 2.0 * nu * np.log(criterion.data.y_scale)
        if criterion.reml and len(self.s_xx):
            sign, logarithm = np.linalg.slogdet(self.s_xx)
            if sign <= 0.0:
                return float("inf")
            value += logarithm + criterion.data.log_scale
        return float(value)

    @property
    def information(self) -> tuple[Numbers, ...]:
        """Per factor, (n, d, d) C_j = Z_j'V⁻¹Z_j."""
        if self._posterior is None:
            self._posterior = self.factorised.posterior()
        return tuple(self._posterior.information)

    @property
    def conditional_covariance(self) -> tuple[Numbers, ...]:
        """Per factor, (n, d, d) covariance of the effects given D and β, over σ²."""
        if self._posterior is None:
            self._posterior = self.factorised.posterior()
        return tuple(self._posterior.covariance)

    @property
    def slopes(self) -> list[Numbers]:
        """Γ = ∂(criterion)/∂D per factor, symmetric: df = tr Γ dD."""
        if self._slopes is None:
            self._slopes = []
            p = len(self.criterion.data.fixed)
            for c, scores in zip(self.information, self.effects.scores, strict=True):
                e = scores @ self.residual
                slope = c.sum(axis=0) - np.einsum("ni,nj->ij", e, e) / self.sigma2
                if self.criterion.reml and p:
                    t = scores[:, :, :p]
                    slope = slope - np.einsum("nip,njp->ij", t @ self.s_xx_inverse, t)
                self._slopes.append(0.5 * (slope + slope.T))
        return self._slopes

    @property
    def q_slopes(self) -> Floats:
        """(m,) ∂q/∂(free entries of D)."""
        result = []
        for factor, unit in self.criterion.shape.basis:
            e = self.effects.scores[factor] @ self.residual
            result.append(-float(np.einsum("ni,ij,nj->", e, unit, e)))
        return np.array(result)

    @property
    def curvature(self) -> Floats:
        """(m, m) Hessian of the criterion in the free entries of D."""
        criterion = self.criterion
        if criterion.data.elimination.is_single:
            return self._single_factor_curvature()
        return criterion._hessian_by_complex_step(self.covariance)

    @property
    def average_information(self) -> Floats:
        """(m, m) stand-in for `curvature`: the average of observed and expected, y'PG_aPG_bPy/σ² profiled.

        It needs one elimination of m right-hand sides and no trace (Gilmour, Thompson & Cullis 1995
        Biometrics 51:1440), and is positive semi-definite.
        """
        data, basis = self.criterion.data, self.criterion.shape.basis
        e = [scores @ self.residual for scores in self.effects.scores]
        # per combination, the coefficients of G_a P y = Z_f E_a e on the random columns
        weights = np.zeros((len(data.codes), data.random.shape[1], len(basis)))
        for a, (factor, unit) in enumerate(basis):
            weights[:, data.positions[factor], a] = (e[factor] @ unit)[data.codes[:, factor]]
        products = data.random @ weights
        explained = self.factorised.effects(np.concatenate([data.sides, products], axis=2)).explained
        p, m = len(data.fixed), len(basis)
        plain = np.einsum("cua,cub->ab", weights, products)
        with_x = np.einsum("cua,cup->pa", weights, data.sides[:, :, :p])
        own = plain - explained[p + 1 :, p + 1 :]
        across = with_x - explained[:p, p + 1 :]
        quadratic = own - across.T @ self.s_xx_inverse @ across
        slopes = self.q_slopes
        result = quadratic / self.sigma2 - np.outer(slopes, slopes) / (self.q * self.sigma2)
        return np.asarray(0.5 * (result + result.T)).reshape(m, m)

    def _single_factor_curvature(self) -> Floats:
        criterion = self.criterion
        (c,), (scores,) = self.information, self.effects.scores
        n, d, p = len(c), c.shape[1], len(criterion.data.fixed)
        root = np.linalg.cholesky(self.s_xx_inverse) if p else self.s_xx_inverse
        whitened = scores[:, :, :p] @ root
        e = scores @ self.residual
        both = np.concatenate([whitened, e[:, :, None]], axis=2).reshape(n, -1)
        gram = (both.T @ both).reshape(d, p + 1, d, p + 1)
        h = whitened @ np.swapaxes(whitened, 1, 2)
        flat = c.reshape(n, d * d)
        against = np.concatenate(
            [flat, h.reshape(n, d * d), (e[:, :, None] * e[:, None, :]).reshape(n, d * d)], axis=1
        )
        cc, ch, ce = (flat.T @ against).reshape(d * d, 3, d, d).swapaxes(0, 1).reshape(3, d, d, d, d)
        units = np.array([unit for _, unit in criterion.shape.basis])
        b = np.einsum("aij,ixjy->axy", units, gram, optimize=True)

        def traces(sums: Floats) -> Floats:
            """Σ tr(E_a C E_b Y) from Σ C_qr Y_sp."""
            return np.asarray(np.einsum("apq,qrsp,brs->ab", units, sums, units, optimize=True))

        nu, q = criterion.nu, self.q
        v = b[:, :p, p]
        q_first = -b[:, p, p]
        q_second = 2.0 * traces(ce) - 2.0 * v @ v.T
        result = -traces(cc) + nu * (q_second / q - np.outer(q_first, q_first) / q**2)
        if criterion.reml:
            fixed = b[:, :p, :p].reshape(len(b), -1)
            result = result + 2.0 * traces(ch) - fixed @ fixed.T
        return np.asarray(0.5 * (result + result.T))


def _along(slope: Numbers, unit: Floats) -> Any:
    """tr Γ E."""
    return (slope * unit).sum()
