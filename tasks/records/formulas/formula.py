"""Formulas as analysts write them, split into outcome, fixed part, random terms and offsets.

`sbp ~ age * program + offset(z) + (1 + month | patient) + (1 | region/clinic)`: the fixed part and the
left sides of random terms are read by formulaic; bars, groups and offsets are taken out first.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tasks.errors import FormulaError
from tasks.records.formulas.expressions import Expression, expression_of
from tasks.records.formulas.tokens import (
    Token,
    Tokens,
    as_written,
    closing,
    end_of_variable,
    split,
    tokens_of,
    written,
)


@dataclass(frozen=True)
class Grouping:
    """A grouping factor.

    Attributes:
        name: as lme4 names it: `clinic`, or `clinic:region` for clinics within regions. A column that has
            a colon in its own name stands in backticks.
        columns: the data's columns whose combinations are its levels, in the order of the name.
    """

    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """The right side of a formula without its random terms.

    Attributes:
        intercept: whether the constant is among the columns.
        terms: each term's variables (expressions, as R prints them), in R's order: main effects before
            interactions, each in the order written.
    """

    intercept: bool
    terms: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class RandomPart:
    """One `(terms | group)`; `||` has been split and `a/b` expanded."""

    group: Grouping
    terms: Terms


@dataclass(frozen=True)
class Formula:
    """A formula, read.

    Attributes:
        text: as written.
        response: the outcome's expression.
        fixed: the fixed part.
        random: the random terms in the order written.
        offsets: what stands in `offset(…)`.
        variables: every variable of a term, by its text.
    """

    text: str
    response: Expression
    fixed: Terms
    random: tuple[RandomPart, ...]
    offsets: tuple[Expression, ...]
    variables: Mapping[str, Expression] = field(repr=False)

    @property
    def groupings(self) -> tuple[Grouping, ...]:
        """Grouping factors in order of appearance, each once."""
        return tuple({part.group.columns: part.group for part in self.random}.values())


@functools.lru_cache(maxsize=256)
def read(text: str) -> Formula:
    """Read a formula.

    Raises:
        FormulaError: it cannot be read; says which part and what would be right.
    """
    response, right = _sides(text)
    variables: dict[str, Expression] = {}
    fixed: list[Token] = []
    random: list[RandomPart] = []
    offsets: list[Expression] = []
    for sign, piece in _summands(right):
        bar, offset = _bar(piece), _is_offset(piece)
        if bar is None and not offset:
            fixed += [sign, *piece]
        elif sign.text == "-":
            raise FormulaError(
                f"{written(piece)!r} cannot be taken away from a formula; leave it out instead"
            )
        elif bar is None:
            offsets.append(expression_of(piece[2:-1]))
        else:
            random.extend(_random(piece, bar, variables))
    terms = _terms(tuple(fixed) or tokens_of("1"), variables)
    return Formula(text, expression_of(response), terms, tuple(random), tuple(offsets), variables)


def read_terms(text: str) -> tuple[Terms, Mapping[str, Expression]]:
    """Read terms that stand on their own, such as a column asked for beside the formula's."""
    variables: dict[str, Expression] = {}
    return _terms(tokens_of(text), variables), variables


def read_grouping(text: str) -> tuple[Grouping, ...]:
    """Read a grouping factor: `clinic`, `clinic:region`, or `region/clinic`, which is two."""
    return _groupings(tokens_of(text))


def outcome_of(text: str) -> str:
    """What stands left of the `~`, as it is written.

    Raises:
        FormulaError: there is no `~`, or nothing left of it.
    """
    return written(_sides(text)[0])


def with_outcome(text: str, column: str) -> str:
    """The formula with this column for its outcome.

    >>> with_outcome("fever ~ age + (1 | clinic)", "temperature above 38")
    '`temperature above 38` ~ age + (1 | clinic)'
    """
    return f"{as_written(column)} ~ {written(_sides(text)[1])}"


def without_random_terms(text: str) -> str:
    """The formula without its `(… | group)` terms.

    >>> without_random_terms("y ~ log(age) + (1 + age | clinic) + sex - 1 + (1 | region/clinic)")
    'y ~ log(age) + sex - 1'
    >>> without_random_terms("y ~ (1 | clinic)")
    'y ~ 1'
    """
    response, right = _sides(text)
    kept = [f"{sign.text} {written(piece)}" for sign, piece in _summands(right) if _bar(piece) is None]
    return f"{written(response)} ~ {' '.join(kept).removeprefix('+ ') or '1'}"


def colon_quoted(name: str) -> str:
    """The name as it is joined to others by colons: in backticks where it has a colon of its own."""
    return f"`{name}`" if ":" in name or name.startswith("`") else name


def _groupings(tokens: Tokens) -> tuple[Grouping, ...]:
    outer: tuple[str, ...] = ()
    found: list[Grouping] = []
    for part in split(tokens, "/"):
        names = tuple(_group_column(each, tokens) for each in split(part, ":"))
        outer = names + outer
        found.append(Grouping(":".join(colon_quoted(each) for each in outer), outer))
    return tuple(found)


def _group_column(tokens: Tokens, whole: Tokens) -> str:
    expression = expression_of(tokens)
    if expression.function in ("factor", "C") and len(expression.names) == 1:
        return expression.names[0]
    if not expression.is_column:
        raise FormulaError(
            f"the group {written(whole)!r} is not a column, columns joined by ':' or columns nested by '/'",
            hint="make the grouping column in the SELECT or the data frame",
        )
    return expression.names[0]


