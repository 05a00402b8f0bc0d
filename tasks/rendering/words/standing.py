"""Which clinics stand out, by how much, and what place those have that nothing makes better or worse."""

from __future__ import annotations

import functools
import math
from statistics import NormalDist

from reports.wording import say
from reports.wording.writing import between, counted, listed, period_brief, plain
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.numbers import NO_BREAK, in_hundred, share
from tasks.rendering.shown_figures import Figure
from tasks.rendering.words.figure_words import network_range
from tasks.rendering.words.shown_names import shown

_MOST_MOVED = 12
_NORMAL = NormalDist()

SURE = 0.975
"""From which a gap is said to be large enough to matter."""


MOST_NAMED = 3
"""Clinics that the first page names on a side."""


def named(edition: Edition, outcome: Outcome) -> list[tuple[str, str]]:
    """Those that stand out on each side, the furthest first: how many, and who, by how much, since when."""
    if not outcome.judged or outcome.comparator_value is None:
        return []
    found = []
    for side in ("worse", "better"):
        lines = [line for line in outcome.lines if line.counted_as == side]
        if lines:
            lines.sort(key=functools.partial(_nearness, outcome))
            shown = lines if len(lines) <= MOST_NAMED + 1 else lines[:MOST_NAMED]
            words = [_named(edition, outcome, line) for line in shown]
            if more := len(lines) - len(shown):
                words.append(say("message.standing_further", count=more))
            head = say("message.standing_side", side=say(f"side.{side}"), count=len(lines))
            found.append((head, say("message.standing_between").join(words)))
    return found


def overlapping(outcome: Outcome) -> bool:
    """Whether the intervals of a clinic that stands out and of the typical clinic overlap all the same."""
    value, typical = outcome.comparator_value, outcome.figures.get("typical")
    if value is None:
        return False
    least = value if typical is None or typical.lower is None else typical.lower
    most = value if typical is None or typical.upper is None else typical.upper
    intervals = [(each.shrunken.lower, each.shrunken.upper) for each in outcome.lines if _stands_out(each)]
    return any(
        low is not None and high is not None and low <= most and least <= high for low, high in intervals
    )


def _stands_out(line: Line) -> bool:
    return line.counted_as in ("better", "worse")


def _nearness(outcome: Outcome, line: Line) -> float:
    """Less for what lies further from the comparator, on the scale on which clinics are compared."""
    value, typical = line.shrunken.value, outcome.comparator_value
    if value is None or typical is None:
        return 0.0
    if outcome.logarithmic and value > 0.0 and typical > 0.0:
        return -abs(math.log(value / typical))
    return -abs(value - typical)


def _named(edition: Edition, outcome: Outcome, line: Line) -> str:
    best = line.shrunken
    value = outcome.notation.number(best.value or 0.0)
    figure = value
    if best.lower is not None and best.upper is not None:
        figure = f"{value} ({outcome.notation.range(best.lower, best.upper)})"
    closed = closed_since(edition, line.clinic)
    clinic = line.clinic
    if closed is not None:
        clinic = say("message.standing_closed", clinic=clinic, month=period_brief(closed))
    if line.since is None or edition.since is None:
        return say("message.standing_clinic", clinic=clinic, figure=figure)
    if line.since == edition.release.period:
        return say("message.standing_clinic_new", clinic=clinic, figure=figure)
    return say("message.standing_clinic_since", clinic=clinic, figure=figure, month=period_brief(line.since))


