"""What a GEE refuses, in a sentence that names the column and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError, FormulaError, nearest
from tasks.models.estimating_equations.gee_family import Family
from tasks.models.zero_one import not_zero_one
from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.clinic_names import counted, in_levels
from tasks.records.design import Design
from tasks.records.formulas.tokens import split, tokens_of, written


def group_names(groups: str | Sequence[str], corr: str) -> tuple[str, ...]:
    """Grouping columns, outer first: one, or two for nested-exchangeable."""
    if not isinstance(groups, str) and not (
        isinstance(groups, Sequence) and all(isinstance(each, str) for each in groups)
    ):
        raise FormulaError(
            f"groups is {groups!r}; it names the cluster column", hint='such as groups="clinic"'
        )
    names = (
        tuple(written(part) for part in split(tokens_of(groups), "/"))
        if isinstance(groups, str)
        else tuple(groups)
    )
    wanted = 2 if corr == "nested-exchangeable" else 1
    if len(names) != wanted:
        raise FormulaError(
            f"a correlation of type {corr} takes {wanted} grouping column{'s'[: wanted - 1]}, "
            f"and got {len(names)}",
            hint='for patients within clinics: corr="nested-exchangeable", groups=("clinic", "patient")',
        )
    return names


def check_scale(scale: float | None) -> None:
    """Refuse a fixed scale that is no positive number."""
    if scale is None:
        return
    if isinstance(scale, bool | str) or not 0.0 < float(scale) < np.inf:
        raise EstimationError(
            f"scale is {scale!r}; it is a positive number, or None to estimate it",
            hint="scale=1.0 takes binomial or Poisson variances as they are",
        )


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
    if cells.outcome not in _allowed(family):
        bad = _impossible(cells, family)
        where = in_levels(cells.factors, cells.levels, cells.codes, bad, cells.n_obs)
        single = bool(np.all(cells.weight == 1.0))
        raise _refused(response, family, where, f" in {counted(bad.sum())}" if single else "")
    alike = bool(np.all(total == cells.weight * mean) and np.all(cells.total_squares == total * mean))
    if mean == 0.0 or (mean == 1.0 and family.name == "binomial") or (family.name == "poisson" and alike):
        raise _alike(response, mean)


def check_outcome_of_blocks(design: Design, blocks: CellBlocks, family: Family) -> None:
    """Refuse the same of outcomes that come in blocks; another pass finds where they are."""
    spread = blocks.highest - blocks.lowest
    if family.name == "gaussian":
        size = max(abs(blocks.lowest), abs(blocks.highest))
        check_varies(design, spread if spread > 1e-13 * size else 0.0)
        return
    if blocks.outcome not in _allowed(family):
        found = [cells.codes[_impossible(cells, family)] for cells in blocks.blocks()]
        codes = np.concatenate(found)
        where = in_levels(blocks.factors, blocks.levels, codes, np.ones(len(codes), dtype=bool), blocks.n_obs)
        raise _refused(design.response, family, where, f" in {counted(len(codes))}")
    if spread == 0.0:
        raise _alike(design.response, blocks.lowest)


def _alike(response: str, value: float) -> EstimationError:
    return EstimationError(
        f"{response} is {value:.0f} in every row, so no effect on it can be estimated",
        hint="use a longer window, or report the count itself",
    )


def _allowed(family: Family) -> tuple[str, ...]:
    return ("binary", "successes") if family.name == "binomial" else ("binary", "count")


def _impossible(cells: Cells, family: Family) -> NDArray[np.bool_]:
    """(N,) cells with outcomes that the family cannot have."""
    total = cells.total
    if family.name == "binomial":
        # of outcomes that are 0 or 1, and of no others, the sum is the sum of squares
        return np.asarray(np.abs(cells.total_squares - total) > 1e-9 * cells.weight)
    return np.asarray((total != np.round(total)) | (total < 0.0))


def _refused(response: str, family: Family, where: str, count: str) -> EstimationError:
    if family.name == "binomial":
        hint = "recode the outcome, or choose another family"
        return not_zero_one(response, "family 'binomial'", where, hint)
    return EstimationError(
        f"{response} has values that are negative or not whole{count}{where}, which a poisson outcome cannot "
        "have",
        hint="recode the outcome, or choose another family",
    )
