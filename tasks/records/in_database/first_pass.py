"""A first look at a database's records: how many, what is missing, where the middle of each column is."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tasks.records.clinic_names import in_named
from tasks.records.data_columns import Frame, Kind
from tasks.records.formulas import expressions, splines
from tasks.records.formulas.expressions import FACTOR_FUNCTIONS, Expression
from tasks.records.formulas.model_spec import Request
from tasks.records.in_database.translation import Sql, Translator, Untranslatable, is_infinite, is_nan
from tasks.records.in_memory.lone_patients import PATIENT, groups_patients
from tasks.records.in_memory.rows import check_names, computed_part, no_rows_left, refuse_infinite
from tasks.records.in_memory.summing import reference_point
from tasks.records.sources.connection import Connection, SourceColumn

Floats = NDArray[np.float64]


GLANCE = 20_000
"""Rows a glance looks at."""


@dataclass
class Survey:
    """What a first look at the records found. Also the `Catalog` of formula coding.

    Attributes:
        connection: where the records are.
        sql: translates expressions.
        needs: what every row must have.
        n: rows used.
        dropped: rows left out by reason.
        complete: SQL conditions that the rows used meet.
        middle: expression → a point near its mean.
        per_group: rows per combination of group labels among those looked at.
    """

    connection: Connection
    sql: Translator
    needs: list[Need] = field(default_factory=list)
    n: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    complete: list[Sql] = field(default_factory=list)
    middle: dict[str, float] = field(default_factory=dict)
    per_group: float = np.inf

    def kind(self, name: str) -> Kind:
        """What a column's values are."""
        return self.sql.kinds[name].kind

    def levels(self, name: str) -> tuple[Hashable, ...]:
        """Labels of a column among the rows used, sorted as text is sorted in memory."""
        column = self.sql.column(name).label("label")
        found = self.connection.table(sa.select(column).where(*self.complete).distinct())
        levels = Frame(found).codes("label").levels
        order = self.sql.kinds[name].order
        return levels if order is None else tuple(each for each in order if each in set(levels))

    def learn(self, expression: Expression, argument: Expression) -> splines.State:
        """A basis needs the rows themselves."""
        raise Untranslatable


def few_rows(connection: Connection, query: str, kinds: Mapping[str, SourceColumn]) -> Survey:
    """The first rows alone, as if they were all; nothing is asked of them yet."""
    return Survey(connection, Translator(f"SELECT * FROM (\n{query}\n) AS records LIMIT {GLANCE}", kinds))


def glance(asked: Request, connection: Connection, query: str) -> Survey:
    """A middle of every column from the first rows, taking it that no row lacks anything.

    Whoever sums on the strength of a glance checks that none did.

    Raises: as `survey`, save that nothing is said of values.
    """
    found = _start(asked, connection, query)
    few = few_rows(connection, query, found.sql.kinds)
    few.needs = _needs(asked, few)
    sums = _sums(few.needs, few, asked.labels)
    for need in found.needs:
        if need.numeric:
            found.middle[need.text] = _middle(*sums[need.key])
    found.per_group = sums[""][0] / sums[""][1] if sums[""][1] else np.inf
    return found


def survey(asked: Request, connection: Connection, query: str) -> Survey:
    """Count rows, missing values and reasons, and find a middle of every column.

    Raises:
        FormulaError: a column is not there.
        RecordsError: infinite values, or no complete row.
        Untranslatable: an expression has no portable SQL, or a patient grouped by has no number.
    """
    found = _start(asked, connection, query)
    needs = found.needs
    sums = _sums(needs, found)
    if not all(np.isfinite(sums[need.key][1]) for need in needs):
        _refuse_or_guard(needs, found, asked.labels)
        found.needs = needs = _needs(asked, found)
        sums = _sums(needs, found)
    total = int(sums[""][0])
    incomplete = [need for need in needs if sums[need.key][0] < total]
    if groups_patients(asked) and any(need.text == PATIENT for need in incomplete):
        raise Untranslatable  # patients without a number are told apart row by row
    found.complete = [need.value.is_not(None) for need in incomplete]
    found.dropped = _reasons(incomplete, found) if incomplete else {}
    found.n = total - sum(found.dropped.values())
    if found.n == 0:
        raise no_rows_left(found.dropped, total)
    for need in needs:
        if need.numeric:
            found.middle[need.text] = _middle(*sums[need.key])
    return found


def _start(asked: Request, connection: Connection, query: str) -> Survey:
    kinds = connection.columns(query)
    check_names(asked, tuple(kinds))
    found = Survey(connection, Translator(query, kinds))
    labels = {*asked.labels, *_declared(asked)}
    found.sql.guarded.update(name for name in labels if kinds[name].is_float)
    found.needs = _needs(asked, found)
    return found


@dataclass(frozen=True)
class Need:
    """Something every row must have: a column's label or number, or an expression's value (no column)."""

    key: str
    column: str | None
    text: str
    value: Sql
    numeric: bool
    reason: str