def on_first_page(outcome: Outcome) -> str:
    """What the first page says of clinics beside those that it names."""
    if not outcome.judged:
        told = [_places(outcome, outcome.counted("withheld"))]
        if any(line.exceptional for line in outcome.lines):
            told.append(_beyond_doubt(outcome))
        return " ".join(told)
    withheld = outcome.counted("withheld")
    if withheld and withheld == len(outcome.lines):
        return say("message.differences_hidden")
    others = "; ".join(_others(outcome))
    if _standing(outcome):
        parts = [say("message.places_others", others=others)] if others else []
    elif outcome.undivided:
        parts = [_undivided(outcome)]
    elif not _compared(outcome):
        parts = [_none_compared(outcome, others)]
    else:
        all_compared = outcome.counted("uncompared") == 0
        none = "message.none_stands_out" if all_compared else "message.none_compared_stands_out"
        parts = [say(none), say("message.all_of", others=others)]
        parts += [say("message.may_pass")] if outcome.may_pass else []
    if withheld:
        parts.append(say("message.places_withheld", withheld=withheld))
        parts += [say("message.shown_without_events")] if _shows_no_events(outcome) else []
    beside = (important(outcome), exceptions(outcome, brief=True), _far(outcome))
    return " ".join(filter(None, (*parts, *beside)))


def _shows_no_events(outcome: Outcome) -> bool:
    """Whether every clinic that is shown is one without events: those of few are withheld."""
    events = [line.events for line in outcome.lines if line.raw.shown]
    return outcome.kind != "continuous" and not outcome.monthly and bool(events) and set(events) == {0.0}


def _beyond_doubt(outcome: Outcome) -> str:
    """Clinics that are not compared, and are above or below the typical one all the same."""
    typical = outcome.comparator_value or 0.0
    exceptional = [line for line in outcome.lines if line.exceptional]
    above = [line.clinic for line in exceptional if (line.shrunken.value or 0.0) >= typical]
    sides = {"above": above, "below": [each.clinic for each in exceptional if each.clinic not in above]}
    told = [
        say(f"message.exceptions_{side}", clinics=listed(names)) for side, names in sides.items() if names
    ]
    return say("message.exceptions_placed", sides="; ".join(told))


def _compared(outcome: Outcome) -> bool:
    """Whether any clinic is compared with the typical one."""
    return outcome.counted("better", "worse", "same") > 0


def _none_compared(outcome: Outcome, others: str) -> str:
    """That none is compared; where some are named all the same, by the rule that all are held to."""
    some = any(line.exceptional for line in outcome.lines)
    return say("message.none_compared_by_rule" if some else "message.none_compared", others=others)


def apart_in_window(outcome: Outcome) -> dict[str, str]:
    """Clinics whose own figures over the window lie beyond chance, and on which side of the typical clinic.

    Asked where it is not known whether what clinics differ by lasts, and no clinic is compared for that: what
    was is known all the same. Of all clinics at once, by Bonferroni's inequality; the adjusted figure where
    patients are adjusted for.
    """
    if not outcome.undivided or outcome.undivided_by != "passing" or outcome.comparator_value is None:
        return {}
    forms = {
        line.clinic: line.adjusted if outcome.adjusts_for_patients else line.raw for line in outcome.lines
    }
    seen = {clinic: form for clinic, form in forms.items() if form.shown and form.value is not None}
    scale = math.log if outcome.logarithmic else float
    found = {}
    for clinic, form in seen.items():
        above = (form.value or 0.0) > outcome.comparator_value
        values = (form.value, form.lower if above else form.upper, outcome.comparator_value)
        if any(each is None or (outcome.logarithmic and each <= 0.0) for each in values):
            continue
        value, end, typical = (scale(each or 0.0) for each in values)
        times = _NORMAL.inv_cdf(1.0 - 0.025 / len(seen)) / _NORMAL.inv_cdf(SURE)
        if abs(value - typical) > times * abs(value - end):
            found[clinic] = "higher" if above else "lower"
    return found


def _passing_apart(outcome: Outcome) -> str | None:
    """Who those are; None where nobody is."""
    apart = apart_in_window(outcome)
    sides = {side: [clinic for clinic, each in apart.items() if each == side] for side in ("higher", "lower")}
    told = [
        say(f"message.passing_{side}", clinics=_first_of(names)) for side, names in sides.items() if names
    ]
    return say("message.passing_apart", sides="; ".join(told)) if told else None


