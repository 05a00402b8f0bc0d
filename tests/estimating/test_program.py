"""What a program's estimates say where the data do not bear some of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.program_worlds import Shape, World, roll_out
from small_network import MONTH, NETWORK, RECORDS, write_network
from stepped_wedges import UNSOLVABLE, rows_of

from tasks.estimating import estimate_outcome, summarise
from tasks.estimating.one_outcome import OutcomeEstimates
from tasks.estimating.program_words import narrower
from tasks.models import program_effect
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import screen


@pytest.fixture(scope="module")
def estimates(tmp_path_factory: pytest.TempPathFactory) -> OutcomeEstimates:
    """Two pilot clinics; in one month after their start nobody there is vaccinated."""
    pilots = NETWORK.replace(
        re.search(r"starts = .*", NETWORK)[0],  # type: ignore[index]
        'starts = { "Clinic A" = "2023-06", "Clinic B" = "2023-06" }',
    )
    nobody = (
        "CASE WHEN i % 6 < 2 AND i % 11 = 8 THEN 0 ELSE "
        "CAST(hash(i * 7 + i % 6) % 100 < 30 + 2 * (i % 6) AS INTEGER) END AS vaccinated"
    )
    records = re.sub(r"CAST\(hash\(i \* 7.*AS vaccinated", nobody, RECORDS)
    assert records != RECORDS
    network = read_network(write_network(tmp_path_factory.mktemp("pilots"), records, pilots))
    usable = screen(Records.of(network), network, MONTH).usable
    return estimate_outcome(usable, network, "vaccinated", summarise(usable, network))


@pytest.mark.slow
def test_a_month_without_events_shares_its_neighbours_effect_and_says_so(estimates: OutcomeEstimates) -> None:
    """Alone it has no finite odds ratio, and once cost every effect but one of the same in all months."""
    effects = estimates.effects
    whole = effects[(effects["term"] == "effect") & (effects["model"] == "mixed")]
    assert (whole["status"] == "ok").all()
    assert (effects.loc[effects["term"].isin(["average", "trend-average"]), "status"] == "ok").all()
    months = effects[effects["term"].str.startswith("month")].set_index("term")
    assert list(months.index) == [f"month {each:02d}" for each in range(6)]
    shared = months.loc[["month 02", "month 03"]]
    assert len(set(shared["value"])) == 1 and len(set(months["value"])) == 5
    assert all(json.loads(each) == {"code": "why.shared", "first": 2, "last": 3} for each in shared["reason"])
    assert estimates.outcome["status"] == "ok"


def _effects_on_pressure(directory: Path, program: str) -> pd.DataFrame:
    network = read_network(write_network(directory, RECORDS, re.sub(r"\[program\][^\[]*", program, NETWORK)))
    usable = screen(Records.of(network), network, MONTH).usable
    return estimate_outcome(usable, network, "sbp", summarise(usable, network)).effects


@pytest.mark.slow
def test_an_average_over_months_with_nobody_beside_them_says_so_with_a_trend_too(tmp_path: Path) -> None:
    """The estimate that leads had a trend of early starters' own, and did not say what the others said."""
    months = dict(zip("ABCDEF", ("08", "08", "09", "09", "10", "10"), strict=True))
    starts = ", ".join(f'"Clinic {each}" = "2023-{month}"' for each, month in months.items())
    effects = _effects_on_pressure(tmp_path, f'[program]\nlabel = "Outreach"\nstarts = {{ {starts} }}\n\n')
    averages = effects[effects["term"].isin(["trend-average", "average"])]
    assert averages["term"].iloc[0] == "trend-average"
    expected = {"code": "why.alone_average", "alone": 2, "months": 4}
    assert all(json.loads(each) == expected for each in averages["reason"])


