"""What a clinic's manager is told, by which of the clinic's numbers. The words are in `reports/wording`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reports.wording import say
from reports.wording.writing import between, listed, period_name, periods_name, start_name
from tasks.periods import Period, first_day
from tasks.release import over_expected
from tasks.rendering.edition import Clinic, Edition, Line, Outcome
from tasks.rendering.numbers import fixed, in_hundred, share, whole
from tasks.rendering.shown_figures import LastShown, tone_of
from tasks.rendering.words.sentences import bare, incomplete, policy_words, sentence_case
from tasks.rendering.words.shown_names import shown
from tasks.rendering.words.standing import (
    apart_in_window,
    closed_since,
    important_difference,
    likely_important,
)

MOST_NAMED = 6
_PROBABLE, _HARDLY = 0.5, 0.25


def reading(outcome: Outcome, line: Line) -> str:
    """What one outcome says about one clinic, to its manager."""
    if line.tone == "withheld":
        why = "clinic.withheld_besides" if _besides(line) else "clinic.withheld"
        return " ".join(filter(None, (say(why), _last_shown(outcome, line))))
    if line.tone == "absent":
        return say("clinic.absent", reason=bare(line.reason or outcome.reason))
    if line.tone == "uncompared":
        if outcome.undivided:
            why = f"_{outcome.undivided_by}" if outcome.undivided_by else ""
            now = apart_in_window(outcome).get(line.clinic)
            beside = say(f"clinic.passing_{now}") if now else None
            return " ".join(filter(None, (say(f"clinic.undivided{why}"), beside)))
        if line.reason and _enough_records(line):
            reason = sentence_case(bare(line.reason))
            return say("clinic.uncompared_alike", reason=reason, yours=_own_reliability(line))
        if line.reason:
            return say("clinic.uncompared_reason", reason=sentence_case(bare(line.reason)))
        return say("clinic.uncompared")
    if line.tone == "own":
        return say("clinic.own_only", reason=bare(line.reason or outcome.reason))
    fair = "" if line.shrunken.value is None else outcome.notation.prose(line.shrunken.value)
    network = "" if outcome.comparator_value is None else outcome.notation.prose(outcome.comparator_value)
    if line.tone == "placed":
        said = _placed(outcome, line, fair)
    else:
        apart = "_apart" if line.tone == "same" and _rests_on_another(outcome, line) else ""
        said = say(f"clinic.{line.tone}{apart}", fair=fair, network=network)
    more = (_important(outcome, line), _unadjusted(outcome, line), _exception(line), _outlying(line))
    return " ".join(filter(None, (said, *more)))


def _rests_on_another(outcome: Outcome, line: Line) -> bool:
    """Whether the interval of a clinic that is not told apart lies wholly beside the typical clinic's.

    So it is where the mean without any one other of a few clinics has it on no side.
    """
    best, typical = line.shrunken, outcome.figures.get("typical")
    if typical is None or None in (best.lower, best.upper, typical.lower, typical.upper):
        return False
    return bool(best.upper < typical.lower or best.lower > typical.upper)  # type: ignore[operator]


def _unadjusted(outcome: Outcome, line: Line) -> str | None:
    """That the clinic may stand out for its patients, where nothing about them is adjusted for."""
    stands_out = line.tone in ("better", "worse") and not outcome.adjusts_for_patients
    return say("clinic.not_adjusted") if stands_out else None


def _besides(line: Line) -> bool:
    """Whether a figure is withheld only because a small number would follow from it."""
    return all(each.status == "suppressed_secondary" for each in (line.raw, line.shrunken) if each.withheld)


def _last_shown(outcome: Outcome, line: Line) -> str | None:
    """What the last report that could shows of a figure."""
    if line.before is None:
        return None
    month = period_name(line.before.period)
    return say("clinic.last_shown", month=month, figures=_figures_of(outcome, line.before))


def _figures_of(outcome: Outcome, before: LastShown) -> str:
    own, best = before.raw, before.shrunken
    parts = []
    if own.value is not None:
        written = outcome.notation.prose_full(own.value, own.lower, own.upper)
        parts.append(say("clinic.last_own", own=written))
    if best.value is not None:
        written = outcome.notation.prose_full(best.value, best.lower, best.upper)
        parts.append(say("clinic.last_fair", fair=written, standing=say(f"tone.{tone_of(best)}")))
    return "; ".join(parts)


def last_shown(edition: Edition, clinic: Clinic) -> list[str]:
    """Of each outcome what the last report that could shows of a clinic's figure."""
    lines = [(outcome, outcome.by_clinic[clinic.name].before) for outcome in edition.outcomes]
    return [
        say(
            "unreported.last_shown_row",
            label=outcome.label,
            month=period_name(before.period),
            figures=_figures_of(outcome, before),
        )
        for outcome, before in lines
        if before is not None
    ]


