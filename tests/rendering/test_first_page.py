"""Who the first page names, by how much and since when; who answers for it, and what comes next."""

from __future__ import annotations

import dataclasses
import html
import re

from tasks.network.clinics_section import ClinicsSection
from tasks.release import Since
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.network_report import key_messages, network_html, next_period
from tasks.rendering.numbers import NO_BREAK
from tasks.rendering.shown_figures import Figure, Latest, Month
from tasks.rendering.words import sentences, standing
from tasks.rendering.words.clinic_sentences import in_short, reading, to_do
from tasks.rendering.words.run_words import lowered


def at(line: Line, value: float, comparison: str, since: str | None = None) -> Line:
    best = dataclasses.replace(
        line.shrunken, value=value, lower=value - 1.0, upper=value + 1.0, comparison=comparison, why=()
    )
    return dataclasses.replace(line, shrunken=dataclasses.replace(best, status="ok"), since=since)


def outcome_of(edition: Edition, *said: tuple[float, str, str | None]) -> Outcome:
    """state48's first outcome, of which higher is better, with these clinics and the typical one at 50."""
    outcome = edition.outcomes[0]
    lines = [at(line, *each) for line, each in zip(outcome.lines, said, strict=False)]
    return dataclasses.replace(outcome, lines=tuple(lines), comparator_value=50.0, logarithmic=False)


def test_the_furthest_out_are_named_with_the_report_since_which_they_stand_there(
    state48_edition: Edition,
) -> None:
    period = state48_edition.release.period
    outcome = outcome_of(
        state48_edition,
        *((45.0, "worse", None), (30.0, "worse", "2024-03"), (40.0, "worse", None)),
        *(
            (35.0, "worse", period),
            (44.0, "worse", None),
            (60.0, "better", None),
            (51.0, "no_different", None),
        ),
    )
    _, b, c, d, _, f, _ = (line.clinic for line in outcome.lines)
    release = dataclasses.replace(state48_edition.release, since=Since("a" * 12, "2024-11"))
    worse, better = standing.named(dataclasses.replace(state48_edition, release=release), outcome)
    assert worse == (
        "Worse (5):",
        f"{b} 30.0 (29.0 to 31.0), since Mar 2024; {d} 35.0 (34.0 to 36.0), new; {c} 40.0 (39.0 to 41.0); "
        "and 2 more",
    )
    assert better == ("Better (1):", f"{f} 60.0 (59.0 to 61.0)")
    assert standing.on_first_page(outcome) == "The others: 1 not shown to differ."


def test_a_clinic_that_is_told_although_too_small_is_named_there(state48_edition: Edition) -> None:
    plain = outcome_of(state48_edition, (50.0, "no_different", None), (80.0, "worse", None))
    first, small = plain.lines
    told = dataclasses.replace(small, shrunken=dataclasses.replace(small.shrunken, why=("why.beyond_doubt",)))
    outcome = dataclasses.replace(plain, lines=(first, told))
    assert standing.named(state48_edition, outcome) == []
    said = standing.on_first_page(outcome)
    assert said.endswith(
        "1 not compared (too few records, or too unreliable). "
        f"Of those not compared, some have records that leave no doubt: {small.clinic} (worse) "
        "80.0 (79.0 to 81.0)."
    )
    unjudged = standing.on_first_page(dataclasses.replace(outcome, direction="neither"))
    assert unjudged.endswith(f"Not compared, yet beyond doubt above the typical clinic: {small.clinic}.")


def _passing(edition: Edition, *own: tuple[float, float, float]) -> Outcome:
    """Clinics of which none is compared, for what they differ by may pass, with these own figures."""
    outcome = outcome_of(edition, *[(50.0, "not_compared", None)] * len(own))
    lines = [
        dataclasses.replace(
            line,
            raw=dataclasses.replace(line.raw, value=value, lower=lower, upper=upper, status="ok"),
            adjusted=dataclasses.replace(line.adjusted, value=value, lower=lower, upper=upper, status="ok"),
            shrunken=dataclasses.replace(line.shrunken, status="low_reliability", why=("why.unreliable",)),
        )
        for line, (value, lower, upper) in zip(outcome.lines, own, strict=True)
    ]
    figures = {
        name: Figure(name, name, *ends, "", "", "ok", None)
        for name, ends in {
            "icc": (0.1, 0.05, 0.2), "own_design_effect": (3.0, None, None), "sd_between": (0.3, None, None)
        }.items()
    }  # fmt: skip
    return dataclasses.replace(outcome, lines=tuple(lines), figures=figures)


