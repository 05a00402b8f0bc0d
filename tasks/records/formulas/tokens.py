"""A formula's text as tokens: names, quoted names, words in quotation marks, numbers, operators.

What stands between two quotes or two backticks is one token and is taken to the letter: a backslash, a `^`
or a `!` there is part of the name or the label. Everything that is done to a formula is done to its tokens.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tasks.errors import FormulaError

TokenKind = Literal["name", "quoted", "label", "number", "operator"]

# a name is R's: letters, digits, dots and underscores, beginning with a letter, or a dot and no digit
_NAME = r"(?:[^\W\d]|\.(?!\d))[\w.]*"
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<name>{_NAME})
      | (?P<quoted>`[^`]*`)
      | (?P<label>"[^"]*"|'[^']*')
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<operator>%[^%\s]*%|\*\*|\|\||&&|[=!<>]=|[-+*/^:~|&!<>=,()\[\]{{}}])
    )""",
    re.VERBOSE,
)
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula.

    Attributes:
        kind: a name; a name in backticks; a label in quotation marks; a number; an operator or bracket.
        text: as written, quotes included.
        depth: brackets around it; a bracket itself is as deep as what stands outside it.
        spaced: whether space precedes it.
    """

    kind: TokenKind
    text: str
    depth: int
    spaced: bool = False

    @property
    def content(self) -> str:
        """What it names: its text without quotes."""
        return self.text[1:-1] if self.kind in ("quoted", "label") else self.text

    @property
    def is_name(self) -> bool:
        """Whether it names a column or a function."""
        return self.kind in ("name", "quoted")

    def is_operator(self, *operators: str) -> bool:
        """Whether it is one of these operators."""
        return self.kind == "operator" and self.text in operators


Tokens = tuple[Token, ...]

VALUES: Mapping[str, bool | float] = {
    "TRUE": True,
    "FALSE": False,
    "True": True,
    "False": False,
    "pi": math.pi,
}
"""Names that mean a value; a column of such a name stands in backticks."""


def tokens_of(text: str) -> Tokens:
    """Cut a formula, or a part of one, into tokens.

    Raises:
        FormulaError: a bracket or quotation mark is not closed, or a character has no meaning in formulas.
    """
    tokens: list[Token] = []
    depth, end = 0, 0
    whole = text.rstrip()
    while end < len(whole):
        found = _TOKEN.match(whole, end)
        if found is None:
            raise FormulaError(_unreadable(whole[end:].lstrip()[0], text.strip()))
        kind: TokenKind = found.lastgroup  # type: ignore[assignment]
        written = found[kind]
        if kind == "operator" and written in _CLOSING:
            depth -= 1
            if depth < 0:
                raise FormulaError(f"a bracket is closed that was not opened in {text.strip()!r}")
        tokens.append(Token(kind, written, depth, spaced=found.start(kind) > end))
        depth += kind == "operator" and written in _OPENING
        end = found.end()
    if depth:
        raise FormulaError(f"a bracket is not closed in {text.strip()!r}")
    return tuple(tokens)


def _unreadable(character: str, text: str) -> str:
    if character in "\"'`":
        return f"a quotation mark is not closed in {text!r}"
    return f"cannot read {text!r} in the formula: {character!r} has no meaning there"


def written(tokens: Sequence[Token]) -> str:
    """The tokens as they were written."""
    return "".join((" " if each.spaced and i else "") + each.text for i, each in enumerate(tokens))


def split(tokens: Tokens, separator: str) -> list[Tokens]:
    """The parts between separators that no bracket encloses."""
    outside = min((each.depth for each in tokens), default=0)
    cuts = [i for i, each in enumerate(tokens) if each.is_operator(separator) and each.depth == outside]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(tokens)]
    return [tokens[start:end] for start, end in zip(starts, ends, strict=True)]


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Where the bracket is closed that is opened at a position."""
    depth = tokens[opening].depth
    return next(
        i
        for i in range(opening + 1, len(tokens))
        if tokens[i].depth == depth and tokens[i].is_operator(*_CLOSING)
    )


def end_of_variable(tokens: Sequence[Token], at: int) -> int:
    """Where a variable that begins at a position has ended: a name, a function's call, or braces.

    One further for anything else.
    """
    if tokens[at].is_operator("{"):
        return closing(tokens, at) + 1
    is_call = tokens[at].is_name and at + 1 < len(tokens) and tokens[at + 1].is_operator("(")
    return closing(tokens, at + 1) + 1 if is_call else at + 1


def is_plain(name: str) -> bool:
    """Whether a name can stand in a formula without backticks."""
    return re.fullmatch(_NAME, name) is not None and name != "."


def as_written(name: str) -> str:
    """A column's name as a formula has it: in backticks where it is not a plain name.

    >>> as_written("age"), as_written("day of week"), as_written("1")
    ('age', '`day of week`', '`1`')
    """
    if is_plain(name) and name not in VALUES:
        return name
    return f"`{name}`" if "`" not in name else f"Q({as_label(name)})"


def as_label(text: str) -> str:
    """A label in quotation marks, of the kind that it does not hold."""
    return f"'{text}'" if '"' in text else f'"{text}"'
