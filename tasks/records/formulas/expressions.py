"""Expressions inside a formula, in R's or Python's notation: read, named as R names them, and computed.

`I(age^2)`, `log(tat)`, `I((sbp - 120) / 10)`, `exposure > 30`: an expression is a small syntax tree over
columns of the data. Only the functions listed here exist; nothing of the caller's Python is reachable.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import FormulaError, nearest
from tasks.records.formulas.tokens import (
    VALUES,
    Token,
    Tokens,
    as_label,
    as_written,
    is_plain,
    tokens_of,
    written,
)
from tasks.records.moments import INTERCEPT

Floats = NDArray[np.float64]

# one argument each; what R and NumPy call them
FUNCTIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "floor": np.floor,
    "ceiling": np.ceil,
}
_SPELLINGS = {"np.log": "log", "ceil": "ceiling", "fabs": "abs", "absolute": "abs", "as.factor": "factor"}
FACTOR_FUNCTIONS = ("C", "factor", "relevel")
BASIS_FUNCTIONS = ("poly", "bs", "ns", "cr", "cs", "cc", "scale", "center", "standardize")
_OPERATORS: Mapping[type[ast.operator], tuple[str, int]] = {
    ast.Add: (" + ", 3),
    ast.Sub: (" - ", 3),
    ast.Mult: (" * ", 4),
    ast.Div: ("/", 4),
    ast.Pow: ("^", 6),
}
_OR, _AND, _SUM, _SIGN = 0, 1, 3, 5  # how strongly the others bind; comparisons, 2, stand in no operator
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
# R's operators in Python's words
_PYTHON = {"^": "**", "!": "not", "&": "and", "&&": "and", "|": "or", "||": "or"}


@dataclass(frozen=True)
class Expression:
    """An expression over columns of the data.

    Attributes:
        text: the expression as R would print it; names its column in the design.
        node: its syntax tree, operators and functions spelled one way.
        names: the data's columns it uses, in order of appearance.
    """

    text: str
    node: ast.expr
    names: tuple[str, ...]

    @property
    def is_column(self) -> bool:
        """Whether it is nothing but a column of the data."""
        return isinstance(self.node, ast.Name)

    @property
    def function(self) -> str | None:
        """The outermost function, where there is one."""
        return function_name(self.node)

    @property
    def arguments(self) -> list[ast.expr]:
        """The outermost function's positional arguments."""
        return _arguments(self.node)

    @property
    def keywords(self) -> list[tuple[str | None, ast.expr]]:
        """The outermost function's named arguments."""
        return _keywords(self.node)

    @property
    def is_condition(self) -> bool:
        """Whether its values are true or false, as in `I(age > 60)`; R makes a factor of those."""
        return _is_condition(self.node)


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        FormulaError: it is not an expression, or uses a function there is not.
    """
    return expression_of(tokens_of(text))


def expression_of(tokens: Tokens) -> Expression:
    """Read an expression that is in tokens.

    Python's own parser sees a stand-in for each name and label, and so none of what they hold: a column may
    be called `class`, and a label may hold anything.

    Raises:
        FormulaError: as `parse`.
    """
    stand_ins = {f"_{i}": token for i, token in enumerate(tokens)}
    try:
        tree = ast.parse(" ".join(_in_python(tokens)), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise FormulaError(f"cannot read {written(tokens)!r} in the formula") from None
    node = _Reader(stand_ins, written(tokens)).visit(tree)
    names = tuple(dict.fromkeys(each.id for each in _walk(node) if isinstance(each, ast.Name)))
    return Expression(deparse(node), node, names)


def _in_python(tokens: Tokens) -> Iterator[str]:
    """The tokens in Python: numbers and operators as they are, a stand-in for all else.

    `and`, `or` and `not` are operators where one stands, and columns where a column does.
    """
    operand = False  # whether the token before ends one
    for i, token in enumerate(tokens):
        follows = i + 1 < len(tokens) and (
            tokens[i + 1].kind != "operator" or tokens[i + 1].is_operator("(", "!")
        )
        if token.kind == "operator":
            yield _PYTHON.get(token.text, token.text)
            operand = token.text in ")]"
        elif follows and token.text in (("and", "or") if operand else ("not",)):
            yield token.text
            operand = False
        else:
            yield token.text if token.kind == "number" else f"_{i}"
            operand = True


def _walk(node: ast.AST) -> list[ast.AST]:
    """The tree's nodes in the order they are written, functions' own names left out."""
    if isinstance(node, ast.Call):
        inner = [*node.args, *(keyword.value for keyword in node.keywords)]
        if function_name(node) in FACTOR_FUNCTIONS:
            inner = inner[:1]  # the others name contrasts
        return [node, *(each for argument in inner for each in _walk(argument))]
    return [node, *(each for child in ast.iter_child_nodes(node) for each in _walk(child))]


class _Reader(ast.NodeTransformer):
    """Turns Python's tree into ours: stand-ins are names and labels again, R's constants are constants."""

    def __init__(self, stand_ins: Mapping[str, Token], text: str) -> None:
        self.stand_ins = stand_ins
        self.text = text

    def _node(self, node: ast.expr) -> ast.expr:
        read: ast.expr = self.visit(node)
        return read

    def visit_Name(self, node: ast.Name) -> ast.expr:
        token = self.stand_ins[node.id]
        if token.kind == "label":
            return ast.Constant(token.content)
        if token.text == ".":
            raise FormulaError("'.' (all other columns) is not understood; name the columns")
        if token.kind == "name" and token.text in VALUES:
            return ast.Constant(VALUES[token.text])
        return ast.Name(token.content, ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        function = self.visit(node.func)
        if not isinstance(function, ast.Name):
            self._refuse()
        name = _SPELLINGS.get(function.id.removeprefix("np."), function.id.removeprefix("np."))
        if name == "Q" and len(node.args) == 1:
            quoted = self.visit(node.args[0])
            if isinstance(quoted, ast.Constant):
                return ast.Name(str(quoted.value), ast.Load())
        if name == "rep" and node.args:  # rep(constant, length(x)): every row gets the constant anyway
            return self._node(node.args[0])
        known = (*FUNCTIONS, *FACTOR_FUNCTIONS, *BASIS_FUNCTIONS, "I", "c", "list", *_CONTRASTS)
        if name not in known:
            raise FormulaError(
                f"there is no function {name!r} for formulas; {nearest(name, known)}",
                hint="compute the column in the SELECT or the data frame instead",
            )
        arguments = [self.visit(each) for each in node.args]
        keywords = [ast.keyword(self._argument(each), self.visit(each.value)) for each in node.keywords]
        return ast.Call(ast.Name(name, ast.Load()), arguments, keywords)

    def _argument(self, keyword: ast.keyword) -> str | None:
        return None if keyword.arg is None else self.stand_ins[keyword.arg].content

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        if type(node.op) not in _OPERATORS:
            self._refuse()
        return ast.BinOp(self.visit(node.left), node.op, self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        operand = self._node(node.operand)
        if isinstance(node.op, ast.UAdd):
            return operand
        if isinstance(node.op, ast.Invert):
            self._refuse()
        return ast.UnaryOp(node.op, operand)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            self._refuse()
        return ast.Compare(self.visit(node.left), node.ops, [self.visit(node.comparators[0])])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return ast.BoolOp(node.op, [self.visit(each) for each in node.values])

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, bool | int | float | str):
            self._refuse()
        return node

    def visit_List(self, node: ast.List) -> ast.expr:
        return ast.List([self.visit(each) for each in node.elts], ast.Load())

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        return ast.List([self.visit(each) for each in node.elts], ast.Load())

    def generic_visit(self, node: ast.AST) -> ast.AST:
        self._refuse()
        return node

    def _refuse(self) -> None:
        raise FormulaError(
            f"cannot compute {self.text!r} in a formula",
            hint="compute the column in the SELECT or the data frame instead",
        )


_CONTRASTS = ("Treatment", "Sum", "contr.treatment", "contr.sum")


def function_name(node: ast.expr) -> str | None:
    """The function a node calls, where it calls one."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None