@pytest.mark.slow
def test_an_effect_among_patients_of_a_clinic_carries_its_condition(tmp_path: Path) -> None:
    """It came and went by records, and nothing says why some have it: the sentence had no if."""
    program = '[program]\nlabel = "Outreach"\ncolumn = "reached"\n\n'
    records = RECORDS.replace("AS sex\n", "AS sex,\n    CAST(hash(i + 9) % 3 AS INTEGER) // 2 AS reached\n")
    described = re.sub(r"\[program\][^\[]*", program, NETWORK).replace(
        "age, sex\nFROM", "age, sex, reached\nFROM"
    )
    network = read_network(write_network(tmp_path, records, described))
    usable = screen(Records.of(network), network, MONTH).usable
    effects = estimate_outcome(usable, network, "vaccinated", summarise(usable, network)).effects
    of_models = effects[effects["model"].isin(["mixed", "gee", "within"]) & (effects["measure"] != "test")]
    assert set(of_models["model"]) == {"mixed", "gee", "within"}
    assert of_models["condition"].str.contains("only if, in the same clinic and month, records with it").all()
    assert all(words.endswith(each) for words, each in of_models[["words", "condition"]].to_numpy())
    assert effects.loc[effects["model"] == "naive", "condition"].isna().all()


@pytest.mark.slow
def test_a_program_that_whole_clinics_have_answers_no_question(tmp_path: Path) -> None:
    program = '[program]\nlabel = "Outreach"\nstarts = { "Clinic A" = "2020-01", "Clinic B" = "2020-01" }\n\n'
    effects = _effects_on_pressure(tmp_path, program)
    estimated = effects[effects["status"] == "ok"]
    assert set(estimated["question"]) == {"none"}
    modelled = estimated[estimated["model"] != "naive"]
    assert len(modelled)
    assert modelled["words"].str.contains("No clinic has both, so the records cannot separate").all()
    assert not effects["words"].str.contains("if everyone were under the program").any()


ALIKE_NETWORK = '''
[network]
name = "Eight clinics that differ less than by chance"
[records]
source = "records.csv"
select = """
SELECT CAST(clinic AS TEXT) AS clinic, DATE '2023-01-05' + to_months(CAST(month AS INTEGER)) AS date,
       seen, program AS running
FROM records
"""
[outcomes.seen]
label = "Seen in time"
kind = "binary"
direction = "higher"
[window]
months = 4
[program]
label = "Calls"
'''
STARTS = ", ".join(f'"{clinic}" = "2023-0{1 + clinic // 2}"' for clinic in range(8))


@pytest.mark.slow
@pytest.mark.parametrize(
    "program", [f"starts = {{ {STARTS} }}", 'column = "running"'], ids=["rollout", "column"]
)
def test_another_correlation_than_the_one_asked_for_is_said_beside_the_number(
    tmp_path: Path, program: str
) -> None:
    rows_of(UNSOLVABLE).to_csv(tmp_path / "records.csv", index=False)
    file = tmp_path / "network.toml"
    file.write_text(ALIKE_NETWORK + program, encoding="utf-8")
    network = read_network(file)
    usable = screen(Records.of(network), network, "2023-04").usable
    effects = estimate_outcome(usable, network, "seen", summarise(usable, network)).effects
    weighed = effects[effects["model"] == "gee"].iloc[0]
    assert weighed["status"] == "ok"
    assert json.loads(weighed["reason"]) == {"code": "why.independent"}
    assert effects.loc[effects["model"] == "mixed", "reason"].isna().all()


QUARTERS = "DATE '2022-07-03' + CAST(91.3 * ((i // 6) % 6) + hash(i) % 80 AS INTEGER)"


