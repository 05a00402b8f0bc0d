"""A published column, and what it tells: the declaration from which masking follows."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["string", "integer", "number", "boolean", "date"]


class Of(enum.Flag):
    """What somebody learns from a value who knows everything else that is published."""

    NOTHING = 0
    SIZES = enum.auto()
    """How many records there are."""
    EVENTS = enum.auto()
    """How many of them have the outcome, or what their values are."""
    BOTH = SIZES | EVENTS


class About(enum.Enum):
    """Of whose counts a value tells; a row that is withheld loses what it tells of anyone."""

    ROW = "what its row is about: a clinic, a clinic's month, or the network where the row is the network's"
    SERIES = "all months of the row's clinic or network, so that it goes with any month that is withheld"
    TOTAL = "the network's whole window, to the last digit, where the row is the network's"


@dataclass(frozen=True, slots=True)
class Digits:
    """How many significant digits a number keeps that tells of events.

    With all their digits, figures that rest on withheld counts can be solved for those: whoever knows all
    the other clinics can fit the model with one guess after the other until every figure agrees.

    Attributes:
        kept: under a policy that leaves counts as they are; None for all.
        kept_of_rounded: under one that rounds counts, where the figure was computed from the unrounded.
    """

    kept: int | None
    kept_of_rounded: int | None


FEW = Digits(4, 3)
MODELLED = Digits(4, 4)
A_WORD, A_SENTENCE = Digits(1, 1), Digits(3, 3)
"""Of what says about figures on which side of a threshold they lie, and of what has some in it."""
FROM_SHOWN = Digits(None, None)
"""Of what was computed from clinics that are shown, whose own figures stand beside it."""


@dataclass(frozen=True, slots=True)
class Tells:
    """What a column tells of patients' records.

    Attributes:
        of: of sizes, of events, of both, or of nothing.
        about: whose.
        instead: what stands in its place where it is withheld; null where this is None. `{status}`,
            `{reason}` and `{reason_coded}` are filled in.
        counts: what it counts, which a count has to say: records and people are rounded as the policy says,
            and so is an exposure that is a number of records; clinics are not. People are withheld where a
            clinic's number of patients is, and everywhere in tables of anything else than clinics, of whose
            people nobody decides. Findings are records, or values or months where the row's `counts` says so.
        digits: significant digits of a number that tells of events; of a word or sentence as many as it
            says of the figures it is about.
        modelled: whether it comes of a model of all clinics, in rows that one gives. Where whoever has the
            clinics' counts can fit that again, it keeps no more digits than leave withheld counts in the
            dark, and is withheld where it says more. All but counts and exposures must say it.
    """

    of: Of
    about: About = About.ROW
    instead: str | bool | None = None
    counts: Literal["records", "people", "exposure", "clinics", "findings"] | None = None
    digits: Digits = FEW
    modelled: bool | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a published table.

    `tells` has no default: what nobody has thought about cannot be published.

    Raises:
        TypeError: it is not said what the column tells.
        ValueError: a required column tells something, and nothing is said to stand in its place; or it is a
            count, and does not say of what; or none, and does not say whether it comes of a model.
    """

    name: str
    kind: Kind
    description: str
    tells: Tells
    required: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.tells, Tells):
            raise TypeError(f"column {self.name} must say what it tells, not {self.tells!r}")
        if self.required and self.tells.of and self.tells.instead is None:
            raise ValueError(f"column {self.name} is never null, so it must say what stands in its place")
        if self.kind == "integer" and self.tells.of and self.tells.counts is None:
            raise ValueError(
                f"column {self.name} is a count, so it must say what it counts: records or people"
            )
        if self.tells.of and self.tells.counts is None and self.tells.modelled is None:
            raise ValueError(f"column {self.name} tells something, so it must say whether it is modelled")

    @property
    def is_count_of_records(self) -> bool:
        """Whether the policy rounds it: a whole number that tells something, unless it counts clinics."""
        counted = self.tells.counts in ("records", "people", "findings") and self.kind == "integer"
        return bool(self.tells.of) and (counted or self.tells.counts == "exposure")

    @property
    def least_digits(self) -> int:
        """With how many digits of a model's figures it can still be told: a number with any."""
        return 1 if self.kind == "number" else self.tells.digits.kept or 1

    @property
    def is_figure(self) -> bool:
        """Whether it is a number computed from events, of which the digits matter."""
        return self.kind == "number" and Of.EVENTS in self.tells.of


@dataclass(frozen=True, slots=True)
class Table:
    """One published table: its name, what a row is, and its columns; `key` makes a row unique.

    `of_program` says that its rows come of models with the program in them. Tables do not say who has it, so
    nobody can tell how many digits are safe where clinics' counts can be fitted again, and none are told.

    Raises:
        TypeError: something among the columns is no `Column`, and says nothing of what it tells.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    of_program: bool = False

    def __post_init__(self) -> None:
        strange = [each for each in self.columns if not isinstance(each, Column)]
        if strange:
            raise TypeError(f"table {self.name} is made of columns, not of {strange[0]!r}")

    @property
    def tells(self) -> Of:
        """What its columns tell together, those aside that say what was withheld."""
        of = Of.NOTHING
        for column in self.columns:
            if column.tells.instead not in ("{status}", "{reason}", "{reason_coded}"):
                of |= column.tells.of
        return of

    @property
    def people(self) -> tuple[str, ...]:
        """Its columns that count people."""
        return tuple(column.name for column in self.columns if column.tells.counts == "people")

    def empty(self) -> pd.DataFrame:
        """A frame with this table's columns and no rows."""
        return pd.DataFrame(columns=[column.name for column in self.columns])