def test_who_was_apart_is_named_where_it_is_not_known_whether_that_lasts(state48_edition: Edition) -> None:
    """One clinic of 40 had 12.8% where the others had 5%, in every month, and no page named it."""
    # of four clinics 2.5 SE: 2.5% ÷ 4 on a side; 50 + 2.5 is beyond, 50 − 2.45 is not
    own = [(52.5, 50.54, 54.46), (47.55, 45.59, 49.51), (50.0, 49.0, 51.0), (40.0, 38.0, 42.0)]
    outcome = _passing(state48_edition, *own)
    above, _, _, below = (line.clinic for line in outcome.lines)
    assert outcome.undivided_by == "passing"
    assert standing.apart_in_window(outcome) == {above: "higher", below: "lower"}
    assert (
        f"Over these months themselves, own figures were higher at {above}; lower at {below}, by more than "
        "their numbers of records explain; whether that lasts, the records cannot tell."
    ) in standing.on_first_page(outcome)
    line = outcome.lines[0]
    assert "your own figure was higher than the typical clinic’s" in reading(outcome, line)
    edition = dataclasses.replace(state48_edition, outcomes=(outcome,))
    for clinic in edition.clinics[:2]:
        told = to_do(edition, clinic, records=False, months=()) if clinic.name == line.clinic else []
        assert told == ([] if clinic.name != line.clinic else [
            f"On {outcome.label}, ask whether it is known why your own figure lies where it does; the next "
            "reports show whether that lasts."
        ])  # fmt: skip
    (clinic,) = (each for each in edition.clinics if each.name == line.clinic)
    told = (
        f"Your own figure on {outcome.label} lies beyond chance; whether that lasts, the records cannot tell."
    )
    assert ("uncompared", told) in in_short(edition, clinic)
    alike = dataclasses.replace(
        outcome, figures={**outcome.figures, "own_design_effect": outcome.figures["icc"]}
    )
    assert standing.apart_in_window(alike) == {}  # not known to be more than chance at all


def test_a_clinic_that_has_closed_is_called_so(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (30.0, "worse", None), (50.0, "no_different", None))
    name = outcome.lines[0].clinic
    clinics = ClinicsSection.model_validate({name: {"closed": "2024-04"}})
    network = state48_edition.network.model_copy(update={"clinics": clinics})
    edition = dataclasses.replace(state48_edition, network=network, outcomes=(outcome,))
    ((_, worse),) = standing.named(edition, outcome)
    assert worse == f"{name} (closed Apr 2024) 30.0 (29.0 to 31.0)"
    clinic = next(each for each in edition.clinics if each.name == name)
    (told,) = to_do(edition, clinic, records=True, months=())
    assert told.startswith("Your clinic is closed in the network file, so there is nothing to do")
    assert any("it had patients until April 2024." in said for _, said in in_short(edition, clinic))
    later = ClinicsSection.model_validate({name: {"closed": edition.release.period}})
    of_now = dataclasses.replace(edition, network=network.model_copy(update={"clinics": later}))
    assert standing.closed_since(of_now, name) is None


def test_a_gap_that_rests_on_another_clinic_is_not_called_chance(state48_edition: Edition) -> None:
    """Five clinics of six had 35 minutes, one 47: "35.0 against 37.8; a gap this size can be chance"."""
    outcome = outcome_of(state48_edition, (46.0, "no_different", None), (48.6, "no_different", None))
    typical = Figure("typical", "typical", 50.0, 49.0, 51.0, "", "", "ok", None)
    outcome = dataclasses.replace(outcome, figures={**outcome.figures, "typical": typical})
    far, near = (reading(outcome, line) for line in outcome.lines)
    assert "the gap rests on a single one of the others, which moves that mean" in far
    assert "a gap this size can be chance" in near


