"""A program effect as a sentence that says which question it answers."""

from __future__ import annotations

import math

# who the two sides of the comparison are
_COMPARED = {
    "policy": "if everyone were under the program, compared with no one, over all clinics and patients",
    "patient": "for a patient under the program, compared with the same patient, same clinic, without it",
    "these_clinics": "under the program, compared with without it, within the same clinics",
    "none": "in records under the program, compared with records without it, with nothing adjusted for",
}
# odds do not average over patients as means and risks do: a marginal model's odds ratio stays conditional on
# what it adjusts for (Neuhaus, Kalbfleisch & Hauck 1991, Int Stat Rev 59:25)
_COMPARED_ODDS = "under the program, compared with without it, over all clinics, for patients otherwise alike"

_MEASURES = {
    "difference": "{label}: {value} {unit} {higher}",
    "risk_difference": "{label}: {value} percentage points {higher}",
    "ratio": "{label}: {value} times as much",
    "odds_ratio": "{label}: odds {value} times as high",
    "risk_ratio": "{label}: risk {value} times as high",
    "rate_ratio": "{label}: rate {value} times as high",
}

RATIOS = ("ratio", "odds_ratio", "risk_ratio", "rate_ratio")


AVERAGED = "on average over the months since the start"


def months_in_words(since: int) -> str:
    """When, from a clinic's start: "in the month of the start", "3 months after the start"."""
    if since == 0:
        return "in the month of the start"
    months = "1 month" if abs(since) == 1 else f"{abs(since)} months"
    return f"{months} {'after' if since > 0 else 'before'} the start"


def sentence(
    label: str,
    question: str,
    measure: str,
    unit: str,
    value: float,
    lower: float,
    upper: float,
    when: str = "",
) -> str:
    """One estimate in words.

    Args:
        label: the outcome as people read it.
        question: a key of `tasks.program_questions.QUESTIONS`.
        measure: difference, risk_difference, ratio, odds_ratio, risk_ratio or rate_ratio.
        unit: unit of a difference.
        value, lower, upper: the estimate and its 95% interval, in the measure's unit.
        when: of which months it is, where not of all since the start alike.
    """
    if when:
        label = f"{label}, {when}"
    shown = value if measure in RATIOS else abs(value)
    start = _MEASURES[measure].format(
        label=label,
        value=_figure(shown),
        unit=unit,
        higher="higher" if value >= 0 else "lower",
    )
    compared = _COMPARED_ODDS if (question, measure) == ("policy", "odds_ratio") else _COMPARED[question]
    if not (lower == lower and upper == upper):
        return f"{start} {compared}."
    if measure not in RATIOS and upper <= 0.0:  # lower by so much: the sign is in the word
        lower, upper = abs(upper), abs(lower)
    interval = f"95% interval {_figure(lower)} to {_figure(upper)}"
    return f"{' '.join(start.split())} {compared} ({interval}{_doubt(measure, lower, upper)})."


def _figure(value: float) -> str:
    """Three digits that count, with a minus sign where a hyphen would be read as a dash."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{min(digits, 6)}f}".replace("-", "−")


def _doubt(measure: str, lower: float, upper: float) -> str:
    nothing = 1.0 if measure in RATIOS else 0.0
    return "; there may be no difference" if lower <= nothing <= upper else ""
