"""Geometry of the charts, from editions and from a few rows worked by hand."""

from __future__ import annotations

import collections
import dataclasses
import math

import pytest

from reports.wording.coded_sentences import coded, told
from tasks.rendering.charts.caterpillar import caterpillar, ordered, value_scale
from tasks.rendering.charts.effects_chart import effect_axes, event_study, write_effect
from tasks.rendering.charts.funnel import ALARM, ALERT, funnel
from tasks.rendering.charts.place import overview, place
from tasks.rendering.charts.rank_chart import rank_chart
from tasks.rendering.charts.run_chart import run_chart
from tasks.rendering.charts.shrinkage_chart import shrinkage
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.shown_figures import Effect, Estimate, Figure, Month, Rank
from tasks.rendering.words.sentences import funnel_words


def outcome_of(edition: Edition, name: str) -> Outcome:
    return next(outcome for outcome in edition.outcomes if outcome.name == name)


def binary(
    rows: list[tuple[int, int]], target: float = 50.0, spread: tuple[float, float] = (1.0, 0.0)
) -> Outcome:
    """A binary outcome of clinics with (events, records); overdispersion and SD beyond chance as stated."""
    stated = {
        name: Figure(name, "", value, None, None, "", "", "ok", None)
        for name, value in zip(("overdispersion", "own_spread"), spread, strict=True)
    }
    lines = tuple(
        Line(
            clinic=f"clinic {index}",
            region=None,
            raw=Estimate(100 * events / n, numerator=events, denominator=n, status="ok"),
            adjusted=Estimate(),
            shrunken=Estimate(
                100 * events / n, 0.0, 100.0, denominator=n, pe=100 * events / n / target, status="ok"
            ),
            rank=Rank(),
        )
        for index, (events, n) in enumerate(rows)
    )
    return Outcome(
        name="y",
        label="Y",
        kind="binary",
        unit="%",
        direction="higher",
        adjusters=(),
        comparator="the network",
        comparator_value=target,
        important_difference=None,
        n_records=None,
        n_clinics=None,
        verdict="do_not_rank",
        verdict_reason=None,
        status="ok",
        reason=None,
        logarithmic=False,
        monthly=False,
        lines=lines,
        months=(),
        figures={"mean": Figure("mean", "All records", target, None, None, "%", "", "ok", None)} | stated,
        effects=(),
    )


class TestCaterpillar:
    def test_only_a_verdict_to_rank_orders_clinics_by_place(self, state48_edition: Edition) -> None:
        order, lines = ordered(outcome_of(state48_edition, "screening"))
        places = [line.rank.median for line in lines if line.rank.median is not None]
        assert order == "rank"
        assert places == sorted(places)
        assert len(places) > 30

    def test_grades_order_by_grade_and_then_by_records(self, state48_edition: Edition) -> None:
        chart = caterpillar(outcome_of(state48_edition, "sbp"))
        assert chart.order == "grade"
        groups: list[list[float]] = []
        for strip in chart.strips:
            if strip.group:
                groups.append([])
            groups[-1].append(strip.line.size or 0.0)
        assert 2 <= len(groups) <= 4
        assert all(sizes == sorted(sizes, reverse=True) for sizes in groups)

    def test_not_to_be_ranked_orders_by_records(self, state48_edition: Edition) -> None:
        order, lines = ordered(outcome_of(state48_edition, "visits"))
        sizes = [line.size or 0.0 for line in lines]
        assert order == "records"
        assert sizes == sorted(sizes, reverse=True)

    def test_rates_of_months_have_no_size_and_stand_by_name(self, chop_edition: Edition) -> None:
        order, lines = ordered(outcome_of(chop_edition, "tests"))
        names = [line.clinic for line in lines]
        assert order == "name"
        assert names == sorted(names)

    def test_every_clinic_that_may_be_seen_has_a_row_and_no_other(self, chop_edition: Edition) -> None:
        for outcome in chop_edition.outcomes:
            drawn = {strip.line.clinic for strip in caterpillar(outcome).strips}
            assert drawn == {line.clinic for line in outcome.lines if line.shown}

    def test_an_interval_that_leaves_the_axis_is_cut_and_says_so(self, chop_edition: Edition) -> None:
        outcome = outcome_of(chop_edition, "positive")
        chart, scale = caterpillar(outcome), value_scale(outcome, 5.0, 107.0)
        cut = [strip for strip in chart.strips if strip.raw_interval and strip.raw_interval.cut_high]
        assert cut
        for strip in cut:
            assert (strip.line.raw.upper or 0.0) > scale.high
            assert strip.raw_interval is not None
            assert strip.raw_interval.end == scale.end


