"""Moments of fewer columns and coarser groups, taken from moments that were read before."""

from __future__ import annotations

import numpy as np

from tasks.records.design import Design
from tasks.records.formulas.model_spec import Binding, Request, bound_columns
from tasks.records.moments import Moments


def narrower_moments(asked: Request, design: Design, moments: Moments) -> tuple[Design, Moments] | None:
    """What `asked` would read, out of moments of more columns or finer groups; None where they lack it.

    They do where the outcome is the same, every column and grouping factor is among theirs, and the columns
    that are not asked for were missing nowhere: then both rest on the same rows.

    Args:
        asked: the request.
        design, moments: what was read before.
    """
    read: Binding = design.spec
    formula, known = asked.formula, read.request.formula
    if read.unused or asked.roles or read.request.roles or asked.extra.terms:
        return None
    if formula.response.text != known.response.text:
        return None
    if [each.text for each in formula.offsets] != [each.text for each in known.offsets]:
        return None
    if any(f"{name} is missing" in design.dropped.rows for name in {*read.request.names} - {*asked.names}):
        return None
    parts = (formula.fixed, *(each.terms for each in formula.random))
    used = {name for part in parts for term in part.terms for name in term}
    if not used <= set(read.variables):
        return None
    factors = tuple(each.name for each in asked.groupings)
    if not set(factors) <= set(moments.factors):
        return None
    binding = bound_columns(asked, {name: read.variables[name] for name in used})
    place = {column.elements: j for j, column in enumerate(read.columns)}
    wanted = [column.elements for column in binding.columns]
    if not set(wanted) <= set(place):
        return None
    # columns are found by what they are: a name says which only among the columns of one design
    kept = [*(place[elements] for elements in wanted), len(moments.columns) - 1]
    names = (*(column.name for column in binding.columns), moments.columns[-1])
    return binding.design(design.dropped.rows), _pooled(moments, kept, names, factors)


def _pooled(moments: Moments, kept: list[int], names: tuple[str, ...], factors: tuple[str, ...]) -> Moments:
    at = [moments.factors.index(name) for name in factors]
    codes, group = np.unique(moments.codes[:, at], axis=0, return_inverse=True)
    width = len(moments.columns)
    sums = moments.products.reshape(-1, width * width)
    if len(codes) < len(sums) or np.any(np.diff(group.ravel()) < 0):
        sums = np.zeros((len(codes), width * width))
        # whole rows, one after another: `np.add.at` takes five times as long
        for combination, row in zip(group.ravel().tolist(), moments.products, strict=True):
            sums[combination] += row.ravel()
    # columns are chosen of the sums, which are fewer; "clip" spares a look at every index (all are there)
    pairs = np.add.outer(width * np.array(kept), kept).ravel()
    chosen = np.take(sums, pairs, axis=1, mode="clip")
    return Moments(
        columns=names,
        reference=moments.reference[kept],
        products=chosen.reshape(-1, len(kept), len(kept)),
        factors=factors,
        levels=tuple(moments.levels[j] for j in at),
        codes=codes.astype(np.int64),
    )
