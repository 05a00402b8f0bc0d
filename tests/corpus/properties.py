"""What is true of every table and network file: the reference's numbers, or a sentence that refuses."""

from __future__ import annotations

import math
import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from corpus import plain_answers
from corpus.plain_answers import Rows
from corpus.tables_drawn import Drawn

from tasks.errors import ClinicnetError
from tasks.models import gee, glmm, icc, lmm, within
from tasks.network import read_network
from tasks.records import Records
from tasks.screening import check_network, doubts, screen

Numbers = Mapping[str, Any]


@contextmanager
def relation(rows: pd.DataFrame) -> Iterator[duckdb.DuckDBPyRelation]:
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE kept AS SELECT * FROM rows")
        yield connection.sql("SELECT * FROM kept")


def asked_of_both(rows: pd.DataFrame, ask: Callable[[Any], Any]) -> Any:
    """The answer to a frame, None where it is refused; a database refuses in the same words."""
    answers: list[Any] = []
    with relation(rows) as database:
        for data in (rows, database):
            try:
                answers.append(ask(data))
            except ClinicnetError as refused:
                answers.append(refused.message)
    frame, other = answers
    if isinstance(frame, str) or isinstance(other, str):
        assert frame == other, (frame if isinstance(frame, str) else "answered", other)
        return None
    return frame


def formula_of(drawn: Drawn) -> str:
    return f"y ~ `{drawn.number}` + `{drawn.factor}`"


@dataclass(frozen=True)
class Dense:
    """Complete rows as a design of a fit's columns, its number about its mean: whole matrices lose digits.

    Attributes:
        rows: the design, outcome and clinics.
        coef: the fit's coefficients of that design.
    """

    rows: Rows
    coef: np.ndarray


def complete(drawn: Drawn, fit: Any) -> Dense | None:
    """The dense design of a fit; None where a column was left out."""
    rows = drawn.rows.dropna()
    levels = sorted(set(rows[drawn.factor]))
    number = rows[drawn.number].astype(float)
    x = np.column_stack(
        [np.ones(len(rows)), number - number.mean()]
        + [(rows[drawn.factor] == level).astype(float) for level in levels[1:]]
    )
    if x.shape[1] != len(fit.coef) or np.linalg.matrix_rank(x) < x.shape[1]:
        return None
    coef = fit.coef.to_numpy(dtype=float).copy()
    coef[0] += number.mean() * coef[1]
    return Dense(Rows(x, rows["y"].to_numpy(dtype=float), list(rows["clinic"])), coef)


def close(found: Any, right: Any, within_: float, size: Any = 0.0) -> None:
    found, right = np.asarray(found, dtype=float), np.asarray(right, dtype=float)
    off = np.abs(found - right)
    assert (off <= within_ * np.maximum(np.abs(right), size) + 1e-12).all(), (found, right)


def linear_mixed_model(drawn: Drawn) -> None:
    """Coefficients and errors are those of dense GLS at the fit's variances, and no others are better."""
    formula = f"{formula_of(drawn)} + (1 | clinic)"
    fits: list[Any] = []

    def ask(data: Any) -> Any:
        fits.append(lmm(formula, data))
        return fits[-1]

    fit = asked_of_both(drawn.rows, ask)
    if fit is None:
        return
    one, other = fits
    close(other.coef, one.coef, 1e-7, one.se)
    close(other.se, one.se, 1e-6)
    close(other.loglik, one.loglik, 1e-8, 1.0)
    dense = complete(drawn, fit)
    if dense is None:
        return
    right = plain_answers.gls(dense.rows, float(fit.varcomp["clinic"].iloc[0, 0]) / fit.sigma2)
    close(dense.coef, right.coef, 1e-6, right.se)
    close(fit.sigma2, right.sigma2, 1e-6)
    close(fit.se.iloc[1:], right.se[1:], 1e-6)
    best = plain_answers.best_reml(dense.rows)
    assert fit.loglik >= best - 1e-5, (fit.loglik, best)