class TestFunnel:
    def test_what_clinics_differ_by_adds_to_chance_by_hand(self) -> None:
        # 100 records at 50% have an SD of 5 points; 8.9 more between clinics give 10.2, so 60% is within
        plot = funnel(binary([(60, 100), (40, 100)] * 10, spread=(4.0, 8.9)))
        assert plot.overdispersion == 4.0
        assert plot.widened
        assert plot.alarmed == ()
        # without them 70% is 20/5 = 4 SDs away, and with them 20/10.03 = 1.99
        alone, added = (
            funnel(binary([(50, 100)] * 20 + [(70, 100)], spread=each)) for each in ((1.0, 0.0), (4.0, 8.7))
        )
        assert (alone.dots[20].beyond, added.dots[20].beyond) == ("alarm", "alert")

    def test_without_what_all_clinics_spread_by_none_is_drawn(self) -> None:
        plain = binary([(55, 100), (45, 100)] * 10)
        kept = {name: figure for name, figure in plain.figures.items() if name == "mean"}
        assert funnel(dataclasses.replace(plain, figures=kept)).why_not == "unknown"

    def test_limits_are_as_wide_as_records_that_are_alike_make_them(self) -> None:
        """10 points off 50% of 100 records are two SDs of unrelated ones, and one of fours that are alike."""
        rows = [(60, 100), (40, 100)] * 10
        plain = binary(rows)
        alike = Figure("own_design_effect", "", 4.0, None, None, "", "", "ok", None)
        counted = dataclasses.replace(plain, figures={**plain.figures, "own_design_effect": alike})
        assert {dot.beyond for dot in funnel(plain).dots} == {"alert"}
        assert {dot.beyond for dot in funnel(counted).dots} == {"none"}
        assert "spreads figures 2.0 times as wide" in funnel_words(counted, funnel(counted))
        assert "alike" not in funnel_words(plain, funnel(plain))
        said = "with records of one patient or month taken to be alike, clinics are not shown to spread wider"
        assert said in funnel_words(counted, funnel(counted))
        assert "clinics are not shown to spread wider than chance alone" in funnel_words(plain, funnel(plain))

    def test_limits_of_means_are_as_wide_as_well(self) -> None:
        """Means of 100 records of SD 10 lie 1 apart by chance: one at 2 is beyond, and not of fours alike."""
        stated = {"mean": 50.0, "sd_within": 10.0, "overdispersion": 1.0, "own_spread": 0.0}
        rows = [(50, 100)] * 11 + [(52, 100)]  # shares of 50 and 52, read as means
        plain = dataclasses.replace(
            binary(rows),
            kind="continuous",
            unit="points",
            figures={
                name: Figure(name, "", value, None, None, "", "", "ok", None)
                for name, value in stated.items()
            },
        )
        alike = Figure("own_design_effect", "", 4.0, None, None, "", "", "ok", None)
        counted = dataclasses.replace(plain, figures={**plain.figures, "own_design_effect": alike})
        far = [[dot.beyond for dot in funnel(each).dots][-1] for each in (plain, counted)]
        assert far == ["alert", "none"]

    def test_a_clinic_beyond_the_limits_is_named(self) -> None:
        plot = funnel(binary([(55, 100), (45, 100)] * 10 + [(90, 100)]))
        assert plot.alarmed == ("clinic 20",)
        outlier = plot.dots[20]
        assert (outlier.beyond, outlier.tone) == ("alarm", "higher")

    def test_where_it_would_say_nothing_it_is_not_drawn(self, state48_edition: Edition) -> None:
        plot = funnel(outcome_of(state48_edition, "screening"))
        assert plot.why_not == "uninformative"
        assert plot.overdispersion is not None
        assert plot.overdispersion > 10
        assert not plot.dots

    def test_too_few_clinics_or_no_sizes_or_no_target_draw_none(self, chop_edition: Edition) -> None:
        assert funnel(binary([(5, 10)] * 9)).why_not == "few"
        assert funnel(outcome_of(chop_edition, "tests")).why_not == "no_size"
        assert funnel(outcome_of(chop_edition, "repeated")).why_not == "unknown"

    def test_limits_stand_where_the_formula_puts_them(self) -> None:
        plot = funnel(binary([(55, 100), (45, 100)] * 9 + [(210, 400), (190, 400)]))
        first, last = 100 - 0.05 * 300, 400 + 0.05 * 300  # the axis: the sizes and a margin of a twentieth

        def size(x: float) -> float:
            return first + (x - plot.left) / (plot.width - plot.right - plot.left) * (last - first)

        for z, limits in ((ALERT, plot.alert), (ALARM, plot.alarm)):
            for limit in limits:
                # in points of the chart, z √(p (1 − p) / n) √n is one number along the whole limit
                scaled = [abs(y - plot.overall) * math.sqrt(size(x)) / z for x, y in limit]
                assert len(scaled) > 20
                assert max(scaled) == pytest.approx(min(scaled), rel=2e-3)
        # the same number for both pairs of limits, so they stand 1.96 and 3.09 apart
        (x, inner), (_, outer) = plot.alert[1][-1], plot.alarm[1][-1]
        assert (outer - plot.overall) / (inner - plot.overall) == pytest.approx(3.0902 / 1.96, rel=5e-3), x


