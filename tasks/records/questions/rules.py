"""The screening rules: each a named SQL predicate or query in sql/screening, with what it does to a record.

A rule's file begins with `-- action: description`, where the action is `set_aside` (the record is not used),
`value_blanked` (that value is not used) or `noted` (nothing is changed). A rule that counts months says so:
`-- noted clinic-months: description`. Names in braces are filled in here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Literal

from tasks.network.schema import Network
from tasks.periods import Period
from tasks.records.questions.column_uses import uses
from tasks.records.questions.contract import declared_limits
from tasks.records.sources.connection import SourceColumn
from tasks.records.sql_text import quoted

Action = Literal["set_aside", "value_blanked", "noted"]

_HEADER = re.compile(r"-- (set_aside|value_blanked|noted)( clinic-months)?: (.+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """One screening rule.

    Attributes:
        name: as in the quality table; for a rule about a column, `COLUMN_…`.
        description: what it looks for, in a sentence.
        action: what happens to what it finds.
        sql: a predicate on a record, or a query, its names in braces filled in.
        column: the column it is about, for rules about one.
        counts: what it counts: records, values of its column, or clinic-months. Of a column that patients are
            grouped by it counts records: those without a value are a group of patients.
        wording: the description's name in `reports/wording`, under `rule`.
        names: what fills the description's places.
    """

    name: str
    description: str
    action: Action
    sql: str
    column: str | None = None
    counts: Literal["records", "values", "clinic-months"] = "records"
    wording: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def record_rules(window: Sequence[str], *, clinic_within_region: bool = False) -> tuple[Rule, ...]:
    """Predicates on a whole record; a record counts under the first that applies.

    Args:
        window: the window's periods; the last is the reported one.
        clinic_within_region: whether clinics are numbered within regions.
    """
    days = {
        "first_day": Period.of_label(window[0]).first_day.isoformat(),
        "day_after": Period.of_label(window[-1]).day_after.isoformat(),
    }
    names = ("clinic_missing", "date_missing", "date_impossible", "date_before_window", "date_after_month")
    rules = {name: _rule(name, days) for name in names}
    if clinic_within_region:
        rules["clinic_missing"] = replace(_rule("clinic_or_region_missing", days), name="clinic_missing")
    return tuple(rules.values())


def column_rules(network: Network, columns: Mapping[str, SourceColumn]) -> tuple[Rule, ...]:
    """Predicates on the used columns; a value counts under the first of its column's that applies."""
    found: dict[str, Rule] = {}
    for column in dict.fromkeys(use.column for use in uses(network)[0]):
        rules = [*_own_rules(network, columns, column), *_outcome_rules(network, columns, column)]
        if column not in network.groups:
            rules = [replace(rule, counts="values") for rule in rules]
        found |= {rule.name: rule for rule in rules}
    return tuple(found.values())


def blanked(column: str, rules: Iterable[Rule]) -> str:
    """The column with the values that `rules` find impossible replaced by NULL."""
    impossible = [
        f"({rule.sql})" for rule in rules if rule.column == column and rule.action == "value_blanked"
    ]
    if not impossible:
        return quoted(column)
    return f"CASE WHEN {' OR '.join(impossible)} THEN NULL ELSE {quoted(column)} END"


def _own_rules(network: Network, columns: Mapping[str, SourceColumn], column: str) -> list[Rule]:
    rules = [_column_rule("value_missing", column, "missing")]
    if columns[column].is_float:
        rules.append(_column_rule("value_not_finite", column, "not_finite"))
    if columns[column].kind == "number":
        rules += _limit_rules(network, column)
    return rules


def query_rule(name: str, **filled: str) -> Rule:
    """A rule that is a query of its own, such as `volume_drop`."""
    return _rule(name, filled)


def query(name: str, **filled: str) -> str:
    """A query in sql/screening that is no rule, its names in braces filled in."""
    return _statement(_text(name), filled)


def _limit_rules(network: Network, column: str) -> list[Rule]:
    declared = declared_limits(network, column)
    minima = [minimum for minimum, _ in declared if minimum is not None]
    maxima = [maximum for _, maximum in declared if maximum is not None]
    rules = []
    if minima:
        rules.append(_column_rule("value_below_minimum", column, "below_minimum", limit=_number(max(minima))))
    if maxima:
        rules.append(_column_rule("value_above_maximum", column, "above_maximum", limit=_number(min(maxima))))
    return rules


def _outcome_rules(network: Network, columns: Mapping[str, SourceColumn], column: str) -> list[Rule]:
    rules = []
    for name, outcome in network.outcomes.items():
        if network.column(name) != column:
            continue
        if outcome.scale == "log" and (outcome.minimum is None or outcome.minimum <= 0):
            rules.append(_column_rule("value_not_positive", column, "not_positive"))
        if outcome.exposure is not None:
            possible = blanked(outcome.exposure, _own_rules(network, columns, outcome.exposure))
            filled = {"exposure": possible, "exposure_name": outcome.exposure}
            rules.append(_column_rule("exposure_not_positive", column, "without_exposure", **filled))
    return rules


def _column_rule(name: str, column: str, suffix: str, **filled: str) -> Rule:
    rule = _rule(name, {"column": quoted(column), "column_name": column, **filled})
    return replace(rule, name=f"{column}_{suffix}", column=column)


def _rule(name: str, filled: Mapping[str, str]) -> Rule:
    header, _, body = _text(name).partition("\n")
    found = _HEADER.fullmatch(header)
    if found is None:
        raise ValueError(f"sql/screening/{name}.sql does not begin with '-- action: description'")
    action: Action = found[1]  # type: ignore[assignment]
    counts: Literal["records", "clinic-months"] = "clinic-months" if found[2] else "records"
    return Rule(name, _fill(found[3], filled), action, _statement(body, filled), None, counts, name, filled)


def _statement(text: str, filled: Mapping[str, str]) -> str:
    """The SQL without the comments before it, filled in."""
    return _fill(re.sub(r"\A(?:--.*\n)*", "", text), filled).strip()


def _number(limit: float) -> str:
    return str(int(limit)) if float(limit).is_integer() and abs(limit) < 1e15 else repr(float(limit))


@cache
def _text(name: str) -> str:
    return resources.files("sql").joinpath(f"screening/{name}.sql").read_text("utf-8")


def _fill(text: str, filled: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], found[0]), text)