def intraclass_correlation(drawn: Drawn) -> None:
    """The analysis of variance by loops."""
    found = asked_of_both(drawn.rows, lambda data: icc("y", data, groups="clinic").estimate)
    rows = drawn.rows[["clinic", "y"]].dropna()
    if found is not None:
        right = plain_answers.anova_icc(
            Rows(np.ones((len(rows), 1)), rows["y"].to_numpy(dtype=float), list(rows["clinic"]))
        )
        close(found, right, 1e-6, 1.0)


def within_clinics(drawn: Drawn) -> None:
    """Least squares on a dummy of each clinic."""
    fit = asked_of_both(drawn.rows, lambda data: within(formula_of(drawn), data, groups="clinic"))
    if fit is None:
        return
    rows = drawn.rows.dropna()
    levels = sorted(set(rows[drawn.factor]))
    columns = {drawn.number: rows[drawn.number].astype(float)} | {
        f"{drawn.factor}{level}": (rows[drawn.factor] == level).astype(float) for level in levels[1:]
    }
    dummies = np.array([[float(a == b) for b in sorted(set(rows["clinic"]))] for a in rows["clinic"]])
    x = np.column_stack([*(each - each.mean() for each in columns.values()), dummies])
    if len(columns) != len(fit.coef) or np.linalg.matrix_rank(x) < x.shape[1]:
        return
    right = np.linalg.lstsq(x, rows["y"].to_numpy(dtype=float), rcond=None)[0][: len(columns)]
    close(fit.coef, right, 1e-6, np.abs(right).max() + fit.se.to_numpy())


def estimating_equations(family: str) -> Callable[[Drawn], None]:
    """The score is zero, and moments and sandwich are those of whole matrices."""

    def holds(drawn: Drawn) -> None:
        def ask(data: Any) -> Any:
            return gee(
                formula_of(drawn), data, groups="clinic", family=family, corr="exchangeable", cov="robust"
            )

        fit = asked_of_both(drawn.rows, ask)
        dense = complete(drawn, fit) if fit is not None else None
        if dense is None or fit.instead or not fit.converged:
            return
        right = plain_answers.gee(dense.rows, dense.coef, fit.working["alpha"], family)
        close(right.score, np.zeros(len(fit.coef)), 1e-5, 1.0)
        close(fit.scale_estimate, right.scale, 1e-6)
        close(fit.working["alpha"], right.alpha, 1e-6, 1.0)
        close(fit.se.iloc[1:], right.robust[1:], 1e-5, right.model[1:].max())

    return holds


def generalized_mixed_model(family: str) -> Callable[[Drawn], None]:
    """The log-likelihood is that of a fine grid, and no neighbour's is higher."""

    def holds(drawn: Drawn) -> None:
        formula = f"{formula_of(drawn)} + (1 | clinic)"
        fit = asked_of_both(drawn.rows, lambda data: glmm(formula, data, family=family))
        dense = complete(drawn, fit) if fit is not None else None
        if dense is None or not fit.converged or fit.n_obs != len(dense.rows.y):
            return
        if any("had not settled" in said for said in fit.messages):
            return
        rows, coef, se = dense.rows, dense.coef, fit.se.to_numpy().copy()
        sd = math.sqrt(float(fit.varcomp["clinic"].iloc[0, 0]))
        right = plain_answers.marginal_loglik(rows, coef, sd, family)
        close(fit.loglik, right, 1e-7, 1.0)
        se[0] = se[1:].min()  # that of a number far from zero says nothing of the centre
        for step in (0.1, -0.1):
            for j in range(len(coef)):
                moved = coef + step * se * (np.arange(len(coef)) == j)
                assert plain_answers.marginal_loglik(rows, moved, sd, family) <= right + 1e-5
            wider = max(sd + step * max(sd, 0.1), 0.0)
            assert plain_answers.marginal_loglik(rows, coef, wider, family) <= right + 1e-5

    return holds


