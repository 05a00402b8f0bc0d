"""Names of design columns: R's, save that two columns never share one.

R writes a factor's name and its level without anything between, so level 11 of `dx` and level 1 of `dx1`
are both `dx11`, and both are called so. Here each of the two gets its level in brackets, `dx[11]` and
`dx1[1]`; a column that has no level keeps its name. Where no two columns would share a name, all are R's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from tasks.records.data_columns import label_text
from tasks.records.design import unused_name
from tasks.records.formulas.contrasts import CONSTANT, Basis, Coded, Element, Elements, Factor, Variable
from tasks.records.moments import INTERCEPT


def names_told_apart(
    columns: Iterable[Coded], variables: Mapping[str, Variable], taken: Iterable[str]
) -> dict[Elements, str]:
    """A name for each column that no other has.

    Args:
        columns: the columns of a design, named as R names them.
        variables: what they are made of.
        taken: names that belong to something else, such as the outcome's.
    """
    plain = {column.elements: column.name for column in columns if column != CONSTANT}
    taken = {INTERCEPT, *taken}
    times = Counter([*plain.values(), *taken])
    used = {*taken, *(name for name in plain.values() if times[name] == 1)}
    names = {CONSTANT.elements: INTERCEPT}
    for elements, name in plain.items():
        names[elements] = name if times[name] == 1 else unused_name(exact_name(elements, variables), used)
        used.add(names[elements])
    return names


def exact_name(elements: Elements, variables: Mapping[str, Variable]) -> str:
    """A column's name with every level in brackets: `dx[11]`, `f[b]:g[y]`, `age:sex[F]`."""
    return ":".join(_exact(element, variables[element.variable]) for element in elements) or INTERCEPT


def _exact(element: Element, bound: Variable) -> str:
    text = f"`{bound.text}`" if ":" in bound.text else bound.text
    if isinstance(bound, Factor):
        if element.full:
            return f"{text}[{label_text(bound.levels[element.column])}]"
        return f"{text}[S.{element.column + 1}]"  # a sum contrast, which is of no one level
    return f"{text}[{element.column + 1}]" if isinstance(bound, Basis) else text
