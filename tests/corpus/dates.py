"""Dates: in zones, as text, far away, and where a day begins."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from corpus.case import EVERYWHERE, MEAN, SHOWN, Case, Figure, records_of, set_aside
from corpus.names import with_means


def _at_night(
    write: Callable[[pd.Timestamp], object], zone: str = "Europe/Zurich"
) -> Callable[[], pd.DataFrame]:
    """40 records of each of three clinics half an hour into each of January, February and March, there."""

    def rows() -> pd.DataFrame:
        made = []
        for clinic in "ABC":
            for month in (1, 2, 3):
                for k in range(40):
                    there = pd.Timestamp(2023, month, 1 + k % 4, 0, 30, tz=zone)
                    number = len(made)
                    made.append((clinic, f"p{number}", write(there), 130.0 + number * 7 % 19))
        return pd.DataFrame(made, columns=["clinic", "patient", "date", "y"])

    return rows


def _months(clinic: str = "A", number: float = 40.0) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            table="clinic_months",
            where={"outcome": "y", "clinic": clinic, "month": f"2023-0{month}"},
            column="denominator",
            value=number,
        )
        for month in (1, 2, 3)
    )


def _zulu(moment: pd.Timestamp) -> str:
    return moment.tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def _offset(moment: pd.Timestamp) -> str:
    return moment.tz_convert("Asia/Shanghai").strftime("%Y-%m-%d %H:%M:%S+08:00")


def _far() -> pd.DataFrame:
    rows = with_means({"A": 10.0, "B": 20.0})
    rows["date"] = rows["date"].dt.strftime("%Y-%m-%d")
    rows.loc[0, "date"], rows.loc[1, "date"], rows.loc[2, "date"] = "9999-12-31", "1900-01-01", None
    return rows


def _leap() -> pd.DataFrame:
    """The last second of February 2024 and the first of March."""
    rows = with_means({"A": 10.0, "B": 20.0}, 40)
    k = pd.Series(range(len(rows)))
    return rows.assign(date=pd.to_datetime("2024-02-29 23:59:59") + pd.to_timedelta(k % 2, unit="s"))


TEXT = "column 'date' holds text; make it a date in the SELECT"

CASES = (
    Case(
        name="times in UTC, months elsewhere",
        places=EVERYWHERE,
        source="trial sqlite_zulu_times: 40 records a clinic and month in local time",
        rows=_at_night(_zulu),
        types={"date": "TIMESTAMPTZ"},
        network=MEAN + SHOWN,
        time_zone="Europe/Zurich",
        month="2023-03",
        figures=_months(),
    ),
    Case(
        name="times in UTC as text",
        places=EVERYWHERE,
        source="trial sqlite_zulu_times; duckdb/duckdb#18767: a cast of such a text drops its zone",
        rows=_at_night(_zulu),
        network=MEAN + SHOWN,
        time_zone="Europe/Zurich",
        month="2023-03",
        refused={"DuckDB": TEXT, "Parquet": TEXT, "PostgreSQL": TEXT},
        figures=_months(),
    ),
    Case(
        name="times of another zone as text",
        places=EVERYWHERE,
        source="trial sqlite_zulu_times; duckdb/duckdb#14082 and #18767",
        rows=_at_night(_offset),
        network=MEAN + SHOWN,
        time_zone="Europe/Zurich",
        month="2023-03",
        refused={"DuckDB": TEXT, "Parquet": TEXT, "PostgreSQL": TEXT},
        figures=_months(),
    ),
    Case(
        name="times without a zone",
        places=EVERYWHERE,
        source="they are the network's own: duckdb/duckdb#5791; 40 a clinic and month by hand",
        rows=_at_night(lambda moment: moment.tz_localize(None)),
        network=MEAN + SHOWN,
        time_zone="America/New_York",
        month="2023-03",
        figures=_months(),
    ),
    Case(
        name="days as ISO text",
        places=EVERYWHERE,
        source="ISO 8601; SQLite and CSV have no dates but these; 40 a clinic and month by hand",
        rows=_at_night(lambda moment: moment.strftime("%Y-%m-%d")),
        network=MEAN + SHOWN,
        month="2023-03",
        refused={"DuckDB": TEXT, "Parquet": TEXT, "PostgreSQL": TEXT},
        figures=_months(),
    ),
    Case(
        name="days as dd.mm.yyyy",
        source="duckdb/duckdb#13923: no reader knows them all; 40 a clinic and month by hand",
        rows=_at_night(lambda moment: moment.strftime("%d.%m.%Y")),
        select="SELECT * REPLACE (strptime(date, '%d.%m.%Y') AS date) FROM records",
        network=MEAN + SHOWN,
        month="2023-03",
        figures=_months(),
        places=("DuckDB", "Parquet"),
    ),
    Case(
        name="days as dd.mm.yyyy, untold",
        places=EVERYWHERE,
        source="duckdb/duckdb#13923; 3 January and not 1 March where no day is above 12 says which is meant",
        rows=_at_night(lambda moment: moment.strftime("%d.%m.%Y")),
        network=MEAN + SHOWN,
        month="2023-03",
        refused=dict.fromkeys(("DuckDB", "Parquet", "SQLite", "PostgreSQL"), TEXT),
        figures=_months(),
    ),
    Case(
        name="days of 9999 and 1900",
        places=EVERYWHERE,
        source="9999-12-31 stands for no end in many systems; 3 records of 60 by hand",
        rows=_far,
        types={"date": "DATE"},
        network=MEAN + SHOWN,
        month="2024-03",
        figures=(
            records_of("A", 27),
            records_of("B", 30),
            set_aside("date_missing", 1),
            set_aside("date_impossible", 1),
            set_aside("date_before_window", 1),
        ),
    ),
    Case(
        name="the last second of a leap day",
        source="the Gregorian calendar; 20 a clinic and month by hand",
        rows=_leap,
        network=MEAN + SHOWN,
        month="2024-03",
        figures=tuple(
            Figure(
                table="clinic_months",
                where={"outcome": "y", "clinic": "A", "month": month},
                column="denominator",
                value=20.0,
            )
            for month in ("2024-02", "2024-03")
        ),
    ),
)