def _sides(text: str) -> tuple[Tokens, Tokens]:
    tokens = tokens_of(text)
    sides = split(tokens, "~")
    if len(sides) != 2 or not sides[0]:
        raise FormulaError(
            f"the formula {text.strip()!r} needs an outcome, one '~' and what explains it",
            hint='for example "sbp ~ age + program + (1 | clinic)"',
        )
    response, right = sides
    if response[0].text == "cbind":
        raise FormulaError(
            "cbind() is not needed here",
            hint='put the number of successes left of "~" and give the column of trials with trials="…"',
        )
    if right and right[-1].is_operator("+", "-"):
        raise FormulaError(f"the formula {text.strip()!r} ends with an operator")
    return response, right or tokens_of("1")


def _summands(right: Tokens) -> Iterator[tuple[Token, Tokens]]:
    """Summands outside brackets, each with its sign."""
    sign, piece = Token("operator", "+", 0), list[Token]()
    for token in right:
        if token.depth > 0 or not token.is_operator("+", "-"):
            piece.append(token)
            continue
        if piece:
            yield sign, tuple(piece)
            sign, piece = token, []
        elif token.text == "-":
            sign = Token("operator", "-" if sign.text == "+" else "+", 0)
    yield sign, tuple(piece)


def _is_offset(piece: Tokens) -> bool:
    return piece[0].text == "offset" and len(piece) > 2 and end_of_variable(piece, 0) == len(piece)


def _bar(piece: Tokens) -> int | None:
    """Where the bar of a bracketed random term stands, or None; a bar anywhere else is refused.

    A bar within a function's brackets is the "or" of a condition.
    """
    bars, at = [], 0
    while at < len(piece):
        if piece[at].is_operator("|", "||"):
            bars.append(at)
        at = end_of_variable(piece, at)
    if not bars:
        return None
    wrapped = piece[0].is_operator("(") and closing(piece, 0) == len(piece) - 1
    if not wrapped or piece[bars[0]].depth != piece[0].depth + 1:
        raise FormulaError(
            f"cannot read {written(piece)!r}",
            hint="a random term stands by itself in brackets: (1 + month | patient)",
        )
    return bars[0]


def _random(piece: Tokens, bar: int, variables: dict[str, Expression]) -> list[RandomPart]:
    left, right = piece[1:bar], piece[bar + 1 : -1]
    if not left or not right or any(each.is_operator("|", "||") for each in right):
        raise FormulaError(
            f"cannot read the random term {written(piece)!r}",
            hint="it needs columns, a bar and a group: (1 | clinic)",
        )
    terms = _terms(left, variables)
    if not terms.intercept and not terms.terms:
        raise FormulaError(f"the random term {written(piece)!r} has no columns", hint="write (1 | clinic)")
    parts = [terms]
    if piece[bar].text == "||":
        parts = [Terms(True, ())] if terms.intercept else []
        parts += [Terms(False, (term,)) for term in terms.terms]
    return [RandomPart(group, each) for group in _groupings(right) for each in parts]


def _terms(tokens: Tokens, variables: dict[str, Expression]) -> Terms:
    """Terms by formulaic's grammar, in R's order, with variables as R prints them.

    formulaic sees operators, 0 and 1, and a stand-in for each variable: v0_ for the first, and so on.
    """
    from formulaic.errors import FormulaicError  # imported where it is needed: it takes a while to load
    from formulaic.parser import DefaultFormulaParser

    place: dict[str, int] = {}
    words: list[str] = []
    at = 0
    while at < len(tokens):
        end = end_of_variable(tokens, at)
        if tokens[at].is_name or tokens[at].is_operator("{"):
            inner = tokens[at:end] if tokens[at].is_name else tokens[at + 1 : end - 1]
            expression = expression_of(inner)
            variables.setdefault(expression.text, expression)
            words.append(f"v{place.setdefault(expression.text, len(place))}_")
        else:
            words.append(_in_formulaic(tokens, at))
        at = end
    try:
        found = list(DefaultFormulaParser(include_intercept=True).get_terms(" ".join(words)))
    except (FormulaicError, SyntaxError):
        raise _unreadable(tokens) from None
    named = list(place)
    intercept, terms = False, []
    for term in found:
        literals = [each.expr for each in term.factors if str(each.eval_method).endswith("LITERAL")]
        intercept = intercept or "1" in literals
        used = sorted(int(each.expr[1:-1]) for each in term.factors if each.expr not in literals)
        if used:
            terms.append(tuple(named[position] for position in used))
    return Terms(intercept, tuple(dict.fromkeys(sorted(terms, key=len))))


# an interaction in R, where formulaic's own `in` is a nesting
_FORMULAIC = {"+": "+", "-": "-", "*": "*", ":": ":", "/": "/", "(": "(", ")": ")"}
_FORMULAIC |= {"^": "**", "**": "**", "%in%": ":"}


def _in_formulaic(tokens: Tokens, at: int) -> str:
    """An operator or a number as formulaic has it."""
    token = tokens[at]
    if token.kind == "label":
        raise FormulaError(f"{token.text} in the formula is neither a column nor 0 or 1")
    if token.kind == "operator" and token.text in _FORMULAIC:
        return _FORMULAIC[token.text]
    is_power = at > 0 and tokens[at - 1].is_operator("^", "**") and token.text.isdigit()
    if token.text in ("0", "1") or is_power:
        return token.text
    raise _unreadable(tokens)


def _unreadable(tokens: Tokens) -> FormulaError:
    return FormulaError(
        f"cannot read {written(tokens).strip(' +')!r} in the formula",
        hint="arithmetic and comparisons stand in I(…), as in I(age^2) or I(age > 60)",
    )
