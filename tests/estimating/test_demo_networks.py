"""The two demo networks, estimated: on state48 the truth is found, on chop what is true of it is shown.

What state48 publishes of its program is looked at in the feed kept in tests/golden: a test there makes it
again and holds it to the byte, so that it need not be estimated here once more.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from golden.demo_feeds import kept_tables

from reports.wording.coded_sentences import told
from tasks.demo import make_demo, state48_clinic_effects, state48_truth
from tasks.estimating import OutcomeEstimates, Summary, estimate_outcome, summarise
from tasks.estimating.outcome_family import family_of
from tasks.estimating.outcome_formulas import question_of
from tasks.estimating.ranking_model import clinic_effects, fit_ranking, fit_ways
from tasks.estimating.sparse_records import model_records
from tasks.estimating.worth import program_by_month, worth_of_records
from tasks.models import Shrunken, gee
from tasks.network import read_network
from tasks.network.schema import Network
from tasks.ranking import rank_outcome
from tasks.records import Records
from tasks.screening import Screened, screen

pytestmark = pytest.mark.before_release


class Estimated:
    """A demo network's month, screened; outcomes are estimated once each, when asked for."""

    def __init__(self, name: str, directory: Path, month: str) -> None:
        self.network: Network = read_network(make_demo(name, directory))  # type: ignore[arg-type]
        self.screened: Screened = screen(Records.of(self.network), self.network, month)
        self.summary: Summary = summarise(self.screened.usable, self.network)
        self._done: dict[str, OutcomeEstimates] = {}

    def __getitem__(self, outcome: str) -> OutcomeEstimates:
        if outcome not in self._done:
            self._done[outcome] = estimate_outcome(self.screened.usable, self.network, outcome, self.summary)
        return self._done[outcome]

    def shrunken(self, outcome: str) -> Shrunken:
        """The clinics of an outcome as its estimate shrinks them, without all else that is estimated."""
        question, usable = question_of(self.network, outcome, self.summary), self.screened.usable
        with usable.held():
            family = family_of(question.outcome, question.null, usable)
            records = model_records(replace(question, chosen=family), usable, self.summary)
            chosen = replace(question, chosen=family)
            worth = worth_of_records(chosen, usable, self.summary, program_by_month(chosen, usable))
            ways = fit_ways(records.question, records.records, worth)
            return clinic_effects(fit_ranking(records.question, records.records, worth), ways)


MONTH = "2024-11"


