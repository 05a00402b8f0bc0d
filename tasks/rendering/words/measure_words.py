"""What is said of a measure itself: its definition, its target, and who meets that."""

from __future__ import annotations

from collections import Counter

from reports.wording import say
from reports.wording.writing import counted, date_name, listed, plain
from tasks.release import Reach, reach
from tasks.rendering.edition import Line, Outcome
from tasks.rendering.numbers import NO_BREAK
from tasks.rendering.shown_figures import Estimate

_MOST_NAMED = 3
"""Clinics that miss the target: so few are named."""


def definition(outcome: Outcome) -> list[tuple[str, str]]:
    """What the network file says of a measure: why it matters, what it counts, who answers for it."""
    about = outcome.about
    told = {
        "why": about.why,
        "measured" if outcome.kind == "continuous" else "numerator": about.numerator,
        "denominator": about.denominator,
        "source": about.source,
        "owner": about.owner,
        "reviewed": None if about.reviewed is None else date_name(about.reviewed.isoformat()),
        "next_review": None if about.next_review is None else date_name(about.next_review.isoformat()),
    }
    return [(say(f"definition.{key}"), words) for key, words in told.items() if words]


def target_words(outcome: Outcome) -> str:
    """The target with the side that meets it: "at most 10%"; empty where there is none."""
    if outcome.target is None:
        return ""
    return say(f"target.{outcome.direction}", value=_written(outcome.target, outcome.unit))


def target_of_clinic(outcome: Outcome, line: Line) -> str:
    """Whether a clinic meets the target, as far as its best estimate tells; empty where that is not told."""
    found = _reach(outcome, line.shrunken)
    if found is None:
        return ""
    key = "few" if _FEW & {*line.shrunken.why} else found
    return say(f"target.clinic_{key}", target=target_words(outcome))


def target_of_network(outcome: Outcome) -> str:
    """How many of the clinics that are shown meet the target; empty where there is none."""
    if outcome.target is None:
        return ""
    target = target_words(outcome)
    found = Counter(_reach(outcome, line.shrunken) for line in outcome.lines)
    told: list[Reach] = ["met", "missed", "open"]
    missed = [line.clinic for line in outcome.lines if _reach(outcome, line.shrunken) == "missed"]
    parts = [
        say(f"target.count_{each}", clinics=counted(found[each], "clinic")) for each in told if found[each]
    ]
    if 0 < len(missed) <= _MOST_NAMED:
        place = told.index("missed") - (not found["met"])
        parts[place] = say("target.count_named", clinics=parts[place], names=listed(missed))
    if not parts:
        return say("target.none_told", target=target)
    key = "target.network_geometric" if outcome.logarithmic else "target.network"
    return say(key, target=target, clinics=listed(parts))


def target_line(outcome: Outcome, at: float | None) -> str:
    """What the target's line is, or that it lies off the chart; empty where there is none."""
    if outcome.target is None:
        return ""
    return say("target.beyond" if at is None else "target.line", target=target_words(outcome))


_FEW = {"why.few_records", "why.few_events"}


def _reach(outcome: Outcome, best: Estimate) -> Reach | None:
    """Of a clinic below the minimums nothing is shown: its best estimate rests on the others."""
    if outcome.target is None or not best.shown:
        return None
    if _FEW & {*best.why}:
        return "open"
    return reach(outcome.target, outcome.direction, best.lower, best.upper)


def _written(value: float, unit: str) -> str:
    """The target as it was declared: no more decimals than it has."""
    number = plain(value)
    if unit == "%":
        return say("number.percent", number=number)
    return f"{number}{NO_BREAK}{unit}" if unit else number
