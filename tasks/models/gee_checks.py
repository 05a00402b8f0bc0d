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
        about_mean = total - cells.weight * mean
        spread = float((about_mean**2 / cells.weight).sum())
        within = float((cells.total_squares - total**2 / cells.weight).sum())  # of collapsed rows
        size = float(cells.total_squares.sum())
        check_varies(design, spread if spread > 1e-26 * size else within if within > 1e-12 * size else 0.0)
        return
    allowed = ("binary", "successes") if family.name == "binomial" else ("binary", "count")
    if cells.outcome not in allowed:
        single = bool(np.all(cells.weight == 1.0))
        values = total != np.round(total) if family.name == "poisson" else (total != 0.0) & (total != 1.0)
        wrong = int(np.sum(values | (total < 0.0)))
        what = "other than 0 and 1" if family.name == "binomial" else "that are negative or not whole"
        raise EstimationError(
            f"{response} has values {what}{f' in {wrong} rows' if single else ''}, "
            f"which a {family.name} outcome cannot have",
            hint="recode the outcome, or choose another family",
        )
    if mean == 0.0 or (mean == 1.0 and family.name == "binomial"):
        raise EstimationError(
            f"{response} is {mean:.0f} in every row, so no effect on it can be estimated",
            hint="use a longer window, or report the count itself",
        )
