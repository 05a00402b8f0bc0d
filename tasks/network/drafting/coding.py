"""How a column of two values becomes 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.network.drafting.column_naming import said
from tasks.network.drafting.profile import ColumnProfile
from tasks.network.drafting.value_words import (
    CONTROL,
    LETTERED,
    NUMBERED_CONTROL,
    PAIRS,
    TREATED,
    UNKNOWN,
    VITAL,
    Better,
)


@dataclass(frozen=True, slots=True)
class Coding:
    """Which of a column's two values is 1.

    Attributes:
        one: the value for 1, in small letters; None: whatever is not `zero`.
        zero: the value for 0, in small letters.
        better: which share is better, as far as the words tell.
        is_number: whether the values are numbers.
        others: whether the column holds other values too, which are missing ones.
    """

    one: str | None
    zero: str
    better: Better = "neither"
    is_number: bool = False
    others: bool = False

    def sql(self, column: str) -> str:
        """The expression that gives 1, 0 or NULL."""
        if self.is_number:
            return f"CASE {column} WHEN {self.one} THEN 1 WHEN {self.zero} THEN 0 END"
        if self.one is None:
            return (
                f"CASE WHEN LOWER(TRIM({column})) = {_text(self.zero)} THEN 0 "
                f"WHEN TRIM({column}) <> '' THEN 1 END"
            )
        return f"CASE LOWER(TRIM({column})) WHEN {_text(self.one)} THEN 1 WHEN {_text(self.zero)} THEN 0 END"

    @property
    def comment(self) -> str:
        """What stands for what."""
        others = "; anything else is missing" if self.others else ""
        return f"1: {'not ' + self.zero if self.one is None else self.one}, 0: {self.zero}{others}"


@dataclass(frozen=True, slots=True)
class EventWords:
    """Which of a column's several words count as 1; every other word is 0.

    Attributes:
        ones: those, as the table writes them.
    """

    ones: tuple[str, ...]

    def sql(self, column: str) -> str:
        """The expression that gives 1, 0 or NULL."""
        listed = ", ".join(map(_text, self.ones))
        return f"CASE WHEN TRIM({column}) IN ({listed}) THEN 1 WHEN TRIM({column}) <> '' THEN 0 END"

    @property
    def comment(self) -> str:
        """What stands for what."""
        return f"1: {' or '.join(' '.join(each.split()) for each in self.ones)}, 0: any other word"


def event_coding(column: ColumnProfile) -> Coding | None:
    """How a column of text says whether something happened, was found or went well; None if it does not."""
    held = {word for word in column.words if word not in UNKNOWN}
    n_unknown = len(column.words) - len(held)
    if len(held) + n_unknown < 2:
        return None
    lettered = LETTERED if said(column.name, VITAL) else ()
    for one, zero, better in (*PAIRS, *lettered):
        if {one, zero} == held and column.n_words == len(column.words):
            return Coding(one, zero, better, others=bool(n_unknown))
    return None


def one_two_coding(column: ColumnProfile) -> Coding | None:
    """How 1 and 2 say the same: 2 is what happened, as in R's and SAS's status columns."""
    return Coding("2", "1", is_number=True) if column.one_two else None


def program_coding(column: ColumnProfile) -> Coding | None:
    """How a column of text says who was treated and who was a control; None if it does not."""
    controls = [word for word in column.words if word in CONTROL or word in NUMBERED_CONTROL]
    if column.n_words != 2 or not controls:
        return None
    treated = [word for word in column.words if word in TREATED and word not in controls]
    if len(controls) == 1:
        return Coding(treated[0] if treated else None, controls[0])
    return None


def says_yes_or_no(column: ColumnProfile) -> bool:
    """Whether a column holds 0 and 1, true and false, or words for yes and no."""
    return column.zero_one or column.kind == "boolean" or event_coding(column) is not None


def says_words(column: ColumnProfile) -> bool:
    """Whether a column holds a few different words that do not say yes and no."""
    return column.kind == "text" and column.n_words > 1 and not says_yes_or_no(column)


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