def _placed(outcome: Outcome, line: Line, fair: str) -> str:
    """The clinic's place among the network's clinics, where no direction is better."""
    best = line.shrunken
    why = say("clinic.placed_neither" if outcome.direction == "neither" else "clinic.placed_volume")
    if best.place is None or best.place_lower is None or best.place_upper is None:
        return say("clinic.placed_nowhere", fair=fair, why=why)
    ends = between(in_hundred(best.place_lower), in_hundred(best.place_upper))
    place = in_hundred(best.place)
    how = {">": "over", "<": "under"}.get(place[0], "about")
    place = say(f"clinic.place_{how}", place=place.lstrip("<>"))
    return say("clinic.placed", fair=fair, place=place, ends=ends, why=why)


def _important(outcome: Outcome, line: Line) -> str | None:
    """How probable it is that the clinic differs by enough to matter."""
    difference, probability = important_difference(outcome), line.shrunken.p_important
    if likely_important(line) and difference is not None:
        return say("clinic.likely", difference=difference)
    if line.tone not in ("better", "worse") or difference is None or probability is None:
        return None
    return say("clinic.important", difference=difference, probability=share(probability))


def _exception(line: Line) -> str | None:
    """Why a clinic too small to be compared is compared."""
    return sentence_case(bare(line.reason)) + "." if line.exceptional else None


def _outlying(line: Line) -> str | None:
    """That a clinic is no draw of the others' distribution, and what that does to its best estimate."""
    return say("clinic.outlying") if line.shrunken.outlying else None


def _enough_records(line: Line) -> bool:
    """Whether a clinic is not compared because clinics hardly differ, rather than for want of records."""
    return "why.unreliable" in line.shrunken.why


def place_words(outcome: Outcome, line: Line) -> str:
    """The clinic's place or grade, as far as the verdict allows; empty where it allows neither."""
    rank = line.rank
    if (
        outcome.verdict == "rank"
        and rank.median is not None
        and rank.lower is not None
        and rank.upper is not None
    ):
        return say(
            "clinic.place_sure" if rank.lower == rank.upper else "clinic.place",
            median=whole(rank.median),
            all=rank.n_ranked,
            lower=whole(rank.lower),
            upper=whole(rank.upper),
        )
    if outcome.verdict in ("rank", "grade") and rank.grade in ("above", "typical", "below"):
        return say(f"clinic.grade_{rank.grade}")
    return ""


def _own_reliability(line: Line) -> str:
    """The clinic's reliability, which allows for more than its own weight beside it; empty where unknown."""
    value = line.shrunken.reliability
    return "" if value is None else say("clinic.uncompared_yours", reliability=fixed(value, 2))


def counts(outcome: Outcome, line: Line) -> str:
    """What the clinic's own figure is made of: "45 of 366 records"; empty where that is not to be seen.

    A denominator that is no number of records bears the name of its column, as adjusters do.
    """
    raw = line.raw
    if raw.denominator is None:
        return ""
    denominator = whole(raw.denominator)
    if outcome.kind == "binary" and raw.numerator is not None:
        return say("clinic.of", numerator=whole(raw.numerator), denominator=denominator)
    if outcome.kind == "count" and raw.numerator is not None:
        both = {"numerator": whole(raw.numerator), "denominator": denominator}
        if outcome.exposure is None:
            return say("clinic.of_count", **both)
        return say("clinic.of_exposure", **both, exposure=outcome.exposure.replace("_", " "))
    return say("clinic.n", denominator=denominator)


