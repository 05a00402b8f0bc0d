"""A network file in the making, before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from tasks.network.drafting.coding import Coding, EventWords
from tasks.network.drafting.profile import Writing
from tasks.periods import Kind

OutcomeKind = Literal["continuous", "binary", "count"]
Direction = Literal["higher", "lower", "neither"]
Subject = Literal["clinic", "date", "patient", "record", "program", "outcomes", "coding", "weight"]
"""A question that a table's columns can leave open."""


@dataclass(frozen=True, slots=True)
class DraftOutcome:
    """One outcome to be.

    Attributes:
        column: the table's column, or None to count a clinic's records in a month.
        label: as people read it.
        kind: continuous, binary or count.
        direction: which is better.
        exposure: the table's column with the time at risk, for counts that have one.
    """

    column: str | None
    label: str
    kind: OutcomeKind
    direction: Direction = "neither"
    exposure: str | None = None


@dataclass(frozen=True, slots=True)
class Assumption:
    """What was taken for granted where nobody was asked.

    Attributes:
        about: the question that settles it.
        sentence: what was taken for granted.
    """

    about: Subject
    sentence: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What a network file needs and its table does not tell.

    Attributes:
        about: the question that settles it.
        what: what was not found.
        to_do: how to mend the file.
        candidates: columns that it could be.
    """

    about: Subject
    what: str
    to_do: str
    candidates: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was not found, and how to mend the file."""
        return f"{self.what}{self.to_do}"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a network file will say. Columns are named as in the table; `quoted` gives their SQL.

    Attributes:
        name: the network's.
        source: a file or URL.
        table: the table's name, in SQL.
        quoted: the table's column → its name in SQL.
        roles: contract column (clinic, date, and where there are any region, patient, record) → column.
        outcomes: what is estimated.
        adjusters: columns that every outcome is adjusted for.
        limits: column → (minimum, maximum) of possible values.
        program: column that says who was under it, or None.
        writing: how the date's column writes dates; None: it holds dates.
        date_parts: columns of years, months and days that make a date where no column holds one.
        short_years: whether the years among them have two digits, of the twentieth century.
        undated: the month that every record is taken for where the table tells none.
        rows_numbered: whether rows get a number of their own, so that equal ones count as different records.
        time_zone: of the schedule and of periods.
        password_env: environment variable with the database's password.
        undrafted: columns that could be outcomes too.
        weight: column with the number of identical records that a row stands for.
        codings: column → how its values become 0 and 1.
        assumptions: what was taken for granted about the columns.
        missing: what the table does not tell, and the file is not sound without.
        period: what is reported: a month, quarter or week.
        patient_within: whether patients are numbered within each clinic.
    """

    name: str
    source: str
    table: str
    quoted: dict[str, str]
    roles: dict[str, str]
    outcomes: tuple[DraftOutcome, ...]
    adjusters: tuple[str, ...] = ()
    limits: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    program: str | None = None
    writing: Writing | None = None
    date_parts: tuple[str, ...] = ()
    short_years: bool = False
    undated: date | None = None
    rows_numbered: bool = False
    time_zone: str = "UTC"
    password_env: str | None = None
    undrafted: tuple[str, ...] = ()
    weight: str | None = None
    codings: Mapping[str, Coding | EventWords] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    missing: tuple[Missing, ...] = ()
    period: Kind = "month"
    patient_within: bool = False
