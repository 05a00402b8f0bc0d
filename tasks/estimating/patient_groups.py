"""Outcomes in groups of patients side by side: each group's own figure, and how far it is from all others'.

Records of a clinic are alike, and a clinic treats patients of every group, so both are ratios of sums over
clinics: of group g Σ_c y_gc / Σ_c m_gc, with the variance of their linearised residuals between clinics.
Source: Woodruff (1971), JASA 66:411, eqs. 3-6; Cochran (1977), Sampling Techniques, 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from reports.wording import say
from reports.wording.coded_sentences import coded
from tasks.estimating.grouped_records import GroupedRecords
from tasks.models.crude_intervals import poisson_interval, wilson_interval
from tasks.network.groups_section import REST, GroupsSection
from tasks.network.outcome_section import OutcomeSection

Floats = NDArray[np.float64]

LEVEL = 0.95


def group_rows(
    name: str, outcome: OutcomeSection, column: str, section: GroupsSection, grouped: GroupedRecords
) -> pd.DataFrame:
    """Rows of `patient_groups`: one outcome in the groups of one column.

    Args:
        name: the outcome's name.
        outcome: its section.
        column: the column.
        section: its groups as the network file declares them.
        grouped: what was read of them.
    """
    codes = grouped.groups.codes
    labels = dict(zip(codes, _labels(section), strict=True))
    moments = grouped.moments[name]
    everything = moments.groupby("clinic", sort=True)[_SUMS].sum()
    rows = []
    for place, code in enumerate(codes):
        mine = moments[moments["group"] == code].groupby("clinic", sort=True)[_SUMS].sum()
        n = float(mine["n"].sum())
        if not n and code == REST:
            continue
        found = _figures(outcome, mine, everything - mine)
        counted = outcome.kind in ("binary", "count")
        rows.append(
            {
                "outcome": name,
                "column": column,
                "group": code,
                "place": place + 1,
                "column_label": section.label or column,
                "label": labels[code],
                **found,
                "numerator": float(mine["total"].sum()) if counted else None,
                "denominator": float(mine["exposure"].sum()) if outcome.kind == "count" else n,
                "status": "ok" if n else "no_records",
                "reason": None if n else coded("why.no_value"),
            }
        )
    return pd.DataFrame(rows)


_SUMS = ["n", "sum", "total", "exposure"]


@dataclass(frozen=True)
class _Ratio:
    """A ratio of sums over clinics, and (C,) what each clinic's residual adds to its error."""

    value: float
    residuals: Floats

    @classmethod
    def of(cls, top: Floats, bottom: Floats) -> _Ratio:
        total = float(bottom.sum())
        if not total:
            return cls(float("nan"), np.zeros(len(top)))
        value = float(top.sum()) / total
        return cls(value, (top - value * bottom) / total)


def _figures(outcome: OutcomeSection, mine: pd.DataFrame, others: pd.DataFrame) -> dict[str, float]:
    """A group's figure and its difference from all others', with intervals, in the outcome's unit."""
    top = "sum" if outcome.kind == "continuous" else "total"
    bottom = "exposure" if outcome.kind == "count" else "n"
    own, rest = (_Ratio.of(each[top].to_numpy(), each[bottom].to_numpy()) for each in (mine, others))
    clinics = int((mine["n"] > 0).sum())
    value, lower, upper = _own_interval(outcome, mine, own, clinics)
    found = {"value": value, "lower": lower, "upper": upper}
    both = min(clinics, int((others["n"] > 0).sum()))
    apart = _reach(own.residuals - rest.residuals, both)
    if outcome.scale == "log":  # a ratio of geometric means, as a difference in the unit
        ends = np.exp(rest.value) * (np.exp(own.value - rest.value + np.array([0.0, -apart, apart])) - 1.0)
    else:
        ends = own.value - rest.value + np.array([0.0, -apart, apart])
    scale = 100.0 if outcome.kind == "binary" else 1.0
    names = ("difference", "difference_lower", "difference_upper")
    return found | dict(zip(names, (scale * ends).tolist(), strict=True))


def _own_interval(
    outcome: OutcomeSection, mine: pd.DataFrame, own: _Ratio, clinics: int
) -> tuple[float, float, float]:
    reach = _reach(own.residuals, clinics)
    if outcome.kind == "continuous":
        ends = own.value + np.array([0.0, -reach, reach])
        ends = np.exp(ends) if outcome.scale == "log" else ends
        return float(ends[0]), float(ends[1]), float(ends[2])
    n, total = float(mine["n"].sum()), float(mine["total"].sum())
    if outcome.kind == "binary":
        if not 0.0 < own.value < 1.0 or not np.isfinite(reach):
            lower, upper = wilson_interval(np.array([total]), np.array([n]), LEVEL)
            return 100.0 * own.value, 100.0 * float(lower[0]), 100.0 * float(upper[0])
        spread = reach / (own.value * (1.0 - own.value))
        ends = 100.0 * special.expit(special.logit(own.value) + np.array([0.0, -spread, spread]))
        return float(ends[0]), float(ends[1]), float(ends[2])
    if own.value <= 0.0 or not np.isfinite(reach):
        lower, upper = poisson_interval(np.array([total]), mine["exposure"].sum(keepdims=True), LEVEL)
        return own.value, float(lower[0]), float(upper[0])
    ends = own.value * np.exp(np.array([0.0, -reach, reach]) / own.value)
    return float(ends[0]), float(ends[1]), float(ends[2])


def _reach(residuals: Floats, clinics: int) -> float:
    """Half the width of an interval by what clinics differ by; NaN where there are not two."""
    if clinics < 2:
        return float("nan")
    variance = clinics / (clinics - 1.0) * float(np.sum(residuals**2))
    return float(special.stdtrit(clinics - 1, (1.0 + LEVEL) / 2.0)) * float(np.sqrt(variance))


def _labels(section: GroupsSection) -> list[str]:
    """The groups as people read them, the rest last."""
    rest = say("groups.rest")
    if section.values:
        return [*(section.names or map(str, section.values)), rest]
    ends = [f"{end:g}" for end in section.bands]
    between = [say("groups.between", lower=low, upper=high) for low, high in pairwise(ends)]
    return [say("groups.under", upper=ends[0]), *between, say("groups.over", lower=ends[-1]), rest]