def _is_condition(node: ast.expr) -> bool:
    if function_name(node) == "I" and isinstance(node, ast.Call) and node.args:
        return _is_condition(node.args[0])
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    return isinstance(node, ast.Compare | ast.BoolOp)


def deparse(node: ast.expr) -> str:
    """The expression as R prints it: `I(age^2)`, `log(x + 1)`, `poly(age, 2)`, `sex == "F"`.

    Different expressions have different texts. A column by itself has its bare name, whatever that is, unless
    the name reads as another expression does: the column called `log(x)` stands in backticks.
    """
    if not isinstance(node, ast.Name):
        return _deparse(node, 0)
    return as_written(node.id) if _reads_as_itself(node.id) else node.id


def _reads_as_itself(name: str) -> bool:
    """Whether a name is the text of an expression, or the constant's."""
    if name == INTERCEPT:
        return True
    if is_plain(name):
        return name in VALUES and parse(name).text == name
    try:
        return parse(name).text == name
    except FormulaError:
        return False


def _deparse(node: ast.expr, outer: int) -> str:
    """The text within an operator that binds as strongly as `outer`."""
    if isinstance(node, ast.Name):
        return as_written(node.id)
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.List):
        return f"c({', '.join(_deparse(each, 0) for each in node.elts)})"
    if isinstance(node, ast.UnaryOp):
        negation = isinstance(node.op, ast.Not)
        inner = f"{'!' if negation else '-'}{_deparse(node.operand, _SIGN)}"
        return f"({inner})" if outer > _SIGN or (negation and outer > _AND) else inner
    if isinstance(node, ast.BinOp):
        symbol, level = _OPERATORS[type(node.op)]
        right_first = isinstance(node.op, ast.Pow)
        left = _deparse(node.left, level + right_first)
        right = _deparse(node.right, level + (not right_first))
        return f"({left}{symbol}{right})" if level < outer else f"{left}{symbol}{right}"
    if isinstance(node, ast.Compare):
        left, right = _deparse(node.left, _SUM), _deparse(node.comparators[0], _SUM)
        inner = f"{left} {_COMPARISONS[type(node.ops[0])]} {right}"
        return f"({inner})" if outer > _AND else inner
    if isinstance(node, ast.BoolOp):
        symbol, own = (" & ", _AND) if isinstance(node.op, ast.And) else (" | ", _OR)
        inner = symbol.join(_deparse(each, own) for each in node.values)
        return f"({inner})" if outer > own else inner
    arguments = [_deparse(each, 0) for each in _arguments(node)]
    arguments += [f"{name} = {_deparse(value, 0)}" for name, value in _keywords(node)]
    return f"{as_written(str(function_name(node)))}({', '.join(arguments)})"


