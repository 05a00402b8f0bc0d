"""Kenward and Roger's small-sample covariance and degrees of freedom for REML fits.

Kenward & Roger (1997) Biometrics 53:983, with the covariance Σ = Σ_r γ_r G_r linear in its parameters (all
variances and covariances, also those that are zero, and σ²) and the expected information, as in pbkrtest
(Halekoh & Højsgaard 2014 JSS 59(9)):

    P_r = −X'Σ⁻¹G_rΣ⁻¹X,  Q_rs = X'Σ⁻¹G_rΣ⁻¹G_sΣ⁻¹X,  W⁻¹_rs = ½ tr(Σ⁻¹G_rΣ⁻¹G_s) − tr(ΦQ_rs) + ½ tr(ΦP_rΦP_s)
    Φ_A = Φ + 2Φ {Σ W_rs (Q_rs − P_rΦP_s)} Φ.

Everything about G_r = ZE_rZ' comes from the elimination; the terms of the residual variance follow from
I = V − Σ D_r ZE_rZ'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.models.linear_mixed.lmm_criterion import STEP, CriterionPoint
from tasks.models.linear_mixed.satterthwaite import determined_inverse
from tasks.models.numerics.small_matrices import gram

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KenwardRoger:
    """What adjusted tests of any contrast need.

    Attributes:
        vcov: (p, p) the adjusted covariance Φ_A.
        plain: (p, p) the unadjusted Φ.
        slopes: (m + 1, p, p) Φ P_r Φ.
        covariance: (m + 1, m + 1) W, the asymptotic covariance of the variance parameters.
    """

    vcov: Floats
    plain: Floats
    slopes: Floats
    covariance: Floats

    def reference(self, contrast: Floats) -> tuple[float, float]:
        """λ by which the F statistic of an (r, p) contrast is multiplied, and its denominator df."""
        q = len(contrast)
        middle = contrast.T @ np.linalg.solve(contrast @ self.plain @ contrast.T, contrast)
        products = middle @ self.slopes
        traces = np.trace(products, axis1=1, axis2=2)
        a1 = float(traces @ self.covariance @ traces)
        a2 = float(np.einsum("rs,rij,sji->", self.covariance, products, products))
        if not a2 > 0.0:
            return 1.0, float("inf")
        b = (a1 + 6.0 * a2) / (2.0 * q)
        g = ((q + 1) * a1 - (q + 4) * a2) / ((q + 2) * a2)
        below = 3.0 * q + 2.0 * (1.0 - g)
        c1, c2, c3 = g / below, (q - g) / below, (q + 2.0 - g) / below
        v0, v1, v2 = 1.0 + c1 * b, 1.0 - c2 * b, 1.0 - c3 * b
        # ρ = V*/(2E*²), with the limits of 0/0 in balanced designs
        shrunk = 1.0 - a2 / q
        ratio = 1.0 if abs(shrunk) < 1e-10 and abs(v1) < 1e-10 else shrunk / v1
        rho = ratio**2 * v0 / v2 / q
        df = 4.0 + (q + 2.0) / (q * rho - 1.0)
        if df <= 2.0 + 1e-9 or abs(df - 2.0) < 1e-2:
            return 1.0, float(df)
        return float(df * shrunk / (df - 2.0)), float(df)

    def of_coefficients(self) -> Floats:
        """(p,) degrees of freedom of each coefficient."""
        return np.array([self.reference(row[None, :])[1] for row in np.eye(len(self.plain))])


@dataclass(frozen=True)
class ExpectedInformation:
    """Expected information about the covariance parameters γ = (free entries of D, 1), in units of σ².

    Attributes:
        information: (m + 1, m + 1) of the restricted likelihood (of −2 log-likelihood: twice this).
        full: (m + 1, m + 1) of the full likelihood, ½ tr(V⁻¹G_rV⁻¹G_s).
        big_p: (m + 1, p, p) the P_r.
        big_q: (m + 1, m + 1, p, p) the Q_rs, symmetric parts.
    """

    information: Floats
    full: Floats
    big_p: Floats
    big_q: Floats


def expected_information(point: CriterionPoint) -> ExpectedInformation:
    """The expected information at any D, also one with zero variances."""
    criterion = point.criterion
    data, shape = criterion.data, criterion.shape
    p, m = len(data.fixed), shape.size
    phi = point.s_xx_inverse
    first_traces, first = _first(point)
    second_traces, second = _second(point)
    entries = np.array([point.covariance[f][i, j] for f, i, j in shape.entries], dtype=float)

    traces = np.empty((m + 1, m + 1))
    traces[:m, :m] = second_traces
    traces[:m, m] = traces[m, :m] = first_traces - entries @ second_traces
    traces[m, m] = data.n - entries @ first_traces - entries @ traces[:m, m]
    big_p = np.empty((m + 1, p, p))
    big_p[:m] = -first
    big_p[m] = -(point.s_xx - np.tensordot(entries, first, axes=1))
    big_q = np.empty((m + 1, m + 1, p, p))
    big_q[:m, :m] = second
    big_q[:m, m] = big_q[m, :m] = first - np.tensordot(entries, second, axes=1)
    big_q[m, m] = -big_p[m] - np.tensordot(entries, big_q[:m, m], axes=1)

    phi_p = phi @ big_p
    information = 0.5 * traces - np.einsum("ij,rsji->rs", phi, big_q)
    information += 0.5 * np.einsum("rij,sji->rs", phi_p, phi_p)
    return ExpectedInformation(information, 0.5 * traces, big_p, big_q)


def kenward_roger(point: CriterionPoint) -> KenwardRoger:
    """The adjustment at a REML optimum."""
    data, phi = point.criterion.data, point.s_xx_inverse
    expected = expected_information(point)
    phi_p = phi @ expected.big_p
    w = determined_inverse(expected.information)
    inner = np.einsum("rs,rsij->ij", w, expected.big_q)
    inner = inner - np.einsum("rs,rij,sjk->ik", w, expected.big_p, phi_p)
    adjusted = phi + 2.0 * phi @ (0.5 * (inner + inner.T)) @ phi

    unit = data.y_scale**2 * float(point.sigma2)
    back = data.back
    return KenwardRoger(
        vcov=unit * back @ adjusted @ back.T,
        plain=unit * back @ phi @ back.T,
        # γ in units of σ², so that W is too
        slopes=unit * np.einsum("ip,rpq,jq->rij", back, phi_p @ phi, back),
        covariance=w,
    )


def _first(point: CriterionPoint) -> tuple[Floats, Floats]:
    """tr(V⁻¹G_r), and X'V⁻¹G_rV⁻¹X."""
    traces, products = _first_order(point)
    return traces.real, products.real


