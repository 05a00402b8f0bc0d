"""Counts have one family, whichever of their figures is asked for: the records', or the network file's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.asking import AdHocQuestion, ask
from reports.wording.coded_sentences import told
from tasks.estimating import OutcomeEstimates, estimate_outcome, summarise
from tasks.estimating.outcome_family import family_of
from tasks.models import GlmmFit, gee, glmm, icc, program_effect
from tasks.network import read_network
from tasks.network.outcome_section import OutcomeSection
from tasks.records import Records
from tasks.screening import screen

CLINICS, STAYS = 30, 40
NETWORK = """
[network]
name = "Bed days"
[records]
source = "stays.csv"
select = "SELECT clinic, CAST(date AS DATE) AS date, days, running FROM records"
[outcomes.days]
label = "Bed days"
kind = "count"
direction = "lower"
{family}
[program]
label = "Nothing"
column = "running"
[window]
months = 1
"""


def stays(seed: int, size: float = 2.0) -> pd.DataFrame:
    """Bed days of mean 10; clinics differ by an SD of 0.1 in logarithms, and a program does nothing."""
    rng = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(CLINICS), STAYS)
    mean = 10.0 * np.exp(rng.normal(0.0, 0.1, CLINICS)[clinic])
    days = rng.poisson(mean if np.isinf(size) else mean * rng.gamma(size, 1.0 / size, len(clinic)))
    running = rng.integers(0, 2, len(clinic))
    return pd.DataFrame({"clinic": [f"C{i:02d}" for i in clinic], "days": days, "running": running})


def estimated(directory: Path, rows: pd.DataFrame, family: str = "") -> OutcomeEstimates:
    rows.assign(date="2024-01-15").to_csv(directory / "stays.csv", index=False)
    file = directory / "network.toml"
    file.write_text(NETWORK.format(family=family), encoding="utf-8")
    network = read_network(file)
    usable = screen(Records.of(network), network, "2024-01").usable
    return estimate_outcome(usable, network, "days", summarise(usable, network))


@pytest.mark.before_release
@pytest.mark.parametrize(
    ("size", "written", "family"),
    [
        (2.0, "", "negative-binomial"),
        (np.inf, "", "poisson"),
        (2.0, 'family = "poisson"', "poisson"),
        (np.inf, 'family = "negative-binomial"', "negative-binomial"),
    ],
)
@pytest.mark.slow
def test_every_figure_is_of_one_family(tmp_path: Path, size: float, written: str, family: str) -> None:
    rows = stays(5, size)
    found = estimated(tmp_path, rows, written)
    words = {"poisson": "Poisson", "negative-binomial": "egative binomial"}[family]

    figures = found.figures.set_index("figure")
    assert words in told(figures.loc["sd_between", "method"])
    assert words in told(figures.loc["icc", "method"])
    own = icc("days", rows, groups="clinic", kind="count", family=family)
    assert figures.loc["icc", ["value", "lower", "upper"]].to_list() == pytest.approx(
        [own.estimate, own.lower, own.upper], rel=1e-6, abs=1e-12
    )

    fit = glmm("days ~ running + (1 | clinic)", rows, family=family)
    share = rows.groupby("clinic")["running"].transform("mean")
    varying = glmm(
        "days ~ running + share + (1 + running || clinic)", rows.assign(share=share), family=family
    )
    effects = found.effects[found.effects["term"] == "effect"].set_index(["model", "estimand"])
    published = effects.loc[("mixed", "conditional"), ["value", "lower", "upper"]].to_list()
    assert published[0] == pytest.approx(np.exp(varying.coef["running"]), rel=1e-5)
    dated = rows.assign(month="2024-01")
    of_model = program_effect("days ~ 1", dated, program="running", family=family, models=("mixed",)).table
    of_model = of_model[(of_model["model"] == "mixed") & (of_model["estimand"] == "conditional")]
    assert published == pytest.approx(of_model[["value", "lower", "upper"]].iloc[0].to_list(), rel=1e-5)

    answer = ask(tmp_path / "network.toml", AdHocQuestion("days ~ running + (1 | clinic)"))
    assert isinstance(answer, GlmmFit)
    assert answer.family == family
    assert answer.se["running"] == pytest.approx(fit.se["running"], rel=1e-6)


@pytest.mark.before_release
@pytest.mark.slow
def test_a_program_without_effect_is_found_to_have_one_as_often_as_promised() -> None:
    """Of 40 networks 2 are expected under 0.05, and more than 6 in 0.3% of such trials; Poisson has 19."""
    days = OutcomeSection.model_validate({"label": "Bed days", "kind": "count", "direction": "lower"})
    networks = [stays(seed) for seed in range(40)]
    found = [
        glmm("days ~ running + (1 | clinic)", each, family=family_of(days, "days ~ 1 + (1 | clinic)", each))
        for each in networks
    ]
    assert sum(fit.p_values["running"] < 0.05 for fit in found) <= 6


@pytest.mark.before_release
@pytest.mark.slow
def test_a_rollout_s_effects_are_of_the_counts_family(tmp_path: Path) -> None:
    months = [stays(seed).assign(month=month) for month, seed in enumerate((1, 2, 3, 4), start=1)]
    rows = pd.concat(months, ignore_index=True)
    first = 2 + rows["clinic"].str[1:].astype(int) % 3
    rows["program"] = (rows["month"] >= first).astype(int)
    dated = rows.assign(date=[f"2024-0{month}-15" for month in rows["month"]], running=0)
    dated.to_csv(tmp_path / "stays.csv", index=False)
    starts = ", ".join(f'"C{i:02d}" = "2024-0{2 + i % 3}"' for i in range(CLINICS))
    text = NETWORK.format(family="").replace('column = "running"', f"starts = {{ {starts} }}")
    file = tmp_path / "network.toml"
    file.write_text(text.replace("months = 1", "months = 4"), encoding="utf-8")
    network = read_network(file)
    usable = screen(Records.of(network), network, "2024-04").usable
    effects = estimate_outcome(usable, network, "days", summarise(usable, network)).effects
    shown = ["value", "lower", "upper"]
    for effect, term in (("immediate", "effect"), ("exposure-time", "average")):
        by = {
            family: program_effect("days ~ 1", rows, family=family, effect=effect, models=("mixed",))
            for family in ("negative-binomial", "poisson")
        }
        published = effects[(effects["model"] == "mixed") & (effects["estimand"] == "conditional")]
        published = published.loc[published["term"] == term, shown].iloc[0].to_numpy(dtype=float)
        own, other = (
            each.table.query("model == 'mixed'")[shown].iloc[0].to_numpy(dtype=float) for each in by.values()
        )
        assert published == pytest.approx(own, rel=1e-6)
        assert published != pytest.approx(other, rel=1e-5)


@pytest.mark.slow
def test_an_answer_about_a_rate_allows_for_the_time_at_risk(tmp_path: Path) -> None:
    rows = stays(5, np.inf).assign(time=lambda each: 1.0 + each.index % 4)
    rows["days"] *= rows["time"].astype(int) ** 2
    rows.assign(date="2024-01-15").to_csv(tmp_path / "stays.csv", index=False)
    text = NETWORK.format(family='exposure = "time"').replace("days, running", "days, running, time")
    file = tmp_path / "network.toml"
    file.write_text(text, encoding="utf-8")
    for model in ("auto", "gee"):
        answer = ask(file, AdHocQuestion("days ~ running + (1 | clinic)", model))
        expected = (
            glmm("days ~ running + (1 | clinic)", rows, family="negative-binomial", exposure="time")
            if model == "auto"
            else gee(
                "days ~ running",
                rows,
                groups="clinic",
                family="poisson",
                corr="exchangeable",
                exposure="time",
            )
        )
        np.testing.assert_allclose(answer.coef, expected.coef, rtol=1e-6)