@pytest.mark.before_release
@pytest.mark.slow
@pytest.mark.parametrize(
    ("start", "by_date"), [("2023-05-15", True), ("2023-06", True), ("2023-Q2", False), ("2023-04", False)]
)
def test_one_effect_for_all_quarters_is_of_the_records_from_the_day_of_the_start_on(
    tmp_path: Path, start: str, by_date: bool
) -> None:
    """Of a quarter in which the program began, only what is dated from then on is under it."""
    records = RECORDS.replace("DATE '2023-01-05' + CAST(30.4 * (i % 11) AS INTEGER)", QUARTERS)
    starts = f'starts = {{ "Clinic A" = "2022-Q4", "Clinic B" = "{start}", "Clinic C" = "2023-07" }}'
    described = re.sub(r"starts = .*", starts, NETWORK) + '\n[window]\nperiod = "quarter"\nquarters = 6\n'
    network = read_network(write_network(tmp_path, records, described))
    usable = screen(Records.of(network), network, "2023-Q4").usable
    effects = estimate_outcome(usable, network, "sbp", summarise(usable, network)).effects
    (found,) = effects[(effects["term"] == "effect") & (effects["model"] == "mixed")]["value"]
    declared = {"Clinic A": "2022-Q4", "Clinic B": "2023-Q2", "Clinic C": "2023-Q3"}
    of_records = program_effect("sbp ~ age", usable, models=("mixed",)).table
    of_quarters = program_effect("sbp ~ age", usable, models=("mixed",), starts=declared).table
    values = [
        float(table.loc[table["model"] == "mixed", "value"].iloc[0]) for table in (of_records, of_quarters)
    ]
    assert found == pytest.approx(values[0] if by_date else values[1], rel=1e-9)
    assert (values[0] == pytest.approx(values[1], rel=1e-6)) == (not by_date)
    months = effects[(effects["model"] == "mixed") & effects["term"].str.startswith("month")]
    assert sorted(months["months_since_start"]) == [0, 1, 2, 3, 4]


BY_REGION = '''
[network]
name = "Regions that start together"
[records]
source = "records.csv"
select = """
SELECT clinic, region, CAST(month || '-10' AS DATE) AS date, y, program FROM records
"""
[outcomes.y]
label = "Y"
kind = "continuous"
direction = "higher"
[program]
label = "Calls"
column = "program"
'''


def _by_region(directory: Path, world: World) -> OutcomeEstimates:
    return _effects_on(directory, roll_out(world, np.random.default_rng(7)).data)


def _effects_on(directory: Path, records: pd.DataFrame) -> OutcomeEstimates:
    records.to_csv(directory / "records.csv", index=False)
    file = directory / "network.toml"
    file.write_text(BY_REGION, encoding="utf-8")
    network = read_network(file)
    usable = screen(Records.of(network), network, "2023-12").usable
    return estimate_outcome(usable, network, "y", summarise(usable, network))


@pytest.mark.slow
def test_six_regions_that_start_together_cannot_tell_the_effect(tmp_path: Path) -> None:
    """Of such networks 85% of intervals by clinic held the truth."""
    effects = _by_region(tmp_path, World(name="six", clinics=12, records=4, regions=6)).effects
    models = effects[effects["model"] != "naive"]
    assert set(zip(models["model"], models["estimand"], strict=True)) == {
        *(("mixed", "conditional"), ("mixed", "marginal"), ("gee", "marginal"), ("within", "conditional"))
    }
    assert (models["status"] == "not_estimable").all()
    assert models[["value", "lower", "upper"]].isna().all(axis=None)
    assert {json.loads(each)["code"] for each in models["reason"]} == {"why.few_regions"}
    assert models["words"].str.contains("6 regions are too few to tell its effect").all()


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Effects in 12 clinics that start one by one over ten months, of a year."""
    return _by_region(tmp_path_factory.mktemp("own"), World(name="own", clinics=12, records=4)).effects


@pytest.mark.slow
def test_what_leads_allows_early_starters_a_trend_and_carries_its_condition(twelve: pd.DataFrame) -> None:
    lead, average = (
        twelve[(twelve["term"] == term) & (twelve["estimand"] == "marginal") & (twelve["model"] == "mixed")]
        .iloc[0]
        .to_dict()
        for term in ("trend", "average")
    )
    assert lead["question"] == "policy"
    assert lead["words"].endswith(f" {lead['condition']}")
    assert "allows early starters a steady trend of their own" in lead["condition"]
    assert "on average over the first 9 months since the start" in lead["words"]  # by the tenth all have it
    assert lead["lower"] < average["lower"] < average["upper"] < lead["upper"]
    # twelve clinics start in ten months: too few start together for effects by cohort without a trend
    assert narrower("difference", "", average["value"], average["lower"], average["upper"]) in lead["words"]
    assert "would otherwise have moved in parallel, and if it works equally" in average["words"]
    assert not (twelve["term"] == "cohorts").any()
    others = twelve[twelve["model"].isin(["gee", "within"])].set_index("term")
    assert others.loc["average", "condition"].str.endswith("works equally for early and late starters.").all()
    same = "as much in every month, for early and late starters alike."
    assert others.loc["effect", "condition"].str.endswith(same).all()
    plain = twelve[twelve["model"] == "naive"]
    assert plain["condition"].isna().all() and not plain["words"].str.contains("only if").any()
    assert (twelve["term"] == "context").sum() == 1


@pytest.mark.slow
def test_what_is_said_of_single_months_carries_the_condition_that_their_model_needs(
    twelve: pd.DataFrame,
) -> None:
    """That model has no trend of early starters' own, which looks like an effect that grows."""
    months = twelve[twelve["months_since_start"] >= 0]
    assert len(months) > 5
    alike = "only if clinics that started early and late would otherwise have moved in parallel"
    assert months["condition"].str.contains(alike).all()
    assert twelve.loc[twelve["months_since_start"] < 0, "condition"].isna().all()
    ((words, condition),) = twelve.loc[twelve["term"] == "change", ["words", "condition"]].to_numpy()
    assert condition == (
        "The test holds only if clinics that started early had no trend of their own, and if the program "
        "works equally for early and late starters."
    )
    assert words.endswith(f" {condition}") and "mislead" not in words


