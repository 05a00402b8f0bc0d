"""The scripts that make the README's tables still run, on the smallest thing they can run on."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from benchmarks import (
    agreement,
    attacked,
    attacked_networks,
    clinic_coverage,
    coverage,
    coverage_networks,
    coverage_report,
    drawn_networks,
    into_readme,
    page_one,
    peers,
    program_coverage,
    program_worlds,
    scale,
    scheduled_year,
    waiting,
)
from benchmarks.coverage_networks import Scenario, logistic_normal, simulate
from benchmarks.machine import RESULTS
from benchmarks.program_worlds import World, roll_out
from scipy import special, stats

from tasks.disclosing import POLICIES

pytestmark = pytest.mark.before_release


@pytest.mark.slow
@pytest.mark.parametrize("family", ["nist", "fixed_effects"])
def test_agreement(family: str) -> None:
    comparisons = agreement.compared(family)
    assert set(comparisons["case"]) == set(agreement.FAMILIES[family][2])
    text = agreement.table(comparisons)
    assert text.startswith("| family | quantity | cases |")
    exact = comparisons[comparisons["quantity"] == "F and mean squares, exact for the data as doubles"]
    assert (exact["digits"] > 14).all()


def test_digits() -> None:
    assert agreement.digits([1.0, 2.0], [1.0, 2.0 + 2e-6]) == pytest.approx(6.0, abs=1e-3)
    assert agreement.digits(0.0, 0.0) == agreement.MOST
    assert agreement.digits(1e-9, 0.0, 1.0) == pytest.approx(9.0)
    assert agreement.digits(1.0, 3.0) < 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [Scenario("continuous", 8, "unequal", 0.1), Scenario("binary", 8, "equal", 0.1, 0.2)]
)
def test_coverage(scenario: Scenario, tmp_path: Path) -> None:
    coverage.run_chunk((scenario, 0, 2, str(tmp_path)))
    text, figures = coverage_report.report(tmp_path)
    assert (figures["n"] == 2).all()
    assert figures["coverage"].between(0, 1).all()
    assert "8 clinics" in text
    again = coverage.run_chunk((scenario, 0, 2, str(tmp_path)))
    assert scenario.name in again
    # the same chunk gives the same networks: rerunning it changes nothing
    assert coverage_report.gathered(tmp_path)["coverage"].equals(figures["coverage"])


@pytest.mark.slow
def test_program_coverage(tmp_path: Path) -> None:
    world = World(name="constant effect, 8 clinics", clinics=8, records=6)
    program_coverage.run_chunk((world, 0, 2, str(tmp_path)))
    figures = program_coverage.gathered(tmp_path)
    # effects by cohort and month without a trend count only where enough clinics start together
    assert set(figures["row"]) | {"cohorts"} == set(program_coverage.ROWS)
    assert (figures["networks"] == 2).all() and figures["coverage"].between(0, 1).all()
    assert "| constant effect, 8 clinics |" in program_coverage.report(tmp_path)


@pytest.mark.slow
def test_clinic_coverage(tmp_path: Path) -> None:
    names = [
        f"continuous, 24 clinics, six visits, shocks that last (0.7), clinics {each}"
        for each in ("alike", "differ")
    ]
    for world in (each for each in clinic_coverage.worlds() if each.name in names):
        clinic_coverage.run_chunk((world, 0, 1, str(tmp_path)))
    figures = clinic_coverage.gathered(tmp_path)
    assert set(figures.index) == set(names)
    assert (figures["clinics"] == 24).all() and (figures["held"] <= 24).all()
    assert "| continuous, 24 clinics, six visits, shocks that last (0.7) |" in clinic_coverage.report(
        tmp_path
    )


@pytest.mark.slow
def test_worlds_have_the_truth_they_say() -> None:
    found = program_worlds.worlds()
    assert len({world.name for world in found}) == len(found)
    for shape in ("constant", "growing", "fading"):
        rolled = roll_out(World(name="shape", shape=shape), np.random.default_rng(1))  # type: ignore[arg-type]
        assert rolled.truth["difference"] == pytest.approx(0.3)
    for kind, measure in (("binary", "risk_difference"), ("count", "rate_ratio")):
        world = World(name=kind, kind=kind, clinics=400, records=60, level=-1.0, effect_sd=0.3)  # type: ignore[arg-type]
        rolled = roll_out(world, np.random.default_rng(2))
        # a month of two starts apart: with against without, beside what the month itself changes
        month = rolled.data[rolled.data["month"] == "2023-07"].groupby("program")["y"].mean()
        crude = 100.0 * (month[1] - month[0]) if kind == "binary" else month[1] / month[0]
        assert crude == pytest.approx(rolled.truth[measure], rel=0.25)


@pytest.mark.slow
def test_twenty_networks_have_every_world_and_their_truth() -> None:
    networks = drawn_networks.drawn()
    assert len(networks) == len({each.name for each in networks}) == drawn_networks.NETWORKS
    assert {each.world.clinics for each in networks} == {6, 8, 12, 24, 100}
    assert {each.world.levels for each in networks} == {"normal", "skewed", "two-point", "outlying"}
    assert {each.world.shape for each in networks} == {"constant", "growing", "fading", "calendar", "cohorts"}
    assert {each.declared for each in networks} == {"starts", "column", "no program"}
    for field in ("own_spread", "size_matters", "lasting", "visits", "curve", "whole_clinics", "own_trend"):
        assert any(getattr(each.world, field) > getattr(World(name=""), field) for each in networks), field
    of_many = networks[2]
    means = of_many.rolled.data.groupby("clinic")["y"].mean().to_numpy() * 100.0
    assert means == pytest.approx(list(of_many.truth.figures.values()), abs=8.0)  # 480 records: an SD of 2


def test_a_sentence_of_page_one_is_marked_by_the_truth() -> None:
    reported = page_one.Reported(drawn_networks.drawn()[2], Path())  # truly 27.0%, and 5.1 points more

    def mark(sentence: str) -> str:
        reported.__dict__["pages"] = (sentence, "")
        return " ".join(each.mark for each in page_one.marked(reported))

    typical = "The typical clinic, with the network’s mix of patients: 27.1% ({})."
    assert mark(typical.format("25.4 to 28.9")) == "true"
    assert mark(typical.format("28.1 to 28.9")) == "missed"
    effect = "{} percentage points {}, if everyone were under the program (95% interval {})."
    assert mark(effect.format("6", "higher", "4 to 8")) == "true"
    assert mark(effect.format("6", "lower", "4 to 8")) == "missed"
    none = "An effect is neither shown nor ruled out. Between {} percentage points lower and {} higher, "
    none += "if everyone were under the program (95% interval; best estimate 1 lower)."
    assert mark(none.format("9", "6")) == "no claim true"
    assert mark(none.format("9", "4")) == "no claim missed"
    assert mark("No clinic has both, so the records cannot separate the two.") == "false"
    assert mark("Next report: January 2024.") == "no claim"
    assert mark("Everything is well.") == "unread"
    assert mark("Outreach 9 beds more (95% interval 1 to 2).") == "unread"


def test_study_has_the_scenarios_it_says() -> None:
    cells = coverage.scenarios()
    assert len({cell.name for cell in cells}) == len(cells) == 32 + 72
    assert {cell.clinics for cell in cells} == {8, 15, 30, 100}
    assert {cell.prevalence for cell in cells if cell.kind == "binary"} == {0.03, 0.2, 0.5}


@pytest.mark.parametrize(("prevalence", "icc"), [(0.03, 0.01), (0.2, 0.1), (0.5, 0.3)])
def test_truth_of_binary_networks(prevalence: float, icc: float) -> None:
    intercept, sd = logistic_normal(prevalence, icc)
    p = special.expit(intercept + sd * stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000))
    assert p.mean() == pytest.approx(prevalence, rel=1e-4)
    assert p.var() / (prevalence * (1 - prevalence)) == pytest.approx(icc, rel=1e-3)


def test_truth_of_continuous_networks() -> None:
    truth = simulate(Scenario("continuous", 100, "equal", 0.3), np.random.default_rng(1))
    assert truth.effects.std() == pytest.approx(np.sqrt(0.3), rel=0.25)
    assert truth.marginal == {"program": coverage_networks.PROGRAM, "arm": coverage_networks.ARM}
    assert truth.data.groupby("clinic")["arm"].nunique().max() == 1
    assert truth.data.groupby("clinic")["program"].nunique().max() == 2


@pytest.mark.parametrize("fit", ["intercept", "slopes", "logistic", "gee"])
def test_peers_time_ours(fit: str, tmp_path: Path) -> None:
    peers.simulate(tmp_path, 4_000, 20)
    found = peers.ours(tmp_path, fit, 4_000, 1)
    assert len(found["times"]) == 1
    assert len(found["coef"]) == len(found["se"]) == 11
    results = {(fit, "ours", 4_000): found, (fit, "statsmodels", 4_000): {**found, "times": [1.0]}}
    text = peers.report(results)
    assert "statsmodels" in text
    assert f"{1.0 / found['times'][0]:.1f}×" in text


@pytest.mark.slow
def test_scale_measures_one_fit_and_how_it_grows(tmp_path: Path) -> None:
    scale.simulate(tmp_path / "records.duckdb", 4_000)
    found = {fit: scale.fitted(tmp_path / "records.duckdb", fit, 1e5) for fit in scale.FITS}
    read = ["one piece", "blocks", "blocks", "one piece", "blocks", "one piece"]
    assert [each["read"] for each in found.values()] == read
    np.testing.assert_allclose(found["gee"]["coef"], found["gee-budget"]["coef"], rtol=1e-8)
    np.testing.assert_allclose(found["gee"]["se"], found["gee-budget"]["se"], rtol=1e-8)
    one = {"wall": 1.0, "cpu": 2.0, "memory": 1e9, "read": "one piece"}
    ten = {"wall": 9.0, "cpu": 20.0, "memory": 1e9, "read": "blocks"}
    text = scale.report({("gee-budget", 1_000): one, ("gee-budget", 10_000): ten}, 5e8)
    assert (
        "| the same within 0.50 GB | 10,000 | blocks | 9.0 | 20.0 | 1.00 | 1.00 GB | 100,000 | 0.00 |" in text
    )


@pytest.mark.slow
def test_waiting_times_commands_that_succeed(tmp_path: Path) -> None:
    assert len(waiting.seconds(["--help"], tmp_path, 2)) == 2
    with pytest.raises(subprocess.CalledProcessError):
        waiting.seconds(["check", "nowhere.toml"], tmp_path, 1)


@pytest.mark.attack
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "months"), [("any network", 1), ("outcomes that add up", 1), ("any network", 4)]
)
def test_the_attacker_finds_nothing(kind: str, months: int) -> None:
    found = attacked.attacked(kind, 0, POLICIES["suppress-1-10"], months)
    assert found.small > 20
    assert found.told == ()
    assert f"| {kind} | suppress-1-10 |" in attacked.table([found])


@pytest.mark.attack
@pytest.mark.slow
@pytest.mark.parametrize(
    ("broken", "kind", "months"),
    [(attacked.COMPANION, "three clinics", 1), (attacked.RELEASES, "any network", 4)],
)
def test_the_attacker_succeeds_once_something_is_broken(broken: str, kind: str, months: int) -> None:
    policy = POLICIES["suppress-1-10"]
    found = [attacked.attacked(kind, number, policy, months, broken) for number in range(2)]
    assert sum(each.recovered for each in found) > 0
    whole = [attacked.attacked(kind, number, policy, months) for number in range(2)]
    assert sum(each.recovered for each in whole) == 0


def test_networks_that_are_attacked_are_of_the_kinds_they_say() -> None:
    policy = POLICIES["suppress-1-10"]
    for kind in attacked_networks.KINDS:
        for months in attacked.MONTHS:
            one, again = (attacked_networks.case(kind, 1, policy, months) for _ in range(2))
            assert len(one.editions) >= months
            for edition, same in zip(one.editions, again.editions, strict=True):
                assert edition.months == same.months
                for column, counts in edition.counts.items():
                    np.testing.assert_array_equal(counts, same.counts[column])
    opening = attacked_networks.case("clinics that open and close", 1, policy, 12).editions
    assert len({edition.clinics for edition in opening}) > 1
    changed = attacked_networks.case("policy changed between releases", 1, policy, 12).editions
    assert len({edition.policy.name for edition in changed}) == 2


def test_records_of_a_year_arrive_with_their_month_or_late() -> None:
    rows = scheduled_year.visits(np.random.default_rng(1))
    month = rows["date"].dt.to_period("M")
    late = rows["arrives"].dt.to_period("M") != month
    of_august, of_may = (month == each for each in ("2023-08", "2023-05"))
    assert late[of_august].mean() == pytest.approx(2 / 3, abs=0.01)
    assert set(rows.loc[of_may & late, "clinic"]) == {"Clinic B"}
    assert not late[~(of_august | of_may)].any()


def test_the_readme_has_the_tables_as_they_were_made() -> None:
    readme = into_readme.README.read_text(encoding="utf-8")
    assert into_readme.tables(readme) == (
        *("agreement", "coverage", "programs", "clinics", "page_one"),
        *("attacked", "peers", "waiting", "scale", "scheduled_year"),
    )
    assert into_readme.filled(readme) == readme


def test_the_front_page_s_figures_are_those_that_were_made() -> None:
    """Each row of its small tables stands in a row of the long ones, number by number."""
    front = (into_readme.README.parents[2] / "README.md").read_text(encoding="utf-8")
    section = front.split("## How exact")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and re.search(r"\d\.\d", line)]
    assert len(rows) >= 8
    made = "\n".join(path.read_text(encoding="utf-8") for path in RESULTS.glob("*.md"))
    known = set(re.findall(r"\d+(?:\.\d+)?", made))
    for row in rows:
        numbers = re.findall(r"\d+(?:\.\d+)?", row)
        assert numbers
        assert set(numbers) <= known, row
