"""Names: of clinics, of columns and of levels, as people write them."""

from __future__ import annotations

import unicodedata
from typing import Any

import pandas as pd
from corpus.case import EVERYWHERE, MEAN, SHOWN, Called, Case, cycled, own_value, records_of

from tasks.models import gee, within


def with_means(means: dict[Any, float], per_clinic: int = 30, month: str = "2024-03") -> pd.DataFrame:
    """Clinics whose own means are given: values spread evenly about them, by −1, 0 and 1."""
    rows = cycled(list(means), per_clinic, month)
    return rows.assign(y=rows["clinic"].map(means) + rows.pop("k") % 3 - 1.0)


def _alike() -> pd.DataFrame:
    composed = "Clínica Sur"
    decomposed = unicodedata.normalize("NFD", composed)
    return with_means({composed: 10.0, decomposed: 20.0, "Ward 7": 30.0, "Ward\u00a07": 40.0})


def _letters() -> pd.DataFrame:
    letters = (
        "서울 제일의원",
        "दिल्ली केंद्र",
        "🏥 Harbour",
        "عيادة النور",
        "Поликлиника № 12",
        "O’Brien's & Sons <Clinic>",
    )
    return with_means({name: 10.0 * (i + 1) for i, name in enumerate(letters)})


def _codes() -> pd.DataFrame:
    rows = with_means({1.0: 10.0, 2.0: 20.0, 3.0: 30.0})
    rows["clinic"] = rows["clinic"].astype(float)
    return pd.concat([rows, rows.iloc[:1].assign(clinic=None, patient="q")], ignore_index=True)


def _markup() -> pd.DataFrame:
    odd = ("<b>North</b>", "{{ clinic }}", "%s", "'; DROP TABLE records; --", 'said "so"', "N\\K", "$x$ & 5%")
    return with_means({name: 10.0 * (i + 1) for i, name in enumerate(odd)})


WORDS = (
    "select",
    "order",
    "group",
    "class",
    "lambda",
    "in",
    "table",
    "Age",
    "day of week",
    "a:b",
    "100%",
    'said "so"',
)


def _column_words() -> pd.DataFrame:
    """y is 1 for each column's 1, apart from an error that is balanced over every column."""
    rows = []
    for i in range(len(WORDS) + 1):
        for j in range(4):
            row = {name: float(i == k) for k, name in enumerate(WORDS)}
            total = sum((k + 1) * value for k, value in enumerate(row.values()))
            rows.append({"clinic": "AB"[j % 2], "y": total + (1.0 if j < 2 else -1.0), **row})
    return pd.DataFrame(rows)


LEVELS = ("a", "a:b", "x|y", "~ 1", "+ z", "N\\K", "it's", '"', "`", "1", "NULL", "NA", "nan", "(", "%in%")


def _level_tokens() -> pd.DataFrame:
    """Two clinics, both with every level four times; level i is i above the first."""
    rows = [
        {"clinic": clinic, "f": level, "y": i + (1.0 if j < 2 else -1.0)}
        for clinic in "AB"
        for i, level in enumerate(sorted(LEVELS))
        for j in range(4)
    ]
    return pd.DataFrame(rows)


def _collide() -> pd.DataFrame:
    """y is 1 for dx 10, 2 for dx 11, 3 for dx 20, and 7 for dx1 1, with a balanced error."""
    rows = [
        {
            "clinic": "AB"[j % 2],
            "dx": dx,
            "dx1": dx1,
            "y": effect + 7.0 * (dx1 == "1") + (1.0 if j < 2 else -1.0),
        }
        for dx, effect in (("0", 0.0), ("10", 1.0), ("11", 2.0), ("20", 3.0))
        for dx1 in "01"
        for j in range(4)
    ]
    return pd.DataFrame(rows)


def _coefficients(fit: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in fit.coef.items()}


_QUOTED = " + ".join(f"`{name}`" for name in WORDS)

