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
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.models.linear_mixed.lmm_checks import refuse, refuse_no_random_terms
from tasks.models.linear_mixed.lmm_columns import WorkingMoments, working_moments
from tasks.models.linear_mixed.relative_covariance import RelativeCovariance
from tasks.models.numerics.elimination import Effects, Factorised, Posterior
from tasks.models.numerics.small_matrices import gram
from tasks.records.design import Design
from tasks.records.folded_moments import FoldedMoments
from tasks.records.moments import Moments

Floats = NDArray[np.float64]
Numbers = NDArray[Any]

STEP = 1e-100


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

    @property
    def is_expensive(self) -> bool:
        """Whether an exact Hessian costs many times a gradient and more than a handful of milliseconds."""
        plan = self.data.elimination
        if plan.is_single:
            return False
        return plan.largest_dense > 60 or len(self.data.codes) * self.shape.size > 2000

    def at(self, covariance: Sequence[Numbers]) -> CriterionPoint:
        """The criterion at D (one matrix per grouping factor)."""
        return CriterionPoint(self, covariance)

    def at_theta(self, theta: Floats) -> CriterionPoint:
        """The criterion at D(θ)."""
        return CriterionPoint(self, self.shape.covariance(theta))

    def along(self, covariance: Sequence[Numbers], entry: int) -> CriterionPoint:
        """The criterion an imaginary `STEP` away along one free entry of D: derivatives by complex step."""
        factor, unit = self.shape.basis[entry]
        moved: list[Numbers] = [np.asarray(each, dtype=complex) for each in covariance]
        moved[factor] = moved[factor] + 1j * STEP * unit
        return self.at(moved)


def criterion_of(design: Design, moments: Moments | FoldedMoments, *, reml: bool) -> Criterion:
    """The (RE)ML criterion of a model.

    Raises:
        EstimationError: see `tasks.models.linear_mixed.lmm_checks`; a constant outcome.
    """
    refuse_no_random_terms(design)
    data = working_moments(design, moments)
    refuse(design, data, reml=reml)
    shape = RelativeCovariance(
        tuple(len(group.columns) for group in data.groups), tuple(group.terms for group in data.groups)
    )
    return Criterion(data, reml, shape)