def _arguments(node: ast.expr) -> list[ast.expr]:
    return node.args if isinstance(node, ast.Call) else []


def _keywords(node: ast.expr) -> list[tuple[str | None, ast.expr]]:
    return [(each.arg, each.value) for each in node.keywords] if isinstance(node, ast.Call) else []


def _constant(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return as_label(value)
    short = f"{value:.15g}"  # as R prints it, unless that is another number
    return short if float(short) == value else repr(value)


def evaluate(
    node: ast.expr, column: Callable[[str], Floats], condition: Callable[[ast.Compare], Floats | None]
) -> Floats:
    """The expression's values: (N,) where it uses columns, one number where it doesn't.

    Args:
        node: the tree.
        column: the numbers of a column, missing ones NaN.
        condition: the 0/1 values of a comparison of a text column with a constant; None to compare numbers.

    Missing in, missing out; what is undefined (log of a negative number) is NaN, what is infinite is ±inf.
    """
    if isinstance(node, ast.Name):
        return column(node.id)
    if isinstance(node, ast.Constant):
        return np.asarray(node.value, dtype=np.float64)
    if isinstance(node, ast.Compare):
        text = condition(node)
        if text is not None:
            return text
    parts = [evaluate(each, column, condition) for each in _operands(node)]
    with np.errstate(all="ignore"):
        return _keeping_missing(_apply(node, parts), parts)


def _apply(node: ast.expr, parts: list[Floats]) -> Any:
    if isinstance(node, ast.UnaryOp):
        return 1.0 - parts[0] if isinstance(node.op, ast.Not) else -parts[0]
    if isinstance(node, ast.BinOp):
        return _ARITHMETIC[type(node.op)](parts[0], parts[1])
    if isinstance(node, ast.Compare):
        return _COMPARING[type(node.ops[0])](parts[0], parts[1])
    if isinstance(node, ast.BoolOp):
        combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return functools.reduce(combine, parts)
    name = function_name(node)
    return parts[0] if name == "I" else FUNCTIONS[str(name)](parts[0])


def _operands(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        return [node.left, node.comparators[0]]
    if isinstance(node, ast.BoolOp):
        return node.values
    name = function_name(node)
    if isinstance(node, ast.Call) and (name == "I" or name in FUNCTIONS) and len(node.args) == 1:
        return node.args
    raise FormulaError(
        f"{deparse(node)!r} cannot be computed inside another expression",
        hint="compute the column in the SELECT or the data frame instead",
    )


def _keeping_missing(values: Any, inputs: list[Floats]) -> Floats:
    """Missing wherever an input is: NumPy's comparisons and powers would make a value of it."""
    result = np.asarray(values, dtype=np.float64)
    missing = functools.reduce(np.logical_or, [np.isnan(each) for each in inputs])
    return np.where(missing, np.nan, result) if np.any(missing) else result


_ARITHMETIC: Mapping[type[ast.operator], Any] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARING: Mapping[type[ast.cmpop], Any] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