@pytest.fixture(scope="module")
def state48(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return Estimated("state48", tmp_path_factory.mktemp("state48"), MONTH)


@pytest.fixture(scope="module")
def feed() -> dict[str, pd.DataFrame]:
    return kept_tables(f"state48-{MONTH}")


@pytest.fixture(scope="module")
def chop(tmp_path_factory: pytest.TempPathFactory) -> Estimated:
    return Estimated("chop", tmp_path_factory.mktemp("chop"), "2020-06")


def truth(outcome: str, parameter: str) -> float:
    table = state48_truth()
    found = table[(table["outcome"] == outcome) & (table["parameter"] == parameter)]
    return float(found["value"].iloc[0])


def effects_of(feed: dict[str, pd.DataFrame], outcome: str) -> pd.DataFrame:
    rows = feed["program_effects"]
    return rows[rows["outcome"] == outcome]


def effect(rows: pd.DataFrame, **which: str) -> pd.Series:
    for column, value in which.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, which
    return rows.iloc[0]


PROGRAM = [
    ("screening_score", "program", "difference"),
    ("systolic", "program", "difference"),
    ("vaccinated", "odds_ratio", "odds_ratio"),
    ("emergency_visits", "rate_ratio", "rate_ratio"),
]


@pytest.mark.parametrize(("outcome", "parameter", "measure"), PROGRAM)
def test_the_programs_effect_is_found_within_its_interval(
    feed: dict[str, pd.DataFrame], outcome: str, parameter: str, measure: str
) -> None:
    rows = effects_of(feed, outcome)
    row = effect(rows, model="mixed", estimand="conditional", measure=measure, term="effect")
    assert row["lower"] < truth(outcome, parameter) < row["upper"]
    assert row["question"] == "patient"


@pytest.mark.parametrize("outcome", [row[0] for row in PROGRAM])
def test_the_plain_comparison_is_withheld_with_clinics(feed: dict[str, pd.DataFrame], outcome: str) -> None:
    """Four sums of all clinics: beside the months that are shown they told those of the others."""
    rows = effects_of(feed, outcome)
    naive = rows[rows["model"] == "naive"]
    assert len(naive) > 0
    assert naive["value"].isna().all()
    assert set(naive["status"]) == {"suppressed_secondary"}


def test_the_populations_risk_difference_is_found(feed: dict[str, pd.DataFrame]) -> None:
    rows = effects_of(feed, "vaccinated")
    row = effect(rows, model="mixed", estimand="marginal", measure="risk_difference", term="average")
    assert row["lower"] < 100 * truth("vaccinated", "risk_difference") < row["upper"]
    assert row["question"] == "policy"


def test_the_icc_of_the_score_is_found(feed: dict[str, pd.DataFrame]) -> None:
    figures = feed["network_figures"].query("outcome == 'screening_score'").set_index("figure")
    assert figures.loc["icc", "lower"] < truth("screening_score", "icc") < figures.loc["icc", "upper"]
    assert figures.loc["design_effect", "value"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("outcome", [row[0] for row in PROGRAM])
def test_shrunken_clinics_cover_their_truth(
    state48: Estimated, feed: dict[str, pd.DataFrame], outcome: str
) -> None:
    """Intervals of 48 clinics at 95%: between 41 and 48 hold the truth (binomial, 99.9%)."""
    shrunken = state48.shrunken(outcome)
    published = feed["clinic_estimates"].query("outcome == @outcome and form == 'shrunken'")
    reliability = published.set_index("clinic")["reliability"].dropna()
    assert len(reliability) > 5
    assert shrunken.table["reliability"].loc[reliability.index].to_numpy() == pytest.approx(
        reliability.to_numpy(), abs=6e-4
    )
    effects = state48_clinic_effects()
    truths = (
        effects[effects["outcome"] == outcome].set_index("clinic")["effect"].reindex(shrunken.table.index)
    )
    table = shrunken.table
    covered = (table["lower"] < truths) & (truths < table["upper"])
    assert 41 <= covered.sum() <= 48
    error = float(np.sqrt(((table["estimate"] - truths) ** 2).mean()))
    assert error < float(np.sqrt(((table["own"] - truths) ** 2).mean()))  # shrinking pays


def test_an_event_study_has_an_effect_for_each_month(feed: dict[str, pd.DataFrame]) -> None:
    rows = effects_of(feed, "screening_score")
    months = rows[rows["term"].str.startswith("month ")].set_index("months_since_start").sort_index()
    after, before = months[months.index >= 0], months[months.index < 0]
    assert len(after) >= 12
    assert after["value"].median() == pytest.approx(1.5, abs=0.5)
    assert list(before.index) == [-3, -2, -1]
    assert ((before["lower"] < 0) & (before["upper"] > 0)).sum() >= 2  # no effect before its cause


@pytest.mark.slow
def test_tiny_clinics_are_shrunken_strongly_and_not_compared(chop: Estimated) -> None:
    rows = chop["turnaround"].clinics
    shrunken = rows[rows["form"] == "shrunken"].set_index("clinic")
    raw = rows[rows["form"] == "raw"].set_index("clinic")
    tiny = raw.index[raw["denominator"] <= 3]
    assert len(tiny) > 10
    assert (shrunken.loc[tiny, "reliability"] < 0.5).all()
    assert (shrunken.loc[tiny, "comparison"] == "not_compared").all()
    assert (shrunken.loc[tiny, "status"] == "low_reliability").all()
    huge = raw.index[raw["denominator"] > 3_000]
    assert (shrunken.loc[huge, "reliability"] > 0.99).all()


@pytest.mark.slow
def test_verdicts_follow(chop: Estimated) -> None:
    turnaround = rank_outcome(chop.network, chop["turnaround"])
    assert turnaround.verdict == "rank"
    ranked = turnaround.rows[turnaround.rows["status"] == "ok"]
    assert set(ranked["clinic"]) == set(chop["turnaround"].compared)
    assert (ranked["rank_lower"] <= ranked["rank_median"]).all()
    assert (ranked["rank_median"] <= ranked["rank_upper"]).all()
    positive = rank_outcome(chop.network, chop["positive"])
    assert positive.verdict == "do_not_rank"
    assert "neither higher nor lower" in told(positive.reason)
    assert "rank_median" not in positive.rows  # not even an empty place


@pytest.mark.slow
def test_each_estimate_says_which_question_it_answers(chop: Estimated) -> None:
    rows = chop["positive"].effects
    assert set(rows["question"]) == {"patient", "policy", "these_clinics", "none"}
    assert rows["words"].str.len().min() > 40
    assert (rows["status"] == "ok").all()


@pytest.mark.slow
def test_counts_by_clinic_and_month_add_up_to_the_records(chop: Estimated) -> None:
    months = chop["tests"].months
    network = months[months["clinic"] == ""]
    assert network["numerator"].sum() == chop.summary.clinics["n_records"].sum()
    clinics = months[months["clinic"] != ""]
    assert clinics.groupby("month")["numerator"].sum().to_numpy() == pytest.approx(
        network["numerator"].to_numpy()
    )


@pytest.mark.slow
def test_an_effective_sample_size_says_what_it_counts(chop: Estimated) -> None:
    def unit(outcome: str) -> str:
        return str(chop[outcome].figures.set_index("figure").loc["effective_sample_size", "unit"])

    assert unit("positive") == "records"
    assert unit("tests") == "clinic-months"


@pytest.mark.slow
def test_an_outcome_that_cannot_be_estimated_says_why(chop: Estimated) -> None:
    """All turnaround times equal: nothing to estimate, and the raw figures stand."""
    flat = chop.screened.usable.made_of_these(
        "SELECT clinic, region, patient, date, month, period, program, positive, "
        "CASE WHEN hours IS NULL THEN NULL ELSE 5.0 END AS hours, age, gender FROM {records}"
    )
    estimates = estimate_outcome(flat, chop.network, "turnaround", summarise(flat, chop.network))
    assert estimates.status == "not_estimable"
    assert "hours" in estimates.reason
    assert (estimates.clinics["form"] == "raw").all()
    assert rank_outcome(chop.network, estimates).verdict == "do_not_rank"


@pytest.mark.slow
@pytest.mark.published
def test_the_turnaround_s_gee_settles_in_may(tmp_path: Path) -> None:
    """One clinic of 5,146 records, most of fewer than 100; the values are statsmodels 0.15.0's."""
    may = Estimated("chop", tmp_path, "2020-05")
    fit = gee(
        "log(hours) ~ program + age + gender + C(month)",
        may.screened.usable,
        groups="clinic",
        corr="exchangeable",
    )
    assert fit.instead == ""
    assert fit.coef["program"] == pytest.approx(0.0129539508, abs=1e-9)
    assert fit.working["alpha"] == pytest.approx(0.010063313668343243, rel=1e-6)
    bent = gee(
        "log(hours) ~ program + ns(age, df=3) + gender + C(month)",
        may.screened.usable,
        groups="clinic",
        corr="exchangeable",
    )
    effects = may["turnaround"].effects
    published = effects.loc[effects["model"] == "gee", "value"].item()
    assert published == pytest.approx(np.exp(bent.coef["program"]), abs=1e-8)
