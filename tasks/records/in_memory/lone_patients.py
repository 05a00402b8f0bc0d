"""Records without a patient number: NULL is nobody's number, so that each is a patient of its own.

Of other groups a missing label says nothing, and such rows are left out, as R leaves them out. A record
without a patient was still somebody's, and a clinic that sends no numbers still has patients.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.records.data_columns import Codes, Frame
from tasks.records.formulas.model_spec import Request

PATIENT = "patient"
"""The contract's column that tells patients apart."""


def groups_patients(asked: Request) -> bool:
    """Whether a request groups by patient."""
    return PATIENT in asked.labels


def each_on_its_own(frame: Frame, asked: Request, weight: str | None) -> Frame:
    """The frame with a level of its own for every record that has no patient number.

    Args:
        frame: the rows, or rows that a query has counted.
        asked: the request.
        weight: column with the number of records each row stands for; where there is one, the frame is over
            an Arrow table.
    """
    if not groups_patients(asked) or PATIENT not in frame.names:
        return frame
    known = frame.codes(PATIENT)
    lone = known.codes < 0
    if not lone.any():
        return frame
    if weight is not None:
        frame = _uncounted(frame, lone, weight)
        known = frame.codes(PATIENT)
        lone = known.codes < 0
    codes = known.codes.copy()
    codes[lone] = len(known.levels) + np.arange(lone.sum())
    alone = (f"(no number, {i})" for i in range(1, int(lone.sum()) + 1))
    return frame.with_codes(PATIENT, Codes(codes, (*known.levels, *alone)))


def _uncounted(frame: Frame, lone: np.ndarray, weight: str) -> Frame:
    """The frame with a row for each record of the rows marked, and the others as they are."""
    if not isinstance(frame.data, pa.Table):
        raise TypeError("rows are counted by a query, whose result is an Arrow table")
    counts = frame.numbers(weight)
    times = np.where(lone, counts, 1.0).astype(np.int64)
    table = frame.data.take(pa.array(np.repeat(np.arange(len(lone)), times)))
    each = np.repeat(np.where(lone, 1.0, counts), times)
    return Frame(table.set_column(table.column_names.index(weight), weight, pa.array(each)))
