"""Which sentence a reader gets for which numbers. The words themselves are in `reports/wording`."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median

from reports.wording import has, say, spoken_period
from reports.wording.writing import (
    between,
    counted,
    date_name,
    listed,
    percent,
    period_name,
    periods_name,
    plain,
)
from tasks.rendering.charts.funnel import FEWEST, Funnel
from tasks.rendering.edition import Clinic, Edition, Line, Outcome
from tasks.rendering.numbers import Notation, fixed, significant, whole
from tasks.rendering.shown_figures import Figure, Finding
from tasks.rendering.words import change_sentences
from tasks.rendering.words.caveats import ICC_ALIKE
from tasks.rendering.words.measure_words import target_words
from tasks.rendering.words.standing import important_difference


def average(outcome: Outcome) -> str | None:
    """The comparator's value, with its interval where the release holds one."""
    if outcome.comparator_value is None:
        return None
    against = sentence_case(outcome.comparator)
    value = outcome.notation.prose(outcome.comparator_value)
    ends = comparator_range(outcome)
    if ends:
        key = "message.average_geometric" if outcome.logarithmic else "message.average_interval"
        said = say(key, comparator=against, value=value, ends=ends)
        return " ".join(filter(None, (said, _drawn_by_one(outcome), _of_all_records(outcome))))
    return say("message.average", comparator=against, value=value)


def _drawn_by_one(outcome: Outcome) -> str | None:
    """Which clinic draws the typical one's mean, where the order of a few would rest on it.

    Not where some of them are not compared: the order is not theirs, and the mean is.
    """
    typical = outcome.comparator_value
    best = {
        line.clinic: line.shrunken.value
        for line in outcome.lines
        if line.shrunken.shown and line.shrunken.value is not None
    }
    if "ranked.rests_on_one" not in outcome.verdict_why or typical is None or len(best) < 3:
        return None
    if not all(line.compared for line in outcome.lines):
        return None
    furthest = max(best, key=lambda clinic: abs(best[clinic] - typical))
    others = [value for clinic, value in best.items() if clinic != furthest]
    ends = outcome.notation.prose_range(min(others), max(others))
    return say("message.average_drawn", clinic=furthest, range=ends)


def _of_all_records(outcome: Outcome) -> str | None:
    """The network's own figure, where clinics of few events are left out of the typical one."""
    typical, mean = outcome.figures.get("typical"), outcome.figures.get("mean")
    if outcome.kind == "continuous" or outcome.monthly or not outcome.counted("withheld"):
        return None
    if typical is None or typical.lower is None or mean is None or mean.value is None:
        return None
    events = [line.events for line in outcome.lines if line.raw.shown and line.events is not None]
    if not events or median(events) > _FEW_EVENTS:
        return None  # those withheld are small, and not for what they had
    many = outcome.counted("withheld") >= _MANY * len(outcome.lines)
    if not mean.value < ((typical.value or 0.0) if many else typical.lower):
        return None
    return say("message.average_all_higher", value=outcome.notation.prose(mean.value))


def comparator_range(outcome: Outcome) -> str:
    """The comparator's 95% interval; empty where the release holds none."""
    typical = outcome.figures.get("typical")
    if typical is None or typical.lower is None or typical.upper is None:
        return ""
    return outcome.notation.range(typical.lower, typical.upper)


def intraclass(outcome: Outcome) -> str | None:
    """The ICC in words."""
    figure = outcome.figures.get("icc")
    if figure is None or figure.value is None:
        return None
    notation = Notation.of([(figure.value, figure.lower, figure.upper)], "")
    interval = ""
    if figure.lower is not None and figure.upper is not None:
        interval = say("message.icc_interval", ends=notation.range(figure.lower, figure.upper))
    key = "icc_tiny" if figure.value < 0.01 else "icc_whole" if figure.value >= 0.995 else "icc"
    said = say(
        f"message.{key}",
        share=percent(100 * figure.value, 0),
        value=notation.number(figure.value),
        interval=interval,
        units=_units(outcome),
    )
    if outcome.clustered_in_part:
        said = f"{said} {say('message.icc_shown')}"
    if ICC_ALIKE not in figure.how:
        return said
    return f"{said} {say('message.icc_alike_part' if told_apart(outcome) else 'message.icc_alike')}"


def told_apart(outcome: Outcome) -> bool:
    """Whether clinics are told apart: what sets them apart cannot all be records that are alike."""
    return outcome.verdict in ("rank", "grade") or outcome.counted("better", "worse") > 0