class TestRunChart:
    months = tuple(
        Month(f"2024-{month:02}", value, None, 100.0, 10.0, 7.0, 13.0, "fixed", signal, 0.05, "ok")
        for month, (value, signal) in enumerate(
            zip([10, 11, 9, 14, 10, 6, 10], ["", "", "", "beyond", "", "beyond", ""], strict=True), start=1
        )
    )

    def test_months_beyond_a_limit_are_marked_in_the_outcomes_direction(
        self, state48_edition: Edition
    ) -> None:
        chart = run_chart(outcome_of(state48_edition, "screening"), self.months, 200.0, 100.0)
        assert chart is not None
        assert [(point.month, point.tone) for point in chart.beyond] == [
            ("2024-04", "better"),
            ("2024-06", "worse"),
        ]
        lower_is_better = run_chart(outcome_of(state48_edition, "sbp"), self.months, 200.0, 100.0)
        assert lower_is_better is not None
        assert [point.tone for point in lower_is_better.beyond] == ["worse", "better"]

    def test_the_line_is_broken_where_a_month_is_not_seen(self, state48_edition: Edition) -> None:
        gone = (*self.months[:3], Month("2024-04", status="suppressed_primary"), *self.months[4:])
        chart = run_chart(outcome_of(state48_edition, "screening"), gone, 200.0, 100.0)
        assert chart is not None
        assert [len(run) for run in chart.lines] == [3, 3]
        assert chart.n_missing == 1

    def test_no_month_to_be_seen_is_no_chart(self, state48_edition: Edition) -> None:
        hidden = [Month("2024-01", status="suppressed_primary")]
        assert run_chart(outcome_of(state48_edition, "screening"), hidden, 200.0, 100.0) is None

    def test_trial_limits_are_known(self, chop_edition: Edition) -> None:
        outcome = outcome_of(chop_edition, "hours")
        chart = run_chart(outcome, outcome.months, 200.0, 100.0)
        assert chart is not None
        assert chart.trial


class TestRanks:
    def test_only_a_verdict_to_rank_draws_them(self, state48_edition: Edition) -> None:
        drawn = {each.name: rank_chart(each) is not None for each in state48_edition.outcomes}
        assert drawn == {"screening": True, "vaccinated": True, "sbp": False, "visits": False}

    def test_places_run_from_first_to_last(self, state48_edition: Edition) -> None:
        chart = rank_chart(outcome_of(state48_edition, "screening"))
        assert chart is not None
        assert chart.n_ranked == 48
        medians = [strip.median for strip in chart.strips]
        assert medians == sorted(medians)
        assert all(strip.lower <= strip.median <= strip.upper for strip in chart.strips)


