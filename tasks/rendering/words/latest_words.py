"""How the latest months compare with the ones before, in a sentence."""

from __future__ import annotations

from reports.wording import say
from reports.wording.notation import NO_BREAK, Notation
from reports.wording.writing import counted, period_brief
from tasks.rendering.edition import Outcome
from tasks.rendering.shown_figures import Latest


def latest_words(outcome: Outcome, latest: Latest | None) -> str:
    """What the latest months say beside those before; empty where too few are shown."""
    if latest is None:
        return ""
    low, high = sorted((latest.lower, latest.upper), key=abs)
    change = Notation.of([(latest.difference, latest.lower, latest.upper)], "")
    unit = say("unit.percentage_points") if outcome.unit == "%" else outcome.unit
    size = change.number(abs(latest.difference))
    if latest.change == "no_clear_change":
        ends = change.range(latest.lower, latest.upper)
    else:
        ends = change.range(abs(low), abs(high))
    return say(
        f"latest.{latest.change}",
        latest=counted(latest.n_latest, "month"),
        which=_which(latest) if outcome.monthly else "",
        before=counted(latest.n_before, "month"),
        now=outcome.notation.prose(latest.value_latest),
        then=outcome.notation.prose(latest.value_before),
        size=f"{size}{NO_BREAK}{unit}" if unit else size,
        ends=ends,
        unit=unit,
    )


def _which(latest: Latest) -> str:
    """Which months those are, of what is counted by the month: not the last where that is not complete."""
    first, last = period_brief(latest.first_latest), period_brief(latest.last_latest)
    return say("latest.which", months=say("period_name.stretch", first=first, last=last))
