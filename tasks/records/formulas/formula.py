"""Formulas as analysts write them, split into outcome, fixed part, random terms and offsets.

`sbp ~ age * program + offset(z) + (1 + month | patient) + (1 | region/clinic)`: the fixed part and the
left sides of random terms are read by formulaic; bars, groups and offsets are taken out first.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tasks.errors import FormulaError
from tasks.records.formulas.expressions import Expression, parse

_OPENING, _CLOSING = "([{", ")]}"


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
    response_text, right = _sides(text)
    pieces = list(_pieces(right, text))
    variables: dict[str, Expression] = {}
    fixed_text = " ".join(f"{sign} {piece}" for sign, piece in pieces if not _is_special(piece))
    fixed = _terms(fixed_text or "1", variables)
    random: list[RandomPart] = []
    offsets: list[Expression] = []
    for sign, piece in pieces:
        if not _is_special(piece):
            continue
        if sign == "-":
            raise FormulaError(f"{piece!r} cannot be taken away from a formula; leave it out instead")
        if _bar(piece) is None:
            offsets.append(parse(piece[len("offset") :].strip()[1:-1]))
        else:
            random.extend(_random(piece, variables))
    return Formula(text, parse(response_text), fixed, tuple(random), tuple(offsets), variables)


def read_terms(text: str) -> tuple[Terms, Mapping[str, Expression]]:
    """Read terms that stand on their own, such as a column asked for beside the formula's."""
    variables: dict[str, Expression] = {}
    return _terms(text, variables), variables


def read_grouping(text: str) -> tuple[Grouping, ...]:
    """Read a grouping factor: `clinic`, `clinic:region`, or `region/clinic`, which is two."""
    outer: tuple[str, ...] = ()
    found: list[Grouping] = []
    for part in _split(text, "/"):
        names = tuple(_group_column(each, text) for each in _split(part, ":"))
        outer = names + outer
        found.append(Grouping(":".join(colon_quoted(each) for each in outer), outer))
    return tuple(found)


def colon_quoted(name: str) -> str:
    """The name as it is joined to others by colons: in backticks where it has a colon of its own."""
    return f"`{name}`" if ":" in name or name.startswith("`") else name


def _group_column(text: str, whole: str) -> str:
    expression = parse(text)
    node = expression.node
    if expression.function in ("factor", "C") and len(expression.names) == 1:
        return expression.names[0]
    if not expression.is_column:
        raise FormulaError(
            f"the group {whole.strip()!r} is not a column, columns joined by ':' or columns nested by '/'",
            hint="make the grouping column in the SELECT or the data frame",
        )
    return getattr(node, "id", text.strip())


def _sides(text: str) -> tuple[str, str]:
    sides = _split(text, "~")
    if len(sides) != 2 or not sides[0].strip():
        raise FormulaError(
            f"the formula {text.strip()!r} needs an outcome, one '~' and what explains it",
            hint='for example "sbp ~ age + program + (1 | clinic)"',
        )
    if sides[0].strip().startswith("cbind("):
        raise FormulaError(
            "cbind() is not needed here",
            hint='put the number of successes left of "~" and give the column of trials with trials="…"',
        )
    return sides[0].strip(), sides[1].strip() or "1"


def _pieces(right: str, text: str) -> Iterator[tuple[str, str]]:
    """Signed summands at the top level of the right side."""
    sign, start, depth = "+", 0, 0
    for position, character, level in _levels(right, text):
        depth = level
        if character in "+-" and level == 0:
            piece = right[start:position].strip()
            if piece:
                yield sign, piece
                sign = character
            elif character == "-":
                sign = "-" if sign == "+" else "+"
            start = position + 1
    if depth != 0:
        raise FormulaError(f"a bracket is not closed in {text.strip()!r}")
    last = right[start:].strip()
    if not last:
        raise FormulaError(f"the formula {text.strip()!r} ends with an operator")
    yield sign, last


def _levels(text: str, whole: str) -> Iterator[tuple[int, str, int]]:
    """Characters outside quotes with their bracket depth; an opening bracket has the outer depth."""
    depth, quote = 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
            continue
        if character in "\"'`":
            quote = character
            continue
        if character in _CLOSING:
            depth -= 1
            if depth < 0:
                raise FormulaError(f"a bracket is closed that was not opened in {whole.strip()!r}")
        yield position, character, depth
        if character in _OPENING:
            depth += 1
    if quote:
        raise FormulaError(f"a quotation mark is not closed in {whole.strip()!r}")
    if depth:
        raise FormulaError(f"a bracket is not closed in {whole.strip()!r}")