def _first_order(point: CriterionPoint) -> tuple[Any, Any]:
    shape, p = point.criterion.shape, len(point.criterion.data.fixed)
    data = point.criterion.data
    sums = [data.total(factor, information) for factor, information in enumerate(point.information)]
    traces = np.array([(sums[f] * e).sum() for f, e in shape.basis])
    products = np.array(
        [np.tensordot(e, point.score_products[f][:, :, :p, :p], axes=2) for f, e in shape.basis]
    )
    return traces, products


def _second(point: CriterionPoint) -> tuple[Floats, Floats]:
    """tr(V⁻¹G_rV⁻¹G_s), and the symmetric part of X'V⁻¹G_rV⁻¹G_sV⁻¹X."""
    criterion = point.criterion
    basis, p = criterion.shape.basis, len(criterion.data.fixed)
    m = len(basis)
    traces, products = np.empty((m, m)), np.empty((m, m, p, p))
    if criterion.data.elimination.is_single:
        (c,), (scores,) = point.information, point.effects.scores
        t = scores[:, :, :p]
        against = [e @ c for _, e in basis]
        for a in range(m):
            for b in range(a, m):
                each = np.einsum("nij,nji->n", against[a], against[b])
                traces[a, b] = traces[b, a] = criterion.data.total(0, each)
                middle = against[a] @ basis[b][1]
                product = gram(t.reshape(-1, p), (middle @ t).reshape(-1, p))
                products[a, b] = products[b, a] = 0.5 * (product + product.T)
        return traces, products
    for b in range(m):
        first_traces, first_products = _first_order(criterion.along(point.covariance, b))
        traces[:, b] = -first_traces.imag / STEP
        products[:, b] = -0.5 * first_products.imag / STEP
    return 0.5 * (traces + traces.T), 0.5 * (products + products.swapaxes(0, 1))
