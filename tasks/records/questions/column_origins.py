"""What columns of the records a value is made of, followed through other names, subqueries and WITH.

Names are compared as engines do, without regard to case. Patients' numbers are followed with more care than
others: they may be written as text, put behind their clinic's name, made NULL where they are blank, grouped
by, counted and joined with themselves; whatever else happens to them is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from tasks.records.questions.known_constructs import CONSTANTS, EXTREME_VALUES, SUMS, NotAggregateError
from tasks.records.sql_text import LARGEST

Origin = frozenset[str]
"""Names of the records' columns, in small letters, that a value is made of; none of a constant."""

KEYS = frozenset({"clinic", "region", "month", "merged_month", "period", "rule"})
"""Columns that may be grouped by, and so leave the door as they are."""
EXTREMES = KEYS | {"date", "day", "first_month"}
"""Columns of which the first and the last may leave: they tell when clinics have records, not whose."""
PERSONS = frozenset({"patient", "record"})
"""Columns that tell one patient from another: they may be counted, and nothing else."""

_NOTHING: Origin = frozenset()
_SUMMED: Origin = frozenset({""})
"""Of what is summed, or counted: no column, and no constant either."""
_LABEL: Origin = frozenset({"rule"})
"""Of labels that a statement writes itself, WHEN … THEN 'late': rules are such."""
_MONTH: Origin = frozenset({"month"})
_UNDER_PROGRAM: Origin = frozenset({"program"})
"""What a date may be chosen by besides: the first one under the program is when the clinic started."""
_PERIODS = frozenset({"YEAR", "QUARTER", "MONTH", "ISOYEAR", "WEEK"})
"""Parts of a date that tell no more than a month or a week does; a day of the month, or its seconds, do."""
_TEXTS = frozenset({exp.DType.VARCHAR, exp.DType.TEXT})


@dataclass(frozen=True)
class Relation:
    """Rows in a FROM, or those that a query gives.

    Attributes:
        columns: name (in small letters) and origin, in order; "" where it has no name.
        is_open: whether there are more of them, under their own names: the records' own.
        aggregate: whether each of its rows is an aggregate over records.
    """

    columns: Sequence[tuple[str, Origin]]
    is_open: bool
    aggregate: bool

    def knows(self, name: str) -> bool:
        """Whether it is sure to have a column."""
        return any(each == name for each, _ in self.columns)

    def origin(self, name: str) -> Origin | None:
        """Of a column of that name; None where there is none."""
        found = [origin for each, origin in self.columns if each == name]
        if found:
            return frozenset().union(*found)
        return frozenset({name}) if self.is_open else None


@dataclass
class Scope:
    """What names mean in one SELECT.

    Attributes:
        sources: what it is FROM, each with its name.
        own: columns that it makes, by the names that it gives them: engines know those in its clauses.
    """

    sources: list[tuple[str, Relation]] = field(default_factory=list)
    own: dict[str, Origin] = field(default_factory=dict)

    @property
    def aggregate(self) -> bool:
        """Whether it sees sums and counts alone."""
        return bool(self.sources) and all(relation.aggregate for _, relation in self.sources)

    def origin(self, column: exp.Column) -> Origin:
        """Of a column; where a name may mean several things it is made of all of them.

        Raises:
            NotAggregateError: there is none of that name.
        """
        name, table = column.name.lower(), column.table.lower()
        among = [relation for source, relation in self.sources if table in ("", source)]
        found = [origin for relation in among if (origin := relation.origin(name)) is not None]
        if not table:
            found += [self.own[name]] if name in self.own else []
            whole_row = any(source == name for source, _ in self.sources)
            if whole_row and not any(relation.knows(name) for relation in among):
                found.append(PERSONS)  # a table's name as a value is all of its columns
        if not found:
            raise NotAggregateError("there is a column that nothing has")
        return frozenset().union(*found)


