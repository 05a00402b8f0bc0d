"""Which columns of the SELECT a network uses, for what, and of which kind each must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tasks.errors import FormulaError
from tasks.network.schema import CONTRACT_COLUMNS, DERIVED_COLUMNS, Network
from tasks.records.formulas.formula import read_terms

KeyPath = tuple[str, ...]
DESCRIBING = frozenset({"adjuster", "group"})
"""Roles of columns that describe a patient, and may hold text."""
Role = Literal["binary", "count", "continuous", "exposure", "adjuster", "program", "group"]


@dataclass(frozen=True, slots=True)
class Use:
    """One column the network file names, where it names it, and what for."""

    column: str
    place: KeyPath
    role: Role


@dataclass(frozen=True, slots=True)
class Misfit:
    """Where the network file and the records disagree: the key, and a sentence with the way out."""

    place: KeyPath
    sentence: str


def uses(network: Network) -> tuple[tuple[Use, ...], tuple[Misfit, ...]]:
    """Every use of a column beside the contract's own, and adjusters that cannot be read as terms."""
    found: list[Use] = []
    unreadable: list[Misfit] = []
    for name, outcome in network.outcomes.items():
        place = ("outcomes", name)
        column = network.column(name)
        if column is not None:
            found.append(Use(column, (*place, "column") if outcome.column else place, outcome.kind))
        if outcome.exposure is not None:
            found.append(Use(outcome.exposure, (*place, "exposure"), "exposure"))
        for adjuster in outcome.adjusters:
            at = (*place, "adjusters")
            try:
                found += [Use(each, at, "adjuster") for each in adjuster_columns(adjuster)]
            except FormulaError as error:
                hint = f"; {error.hint}" if error.hint else ""
                unreadable.append(Misfit(at, f"adjuster {adjuster!r}: {error.message}{hint}"))
    found += [Use(column, ("groups", column), "group") for column in network.groups]
    if network.program is not None and network.program.column is not None:
        found.append(Use(network.program.column, ("program", "column"), "program"))
    return tuple(found), tuple(unreadable)


def adjuster_columns(adjuster: str) -> tuple[str, ...]:
    """The SELECT's columns an adjuster such as `ns(age, 3)` or `age:sex` is computed from.

    Raises:
        FormulaError: it is not a term of a formula.
    """
    if "~" in adjuster or "|" in adjuster:
        raise FormulaError("a term has no '~' and no '|'", hint='give columns, or terms such as "ns(age, 3)"')
    _, expressions = read_terms(adjuster)
    names = dict.fromkeys(name for expression in expressions.values() for name in expression.names)
    return tuple(name for name in names if name not in (*CONTRACT_COLUMNS, *DERIVED_COLUMNS))
