"""What changed since the report before, in words: over the network, on one outcome, at one clinic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from reports.wording import has, say
from reports.wording.writing import counted, listed, period_name
from tasks.release import TONES
from tasks.rendering.edition import Clinic, Edition, Outcome
from tasks.rendering.numbers import whole
from tasks.rendering.shown_figures import STANDING_OUT, Change

MOST_IN_MESSAGES = 3
MOST_BESIDE = 8
MOST_MONTHS = 2
FIGURES = ("shown", "withheld", "no_figure")


def since(edition: Edition) -> list[tuple[str, str]]:
    """What the first page says of changes, each kind with a word before it; empty without a report before."""
    if edition.since is None:
        return []
    told = [
        (say("changes.newly"), _by_outcome(edition, partial(_newly, edition))),
        (say("changes.no_longer"), _by_outcome(edition, _told_apart_no_more)),
        (say("changes.clinic_new"), _clinics_that(edition, "clinic_new")),
        (say("changes.clinic_gone"), _clinics_that(edition, "clinic_gone")),
        (say("changes.verdict"), _by_outcome(edition, _verdict)),
        (say("changes.figures"), _of_any(_figures(edition.changes))),
        (say("changes.months"), _by_outcome(edition, _months)),
    ]
    return [(word, f"{said}.") for word, said in told if said] or [("", say("changes.nothing"))]


def beside(edition: Edition, outcome: Outcome) -> str:
    """What changed on one outcome, as it stands beside the comparison."""
    if edition.since is None:
        return say("changes.beside_none")
    changed = edition.changes_on(outcome.name)
    newly, no_longer = _newly(edition, changed, MOST_BESIDE), _no_longer(changed, MOST_BESIDE)
    verdict = _verdict(changed)
    parts = [
        say("changes.beside_newly", clinics=newly) if newly else "",
        say("changes.beside_no_longer", clinics=no_longer) if no_longer else "",
        say("changes.beside_verdict", what=verdict) if verdict else "",
        _figures(changed),
        _months(changed),
    ]
    what = "; ".join(filter(None, parts)) or say("changes.beside_nothing")
    return say("changes.beside_text", month=period_name(edition.since), what=what)


def of_clinic(edition: Edition, clinic: Clinic) -> list[str]:
    """What changed about one clinic, to its manager; one line where nothing did."""
    if edition.since is None:
        return []
    month = period_name(edition.since)
    changed = edition.changes_of(clinic.name)
    window = "; ".join(_own(edition, [change for change in changed if not change.month]))
    told = [say("changes.own", month=month, what=window)] if window else []
    # a figure that came or went takes its months along
    moved = {change.outcome for change in changed if change.change in FIGURES and not change.month}
    months = [
        _own_month(edition, change)
        for change in changed
        if change.month and (change.change == "restated" or change.outcome not in moved)
    ]
    if months:
        told.append(say("changes.own_months", months=_cut(months, MOST_MONTHS, "; ")))
    return told or [say("changes.own_nothing", month=month)]


def rows(edition: Edition) -> list[tuple[str, str, str, str]]:
    """Everything that changed: outcome, clinic (empty: the network), period (empty: the window), what."""
    return [
        (
            _label(edition, change) if change.outcome else "",
            change.clinic,
            period_name(change.month) if change.month else "",
            _what(edition, change),
        )
        for change in edition.changes
    ]


def _what(edition: Edition, change: Change) -> str:
    if change.change in ("comparison", "verdict"):
        return say("changes.verdict_text", before=word_for(change.before), after=word_for(change.after))
    if change.change == "restated":
        kind, values = _restated(edition, change)
        return say(f"changes.row_{kind}", **values)
    if change.change in ("outcome_new", "outcome_gone"):
        return say(f"changes.{change.change}")
    return say(f"changes.row_{change.change}")


def _by_outcome(edition: Edition, what: Callable[[Sequence[Change]], str]) -> str:
    """What there is to say of each outcome, after its label; outcomes of which the same is said together."""
    labels = {outcome.name: outcome.label for outcome in edition.outcomes}
    gone = {change.outcome: change.outcome for change in edition.changes if change.change == "outcome_gone"}
    told: dict[str, list[str]] = {}
    for name, label in {**labels, **gone}.items():
        if said := what(edition.changes_on(name)):
            told.setdefault(said, []).append(label)
    return "; ".join(say("changes.of", label=listed(each), what=said) for said, each in told.items())


def _newly(edition: Edition, changed: Sequence[Change], most: int = MOST_IN_MESSAGES) -> str:
    """Clinics that stand out and did not before, or did on the other side, worst first.

    Those whose figure the report before withheld, and that stood out on this side before that, are not new.
    """
    found = [change for change in changed if change.newly_stands_out and not _stood_out(edition, change)]
    found.sort(key=lambda change: STANDING_OUT.index(change.after or ""))
    named = [say("changes.stands", clinic=each.clinic, tone=word_for(each.after)) for each in found]
    return _cut(named, most)


def _stood_out(edition: Edition, change: Change) -> bool:
    """Whether a clinic has stood out on this side since an earlier report."""
    outcome = next((each for each in edition.outcomes if each.name == change.outcome), None)
    line = None if outcome is None else outcome.by_clinic.get(change.clinic)
    return line is not None and line.since is not None and line.since < edition.release.period


def _no_longer(changed: Sequence[Change], most: int = MOST_IN_MESSAGES) -> str:
    """Clinics that stood out before and do not any more, with what is said of them now."""
    found = [change for change in changed if change.no_longer_stands_out]
    named = [say("changes.stands", clinic=each.clinic, tone=word_for(each.after)) for each in found]
    return _cut(named, most)


def _told_apart_no_more(changed: Sequence[Change]) -> str:
    """Those of them that still have a figure; how many have none any more the first page says by number."""
    return _no_longer([change for change in changed if change.change == "comparison"])


def _clinics_that(edition: Edition, what: str) -> str:
    return _cut([change.clinic for change in edition.changes if change.change == what], MOST_BESIDE)


def _verdict(changed: Sequence[Change]) -> str:
    """The outcome's verdict before and now, or that the outcome is new or gone."""
    for change in changed:
        if change.change == "verdict":
            return say("changes.verdict_text", before=word_for(change.before), after=word_for(change.after))
        if change.change in ("outcome_new", "outcome_gone"):
            return say(f"changes.{change.change}")
    return ""


