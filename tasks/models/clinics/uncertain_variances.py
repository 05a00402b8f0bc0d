"""The posterior of clinic effects where each clinic's residual variance is its own, and uncertain.

Given how much clinics differ, a clinic's own mean says: effect ~ N(0, τ²), own mean ~ N(effect, σ_j²/n_j),
with d σ̃_j²/σ_j² ~ χ²(d), d the degrees of freedom of its moderated variance. Integrated over σ_j², its own
mean has a t distribution, and the effect's posterior is a mixture of normal ones; a clinic whose mean lies
far out makes large variances likelier, and is drawn to the network all the more.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from tasks.models.clinics.clinic_posterior import Node, Parts
from tasks.models.linear_mixed.level_variances import LevelVariances
from tasks.records.moments import Moments

Floats = NDArray[np.float64]

_PIECES = 32
_KNOWN = 300.0
"""Degrees of freedom from which a variance is taken as known: t's 97.5% point is then 1.968 for 1.960."""


def with_uncertain_variances(node: Node, variances: LevelVariances, moments: Moments) -> Node:
    """A node's posterior with the levels' variances integrated over.

    Args:
        node: the posterior with each level's moderated variance as if it were known.
        variances: the moderated variances and their degrees of freedom.
        moments: the weighted moments that the model was fitted to.
    """
    codes = moments.codes[:, moments.factors.index(variances.group)]
    information = np.bincount(codes, moments.n, minlength=len(variances.rows))  # rows times their precision
    sampling = node.sd_within**2 / information
    level_sd = np.sqrt(sampling * variances.rows)
    between = node.sd_between**2
    if not between > 0.0:
        nothing = np.zeros((1, len(sampling)))
        return replace(node, sd_within=level_sd, parts=Parts(np.ones_like(nothing), nothing, nothing))
    own = node.mean * (between + sampling) / between
    factor, share = _variance_nodes(variances.df)
    pieces = sampling * factor
    total = between + pieces
    log_share = np.log(share) - 0.5 * np.log(total) - 0.5 * own**2 / total
    shares = np.exp(log_share - log_share.max(axis=0))
    weight = between / total
    return replace(
        node,
        sd_within=level_sd,
        parts=Parts(shares / shares.sum(axis=0), weight * own, np.sqrt(between * (1.0 - weight))),
    )


def _variance_nodes(df: Floats) -> tuple[Floats, Floats]:
    """(M, n) values of σ_j² over its centre, d/χ²(d), and their probabilities: Gauss–Laguerre quadrature."""
    factor, share = np.ones((_PIECES, len(df))), np.full((_PIECES, len(df)), 1.0 / _PIECES)
    for value in np.unique(df[df < _KNOWN]):
        half = 0.5 * float(value)
        nodes, weights = _laguerre_rule(half - 1.0)
        same = df == value
        factor[:, same] = (half / nodes)[:, None]
        share[:, same] = (weights / weights.sum())[:, None]
    return factor, np.maximum(share, np.finfo(float).tiny)


@functools.lru_cache(maxsize=1024)
def _laguerre_rule(exponent: float) -> tuple[Floats, Floats]:
    """Nodes and weights for x^exponent e^−x: the same at every node of a posterior, and dear to find."""
    nodes, weights = special.roots_genlaguerre(_PIECES, exponent)
    return nodes, weights
