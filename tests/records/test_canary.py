"""No message, no representation and no warning holds what a patient's row holds.

Labels of a factor the analyst puts on the right side become names of coefficients; that is what was asked.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from tasks.errors import ClinicnetError
from tasks.records import Records, add, cells_for, moments_for, new_rows
from tasks.records.data_columns import Frame
from tasks.records.in_memory.rows import Rows

pytestmark = pytest.mark.attack

NAME = "Jane Canary-Doe"
NUMBER = 98765.4321
CODE = 4711081


def planted() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 40
    return pd.DataFrame(
        {
            "clinic": np.where(np.arange(n) % 2, "north", "south"),
            "patient": [f"{NAME} {i}" for i in range(n)],
            "number": np.where(np.arange(n) == 7, CODE, rng.integers(0, 50, n)),
            "name": [f"{NAME} {i % 3}" for i in range(n)],
            "x": np.where(np.arange(n) == 3, NUMBER, rng.normal(size=n)),
            "y": np.where(np.arange(n) == 5, NUMBER, rng.normal(size=n)),
            "mixed": pd.Series([NAME if i == 9 else i for i in range(n)], dtype=object),
            "infinite": np.where(np.arange(n) == 4, np.inf, NUMBER),
            "negative": np.where(np.arange(n) == 4, -NUMBER, 1.0),
        }
    )


def in_memory(directory: Path) -> pd.DataFrame:
    return planted()


def in_duckdb(directory: Path) -> Records:
    with duckdb.connect(str(directory / "planted.duckdb")) as connection:
        connection.register("source", planted().assign(mixed=lambda frame: frame["mixed"].astype(str)))
        connection.execute("CREATE TABLE records AS SELECT * FROM source")
    return Records(str(directory / "planted.duckdb"))


def shown(text: str) -> list[str]:
    return [word for word in (NAME, "Canary", f"{NUMBER:.4f}", "98765", str(CODE)) if word in text]


ASKS: list[Callable[[Any], Any]] = [
    lambda data: moments_for("y ~ x + (1 | clinic)", data),
    lambda data: moments_for("y ~ x + (1 | patient)", data),
    lambda data: moments_for("y ~ ns(x, df = 3) + poly(number, 2) + scale(negative)", data),
    lambda data: cells_for("y ~ x + (1 | clinic)", data),
    lambda data: cells_for("y ~ x + (1 | patient)", data, collapse=False),
    lambda data: moments_for("y ~ x", data)[1].raw(),
    lambda data: add(*[moments_for("y ~ x + (1 | patient)", data)[1]] * 2),
    lambda data: moments_for("y ~ infinite", data),
    lambda data: moments_for("y ~ log(negative)", data),
    lambda data: moments_for("y ~ I(name + 1)", data),
    lambda data: moments_for("y ~ I(mixed + 1)", data),
    lambda data: moments_for("name ~ x", data),
    lambda data: cells_for("name ~ x", data),
    lambda data: cells_for("y ~ x", data, trials="number"),
    lambda data: cells_for("number ~ x", data, trials="negative"),
    lambda data: cells_for("y ~ x", data, exposure="negative"),
    lambda data: moments_for("y ~ bs(x, knots = c(1, 2))", data),
    lambda data: moments_for('y ~ C(name, Treatment("nobody"))', data),
    lambda data: moments_for("y ~ C(name, levels = c('a', 'b'))", data),
    lambda data: moments_for("y ~ I(name > 3)", data),
]


@pytest.mark.parametrize("place", [in_memory, in_duckdb])
@pytest.mark.parametrize("ask", ASKS, ids=range(len(ASKS)))
def test_nothing_shows_a_patient(
    ask: Callable[[Any], Any],
    place: Callable[[Path], Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    caplog.set_level(logging.DEBUG)
    data = place(tmp_path)
    texts: list[str] = []
    try:
        answer = ask(data)
    except ClinicnetError as error:
        texts += [str(error), repr(error), "".join(traceback.format_exception(error))]
    else:
        parts = answer if isinstance(answer, tuple) else (answer,)
        texts += [repr(part) for part in parts]
        texts += [repr(part.spec) for part in parts if hasattr(part, "spec")]
    texts += [*capfd.readouterr(), caplog.text, *(str(each.message) for each in recwarn)]
    assert [shown(text) for text in texts] == [[] for _ in texts]


def test_prediction_does_not_name_the_value_it_has_not_seen() -> None:
    data = planted()
    design, _ = moments_for("y ~ clinic", data)
    with pytest.raises(ClinicnetError) as refused:
        new_rows(design, data.assign(clinic=NAME))
    assert not shown("".join(traceback.format_exception(refused.value)))
    rows = new_rows(moments_for("y ~ x + (1 | patient)", data)[0], data)
    assert not shown(repr(rows))


def test_the_inner_objects_do_not_show_rows() -> None:
    frame = Frame(planted())
    assert not shown(repr(frame) + repr(frame.codes("patient")) + repr(Rows(frame)))
