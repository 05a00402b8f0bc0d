"""The average month's effect of a program on a population's risk or rate.

The risk (or rate) of everyone in the sample without the program, and with the effect that clinics had so many
months after their start, averaged over clinics, their periods and patients; then over those months. Months
count alike, however many clinics had reached them (Kenny et al. 2022, Stat Med 41:4311).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.models.fit import Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.population_average import averaged, delta_error, joint_covariance
from tasks.models.program_effects.program_models import ProgramData
from tasks.records.cells import Cells
from tasks.records.set_rows import SetRows


@dataclass(frozen=True, slots=True)
class AverageMonth:
    """One contrast with its error.

    Attributes:
        measure: risk_difference, risk_ratio or rate_ratio; of a ratio the rest is of its logarithm.
        estimate, se, df: the estimate, its standard error and degrees of freedom.
    """

    measure: str
    estimate: float
    se: float
    df: float


def average_month(fit: GlmmFit, data: ProgramData, months: Sequence[str]) -> list[AverageMonth]:
    """Population-averaged contrasts of the average of these months with none.

    Args:
        fit: the mixed model with an effect of each month since the start.
        data: what it was fitted to.
        months: the program's columns to average over.
    """
    if data.cells is None:
        raise ValueError("risks and rates come as cells")
    nobody = _everybody(fit, data, data.cells)
    nothing = averaged(fit, data.name, nobody)
    each = []
    for name in months:
        fixed = nobody.fixed.copy()
        fixed[:, fit.design.fixed.index(name)] = 1.0
        each.append(averaged(fit, data.name, replace(nobody, value=name, fixed=fixed)))
    mean = float(np.mean([month.mean for month in each]))
    gradient: Floats = np.mean([month.gradient for month in each], axis=0)
    covariance = joint_covariance(fit)
    df = float(fit.df.loc[list(months)].min())
    ratio = AverageMonth(
        "risk_ratio" if data.family == "binomial" else "rate_ratio",
        float(np.log(mean / nothing.mean)),
        delta_error(gradient / mean - nothing.gradient / nothing.mean, covariance),
        df,
    )
    if data.mean_family == "poisson":
        return [ratio]
    error = delta_error(gradient - nothing.gradient, covariance)
    return [AverageMonth("risk_difference", mean - nothing.mean, error, df), ratio]


def _everybody(fit: GlmmFit, data: ProgramData, cells: Cells) -> SetRows:
    """The sample with nobody under the program."""
    fixed = cells.fixed.copy()
    fixed[:, [j for j, name in enumerate(fit.design.fixed) if name in data.program]] = 0.0
    weight = cells.trials if data.family == "binomial" else cells.weight
    ones = np.ones((len(fixed), 1))
    return SetRows("none", fixed, (ones,) * len(fit.varcomp), cells.offset, weight)