def closed_since(edition: Edition, clinic: str) -> str | None:
    """The last period of a clinic that the network file says has closed; None of one that is open."""
    dates = {shown(name): each for name, each in edition.network.clinics.dated.items()}.get(clinic)
    until = None if dates is None else dates.open_until(edition.network.window.period)
    return until if until is not None and until < edition.release.period else None


def _undivided(outcome: Outcome) -> str:
    """That clinics are not told apart and why, and how far apart they may be for all that is known."""
    best = [line.shrunken for line in outcome.lines if line.tone == "uncompared"]
    values = [each.value for each in best if each.value is not None]
    ends = [end for each in best for end in (each.lower, each.upper) if end is not None]
    why = f"_{outcome.undivided_by}" if outcome.undivided_by else ""
    reach = outcome.notation.prose_range(min(ends), max(ends))
    beside = _passing_apart(outcome)
    value = outcome.notation.prose(min(values))
    if value == outcome.notation.prose(max(values)):
        said = say(f"message.undivided{why}_same", value=value, reach=reach)
    else:
        range_of = outcome.notation.prose_range(min(values), max(values))
        said = say(f"message.undivided{why}", range=range_of, reach=reach)
    return f"{said} {beside}" if beside else said


def latest_changes(outcome: Outcome) -> str | None:
    """Clinics whose latest periods are higher, or lower, than those before; None where none is."""
    told = [(line.clinic, line.latest) for line in outcome.lines if line.latest is not None]
    moved = {
        change: [clinic for clinic, latest in told if latest.change == change]
        for change in ("higher", "lower")
    }
    found = [
        say(f"latest.clinics_{change}", clinics=_first_of(names)) for change, names in moved.items() if names
    ]
    if not found:
        return None
    return say("latest.clinics", latest=counted(told[0][1].n_latest, "month"), changes="; ".join(found))


def _first_of(names: list[str]) -> str:
    """Clinics in a sentence: all of some, of many the first and how many more."""
    if len(names) <= _MOST_MOVED:
        return listed(names)
    more = say("clinic.more_outcomes", more=len(names) - _MOST_MOVED + 1)
    return listed([*names[: _MOST_MOVED - 1], more])


def _far(outcome: Outcome) -> str | None:
    """Clinics that lie far from the others, and so out of the typical one's mean; None where none does."""
    far = [line for line in outcome.lines if line.shrunken.outlying]
    if not far:
        return None
    uncompared = [
        say(
            "message.outlying_clinic",
            clinic=line.clinic,
            value=outcome.notation.prose_full(line.raw.value, line.raw.lower, line.raw.upper),
        )
        if line.raw.shown and line.raw.value is not None
        else line.clinic
        for line in far
        if line.tone == "uncompared"
    ]
    named = say("message.outlying_brief", clinics="; ".join(uncompared)) if uncompared else None
    left_out = say("message.outlying_left_out", clinics=listed([line.clinic for line in far]))
    return " ".join(filter(None, (named, left_out)))


def differences(outcome: Outcome) -> str:
    """How many clinics stand out, on which side, and how many cannot be told apart, compared or seen.

    What stands out is counted among the clinics that are shown: those withheld are often the small ones of
    one side, and leaving them unsaid would make the picture one-sided.
    """
    return " ".join(filter(None, (_differences(outcome), important(outcome), exceptions(outcome))))


def _differences(outcome: Outcome) -> str:
    withheld = outcome.counted("withheld")
    if not outcome.judged:
        return _places(outcome, withheld)
    standing, others = _standing(outcome), "; ".join(_others(outcome))
    shown = len(outcome.lines) - withheld
    if withheld and not shown:
        return say("message.differences_hidden")
    if not standing:
        if outcome.undivided:
            said = _undivided(outcome)
        elif not _compared(outcome):
            said = _none_compared(outcome, others)
        else:
            all_compared = outcome.counted("uncompared") == 0
            key = "message.differences_none" if all_compared else "message.differences_none_compared"
            said = say(key, others=others)
        return f"{said} {say('message.places_withheld', withheld=withheld)}" if withheld else said
    key = "message.differences" if others else "message.differences_all"
    said = say(key, standing=listed(standing), others=others)
    return say("message.differences_shown", shown=shown, said=said, withheld=withheld) if withheld else said


