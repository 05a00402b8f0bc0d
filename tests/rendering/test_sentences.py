from __future__ import annotations

import dataclasses

import pytest
from rendering.test_charts import binary

from tasks.rendering.charts.run_chart import run_chart
from tasks.rendering.clinic_report import clinic_html
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.network_report import figure_rows
from tasks.rendering.shown_figures import Estimate, Figure, Month, PatientGroup, Rank
from tasks.rendering.words import clinic_sentences, figure_words, sentences, standing
from tasks.rendering.words.caveats import ICC_ALIKE
from tasks.rendering.words.group_words import group_tables
from tasks.rendering.words.run_words import run_words

BEYOND = "by more than the number of their records explains (probability 97.5% or more)"


def figure(
    name: str, value: float, lower: float | None = None, upper: float | None = None, unit: str = ""
) -> Figure:
    return Figure(name, name, value, lower, upper, unit, "", "ok", None)


def with_figures(*figures: Figure) -> Outcome:
    return dataclasses.replace(
        binary([(5, 10)] * 3), figures={each.figure: each for each in figures}, n_records=1000
    )


def test_an_icc_is_said_as_a_share_and_never_as_all_or_nothing() -> None:
    assert sentences.intraclass(with_figures(figure("icc", 0.204, 0.153, 0.297))) == (
        "About 20% of the variation between records lies between clinics, the rest within them "
        "(ICC 0.204, 0.153 to 0.297)."
    )
    whole = sentences.intraclass(with_figures(figure("icc", 0.9997, 0.999, 0.9999)))
    assert whole is not None
    assert whole.startswith("Nearly all of the variation")
    tiny = sentences.intraclass(with_figures(figure("icc", 0.004, 0.0, 0.01)))
    assert tiny is not None
    assert tiny.startswith("Less than 1% of the variation")
    assert sentences.intraclass(with_figures()) is None


def test_that_patients_are_not_adjusted_for_is_said(state48_edition: Edition) -> None:
    """Months are among the adjusters of every window, and say nothing of who the patients are."""
    outcome = next(each for each in state48_edition.estimated if not each.monthly)
    months = dataclasses.replace(outcome, adjusters=("month",))
    both = dataclasses.replace(outcome, label="Falls", adjusters=("age", "month"))
    assert sentences.adjusters(both) == "age and month"
    assert sentences.adjusters(months) == "months only: clinics’ patients may differ"
    assert sentences.adjusters(dataclasses.replace(months, adjusters=())) == (
        "nothing: clinics’ patients may differ"
    )
    volume = dataclasses.replace(months, monthly=True)
    assert sentences.adjusters(volume) == "month"

    def told(*outcomes: Outcome) -> tuple[str, str]:
        edition = dataclasses.replace(state48_edition, outcomes=outcomes)
        clinic = next(each for each in edition.clinics if each.reportable)
        return sentences.adjusts(edition), clinic_html(edition, clinic)

    said, page = told(both, volume)
    assert said == "It adjusts for recorded differences between the patients that clinics see."
    assert "your patients are made like the network’s in what is adjusted for" in page
    said, page = told(months, volume)
    assert said.startswith("Nothing about patients is adjusted for")
    assert "Nothing about your patients is adjusted for." in page
    assert "made like" not in page
    said, _ = told(dataclasses.replace(months, label="Stays"), both)
    assert said.endswith(", but on Stays for nothing about them.")


def test_how_much_of_what_clinics_differ_by_lies_between_regions_is_said_with_its_interval() -> None:
    share = figure("region_share", 0.452, lower=0.071, upper=0.914)
    said = sentences.regional(with_figures(share)) or ""
    assert "45% of the variance between clinics lies between them (7% to 91%), and" in said
    without = sentences.regional(with_figures(figure("region_share", 0.452))) or ""
    assert "45% of the variance between clinics lies between them, and" in without


