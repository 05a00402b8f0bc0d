"""One question answered in a page or two: what was asked, the estimates, what they are and are not.

It is made of plain values that whoever asked computed; nothing here knows a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reports.wording.writing import between
from tasks.network.schema import Network
from tasks.rendering.charts.caterpillar import Whisker
from tasks.rendering.charts.scales import Scale, Tick, spanning
from tasks.rendering.document import Look, write_pdf
from tasks.rendering.numbers import significant
from tasks.rendering.templates import render

STRIP_WIDTH, STRIP_HEIGHT, EDGE = 150.0, 16.0, 6.0
LINES_WIDTH, LINES_HEIGHT = 300.0, 130.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 10.0, 8.0, 30.0
_FARTHEST = 20.0
"""Ratios beyond this, or its inverse, stand at the end of the axis."""


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
class Brief:
    """Everything that a brief says.

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
        variances: (what, written) of the variation that the model finds.
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
    averages: tuple[tuple[str, str, str], ...]
    variances: tuple[tuple[str, str], ...]
    lines: BandedLines | None
    notes: tuple[str, ...]
    inside: str
    attenuation: str = ""


@dataclass(frozen=True)
class CoefficientStrip:
    """A coefficient's row: where it and its interval stand, in points from the left."""

    coefficient: Coefficient
    at: float
    interval: Whisker
    written: str
    side: str


@dataclass(frozen=True)
class CoefficientAxis:
    """The rows of all coefficients on one axis; `null` is no effect."""

    strips: tuple[CoefficientStrip, ...]
    ticks: tuple[Tick, ...]
    null: float
    width: float = STRIP_WIDTH
    height: float = STRIP_HEIGHT


@dataclass(frozen=True)
class LinesChart:
    """The average line and bands of people's lines, as drawn."""

    mean: tuple[tuple[float, float], ...]
    bands: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    width: float = LINES_WIDTH
    height: float = LINES_HEIGHT
    left: float = LEFT
    right: float = RIGHT
    top: float = TOP
    bottom: float = BOTTOM


def write_brief(brief: Brief, network: Network, path: Path) -> None:
    """Write a brief as a PDF, in the network's look and its language as far as the words are ours."""
    write_pdf(brief_html(brief, network), path, Look.of(network))


def brief_html(brief: Brief, network: Network) -> str:
    """A brief as HTML."""
    with network.speaking():
        return render(
            "templates/brief.html.j2",
            brief=brief,
            network=network,
            axis=coefficient_axis(brief.coefficients),
            chart=None if brief.lines is None else lines_chart(brief.lines),
            written=written,
        )


def coefficient_axis(coefficients: Coefficients) -> CoefficientAxis | None:
    """The coefficients on one axis; None where there is none that can be drawn."""
    if not coefficients.each:
        return None
    null = 1.0 if coefficients.ratio else 0.0
    ends = [end for each in coefficients.each for end in (each.value, each.lower, each.upper)]
    if coefficients.ratio:
        ends = [min(max(end, 1.0 / _FARTHEST), _FARTHEST) for end in ends]
    scale = spanning(ends, EDGE, STRIP_WIDTH - EDGE, include=[null], logarithmic=coefficients.ratio)
    return CoefficientAxis(
        strips=tuple(_strip(each, scale, null) for each in coefficients.each),
        ticks=scale.ticks(4),
        null=scale(null),
    )


def _strip(coefficient: Coefficient, scale: Scale, null: float) -> CoefficientStrip:
    low, high = coefficient.lower, coefficient.upper
    return CoefficientStrip(
        coefficient=coefficient,
        at=scale(coefficient.value),
        interval=Whisker(scale(low), scale(high), low < scale.low, high > scale.high),
        written=written(coefficient),
        side="none" if low <= null <= high else "above" if low > null else "below",
    )


def written(coefficient: Coefficient) -> str:
    """An estimate with its interval: "1.23 (0.789 to 1.92)"."""
    ends = (coefficient.value, coefficient.lower, coefficient.upper)
    value, low, high = (significant(each) for each in ends)
    return f"{value} ({between(low, high)})"


def lines_chart(lines: BandedLines) -> LinesChart:
    """The average line and the bands around it."""
    ends = [*lines.mean, *(end for _, low, high in lines.bands for end in (*low, *high))]
    x = Scale(min(lines.at), max(lines.at), LEFT, LINES_WIDTH - RIGHT)
    y = spanning(ends, LINES_HEIGHT - BOTTOM, TOP)

    def line(values: Sequence[float]) -> tuple[tuple[float, float], ...]:
        return tuple((x(time), y(value)) for time, value in zip(lines.at, values, strict=True))

    return LinesChart(
        mean=line(lines.mean),
        bands=tuple((share, (*line(low), *reversed(line(high)))) for share, low, high in lines.bands),
        x_ticks=x.ticks(5),
        y_ticks=y.ticks(4),
    )