def expected(outcome: Outcome, line: Line) -> str:
    """What its own patients would have at the typical clinic.

    Empty of a clinic that is not compared, and where nothing tells its patients from others'.
    """
    raw, best = line.raw, line.shrunken
    if not outcome.adjusts_for_patients:
        return ""
    predicted = [best.pe, best.pe_lower, best.pe_upper]
    comparable = over_expected(raw.value, best.expected) is not None
    if not line.compared or best.expected is None or not comparable or None in predicted:
        return ""
    best_of_own, *ends = (fixed(each, 2) for each in predicted if each is not None)
    return say(
        "clinic.expected",
        expected=outcome.notation.prose(best.expected),
        predicted=best_of_own,
        predicted_range=between(*ends),
    )


def adjusted(outcome: Outcome, line: Line) -> str:
    """What stands between own figure and best estimate; empty where it is written like the own one."""
    own, between_both = line.raw.value, line.adjusted.value
    if own is None or between_both is None or not outcome.adjusters or outcome.without_events(line):
        return ""
    written = outcome.notation.cell(between_both)
    return "" if written == outcome.notation.cell(own) else say("clinic.adjusted", value=written)


def weight(outcome: Outcome, line: Line) -> str:
    """How far the clinic's own records decide its best estimate; empty where that is not to be seen."""
    w = outcome.own_weight(line)
    return "" if w is None else say("clinic.weight", weight=share(w))


def in_short(edition: Edition, clinic: Clinic) -> list[tuple[str, str]]:
    """The first lines of a clinic's report: one for each kind of finding that occurs, worst first."""
    found = by_tone(edition, clinic)
    slight = [name for name in _slight(edition, clinic) if name in found.get("worse", [])]
    likely = {} if "same" not in found else _likely(edition, clinic)
    lines = []
    undivided = [each.label for each in edition.outcomes if each.undivided]
    passing = [each.label for each in edition.outcomes if clinic.name in apart_in_window(each)]
    for tone, names in found.items():
        if tone == "uncompared" and (alike := [name for name in names if name in undivided]):
            if others := [name for name in alike if name not in passing]:
                lines.append((tone, say("clinic.short_undivided", outcomes=some(others))))
            if passing:
                lines.append((tone, say("clinic.short_passing", outcomes=some(passing))))
            names = [name for name in names if name not in undivided]
        if told := [name for name in names if name not in slight and (tone != "same" or name not in likely)]:
            lines.append((tone, say(f"clinic.short_{tone}", outcomes=some(told))))
        if tone == "worse" and slight:
            lines.append((tone, say("clinic.short_slight", outcomes=some(slight))))
        if tone == "same":
            lines += [
                (tone, say("clinic.short_likely", outcome=name, difference=difference))
                for name, difference in likely.items()
            ]
    months = periods_name(
        clinic.first_month or edition.release.window[0], clinic.last_month or edition.release.window[1]
    )
    if clinic.n_records is not None and clinic.n_patients is not None:
        text = say(
            "clinic.short_records",
            records=whole(clinic.n_records),
            patients=whole(clinic.n_patients),
            months=months,
        )
        lines.append(("records", text))
    elif clinic.n_records is not None:
        lines.append(
            (
                "records",
                say("clinic.short_records_only", records=whole(clinic.n_records), months=months),
            )
        )
    if early := incomplete(edition):
        lines.append(("records", early))
    if closed := closed_since(edition, clinic.name):
        lines.append(("records", say("clinic.closed_since", month=period_name(closed))))
    if program := program_words(edition, clinic):
        lines.append(("records", program))
    return lines