def test_a_design_effect_is_said_in_records_but_not_for_months() -> None:
    outcome = with_figures(figure("design_effect", 5.0), figure("effective_sample_size", 200.0))
    assert sentences.design_effect(outcome) == (
        "About clinics like these in general, 1,000 records tell us as much as 200 unrelated ones would."
    )
    # of a rate's shown clinics events are published, and no records: 874 events stood for 2,200 records
    first = outcome.lines[0]
    best = dataclasses.replace(first.shrunken, value=None, status="suppressed_primary")
    withheld = dataclasses.replace(first, shrunken=best)
    in_part = dataclasses.replace(outcome, kind="count", lines=(withheld, *outcome.lines[1:]))
    assert in_part.clustered_in_part
    of_events = sentences.design_effect(in_part) or ""
    assert "unrelated ones" not in of_events
    assert "5.00 times as many" in of_events
    monthly = sentences.design_effect(dataclasses.replace(outcome, monthly=True))
    assert monthly is not None
    assert monthly.startswith(
        "Because months of one clinic are alike, an average over the network needs 5.00 times as many"
    )


@pytest.mark.parametrize(
    ("tones", "said"),
    [
        (
            {"better": 10, "worse": 1, "same": 15, "withheld": 61},
            f"Of the 26 that we can show: 10 clinics are better and 1 worse, {BEYOND}. "
            "The others: 15 not shown to differ. We do not show 61, to protect patients.",
        ),
        (
            {"worse": 1, "uncompared": 3},
            f"1 clinic is worse, {BEYOND}. The others: 3 not compared (too few records, or too unreliable).",
        ),
        (
            {"better": 2},
            f"2 clinics are better, {BEYOND}.",
        ),
        (
            {"same": 1, "withheld": 3},
            "No clinic stands out: 1 not shown to differ. We do not show 3, to protect patients.",
        ),
        (
            {"same": 2, "uncompared": 14, "withheld": 14},
            "Of the clinics that are compared, none stands out: 2 not shown to differ; 14 not compared "
            "(too few records, or too unreliable). We do not show 14, to protect patients.",
        ),
        (
            {"uncompared": 11, "withheld": 34},
            "No clinic can be compared: 11 not compared (too few records, or too unreliable). "
            "We do not show 34, to protect patients.",
        ),
        (
            {"same": 4, "own": 2, "absent": 1},
            "No clinic stands out: 4 not shown to differ; 2 with their own figure only; 1 not estimated.",
        ),
    ],
)
def test_who_stands_out_is_said_with_who_does_not(tones: dict[str, int], said: str) -> None:
    lines = tuple(line_with(tone) for tone, count in tones.items() for _ in range(count))
    assert standing.differences(dataclasses.replace(binary([(5, 10)]), lines=lines)) == said


def line_with(tone: str) -> Line:
    """A clinic's line that reads as `tone`."""
    comparison = {"same": "no_different", "uncompared": "not_compared"}.get(tone, tone)
    shrunken = Estimate(value=1.0, comparison=comparison, status="ok")
    raw = Estimate(value=1.0, status="ok")
    if tone == "withheld":
        raw = shrunken = Estimate(status="suppressed_primary")
    if tone in ("own", "absent"):
        shrunken = Estimate(status="not_estimable")
    if tone == "absent":
        raw = shrunken
    line = Line("a", None, raw, Estimate(), shrunken, Rank())
    assert line.tone == tone
    return line


def test_a_clinic_that_stands_out_unadjusted_reads_that_it_may_be_its_patients() -> None:
    outcome = binary([(75, 100), (20, 100)])
    line = outcome.lines[0]
    best = dataclasses.replace(line.shrunken, comparison="worse")
    worse = dataclasses.replace(line, shrunken=best)
    said = "Nothing about patients is adjusted for, so this may be who your patients are."
    assert said in clinic_sentences.reading(outcome, worse)
    assert said not in clinic_sentences.reading(outcome, line)
    adjusted = dataclasses.replace(outcome, adjusters=("age", "month"))
    assert said not in clinic_sentences.reading(adjusted, worse)
    # nor is it told what its own patients would have elsewhere
    best = dataclasses.replace(best, expected=60.0, pe=1.2, pe_lower=1.05, pe_upper=1.35)
    raw = dataclasses.replace(line.raw, lower=66.0, upper=82.0)
    held = dataclasses.replace(line, raw=raw, shrunken=best)
    assert clinic_sentences.expected(outcome, held) == ""
    assert clinic_sentences.expected(adjusted, held).startswith(
        "If clinics differed only in what is adjusted"
    )


