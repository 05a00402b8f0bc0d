"""A program's effects as rows of a table: each with its error, its question and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tasks.errors import EstimationError
from tasks.models.estimating_equations.gee import GeeFit
from tasks.models.estimating_equations.sandwich import ClusterScores
from tasks.models.fit import Fit, Floats
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.population_average import Mean
from tasks.models.program_effects.average_month import average_month, standardised
from tasks.models.program_effects.cohort_months import AVERAGES, weights_of
from tasks.models.program_effects.estimate_guide import ANSWERS
from tasks.models.program_effects.months_together import simultaneous_quantile
from tasks.models.program_effects.naive import Comparison
from tasks.models.program_effects.program_data import ProgramData
from tasks.models.program_effects.wider_interval import Contrast, contrast_of, quantile

Effect = Literal["immediate", "exposure-time", "event-study", "cohort-month"]
Model = Literal["mixed", "gee", "within"]

COLUMNS = [
    *("model", "estimand", "measure", "term", "value", "lower", "upper", "df", "p"),
    *("n_records", "n_clinics", "question", "words", "status", "reason", "band_lower", "band_upper"),
]
_ESTIMANDS = {"naive": "unadjusted", "mixed": "conditional", "gee": "marginal", "within": "conditional"}


def effect_rows(
    model: Model,
    fit: Fit,
    measure: str,
    data: ProgramData,
    scores: ClusterScores | None,
    effect: Effect,
    horizon: int | None,
    level: float,
) -> list[dict[str, Any]]:
    """The rows of one model.

    Args:
        model: which.
        fit: its fit.
        measure: what its program coefficients are.
        data: what it was fitted to.
        scores: of a mixed model, by unit of rollout.
        effect, horizon, level: see `program_effect`.

    Raises:
        EstimationError: no effect can be told.
    """
    names = [name for name in data.program if name in fit.coef.index]
    if not names:
        raise EstimationError("no effect of the program could be told from those of the periods and clinics")
    made = _ModelRows(model, fit, measure, data, scores, level)
    if effect == "immediate":
        return made.average("effect", {names[0]: 1.0})
    if effect == "cohort-month":
        cells = [each for each in data.cohorts if each.told and each.column in names]
        if not cells:
            raise EstimationError(
                "no clinic is seen both before its start and, beside one without the program, after it"
            )
        return [row for key in AVERAGES for row in made.average(key, weights_of(cells, key))]
    told = [name for name in names if data.tells_of_effect(name)]
    if effect == "exposure-time":
        counted = {name: _before(horizon, data.months_of(name)) for name in told}
        if not any(counted.values()):
            raise EstimationError(
                "no clinic is seen both before its start and after it"
                + ("" if horizon is None else f", in the first {horizon} months")
            )
        months = sum(counted.values())
        return made.average("effect", {name: each / months for name, each in counted.items() if each})
    if not told:
        raise EstimationError("no clinic is seen both before its start and after it")
    wider = simultaneous_quantile(fit, told, level) / quantile(level, float(fit.df.loc[told].min()))
    return [made.month_row(name, month, wider) for name in told for month in data.months_of(name)]


def _before(horizon: int | None, months: Sequence[float]) -> int:
    """How many of the months are before the horizon."""
    return sum(horizon is None or month < horizon for month in months)


def naive_rows(comparison: Mapping[str, Comparison], level: float) -> list[dict[str, Any]]:
    """The plain comparison, or why there is none."""
    if not comparison:
        return [
            blank_row("naive", "there are no rows before, or none after, in the clinics the program reached")
        ]
    return [
        _made(
            "naive",
            measure,
            "effect",
            Contrast(each.estimate, each.se, np.inf),
            level,
            each.n_records,
            each.n_clinics,
        )
        for measure, each in comparison.items()
    ]


def blank_row(model: str, reason: str) -> dict[str, Any]:
    """A row that says why there is no estimate."""
    empty: dict[str, Any] = dict.fromkeys(COLUMNS, np.nan)
    return empty | {
        "model": model,
        "estimand": _ESTIMANDS[model],
        "measure": "",
        "term": "effect",
        "question": ANSWERS[model].key,
        "words": "",
        "status": "not_estimable",
        "reason": reason,
    }


class _ModelRows:
    """One model's rows."""

    def __init__(
        self,
        model: Model,
        fit: Fit,
        measure: str,
        data: ProgramData,
        scores: ClusterScores | None,
        level: float,
    ) -> None:
        self.model, self.fit, self.measure, self.data = model, fit, measure, data
        self.scores, self.level = scores, level
        self.means: dict[str, Mean] = {}

    def average(self, term: str, weights: Mapping[str, float]) -> list[dict[str, Any]]:
        """The weighted average of some columns' effects, for a patient and on the population."""
        return [
            self._of(term, self.contrast(weights), self.measure),
            *self._of_population(term, weights),
        ]

    def contrast(self, weights: Mapping[str, float]) -> Contrast:
        """The weighted sum of some columns' effects."""
        of_all = np.array([weights.get(str(name), 0.0) for name in self.fit.coef.index])
        return contrast_of(self.fit, self.scores, of_all, self.level)

    def month_row(self, name: str, month: float, wider: float) -> dict[str, Any]:
        """One month's effect, with its own interval and that of all months at once, wider by a factor."""
        contrast = self.contrast({name: 1.0})
        reach = wider * contrast.half_width(self.level)
        band = np.array([contrast.estimate - reach, contrast.estimate + reach])
        if self.measure.endswith("_ratio"):
            band = np.exp(np.minimum(band, 700.0))
        pooled = "+" if self.data.term(name).endswith("+") else ""
        row = self._of(f"{month:g}{pooled}", contrast, self.measure)
        return row | {"band_lower": float(band[0]), "band_upper": float(band[1])}

    def _of_population(self, term: str, weights: Mapping[str, float]) -> list[dict[str, Any]]:
        """The average month's effect on the population's risk or rate."""
        if not isinstance(self.fit, GlmmFit) or self.scores is None:
            return []
        if not set(weights) <= set(self.means):
            self.means = standardised(self.fit, self.data, weights)
        marginal = {"estimand": "marginal", "question": "policy"}
        found = average_month(
            self.fit, self.data, self.scores, self.means, weights, self.contrast(weights), self.level
        )
        return [self._of(term, each.contrast, each.measure, each.ends) | marginal for each in found]

    def _of(
        self,
        term: str,
        contrast: Contrast,
        measure: str,
        ends: Floats | None = None,
    ) -> dict[str, Any]:
        clinics = len(self.data.rollout.clinics)
        made = _made(self.model, measure, term, contrast, self.level, self.fit.n_obs, clinics, ends)
        return made | {"reason": self.fit.instead if isinstance(self.fit, GeeFit) else ""}