def regional(outcome: Outcome) -> str | None:
    """That regions differ, and clinics are drawn towards theirs; None where clinics are not told apart."""
    share = outcome.figures.get("region_share")
    if share is None or share.value is None or outcome.undivided:
        return None
    interval = ""
    if share.lower is not None and share.upper is not None:
        ends = between(percent(100 * share.lower, 0), percent(100 * share.upper, 0))
        interval = say("message.regional_interval", ends=ends)
    return say("message.regional", share=percent(100 * share.value, 0), interval=interval)


def design_effect(outcome: Outcome, patients: int | None = None) -> str | None:
    """The design effect and effective sample size in words.

    Args:
        outcome: the outcome.
        patients: how many people the records are of; None where nobody comes again, or it is not shown.
    """
    factor = outcome.figures.get("design_effect")
    if factor is None or factor.value is None:
        return None
    effective = outcome.figures.get("effective_sample_size")
    records = _clustered_records(outcome)
    if records is not None and effective and effective.value is not None:
        said = say(
            "message.effective",
            records=whole(records),
            effective=fixed(effective.value, 0),
            interval=_ends_of_size(effective),
            factor=significant(factor.value),
        )
        correlation = outcome.figures.get("icc")
        counted = correlation is not None and ICC_ALIKE in correlation.how
        fewer = not counted and patients is not None and effective.value > patients
        return f"{said} {say('message.effective_alike')}" if fewer else said
    if outcome.monthly:
        return say("message.design_effect_monthly", factor=significant(factor.value))
    return say("message.design_effect", factor=significant(factor.value))


def _clustered_records(outcome: Outcome) -> float | None:
    """How many records the design effect is of; None where that is not published.

    It is of months where an outcome counts records; and of a rate's shown clinics events and exposure are.
    """
    if outcome.monthly or (outcome.clustered_in_part and outcome.kind == "count"):
        return None
    if outcome.clustered_in_part:
        return sum(line.size or 0.0 for line in outcome.lines if not line.shrunken.withheld)
    return outcome.n_records


def _ends_of_size(effective: Figure) -> str:
    if effective.lower is None or effective.upper is None:
        return ""
    ends = between(fixed(effective.lower, 0), fixed(effective.upper, 0))
    return say("message.effective_interval", ends=ends)


def not_estimable(outcome: Outcome) -> str:
    """Why an outcome has no figures: it has no estimate, or what there is would give a small number away."""
    if outcome.status.startswith("suppressed"):
        return say("message.outcome_withheld")
    return say("message.not_estimable", reason=bare(outcome.reason))


def incomplete(edition: Edition) -> str:
    """That the period was reported before its records were all there; nothing where they were."""
    why = edition.release.incomplete
    return "" if why is None else say("incomplete.reported", reasons=why)


def quality_message(edition: Edition) -> str:
    """How many records screening set aside, and how many values it blanked."""
    found = {"set_aside": 0, "value_blanked": 0}
    for finding in edition.network_quality:
        if finding.action in found:
            if finding.withheld:
                return say("message.quality_withheld")
            found[finding.action] += finding.n_found or 0
    if not any(found.values()):
        return say("message.quality_clean")
    return say(
        "message.quality",
        set_aside=counted(found["set_aside"], "record"),
        blanked=counted(found["value_blanked"], "value"),
    )


_FEW_EVENTS = 30.0
"""Of the middle clinic that is shown, up to which others are withheld for having fewer."""
_MANY = 0.25
"""Of the clinics, from which on those withheld leave the others a selection by their events."""
_WIDER = 1.05
"""From this design effect on a funnel says that its limits allow for records that are alike."""


def funnel_words(outcome: Outcome, plot: Funnel) -> str:
    """What stands under a funnel, or instead of one."""
    factor = "" if plot.overdispersion is None else significant(plot.overdispersion, 2)
    root = "" if plot.overdispersion is None else significant(math.sqrt(plot.overdispersion), 2)
    if plot.why_not == "few":
        return say("outcome.funnel_few", fewest=FEWEST)
    if plot.why_not in ("unknown", "no_size"):
        return say(f"outcome.funnel_{plot.why_not}")
    if plot.why_not == "uninformative":
        return say("outcome.funnel_uninformative", root=root, factor=factor)
    alike = plot.design_effect >= _WIDER
    key = "" if plot.widened else "_alike" if alike else "_none"
    spread = say(f"outcome.overdispersion{key}", factor=factor, root=root)
    if alike:
        spread += f" {say('outcome.funnel_alike', times=significant(math.sqrt(plot.design_effect), 2))}"
    if outcome.kind == "continuous":
        spread += f" {say('outcome.funnel_spread')}"
    stated = say("outcome.funnel_caption", overdispersion=spread)
    beyond = (
        say("outcome.funnel_alarm", clinics=listed(plot.alarmed))
        if plot.alarmed
        else say("outcome.funnel_alarm_none")
    )
    return f"{stated} {beyond}"


