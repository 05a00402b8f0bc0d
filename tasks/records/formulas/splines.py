"""Polynomial and spline bases, as R's `poly`, `bs` and `ns` and mgcv's `cr` define them.

A basis learns its knots or its orthogonalisation from the rows of a fit, and is then fixed: new rows are
put on the same basis.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.errors import FormulaError
from tasks.records.formulas.expressions import Expression, deparse

Floats = NDArray[np.float64]
State = dict[str, Any]


def learn(expression: Expression, x: Floats) -> State:
    """What a basis call needs to know from the rows it is fitted to; `x` is its argument's values.

    Raises:
        FormulaError: the call's arguments make no basis, or there are too few different values for it.
    """
    function, options = str(expression.function), _options(expression)
    distinct = np.unique(x)
    if function in ("scale", "center", "standardize"):
        return _learn_scale(function, options, x)
    if function == "poly":
        degree = int(options.get("degree", 1))
        if degree < 1 or degree >= len(distinct):
            raise FormulaError(
                f"{expression.text} needs a degree from 1 to one less than its different values "
                f"({len(distinct)} here)"
            )
        return {"degree": degree, "raw": True} if options.get("raw") else _learn_poly(degree, x)
    if len(distinct) < 2:
        raise FormulaError(f"{expression.text} needs at least two different values")
    try:
        if function in ("cr", "cs", "cc"):
            return _learn_cubic(function, options, x)
        return _learn_spline(function, options, x)
    except ValueError:
        pass
    raise FormulaError(f"{expression.text} has more degrees of freedom than its values allow, or too few")


def evaluate(expression: Expression, state: State, x: Floats) -> Floats:
    """(N, k) the basis at `x`; missing values stay missing."""
    function = str(expression.function)
    if function in ("scale", "center", "standardize"):
        return np.asarray((x - state["center"]) / state["scale"], dtype=np.float64)[:, None]
    if function == "poly":
        return _poly(state, x)
    if function in ("cr", "cs", "cc"):
        return _cubic(state, x)
    return _spline(state, x)


def width(state: State) -> int:
    """k, the number of columns of the basis."""
    return int(state["width"]) if "width" in state else int(state["degree"])


def _options(expression: Expression) -> dict[str, Any]:
    """The call's arguments after its first, by R's names."""
    arguments = expression.arguments[1:]
    positional = {
        "poly": ("degree",),
        "bs": ("df", "knots", "degree"),
        "ns": ("df", "knots"),
        "cr": ("df", "knots"),
        "cs": ("df", "knots"),
        "cc": ("df", "knots"),
        "scale": ("center", "scale"),
    }.get(str(expression.function), ())
    if len(arguments) > len(positional):
        raise FormulaError(f"{expression.text} has more arguments than {expression.function}() takes")
    options = {name: _literal(each, expression) for name, each in zip(positional, arguments, strict=False)}
    known = {*positional, "raw", "intercept", "include_intercept", "degree", "constraints"}
    for name, value in expression.keywords:
        if name not in known:
            raise FormulaError(f"{expression.function}() in the formula does not take {name!r}")
        options[str(name)] = _literal(value, expression)
    if "include_intercept" in options:
        options["intercept"] = options.pop("include_intercept")
    return options


def _literal(node: ast.expr, expression: Expression) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_literal(node.operand, expression)
    if isinstance(node, ast.List):
        return [_literal(each, expression) for each in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "c":
        return [_literal(each, expression) for each in node.args]
    raise FormulaError(
        f"{deparse(node)!r} in {expression.text} must be a number, a list of numbers or TRUE/FALSE"
    )


def _learn_scale(function: str, options: Mapping[str, Any], x: Floats) -> State:
    centred = bool(options.get("center", True))
    scaled = bool(options.get("scale", True)) and function != "center"
    center = float(x.mean()) if centred else 0.0
    spread = float(np.sqrt(((x - center) ** 2).sum() / max(len(x) - 1, 1))) if scaled else 1.0
    return {"width": 1, "center": center, "scale": spread or 1.0}


def _learn_poly(degree: int, x: Floats) -> State:
    """Orthonormal polynomials by the three-term recurrence (Kennedy & Gentle 1980, p. 342), as R's poly."""
    center = float(x.mean())
    previous, current = np.zeros_like(x), np.ones_like(x)
    alpha, norms = [], [1.0, float(len(x))]
    for _ in range(degree):
        alpha.append(float(((x - center) * current**2).sum() / norms[-1]))
        following = (x - center - alpha[-1]) * current - norms[-1] / norms[-2] * previous
        previous, current = current, following
        norms.append(float((current**2).sum()))
    return {"degree": degree, "raw": False, "center": center, "alpha": alpha, "norms": norms}


