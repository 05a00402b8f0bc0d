"""Figures that a reader can check by head: a few records in a table, and the answer as arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy import special

from reports.wording.coded_sentences import told
from tasks.estimating import OutcomeEstimates, Summary, estimate_outcome, summarise
from tasks.estimating.clinics import raw_rows
from tasks.estimating.one_outcome import patient_groups
from tasks.estimating.outcome_formulas import OutcomeFormulas, question_of
from tasks.estimating.standardising import standardised
from tasks.models import lmm
from tasks.models.generalized_mixed.certain_rows import CertainRows
from tasks.network import read_network
from tasks.network.schema import Network
from tasks.ranking import rank_outcome
from tasks.records import Records
from tasks.screening import screen

Z = 1.959964
"""97.5% point of the normal distribution."""


@dataclass(frozen=True)
class Worked:
    """A network of a few records, screened and summed."""

    network: Network
    usable: Records
    summary: Summary

    def question(self, outcome: str = "y") -> OutcomeFormulas:
        return question_of(self.network, outcome, self.summary)

    def raw(self) -> pd.DataFrame:
        return raw_rows(self.question(), self.summary).set_index("clinic")

    def estimated(self) -> OutcomeEstimates:
        return estimate_outcome(self.usable, self.network, "y", self.summary)


def worked(directory: Path, table: str, outcome: str) -> Worked:
    """A network from a table of its records: clinic, date, y, and what else the first line names."""
    names, *lines = [line.split() for line in table.strip().splitlines()]
    rows = pd.DataFrame(lines, columns=names)
    for name in rows.columns.difference(["clinic", "date"]):
        rows[name] = pd.to_numeric(rows[name])
    directory.mkdir(exist_ok=True)
    with duckdb.connect(str(directory / "records.duckdb")) as connection:
        connection.register("written", rows)
        connection.execute(
            "CREATE TABLE records AS SELECT * REPLACE (CAST(date AS DATE) AS date) FROM written"
        )
    file = directory / "network.toml"
    file.write_text(
        '[network]\nname = "By hand"\n[records]\nsource = "records.duckdb"\n'
        f'[outcomes.y]\nlabel = "Y"\n{outcome}'
    )
    network = read_network(file)
    month = max(rows["date"])[:7]
    usable = screen(Records.of(network), network, month).usable
    return Worked(network, usable, summarise(usable, network))


MEAN = 'kind = "continuous"\nunit = "mmHg"\ndirection = "lower"\n'


def test_an_outcome_without_a_value_in_the_window_says_so(tmp_path: Path) -> None:
    """It was recorded until 2018, and ended as an error of ours in 2021."""
    lines = [f"{clinic} 2024-0{month}-05 -1" for clinic in "ABC" for month in (1, 2, 3)]
    made = worked(tmp_path, "\n".join(["clinic date y", *lines]), MEAN + "minimum = 0\n")
    estimates = estimate_outcome(made.usable, made.network, "y", made.summary)
    assert (estimates.status, estimates.reason) == ("not_estimable", "no usable value of this outcome")


def test_sums_by_clinic_and_month(tmp_path: Path) -> None:
    table = """
        clinic  date        y
        A       2024-01-05  2
        A       2024-01-20  4
        A       2024-02-03  9
        B       2024-01-11  5
        B       2024-02-14  5
    """
    summary = worked(tmp_path, table, MEAN).summary
    a = summary.outcomes["y"].set_index(["clinic", "month"]).loc[("A", "2024-01")]
    assert a["n"] == 2
    assert a["mean"] == (2 + 4) / 2
    assert a["squares"] == (2 - 3) ** 2 + (4 - 3) ** 2
    assert a["total"] == 2 + 4
    whole = summary.by_clinic("y").loc["A"]
    assert whole["mean"] == (2 + 4 + 9) / 3
    assert whole["squares"] == pytest.approx((2 - 5) ** 2 + (4 - 5) ** 2 + (9 - 5) ** 2)
    assert summary.by_month("y").loc["2024-02", "total"] == 9 + 5


def test_a_mean_and_its_interval(tmp_path: Path) -> None:
    table = """
        clinic  date        y
        A       2024-01-05  2
        A       2024-01-20  4
        B       2024-01-11  5
        B       2024-01-14  5
        B       2024-01-15  8
    """
    raw = worked(tmp_path, table, MEAN).raw()
    assert raw.loc["A", "value"] == (2 + 4) / 2
    t = 12.7062  # 97.5% point of t with 2 - 1 degrees of freedom
    se = sqrt(((2 - 3) ** 2 + (4 - 3) ** 2) / (2 - 1) / 2)
    assert raw.loc["A", "lower"] == pytest.approx(3 - t * se, rel=1e-5)
    assert raw.loc["A", "upper"] == pytest.approx(3 + t * se, rel=1e-5)
    assert raw.loc["B", "value"] == (5 + 5 + 8) / 3
    assert raw["denominator"].tolist() == [2, 3]


def test_a_mean_of_logarithms_is_a_geometric_mean(tmp_path: Path) -> None:
    table = """
        clinic  date        y
        A       2024-01-05  1
        A       2024-01-20  4
        B       2024-01-11  2
        B       2024-01-14  8
    """
    raw = worked(tmp_path, table, MEAN + 'scale = "log"\n').raw()
    assert raw.loc["A", "value"] == pytest.approx(sqrt(1 * 4))
    assert raw.loc["B", "value"] == pytest.approx(sqrt(2 * 8))
    half = 12.7062 * sqrt(2 * (log(4) / 2) ** 2 / 1 / 2)
    assert raw.loc["A", "upper"] == pytest.approx(2 * exp(half), rel=1e-5)


def test_a_share_and_wilsons_interval(tmp_path: Path) -> None:
    table = """
        clinic  date        y
        A       2024-01-05  1
        A       2024-01-20  0
        A       2024-01-21  1
        A       2024-01-22  0
        B       2024-01-11  0
    """
    raw = worked(tmp_path, table, 'kind = "binary"\ndirection = "lower"\n').raw()
    assert raw.loc["A", "value"] == 100 * 2 / 4
    assert raw.loc["A", "numerator"] == 2
    half = Z * sqrt(2 * 2 / 4 + Z**2 / 4)
    assert raw.loc["A", "lower"] == pytest.approx(100 * (2 + Z**2 / 2 - half) / (4 + Z**2), rel=1e-5)
    assert raw.loc["A", "upper"] == pytest.approx(100 * (2 + Z**2 / 2 + half) / (4 + Z**2), rel=1e-5)
    assert raw.loc["B", "value"] == raw.loc["B", "lower"] == 0
    assert raw.loc["B", "upper"] == pytest.approx(100 * Z**2 / (1 + Z**2), rel=1e-5)


def test_a_rate_and_its_exact_interval(tmp_path: Path) -> None:
    table = """
        clinic  date        y  years
        A       2024-01-05  2  1.5
        A       2024-01-20  1  0.5
        B       2024-01-11  0  4.0
    """
    raw = worked(tmp_path, table, 'kind = "count"\ndirection = "lower"\nexposure = "years"\n').raw()
    assert raw.loc["A", "value"] == (2 + 1) / (1.5 + 0.5)
    assert raw.loc["A", "denominator"] == 2
    # χ² with 2 × 3 and 2 × 4 degrees of freedom: 1.23734 and 17.5345
    assert raw.loc["A", "lower"] == pytest.approx(1.23734 / 2 / 2, rel=1e-5)
    assert raw.loc["A", "upper"] == pytest.approx(17.5345 / 2 / 2, rel=1e-5)
    assert raw.loc["B", "upper"] == pytest.approx(-log(0.025) / 4)


def test_a_rate_whose_records_vary_more_than_a_poissons(tmp_path: Path) -> None:
    table = """
        clinic  date        y  years
        A       2024-01-05  0  1.0
        A       2024-01-20  9  1.0
        A       2024-01-21  3  2.0
        B       2024-01-11  0  4.0
        B       2024-01-12  0  1.0
        D       2024-01-12  4  1.0
        D       2024-01-13  0  1.0
    """
    counts = 'kind = "count"\ndirection = "lower"\nexposure = "years"\nfamily = "negative-binomial"\n'
    raw = worked(tmp_path, table, counts).raw()
    assert raw.loc["A", "value"] == (0 + 9 + 3) / (1 + 1 + 2)
    # Σy(y - 1) of A and D; Σyy' over two records of one clinic, as many as Σe² has beside Σee'
    single = (9 * 8 + 3 * 2) + 4 * 3
    expected = (12**2 - 9**2 - 3**2) * (1 + 1 + 4) / (4**2 - 6) + (4**2 - 4**2) * 2 / (2**2 - 2)
    assert round(single / expected - 1, 1) == 1.8
    # of so few records 10 in one, and 10 less in a usual one, move it by more than itself: told in fives
    usual = 16 / (4**2 / 6 + 5**2 / 17 + 2**2 / 2)
    assert 2 < 10 * (10 + 2 * usual) / expected < 5
    dispersion = 5.0
    times = 1 + dispersion * (12 / 4) * (1 + 1 + 4) / 4
    # χ² with 2 × 12 / times degrees of freedom, and with 2 more
    lower, upper = special.chdtri(24 / times, 0.975), special.chdtri(24 / times + 2, 0.025)
    assert raw.loc["A", "lower"] == pytest.approx(lower / 2 / (4 / times), rel=1e-5)
    assert raw.loc["A", "upper"] == pytest.approx(upper / 2 / (4 / times), rel=1e-5)
    assert raw.loc["B", "upper"] == pytest.approx(-log(0.025) / 5)  # no event varies


@pytest.mark.slow
def test_a_best_estimate_of_a_volume_is_of_each_month_once(tmp_path: Path) -> None:
    """Most of the network's clinics opened late: its own months are mostly busy ones, and A's are not."""
    counts = {"A": (100, 200, 300, 400), "B": (50, 100, 150, 200), **dict.fromkeys("CDEF", (0, 0, 30, 40))}
    rows = [
        f"{clinic} 2024-{month:02}-{1 + i % 28:02} 1"
        for clinic, months in counts.items()
        for month, count in enumerate(months, start=1)
        for i in range(count)
    ]
    volume = 'kind = "count"\ndirection = "neither"\nper = "clinic-month"\n'
    found = worked(tmp_path, "\n".join(["clinic date y", *rows]), volume).estimated()
    rows_of = {form: each.set_index("clinic") for form, each in found.clinics.groupby("form")}
    assert rows_of["raw"].loc["A", "value"] == (100 + 200 + 300 + 400) / 4
    assert rows_of["raw"].loc["C", "value"] == (30 + 40) / 2
    assert rows_of["shrunken"].loc["A", "value"] == pytest.approx(250, rel=0.01)
    assert rows_of["shrunken"].loc["C", "value"] == pytest.approx(10 * (1 + 2 + 3 + 4) / 4, rel=0.1)


@pytest.mark.slow
def test_the_dispersion_that_own_intervals_allow_for_is_published_of_few_clinics_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = [
        f"{clinic} 2024-01-{1 + i % 28:02} {rng.poisson(level * rng.gamma(1.0))}"
        for clinic, level in (("A", 2.0), ("B", 4.0), ("C", 6.0))
        for i in range(60)
    ]
    counts = 'kind = "count"\ndirection = "lower"\n'
    found = worked(tmp_path, "\n".join(["clinic date y", *rows]), counts).estimated()
    figures = found.figures.set_index("figure")
    assert figures.loc["count_dispersion", "value"] == pytest.approx(1.0, abs=0.3)  # gamma of shape 1
    assert "overdispersion" not in figures.index  # of fewer than ten clinics


@pytest.mark.slow
def test_the_networks_own_patients_at_a_clinic(tmp_path: Path) -> None:
    """Four records with mean 4: at a clinic whose effect is u they would have 4 + u."""
    table = """
        clinic  date        y
        A       2024-01-05  1
        A       2024-01-20  3
        B       2024-01-11  5
        B       2024-01-14  7
    """
    made = worked(tmp_path, table, MEAN)
    question = made.question()
    fit = lmm(question.ranking, made.usable)
    scale = standardised(question, fit, question.ranking, made.usable)
    assert scale.typical == pytest.approx((1 + 3 + 5 + 7) / 4)
    assert scale.at(np.array([-1.0, 2.0])) == pytest.approx([4 - 1, 4 + 2])
    aside = CertainRows(where=(), rows=1, all_rows=4, size=1, events=0, all_size=4)
    assert standardised(question, fit, question.ranking, made.usable, aside).typical == pytest.approx(
        3 / 4 * 4 + 1 / 4 * 0
    )


def _five(tmp_path: Path, spread: float, direction: str) -> Worked:
    """Five clinics at 10, 20, … 50, each with thirty records half `spread` below and half above."""
    lines = ["clinic date y"]
    for i, clinic in enumerate("ABCDE", start=1):
        lines += [
            f"{clinic} 2024-01-{1 + k % 28:02d} {10 * i + (spread if k % 2 else -spread)}" for k in range(30)
        ]
    outcome = f'kind = "continuous"\nunit = "points"\ndirection = "{direction}"\n'
    return worked(tmp_path, "\n".join(lines), outcome)


@pytest.mark.slow
def test_figures_of_the_network(tmp_path: Path) -> None:
    estimates = _five(tmp_path, 1.0, "higher").estimated()
    figures = estimates.figures.set_index("figure")["value"]
    assert figures["mean"] == pytest.approx((10 + 20 + 30 + 40 + 50) / 5)
    assert figures["typical"] == pytest.approx(30)
    # variance of the clinics' means, less what thirty records each make them vary by
    within = 30 * 5 * 1.0**2 / (150 - 5)
    between = (20**2 + 10**2 + 0 + 10**2 + 20**2) / 4 - within / 30
    assert figures["sd_between"] == pytest.approx(sqrt(between), rel=1e-6)
    share = between / (between + within)
    assert figures["icc"] == pytest.approx(share, rel=1e-6)
    assert figures["design_effect"] == pytest.approx(1 + (30 - 1) * share, rel=1e-6)
    assert figures["effective_sample_size"] == pytest.approx(150 / (1 + 29 * share), rel=1e-6)


@pytest.mark.slow
def test_a_best_estimate_lies_between_the_clinics_own_figure_and_the_typical_one(tmp_path: Path) -> None:
    estimates = _five(tmp_path, 20.0, "higher").estimated()
    clinics = estimates.clinics.set_index(["form", "clinic"])
    within = 30 * 5 * 20.0**2 / (150 - 5)
    between = (20**2 + 10**2 + 0 + 10**2 + 20**2) / 4 - within / 30
    weight = between / (between + within / 30)
    assert clinics.loc[("shrunken", "A"), "reliability"] == pytest.approx(weight, rel=1e-6)
    assert clinics.loc[("adjusted", "A"), "value"] == pytest.approx(10)
    assert clinics.loc[("shrunken", "A"), "value"] == pytest.approx(weight * 10 + (1 - weight) * 30, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("direction", "places"), [("lower", [1, 2, 3, 4, 5]), ("higher", [5, 4, 3, 2, 1])])
def test_places_of_clinics_far_apart(tmp_path: Path, direction: str, places: list[int]) -> None:
    made = _five(tmp_path, 1.0, direction)
    ranked = rank_outcome(made.network, made.estimated())
    assert ranked.verdict == "rank"
    rows = ranked.rows.set_index("clinic")
    assert rows["rank_median"].tolist() == places
    assert rows["rank_lower"].tolist() == rows["rank_upper"].tolist() == places
    # between variance 250 less 1.034 / 30, over the same and 1.034 / 30
    assert ranked.figures["value"].tolist() == pytest.approx([1 - 1.034483 / 30 / 250], rel=1e-4)


@pytest.mark.slow
def test_clinics_all_alike_have_no_places(tmp_path: Path) -> None:
    lines = ["clinic date y", *(f"{c} 2024-01-{1 + k:02d} {10 + k % 2}" for c in "ABCDE" for k in range(28))]
    made = worked(tmp_path, "\n".join(lines), MEAN)
    ranked = rank_outcome(made.network, made.estimated())
    assert ranked.verdict == "do_not_rank"
    assert (ranked.rows["status"] == "not_ranked").all()
    said = told(ranked.reason)
    assert said == "Clinics are not ranked: the records do not show lasting differences between them."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("records", "apart", "why"),
    [
        # 240 records a clinic, not few: a weight of 240 / (240 + 1 / (0.1 / 2)^2) is about 0.4
        (
            240,
            0.05,
            "too much of what their figures differ by may be chance, or may not last, "
            "to tell which is which.",
        ),
        (20, 5.0, "no clinic has enough records to be compared."),
    ],
)
def test_why_no_clinic_can_be_compared(tmp_path: Path, records: int, apart: float, why: str) -> None:
    lines = [
        f"{clinic} 2024-01-{1 + k % 28:02d} {10 + apart * place + (1 if k % 2 else -1)}"
        for place, clinic in enumerate("ABCDE")
        for k in range(records)
    ]
    made = worked(tmp_path, "\n".join(["clinic date y", *lines]), MEAN + "minimum = 0\n")
    assert told(rank_outcome(made.network, made.estimated()).reason) == f"Clinics are not ranked: {why}"


@pytest.mark.slow
def test_many_records_of_a_rare_event_are_not_called_few(tmp_path: Path) -> None:
    """Six events in 120 records are 5%, and 11 would take 220: records are enough, events are not."""
    lines = [
        f"{clinic} 2024-01-{1 + k % 28:02d} {int(k < 4 + place)}"
        for place, clinic in enumerate("ABCDE")
        for k in range(120)
    ]
    made = worked(tmp_path, "\n".join(["clinic date y", *lines]), 'kind = "binary"\ndirection = "lower"\n')
    assert told(rank_outcome(made.network, made.estimated()).reason) == (
        "Clinics are not ranked: no clinic has as many records as would give 11 events at the network’s rate."
    )


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["identity", "log"])
def test_what_a_clinics_own_patients_would_have_at_the_typical_clinic(tmp_path: Path, scale: str) -> None:
    """Old patients have 10 more than the 50 of others; clinics have up to 4 more or less of either.

    The effects add up to nothing, and do not go with the share of old patients: slope and average are exact.
    """
    made_of = {"A": (10, 4.0), "B": (10, -4.0), "C": (30, 2.0), "D": (30, -2.0), "E": (20, 0.0)}
    unit = 1.0 if scale == "identity" else 0.01
    lines = [
        f"{clinic} 2024-01-{1 + k % 28:02d} {exp(level) if scale == 'log' else level} {int(k < old)}"
        for clinic, (old, effect) in made_of.items()
        for k in range(40)
        for level in [unit * (50 + 10 * (k < old) + effect + (1 if k % 2 else -1))]
    ]
    outcome = f'{MEAN}scale = "{scale}"\nadjusters = ["old"]\n'
    rows = worked(tmp_path, "\n".join(["clinic date y old", *lines]), outcome).estimated().clinics
    best = rows[rows["form"] == "shrunken"].set_index("clinic")
    raw = rows[rows["form"] == "raw"].set_index("clinic")
    for clinic, (old, effect) in made_of.items():
        level = unit * (50 + 10 * old / 40)
        expected = exp(level) if scale == "log" else level
        assert best.loc[clinic, "expected"] == pytest.approx(expected, rel=1e-4)
        observed = raw.loc[clinic, "value"] / best.loc[clinic, "expected"]
        own = exp(unit * effect) if scale == "log" else 1 + effect / level
        assert observed == pytest.approx(own, rel=1e-4)
        assert min(1, own) - 1e-4 <= best.loc[clinic, "pe"] <= max(1, own) + 1e-4
        apart = not best.loc[clinic, "pe_lower"] < 1 < best.loc[clinic, "pe_upper"]
        p = best.loc[clinic, "p_better"]
        assert apart == (max(p, 1 - p) > 0.975)
    assert rows.loc[rows["form"] != "shrunken", ["expected", "pe"]].isna().all(axis=None)


SEXES = '[groups.sex]\nvalues = [1, 2]\nnames = ["Women", "Men"]\n'


def test_groups_of_patients_side_by_side(tmp_path: Path) -> None:
    """Women 2, 1 and 3 events of 4 at three clinics, men 1 of 4 at each, and one record of neither."""
    events = {"A": (2, 1), "B": (1, 1), "C": (3, 1)}
    lines = [
        f"{clinic} 2024-01-{1 + k:02d} {int(k < count)} {sex}"
        for clinic, counts in events.items()
        for sex, count in zip((1, 2), counts, strict=True)
        for k in range(4)
    ]
    lines.append("A 2024-01-20 0 9")
    made = worked(
        tmp_path, "\n".join(["clinic date y sex", *lines]), f'kind = "binary"\ndirection = "lower"\n{SEXES}'
    )
    rows = patient_groups(made.question(), made.network, made.summary).set_index("group")
    assert rows["label"].tolist() == ["Women", "Men", "Other or not recorded"]
    assert rows["denominator"].tolist() == [12, 12, 1]
    assert rows["numerator"].tolist() == [6, 3, 0]
    assert rows["value"].tolist() == pytest.approx([50, 25, 0])
    # residuals of women 0, -1/12 and 1/12: 3/2 of their squares, and t with 2 df, on the logit
    reach = 4.302653 * sqrt(3 / 2 * 2 / 144)
    assert rows.loc["1", "upper"] == pytest.approx(100 / (1 + exp(-reach / 0.25)), rel=1e-6)
    assert rows.loc["1", "lower"] == pytest.approx(100 / (1 + exp(reach / 0.25)), rel=1e-6)
    # of the others 1 of 5, 1 of 4 and 1 of 4: 3/13, with residuals of its own
    others = [(1 - 3 / 13 * n) / 13 for n in (5, 4, 4)]
    apart = [own - other for own, other in zip((0, -1 / 12, 1 / 12), others, strict=True)]
    half = 100 * 4.302653 * sqrt(3 / 2 * sum(each**2 for each in apart))
    assert rows.loc["1", "difference"] == pytest.approx(100 * (1 / 2 - 3 / 13))
    assert rows.loc["1", "difference_upper"] == pytest.approx(100 * (1 / 2 - 3 / 13) + half, rel=1e-6)
    # of one clinic nothing tells how clinics differ, and none of one record has the event
    assert rows.loc["other", "upper"] == pytest.approx(100 * Z**2 / (1 + Z**2), rel=1e-5)
    assert pd.isna(rows.loc["other", "difference_lower"])


def test_groups_of_rates_and_of_geometric_means(tmp_path: Path) -> None:
    """Bands hold their lower end; a rate is events over exposure, and a difference of means a difference."""
    lines = [
        f"{clinic} 2024-01-{1 + k:02d} {y} {age} {days}"
        for clinic, factor in (("A", 1), ("B", 2))
        for k, (y, age, days) in enumerate(
            [(factor, 17, 10), (4 * factor, 18, 10), (4 * factor, 64, 20), (9, 65, 30)]
        )
    ]
    table = "\n".join(["clinic date y age days", *lines])
    bands = "[groups.age]\nbands = [18, 65]\n"
    rate = worked(tmp_path, table, f'kind = "count"\ndirection = "lower"\nexposure = "days"\n{bands}')
    rows = patient_groups(rate.question(), rate.network, rate.summary).set_index("group")
    assert rows["label"].tolist() == ["Under 18", "18 to under 65", "65 and over"]
    assert rows["value"].tolist() == pytest.approx([3 / 20, 24 / 60, 18 / 60])
    assert rows["denominator"].tolist() == [20, 60, 60]
    mean = worked(tmp_path / "b", table, f'kind = "continuous"\ndirection = "lower"\nscale = "log"\n{bands}')
    rows = patient_groups(mean.question(), mean.network, mean.summary).set_index("group")
    assert rows.loc["<18", "value"] == pytest.approx(sqrt(2))
    others = exp((2 * log(4) + 2 * log(8) + 2 * log(9)) / 6)
    assert rows.loc["<18", "difference"] == pytest.approx(sqrt(2) - others)