def made_of(value: exp.Expression, scope: Scope) -> Origin:
    """What a value is made of.

    Raises:
        NotAggregateError: patients' numbers are used for more than to count them, or a single value is taken
            out of many.
    """
    if isinstance(value, exp.Column):
        return scope.origin(value)
    if isinstance(value, exp.Case):
        return _made_of_case(value, scope)
    if isinstance(value, exp.Count):
        counted = value.this.expressions if isinstance(value.this, exp.Distinct) else [value.this]
        for each in counted:
            made_of(each, scope)
        return _SUMMED
    if isinstance(value, exp.Window) and not scope.aggregate:
        raise NotAggregateError("a window looks at single records")
    parts = list(_parts(value))
    origins = [made_of(each, scope) for each in parts]
    origin = frozenset().union(*origins)
    if origin & PERSONS:
        return _of_persons(value, parts, origins)
    if isinstance(value, EXTREME_VALUES) and not scope.aggregate and not origin <= EXTREMES:
        raise NotAggregateError(f"the first or the last {min(origin - EXTREMES) or 'sum'} is a single value")
    if isinstance(value, exp.Extract) and origin <= EXTREMES and value.name.upper() in _PERIODS:
        return _MONTH
    return _SUMMED if isinstance(value, (*SUMS, exp.Window)) else origin


def _parts(value: exp.Expression) -> Iterator[exp.Expression]:
    """The values that a value is made of: no types, and no names of other things than columns."""
    for each in value.iter_expressions():
        if not isinstance(each, exp.DataType | exp.Identifier | exp.Var | exp.Star):
            yield each


def _made_of_case(case: exp.Case, scope: Scope) -> Origin:
    """What a CASE is made of: its values, and what it chooses them by where they are no constants."""
    values = [each.args["true"] for each in case.args["ifs"]]
    values += [case.args["default"]] if case.args.get("default") is not None else []
    conditions = [each.this for each in case.args["ifs"]] + ([case.this] if case.this is not None else [])
    chosen_by = [made_of(each, scope) for each in conditions]
    if any(origin & PERSONS for origin in chosen_by):
        raise NotAggregateError("values are chosen by who a patient is")
    origins = [made_of(each, scope) for each in values]
    origin = frozenset().union(*origins)
    if not origin:
        return _LABEL
    if origin & PERSONS:
        for value, of in zip(values, origins, strict=True):
            if not of & PERSONS and not is_null(value):
                raise NotAggregateError("something else stands in the place of a patient's number")
    return origin | (frozenset().union(*chosen_by) - _UNDER_PROGRAM)


def _of_persons(value: exp.Expression, parts: Sequence[exp.Expression], origins: Sequence[Origin]) -> Origin:
    """What is made of patients' numbers, where it is still each patient's own, or says whether there is one.

    Raises:
        NotAggregateError: it is something else, that may tell one patient from the others.
    """
    others = [part for part, origin in zip(parts, origins, strict=True) if not origin & PERSONS]
    alone = frozenset().union(*(origin for origin in origins if not origin & PERSONS))
    if isinstance(value, exp.Is) and is_null(value.expression):
        return _SUMMED
    if isinstance(value, exp.LTE) and value.expression.name == LARGEST:  # it is a number, and not NaN
        return _SUMMED
    same = (
        isinstance(value, exp.Alias | exp.Paren)
        or (isinstance(value, exp.Cast) and value.to.this in _TEXTS)
        or (isinstance(value, exp.DPipe) and alone <= KEYS)
        or (isinstance(value, exp.Trim) and all(_is_blank(each) for each in others))
        or (isinstance(value, exp.Nullif) and len(others) == 1 and others[0] == exp.Literal.string(""))
    )
    if not same:
        raise NotAggregateError(f"{type(value).__name__} works on patients' numbers")
    return frozenset().union(*origins)


def _is_blank(value: exp.Expression) -> bool:
    return isinstance(value, exp.Literal) and value.is_string and not value.name.strip()


def is_null(value: exp.Expr) -> bool:
    """Whether a value is NULL, of whatever type."""
    return isinstance(value.this if isinstance(value, exp.Cast) else value, exp.Null)


def is_sum(value: exp.Expression) -> bool:
    """Whether a value is made of sums, counts, the first and the last, and constants alone."""
    if isinstance(value, (*SUMS, *EXTREME_VALUES, *CONSTANTS)):
        return True
    if isinstance(value, exp.Column | exp.Window | exp.Star):
        return False
    parts = list(_parts(value))
    return bool(parts) and all(is_sum(each) for each in parts)


def is_key(value: exp.Expression, scope: Scope) -> bool:
    """Whether rows may be told apart by it: a clinic, region, month or rule, or a date's year or month."""
    return value.find(exp.Column) is not None and made_of(value, scope) <= KEYS