def test_a_spread_that_is_not_shown_is_not_said_to_be_none() -> None:
    figures = [figure("overdispersion", 1.2), figure("own_spread", 0.0)]
    assert [row[0] for row in figure_rows(with_figures(*figures))] == ["overdispersion"]
    wider = [figure("overdispersion", 2.2), figure("own_spread", 3.1)]
    assert [row[0] for row in figure_rows(with_figures(*wider))] == ["overdispersion", "own_spread"]


def test_a_p_value_among_the_figures_is_written_as_one() -> None:
    (row,) = figure_rows(with_figures(figure("mundlak", 1e-26)))
    assert row[1] == "p < 0.001"


def test_months_beyond_the_limits_are_told_in_stretches() -> None:
    values = [10, 14, 15, 16, 10, 5]
    months = tuple(
        Month(
            f"2024-{number:02}",
            value,
            None,
            50.0,
            10.0,
            7.0,
            13.0,
            "trial",
            "beyond" if abs(value - 10) > 3 else None,
            0.0461,
            "ok",
        )
        for number, value in enumerate(values, start=1)
    )
    chart = run_chart(binary([(5, 10)]), months, 200.0, 100.0)
    assert chart is not None
    assert run_words(chart) == (
        "Beyond the limits: February 2024 to April 2024 and June 2024. Of 100 such charts on which nothing "
        "changes, 5 give a signal in a year. Trial limits (fewer than 12 points)."
    )
    often = tuple(dataclasses.replace(each, false_alarms=0.62) for each in months)
    chart = run_chart(binary([(5, 10)]), often, 200.0, 100.0)
    assert chart is not None
    assert "62 give a signal in a year. A signal in this chart says little by itself." in run_words(chart)
    shift = tuple(dataclasses.replace(each, value=11.0, signal="shift") for each in months)
    chart = run_chart(binary([(5, 10)]), shift, 200.0, 100.0)
    assert chart is not None
    assert not chart.beyond
    assert [len(stretch) for stretch in chart.stretches] == [6]
    assert run_words(chart).startswith(
        "Part of eight or more months in a row on one side of the average: January 2024 to June 2024."
    )
    mixed = (*months[:2], *shift[2:])
    chart = run_chart(binary([(5, 10)]), mixed, 200.0, 100.0)
    assert chart is not None
    assert run_words(chart).startswith(
        "Beyond the limits: February 2024. Part of eight or more months in a row on one side of the average, "
        "besides any named before: March 2024 to June 2024."
    )


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("suppressed_primary", "No limits are drawn, since some months are not shown. 1 month not shown."),
        ("no_records", "There are too few months to draw limits. 1 month not shown."),
    ],
)
def test_a_chart_without_limits_says_why(status: str, why: str) -> None:
    months = (Month("2024-01", 10.0, status="ok"), Month("2024-02", status=status))
    chart = run_chart(binary([(5, 10)]), months, 200.0, 100.0)
    assert chart is not None
    assert run_words(chart) == why


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (4.0, 13.0, "Place 7 of the 48 clinics that we rank; the 95% interval runs from 4 to 13."),
        (7.0, 7.0, "Place 7 of the 48 clinics that we rank; the 95% interval includes no other place."),
    ],
)
def test_a_place_is_told_with_its_interval_and_only_if_the_verdict_ranks(
    lower: float, upper: float, said: str
) -> None:
    rank = Rank(median=7.0, lower=lower, upper=upper, n_ranked=48, status="ok", grade="above")
    line = Line("a", None, Estimate(), Estimate(), Estimate(), rank)
    outcome = binary([(5, 10)])
    assert clinic_sentences.place_words(dataclasses.replace(outcome, verdict="rank"), line) == said
    assert (
        clinic_sentences.place_words(dataclasses.replace(outcome, verdict="grade"), line)
        == "Grade: above typical."
    )
    assert clinic_sentences.place_words(dataclasses.replace(outcome, verdict="do_not_rank"), line) == ""