def effect(**changes: object) -> Effect:
    made = Effect(
        model="mixed",
        estimand="conditional",
        measure="odds_ratio",
        term="effect",
        months_since_start=None,
        value=1.3,
        lower=1.1,
        upper=1.6,
        band_lower=None,
        band_upper=None,
        unit="",
        df=None,
        p=0.01,
        n_records=100,
        n_clinics=10,
        question="patient",
        words="",
        condition="",
        status="ok",
        reason=None,
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


class TestEffects:
    def test_each_measure_has_its_own_axis_and_differences_come_first(self, state48_edition: Edition) -> None:
        axes = effect_axes(outcome_of(state48_edition, "vaccinated"))
        assert [(axis.ratio, axis.unit) for axis in axes] == [(False, "percentage points"), (True, "")]
        questions = [strip.effect.question for strip in axes[0].strips]
        assert questions == ["policy", "these_clinics", "none"]

    def test_the_naive_figure_gets_no_verdict(self, state48_edition: Edition) -> None:
        for axis in effect_axes(outcome_of(state48_edition, "screening")):
            for strip in axis.strips:
                assert (strip.tone == "uncompared") == (strip.effect.model == "naive")

    def test_effects_are_written_with_their_intervals(self) -> None:
        assert write_effect(effect()) == "1.30 (1.10 to 1.60)"
        points = effect(measure="risk_difference", value=4.1, lower=2.2, upper=6.0)
        assert write_effect(points) == "4.1 (2.2 to 6.0)"
        assert write_effect(effect(value=None, lower=None, upper=None)) == ""

    def test_an_effect_that_was_not_estimated_keeps_its_place_without_a_mark(self) -> None:
        missing = effect(
            value=None, lower=None, upper=None, status="not_estimable", reason="it does not vary"
        )
        (axis,) = effect_axes(dataclasses.replace(binary([(5, 10)]), effects=(missing,)))
        assert axis.strips[0].at is None

    def test_the_event_study_stands_apart_from_whole_effects(self, state48_edition: Edition) -> None:
        outcome = outcome_of(state48_edition, "screening")
        study = event_study(outcome)
        assert study is not None
        assert [point.before for point in study.points] == [True] * 3 + [False] * 7
        assert event_study(dataclasses.replace(outcome, effects=(effect(),))) is None

    def test_months_that_share_an_effect_are_not_those_in_which_all_have_the_program(
        self, state48_edition: Edition
    ) -> None:
        outcome = outcome_of(state48_edition, "screening")
        shared = told(coded("why.shared", first=2, last=3))
        alone = told(coded("why.alone"))
        reasons = [None, shared, f"{alone}; {shared}", alone]
        months = [
            dataclasses.replace(effect(), term=f"month {k:02}", months_since_start=k, reason=reason)
            for k, reason in enumerate(reasons)
        ]
        study = event_study(dataclasses.replace(outcome, effects=tuple(months)))
        assert study is not None
        assert [point.alone for point in study.points] == [False, False, True, True]
        assert [point.shared for point in study.points] == [False, True, True, False]


class TestPlaces:
    def test_all_other_clinics_that_may_be_seen_are_dots(self, state48_edition: Edition) -> None:
        outcome = outcome_of(state48_edition, "vaccinated")
        line = next(line for line in outcome.lines if line.tone == "better")
        seen = sum(each.shrunken.shown for each in outcome.lines)
        assert len(place(outcome, line).others) == seen - 1
        assert len(overview(outcome).dots) == seen

    @pytest.mark.parametrize("times", [1, 20, 200])
    def test_dots_keep_the_shape_of_any_number_of_clinics(self, state48_edition: Edition, times: int) -> None:
        outcome = outcome_of(state48_edition, "vaccinated")
        many = dataclasses.replace(outcome, lines=outcome.lines * times)
        picture = overview(many)
        assert picture.clinics == times * sum(line.shrunken.shown for line in outcome.lines)
        lowest = max(y for _, y in picture.dots)
        piles = collections.Counter(x for x, _ in picture.dots)
        assert max(piles.values()) <= 8
        assert min(y for _, y in picture.dots) == round(lowest - 3.0 * (max(piles.values()) - 1), 2)
        assert len(set(picture.dots)) == len(picture.dots)  # none covers another
        assert picture.each * max(piles.values()) >= picture.clinics / len(piles)
        if times > 1:  # the tallest pile is the same one, in the same proportion to the lowest
            few = collections.Counter(x for x, _ in overview(outcome).dots)
            assert piles[max(few, key=lambda x: few[x])] == max(piles.values())

    def test_the_slope_chart_of_many_clinics_draws_a_hundred_of_them(self, chop_edition: Edition) -> None:
        outcome = outcome_of(chop_edition, "hours")
        many = shrinkage(dataclasses.replace(outcome, lines=outcome.lines * 6))
        few = shrinkage(outcome)
        assert few is not None
        assert many is not None
        assert (few.clinics, len(few.pulls)) == (53, 53)
        assert (many.clinics, len(many.pulls)) == (6 * 53, 100)
        own = sorted(pull.own for pull in few.pulls)
        assert {pull.own for pull in many.pulls} <= set(own)
        assert (min(pull.own for pull in many.pulls), max(pull.own for pull in many.pulls)) == (
            own[0],
            own[-1],
        )

    def test_shrinkage_draws_clinics_with_both_figures(self, chop_edition: Edition) -> None:
        picture = shrinkage(outcome_of(chop_edition, "hours"))
        assert picture is not None
        assert len(picture.pulls) == 53
        assert shrinkage(outcome_of(chop_edition, "repeated")) is None


def test_months_that_hardly_differ_make_no_climb_where_no_limits_are_drawn() -> None:
    """7.879 and 7.882 hours, a sixth of a minute apart, on an axis of a fifth of eight hours."""
    outcome = dataclasses.replace(binary([(5, 10)]), kind="continuous", unit="hours")
    months = [Month("2020-04", 7.882, status="ok"), Month("2020-05", 7.879, status="ok")]
    chart = run_chart(outcome, months, 200.0, 80.0)
    assert chart is not None
    labels = [float(tick.label) for tick in chart.ticks]
    assert max(labels) - min(labels) >= 1.0
