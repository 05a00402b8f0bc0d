"""Every input of the corpus."""

from corpus import (
    column_types,
    dates,
    found,
    missing_values,
    model_shapes,
    names,
    outcomes,
    patients,
    programs,
    sizes,
)

CASES = (
    *names.CASES,
    *missing_values.CASES,
    *dates.CASES,
    *column_types.CASES,
    *sizes.CASES,
    *outcomes.CASES,
    *model_shapes.CASES,
    *patients.CASES,
    *programs.CASES,
    *found.CASES,
)