@pytest.mark.slow
def test_clinics_that_start_together_give_effects_by_cohort_and_month(tmp_path: Path) -> None:
    effects = _by_region(tmp_path, World(name="together", clinics=20, records=4)).effects
    found = effects[effects["term"].str.startswith("cohorts")]
    assert set(found["term"]) == {"cohorts", "cohorts-calendar", "cohorts-clinic-months"}
    by_term = found[found["estimand"] == "marginal"].set_index("term")
    (lead,) = effects.loc[(effects["term"] == "trend") & (effects["estimand"] == "marginal"), "words"]
    assert narrower("difference", "", *by_term.loc["cohorts", ["value", "lower", "upper"]]) in lead
    # the last to start have nobody beside them who has not: the average has nothing of them
    whenever = "would otherwise have moved in parallel, and if it works equally for early and late starters."
    assert by_term["condition"].str.endswith(whenever).all()
    (condition,) = effects.loc[
        (effects["term"] == "trend") & (effects["estimand"] == "marginal"), "condition"
    ]
    assert condition.endswith("and if the program works equally for early and late starters.")


@pytest.mark.slow
def test_a_trend_that_cannot_be_told_is_said_where_the_effect_is(tmp_path: Path) -> None:
    """Half of the clinics start in the second month and the others never: one month before has no slope."""
    rolled = roll_out(World(name="one step", clinics=12, records=6), np.random.default_rng(1)).data
    early = rolled["clinic"].isin(rolled["clinic"].unique()[:6])
    frame = rolled.assign(program=(early & (rolled["month"] > "2023-01")).astype(int))
    effects = _effects_on(tmp_path, frame).effects
    trend = effects[effects["term"] == "trend"]
    assert (trend["status"] == "not_estimable").all()
    assert {json.loads(each)["code"] for each in trend["reason"]} == {"why.trend_not_told"}
    cohorts = effects[effects["term"] == "cohorts"].set_index("estimand")
    lead = cohorts.loc["marginal"]
    assert lead["condition"].startswith(
        "The records cannot tell whether clinics with the program were already"
    )
    assert lead["words"].endswith(lead["condition"])


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["constant", "growing"])
def test_one_effect_for_all_months_says_where_a_test_refutes_it(tmp_path: Path, shape: Shape) -> None:
    """He read 0.91 (0.06 to 1.76) of an effect of −3.5, beside a test that said it is not the same."""
    effects = _by_region(tmp_path, World(name=shape, clinics=14, records=12, shape=shape, effect=1.0)).effects
    ((p, _),) = effects.loc[effects["term"] == "change", ["p", "words"]].to_numpy()
    refuted = shape == "growing"
    assert (p < 0.05) == refuted
    alike = effects[
        (effects["term"] == "effect") & (effects["status"] == "ok") & (effects["model"] != "naive")
    ]
    assert len(alike) > 2
    said = alike["reason"].fillna("").str.contains("why.effect_changes")
    assert said.all() if refuted else not said.any()