NETWORK = """
[network]
name = "Fuzz"
[records]
source = "records.duckdb"
select = "SELECT * FROM records"
[outcomes.y]
label = "Y"
kind = "continuous"
direction = "lower"
[window]
months = 3
"""


def screening(table: pd.DataFrame) -> None:
    """Counts and means of clinics are those of a loop over the records."""
    from tasks.estimating import summarise

    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "network.toml"
        file.write_text(NETWORK, encoding="utf-8")
        _write(table, Path(directory) / "records.duckdb")
        try:
            check_network(file)
        except ClinicnetError:
            return
        doubts(file)
        network = read_network(file)
        try:
            screened = screen(Records.of(network), network, "2024-03")
        except ClinicnetError:
            assert not _can_be_reported(table)
            return
        summary = summarise(screened.usable, network)
    right = _usable(table)
    found = summary.clinics.set_index("clinic")
    assert sorted(found.index) == sorted(right)
    for clinic, rows in right.items():
        assert int(found.loc[clinic, "n_records"]) == len(rows), clinic
        numbered = {patient for patient, _ in rows if patient is not None}
        alone = sum(patient is None for patient, _ in rows)
        assert int(found.loc[clinic, "n_patients"]) == len(numbered) + alone, clinic
        values = [float(y) for _, y in rows if y is not None and math.isfinite(y)]
        own = summary.by_clinic("y").loc[clinic]
        assert own["n"] == len(values), clinic
        if values:
            close(own["mean"], plain_answers.mean(values), 1e-9, 1.0)


def _can_be_reported(table: pd.DataFrame) -> bool:
    """Whether two clinics have records, and the month has one."""
    right = _usable(table)
    days = [
        day
        for clinic, _, day, _ in table.itertuples(index=False)
        if day is not None and (clinic or "").strip()
    ]
    return len(right) > 1 and any(f"{day:%Y-%m}" == "2024-03" for day in days)


def _write(table: pd.DataFrame, path: Path) -> None:
    values = [value for value in table["y"] if value is not None]
    kind = "DOUBLE" if any(isinstance(v, float) for v in values) else "BIGINT"
    if values and all(not isinstance(v, float | int) for v in values):
        kind = "DECIMAL(9, 2)"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE records (clinic VARCHAR, patient BIGINT, date DATE, y {kind})")
        connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", table.to_numpy().tolist())


def _usable(table: pd.DataFrame) -> dict[str, list[tuple[Any, Any]]]:
    """Clinic → (patient, value) of its records of the window, copies left out."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    seen = set()
    for clinic, patient, day, y in table.itertuples(index=False):
        name = unicodedata.normalize("NFC", clinic or "").strip()
        if (
            not name
            or day is None
            or not pd.Timestamp("2024-01-01").date() <= day <= pd.Timestamp("2024-03-31").date()
        ):
            continue
        if patient is not None:
            record = (name, patient, day, None if y is None else float(y))
            if record in seen:
                continue
            seen.add(record)
        found.setdefault(name, []).append((patient, y))
    return found


def network_file(text: str) -> None:
    """It is right or refused in sentences, each of one line; nothing else."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "network.toml"
        file.write_text(text, encoding="utf-8")
        with duckdb.connect(str(Path(directory) / "records.duckdb")) as connection:
            connection.execute(
                "CREATE TABLE records AS SELECT chr(CAST(65 + i % 3 AS INTEGER)) AS clinic, 'R' AS region, "
                "i AS patient, DATE '2024-01-01' + CAST(i AS INTEGER) AS date, i % 7 + 1.5 AS y, i % 2 AS z, "
                "i % 5 + 1 AS x, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END AS f FROM range(60) AS t(i)"
            )
        try:
            check_network(file)
            doubts(file)
        except ClinicnetError as refused:
            assert refused.exit_code == 2
            for line in str(refused).splitlines():
                assert line.strip()
