"""Families of the estimating equations: mean and variance functions of canonical links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FamilyName = Literal["gaussian", "binomial", "poisson"]

# exp(300) is beyond any rate that data can hold and leaves room to square it
_LARGEST_ETA = 300.0


@dataclass(frozen=True, slots=True)
class Family:
    """A mean-variance relation with its canonical link.

    For a canonical link dμ/dη is the variance function v, so D'V⁻¹ = X'A^(1/2)R⁻¹A^(−1/2)/φ: the
    equations only ever need √v and the Pearson residuals.

    Attributes:
        name: gaussian, binomial or poisson.
        link: identity, logit or log.
        effect: what a coefficient is, in words.
        mean_and_root: linear predictor → (μ, √v(μ)), without overflow.
    """

    name: FamilyName
    link: str
    effect: str
    mean_and_root: Callable[[Floats], tuple[Floats, Floats]]


def _gaussian(eta: Floats) -> tuple[Floats, Floats]:
    return eta, np.ones_like(eta)


def _binomial(eta: Floats) -> tuple[Floats, Floats]:
    root = np.abs(eta)
    np.minimum(root, 2.0 * _LARGEST_ETA, out=root)
    root *= -0.5
    np.exp(root, out=root)
    tail = root * root
    total = 1.0 + tail
    root /= total
    tail /= total  # the smaller of μ and 1 − μ
    return np.where(eta >= 0.0, 1.0 - tail, tail), root


def _poisson(eta: Floats) -> tuple[Floats, Floats]:
    root = np.exp(0.5 * np.clip(eta, -_LARGEST_ETA, _LARGEST_ETA))
    return root * root, root


FAMILIES: Mapping[str, Family] = {
    "gaussian": Family("gaussian", "identity", "difference in means", _gaussian),
    "binomial": Family("binomial", "logit", "log odds ratio", _binomial),
    "poisson": Family("poisson", "log", "log rate ratio", _poisson),
}