def test_a_withheld_program_is_said_to_be_withheld(state48_edition: Edition) -> None:
    outcome = state48_edition.outcomes[0]
    assert outcome.effects
    hidden = tuple(
        dataclasses.replace(each, value=None, lower=None, upper=None, words="", reason=None,
                            status="suppressed_secondary")
        for each in outcome.effects
    )  # fmt: skip
    edition = dataclasses.replace(state48_edition, outcomes=(dataclasses.replace(outcome, effects=hidden),))
    network = edition.network
    assert network.program is not None
    said = next(each for each in key_messages(edition) if each.about == network.program.label)
    assert said.sentences[0][1].startswith(
        f"Its effect on {outcome.label} is not shown, to protect patients. Clinics’ own figures"
    )


def test_a_withheld_effect_is_said_beside_those_that_are_told(state48_edition: Edition) -> None:
    first, second, *_ = (each for each in state48_edition.outcomes if each.effects)
    hidden = tuple(
        dataclasses.replace(each, value=None, words="", reason=None, status="suppressed_secondary")
        for each in second.effects
    )
    outcomes = (first, dataclasses.replace(second, effects=hidden))
    edition = dataclasses.replace(state48_edition, outcomes=outcomes)
    assert edition.network.program is not None
    said = next(each for each in key_messages(edition) if each.about == edition.network.program.label)
    assert f"Its effect on {second.label} is not shown, to protect patients." in said.sentences[-1][1]
    assert any(label == first.label for label, _ in said.sentences)


def test_the_network_s_own_figure_stands_beside_a_typical_clinic_without_those_of_few_events(
    state48_edition: Edition,
) -> None:
    """1.4% of the clinics shown, of all records 1.0%: those of few events are not among them."""
    plain = outcome_of(state48_edition, (50.0, "no_different", None), (51.0, "no_different", None))
    first, second = plain.lines
    gone = dataclasses.replace(
        second.shrunken, value=None, lower=None, upper=None, status="suppressed_primary"
    )
    lines = (first, dataclasses.replace(second, shrunken=gone, raw=gone, adjusted=gone))
    of = {"typical": (50.0, 48.0, 52.0), "mean": (40.0, None, None)}
    figures = {name: Figure(name, name, *ends, "", "", "ok", None) for name, ends in of.items()}
    outcome = dataclasses.replace(plain, kind="binary", lines=lines, figures=figures)
    assert (sentences.average(outcome) or "").endswith(
        "so the typical clinic of the others is too high for the network, by more than its interval tells."
    )
    for other in (
        dataclasses.replace(outcome, lines=plain.lines),
        dataclasses.replace(
            outcome, figures={**figures, "mean": dataclasses.replace(figures["mean"], value=51.0)}
        ),
    ):
        assert "few events" not in (sentences.average(other) or "")


def test_without_anyone_standing_out_the_first_page_says_so(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (50.0, "no_different", None), (51.0, "no_different", None))
    assert standing.named(state48_edition, outcome) == []
    said = "No clinic stands out. Of those that we can show: 2 not shown to differ."
    assert standing.on_first_page(outcome) == said
    unjudged = dataclasses.replace(outcome_of(state48_edition, (60.0, "placed", None)), direction="neither")
    assert standing.named(state48_edition, unjudged) == []


def test_the_head_says_who_answers_for_it_and_which_report_is_next(chop_edition: Edition) -> None:
    page = _head(chop_edition)
    assert "Next report June 2020" in page
    assert "Questions" not in page
    network = chop_edition.network
    named = network.network.model_copy(update={"owner": "A & B", "contact": "quality@example.org"})
    told = network.model_copy(update={"network": named})
    page = _head(dataclasses.replace(chop_edition, network=told))
    assert "Responsible A & B Questions quality@example.org Next report June 2020" in page