def test_what_stands_beside_a_comparison(state48_edition: Edition) -> None:
    outcome = next(each for each in state48_edition.outcomes if each.name == "vaccinated")
    facts = dict(sentences.beside(state48_edition, outcome))
    assert set(facts) == {
        "Compared",
        "Not compared",
        "Period",
        "Adjusted for",
        "Not adjusted for",
        "Compared with",
        "Direction",
        "Verdict",
        "Changed",
        "Small numbers",
    }
    assert facts["Compared"] == "31 of 48 clinics, with 32,266 of 32,597 records"
    assert "reliability under 0.7" in facts["Not compared"]
    assert "11 clinics not shown (to protect patients)" in facts["Not compared"]
    assert facts["Adjusted for"] == "age and sex"
    assert facts["Not adjusted for"] == "Recall program: what it did is part of clinics’ figures"
    assert facts["Verdict"] == "Rankability is 0.86: most of the differences are real."


def test_withheld_findings_make_no_total(chop_edition: Edition) -> None:
    withheld = tuple(
        dataclasses.replace(each, n_found=None, status="suppressed_primary")
        if each.rule == "duplicate"
        else each
        for each in chop_edition.quality
    )
    said = sentences.quality_message(dataclasses.replace(chop_edition, quality=withheld))
    assert said.endswith("some counts are not shown, to protect patients. See “Data quality”.")
    assert "set aside" in sentences.quality_message(chop_edition)


def test_a_clinic_is_told_since_when_it_has_the_program(
    state48_edition: Edition, chop_edition: Edition
) -> None:
    program = state48_edition.network.program
    assert program is not None
    assert program.starts is not None
    told = {
        clinic.name: clinic_sentences.program_words(state48_edition, clinic)
        for clinic in state48_edition.clinics
    }
    (started,) = program.starts
    assert told.pop(started) == "Recall program: here since June 2024."
    assert set(told.values()) == {"Recall program: not at your clinic in these months."}
    # a program that is a column of the records has no starts to tell
    assert {clinic_sentences.program_words(chop_edition, each) for each in chop_edition.clinics} == {""}


def test_a_clinic_without_figures_is_not_promised_a_comparison_by_its_records_alone(
    state48_edition: Edition,
) -> None:
    """One with 360 records, of which too few had the event, was told to wait until it had 25."""
    clinic = dataclasses.replace(state48_edition.clinics[0], status="suppressed_primary", n_records=360)
    said = clinic_sentences.when_reported(state48_edition, clinic)
    assert "at least 25 records, on as many as would give 11 events" in said
    assert "reliable enough" in said


def test_a_withheld_range_says_so_once() -> None:
    ends = [
        dataclasses.replace(figure(name, 0.0), value=None, status="suppressed_secondary")
        for name in ("range_low", "range_high")
    ]
    assert figure_words.network_range(with_figures(), *ends) == "not shown, to protect patients"


def test_an_outcome_that_is_withheld_whole_is_not_said_to_lack_an_estimate() -> None:
    withheld = dataclasses.replace(
        with_figures(), status="suppressed_secondary", reason="withheld: it would let a small number …"
    )
    assert sentences.not_estimable(withheld).startswith("Not shown, to protect patients")
    unestimated = dataclasses.replace(withheld, status="not_estimable", reason="there is one clinic.")
    assert sentences.not_estimable(unestimated) == "Could not be estimated: there is one clinic."


def test_an_own_weight_is_what_the_three_figures_come_to() -> None:
    """Log odds of 80%, 50% and 20% are log 4, 0 and −log 4: half way from 50% to 80% is two to one, 66.7%."""
    outcome = binary([(80, 100), (20, 100)], target=50.0)
    line = outcome.lines[0]
    adjusted = dataclasses.replace(line.adjusted, value=80.0)
    best = dataclasses.replace(line.shrunken, value=200 / 3, lower=60.0, upper=72.0, reliability=0.9)
    line = dataclasses.replace(line, adjusted=adjusted, shrunken=best)
    assert outcome.own_weight(line) == pytest.approx(0.5)
    assert clinic_sentences.weight(outcome, line) == "own weight 0.50"
    near = dataclasses.replace(line, adjusted=dataclasses.replace(adjusted, value=50.1))
    beyond = dataclasses.replace(line, adjusted=dataclasses.replace(adjusted, value=60.0))
    eventless = dataclasses.replace(line, raw=dataclasses.replace(line.raw, value=0.0))
    for unsaid in (near, beyond, eventless, dataclasses.replace(line, adjusted=Estimate())):
        assert outcome.own_weight(unsaid) is None
        assert clinic_sentences.weight(outcome, unsaid) == ""
    far = dataclasses.replace(outcome.lines[1], shrunken=dataclasses.replace(best, outlying=True))
    drawn_otherwise = dataclasses.replace(outcome, lines=(line, far))
    assert drawn_otherwise.own_weight(line) is None