def _split(text: str, separator: str) -> list[str]:
    """The parts between top-level separators."""
    cuts = [
        position
        for position, character, depth in _levels(text, text)
        if character == separator and depth == 0
    ]
    starts = [0, *(cut + 1 for cut in cuts)]
    return [text[start:end] for start, end in zip(starts, [*cuts, len(text)], strict=True)]


def _is_special(piece: str) -> bool:
    return _bar(piece) is not None or re.match(r"offset\s*\(", piece) is not None


def _bar(piece: str) -> int | None:
    """Where the bar of a bracketed random term stands, or None; a bar anywhere else is refused."""
    bars = [position for position, character, _ in _levels(piece, piece) if character == "|"]
    if not bars:
        return None
    wrapped = piece.startswith("(") and piece.endswith(")")
    inner = [p for p, character, depth in _levels(piece, piece) if character == "|" and depth == 1]
    closes_early = any(
        character == ")" and depth == 0 and position < len(piece) - 1
        for position, character, depth in _levels(piece, piece)
    )
    if re.match(r"I\s*\(", piece):  # "or" in a condition, not a random term
        return None
    if not wrapped or not inner or closes_early:
        raise FormulaError(
            f"cannot read {piece!r}",
            hint="a random term stands by itself in brackets: (1 + month | patient)",
        )
    return inner[0]


def _random(piece: str, variables: dict[str, Expression]) -> list[RandomPart]:
    bar = piece.index("|")
    uncorrelated = piece[bar + 1] == "|"
    left, right = piece[1:bar].strip(), piece[bar + 1 + uncorrelated : -1].strip()
    if not left or not right or "|" in right:
        raise FormulaError(
            f"cannot read the random term {piece!r}",
            hint="it needs columns, a bar and a group: (1 | clinic)",
        )
    terms = _terms(left, variables)
    if not terms.intercept and not terms.terms:
        raise FormulaError(f"the random term {piece!r} has no columns", hint="write (1 | clinic)")
    split = [terms]
    if uncorrelated:
        split = [Terms(True, ())] if terms.intercept else []
        split += [Terms(False, (term,)) for term in terms.terms]
    return [RandomPart(group, each) for group in read_grouping(right) for each in split]


def _terms(text: str, variables: dict[str, Expression]) -> Terms:
    """Terms by formulaic's grammar, in R's order, with variables as R prints them."""
    from formulaic.errors import FormulaicError  # imported where it is needed: it takes a while to load
    from formulaic.parser import DefaultFormulaParser

    if re.search(r"(?<![\w.])\.(?![\w.])", _unquoted(text)):
        raise FormulaError("'.' (all other columns) is not understood; name the columns")
    # R's power and negation in Python's words: formulaic reads what stands inside functions as Python,
    # where ^ binds more loosely than + does; and R's %in% is an interaction, where formulaic's is a nesting
    text = re.sub(r"!(?!=)", " not ", text.replace("^", "**").replace("%in%", ":"))
    try:
        found = list(DefaultFormulaParser(include_intercept=True).get_terms(text))
    except (FormulaicError, SyntaxError):
        raise FormulaError(
            f"cannot read {text.strip(' +')!r} in the formula",
            hint="arithmetic and comparisons stand in I(…), as in I(age^2) or I(age > 60)",
        ) from None
    written = re.sub(r"\s", "", text)
    intercept, terms = False, []
    for term in found:
        names: list[tuple[int, str]] = []
        for factor in term.factors:
            if str(factor.eval_method).endswith("LITERAL"):
                intercept = intercept or factor.expr == "1"
                if factor.expr not in ("0", "1"):
                    raise FormulaError(f"{factor.expr!r} in the formula is neither a column nor 0 or 1")
                continue
            lookup = str(factor.eval_method).endswith("LOOKUP")
            expression = parse(f"`{factor.expr}`" if lookup else factor.expr)
            variables.setdefault(expression.text, expression)
            names.append((_position(factor.expr, written), expression.text))
        if names:
            terms.append(tuple(dict.fromkeys(name for _, name in sorted(names))))
    return Terms(intercept, tuple(dict.fromkeys(sorted(terms, key=len))))


def _unquoted(text: str) -> str:
    return re.sub(r"`[^`]*`|\"[^\"]*\"|'[^']*'", "", text)


def _position(expression: str, written: str) -> int:
    """Where an expression first stands in the text, names matched whole."""
    pattern = re.escape(re.sub(r"\s", "", expression))
    found = re.search(rf"(?<![\w.]){pattern}(?![\w.(])", written)
    return found.start() if found else len(written)
