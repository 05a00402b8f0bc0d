"""What a generalized linear mixed model asks of its cells before anything is fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.families import FamilyName
from tasks.records.cells import Cells
from tasks.records.design import Design
from tasks.records.places import counted, in_levels


def check_random_terms(design: Design, cells: Cells) -> None:
    """A mixed model needs a random term, and every group at least two levels.

    Raises:
        EstimationError: saying which is missing.
    """
    if not design.random:
        raise EstimationError(
            f"{design.formula} has no random term", hint="add one, as in + (1 | clinic), or use gee()"
        )
    for group, levels in zip(cells.factors, cells.levels, strict=True):
        if len(levels) < 2:
            raise EstimationError(
                f"all complete rows are of one {group}, {levels[0]}: no variance between {group}s shows",
                hint=f"use records of at least two {group}s, or leave (… | {group}) out",
            )


def check_outcome(design: Design, cells: Cells, family: FamilyName, *, has_trials: bool) -> None:
    """The outcome is one that the family has, and it varies.

    Raises:
        EstimationError: naming the outcome and how it is not so.
    """
    name, total, rows = design.response, cells.total, cells.weight
    if family == "binomial" and not has_trials:
        odd = np.abs(cells.total_squares - total) > 1e-9 * np.maximum(rows, 1.0)
        odd |= (total < 0.0) | (total > rows)
        if np.any(odd):
            raise EstimationError(
                f"the outcome {name} is not 0 or 1 in every row, as family 'binomial' needs"
                f"{_where(cells, odd)}",
                hint="code it as 0 and 1, give trials= with numbers of successes, or use family='poisson'",
            )
    if family != "binomial":
        if np.any(total < 0.0):
            raise EstimationError(
                f"the outcome {name} has negative counts in {counted(rows[total < 0].sum())}"
                f"{_where(cells, total < 0.0)}",
                hint="counts go from 0 up: mend those rows or leave them out",
            )
        broken = np.abs(total - np.round(total)) > 1e-9 * np.maximum(total, 1.0)
        if np.any(broken):
            raise EstimationError(
                f"the outcome {name} is not a whole number in every row{_where(cells, broken)}",
                hint="counts are whole numbers; give the time at risk as exposure=",
            )
    if family == "binomial":
        value = "0" if total.sum() <= 0.0 else "1" if total.sum() >= cells.trials.sum() else None
    else:
        mean = float(total.sum() / rows.sum())
        alike = bool(np.all(total == rows * mean) and np.all(cells.total_squares == total * mean))
        value = f"{mean:.0f}" if alike else None
    if value is not None:
        raise EstimationError(
            f"the outcome {name} is {value} in every row: there is nothing to estimate",
            hint="check how the outcome is coded, or use more months of records",
        )


def _where(cells: Cells, bad: NDArray[np.bool_]) -> str:
    place = in_levels(cells.factors, cells.levels, cells.codes, bad, cells.n_obs)
    return f": look{place}" if place else ""


def check_levels(cells: Cells, family: FamilyName) -> None:
    """One row per level is legitimate for counts and trials, not for single 0/1 outcomes.

    Raises:
        EstimationError: naming the group.
    """
    if family != "binomial" or cells.trials.sum() > cells.weight.sum():
        return
    for group, levels in zip(cells.factors, cells.levels, strict=True):
        if len(levels) == round(cells.n_obs):
            raise EstimationError(
                f"every {group} has one row: with 0/1 outcomes its variance cannot be told from chance",
                hint=f"leave (… | {group}) out, or use records with several rows per {group}",
            )