def _head(edition: Edition) -> str:
    head = network_html(edition).split("<h2>", 1)[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", head)).split())


def test_a_clinic_far_out_that_is_not_compared_is_named_all_the_same(state48_edition: Edition) -> None:
    plain = outcome_of(state48_edition, (50.0, "no_different", None), (80.0, "not_compared", None))
    assert "Unusually far" not in standing.on_first_page(plain)
    first, far = plain.lines
    best = dataclasses.replace(far.shrunken, outlying=True, status="low_reliability")
    outcome = dataclasses.replace(plain, lines=(first, dataclasses.replace(far, shrunken=best)))
    said = standing.on_first_page(outcome)
    assert said.startswith("Of the clinics that are compared, none stands out.")
    figure = outcome.notation.prose_full(far.raw.value or 0.0, far.raw.lower, far.raw.upper)
    assert said.endswith(
        f"Unusually far from the others, yet not compared: {far.clinic}, own figure {figure}. "
        f"The typical clinic is the mean without {far.clinic}, far from the others."
    )


def test_where_nobody_is_compared_nobody_is_said_not_to_stand_out(state48_edition: Edition) -> None:
    """It read as if all were well: "No clinic stands out. Of those that we can show: 45 too uncertain"."""
    outcome = outcome_of(state48_edition, (50.0, "not_compared", None), (80.0, "not_compared", None))
    first, second = outcome.lines
    both = "No clinic can be compared: 2 not compared (too few records, or too unreliable)."
    undivided = (
        "Clinics may differ, but too little for their records to tell which, and no clinic is compared: best "
        "estimates run from 50.0 to 80.0 points, and none of their 95% intervals reaches beyond 49.0 to 81.0 "
        "points."
    )
    for why, said in (
        (
            ("why.few_records",),
            "No clinic can be compared: 2 with too few records to compare.",
        ),
        (("why.unreliable",), undivided),
    ):
        lines = [
            dataclasses.replace(each, shrunken=dataclasses.replace(each.shrunken, why=why))
            for each in (first, second)
        ]
        told = standing.on_first_page(dataclasses.replace(outcome, lines=tuple(lines)))
        assert told.replace(NO_BREAK, " ") == said
    said = both
    assert standing.on_first_page(outcome) == standing.differences(outcome) == said
    unjudged = dataclasses.replace(outcome, direction="neither")
    assert standing.on_first_page(unjudged).endswith(
        "No clinic is given a place among the network’s clinics: 2 not compared (too few records, or too "
        "unreliable)."
    )


def test_since_which_report_is_said_from_the_second_report_on(state48_edition: Edition) -> None:
    said = "and since which report the clinic has stood there"
    assert state48_edition.since is None
    first = html.unescape(network_html(state48_edition))
    assert "Beside a name: the best estimate with its 95% interval." in first
    assert said not in first
    release = dataclasses.replace(state48_edition.release, since=Since("a" * 12, "2024-11"))
    later = dataclasses.replace(state48_edition, release=release)
    assert said in html.unescape(network_html(later))


def test_an_interval_that_holds_the_typical_figure_beside_a_verdict_is_explained(
    state48_edition: Edition,
) -> None:
    """Both ends of the difference are known better than both figures, which a reader cannot know."""
    said = "A clinic can be better or worse although the two intervals overlap"
    apart = outcome_of(state48_edition, (45.0, "worse", None))
    near = outcome_of(state48_edition, (45.0, "worse", None), (50.5, "better", None))
    assert (standing.overlapping(apart), standing.overlapping(near)) == (False, True)
    whole = state48_edition.outcomes[0]
    for changed, there in ((apart, False), (near, True)):
        others = [at(line, 50.0, "no_different") for line in whole.lines[len(changed.lines) :]]
        outcome = dataclasses.replace(changed, lines=(*changed.lines, *others))
        edition = dataclasses.replace(state48_edition, outcomes=(outcome,))
        assert (said in html.unescape(network_html(edition))) == there


def test_where_some_are_named_none_is_said_to_be_compared_by_the_rule(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (50.0, "not_compared", None), (80.0, "worse", None))
    first, small = outcome.lines
    told = dataclasses.replace(small, shrunken=dataclasses.replace(small.shrunken, why=("why.beyond_doubt",)))
    said = standing.on_first_page(dataclasses.replace(outcome, lines=(first, told)))
    assert said.startswith("By the rule that holds for all, no clinic can be compared: 2 not compared")
    assert said.endswith(
        f"some have records that leave no doubt: {small.clinic} (worse) 80.0 (79.0 to 81.0)."
    )


def test_clinics_whose_latest_months_changed_are_named(state48_edition: Edition) -> None:
    plain = outcome_of(state48_edition, *[(50.0, "no_different", None)] * 16)
    assert standing.latest_changes(plain) is None

    def latest(change: str) -> Latest:
        return Latest("2024-10", "2024-12", 3, 21, 60.0, 50.0, 10.0, 5.0, 15.0, change)

    lines = [dataclasses.replace(line, latest=latest("higher")) for line in plain.lines]
    lines[3] = dataclasses.replace(lines[3], latest=latest("lower"))
    lines[4] = dataclasses.replace(lines[4], latest=latest("no_clear_change"))
    said = standing.latest_changes(dataclasses.replace(plain, lines=tuple(lines))) or ""
    assert said.replace(NO_BREAK, " ").startswith(
        "Latest 3 months against those before, by own figures: higher"
    )
    assert " and 3 more; lower at " in said
    assert (
        f"lower at {lines[3].clinic}. Of clinics that do not change, about 1 in 20 is listed by chance"
        in said
    )


def _alike_by(outcome: Outcome, lower: float, worth: float) -> Outcome:
    """The outcome with records of a clinic that are alike, and own figures' design effect."""
    rest = ("", "", "ok", None)
    figures = {
        **outcome.figures,
        "icc": Figure("icc", "ICC", 0.02, lower, 0.04, *rest),
        "own_design_effect": Figure("own_design_effect", "", worth, None, None, *rest),
    }
    return dataclasses.replace(outcome, figures=figures)


def test_where_months_are_alike_none_standing_out_is_no_sign_that_clinics_are(
    state48_edition: Edition,
) -> None:
    """Scores from 7.5 to 10.2 with p = 4e-29 were "12 not shown to differ", and no more was said."""
    outcome = outcome_of(state48_edition, (50.0, "no_different", None), (51.0, "no_different", None))
    doubt = "our model cannot tell lasting differences from passing ones."
    assert standing.on_first_page(_alike_by(outcome, 0.01, 8.0)).endswith(doubt)
    for certain in (_alike_by(outcome, 0.0, 8.0), _alike_by(outcome, 0.01, 1.1)):
        assert doubt not in standing.on_first_page(certain)
    # of 39 schools from 7% to 58% with 416 pupils each, "37 too unreliable to compare" was all that was said
    none = outcome_of(state48_edition, (7.0, "not_compared", None), (58.0, "not_compared", None))
    unjudged = dataclasses.replace(_alike_by(none, 0.01, 8.0), direction="neither")
    assert standing.on_first_page(unjudged).endswith(doubt)


def test_that_only_clinics_without_events_are_shown_is_said(chop_edition: Edition) -> None:
    """Every dot lay below the typical clinic, since clinics with 1 to 10 events were withheld."""
    plain = next(each for each in chop_edition.outcomes if each.kind == "binary")
    first, second, third = plain.lines[:3]

    def line(of: Line, events: float) -> Line:
        raw = dataclasses.replace(of.raw, value=events / 2, numerator=events, denominator=200.0, status="ok")
        best = dataclasses.replace(of.shrunken, value=2.0, comparison="not_compared", status="ok")
        return dataclasses.replace(of, raw=raw, shrunken=best)

    hidden = {"value": None, "numerator": None, "status": "suppressed_primary"}
    withheld = dataclasses.replace(
        third,
        raw=dataclasses.replace(third.raw, **hidden),
        shrunken=dataclasses.replace(third.shrunken, **hidden),
    )

    def said(*events: float, direction: str = "lower") -> str:
        lines = [line(of, n) for of, n in zip((first, second), events, strict=True)]
        outcome = dataclasses.replace(plain, lines=(*lines, withheld), direction=direction)
        return standing.on_first_page(outcome)

    assert "No clinic that we can show had an event" in said(0.0, 0.0)
    assert "No clinic that we can show had an event" in said(0.0, 0.0, direction="neither")
    assert "had an event" not in said(0.0, 12.0)


def test_regions_do_not_differ_where_clinics_are_not_told_apart(state48_edition: Edition) -> None:
    share = Figure("region_share", "", 0.56, 0.04, 0.98, "", "", "ok", None)
    outcome = outcome_of(state48_edition, (50.0, "not_compared", None), (80.0, "not_compared", None))
    outcome = dataclasses.replace(outcome, figures={**outcome.figures, "region_share": share})
    assert (sentences.regional(outcome) or "").startswith(
        "Regions may differ, or may not: our best estimate is that 56%"
    )
    lines = [
        dataclasses.replace(each, shrunken=dataclasses.replace(each.shrunken, why=("why.unreliable",)))
        for each in outcome.lines
    ]
    assert sentences.regional(dataclasses.replace(outcome, lines=tuple(lines))) is None


def test_incomplete_months_are_named_beside_a_volume(chop_edition: Edition) -> None:
    release = dataclasses.replace(
        chop_edition.release, first_date="2020-03-15", cut_off="2020-05-20", period="2020-05"
    )
    assert lowered(release) == "Incomplete months lower these figures: March 2020 and May 2020."
    whole = dataclasses.replace(release, first_date="2020-03-01", cut_off="2020-05-31")
    assert lowered(whole) == ""


def test_where_no_difference_is_sure_to_matter_that_is_said(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (30.0, "worse", None), (80.0, "better", None))
    lines = [
        dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, p_important=probable))
        for line, probable in zip(outcome.lines, (0.9, 0.3), strict=True)
    ]
    outcome = dataclasses.replace(outcome, lines=tuple(lines), important_difference=5.0)
    assert (standing.important(outcome) or "").replace(NO_BREAK, " ") == (
        "By how much: for none of these 2 clinics is the probability of a difference of 5 points or more "
        "over 97.5%; for 1 it is under 50%."
    )