def caterpillar_words(outcome: Outcome) -> str:
    """What the marks in an outcome's rows of clinics are."""
    counts = say("outcome.denominator_count" if outcome.kind == "count" else "outcome.denominator")
    if outcome.comparator_value is None:
        return say("outcome.caption_own", denominator=counts)
    value = outcome.notation.prose(outcome.comparator_value)
    caption = say("outcome.caption", comparator=outcome.comparator, value=value, denominator=counts)
    difference = important_difference(outcome)
    if not outcome.judged:
        return f"{caption} {say('outcome.caption_place')}"
    if difference is None:
        return caption
    return f"{caption} {say('outcome.caption_important', difference=difference)}"


_NOT_COMPARED = ("uncompared", "own", "withheld", "absent")


def beside(edition: Edition, outcome: Outcome) -> list[tuple[str, str]]:
    """What must stand beside every comparison: who is in it, who is not and why, when, how."""
    sizes = [line.size for line in outcome.lines if line.counted_as not in _NOT_COMPARED]
    values = {"compared": len(sizes), "all": len(outcome.lines)}
    if outcome.n_records is None or outcome.kind == "count" or None in sizes:
        n = say("beside.compared_text_clinics", **values)
    else:
        records = whole(sum(size or 0.0 for size in sizes))
        n = say("beside.compared_text", records=records, total=whole(outcome.n_records), **values)
    release = edition.release
    return [
        (say("beside.compared"), n),
        (say("beside.excluded"), _excluded(edition, outcome)),
        (
            say("beside.period"),
            say(
                "beside.period_text",
                months=periods_name(*release.window),
                cut_off=date_name(release.cut_off),
            ),
        ),
        (say("beside.adjusters"), adjusters(outcome)),
        *_program_row(edition, outcome),
        (say("beside.comparator"), comparator(outcome)),
        *_important_row(outcome),
        *_target_row(outcome),
        (
            say("beside.direction"),
            say("direction.volume" if outcome.monthly else f"direction.{outcome.direction}"),
        ),
        (say("beside.rankability"), outcome.verdict_reason or say(f"verdict.{outcome.verdict or 'none'}")),
        *_in_part(outcome),
        (say("changes.beside"), change_sentences.beside(edition, outcome)),
        (say("beside.policy"), policy_words(release.policy)),
    ]


def _program_row(edition: Edition, outcome: Outcome) -> list[tuple[str, str]]:
    program = edition.network.program
    if program is None or not outcome.effects:
        return []
    return [(say("beside.program"), say("beside.program_text", program=program.label))]


def _important_row(outcome: Outcome) -> list[tuple[str, str]]:
    difference = important_difference(outcome)
    return [] if difference is None else [(say("beside.important"), difference)]


def _target_row(outcome: Outcome) -> list[tuple[str, str]]:
    target = target_words(outcome)
    return [(say("beside.target"), target)] if target else []


def _in_part(outcome: Outcome) -> list[tuple[str, str]]:
    """What of an outcome that was estimated could not be used, or not be had."""
    if not outcome.estimated or not outcome.reason:
        return []
    reason = bare(outcome.reason)
    return [(say("beside.in_part"), f"{reason[0].upper()}{reason[1:]}.")]


def policy_words(policy: str | None) -> str:
    """The policy for small numbers, in words."""
    if policy is None:
        return say("policy.not_applied")
    key = f"policy.{policy}"
    return say(key) if has(key) else say("policy.other", policy=policy)


def short_reason(clinic: Clinic) -> str:
    """Why a clinic has no figures, in a word or two."""
    if clinic.status in ("ok", "low_reliability", "not_ranked"):
        return bare(clinic.reason)
    return say(f"status.{clinic.status}")


def found(finding: Finding) -> str:
    """How many a screening rule found, of how many: "13 of 15,524 records (0.1%)"."""
    if finding.withheld:
        return say(f"status.{finding.status}")
    if finding.n_found is None:
        return say("status.suppressed_primary")
    if not finding.n_checked:
        return counted(finding.n_found, finding.counted_in)
    percentage = fixed(100 * finding.n_found / finding.n_checked, 1)
    share_found = say("number.percent", number=percentage)
    checked = counted(finding.n_checked, finding.counted_in)
    return say("quality.found_share", found=whole(finding.n_found), checked=checked, share=share_found)