def _poly(state: State, x: Floats) -> Floats:
    degree = int(state["degree"])
    if state["raw"]:
        return np.column_stack([x**power for power in range(1, degree + 1)])
    norms, columns = state["norms"], []
    previous, current = np.zeros_like(x), np.ones_like(x)
    for k in range(degree):
        following = (x - state["center"] - state["alpha"][k]) * current
        if k > 0:
            following -= norms[k + 1] / norms[k] * previous
        previous, current = current, following
        columns.append(current / np.sqrt(norms[k + 2]))
    return np.column_stack(columns)


def _learn_spline(function: str, options: Mapping[str, Any], x: Floats) -> State:
    """Knots of R's `bs` and `ns`: inner knots at equally spaced quantiles, boundary knots at the range."""
    degree = 3 if function == "ns" else int(options.get("degree", 3))
    intercept = bool(options.get("intercept", False))
    knots, df = options.get("knots"), options.get("df")
    lower, upper = float(x.min()), float(x.max())
    if knots is None:
        least = (1 if function == "ns" else degree) + intercept
        inner = 0 if df is None else int(df) - least
        if inner < 0:
            raise ValueError
        knots = np.quantile(x, np.linspace(0.0, 1.0, inner + 2)[1:-1]) if inner else []
    inner_knots = np.sort(np.atleast_1d(np.asarray(knots, dtype=float)))
    if inner_knots.size and (inner_knots[0] <= lower or inner_knots[-1] >= upper):
        raise ValueError
    full = np.concatenate([np.repeat(lower, degree + 1), inner_knots, np.repeat(upper, degree + 1)])
    state: State = {"knots": full, "order": degree, "skip": 0 if intercept else 1, "natural": None}
    columns = len(full) - degree - 1 - state["skip"]
    if function == "ns":
        ends = _bspline(full, degree, np.array([lower, upper]), derivative=2)[:, state["skip"] :]
        q, _ = np.linalg.qr(ends.T, mode="complete")
        state["natural"], columns = q[:, 2:], columns - 2
    state["width"] = columns
    return state


def _spline(state: State, x: Floats) -> Floats:
    knots, degree = state["knots"], int(state["order"])
    present = np.where(np.isnan(x), knots[0], x)
    natural = state["natural"]
    if natural is None:
        values = _bspline(knots, degree, present)  # the end pieces' polynomials continue outside, as in R
    else:  # straight lines outside the boundary knots, as in R
        inside = np.clip(present, knots[0], knots[-1])
        values = _bspline(knots, degree, inside)
        values += (present - inside)[:, None] * _bspline(knots, degree, inside, derivative=1)
    values = values[:, state["skip"] :]
    if natural is not None:
        values = values @ natural
    values[np.isnan(x)] = np.nan
    return values


def _bspline(knots: Floats, degree: int, x: Floats, derivative: int = 0) -> Floats:
    from scipy import interpolate  # imported where it is needed: it takes a while to load

    basis = interpolate.BSpline(knots, np.eye(len(knots) - degree - 1), degree, extrapolate=True)
    return np.asarray(basis(x, nu=derivative), dtype=float)


def _learn_cubic(function: str, options: Mapping[str, Any], x: Floats) -> State:
    from formulaic.transforms import TRANSFORMS

    state: State = {}
    arguments: dict[str, Any] = {
        name: options[name] for name in ("df", "knots", "constraints") if name in options
    }
    values = TRANSFORMS[function](x, _state=state, **arguments)
    return {"width": len(values), "function": function, "arguments": arguments, "cubic": state}


def _cubic(state: State, x: Floats) -> Floats:
    from formulaic.transforms import TRANSFORMS

    arguments = {name: value for name, value in state["arguments"].items() if name != "constraints"}
    present = np.where(np.isnan(x), state["cubic"]["lower_bound"], x)
    values = TRANSFORMS[state["function"]](present, _state=dict(state["cubic"]), **arguments)
    result = np.column_stack(list(values.values()))
    result[np.isnan(x)] = np.nan
    return result
