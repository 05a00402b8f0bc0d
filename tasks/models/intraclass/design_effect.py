"""What clustering costs: design effects, effective sample sizes, and the reliability of each clinic's figure.

Two patients of one clinic tell less than two of different clinics. With intraclass correlation ρ, a clinic of
n patients tells as much about the network's mean as n / (1 + (n − 1) ρ) independent patients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError

Floats = NDArray[np.float64]


class _HasSizes(Protocol):
    """An ICC with the clinics it was estimated from, as `tasks.models.icc` returns it."""

    @property
    def estimate(self) -> float: ...
    @property
    def sizes(self) -> pd.Series: ...


@dataclass(frozen=True)
class DesignEffect:
    """What clustering costs a network of clinics.

    Attributes:
        icc: the intraclass correlation it is computed from.
        n_obs: rows in all.
        k: clinics.
        mean_size: rows per clinic, m̄.
        cv: coefficient of variation of the sizes (their SD over all k clinics, divided by m̄).
        equal_sizes: 1 + (m̄ − 1) ICC, which holds when all clinics have the same size (Kish 1965).
        value: 1 + ((cv² + 1) m̄ − 1) ICC, the variance of the mean of all rows relative to independent rows
            (Eldridge, Ashby & Kerry 2006, Int J Epidemiol 35:1292); equals 1 + (Σn²/N − 1) ICC.
        effective_n: n_obs / value: independent rows that would fix the mean of all rows as well.
        effective_n_weighted: Σ n_j / (1 + (n_j − 1) ICC): the same for the mean that weights clinics best.
        clinics: by clinic: `n`, its own `design_effect`, `effective_n` and `reliability`
            w_j = n_j ICC / (1 + (n_j − 1) ICC), the weight of its own records in its shrunken figure.
    """

    icc: float
    n_obs: float
    k: int
    mean_size: float
    cv: float
    equal_sizes: float
    value: float
    effective_n: float
    effective_n_weighted: float
    clinics: pd.DataFrame

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return (
            f"{self.n_obs:,.0f} rows in {self.k:,} groups (mean size {self.mean_size:,.1f}, "
            f"cv {self.cv:.2f}) with ICC {self.icc:.4g}: design effect {self.value:.4g}, so they are worth "
            f"{self.effective_n:,.0f} independent rows ({self.effective_n_weighted:,.0f} if groups are "
            "weighted for their size)"
        )


def design_effect(
    icc: float | _HasSizes,
    sizes: Mapping[Hashable, float] | Sequence[float] | Floats | pd.Series | None = None,
) -> DesignEffect:
    """How many times larger clustering makes the variance of the network's mean.

    Args:
        icc: the intraclass correlation, or what `tasks.models.icc` returned (its sizes are then used). For a
            binary outcome it must be an ICC on the observed scale.
        sizes: rows per clinic: a mapping or Series by clinic, or a sequence.

    Raises:
        EstimationError: no sizes, a size under 1, an ICC outside −1 to 1, or one so negative that the design
            effect is not above zero.

    Sources: Kish (1965), Survey Sampling, §5.4; Eldridge, Ashby & Kerry (2006), Int J Epidemiol 35:1292.
    """
    if sizes is None:
        if isinstance(icc, int | float):
            raise EstimationError(
                "a design effect needs the sizes of the clinics beside the ICC",
                hint="give sizes=…, or the result of icc(…) in place of a number",
            )
        sizes = icc.sizes
    rho = float(icc) if isinstance(icc, int | float) else float(icc.estimate)
    n = _sizes(sizes)
    values = n.to_numpy(dtype=float)
    if not -1.0 <= rho <= 1.0:
        raise EstimationError(f"an intraclass correlation lies between −1 and 1, and {rho:g} was given")
    total, k = float(values.sum()), len(values)
    mean = total / k
    cv = float(values.std()) / mean
    value = 1.0 + ((cv**2 + 1.0) * mean - 1.0) * rho
    if value <= 0.0:
        raise EstimationError(
            f"an ICC of {rho:g} is impossible for groups of these sizes: the variance of "
            "their mean would be negative",
            hint="use the ICC truncated at zero",
        )
    clinics = by_clinic(n, rho)
    return DesignEffect(
        icc=rho,
        n_obs=total,
        k=k,
        mean_size=mean,
        cv=cv,
        equal_sizes=1.0 + (mean - 1.0) * rho,
        value=value,
        effective_n=total / value,
        effective_n_weighted=float(clinics["effective_n"].to_numpy().sum()),
        clinics=clinics,
    )


def by_clinic(n: pd.Series, icc: float) -> pd.DataFrame:
    """Each clinic's `n`, `design_effect`, `effective_n` and `reliability`, given the ICC.

    A clinic larger than a negative ICC allows for has no effective size (NaN).
    """
    effect = 1.0 + (n - 1.0) * icc
    effective = n / effect.where(effect > 0.0)
    return pd.DataFrame(
        {"n": n, "design_effect": effect, "effective_n": effective, "reliability": reliability(n, icc)}
    )


def reliability(n: Any, icc: float) -> Any:
    """w = n ICC / (1 + (n − 1) ICC): share of the variance of a clinic's mean that is the clinic's own.

    It is the Spearman–Brown prophecy: the reliability of a mean of n rows when one row's is the ICC. A
    negative ICC counts as 0.
    """
    rho = max(icc, 0.0)
    return n * rho / (1.0 + (n - 1.0) * rho)


def _sizes(sizes: Mapping[Hashable, float] | Sequence[float] | Floats | pd.Series) -> pd.Series:
    n = sizes if isinstance(sizes, pd.Series) else pd.Series(sizes)
    n = n.astype(float)
    if len(n) == 0:
        raise EstimationError("a design effect needs at least one clinic's size, and got none")
    if not np.isfinite(n.to_numpy()).all() or float(n.min()) < 1.0:
        raise EstimationError(
            "a clinic's size must be at least 1 row, and a smaller one was given",
            hint="leave out clinics without usable rows",
        )
    return n.rename("n")
