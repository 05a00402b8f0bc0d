"""Programs: that began long ago, never, everywhere at once, or stand in a column."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from corpus.case import MEAN, SHOWN, Case, Figure

MONTHS = 12


def _rolled_out(
    starts: dict[str, int | None], effect: Callable[[int], float], **columns: bool
) -> pd.DataFrame:
    """20 records a clinic and month of 2023: clinic and month effects, the program's, and a balanced error.

    Args:
        starts: clinic → month under the program from 0 on, below zero before 2023, None never.
        effect: months since the start → what the program adds.
        columns: `on`: whether the program stands in a 0/1 column.
    """
    rows = []
    for i, (clinic, start) in enumerate(starts.items()):
        for month in range(MONTHS):
            on = start is not None and month >= start
            level = (
                130.0
                + i % 5
                - 2.0
                + 0.3 * month
                + (effect(month - start) if start is not None and on else 0.0)
            )
            # clinics are noisy in turn, so that errors cancel between clinics and months and yet are there
            for k in range(20):
                rows.append(
                    (
                        clinic,
                        f"p{len(rows)}",
                        pd.Timestamp(2023, 1 + month, 1 + k),
                        level + (k % 2) * 6.0 - 3.0,
                        int(on),
                    )
                )
    table = pd.DataFrame(rows, columns=["clinic", "patient", "date", "y", "on"])
    return table if columns.get("on") else table.drop(columns="on")


def _written(starts: dict[str, int | None]) -> str:
    months = {name: pd.Period("2023-01", "M") + start for name, start in starts.items() if start is not None}
    return (
        '\n[program]\nlabel = "P"\nstarts = { '
        + ", ".join(f'{k} = "{v}"' for k, v in months.items())
        + " }\n"
    )


def effect(
    term: str, value: float | str | None, column: str = "value", model: str = "mixed", **more: float
) -> Figure:
    """A cell of the program's effects on y."""
    where = {"outcome": "y", "model": model, "measure": "difference", "term": term}
    return Figure(table="program_effects", where=where, column=column, value=value, **more)


STEPPED: dict[str, int | None] = {f"K{i}": 2 + i for i in range(8)}
LONG_AGO: dict[str, int | None] = {
    f"K{i}": -24 if i < 4 else (2 + i % 6 if i < 12 else None) for i in range(16)
}
AT_ONCE: dict[str, int | None] = {f"K{i}": 6 for i in range(8)}
PARALLEL: dict[str, int | None] = {f"K{i}": 6 if i < 4 else None for i in range(8)}

CASES = (
    Case(
        name="a program that began before the window",
        source="trial start_before_window: k months after the start it adds −min(k, 6), by hand",
        rows=lambda: _rolled_out(LONG_AGO, lambda k: -float(min(k, 6))),
        network=MEAN + SHOWN + _written(LONG_AGO),
        month="2023-12",
        figures=(
            effect("month 00", 0.0, within=2e-2),
            effect("month 03", -3.0, within=2e-2),
            effect("month 06", -6.0, within=2e-2),
        ),
    ),
    Case(
        name="a program in steps",
        source="the truth is −4 in every month since the start, without error between clinics and months",
        rows=lambda: _rolled_out(STEPPED, lambda _: -4.0),
        network=MEAN + SHOWN + _written(STEPPED),
        month="2023-12",
        figures=(effect("effect", -4.0, within=1e-2), effect("effect", -4.0, model="within", within=1e-6)),
    ),
    Case(
        name="a program in a column",
        source="the same as with starts: −4",
        rows=lambda: _rolled_out(STEPPED, lambda _: -4.0, on=True),
        network=MEAN + SHOWN + '\n[program]\nlabel = "P"\ncolumn = "on"\n',
        month="2023-12",
        figures=(effect("effect", -4.0, model="within", within=1e-6),),
    ),
    Case(
        name="a program of half the clinics",
        source="difference in differences by hand: −4",
        rows=lambda: _rolled_out(PARALLEL, lambda _: -4.0),
        network=MEAN + SHOWN + _written(PARALLEL),
        month="2023-12",
        figures=(effect("effect", -4.0, model="within", within=1e-6),),
    ),
    Case(
        name="a program everywhere at once",
        source="nobody is without it in the same month: nothing tells it from the months",
        rows=lambda: _rolled_out(AT_ONCE, lambda _: -4.0),
        network=MEAN + SHOWN + _written(AT_ONCE),
        month="2023-12",
        figures=(effect("effect", "not_estimable", column="status"), effect("effect", None)),
    ),
    Case(
        name="a program that has not begun",
        source="nobody has had it: there is no effect to estimate",
        rows=lambda: _rolled_out(dict.fromkeys(STEPPED), lambda _: 0.0),
        network=MEAN + SHOWN + '\n[program]\nlabel = "P"\nstarts = { K0 = "2024-06" }\n',
        month="2023-12",
        figures=(effect("effect", None),),
    ),
    Case(
        name="a program of a clinic that is not there",
        source="the sentence offers the nearest name",
        rows=lambda: _rolled_out(STEPPED, lambda _: -4.0),
        network=MEAN + '\n[program]\nlabel = "P"\nstarts = { "K 1" = "2023-06" }\n',
        refused="no record is of a clinic 'K 1'; did you mean 'K1'?",
    ),
)
