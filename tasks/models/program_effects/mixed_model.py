"""The mixed model of a program's rollout: what of the records is taken to be alike."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.fit import Fit
from tasks.models.fixed_effects.group_means import with_constants
from tasks.models.generalized_mixed.glmm import glmm_from_cells
from tasks.models.linear_mixed.lmm import lmm_from_moments
from tasks.models.program_effects.linearised import for_few_clinics
from tasks.models.program_effects.program_columns import nested_codes
from tasks.models.program_effects.program_data import ProgramData
from tasks.records.data_columns import nested_label
from tasks.records.design import Design, RandomTerm
from tasks.records.moments import INTERCEPT

Integers = NDArray[np.int64]
Random = Literal["clinic-period", "clinic"]

_FEWEST_ROWS = 2.0  # rows per clinic and period below which their variation is not told from rows' own


@dataclass(frozen=True)
class Levels:
    """Grouping factors of the records, with the effects that each has.

    Attributes:
        codes: (G, F) level of each factor.
        factors: F names, the clinics' first.
        labels: F tuples of labels.
        terms: the random terms, of one effect each.
    """

    codes: Integers
    factors: tuple[str, ...]
    labels: tuple[tuple[Hashable, ...], ...]
    terms: tuple[RandomTerm, ...]

    def design(self, design: Design) -> Design:
        """The design with these random effects."""
        written = " + ".join(
            f"({'1' if term.columns == (INTERCEPT,) else f'0 + {term.columns[0]}'} | {term.group})"
            for term in self.terms
        )
        return replace(design, formula=f"{design.formula} + {written}", random=self.terms)


def levels_of(
    data: ProgramData,
    random: Random,
    codes: Integers,
    factors: tuple[str, ...],
    labels: tuple[tuple[Hashable, ...], ...],
) -> Levels:
    """Clinics, their periods, and where whole regions started, the regions and their periods.

    Clinics differ in level, and where enough of them are seen with and without the program, in its effect; a
    clinic's periods differ by chance, where it has several records in each; so do the regions and theirs. Of
    how level and effect go together few clinics tell, and what of it is there shows in errors by unit.

    Args:
        data: the rollout.
        random: whether a clinic's periods differ by chance.
        codes: (G, 2) clinic and period.
        factors, labels: of the two.
    """
    clinic, period = factors
    terms = [RandomTerm(clinic, (INTERCEPT,))]
    if data.effect_varies:
        terms.append(RandomTerm(clinic, (data.name,)))
    columns, names, levels = [codes[:, 0]], [clinic], [tuple(labels[0])]
    several = len(labels[1]) > 1 and data.moments.n_obs >= _FEWEST_ROWS * len(data.moments.codes)
    if random == "clinic-period" and several:
        nested, (_, within), (_, cells) = nested_codes(codes, factors, labels)
        terms.append(RandomTerm(within, (INTERCEPT,)))
        columns.append(nested[:, 1])
        names.append(within)
        levels.append(cells)
    unit = data.unit
    if unit.is_region:
        region = unit.codes[codes[:, 0]]
        pairs, which = np.unique(np.column_stack([region, codes[:, 1]]), axis=0, return_inverse=True)
        shocks = tuple(nested_label((labels[1][month], unit.labels[each])) for each, month in pairs)
        for name, own, of_unit in (
            (unit.name, region, unit.labels),
            (f"{period}:{unit.name}", which.ravel(), shocks),
        ):
            terms.append(RandomTerm(name, (INTERCEPT,)))
            columns.append(own)
            names.append(name)
            levels.append(tuple(of_unit))
    return Levels(np.column_stack(columns).astype(np.int64), tuple(names), tuple(levels), tuple(terms))


def mixed_model(data: ProgramData, random: Random) -> Fit:
    """The fit, its errors as Kenward and Roger have them for few clinics.

    Where enough clinics are seen with and without the program, each clinic's share of records under it is a
    column too (`in_context`): what sets clinics with more of the program apart does not pass for its effect,
    and is tested by that column (Mundlak 1978, Econometrica 46:69).

    Raises:
        EstimationError: a mean with an offset or exposure; what the models themselves refuse.
    """
    data = data.in_context
    if data.cells is None:
        moments = data.moments
        levels = levels_of(data, random, moments.codes, moments.factors, moments.levels)
        if data.name not in moments.columns:
            moments = with_constants(moments, (data.name,), data.running(moments.codes), np.zeros(1))
        arranged = replace(moments, codes=levels.codes, factors=levels.factors, levels=levels.labels)
        return lmm_from_moments(levels.design(data.design), arranged, df="kenward-roger")
    if data.family == "gaussian":
        raise EstimationError(
            "a mixed model of a mean takes no offset or exposure here",
            hint="take the offset off the outcome",
        )
    cells = data.cells
    levels = levels_of(data, random, cells.codes, cells.factors, cells.levels)
    design = levels.design(data.design)
    ones = np.ones((len(cells.codes), 1))
    if data.name in design.fixed:
        running = cells.fixed[:, [design.fixed.index(data.name)]]
    else:
        running = data.running(cells.codes)
    grouped = replace(
        cells,
        codes=levels.codes,
        factors=levels.factors,
        levels=levels.labels,
        random=tuple(ones if term.columns == (INTERCEPT,) else running for term in levels.terms),
    )
    fit = glmm_from_cells(design, grouped, data.family, has_trials=data.has_trials)
    return for_few_clinics(fit, design, grouped)