def test_a_correlation_of_the_shown_clinics_says_so(chop_edition: Edition, state48_edition: Edition) -> None:
    outcome = chop_edition.outcomes[0]
    assert outcome.clustered_in_part
    assert "That is of the clinics that are shown." in (sentences.intraclass(outcome) or "")
    all_shown = outcome_of(state48_edition, (50.0, "no_different", None), (51.0, "no_different", None))
    assert not all_shown.clustered_in_part


def test_no_range_of_clinics_goes_below_0_where_no_clinic_does(state48_edition: Edition) -> None:
    """Towns' runners took from -13.9 to 149.4 minutes, by a normal distribution of towns."""
    outcome = outcome_of(state48_edition, (50.0, "no_different", None), (80.0, "no_different", None))
    rest = ("", "", "ok", None)

    def said(low: float) -> str:
        ends = {"range_low": Figure("range_low", "", low, None, None, *rest)}
        ends["range_high"] = Figure("range_high", "", 149.4, None, None, *rest)
        figures = {**outcome.figures, **ends}
        return standing.on_first_page(dataclasses.replace(outcome, figures=figures, direction="neither"))

    assert "the middle 95% of clinics like these run from" in said(13.9)
    assert "middle 95%" not in said(-13.9)


def test_the_next_report_is_of_next_year_where_records_come_once_a_year(state48_edition: Edition) -> None:
    """Schools that test each January were told to expect a report of February."""
    outcome = state48_edition.outcomes[0]
    release = dataclasses.replace(
        state48_edition.release, period="2002-01", first_date="1999-01-01", cut_off="2002-01-01"
    )

    def following(months: list[str], **changed: str) -> str | None:
        found = dataclasses.replace(outcome, months=tuple(Month(each, status="ok") for each in months))
        edition = dataclasses.replace(
            state48_edition, outcomes=(found,), release=dataclasses.replace(release, **changed)
        )
        assert ("Next report" in _head(edition)) is (next_period(edition) is not None)
        assert ("Every record has one date" in _head(edition)) is (next_period(edition) is None)
        assert ("Estimates use records" in _head(edition)) is (next_period(edition) is not None)
        return next_period(edition)

    assert following(["2000-01", "2001-01", "2002-01"]) == "2003-01"
    assert following(["2001-01", "2002-01"]) == "2002-02"  # a gap is no rhythm
    assert following(["2000-01", "2001-01", "2001-12", "2002-01"]) == "2002-02"
    assert following(["2002-01"], first_date="2002-01-01") is None