def test_a_spread_of_none_is_none_that_is_shown() -> None:
    """A middle of 34.9% to 34.9% would say that clinics are known to be the same."""
    ends = figure("range_low", 34.9, unit="%"), figure("range_high", 34.9, unit="%")
    outcome = with_figures(figure("sd_between", 0.0), *ends)
    assert [row[:2] for row in figure_rows(outcome)] == [
        ("sd_between", "none shown beyond what chance explains, records that are alike allowed for")
    ]
    assert len(figure_rows(with_figures(figure("sd_between", 0.1), *ends))) == 2


def test_an_intraclass_correlation_that_patients_have_a_part_in_says_so() -> None:
    plain = with_figures(figure("icc", 0.02))
    said = sentences.intraclass(with_figures(dataclasses.replace(figure("icc", 0.02), how=(ICC_ALIKE,))))
    part = "Some or all of that may be that records of one patient, or of one month, are alike."
    assert said == f"{sentences.intraclass(plain)} {part}"
    assert part not in str(sentences.intraclass(plain))


def test_a_clinic_is_told_what_its_own_patients_would_have_elsewhere() -> None:
    outcome = dataclasses.replace(binary([(75, 100), (20, 100)], target=50.0), adjusters=("age", "month"))
    line = outcome.lines[0]
    raw = dataclasses.replace(line.raw, lower=66.0, upper=82.0)
    best = dataclasses.replace(
        line.shrunken, expected=60.0, pe=1.2, pe_lower=1.0499, pe_upper=1.35, comparison="better"
    )
    line = dataclasses.replace(line, raw=raw, shrunken=best)
    assert clinic_sentences.expected(outcome, line) == (
        "If clinics differed only in what is adjusted for, your own patients would have 60.0% at the typical "
        "clinic. For these patients your clinic comes to 1.20 times that (1.05 to 1.35); your best "
        "estimate is for the network’s mix of patients instead."
    )
    for unsaid in (
        dataclasses.replace(line, shrunken=dataclasses.replace(best, pe=None)),
        dataclasses.replace(line, shrunken=dataclasses.replace(best, expected=0.0)),
        dataclasses.replace(line, raw=Estimate(status="suppressed_primary")),
        dataclasses.replace(line, shrunken=dataclasses.replace(best, status="low_reliability")),
    ):
        assert clinic_sentences.expected(outcome, unsaid) == ""


def test_groups_of_patients_stand_side_by_side() -> None:
    outcome = binary([(75, 100), (20, 100)], target=50.0)

    def of_records(value: float, lower: float, upper: float, records: int) -> Estimate:
        return Estimate(value, lower, upper, denominator=records, status="ok")

    groups = (
        PatientGroup("Age", "Under 18", of_records(12.0, 9.0, 16.0, 1234), 2.0, 0.5, 3.5),
        PatientGroup("Age", "18 and over", Estimate(status="suppressed_primary")),
        PatientGroup("Sex", "Women", of_records(10.0, 8.0, 12.0, 90), -1.5, -3.0, 0.25),
        PatientGroup("Sex", "Men", of_records(10.0, 8.0, 12.0, 90)),
    )
    age, sex = group_tables(dataclasses.replace(outcome, groups=groups))
    assert (age.title, sex.title) == ("Groups of patients: Age", "Groups of patients: Sex")
    plain = [dataclasses.astuple(row) for row in (*age.rows, *sex.rows)]
    said = [[text.replace("\u00a0", " ") for text in row] for row in plain]
    assert said == [
        ["Under 18", "1,234", "12.0% (9.0 to 16.0)", "+2.0 percentage points (0.5 to 3.5)"],
        ["18 and over", "", "not shown, to protect patients", ""],
        ["Women", "90", "10.0% (8.0 to 12.0)", "−1.5 percentage points (−3.0 to 0.2)"],
        ["Men", "90", "10.0% (8.0 to 12.0)", ""],
    ]
    assert group_tables(outcome) == ()