def comparator(outcome: Outcome) -> str:
    """What clinics are compared with, and its value."""
    if outcome.comparator_value is None:
        return outcome.comparator
    return f"{outcome.comparator}, {outcome.notation.prose(outcome.comparator_value)}"


def compared(outcome: Outcome) -> str:
    """How many clinics are compared, of all."""
    count = len(outcome.lines) - outcome.counted("uncompared", "own", "withheld", "absent")
    return say("beside.compared_clinics", compared=count, all=len(outcome.lines))


def adjusters(outcome: Outcome) -> str:
    """What best estimates are adjusted for, and that clinics' patients may differ where they are not."""
    named = [say("term.month") if each == spoken_period() else each for each in outcome.adjusters]
    if not named:
        return say("beside.adjusters_none")
    alone = not outcome.adjusts_for_patients and not outcome.monthly
    return say("beside.adjusters_periods") if alone else listed(named)


def adjusts(edition: Edition) -> str:
    """Whether best estimates are adjusted for patients: on all outcomes that have them, on some, on none."""
    modelled = [outcome for outcome in edition.estimated if not outcome.monthly]
    without = [outcome.label for outcome in modelled if not outcome.adjusts_for_patients]
    if not without:
        return say("methods.fair_adjusts")
    if len(without) == len(modelled):
        return say("methods.fair_adjusts_none")
    return say("methods.fair_adjusts_some", outcomes=listed(without))


def _uncompared(edition: Edition, outcome: Outcome) -> list[str]:
    """How many clinics are too uncertain to compare, by the limit that they are under."""
    policy = edition.network.policy_for(outcome.name)
    limits: dict[str, dict[str, object]] = {
        "few_records": {"fewest": policy.minimum_denominator},
        "few_events": {"fewest": policy.minimum_count},
        "unreliable": {"least": plain(policy.minimum_reliability)},
        "uncertain": {},
    }
    found = Counter(
        next((why for why in limits if f"why.{why}" in line.shrunken.why), "uncertain")
        for line in outcome.lines
        if line.counted_as == "uncompared"
    )
    return [
        say(f"beside.excluded_{why}", clinics=counted(found[why], "clinic"), **limit)
        for why, limit in limits.items()
        if found[why]
    ]


def withheld(outcome: Outcome) -> list[tuple[str, str]]:
    """Clinics without a figure that may be shown, each with its own in the last report that could show it."""
    periods = _last_periods(outcome)
    return [
        (line.clinic, _last_own(outcome, line, named=len(periods) > 1))
        for line in outcome.lines
        if not line.shown and line.tone == "withheld"
    ]


def withheld_before(outcome: Outcome) -> str:
    """What the figures beside withheld clinics are; empty where no report before shows any."""
    periods = _last_periods(outcome)
    if len(periods) == 1:
        return say("outcome.not_shown_before", month=period_name(periods.pop()))
    return say("outcome.not_shown_before_several") if periods else ""


def _last_periods(outcome: Outcome) -> set[str]:
    before = [line.before for line in outcome.lines if line.before is not None]
    return {each.period for each in before if each.raw.value is not None}


def _last_own(outcome: Outcome, line: Line, *, named: bool) -> str:
    if line.before is None or line.before.raw.value is None:
        return ""
    own = outcome.notation.cell(line.before.raw.value)
    month = period_name(line.before.period)
    return say("outcome.not_shown_last", own=own, month=month) if named else own


def _excluded(edition: Edition, outcome: Outcome) -> str:
    parts = _uncompared(edition, outcome)
    if told := sum(line.exceptional for line in outcome.lines):
        few = say("beside.told_all_the_same", excluded="; ".join(parts), clinics=told)
        parts = [few]
    if count := outcome.counted("withheld"):
        parts.append(say("beside.excluded_withheld", clinics=counted(count, "clinic")))
    if count := outcome.counted("own", "absent"):
        parts.append(say("beside.excluded_absent", clinics=counted(count, "clinic")))
    return "; ".join(parts) or say("beside.excluded_none")


def _units(outcome: Outcome) -> str:
    return say("message.units_monthly" if outcome.monthly else "message.units")


def sentence_case(text: str) -> str:
    """The text with a capital first letter."""
    return f"{text[:1].upper()}{text[1:]}"


def bare(reason: str | None) -> str:
    """A reason without its full stop, to stand inside a sentence."""
    return (reason or say("message.no_reason")).rstrip(". ")
