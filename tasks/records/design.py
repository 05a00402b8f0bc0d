"""What a formula means on given data: columns kept, columns and rows dropped and why, random terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """One `(columns | group)` of a formula; `||` gives one term for the constant and one per variable.

    Attributes:
        group: the grouping factor as lme4 names it: `clinic`, or `clinic:region` for clinic within region.
        columns: names of its effects' columns, `(Intercept)` first where present.
    """

    group: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows and columns left out of a fit, and why.

    Attributes:
        rows: reason → number of rows, e.g. `{"clinic is missing": 3, "age is missing": 12}`; a row is
            counted once, under the first reason that applies.
        columns: aliased column → reason, e.g. `{"x3": "is a linear combination of x1 and x2"}`.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Rows left out in all."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True)
class Design:
    """A formula bound to data.

    Column names follow R: `(Intercept)`, `period2` for level "2" of `period`, `age:smoke`, `I(age^2)`. Only
    where R gives two columns one name are they told apart, by their levels: `dx[11]` beside `dx1[1]`.

    Attributes:
        formula: as the analyst wrote it.
        response: name of the outcome column (or expression).
        fixed: names of the fixed-effect columns kept, in R's order.
        random: the random terms, in the order written; `(1 | region/clinic)` gives region, then
            clinic:region.
        offset: the offset expression, or None.
        dropped: rows and columns left out.
        sources: fixed-effect column → the data columns it is computed from.
        exact: column → its name with all levels in brackets, which says the same in every design, where the
            column's own name depends on the others: what designs are compared by.
        spec: what `tasks.records.new_rows` needs to build the same columns from new data; opaque elsewhere.
    """

    formula: str
    response: str
    fixed: tuple[str, ...]
    random: tuple[RandomTerm, ...]
    offset: str | None
    dropped: Dropped
    sources: Mapping[str, tuple[str, ...]]
    exact: Mapping[str, str] = field(repr=False, default_factory=dict)
    spec: Any = field(repr=False, default=None)


def unused_name(name: str, used: Collection[str]) -> str:
    """The name, with a number where another column has it already: `age_mean`, or `age_mean (2)`."""
    candidate, number = name, 2
    while candidate in used:
        candidate, number = f"{name} ({number})", number + 1
    return candidate
