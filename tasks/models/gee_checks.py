"""What a GEE refuses, in a sentence that names the column and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tasks.errors import EstimationError, FormulaError, nearest
from tasks.models.gee_family import Family
from tasks.records.cells import Cells
from tasks.records.design import Design


def group_names(groups: str | Sequence[str], corr: str) -> tuple[str, ...]:
    """Grouping columns, outer first: one, or two for nested-exchangeable."""
    names = tuple(part.strip() for part in groups.split("/")) if isinstance(groups, str) else tuple(groups)
    wanted = 2 if corr == "nested-exchangeable" else 1
    if len(names) != wanted:
        raise FormulaError(
            f"a correlation of type {corr} takes {wanted} grouping column{'s'[: wanted - 1]}, "
            f"and got {len(names)}",
            hint='for patients within clinics: corr="nested-exchangeable", groups=("clinic", "patient")',
        )
    return names


def known(value: str, choices: Iterable[str], what: str) -> None:
    """Refuse a keyword's value that is not one of its choices."""
    if value not in tuple(choices):
        raise EstimationError(f"no {what} {value!r}; {nearest(value, choices)}")


def check_clusters(group: str, count: int) -> None:
    """Refuse fewer than two clusters."""
    if count < 2:
        raise EstimationError(
            f"{group} has {'only one value' if count else 'no values'}; a GEE needs two or more clusters",
            hint="name a finer grouping column, or use a window with more clinics",
        )


def check_varies(design: Design, spread: float) -> None:
    """Refuse an outcome whose sum of squares about its mean is zero."""
    if not spread > 0.0:
        raise EstimationError(
            f"{design.response} has the same value in every row, so there is nothing to explain",
            hint="check the outcome column and the filter",
        )


def check_outcome(design: Design, cells: Cells, family: Family) -> None:
    """Refuse outcomes that the family cannot have, or that do not vary."""
    response, total = design.response, cells.total
    mean = total.sum() / (cells.trials if family.name == "binomial" else cells.weight).sum()
    if family.name == "gaussian":
        check_varies(design, float(cells.total_squares.sum() - mean * total.sum()))
        return
    if family.name == "binomial":
        single = np.array_equal(cells.trials, cells.weight)
        wrong = (total < 0.0) | (total > cells.trials) | (total != np.round(total))
        if single:
            wrong |= cells.total_squares != total
        what = "is not 0 or 1" if single else "is not a whole number between 0 and the trials"
        bounds = (0.0, 1.0)
    else:
        wrong, what, bounds = total < 0.0, "is negative", (0.0, np.inf)
    if np.any(wrong):
        raise EstimationError(
            f"{response} {what} in {cells.weight[wrong].sum():.0f} rows, "
            f"which a {family.name} outcome cannot be",
            hint="recode the outcome, or choose another family",
        )
    if mean in bounds:
        raise EstimationError(
            f"{response} is {'0' if mean == 0.0 else '1'} in every row, so no effect on it can be estimated",
            hint="use a longer window, or report the count itself",
        )
