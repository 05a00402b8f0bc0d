"""What a generalized linear mixed model refuses before it is fitted, and what its reader must know after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.generalized_mixed.families import FamilyName
from tasks.models.generalized_mixed.glmm_fit import GlmmFit
from tasks.models.generalized_mixed.glmm_maximum import SD_CAP, Maximum
from tasks.models.generalized_mixed.scalar_climb import ScalarModel, is_settled
from tasks.models.zero_one import not_zero_one
from tasks.records.cell_blocks import CellBlocks
from tasks.records.cells import Cells
from tasks.records.clinic_names import counted, in_levels
from tasks.records.design import Design
from tasks.records.moments import INTERCEPT

Integers = NDArray[np.int64]
_Fault = Literal["other", "negative", "broken"]

_CHECK_NODES = 25
_CHECK_ROWS = 20_000
_NOTABLE = 0.5  # of a log-likelihood: enough to move a likelihood-ratio test
_LARGE_SD = 3.0  # on the logit or log scale
_OR_OTHER_COUNTS = " or family='negative-binomial'"


def check_random_terms(design: Design, cells: Cells | CellBlocks) -> None:
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
    total, rows = cells.total, cells.weight
    for fault, bad in _impossible(cells, family, has_trials=has_trials):
        if np.any(bad):
            where = in_levels(cells.factors, cells.levels, cells.codes, bad, cells.n_obs)
            raise _refused(design.response, fault, where, rows[bad].sum())
    if family == "binomial":
        value = "0" if total.sum() <= 0.0 else "1" if total.sum() >= cells.trials.sum() else None
    else:
        mean = float(total.sum() / rows.sum())
        alike = bool(np.all(total == rows * mean) and np.all(cells.total_squares == total * mean))
        value = f"{mean:.0f}" if alike else None
    if value is not None:
        raise _alike(design.response, value)


def check_outcome_of_blocks(design: Design, blocks: CellBlocks, family: FamilyName) -> None:
    """The same of outcomes that come in blocks, without trials; another pass finds where they are not so.

    Raises:
        EstimationError: as `check_outcome`.
    """
    if blocks.outcome not in (("binary",) if family == "binomial" else ("binary", "count")):
        found: dict[_Fault, list[Integers]] = {}
        for cells in blocks.blocks():
            for fault, bad in _impossible(cells, family, has_trials=False):
                found.setdefault(fault, []).append(cells.codes[bad])
        for fault, parts in found.items():
            codes = np.concatenate(parts)
            if len(codes):
                every = np.ones(len(codes), dtype=bool)
                where = in_levels(blocks.factors, blocks.levels, codes, every, blocks.n_obs)
                raise _refused(design.response, fault, where, float(len(codes)))
    if blocks.lowest == blocks.highest:
        raise _alike(design.response, f"{blocks.lowest:.0f}")


def _impossible(
    cells: Cells, family: FamilyName, *, has_trials: bool
) -> Iterator[tuple[_Fault, NDArray[np.bool_]]]:
    """(N,) cells with outcomes that the family does not have, by what is wrong with them."""
    total, rows = cells.total, cells.weight
    if family != "binomial":
        yield "negative", total < 0.0
        yield "broken", np.abs(total - np.round(total)) > 1e-9 * np.maximum(total, 1.0)
    elif not has_trials:
        odd = np.abs(cells.total_squares - total) > 1e-9 * np.maximum(rows, 1.0)
        yield "other", odd | (total < 0.0) | (total > rows)


def _refused(name: str, fault: _Fault, where: str, rows: float) -> EstimationError:
    look = f": look{where}" if where else ""
    if fault == "other":
        hint = "code it as 0 and 1, give trials= with numbers of successes, or use family='poisson'"
        return not_zero_one(name, "family 'binomial'", where, hint)
    if fault == "negative":
        return EstimationError(
            f"the outcome {name} has negative counts in {counted(rows)}{look}",
            hint="counts go from 0 up: mend those rows or leave them out",
        )
    return EstimationError(
        f"the outcome {name} is not a whole number in every row{look}",
        hint="counts are whole numbers; give the time at risk as exposure=",
    )


def _alike(name: str, value: str) -> EstimationError:
    return EstimationError(
        f"the outcome {name} is {value} in every row: there is nothing to estimate",
        hint="check how the outcome is coded, or use more months of records",
    )


def check_levels(cells: Cells | CellBlocks, family: FamilyName) -> None:
    """One row per level is legitimate for counts and trials, not for single 0/1 outcomes.

    Raises:
        EstimationError: naming the group.
    """
    if family != "binomial":
        return
    if isinstance(cells, Cells) and cells.trials.sum() > cells.weight.sum():
        return
    for group, levels in zip(cells.factors, cells.levels, strict=True):
        if len(levels) == round(cells.n_obs):
            raise EstimationError(
                f"every {group} has one row: with 0/1 outcomes its variance cannot be told from chance",
                hint=f"leave (… | {group}) out, or use records with several rows per {group}",
            )


def messages(
    fit: GlmmFit, best: Maximum, *, asked: int | None, is_scalar: bool, laplace_error: Callable[[], float]
) -> tuple[str, ...]:
    """Sentences on the boundary, the nodes, Laplace's error, overdispersion and convergence.

    Args:
        fit: the fit, complete but for its messages.
        best: the maximum.
        asked: the number of nodes that the analyst asked for, or None.
        is_scalar: whether there is one random effect, by one group.
        laplace_error: what Laplace's log-likelihood is above the exact one, of a scalar effect.
    """
    found = []
    if best.capped:
        groups = " or ".join(fit.varcomp)
        found.append(
            f"the variance of {groups} diverges: no finite value fits best, as outcomes hardly vary within"
            f" it; its SD was stopped at {SD_CAP:g} and the coefficients mean little"
        )
        if best.nodes == 1 and is_scalar:
            found.append("Laplace's approximation can diverge where the likelihood does not: try nodes=None")
    if best.held.any() and not best.capped:
        found.append(_singular_message(fit))
    if asked is None and is_scalar:
        found.append(_nodes_message(best))
    if asked == 1 and abs(best.next_order) > 0.2 * _NOTABLE and not best.capped:
        off = laplace_error()
        if abs(off) > _NOTABLE:
            side = "above" if off > 0 else "below"
            found.append(
                f"Laplace's log-likelihood is about {abs(off):.2g} {side} the exact one at these estimates"
                " (small levels, large variance): variance and coefficients can be far off; use nodes=None"
            )
    if not is_scalar and not best.capped and _largest_sd(fit) > _LARGE_SD:
        found.append(
            "random effects are so large that Laplace's approximation can be far off; where one of them is"
            " enough, fit that one alone with nodes=None"
        )
    scatter = fit.dispersion
    per_row = [len(each) == fit.n_obs for each in fit.labels.values()]
    if scatter is not None and scatter.is_over and not any(per_row) and fit.size is None:
        found.append(
            f"overdispersed: Pearson χ²/df is {scatter.ratio:.2f} on {scatter.df:,.0f} df, so that standard"
            " errors are too small; try an observation-level effect (number the rows in a column and add"
            f" + (1 | that column)){_OR_OTHER_COUNTS if fit.family == 'poisson' else ''}"
        )
    if fit.size == np.inf:
        found.append(
            "no overdispersion is left to the negative binomial: a Poisson model fits best (size infinite)"
        )
    if not best.converged and not best.capped:
        found.append(
            f"the gradient test was not met after {best.iterations} steps: the squared distance to the"
            f" maximum is {best.decrement:.1g} squared standard errors"
        )
    return tuple(found)


def _nodes_message(best: Maximum) -> str:
    if is_settled(best.path) or best.capped:
        return f"the log-likelihood settled at {best.nodes} quadrature nodes"
    change = abs(best.path[-1][1] - best.path[-2][1])
    return (
        f"the log-likelihood had not settled at {best.nodes} nodes: the last rise changed it by {change:.2g}"
    )


def _singular_message(fit: GlmmFit) -> str:
    parts = []
    for group in fit.varcomp:
        variance = fit.varcomp.variance(group)
        zero = [
            str(name) for name in variance.index if variance[name] <= 1e-12 * max(1.0, float(variance.max()))
        ]
        if zero == [INTERCEPT] and len(variance) == 1:
            parts.append(f"the variance of {group} is estimated as zero")
        elif zero:
            parts.append(f"the variance of {', '.join(zero)} by {group} is estimated as zero")
        else:
            correlation = np.abs(
                fit.varcomp.correlation(group).to_numpy()[np.tril_indices(len(variance), -1)]
            )
            if correlation.size and np.nanmax(correlation) > 1.0 - 1e-6:
                parts.append(f"effects by {group} are estimated as perfectly correlated")
    if not parts:
        parts.append("the effects' covariance is singular")
    return f"on the boundary: {'; '.join(parts)}"


def _largest_sd(fit: GlmmFit) -> float:
    """The largest SD that an effect has on the scale of the linear predictor."""
    return max(float(np.sqrt((term.triangle**2).sum(axis=1)).max()) for term in fit.loadings)


def laplace_error(model: ScalarModel, best: Maximum) -> float:
    """Laplace's log-likelihood less that of quadrature at the estimates, from a sample of levels."""
    part = model.some_clusters(_CHECK_ROWS)
    laplace = part.evaluate(best.parameters, 1)
    exact = replace(part, nodes=_CHECK_NODES).evaluate(best.parameters, 1, laplace)
    return (laplace.value - exact.value) * len(best.effects[0]) / (part.starts.size - 1)