def _places(outcome: Outcome, withheld: int) -> str:
    """Where clinics lie on what makes none of them better, and how many are given a place."""
    if withheld == len(outcome.lines):
        return say("message.differences_hidden")
    ends = [outcome.figures.get(end) for end in ("range_low", "range_high")]
    parts = []
    if ends[0] is not None and ends[1] is not None and not outcome.no_spread and _is_told(outcome, ends[0]):
        parts.append(_range(outcome, ends[0], ends[1]))
    placed = outcome.counted("placed")
    why = say("message.places_neither" if outcome.direction == "neither" else "message.places_volume")
    others = "; ".join(_others(outcome))
    if placed:
        key = "message.places_one" if placed == 1 else "message.places"
        parts.append(say(key, placed=placed, all=len(outcome.lines), why=why))
        if others:
            parts.append(say("message.places_others", others=others))
    else:
        parts.append(say("message.places_none", others=others))
        parts += [say("message.may_pass")] if outcome.may_pass else []
    if withheld:
        parts.append(say("message.places_withheld", withheld=withheld))
        parts += [say("message.shown_without_events")] if _shows_no_events(outcome) else []
    return " ".join(parts)


def _is_told(outcome: Outcome, low: Figure) -> bool:
    """Whether clinics are shown to differ, and can lie as low: a normal distribution may go below 0."""
    correlation = outcome.figures.get("icc")
    if correlation is not None and correlation.lower is not None and correlation.lower <= 0.0:
        return False  # they may not differ at all
    own = [line.raw.value for line in outcome.lines if line.raw.value is not None]
    return low.value is None or low.value >= 0.0 or min(own, default=0.0) < 0.0


def _range(outcome: Outcome, low: Figure, high: Figure) -> str:
    """Where the middle 95% of clinics lie; one value where they differ by less than is written."""
    if low.value is not None and high.value is not None:
        written = outcome.notation.prose(low.value)
        if written == outcome.notation.prose(high.value):
            return say("message.places_same", value=written)
    return say("message.places_range", range=network_range(outcome, low, high))


def important(outcome: Outcome) -> str | None:
    """How many of the clinics that stand out differ by enough to matter; None where no one says what does."""
    difference = important_difference(outcome)
    standing = [line for line in outcome.lines if line.counted_as in ("better", "worse")]
    probable = [line.shrunken.p_important for line in standing if line.shrunken.p_important is not None]
    if difference is None or not probable:
        return None
    if len(probable) == 1:
        return say("message.important_one", difference=difference, probability=share(probable[0]))
    counts = {"standing": len(probable), "doubtful": sum(each < 0.5 for each in probable)}
    sure = sum(each > SURE for each in probable)
    if not sure:
        return say("message.important_none", difference=difference, **counts)
    if not counts["doubtful"]:
        return say("message.important_sure", difference=difference, sure=sure, standing=len(probable))
    return say("message.important", difference=difference, sure=sure, **counts)


def important_difference(outcome: Outcome) -> str | None:
    """The smallest difference that matters, with its unit; None where the network file names none."""
    value = outcome.important_difference
    if value is None:
        return None
    points = "unit.percentage_point" if value == 1.0 else "unit.percentage_points"
    unit = say(points) if outcome.unit == "%" else outcome.unit
    return f"{plain(value)}{NO_BREAK}{unit}" if unit else plain(value)


