"""Who the first page names, by how much and since when; who answers for it, and what comes next."""

from __future__ import annotations

import dataclasses
import html
import re

from tasks.release import Since
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.network_report import network_html, next_period
from tasks.rendering.numbers import NO_BREAK
from tasks.rendering.shown_figures import Figure, Latest, Month
from tasks.rendering.words import sentences, standing
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