def _made(
    model: str,
    measure: str,
    term: str,
    contrast: Contrast,
    level: float,
    n_records: int,
    n_clinics: int,
    ends: Floats | None = None,
) -> dict[str, Any]:
    if ends is None:
        ends = contrast.estimate + np.array([0.0, -1.0, 1.0]) * contrast.half_width(level)
        if measure.endswith("_ratio"):
            ends = np.exp(np.minimum(ends, 700.0))
    value, lower, upper = (float(each) for each in ends)
    return {
        "model": model,
        "estimand": _ESTIMANDS[model],
        "measure": measure,
        "term": term,
        "value": value,
        "lower": lower,
        "upper": upper,
        "df": contrast.df,
        "p": contrast.p,
        "n_records": n_records,
        "n_clinics": n_clinics,
        "question": ANSWERS[model].key,
        "words": _words(model, measure, term, value, lower, upper, level),
        "status": "ok",
        "reason": "",
    }


def _words(
    model: str, measure: str, term: str, value: float, lower: float, upper: float, level: float
) -> str:
    if term in AVERAGES:
        when = f", where {AVERAGES[term]}"
    else:
        when = "" if term == "effect" else f" in month {term} since the start"
    if measure in ("difference", "risk_difference"):
        scale = 100.0 if measure == "risk_difference" else 1.0
        unit = " percentage points" if measure == "risk_difference" else ""
        size = f"{value * scale:+.3g}{unit}"
        interval = f"{lower * scale:+.3g} to {upper * scale:+.3g}"
    else:
        what = {"odds_ratio": "odds", "risk_ratio": "risk", "rate_ratio": "rate"}[measure]
        size, interval = f"{what} multiplied by {value:.3g}", f"{lower:.3g} to {upper:.3g}"
    return f"{size} ({100 * level:.0f}% interval {interval}){when}: {ANSWERS[model].program}"
