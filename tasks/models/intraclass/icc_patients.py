"""Where patients come back: how alike one patient's records are, clinic by clinic.

A clinic's 400 visits of 100 patients are not 400 patients. Its own patient-level ICC says how much of what
varies between its visits is between its patients, and its design effect how many visits its visits are worth.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.errors import EstimationError
from tasks.models.intraclass.icc_intervals import exact
from tasks.models.intraclass.one_way import OneWay, anova, refuse_constant, refuse_single
from tasks.records import moments_for

Floats = NDArray[np.float64]

COLUMNS = ("n", "patients", "icc", "lower", "upper", "design_effect", "effective_n", "reason")


def patient_icc(
    outcome: str, data: Any, *, clinics: str = "clinic", patients: str = "patient", level: float = 0.95
) -> pd.DataFrame:
    """Each clinic's own patient-level ICC, from moments by clinic and patient.

    Args:
        outcome: a numeric column, or an expression of it ("log(hours)").
        data: a DataFrame, Arrow table, DuckDB relation or `Records`, one row a visit.
        clinics, patients: the grouping columns; a patient of two clinics counts in each.
        level: coverage of the (exact) intervals.

    Returns:
        By clinic: `n` visits, `patients`, `icc` of two visits of one patient with `lower` and `upper`,
        `design_effect` 1 + (Σn²/N − 1)·ICC with the ICC truncated at zero, `effective_n` visits, and `reason`
        where there is none: one patient only, nobody seen twice, or no variation.

    Raises:
        FormulaError, RecordsError: as `tasks.records.moments_for`.

    Sources: as `tasks.models.icc`.
    """
    _, moments = moments_for(f"{outcome} ~ 1", data, groups=[clinics, patients])
    labels = moments.levels[moments.factors.index(clinics)]
    codes = moments.codes[:, moments.factors.index(clinics)]
    response = len(moments.columns) - 1
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(labels) + 1))
    rows = []
    for c in range(len(labels)):
        products = moments.products[order[starts[c] : starts[c + 1]]][
            :, [0, 0, response], [0, response, response]
        ]
        if len(products):
            rows.append((labels[c], *_one(patients, outcome, products, level)))
    table = pd.DataFrame(rows, columns=[clinics, *COLUMNS])
    return table.set_index(clinics)


def _one(
    patients: str, outcome: str, products: Floats, level: float
) -> tuple[float, int, float, float, float, float, float, str | None]:
    n, total, squares = products.T
    mean = float(total.sum() / n.sum())
    own = np.zeros((len(n), 2, 2))
    own[:, 1, 1] = np.maximum(squares - total**2 / n, 0.0)
    means = np.column_stack((np.ones_like(n), total / n - mean))
    source = OneWay(
        patients, outcome, tuple(range(len(n))), n, means, np.array([0.0, mean]), own, ("(Intercept)",)
    )
    visits, nothing = float(n.sum()), float("nan")
    try:
        refuse_single(patients, source.levels)
        refuse_constant(source)
        table = anova(source)
    except EstimationError as problem:
        return visits, len(n), nothing, nothing, nothing, nothing, nothing, problem.message
    lower, upper = exact(source, table, level)
    effect = 1.0 + (float(n @ n) / visits - 1.0) * max(table.icc, 0.0)
    return visits, len(n), table.icc, lower, upper, effect, visits / effect, None