class CriterionPoint:
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

    @property
    def sigma2(self) -> Any:
        """q/ν, the residual variance in working units."""
        return self.q / self.criterion.nu

    @cached_property
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

    @cached_property
    def _posterior(self) -> Posterior:
        return self.factorised.posterior()

    @property
    def information(self) -> tuple[Numbers, ...]:
        """Per factor, (n, d, d) C_j = Z_j'V⁻¹Z_j."""
        return self._posterior.information

    @property
    def conditional_covariance(self) -> tuple[Numbers, ...]:
        """Per factor, (n, d, d) covariance of the effects given D and β, over σ²."""
        return self._posterior.covariance

    @cached_property
    def score_products(self) -> tuple[Numbers, ...]:
        """Per factor, (d, d, p + 1, p + 1): Σ_j Z_j'V⁻¹(X y) times itself, by pair of effects."""
        result = []
        for scores in self.effects.scores:
            n, d, w = scores.shape
            flat = scores.reshape(n, d * w)
            result.append(gram(flat, flat).reshape(d, w, d, w).swapaxes(1, 2))
        return tuple(result)

    @cached_property
    def slopes(self) -> list[Numbers]:
        """Γ = ∂(criterion)/∂D per factor, symmetric: df = tr Γ dD."""
        return [
            determinants + quadratic / self.sigma2
            for determinants, quadratic in zip(self.determinant_slopes, self.quadratic_slopes, strict=True)
        ]

    @cached_property
    def determinant_slopes(self) -> list[Numbers]:
        """∂(log|V| + log|S_xx|)/∂D per factor (the second term under REML only)."""
        p = len(self.criterion.data.fixed)
        result = []
        for factor, (c, products) in enumerate(zip(self.information, self.score_products, strict=True)):
            slope = self.criterion.data.total(factor, c)
            if self.criterion.reml:
                slope = slope - np.tensordot(products[:, :, :p, :p], self.s_xx_inverse, axes=2)
            result.append(0.5 * (slope + slope.T))
        return result

    @cached_property
    def quadratic_slopes(self) -> list[Numbers]:
        """∂q/∂D per factor."""
        return [-(products @ self.residual @ self.residual) for products in self.score_products]

    @cached_property
    def q_slopes(self) -> Numbers:
        """(m,) ∂q/∂(free entries of D)."""
        return self._by_entry(self.quadratic_slopes)

    def _by_entry(self, slopes: Sequence[Numbers]) -> Numbers:
        """tr Γ E for each free entry of D."""
        return np.array([(slopes[factor] * unit).sum() for factor, unit in self.criterion.shape.basis])

    @cached_property
    def curvature(self) -> Floats:
        """(m, m) Hessian of the criterion in the free entries of D."""
        determinants, quadratic = self.second_order
        slopes = self.q_slopes / self.q
        result = determinants + self.criterion.nu * (quadratic / self.q - np.multiply.outer(slopes, slopes))
        return np.asarray(result)

    @cached_property
    def second_order(self) -> tuple[Floats, Floats]:
        """(m, m) second derivatives of log|V| + log|S_xx| (ML: log|V|) and of q in the free entries of D."""
        if self.criterion.data.elimination.is_single:
            return self._single_factor_second_order()
        columns = []
        for b in range(self.criterion.shape.size):
            there = self.criterion.along(self.covariance, b)
            columns.append(
                [there._by_entry(there.determinant_slopes), there._by_entry(there.quadratic_slopes)]
            )
        both = np.array(columns).imag / STEP
        determinants, quadratic = both[:, 0], both[:, 1]
        return 0.5 * (determinants + determinants.T), 0.5 * (quadratic + quadratic.T)

    @property
    def average_information(self) -> Floats:
        """(m, m) stand-in for `curvature`: the average of observed and expected, positive semi-definite."""
        slopes = np.asarray(self.q_slopes)
        correction = np.multiply.outer(slopes, slopes) / (self.q * self.sigma2)
        return np.asarray(self.average_quadratic / self.sigma2 - correction)

    @cached_property
    def average_quadratic(self) -> Floats:
        """(m, m) y'PG_aPG_bPy: over σ², the average of observed and expected curvature with σ² held.

        It needs one elimination of m right-hand sides and no trace (Gilmour, Thompson & Cullis 1995
        Biometrics 51:1440).
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
        flat = weights.reshape(-1, m)
        plain = gram(flat, products.reshape(-1, m))
        with_x = gram(flat, data.sides.reshape(len(flat), -1))[:, :p]
        own = plain - explained[p + 1 :, p + 1 :]
        across = with_x.T - explained[:p, p + 1 :]
        quadratic = own - across.T @ self.s_xx_inverse @ across
        return np.asarray(0.5 * (quadratic + quadratic.T)).reshape(m, m)

    def _single_factor_second_order(self) -> tuple[Floats, Floats]:
        criterion = self.criterion
        (c,), (scores,), (products,) = self.information, self.effects.scores, self.score_products
        n, d, p = len(c), c.shape[1], len(criterion.data.fixed)
        e = scores @ self.residual
        flat = c.reshape(n, d * d)
        parts = [flat, (e[:, :, None] * e[:, None, :]).reshape(n, d * d)]
        if criterion.reml:
            t = scores[:, :, :p]
            parts.append((t @ self.s_xx_inverse @ np.swapaxes(t, 1, 2)).reshape(n, d * d))
        units = np.array([unit.ravel() for _, unit in criterion.shape.basis])
        repeats = criterion.data.repeats[0]
        levels = flat if repeats is None else repeats[:, None] * flat
        sums = gram(levels, np.concatenate(parts, axis=1)).reshape(d, d, len(parts), d, d)

        def traces(k: int) -> Floats:
            """Σ tr(E_a C E_b Y), from Σ C_qr Y_sp."""
            return np.asarray(units @ sums[:, :, k].transpose(3, 0, 1, 2).reshape(d * d, d * d) @ units.T)

        # X and the residual, orthonormal in S: then S_xx⁻¹ is the identity
        frame = np.zeros((p + 1, p + 1))
        frame[:p, :p] = np.linalg.cholesky(self.s_xx_inverse) if p else 0.0
        frame[:, p] = self.residual
        b = (units @ products.reshape(d * d, -1)).reshape(-1, p + 1, p + 1)
        b = frame.T @ b @ frame
        v = b[:, :p, p]
        quadratic = 2.0 * traces(1) - 2.0 * v @ v.T
        determinants = -traces(0)
        if criterion.reml:
            fixed = b[:, :p, :p].reshape(len(b), -1)
            determinants = determinants + 2.0 * traces(2) - fixed @ fixed.T
        return 0.5 * (determinants + determinants.T), 0.5 * (quadratic + quadratic.T)
