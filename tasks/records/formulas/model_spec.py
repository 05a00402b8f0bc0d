"""A formula bound to data: what its variables are, which columns they make, and what a row needs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tasks.errors import FormulaError
from tasks.records.design import Design, Dropped, RandomTerm
from tasks.records.formulas.column_names import exact_name, names_told_apart
from tasks.records.formulas.contrasts import (
    CONSTANT,
    Catalog,
    Coded,
    Variable,
    by_term,
    code,
    distinct,
    variable,
)
from tasks.records.formulas.expressions import BASIS_FUNCTIONS, Expression
from tasks.records.formulas.formula import Formula, Grouping, Terms, read, read_grouping, read_terms


@dataclass(frozen=True)
class Request:
    """What was asked for, read but not yet bound to data.

    Attributes:
        formula: the formula.
        groupings: the formula's grouping factors, then those asked for beside it.
        extra: columns asked for beside the formula's.
        variables: every variable of the formula and of `extra`, by its text.
        roles: further columns by what they are for (trials, exposure, offset, time).
    """

    formula: Formula
    groupings: tuple[Grouping, ...]
    extra: Terms
    variables: Mapping[str, Expression]
    roles: Mapping[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """The data's columns whose labels make groups."""
        return tuple(dict.fromkeys(name for grouping in self.groupings for name in grouping.columns))

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """What every row must have a value of: outcome, terms' variables, offsets."""
        used = [name for terms in self._all_terms() for term in terms.terms for name in term]
        listed = [self.formula.response, *(self.variables[name] for name in used), *self.formula.offsets]
        return tuple({each.text: each for each in listed}.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The data's columns that are used: groups first, then the outcome, in order of appearance."""
        inner = [name for expression in self.expressions for name in expression.names]
        return tuple(dict.fromkeys([*self.labels, *inner, *self.roles.values()]))

    @property
    def bends(self) -> bool:
        """Whether it has splines or polynomials, which learn from the rows one by one."""
        return any(each.function in BASIS_FUNCTIONS for each in self.expressions)

    def _all_terms(self) -> tuple[Terms, ...]:
        return (self.formula.fixed, *(part.terms for part in self.formula.random), self.extra)


def request(
    formula: str, groups: Sequence[str] | str = (), extra: Sequence[str] = (), **roles: str | None
) -> Request:
    """Read a formula and what is asked for beside it.

    Raises:
        FormulaError: any of it cannot be read.
    """
    parsed = read(formula)
    asked = [groups] if isinstance(groups, str) else list(groups)
    groupings = [*parsed.groupings, *(each for text in asked for each in read_grouping(text))]
    variables = dict(parsed.variables)
    wanted = [extra] if isinstance(extra, str) else list(extra)
    extra_terms = Terms(True, ())
    if wanted:
        extra_terms, more = read_terms(" + ".join(wanted))
        variables.update(more)
    return Request(
        parsed,
        tuple({each.columns: each for each in groupings}.values()),
        extra_terms,
        variables,
        {role: name for role, name in roles.items() if name is not None},
    )


@dataclass(frozen=True)
class Binding:
    """A request bound to data.

    Attributes:
        request: what was asked.
        variables: the terms' variables, by their text.
        fixed: the fixed-effect columns, those that are kept.
        random: per random term, its columns.
        extra: columns asked for beside the formula's.
        success: the outcome's label that counts as 1, where the outcome is text with two values.
        unused: aliased columns, with the reason.
    """

    request: Request
    variables: Mapping[str, Variable]
    fixed: tuple[Coded, ...]
    random: tuple[tuple[Coded, ...], ...]
    extra: tuple[Coded, ...]
    success: Hashable | None = field(default=None, repr=False)
    unused: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[Coded, ...]:
        """Every column once: the constant, the fixed effects', the random effects', the extra ones."""
        listed = [CONSTANT, *self.fixed, *(each for part in self.random for each in part), *self.extra]
        return distinct(listed)

    def design(self, dropped_rows: Mapping[str, int]) -> Design:
        """The design as models see it."""
        formula = self.request.formula
        offsets = [each.text for each in formula.offsets]
        offsets += [f"log({self.request.roles['exposure']})"] if "exposure" in self.request.roles else []
        offsets += [self.request.roles["offset"]] if "offset" in self.request.roles else []
        return Design(
            formula=formula.text,
            response=formula.response.text,
            fixed=tuple(column.name for column in self.fixed),
            random=tuple(
                RandomTerm(part.group.name, tuple(column.name for column in columns))
                for part, columns in zip(formula.random, self.random, strict=True)
            ),
            offset=" + ".join(offsets) or None,
            dropped=Dropped(dict(dropped_rows), dict(self.unused)),
            sources={column.name: self.sources(column) for column in self.fixed},
            exact={column.name: exact_name(column.elements, self.variables) for column in self.columns},
            spec=self,
        )

    def sources(self, column: Coded) -> tuple[str, ...]:
        """The data's columns a design column is computed from."""
        names = [
            name for element in column.elements for name in self.variables[element.variable].expression.names
        ]
        return tuple(dict.fromkeys(names))


def bind(asked: Request, catalog: Catalog) -> Binding:
    """Bind a request to the rows a catalog describes.

    Raises:
        FormulaError: a variable cannot be coded.
    """
    variables: dict[str, Variable] = {}
    needed = {each.text for each in asked.expressions}
    for text, expression in asked.variables.items():
        if text in needed:
            variables[text] = variable(expression, catalog)
    response = asked.formula.response
    if (response.text,) in asked.formula.fixed.terms:
        raise FormulaError(f"the outcome {response.text} also stands on the right of '~'")
    empty = [
        ":".join(term) for term, columns in by_term(asked.formula.fixed, variables).items() if not columns
    ]
    return replace(bound_columns(asked, variables, empty), unused=dict.fromkeys(empty, "has only one value"))


def bound_columns(asked: Request, variables: Mapping[str, Variable], taken: Sequence[str] = ()) -> Binding:
    """The columns of a request, its variables being bound; no two of them have one name.

    Args:
        asked: the request.
        variables: the terms' variables, by their text.
        taken: names that no column may have, beside the outcome's.
    """
    binding = Binding(
        request=asked,
        variables=variables,
        fixed=code(asked.formula.fixed, variables),
        random=tuple(code(part.terms, variables) for part in asked.formula.random),
        extra=tuple(column for column in code(asked.extra, variables) if column != CONSTANT),
    )
    names = names_told_apart(binding.columns, variables, [asked.formula.response.text, *taken])

    def named(columns: tuple[Coded, ...]) -> tuple[Coded, ...]:
        return tuple(Coded(names[column.elements], column.elements) for column in columns)

    return replace(
        binding,
        fixed=named(binding.fixed),
        random=tuple(named(part) for part in binding.random),
        extra=named(binding.extra),
    )