def program_words(edition: Edition, clinic: Clinic) -> str:
    """Since when the clinic has the program; empty where the network file gives no starts."""
    program = edition.network.program
    if program is None or program.starts is None:
        return ""
    start = _program_start(edition, clinic)
    if start is None:
        return say("clinic.program_not_yet", program=program.label)
    return say("clinic.program_since", program=program.label, month=start_name(start))


def _program_start(edition: Edition, clinic: Clinic) -> str | None:
    """When the program started at a clinic; None where it had not while there were patients."""
    program = edition.network.program
    starts = {} if program is None or program.starts is None else program.starts
    start = {shown(name): each for name, each in starts.items()}.get(clinic.name)
    last = closed_since(edition, clinic.name) or edition.release.period
    return None if start is None or first_day(start) >= Period.of_label(last).day_after else start


def _hardly_has_program(edition: Edition, clinic: Clinic) -> bool:
    """Whether others have had the program for most of the window, and the clinic has not."""
    program = edition.network.program
    if program is None or program.starts is None:
        return False
    kind, (first, last) = edition.network.window.period, edition.release.window
    begin = Period.of_label(first).ordinal
    middle = (begin + Period.of_label(last).ordinal) / 2.0

    def had_early(start: str) -> bool:
        return Period.of_day(kind, first_day(start)).ordinal <= middle

    own = _program_start(edition, clinic)
    return any(map(had_early, program.starts.values())) and (own is None or not had_early(own))


def to_do(edition: Edition, clinic: Clinic, *, records: bool, months: Collection[str]) -> list[str]:
    """What a manager can do, for each kind of finding that occurs.

    Args:
        edition: the edition.
        clinic: the manager's.
        records: whether findings about the records are there to look at.
        months: labels of the outcomes whose months are there to look at.
    """
    if closed_since(edition, clinic.name):
        return [say("clinic.do_closed")]
    found = by_tone(edition, clinic)
    slight = _slight(edition, clinic)
    for tone in ("worse", "better"):
        if told := [each for each in found.pop(tone, []) if each not in slight]:
            found[tone] = told
    advice = []
    if "worse" in found:
        steps = [say("clinic.do_worse_records")] if records else []
        steps += [say("clinic.do_worse_months")] if not {*found["worse"]}.isdisjoint(months) else []
        unadjusted = {each.label for each in edition.outcomes if not each.adjusts_for_patients}
        steps += [say("clinic.do_worse_patients")] if not unadjusted.isdisjoint(found["worse"]) else []
        program = edition.network.program
        bears_on = {each.label for each in edition.outcomes if each.effects}
        if program is not None and not bears_on.isdisjoint(found["worse"]):
            late = _hardly_has_program(edition, clinic)
            steps += [say("clinic.do_worse_program", program=program.label)] if late else []
        first = say("clinic.do_worse", outcomes=some(found["worse"]))
        advice.append(" ".join([first, *steps, say("clinic.do_worse_then")]))
    if "better" in found:
        advice.append(say("clinic.do_better", outcomes=some(found["better"])))
    if slight:
        advice.append(say("clinic.do_slight", outcomes=some(slight)))
    if improving := [each for each in _moved(edition, clinic, better=True) if each in found.get("worse", ())]:
        advice.append(say("clinic.do_improving", outcomes=some(improving)))
    if worsening := _moved(edition, clinic, better=False):
        advice.append(say("clinic.do_worsening", outcomes=some(worsening)))
    if "placed" in found:
        advice.append(say("clinic.do_placed", outcomes=some(found["placed"])))
    if "same" in found:
        advice.append(say("clinic.do_same"))
    if passing := [each.label for each in edition.outcomes if clinic.name in apart_in_window(each)]:
        advice.append(say("clinic.do_passing", outcomes=some(passing)))
    if "uncompared" in found:
        outcomes = [
            each
            for each in edition.outcomes
            if each.by_clinic[clinic.name].tone == "uncompared" and not each.undivided
        ]
        enough = _enough(edition, outcomes)
        if outcomes:
            advice.append(
                say("clinic.do_uncompared", **enough) if enough else say("clinic.do_uncompared_various")
            )
    return advice or [say("clinic.do_nothing")]


