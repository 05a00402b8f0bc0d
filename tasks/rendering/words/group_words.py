"""Groups of patients side by side, as a table says them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from reports.wording import say
from reports.wording.notation import NO_BREAK, Notation
from tasks.rendering.edition import Outcome
from tasks.rendering.numbers import whole
from tasks.rendering.shown_figures import PatientGroup


@dataclass(frozen=True)
class GroupRow:
    """One group: its name, how many records, its own figure and how far that is from all others'."""

    label: str
    size: str
    own: str
    difference: str


@dataclass(frozen=True)
class GroupTable:
    """The groups of one column."""

    title: str
    rows: tuple[GroupRow, ...]


def group_tables(outcome: Outcome) -> tuple[GroupTable, ...]:
    """A table for each column whose groups the release has, in their order."""
    return tuple(
        GroupTable(say("groups.title", column=column), tuple(_row(outcome, each) for each in groups))
        for column, groups in groupby(outcome.groups, key=lambda group: group.column)
    )


def _row(outcome: Outcome, group: PatientGroup) -> GroupRow:
    own = group.own
    size = "" if own.denominator is None else whole(own.denominator)
    if own.value is None:
        return GroupRow(group.label, size, say(f"status.{own.status}"), "")
    return GroupRow(
        group.label, size, outcome.notation.full(own.value, own.lower, own.upper), _difference(outcome, group)
    )


def _difference(outcome: Outcome, group: PatientGroup) -> str:
    """ "+2.1 percentage points (0.3 to 3.9)"; empty where there are no others, or all of one clinic."""
    value, lower, upper = group.difference, group.difference_lower, group.difference_upper
    if value is None or lower is None or upper is None:
        return ""
    notation = Notation.of([(value, lower, upper)], "")
    unit = say("unit.percentage_points") if outcome.unit == "%" else outcome.unit
    number = f"{'+' if value > 0 else ''}{notation.number(value)}"
    size = f"{number}{NO_BREAK}{unit}" if unit else number
    return f"{size} ({notation.range(lower, upper)})"