def _figures(changed: Sequence[Change]) -> str:
    """How many clinics have a figure that they had not, or a comparison, and the other way round."""
    of_windows = [change for change in changed if not change.month]
    compared = [change for change in of_windows if change.change == "comparison"]
    found = {
        **{what: [change for change in of_windows if change.change == what] for what in FIGURES},
        "compared": [change for change in compared if change.before == "not_compared"],
        "uncompared": [change for change in compared if change.after == "not_compared"],
    }
    counts = {what: len({change.clinic for change in each}) for what, each in found.items()}
    told = [say(f"changes.n_{what}", clinics=counted(n, "clinic")) for what, n in counts.items() if n]
    return ", ".join(told)


def _of_any(figures: str) -> str:
    """Counts of clinics over all outcomes, with that said."""
    return say("changes.of_any", figures=figures) if figures else ""


def _months(changed: Sequence[Change]) -> str:
    """How many months were restated, of the network and of how many clinics; how many came and went."""
    of_months = [change for change in changed if change.month]
    restated = [change for change in of_months if change.change == "restated"]
    network = sum(not change.clinic for change in restated)
    clinics = {change.clinic for change in restated if change.clinic}
    parts = []
    if network:
        parts.append(say("changes.restated_network", months=counted(network, "month")))
    if clinics:
        months = counted(len(restated) - network, "month")
        parts.append(say("changes.restated_clinics", months=months, clinics=counted(len(clinics), "clinic")))
    counts = {what: sum(change.change == what for change in of_months) for what in FIGURES}
    moved = [say(f"changes.months_{what}", months=counted(n, "month")) for what, n in counts.items() if n]
    return ", ".join([say("changes.restated", months=listed(parts)), *moved] if parts else moved)


def _own(edition: Edition, changed: Sequence[Change]) -> list[str]:
    """The changes of a clinic's own window, to its manager; those of one kind are told together."""
    for change in changed:
        if change.change in ("clinic_new", "clinic_gone"):  # then every figure came or went with it
            return [say(f"changes.own_{change.change}")]
    told = [
        say(
            "changes.own_comparison",
            label=_label(edition, change),
            before=word_for(change.before),
            after=word_for(change.after),
        )
        for change in changed
        if change.change == "comparison"
    ]
    labels = {
        kind: [_label(edition, change) for change in changed if change.change == kind] for kind in FIGURES
    }
    return told + [
        say(f"changes.own_{kind}", labels=listed(found)) for kind, found in labels.items() if found
    ]


def _own_month(edition: Edition, change: Change) -> str:
    """One month of a clinic that reads otherwise now, with as much of the numbers as can be told apart."""
    place = {"label": _label(edition, change), "month": period_name(change.month)}
    if change.change != "restated":
        return say(f"changes.month_{change.change}", **place)
    kind, values = _restated(edition, change)
    return say(f"changes.month_{kind}", **place, **values)


def _restated(edition: Edition, change: Change) -> tuple[str, dict[str, str]]:
    """Whether a period's figure reads otherwise, its number of records, or neither; and from what to what."""
    outcome = next(each for each in edition.outcomes if each.name == change.outcome)
    before, after = (
        "" if value is None else outcome.notation.prose(value)
        for value in (change.value_before, change.value_after)
    )
    if before != after:
        return "restated", {"before": before, "after": after}
    n_before, n_after = (
        "" if n is None else whole(n) for n in (change.denominator_before, change.denominator_after)
    )
    if n_before != n_after:
        return "recounted", {"value": after, "before": n_before, "after": n_after}
    return "hardly", {}


def _label(edition: Edition, change: Change) -> str:
    if not change.outcome:
        return say("changes.own_size")
    return next((each.label for each in edition.outcomes if each.name == change.outcome), change.outcome)


def word_for(said: str | None) -> str:
    """A comparison, verdict or status as people read it."""
    if said in TONES:
        return say(f"tone.{TONES[said]}")
    if said is not None and said.startswith("suppressed"):
        return say("tone_short.withheld")
    return say(f"verdict.{said}" if has(f"verdict.{said}") else f"status.{said}")


def _cut(items: Sequence[str], most: int, between: str = ", ") -> str:
    """The first of the items, and how many more there are; one more is named, not counted."""
    if len(items) <= most + 1:
        return between.join(items)
    return say("changes.more", names=between.join(items[:most]), count=len(items) - most)