def _moved(edition: Edition, clinic: Clinic, *, better: bool) -> list[str]:
    """Outcomes of which the latest periods are shown to be better than those before, or worse.

    Not where the whole network moved that way: the change is not the clinic's own.
    """
    lines = [
        (outcome, outcome.by_clinic[clinic.name].latest) for outcome in edition.outcomes if outcome.judged
    ]
    return [
        outcome.label
        for outcome, latest in lines
        if latest is not None
        and latest.change != "no_clear_change"
        and (latest.change == outcome.direction) is better
        and not (outcome.latest and outcome.latest.change == latest.change)
    ]


def _slight(edition: Edition, clinic: Clinic) -> list[str]:
    """Outcomes on which a clinic stands out, but probably by less than the network calls important."""
    lines = [(outcome.label, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes]
    return [
        label
        for label, line in lines
        if line.tone in ("worse", "better")
        and line.shrunken.p_important is not None
        and line.shrunken.p_important < _HARDLY
    ]


def _likely(edition: Edition, clinic: Clinic) -> dict[str, str]:
    """Outcomes on which a clinic is not shown to differ, but probably does by as much as is important."""
    lines = [(outcome, outcome.by_clinic[clinic.name]) for outcome in edition.outcomes]
    differences = {
        outcome.label: important_difference(outcome) for outcome, line in lines if likely_important(line)
    }
    return {label: each for label, each in differences.items() if each is not None}


def some(names: Sequence[str]) -> str:
    """Outcomes in a sentence: all of a few, of many the first, and how many more."""
    if len(names) <= MOST_NAMED:
        return listed(names)
    return listed([*names[: MOST_NAMED - 1], say("clinic.more_outcomes", more=len(names) - MOST_NAMED + 1)])


def by_tone(edition: Edition, clinic: Clinic) -> dict[str, list[str]]:
    """Finding → the outcomes it holds for, in the order a manager should read them."""
    found: dict[str, list[str]] = {}
    for tone in ("worse", "better", "same", "placed", "uncompared", "own", "withheld", "absent"):
        names = [outcome.label for outcome in edition.outcomes if outcome.by_clinic[clinic.name].tone == tone]
        if names:
            found[tone] = names
    return found


def when_reported(edition: Edition, clinic: Clinic) -> str:
    """When a clinic without figures will have some."""
    if withheld_besides(clinic):
        return say("unreported.when_secondary")
    enough = _enough(edition, edition.outcomes)
    return say("unreported.when_text", **enough) if enough else say("unreported.when_various")


def _enough(edition: Edition, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many records and expected events outcomes are compared from; empty where they differ in that."""
    policies = [edition.network.policy_for(each.name) for each in outcomes] or [edition.network.policy]
    found = {(each.minimum_denominator, each.minimum_count) for each in policies}
    return dict(zip(("denominator", "count"), found.pop(), strict=True)) if len(found) == 1 else {}


def withheld_besides(clinic: Clinic) -> bool:
    """Whether a clinic is withheld only because a small number would follow from it."""
    return clinic.status == "suppressed_secondary"


def why_unreported(edition: Edition, clinic: Clinic) -> str:
    """Why a clinic has no figures."""
    if clinic.status == "no_records":
        return say("unreported.no_records")
    if withheld_besides(clinic):
        return say("unreported.secondary", policy=policy_words(edition.release.policy))
    lines = [outcome.by_clinic[clinic.name] for outcome in edition.outcomes]
    if clinic.status.startswith("suppressed") or any(line.tone == "withheld" for line in lines):
        policy = policy_words(edition.release.policy)
        if clinic.n_records is not None and clinic.n_records >= edition.network.policy.minimum_denominator:
            return say("unreported.alike", records=whole(clinic.n_records), policy=policy)
        return say("unreported.small", policy=policy)
    return say("unreported.other", reason=bare(clinic.reason))
