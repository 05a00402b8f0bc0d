"""A linear mixed model's information and score by unit of rollout: errors that trust only that units differ.

With V_i the model's covariance of unit i's records, B_i = X_i'V_i⁻¹X_i and U_i = X_i'V_i⁻¹(y_i − X_i β̂). From
moments,

    V⁻¹ = (I − Z (I + D Z'Z/σ²)⁻¹ D Z'/σ²)/σ²,

where Z are the effects that the unit's records have (Henderson 1975, Biometrics 31:423; no inverse of D, so
variances may be zero). What the model leaves out (patients who come again, shocks that last) then shows in
how the U_i vary (Liang & Zeger 1986, Biometrika 73:13; for stepped rollouts Ouyang et al. 2024, Stat Methods
Med Res 33:1497).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Fit, Floats
from tasks.models.linear_mixed.lmm import LmmFit
from tasks.models.program_effects.linearised import SmallSampleGlmm
from tasks.records.moments import shifted

Integers = NDArray[np.int64]


def linear_model(fit: Fit) -> LmmFit:
    """A mixed model of a rollout, or the linear one that it resembles.

    Raises:
        TypeError: the fit is no mixed model.
    """
    if isinstance(fit, SmallSampleGlmm):
        return fit.likeness
    if not isinstance(fit, LmmFit):
        raise TypeError("scores by unit are of mixed models; others have theirs")
    return fit


def scores_by_unit(fit: LmmFit, units: Integers) -> ClusterScores:
    """(n, p, p) B_i and (n, p) U_i of the units, in the columns' own units.

    Args:
        fit: a mixed model in which no two units share a random effect.
        units: (K,) unit of each level of the first grouping factor: 0, 1, …
    """
    moments, shift = fit.moments, fit.moments.reference  # about zero: the columns' own units
    columns = moments.position(*fit.design.fixed, moments.columns[-1])
    terms = [
        (
            moments.factors.index(term.group),
            moments.position(*term.columns),
            fit.varcomp[term.group].loc[list(term.columns), list(term.columns)].to_numpy(),
        )
        for term in fit.design.random
    ]
    of_rows = units[moments.codes[:, 0]]
    beta = np.append(-fit.coef.to_numpy(), 1.0)
    own = np.concatenate([position for _, position, _ in terms])
    information, score = [], []
    for unit in range(int(units.max()) + 1):
        rows = np.flatnonzero(of_rows == unit)
        products, codes = moments.products[rows], moments.codes[rows]
        total = shifted(products.sum(axis=0), shift)[columns[:, None], columns]
        effects = shifted(products, shift, own)
        places, covariance = _places(codes, terms)
        size = len(covariance)
        zz, zx = np.zeros((size, size)), np.zeros((size, len(columns)))
        np.add.at(zz, (places[:, :, None], places[:, None, :]), effects[:, :, own])
        np.add.at(zx, places, effects[:, :, columns])
        inside = np.linalg.solve(np.eye(size) + covariance @ zz / fit.sigma2, covariance @ zx)
        whole = (total - zx.T @ inside / fit.sigma2) / fit.sigma2
        information.append(0.5 * (whole[:-1, :-1] + whole[:-1, :-1].T))
        score.append(whole[:-1] @ beta)
    return ClusterScores(np.array(information), np.array(score), 1.0, np.eye(len(fit.coef)))


def _places(codes: Integers, terms: list[tuple[int, Integers, Floats]]) -> tuple[Integers, Floats]:
    """(G, u) where each row's effects stand among the unit's, and their covariance."""
    found, blocks, begin = [], [], 0
    for factor, position, covariance in terms:
        levels, which = np.unique(codes[:, factor], return_inverse=True)
        d = len(position)
        found.append(begin + which.ravel()[:, None] * d + np.arange(d))
        blocks.append(np.kron(np.eye(len(levels)), covariance))
        begin += d * len(levels)
    whole = np.zeros((begin, begin))
    at = 0
    for block in blocks:
        whole[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return np.concatenate(found, axis=1), whole
