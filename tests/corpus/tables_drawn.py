"""Tables and network files as people have them, drawn by hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

CLINICS = (
    *(
        "A",
        "B",
        "01",
        "1",
        "1.0",
        "NA",
        "NULL",
        "nan",
        "Ward 7",
        "Ward\u00a07",
        "O'Brien",
        'said "so"',
        "N\\K",
    ),
    *("Clínica", "Cli\u0301nica", "🏥", "a:b", "%s", "{x}", "select", "-", "ﬁ", "ß", "SS", "İ", "x" * 300),
)
LEVELS = (
    "a",
    "b",
    "A",
    "1",
    "01",
    "10",
    "a:b",
    "x y",
    "N\\K",
    "it's",
    '"',
    "|",
    "~",
    "NA",
    "(",
    "é",
    "0.5",
    "true",
)
COLUMNS = (
    "x",
    "age",
    "order",
    "class",
    "day of week",
    "a:b",
    "100%",
    "Größe",
    "x.y",
    "_1",
    "I",
    "T",
    "log",
    "NULL",
)


@dataclass(frozen=True)
class Drawn:
    """A table.

    Attributes:
        rows: the columns `clinic`, `y`, and those named below.
        number, factor: names of a column of numbers and of one of text.
    """

    rows: pd.DataFrame
    number: str
    factor: str

    def __repr__(self) -> str:
        return f"Drawn({self.number!r}, {self.factor!r})\n{self.rows.to_string()}"


@st.composite
def tables(draw: st.DrawFn, outcome: str = "continuous") -> Drawn:
    """Two to five clinics of one to seven rows, shuffled, with what is missing here and there."""
    k = draw(st.integers(2, 5))
    names = draw(st.lists(st.sampled_from(CLINICS), min_size=k, max_size=k, unique=True))
    sizes = draw(st.lists(st.integers(1, 7), min_size=k, max_size=k))
    number, factor = draw(st.lists(st.sampled_from(COLUMNS), min_size=2, max_size=2, unique=True))
    levels = draw(st.lists(st.sampled_from(LEVELS), min_size=1, max_size=3, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    n = sum(sizes)
    shift, unit = draw(st.sampled_from([(0.0, 1.0), (0.0, 1e-4), (1e6, 1.0), (0.0, 1e5)]))
    x = _numbers(draw(st.sampled_from(["whole", "decimal", "shifted", "constant", "byte"])), rng, n)
    level = np.repeat(rng.normal(0, draw(st.sampled_from([0.0, 1.0, 3.0])), k), sizes)
    eta = level + 0.5 * (x - x.mean()) / max(x.std(), 1e-9)
    y = _outcome(outcome, rng, eta)
    if outcome == "continuous":
        y = shift + unit * y
    rows = pd.DataFrame(
        {
            "clinic": np.repeat(np.array(names, dtype=object), sizes),
            "y": y,
            number: x,
            factor: rng.choice(levels, n),
        }
    ).astype({factor: object})
    for column in draw(st.lists(st.sampled_from(["clinic", "y", number, factor]), max_size=2, unique=True)):
        gone = rng.random(n) < 0.15
        rows[column] = rows[column].astype(object if column in ("clinic", factor) else float).mask(gone, None)
    return Drawn(rows.sample(frac=1.0, random_state=rng).reset_index(drop=True), number, factor)


def _numbers(kind: str, rng: np.random.Generator, n: int) -> Any:
    if kind == "constant":
        return np.full(n, 3.0)
    if kind == "byte":
        return rng.integers(90, 127, n).astype("int8")
    if kind == "whole":
        return rng.integers(-3, 4, n)
    return rng.normal(1e5 if kind == "shifted" else 0.0, 1.0, n).round(2)


def _outcome(kind: str, rng: np.random.Generator, eta: Any) -> Any:
    if kind == "binary":
        return (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    if kind == "count":
        return rng.poisson(np.exp(np.clip(eta, -3.0, 3.0)))
    return (eta + rng.normal(0, 1, len(eta))).round(3)


@st.composite
def record_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Records for screening: clinics, patients, days and values, with everything that is wrong with them."""
    n = draw(st.integers(1, 25))
    clinic = st.one_of(st.sampled_from(CLINICS), st.sampled_from(["", "  ", " A ", "A\n", None]))
    day = st.one_of(
        st.dates(min_value=pd.Timestamp("2023-12-01").date(), max_value=pd.Timestamp("2024-05-01").date()),
        st.sampled_from([None, pd.Timestamp("1899-12-31").date(), pd.Timestamp("2199-12-31").date()]),
    )
    value = draw(
        st.sampled_from(
            [
                st.one_of(st.integers(-5, 300), st.none()),
                st.one_of(
                    st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), st.sampled_from([None, np.inf, -np.inf])
                ),
                st.one_of(st.integers(0, 9999).map(lambda v: Decimal(v) / 100), st.none()),
            ]
        )
    )
    patient = st.one_of(st.integers(1, 4), st.none())
    rows = [(draw(clinic), draw(patient), draw(day), draw(value)) for _ in range(n)]
    return pd.DataFrame(rows, columns=["clinic", "patient", "date", "y"], dtype=object)


KEYS = (
    *('name = "N"', 'name = ""', 'time_zone = "Europe/Zurich"', 'time_zone = "Mars"', 'language = "es"'),
    *('kind = "binary"', 'kind = "count"', 'kind = "continuous"', "kind = 3", 'direction = "lower"'),
    *(
        'column = "y"',
        'column = "nowhere"',
        'adjusters = ["x"]',
        'adjusters = ["x", "x"]',
        'adjusters = ["x +"]',
    ),
    *('adjusters = ["C(f)"]', 'adjusters = ["poly(x, 2)"]', 'adjusters = ["(1 | clinic)"]', "minimum = 5"),
    *(
        'scale = "log"',
        'per = "clinic-month"',
        'exposure = "x"',
        'family = "poisson"',
        "minimum = 9\nmaximum = 1",
    ),
    *('patient_within = "clinic"', 'clinic_within = "region"', "months = 0", "months = 600", 'unit = "%"'),
    *('starts = { A = "2024-01" }', "starts = {}", 'starts = { Z = "2024-13" }', 'small_numbers = "none"'),
    *("[", "=", "[[outcomes]]", 'label = "L"', "label = 1", "\ufeff", "# note", 'select_file = "s.sql"'),
)
SECTIONS = (
    "[network]",
    "[records]",
    "[outcomes.y]",
    "[outcomes.z]",
    "[program]",
    "[window]",
    "[policy]",
    "[limits.x]",
)


@st.composite
def network_files(draw: st.DrawFn) -> str:
    """A network file that is right but for some lines that were added, doubled or taken away."""
    lines = [
        *(
            "[network]",
            'name = "N"',
            "[records]",
            'source = "records.duckdb"',
            'select = "SELECT * FROM records"',
        ),
        *("[outcomes.y]", 'label = "Y"', 'kind = "continuous"', 'direction = "lower"'),
    ]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(lines)))
        what = draw(st.sampled_from(["key", "section", "drop", "double"]))
        if what in ("drop", "double"):
            lines[at : at + 1] = lines[at : at + 1] * (2 if what == "double" else 0)
        else:
            lines.insert(at, draw(st.sampled_from(KEYS if what == "key" else SECTIONS)))
    return "\n".join(lines) + "\n"
