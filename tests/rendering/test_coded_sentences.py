"""Sentences travel as a code and values, and are told in any language from those alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from reports.wording import speaking
from reports.wording.coded_sentences import coded, joined, told
from tasks.models.clinics.rankability import Rankability
from tasks.models.clinics.verdict import Decision, verdict
from tasks.ranking.clinic_order import reason_of_verdict


def test_numbers_are_written_as_the_language_does() -> None:
    sentence = coded("ranked.rank", share=81.4, low=70.2, high=88.8, rankability=0.814)
    assert "81% (70% to 89%) of the variance" in told(sentence)
    assert "(rankability 0.81; ranks from 0.75)" in told(sentence)
    with speaking("es"):
        assert "el 81\xa0% (del 70\xa0% al 89\xa0%) de la varianza" in told(sentence)
        assert "(ordenabilidad 0,81; orden desde 0,75)" in told(sentence)


def test_the_code_and_the_values_are_json() -> None:
    assert json.loads(coded("why.few_records", fewest=25)) == {"code": "why.few_records", "fewest": 25}


def test_a_sentence_within_another_keeps_its_own_code() -> None:
    inner = coded("why.technical", detail="singular")
    outer = coded("ranked.failed", reason=inner)
    assert json.loads(outer)["reason"] == {"code": "why.technical", "detail": "singular"}
    assert told(inner) in told(outer)


def test_several_are_a_list() -> None:
    one, other = coded("why.no_month"), coded("why.few_events", fewest=3)
    assert json.loads(joined([one, other])) == [json.loads(one), json.loads(other)]
    assert told(joined([one, other])) == f"{told(one)}; {told(other)}"
    assert joined([one]) == one


def test_a_sentence_that_the_wording_has_not_cannot_be_said() -> None:
    with pytest.raises(KeyError):
        coded("why.nobody_knows")


def _about(share: float) -> Rankability:
    at = np.linspace(0.9 * share, min(1.1 * share, 1.0), 11)
    return Rankability(share, at, np.full(11, 1.0 / 11.0))


@pytest.mark.parametrize("rankability", [0.0, 0.31, 0.5, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("before", [None, "rank", "grade", "do_not_rank"])
def test_the_report_says_of_the_order_what_the_model_says(
    rankability: float, n: int, before: Decision | None
) -> None:
    found = verdict(_about(rankability), n, before)
    assert told(reason_of_verdict(found, n)) == found.sentence


@pytest.mark.parametrize(("lowest", "decision"), [(0.04, "do_not_rank"), (0.36, "grade")])
def test_a_verdict_less_than_its_value_says_that_it_is_too_uncertain(lowest: float, decision: str) -> None:
    """ "Not ranked: only 77% (rankability 0.77; grades from 0.50)" would contradict itself."""
    found = verdict(Rankability(0.77, np.linspace(lowest, 0.97, 20), np.full(20, 0.05)), 40)
    assert found.decision == decision
    said = told(reason_of_verdict(found, 40))
    assert said == found.sentence
    assert "(rankability 0.77; too uncertain for clinics to be " in said
    assert "only" not in said


@pytest.mark.parametrize("rankability", [0.3123456789, 0.6512345678, 0.8765432109])
def test_a_coded_value_has_no_more_digits_than_its_sentence(rankability: float) -> None:
    sentence = reason_of_verdict(verdict(_about(rankability), 40), 40)
    assert json.loads(sentence)["rankability"] == round(rankability, 2)
    assert json.loads(sentence)["share"] == round(100.0 * rankability)