def exceptions(outcome: Outcome, *, brief: bool = False) -> str | None:
    """Who is told although too small to be compared, and that the others cannot be judged by them.

    Args:
        outcome: the outcome.
        brief: whether to leave out what follows for the others.
    """
    lines = [line for line in outcome.lines if line.exceptional]
    if not lines:
        return None
    named = [_exception(outcome, line) for line in lines]
    if brief:
        return say("message.exceptions_brief", clinics="; ".join(named))
    key = "message.exceptions_values" if outcome.kind == "continuous" else "message.exceptions"
    return say(key, clinics="; ".join(named))


def _exception(outcome: Outcome, line: Line) -> str:
    """A clinic that is told although too small to be compared, with its best estimate."""
    best, reading = line.shrunken, _reading_of(line)
    if best.value is None:
        return say("message.exception", clinic=line.clinic, reading=reading)
    figure = outcome.notation.full(best.value, best.lower, best.upper)
    return say("message.exception_figure", clinic=line.clinic, reading=reading, figure=figure)


def _reading_of(line: Line) -> str:
    """The same in a sentence, where no column's head says what a place is."""
    reading = short_reading(line)
    return say("message.exception_place", place=reading) if line.tone == "placed" else reading


def outlying(outcome: Outcome) -> str | None:
    """Who lies further from the others than a distribution of clinics explains; None where nobody does."""
    names = [line.clinic for line in outcome.lines if line.shrunken.outlying]
    if not names:
        return None
    return say("message.outlying", clinics=listed(names))


def short_reading(line: Line) -> str:
    """What a clinic's row says in the column of readings: a word with its probability, or a place."""
    best = line.shrunken
    if line.tone == "placed" and best.place is not None:
        if best.place_lower is None or best.place_upper is None:
            return in_hundred(best.place)
        ends = between(in_hundred(best.place_lower), in_hundred(best.place_upper))
        return f"{in_hundred(best.place)} ({ends})"
    word = say(f"tone_short.{line.tone}")
    told = line.tone in ("better", "worse") or likely_important(line)
    if told and best.p_important is not None:
        return say("outcome.reading_important", word=word, probability=share(best.p_important))
    return word


def likely_important(line: Line) -> bool:
    """Whether a clinic is not shown to differ, but more likely than not does by as much as is important."""
    probability = line.shrunken.p_important
    return line.tone == "same" and probability is not None and probability > 0.5


def _standing(outcome: Outcome) -> list[str]:
    """How many stand out, on each side."""
    counts = {tone: outcome.counted(tone) for tone in ("better", "worse")}
    return [
        say(_standing_key(count, first=not before), count=count, tone=say(f"tone.{tone}"))
        for before, (tone, count) in enumerate((tone, count) for tone, count in counts.items() if count)
    ]


def _others(outcome: Outcome) -> list[str]:
    """How many cannot be told apart, or are not compared and why."""
    counts = {"same": outcome.counted("same"), **_uncompared(outcome)}
    counts |= {tone: outcome.counted(tone) for tone in ("own", "absent")}
    return [say(f"message.others_{tone}", count=count) for tone, count in counts.items() if count]


def _uncompared(outcome: Outcome) -> dict[str, int]:
    """How many are not compared, by which wording says why: few records or events, or little reliability."""
    few = "uncompared_few_records" if outcome.kind == "continuous" else "uncompared_few"
    counts = {few: 0, "uncompared_unreliable": 0, "uncompared": 0}
    for line in outcome.lines:
        if line.counted_as == "uncompared":
            if {"why.few_records", "why.few_events"} & set(line.shrunken.why):
                counts[few] += 1
            else:
                counts[
                    "uncompared_unreliable" if "why.unreliable" in line.shrunken.why else "uncompared"
                ] += 1
    return counts


def _standing_key(count: int, *, first: bool) -> str:
    """The first of those that stand out brings the noun and the verb; the others go without."""
    if not first:
        return "message.standing_more"
    return "message.standing_one" if count == 1 else "message.standing_many"