def test_no_middle_of_clinics_is_told_where_they_may_not_differ(state48_edition: Edition) -> None:
    """Clinics that were all at 57.3% had a middle 95% from 52.8% to 62.5%."""
    outcome = outcome_of(state48_edition, (50.0, "placed", None), (51.0, "not_compared", None))
    rest = ("", "", "ok", None)
    ends = {each: Figure(each, "", 50.0, None, None, *rest) for each in ("range_low", "range_high")}
    outcome = dataclasses.replace(outcome, figures={**outcome.figures, **ends}, direction="neither")
    assert "the middle 95% lie at" in standing.on_first_page(_alike_by(outcome, 0.01, 1.0))
    may_be_alike = standing.on_first_page(_alike_by(outcome, 0.0, 1.0))
    assert may_be_alike.startswith("We compare 1 of 2 clinics: it has a place, and no verdict,")


def test_clinics_are_left_out_for_few_records_or_for_little_reliability(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, *((50.0, "not_compared", None) for _ in range(4)))
    reasons = (("why.few_records", "why.unreliable"), ("why.few_records",), ("why.unreliable",), ())
    lines = tuple(
        dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, why=why))
        for line, why in zip(outcome.lines, reasons, strict=True)
    )
    said = standing.on_first_page(dataclasses.replace(outcome, lines=lines))
    assert said == (
        "No clinic can be compared: 2 with too few records to compare; 1 too unreliable to compare; 1 not "
        "compared (too few records, or too unreliable)."
    )