CASES = (
    Case(
        name="names that look alike",
        places=EVERYWHERE,
        source="trial lookalike_and_blank_names; Unicode 15.0, section 3.11 (canonical equivalence)",
        rows=_alike,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            records_of("Clínica Sur", 60),  # composed and decomposed letters are one name
            own_value("Clínica Sur", 15.0),
            own_value("Ward 7", 30.0),  # blanks that look alike are noted, and stay apart
            own_value("Ward\u00a07", 40.0),
        ),
    ),
    Case(
        name="names in every letter",
        source="trial seen/names.csv; means by hand",
        rows=_letters,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("서울 제일의원", 10.0), own_value("O’Brien's & Sons <Clinic>", 60.0)),
    ),
    Case(
        name="a name of 272 letters",
        source="trial long_clinic_name; means by hand",
        rows=lambda: with_means({"Centre de sante " * 17: 10.0, "B": 20.0, "C": 30.0}),
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value(("Centre de sante " * 17).strip(), 10.0),),
    ),
    Case(
        name="clinic numbers that became doubles",
        source="trial unclear_messages (float); pandas-dev/pandas#17560: integers with a NULL become doubles",
        rows=_codes,
        network=MEAN + SHOWN + '\n[program]\nlabel = "P"\nstarts = { 2 = "2024-03" }\n',
        month="2024-03",
        figures=(own_value("1", 10.0), own_value("2", 20.0), own_value("3", 30.0)),
    ),
    Case(
        name="clinic codes that begin with zeros",
        places=EVERYWHERE,
        source="duckdb/duckdb#5782 and #11411: 01 and 1 are different codes; means by hand",
        rows=lambda: with_means({"01": 10.0, "1": 20.0, "010": 30.0}),
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(own_value("01", 10.0), own_value("1", 20.0), own_value("010", 30.0)),
    ),
    Case(
        name="a clinic called NA",
        places=EVERYWHERE,
        source="pandas-dev/pandas#10647 and #55032: NA is a name, and no missing value; means by hand",
        rows=lambda: with_means({"NA": 10.0, "nan": 20.0, "NULL": 30.0, "None": 40.0}),
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            own_value("NA", 10.0),
            own_value("nan", 20.0),
            own_value("NULL", 30.0),
            own_value("None", 40.0),
        ),
    ),
    Case(
        name="names that are markup or SQL",
        places=EVERYWHERE,
        source="means by hand: a name is a name",
        rows=_markup,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            own_value("<b>North</b>", 10.0),
            own_value("'; DROP TABLE records; --", 40.0),
            own_value("N\\K", 60.0),
        ),
    ),
    Case(
        name="columns with names that are words of SQL, Python and formulas",
        source="least squares by hand: the design is orthogonal but for the intercept",
        rows=_column_words,
        calls=(
            Called(
                call=lambda data: _coefficients(within(f"y ~ {_QUOTED}", data, groups="clinic")),
                numbers={name: k + 1.0 for k, name in enumerate(WORDS)},
            ),
        ),
        places=("DuckDB", "Parquet", "SQLite", "PostgreSQL"),  # a reader of CSV changes such names
    ),
    Case(
        name="levels that are tokens of formulas",
        places=EVERYWHERE,
        source="differences of means by hand; trial backslash_label",
        rows=_level_tokens,
        calls=(
            Called(
                call=lambda data: _coefficients(within("y ~ f", data, groups="clinic")),
                numbers={f"f{level}": float(i) for i, level in enumerate(sorted(LEVELS)) if i},
            ),
        ),
    ),
    Case(
        name="two columns with one name in R",
        source="trial column_names_collide; differences of means by hand",
        rows=_collide,
        types={"dx": "VARCHAR", "dx1": "VARCHAR"},
        calls=(
            Called(
                call=lambda data: _coefficients(
                    gee("y ~ dx + dx1", data, groups="clinic", corr="independence")
                ),
                numbers={"dx10": 1.0, "dx[11]": 2.0, "dx20": 3.0, "dx1[1]": 7.0},
            ),
        ),
        places=("DuckDB", "Parquet", "SQLite", "PostgreSQL"),  # CSV has no types: there dx is a number
    ),
)
