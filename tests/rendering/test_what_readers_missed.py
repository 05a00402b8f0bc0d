"""What readers of networks with known truth missed or misread: who is apart, closed, withheld."""

from __future__ import annotations

import dataclasses

from rendering.test_first_page import outcome_of

from tasks.network.clinics_section import ClinicsSection
from tasks.rendering.edition import Edition, Line, Outcome
from tasks.rendering.network_report import key_messages
from tasks.rendering.numbers import NO_BREAK
from tasks.rendering.shown_figures import Figure
from tasks.rendering.words import sentences, standing
from tasks.rendering.words.clinic_sentences import in_short, reading, to_do


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
    told = f"Your own figure on {outcome.label} differs by more than its number of records explains; "
    assert any(tone == "uncompared" and said.startswith(told) for tone, said in in_short(edition, clinic))
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

    def beside(events: float) -> tuple[Line, ...]:
        rare = dataclasses.replace(
            first, raw=dataclasses.replace(first.raw, value=50.0, numerator=events, status="ok")
        )
        return rare, dataclasses.replace(second, shrunken=gone, raw=gone, adjusted=gone)

    of = {"typical": (50.0, 48.0, 52.0), "mean": (40.0, None, None)}
    figures = {name: Figure(name, name, *ends, "", "", "ok", None) for name, ends in of.items()}
    outcome = dataclasses.replace(plain, kind="binary", lines=beside(14.0), figures=figures)
    assert (sentences.average(outcome) or "").endswith(
        "so the typical clinic of the others is too high for the network, by more than its interval tells."
    )
    for other in (
        dataclasses.replace(outcome, lines=plain.lines),
        dataclasses.replace(outcome, lines=beside(400.0)),  # withheld for its size, not for its events
        dataclasses.replace(
            outcome, figures={**figures, "mean": dataclasses.replace(figures["mean"], value=51.0)}
        ),
    ):
        assert "few events" not in (sentences.average(other) or "")


def test_who_draws_the_mean_of_a_few_is_named(state48_edition: Edition) -> None:
    """One of six lay far out and made the typical clinic 20.1%; the others were at 17.9%."""
    outcome = outcome_of(
        state48_edition,
        *((49.0, "no_different", None), (70.0, "better", None), (48.0, "no_different", None)),
    )
    typical = Figure("typical", "typical", 50.0, 49.0, 51.0, "", "", "ok", None)
    outcome = dataclasses.replace(outcome, figures={**outcome.figures, "typical": typical})
    far = outcome.lines[1].clinic
    assert "pulls that mean" not in (sentences.average(outcome) or "")
    drawn = dataclasses.replace(outcome, verdict_why=("ranked.rests_on_one",))
    said = f"{far} pulls that mean towards itself: the best estimates of the others run from 48.0 to 49.0"
    assert (sentences.average(drawn) or "").replace(NO_BREAK, " ").endswith(f"{said} points.")
    small = dataclasses.replace(
        outcome.lines[0].shrunken, comparison="not_compared", status="low_reliability"
    )
    lines = (dataclasses.replace(outcome.lines[0], shrunken=small), *outcome.lines[1:])
    assert "pulls that mean" not in (sentences.average(dataclasses.replace(drawn, lines=lines)) or "")


def test_intervals_of_who_stands_out_may_overlap_the_typical_clinic_s(state48_edition: Edition) -> None:
    outcome = outcome_of(state48_edition, (52.5, "better", None), (50.0, "no_different", None))
    ends = {"apart": (49.0, 51.0), "beside": (48.0, 52.0)}
    figures = {
        name: {"typical": Figure("typical", "typical", 50.0, *both, "", "", "ok", None)}
        for name, both in ends.items()
    }
    assert standing.overlapping(dataclasses.replace(outcome, figures=figures["beside"]))
    assert not standing.overlapping(dataclasses.replace(outcome, figures=figures["apart"]))
