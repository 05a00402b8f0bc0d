"""Someone who reads releases, their statuses and the policy, and solves for what was withheld.

Every count of the tables is an unknown whole number; what is published fixes it, sums bind it, and the status
beside a withheld one says what it may be. Ranges are found by integer programs, without any of the code under
test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import optimize, sparse

LOW, HIGH = 1, 10
PRIMARY, SECONDARY = "suppressed_primary", "suppressed_secondary"
MUCH = 1e5

Key = tuple[str, str, str]  # column ("records", "size", "event"), clinic, month ("" or "window 1", …)


class Reader:
    """What follows from one release, or from several of the same network."""

    def __init__(self, releases: Sequence[Mapping[str, pd.DataFrame]]) -> None:
        self.cells: dict[Key, int] = {}
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.rows: list[tuple[dict[int, float], float, float]] = []
        for number, tables in enumerate(releases):
            self._read(number, tables)

    def range(self, key: Key) -> tuple[float, float]:
        """The lowest and highest value of a count that nothing published contradicts."""
        ends = []
        for sign in (1, -1):
            cost = np.zeros(len(self.lower))
            cost[self.cells[key]] = sign
            found = self._solve(cost)
            ends.append(sign * found)
        return round(ends[0]), round(ends[1])

    def _solve(self, cost: np.ndarray) -> float:
        row, column, value = [], [], []
        for i, (terms, _, _) in enumerate(self.rows):
            row += [i] * len(terms)
            column += list(terms)
            value += list(terms.values())
        matrix = sparse.csr_array((value, (row, column)), shape=(len(self.rows), len(self.lower)))
        solved = optimize.milp(
            cost,
            constraints=optimize.LinearConstraint(
                matrix, [low for _, low, _ in self.rows], [high for _, _, high in self.rows]
            ),
            bounds=optimize.Bounds(np.array(self.lower), np.array(self.upper)),
            integrality=np.ones(len(self.lower)),
        )
        assert solved.status == 0, solved.message
        return float(solved.fun)

    def _new(self, low: float = 0.0, high: float = MUCH) -> int:
        self.lower.append(low)
        self.upper.append(high)
        return len(self.lower) - 1

    def _cell(self, key: Key, shown: float) -> int:
        if key not in self.cells:
            self.cells[key] = self._new()
        if not np.isnan(shown):
            self.lower[self.cells[key]] = self.upper[self.cells[key]] = shown
        return self.cells[key]

    def _bind(self, terms: dict[int, float], low: float, high: float) -> None:
        self.rows.append((terms, low, high))

    def _one_of(
        self, cell: int, ranges: Sequence[tuple[dict[int, float], float, dict[int, float], float]]
    ) -> None:
        """The cell lies in one of some ranges, each (terms, constant) from and to."""
        switches = [self._new(0, 1) for _ in ranges]
        self._bind(dict.fromkeys(switches, 1.0), 1, 1)
        for switch, (low_terms, low, high_terms, high) in zip(switches, ranges, strict=True):
            self._bind({cell: 1.0, switch: -MUCH} | {k: -v for k, v in low_terms.items()}, low - MUCH, np.inf)
            self._bind(
                {cell: 1.0, switch: MUCH} | {k: -v for k, v in high_terms.items()}, -np.inf, high + MUCH
            )

    def _read(self, number: int, tables: Mapping[str, pd.DataFrame]) -> None:
        window = f"window {number}"
        estimates, months = tables["clinic_estimates"], tables["clinic_months"]
        raw = estimates[estimates["form"] == "raw"].set_index(["outcome", "clinic"])
        series = months.set_index(["outcome", "clinic", "month"])
        names = sorted(tables["clinics"]["clinic"])
        of_months = sorted(months["month"].unique())
        of_clinics = tables["clinics"].set_index("clinic")
        records, status = of_clinics["n_records"], of_clinics["status"]
        columns = {"size": ("positive", "denominator"), "event": ("positive", "numerator")}
        columns["records"] = ("tests", "numerator")
        for column, (outcome, name) in columns.items():
            of_column = {}
            for clinic in names:
                of_column[clinic, window] = self._cell(
                    (column, clinic, window), _number(raw.loc[(outcome, clinic), name])
                )
                if column == "records":
                    self._cell((column, clinic, window), _number(records[clinic]))
                for month in of_months:
                    shown = _number(series.loc[(outcome, clinic, month), name])
                    of_column[clinic, month] = self._cell((column, clinic, month), shown)
                self._bind(
                    {of_column[clinic, window]: -1.0}
                    | {of_column[clinic, month]: 1.0 for month in of_months},
                    0,
                    0,
                )
            for month in of_months:
                total = self._cell((column, "", month), _number(series.loc[(outcome, "", month), name]))
                self._bind({total: -1.0} | {of_column[clinic, month]: 1.0 for clinic in names}, 0, 0)
        shown = tables["outcomes"].set_index("outcome")["n_records"]
        figures = tables["network_figures"].set_index("figure")["value"]
        share = _number(figures["mean"])
        for column, total in {
            "records": _number(shown["tests"]),
            "size": _number(shown["positive"]),
            "event": round(share * _number(shown["positive"]) / 100) if not np.isnan(share) else np.nan,
        }.items():
            if not np.isnan(total):
                self._bind({self.cells[column, clinic, window]: 1.0 for clinic in names}, total, total)
        self._gaps(window, [clinic for clinic in names if status[clinic] == "ok"], tables["quality"])
        for clinic in names:
            for month in (window, *of_months):
                size, event, all_ = (self.cells[each, clinic, month] for each in ("size", "event", "records"))
                self._bind({size: 1.0, event: -1.0}, 0, np.inf)
                self._bind({all_: 1.0, size: -1.0}, 0, np.inf)
            self._labels(
                window,
                clinic,
                str(status[clinic]),
                str(raw.loc[("positive", clinic), "status"]),
            )
            for month in of_months:
                of_month = {
                    name: str(series.loc[(name, clinic, month), "status"]) for name in ("tests", "positive")
                }
                self._month_labels(clinic, month, of_month["tests"], of_month["positive"])

    def _labels(self, window: str, clinic: str, size_status: str, event_status: str) -> None:
        """What the statuses of a clinic's window say."""
        size, event, all_ = (self.cells[each, clinic, window] for each in ("size", "event", "records"))
        nothing: dict[int, float] = {}
        if size_status == PRIMARY:  # the records are few, or those with a result
            self._bind({size: 1.0}, 0, HIGH)
            self._bind({all_: 1.0}, LOW, np.inf)
        elif size_status == SECONDARY:
            self._bind({all_: 1.0}, HIGH + 1, np.inf)
            self._one_of(size, [(nothing, 0, nothing, 0), (nothing, HIGH + 1, nothing, MUCH)])
        elif event_status == PRIMARY:
            few = (nothing, LOW, nothing, HIGH)
            self._one_of(event, [few, ({size: 1.0}, -HIGH, {size: 1.0}, 0)])
        elif event_status == SECONDARY:
            self._one_of(event, [(nothing, 0, nothing, 0), (nothing, HIGH + 1, {size: 1.0}, -HIGH - 1)])

    def _month_labels(self, clinic: str, month: str, of_records: str, of_results: str) -> None:
        """What the statuses of a clinic's month say: of a companion, that nothing of its series is few."""
        size, event, all_ = (self.cells[each, clinic, month] for each in ("size", "event", "records"))
        nothing: dict[int, float] = {}
        if of_records == SECONDARY:
            for cell in (size, all_):
                self._one_of(cell, [(nothing, 0, nothing, 0), (nothing, HIGH + 1, nothing, MUCH)])
        if of_results == SECONDARY:
            self._one_of(event, [(nothing, 0, nothing, 0), (nothing, HIGH + 1, {size: 1.0}, -HIGH - 1)])

    def _gaps(self, window: str, names: Sequence[str], quality: pd.DataFrame) -> None:
        """Records without a result: none at a shown clinic of which the quality table does not speak."""
        found = quality[quality["rule"] == "positive_missing"].set_index("clinic")["n_found"]
        for clinic in names:
            gaps = _number(found.get(clinic, 0.0))
            if not np.isnan(gaps):
                size, all_ = (self.cells[each, clinic, window] for each in ("size", "records"))
                self._bind({all_: 1.0, size: -1.0}, gaps, gaps)


def _number(value: object) -> float:
    return np.nan if pd.isna(value) else float(value)  # type: ignore[arg-type]
