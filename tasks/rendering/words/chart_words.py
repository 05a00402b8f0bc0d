"""What charts show, in words for who does not see them: the finding, from the numbers that are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.wording import say
from reports.wording.writing import between, counted, period_name
from tasks.rendering.charts.caterpillar import Caterpillar
from tasks.rendering.charts.effects_chart import study_effects, write_effect
from tasks.rendering.charts.funnel import Funnel
from tasks.rendering.charts.scales import quantile
from tasks.rendering.edition import Line, Outcome
from tasks.rendering.numbers import whole
from tasks.rendering.shown_figures import Effect, Estimate, Month

_FEWEST_TO_HALVE = 8
"""Of fewer clinics it is not said where the middle half of them lie."""


def overview(outcome: Outcome) -> str:
    """Between which values clinics' best estimates lie, and the middle half of them."""
    values = [line.shrunken.value for line in outcome.lines if line.shrunken.value is not None]
    said = say(
        "chart.overview",
        clinics=counted(len(values), "clinic"),
        range=outcome.notation.prose_range(min(values), max(values)),
    )
    if len(values) < _FEWEST_TO_HALVE:
        return said
    middle = outcome.notation.prose_range(quantile(values, 0.25), quantile(values, 0.75))
    return f"{said} {say('chart.middle_half', range=middle)}"


def funnel(plot: Funnel) -> str:
    """How many clinics lie beyond the limits, on each side."""
    beyond = Counter((dot.beyond, dot.tone) for dot in plot.dots)
    return say(
        "chart.funnel",
        clinics=counted(len(plot.dots), "clinic"),
        above=beyond["alarm", "higher"],
        below=beyond["alarm", "lower"],
        alert=beyond["alert", "higher"] + beyond["alert", "lower"],
    )


def shrinkage(outcome: Outcome) -> str:
    """How far own figures are apart, and best estimates."""
    both = [
        (line.raw.value, line.shrunken.value)
        for line in outcome.lines
        if line.raw.value is not None and line.shrunken.value is not None
    ]
    own, best = ([pair[side] for pair in both] for side in (0, 1))
    return say(
        "chart.shrinkage",
        clinics=counted(len(both), "clinic"),
        own=outcome.notation.prose_range(min(own), max(own)),
        best=outcome.notation.prose_range(min(best), max(best)),
    )


def months(outcome: Outcome, shown: Sequence[Month]) -> str:
    """Where a series begins and ends, and its lowest and highest figure."""
    seen = [(month.value, month.month) for month in shown if month.value is not None]
    figures = {"first": seen[0], "last": seen[-1], "lowest": min(seen), "highest": max(seen)}
    written = {name: outcome.notation.prose(value) for name, (value, _) in figures.items()}
    named = {f"{name}_period": period_name(month) for name, (_, month) in figures.items()}
    return say("chart.months", label=outcome.label, count=len(seen), **written, **named)


def place(outcome: Outcome, line: Line) -> str:
    """How many of the other clinics lie lower than a clinic, and how many do not."""
    others = [
        each.shrunken.value
        for each in outcome.lines
        if each.clinic != line.clinic and each.shrunken.value is not None
    ]
    best, own = line.shrunken.value, line.raw.value
    if best is None:
        written = "" if own is None else outcome.notation.prose(own)
        return say("chart.place_own", own=written, others=len(others))
    return say(
        "chart.place",
        best=outcome.notation.prose(best),
        lower=sum(value < best for value in others),
        others=len(others),
        side=_side(outcome, line.shrunken),
    )


def strip(outcome: Outcome, line: Line) -> str:
    """On which side of the comparator a clinic's interval lies."""
    if line.shrunken.value is None:
        return say("chart.strip_own", clinic=line.clinic)
    return say("chart.strip", clinic=line.clinic, side=_side(outcome, line.shrunken))


def scale(chart: Caterpillar, outcome: Outcome) -> str:
    """Which values an axis of clinics' figures is marked with, and what the line across is."""
    ends = {"low": chart.ticks[0].label, "high": chart.ticks[-1].label}
    if chart.comparator is None:
        return say("chart.scale_own", **ends)
    return say("chart.scale", **ends, comparator=outcome.comparator)


def rank(line: Line) -> str:
    """A clinic's median place and the interval of its places."""
    found = line.rank
    ends = between(whole(found.lower or 0.0), whole(found.upper or 0.0))
    return say("chart.rank", clinic=line.clinic, median=whole(found.median or 0.0), ends=ends)


def effect(shown: Effect) -> str:
    """An effect with its interval, and whether that holds no effect."""
    if shown.lower is None or shown.upper is None:
        return say("chart.effect_alone", effect=write_effect(shown))
    null = 1.0 if shown.ratio else 0.0
    side = "none" if shown.lower <= null <= shown.upper else "above" if shown.lower > null else "below"
    return say(f"chart.effect_{side}", effect=write_effect(shown))


def study(outcome: Outcome) -> str:
    """The first and the last effect by periods since the start."""
    first, *_, last = study_effects(outcome)
    return say(
        "chart.study",
        first=write_effect(first),
        first_period=first.months_since_start,
        last=write_effect(last),
        last_period=last.months_since_start,
    )


def _side(outcome: Outcome, best: Estimate) -> str:
    """Where a best estimate's interval lies to what clinics are compared with; empty without either."""
    typical = outcome.comparator_value
    if typical is None or best.lower is None or best.upper is None:
        return say("chart.side_unknown")
    if best.lower > typical:
        return say("chart.side_above")
    return say("chart.side_below" if best.upper < typical else "chart.side_around")
