"""Linear hypotheses about coefficients, as people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from formulaic.errors import FormulaSyntaxError
from formulaic.utils.constraints import LinearConstraintParser
from numpy.typing import NDArray

from tasks.errors import EstimationError, nearest

Floats = NDArray[np.float64]

Hypothesis = str | Sequence[str] | Mapping[str, float] | Sequence[Sequence[float]] | Floats | pd.DataFrame
"""What can be asked: see `read_hypothesis`."""

_SIDES = re.compile(r"==?")
_UNREAD = re.compile(r"(?<![\w.])[^\W\d][\w.]*(?:[:(\[][^\s=,+*/-]*)?")
_POWER_OF_TEN = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)[eE][+-]?\d+(?![\w.])")
_EXAMPLES = "write it as 'x = 0', 'x = z', 'x = z = 0' or 'x + 2*z = 1', several with commas between"


@dataclass(frozen=True)
class Linear:
    """Cβ = v.

    Attributes:
        matrix: (r, p) C, one row per combination.
        values: (r,) v.
        labels: each combination (left side less right side) in words.
        words: the whole hypothesis in words.
    """

    matrix: Floats
    values: Floats
    labels: tuple[str, ...]
    words: str


def read_hypothesis(hypothesis: Hypothesis, names: Sequence[str]) -> Linear:
    """The combinations of coefficients that a hypothesis sets to a value.

    Args:
        hypothesis: a coefficient's name (it is zero), an equation ("x = z", "x = z = 0", "x + 2*z = 1";
            several with commas between), several of either (all hold), a mapping or Series of coefficient →
            weight (Σ weight·coefficient is zero), or an (r, p) matrix of weights (every row's combination is
            zero); a DataFrame's columns are coefficients, in any order, and those left out have weight zero.
        names: the p coefficients.

    Raises:
        EstimationError: a name is not a coefficient, an equation is not linear or cannot be read, a matrix
            has another number of columns, or there is nothing to test.
    """
    names = list(names)
    if len(hypothesis) == 0:
        raise EstimationError("the hypothesis is empty", hint=_EXAMPLES)
    if isinstance(hypothesis, str):
        return _equations([hypothesis], names)
    if isinstance(hypothesis, Mapping | pd.Series):
        return _weighted({str(name): float(weight) for name, weight in hypothesis.items()}, names)
    if isinstance(hypothesis, pd.DataFrame):
        _known(hypothesis.columns, names)
        hypothesis = hypothesis.reindex(columns=names, fill_value=0.0).to_numpy(dtype=float)
    elif all(isinstance(each, str) for each in hypothesis):
        return _equations([str(each) for each in hypothesis], names)
    return _of_matrix(hypothesis, names)


def _of_matrix(weights: Any, names: Sequence[str]) -> Linear:
    try:
        matrix = np.atleast_2d(np.asarray(weights, dtype=float))
    except (TypeError, ValueError):
        raise EstimationError("a hypothesis mixes names and numbers", hint=_EXAMPLES) from None
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise EstimationError(
            f"a contrast needs {len(names)} weights, one per coefficient, and got {matrix.shape[-1]}"
        )
    labels = tuple(_in_words(row, names) for row in matrix)
    return Linear(matrix, np.zeros(len(matrix)), labels, _all_zero(labels))


def _weighted(weights: Mapping[str, float], names: Sequence[str]) -> Linear:
    _known(weights, names)
    row = np.zeros((1, len(names)))
    for name, weight in weights.items():
        row[0, names.index(name)] = weight
    label = _in_words(row[0], names)
    return Linear(row, np.zeros(1), (label,), f"{label} = 0")


def _equations(texts: Sequence[str], names: Sequence[str]) -> Linear:
    if all(text in names for text in texts):  # a name may hold anything, commas and equals signs too
        matrix = np.array([[float(name == text) for name in names] for text in texts]).reshape(-1, len(names))
        return Linear(matrix, np.zeros(len(texts)), tuple(texts), " = ".join(texts) + " = 0")
    rows, values = [], []
    stand_ins = [f"b{i}" for i in range(len(names))]
    for text in texts:
        for equation in _with_stand_ins(text, names, stand_ins).split(","):
            sides = [_side(each, stand_ins, text) for each in _SIDES.split(equation)]
            if len(sides) == 1:
                sides.append((np.zeros(len(names)), 0.0))
            for (left, plus), (right, more) in pairwise(sides):
                rows.append(left - right)
                values.append(more - plus)
    labels = tuple(_in_words(row, names, value) for row, value in zip(rows, values, strict=True))
    return Linear(np.array(rows), np.array(values), labels, ", ".join(texts))


def _with_stand_ins(text: str, names: Sequence[str], stand_ins: Sequence[str]) -> str:
    """The text with every coefficient's name replaced by a plain word: names hold brackets and colons."""
    text = _POWER_OF_TEN.sub(lambda found: f"{Decimal(found.group()):f}", text)
    longest_first = sorted(zip(names, stand_ins, strict=True), key=lambda pair: -len(pair[0]))
    alternatives = "|".join(
        rf"`{re.escape(name)}`|(?<![\w.:]){re.escape(name)}(?![\w.:(\[])" for name, _ in longest_first
    )
    place = {form: word for name, word in longest_first for form in (name, f"`{name}`")}
    pieces = re.split(f"({alternatives})", text) if names else [text]
    for piece in pieces[::2]:
        if unread := _UNREAD.search(piece):
            word = unread.group().rstrip("([")
            raise EstimationError(f"no coefficient {word!r} to test; {nearest(word, names)}")
    return "".join(place[piece] if i % 2 else piece for i, piece in enumerate(pieces))


def _side(text: str, stand_ins: Sequence[str], whole: str) -> tuple[Floats, float]:
    """Weights and constant of one side of an equation."""
    try:
        matrix, values = LinearConstraintParser(variable_names=list(stand_ins)).get_matrix(text.strip())
        weights, constant = np.asarray(matrix, dtype=float), np.asarray(values, dtype=float)
    except (FormulaSyntaxError, RuntimeError, KeyError, TypeError, ValueError, ArithmeticError):
        raise EstimationError(f"the hypothesis {whole!r} cannot be read", hint=_EXAMPLES) from None
    if weights.shape != (1, len(stand_ins)) or not np.isfinite(weights).all():
        raise EstimationError(f"the hypothesis {whole!r} cannot be read", hint=_EXAMPLES)
    return weights[0], -float(constant[0])


def _known(given: Any, names: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise EstimationError(f"no coefficient {name!r} to test; {nearest(str(name), names)}")


def _in_words(row: Floats, names: Sequence[str], value: float = 0.0) -> str:
    parts = [(weight, name) for weight, name in zip(row, names, strict=True) if weight != 0.0]
    words = ""
    for weight, name in parts:
        sign = " − " if weight < 0.0 else " + "
        size = "" if abs(weight) == 1.0 else f"{abs(weight):g}·"
        words += (sign if words else sign.strip(" +")) + size + name
    if value != 0.0:
        words += f" {'+' if value < 0.0 else '−'} {abs(value):g}"
    return words or "0"


def _all_zero(labels: Sequence[str]) -> str:
    return " = ".join(labels) + " = 0"