def test_best_estimates_that_are_one_do_not_run_from_it_to_it(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (50.0, "not_compared", None), (50.0, "not_compared", None))
    lines = tuple(
        dataclasses.replace(line, shrunken=dataclasses.replace(line.shrunken, why=("why.unreliable",)))
        for line in outcome.lines
    )
    alike = _alike_by(dataclasses.replace(outcome, lines=lines), 0.0, 1.0)
    assert standing.on_first_page(alike).replace(NO_BREAK, " ") == (
        "Clinics are not shown to differ: the best estimate of each is 50.0 points, and none of their 95% "
        "intervals reaches beyond 49.0 to 51.0 points."
    )


def test_who_draws_the_mean_of_a_few_is_named(state48_edition: Edition) -> None:
    """One of six lay far out and made the typical clinic 20.1%; the others were at 17.9%."""
    outcome = outcome_of(
        state48_edition,
        *((49.0, "no_different", None), (70.0, "better", None), (48.0, "no_different", None)),
    )
    typical = Figure("typical", "typical", 50.0, 49.0, 51.0, "", "", "ok", None)
    outcome = dataclasses.replace(outcome, figures={**outcome.figures, "typical": typical})
    far = outcome.lines[1].clinic
    assert "draws that mean" not in (sentences.average(outcome) or "")
    drawn = dataclasses.replace(outcome, verdict_why=("ranked.rests_on_one",))
    said = f"{far} draws that mean: the best estimates of the others run from 48.0 to 49.0 points."
    assert (sentences.average(drawn) or "").replace(NO_BREAK, " ").endswith(said)
    small = dataclasses.replace(
        outcome.lines[0].shrunken, comparison="not_compared", status="low_reliability"
    )
    lines = (dataclasses.replace(outcome.lines[0], shrunken=small), *outcome.lines[1:])
    assert "draws that mean" not in (sentences.average(dataclasses.replace(drawn, lines=lines)) or "")


def test_intervals_of_who_stands_out_may_overlap_the_typical_clinic_s(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (52.5, "better", None), (50.0, "no_different", None))
    ends = {"apart": (49.0, 51.0), "beside": (48.0, 52.0)}
    figures = {
        name: {"typical": Figure("typical", "typical", 50.0, *both, "", "", "ok", None)}
        for name, both in ends.items()
    }
    assert standing.overlapping(dataclasses.replace(outcome, figures=figures["beside"]))
    assert not standing.overlapping(dataclasses.replace(outcome, figures=figures["apart"]))
