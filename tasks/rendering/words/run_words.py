"""What stands under a run chart: its signals, and how often there is one by chance."""

from __future__ import annotations

from collections.abc import Sequence

from reports.wording import say
from reports.wording.writing import counted, date_name, listed, period_name
from tasks.release import Release, first_in_part, reported_in_part
from tasks.rendering.charts.run_chart import Point, RunChart
from tasks.rendering.numbers import in_hundred


def part_periods(release: Release, counted: Sequence[str] = ()) -> str:
    """Which ends of the window are there in part, in the records of the whole network; empty where none is.

    Args:
        release: the release.
        counted: labels of the outcomes that count records, which a period in part makes low.
    """
    said = [*filter(None, (_first_period(release), _reported_period(release)))]
    if said and counted:
        said.append(say("outcome.run_part_counts", outcomes=listed(counted)))
    return " ".join(said)


def lowered(release: Release) -> str:
    """That incomplete periods lower what is counted, and which they are; empty where none is."""
    first = first_in_part(release.first_date, release.period)
    which = [] if first is None else [str(first)]
    which += [release.period] if reported_in_part(release.cut_off, release.period) else []
    which = [period_name(each) for each in dict.fromkeys(which)]
    return say("message.lowered", which=listed(which)) if which else ""


def _first_period(release: Release) -> str:
    first = first_in_part(release.first_date, release.period)
    if first is None or release.first_date is None:
        return ""
    return say("outcome.run_part_first", month=period_name(str(first)), day=date_name(release.first_date))


def _reported_period(release: Release) -> str:
    if not reported_in_part(release.cut_off, release.period):
        return ""
    return say("outcome.run_part", month=period_name(release.period), day=date_name(release.cut_off))


_MORE_OFTEN_THAN_NOT = 0.5


def run_words(chart: RunChart) -> str:
    """What stands under a run chart."""
    parts = []
    if not chart.has_limits:
        withheld = any(status.startswith("suppressed") for _, status in chart.missing)
        parts.append(say("outcome.run_limits_withheld" if withheld else "outcome.run_no_limits"))
    else:
        found = {"beyond": chart.beyond} | {rule: chart.of_signal(rule) for rule in ("shift", "trend")}
        for rule, points in found.items():
            if points:  # a point has one signal: its others go without it
                key = f"outcome.run_{rule}{'_too' if parts else ''}"
                parts.append(say(key, months=listed(_stretches(chart, points))))
        if not parts:
            parts.append(say("outcome.run_no_signal"))
        if chart.false_alarms is not None:
            parts.append(say("outcome.run_false_alarms", charts=in_hundred(chart.false_alarms)))
            if chart.false_alarms > _MORE_OFTEN_THAN_NOT and any(found.values()):
                parts.append(say("outcome.run_weak"))
    if chart.trial:
        parts.append(say("outcome.run_trial"))
    if chart.n_missing:
        parts.append(say("outcome.run_missing", months=counted(chart.n_missing, "month")))
    return " ".join(parts)


def _stretches(chart: RunChart, points: Sequence[Point]) -> list[str]:
    """The months of a signal; those that follow one another as one stretch."""
    order = {point.month: index for index, point in enumerate(chart.points)}
    stretches: list[list[str]] = []
    for point in points:
        if stretches and order[point.month] == order[stretches[-1][-1]] + 1:
            stretches[-1].append(point.month)
        else:
            stretches.append([point.month])
    return [
        period_name(stretch[0])
        if len(stretch) == 1
        else say("outcome.run_from_to", first=period_name(stretch[0]), last=period_name(stretch[-1]))
        for stretch in stretches
    ]