def _needs(asked: Request, found: Survey) -> list[Need]:
    needs: list[Need] = []
    computed = {
        name
        for expression in asked.expressions
        if expression.function not in FACTOR_FUNCTIONS
        for name in expression.names
        if found.kind(name) != "text"
    }
    declared = _declared(asked)
    for position, name in enumerate(asked.names):
        if name in computed or name in asked.roles.values():
            text = expressions.deparse(ast.Name(name, ast.Load()))
            needs.append(
                Need(f"c{position}", name, text, found.sql.numbers(name), True, f"{name} is missing")
            )
        elif name in declared or name in asked.labels or found.kind(name) == "text":
            needs.append(
                Need(f"c{position}", name, name, found.sql.column(name), False, f"{name} is missing")
            )
    for position, expression in enumerate(asked.expressions):
        inner = computed_part(expression)
        if inner is not None and not isinstance(inner, ast.Name | ast.Constant):
            text = expressions.deparse(inner)
            value = found.sql.expression(inner)
            needs.append(Need(f"e{position}", None, text, value, True, f"{text} is undefined"))
    return needs


def _declared(asked: Request) -> set[str]:
    return {name for each in asked.expressions if each.function in FACTOR_FUNCTIONS for name in each.names}


def _sums(
    needs: list[Need], found: Survey, labels: Sequence[str] = ()
) -> dict[str, tuple[float, float, float]]:
    """Per need: how many rows have it, the sum, the sum of squares.

    Under "": the number of rows, and that of the labels' combinations (0 where it was not counted).
    """
    asked: list[Any] = [sa.func.count().label("n")]
    if labels and found.connection.dialect.name == "duckdb":
        groups = sa.func.hash(*(found.sql.column(name) for name in labels))
        asked.append(sa.func.count(groups.distinct()).label("groups"))
    for need in needs:
        asked.append(sa.func.count(need.value).label(f"{need.key}_n"))
        if need.numeric:
            asked.append(sa.func.sum(need.value).label(f"{need.key}_s"))
            asked.append(sa.func.sum(need.value * need.value).label(f"{need.key}_q"))
    row: Mapping[str, Any] = found.connection.table(sa.select(*asked)).to_pylist()[0]
    sums = {"": (float(row["n"]), float(row.get("groups", 0.0)), 0.0)}
    for need in needs:
        total, squares = row.get(f"{need.key}_s"), row.get(f"{need.key}_q")
        sums[need.key] = (float(row[f"{need.key}_n"]), float(total or 0.0), float(squares or 0.0))
    return sums


def _refuse_or_guard(needs: list[Need], found: Survey, labels: Sequence[str]) -> None:
    """A sum is not finite: infinite values are refused, NaN is treated as missing from here on."""
    asked = []
    numeric = [need for need in needs if need.numeric]
    for need in numeric:
        asked.append(_count(is_infinite(need.value)).label(f"{need.key}_i"))
        asked.append(_count(is_nan(need.value)).label(f"{need.key}_m"))
    row = found.connection.table(sa.select(*asked)).to_pylist()[0]
    for need in numeric:
        if count := int(row[f"{need.key}_i"] or 0):
            refuse_infinite(need.text, count, place_of(is_infinite(need.value), found, labels))
    for need in numeric:
        if row[f"{need.key}_m"] and need.column is not None:
            found.sql.guarded.add(need.column)


def place_of(bad: Sql, found: Survey, labels: Sequence[str]) -> str:
    """In which groups the bad rows are, in words."""
    if not labels:
        return ""
    columns = [found.sql.column(name) for name in labels]
    asked = [sa.func.count(column.distinct()).label(f"g{i}") for i, column in enumerate(columns)]
    row = found.connection.table(sa.select(sa.func.count().label("n"), *asked)).to_pylist()[0]
    levels = [int(row[f"g{i}"]) for i in range(len(columns))]
    coarsest = min(range(len(columns)), key=levels.__getitem__)
    label = columns[coarsest].label("label")
    named = found.connection.table(sa.select(label).where(bad).distinct().order_by(label)).to_pylist()
    present = [each["label"] for each in named if each["label"] is not None]
    return in_named(labels[coarsest], present, row["n"] / max(levels[coarsest], 1))


def _count(condition: Sql) -> Sql:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _reasons(incomplete: list[Need], found: Survey) -> dict[str, int]:
    """Rows left out, each under the first reason that applies."""
    asked: list[Any] = []
    earlier: list[Sql] = []
    for position, need in enumerate(incomplete):
        asked.append(_count(sa.and_(*earlier, need.value.is_(None))).label(f"r{position}"))
        earlier.append(need.value.is_not(None))
    row = found.connection.table(sa.select(*asked)).to_pylist()[0]
    counts = {need.reason: int(row[f"r{position}"] or 0) for position, need in enumerate(incomplete)}
    return {reason: count for reason, count in counts.items() if count}


def _middle(n: float, total: float, squares: float) -> float:
    if n == 0 or not np.isfinite(total):
        return 0.0
    mean = total / n
    variance = squares / n - mean * mean
    sd = np.sqrt(variance) if np.isfinite(variance) and variance > 1e-12 * mean * mean else 0.0
    return float(reference_point(np.array([mean]), np.array([sd]))[0])
