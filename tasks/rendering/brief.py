"""What a brief says, one question answered: what was asked, the estimates, what they are and are not.

It is made of plain values that whoever asked computed; nothing here knows a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from reports.wording.writing import between
from tasks.rendering.numbers import significant


@dataclass(frozen=True)
class Coefficient:
    """One coefficient: its name, estimate with the ends of the 95% interval, and p-value."""

    name: str
    value: float
    lower: float
    upper: float
    p: float


@dataclass(frozen=True)
class Coefficients:
    """All of a fit's on one scale.

    Attributes:
        scale: difference, odds_ratio or rate_ratio: what an estimate is.
        unit: of the outcome, where they are differences.
        each: the coefficients, without the intercept.
    """

    scale: str
    unit: str
    each: tuple[Coefficient, ...]

    @property
    def ratio(self) -> bool:
        """Whether no effect is 1."""
        return self.scale != "difference"


@dataclass(frozen=True)
class QuestionAnswered:
    """One of the questions that an effect can be an answer to, with the estimate that answers it."""

    question: str
    scale: str | None
    estimate: Coefficient | None
    method: str
    assumes: str


@dataclass(frozen=True)
class BandedLines:
    """People's own lines over time.

    Attributes:
        time: the column of time.
        group: whose lines they are.
        n: how many there are.
        at: points of time.
        mean: the average line there.
        bands: (what share of the lines a band holds, its lower and upper ends), the widest last.
    """

    time: str
    group: str
    n: int
    at: tuple[float, ...]
    mean: tuple[float, ...]
    bands: tuple[tuple[str, tuple[float, ...], tuple[float, ...]], ...]


@dataclass(frozen=True)
class Variation:
    """A part of what varies.

    Attributes:
        kind: sd_between groups, sd_within them, or icc: how alike records of one group are.
        group: of what; empty within them.
        effect: which effect differs between groups; empty where it is their level.
        value: how much.
    """

    kind: str
    group: str
    effect: str
    value: float


@dataclass(frozen=True)
class Brief:
    """Everything that a brief says: what the library said, in its own words, until `brief_words` tells it.

    Attributes:
        formula: as it was asked.
        outcome: the outcome as people read it.
        asked: the day.
        window: the first and the last period of the records.
        method, estimand, question, assumes: what was fitted, what a coefficient is, which question that
            answers, and what must hold.
        rows, groups, left_out: how many records and groups the fit rests on, and reason → rows left out.
        coefficients: the estimates.
        about: the coefficient that `answers` are about.
        answers: the questions it can be an answer to.
        averages: (measure, what it is, how much) for everybody: averages over all records.
        variances: the variation that the model finds.
        lines: people's own lines, where they have any.
        notes: what a reader must know.
        inside: that it is for use inside the network.
        attenuation: how far averaging brings odds ratios closer to 1.
    """

    formula: str
    outcome: str
    asked: date
    window: tuple[str, str]
    method: str
    estimand: str
    question: str
    assumes: str
    rows: int
    groups: Mapping[str, int]
    left_out: Mapping[str, int]
    coefficients: Coefficients
    about: str
    answers: tuple[QuestionAnswered, ...]
    averages: tuple[tuple[str, str, Coefficient], ...]
    variances: tuple[Variation, ...]
    lines: BandedLines | None
    notes: tuple[str, ...]
    inside: str
    attenuation: str = ""


def written(coefficient: Coefficient) -> str:
    """An estimate with its interval: "1.23 (0.789 to 1.92)"."""
    ends = (coefficient.value, coefficient.lower, coefficient.upper)
    value, low, high = (significant(each) for each in ends)
    return f"{value} ({between(low, high)})"
