"""Release tables of a network whose counts are given, as estimating leaves them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.models.crude_intervals import wilson_interval
from tasks.release import FROM_MASKED, TABLES, conform

Tables = dict[str, pd.DataFrame]
MONTHS = tuple(str(month) for month in pd.period_range("2024-01", periods=24, freq="M"))


@dataclass
class Network:
    """Counts by clinic and month.

    Attributes:
        months: YYYY-MM.
        records: (C, M) records.
        events: (C, M) with the outcome `positive`, among those with a result.
        missing: (C, M) records without a result; none when left out.
    """

    months: tuple[str, ...]
    records: np.ndarray
    events: np.ndarray
    missing: np.ndarray | None = None
    kind: str = "binary"
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.records, self.events = self.records.astype(float), self.events.astype(float)
        if self.missing is None:
            self.missing = np.zeros_like(self.records)
        self.names = tuple(f"clinic {i:02d}" for i in range(len(self.records)))

    @property
    def sizes(self) -> np.ndarray:
        """(C, M) records with a result."""
        return self.records - self.missing

    def count(self, column: str, clinic: str, month: str) -> float:
        """A count of `records`, `size` or `event`; of all months where the month is none of them."""
        counts = {"records": self.records, "size": self.sizes, "event": self.events}[column]
        rows = counts[self.names.index(clinic)] if clinic else counts.sum(axis=0)
        return float(rows[self.months.index(month)] if month in self.months else rows.sum())

    def window(self, first: int, last: int) -> Network:
        """The same network in months `first` to `last` (positions, both included)."""
        part = slice(first, last + 1)
        return Network(
            self.months[part], self.records[:, part], self.events[:, part], self.missing[:, part], self.kind
        )

    def tables(self) -> Tables:
        """The release: outcomes `positive` (of `kind`) and `tests`, a count of the records themselves."""
        rows = {
            "clinics": self._clinics(),
            "outcomes": pd.DataFrame(
                {
                    "outcome": ["positive", "tests"],
                    "label": ["Positive", "Tests"],
                    "kind": [self.kind, "count"],
                    "unit": ["%", "tests"],
                    "direction": "lower",
                    "adjusters": ["age", ""],
                    "comparator": "network",
                    "comparator_value": [7.0, 30.0],
                    "n_records": [self.sizes.sum(), self.records.sum()],
                    "status": "ok",
                }
            ),
            "clinic_estimates": pd.concat([self._estimates(), self._tests()], ignore_index=True),
            "clinic_ranks": pd.DataFrame(
                {
                    "outcome": "positive",
                    "clinic": self.names,
                    "rank_median": np.arange(len(self.names)),
                    "status": "ok",
                }
            ),
            "network_figures": pd.DataFrame(
                {
                    "outcome": "positive",
                    "figure": ["mean", "icc", "design_effect"],
                    "label": ["All records", "Intraclass correlation", "Design effect"],
                    "value": [self._share(self.events.sum(), self.sizes.sum()), 0.1, self._design_effect()],
                    "method": "m",
                    "status": "ok",
                }
            ),
            "program_effects": pd.DataFrame(
                {
                    "outcome": ["positive"],
                    "model": "naive",
                    "estimand": "unadjusted",
                    "measure": "odds_ratio",
                    "term": "effect",
                    "value": 1.2345678,
                    "n_records": self.sizes.sum(),
                    "question": "none",
                    "words": "odds 1.23 times as high",
                    "status": "ok",
                }
            ),
            "clinic_months": self._months(),
            "patient_groups": self._groups(),
            "region_estimates": pd.DataFrame(),
            "quality": self._quality(),
        }
        rows |= {table.name: table.empty() for table in FROM_MASKED}
        return {table.name: conform(table, rows[table.name]) for table in TABLES}

    def _clinics(self) -> pd.DataFrame:
        n = self.records.sum(axis=1)
        return pd.DataFrame(
            {
                "clinic": self.names,
                "slug": self.names,
                "n_records": n,
                "n_patients": np.ceil(0.8 * n),
                "first_month": self.months[0],
                "last_month": self.months[-1],
                "reportable": True,
                "status": "ok",
            }
        )

    def _estimates(self) -> pd.DataFrame:
        n, d = self.sizes.sum(axis=1), self.events.sum(axis=1)
        lower, upper = wilson_interval(d, n)
        raw = pd.DataFrame(
            {
                "outcome": "positive",
                "clinic": self.names,
                "form": "raw",
                "estimand": "share",
                "value": self._share(d, n),
                "lower": 100 * lower,
                "upper": 100 * upper,
                "level": 0.95,
                "numerator": d if self.kind == "binary" else np.nan,
                "denominator": n,
                "comparison": "not_compared",
                "status": "ok",
            }
        )
        shrunken = raw.assign(
            form="shrunken", reliability=n / (n + 20), p_better=0.5, comparison="no_different"
        )
        return pd.concat([raw, shrunken])

    def _tests(self) -> pd.DataFrame:
        n = self.records.sum(axis=1)
        return pd.DataFrame(
            {
                "outcome": "tests",
                "clinic": self.names,
                "form": "raw",
                "estimand": "records a month",
                "value": n / len(self.months),
                "lower": 0.9 * n,
                "upper": 1.1 * n,
                "numerator": n,
                "comparison": "not_compared",
                "status": "ok",
            }
        )

    def _months(self) -> pd.DataFrame:
        frames = []
        for name, n, d, r in [
            *zip(self.names, self.sizes, self.events, self.records, strict=True),
            ("", self.sizes.sum(axis=0), self.events.sum(axis=0), self.records.sum(axis=0)),
        ]:
            common = {"clinic": name, "month": self.months, "centre": 1.0, "limits": "trial", "status": "ok"}
            positive = {
                "outcome": "positive",
                "value": self._share(d, n),
                "numerator": d if self.kind == "binary" else np.nan,
                "denominator": n,
            }
            frames.append(pd.DataFrame({**common, **positive}))
            frames.append(pd.DataFrame({**common, "outcome": "tests", "value": r, "numerator": r}))
        return pd.concat(frames, ignore_index=True)

    def _groups(self) -> pd.DataFrame:
        """The first months' records and the others', as if patients of two ages had come in them."""
        young = len(self.months) // 2
        return pd.DataFrame(
            {
                "outcome": "positive",
                "column": "age",
                "group": ["<18", "18+"],
                "place": [1, 2],
                "column_label": "Age",
                "label": ["Under 18", "18 and over"],
                "numerator": [part.sum() for part in np.split(self.events, [young], axis=1)],
                "denominator": [part.sum() for part in np.split(self.sizes, [young], axis=1)],
                "status": "ok",
            }
        )

    def _quality(self) -> pd.DataFrame:
        n, found = self.records.sum(axis=1), self.missing.sum(axis=1)
        some = found > 0
        idle = (self.records == 0).sum(axis=1)
        common = {"description": "d", "action": "noted", "status": "ok"}
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "rule": "positive_missing",
                        "counts": "values",
                        "clinic": [*np.array(self.names)[some], ""],
                        "n_checked": [*n[some], n.sum()],
                        "n_found": [*found[some], found.sum()],
                        **common,
                    }
                ),
                pd.DataFrame(
                    {
                        "rule": "months_without_records",
                        "clinic": [*np.array(self.names)[idle > 0], ""],
                        "counts": "clinic-months",
                        "n_checked": len(self.months),
                        "n_found": [*idle[idle > 0], idle.sum()],
                        **common,
                    }
                ),
            ],
            ignore_index=True,
        )

    def _design_effect(self) -> float:
        n = self.sizes.sum(axis=1)
        return float(1.0 + ((n**2).sum() / n.sum() - 1.0) * 0.1)

    @staticmethod
    def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return 100.0 * part / whole


def random_network(
    seed: int,
    clinics: int = 14,
    months: int = 3,
    *,
    mean: float = 3.0,
    spread: float = 1.2,
    rate: float = 0.2,
) -> Network:
    """Sizes from 1 to some hundreds a month; the first clinic is tiny, the third has every record alike."""
    rng = np.random.default_rng(seed)
    sizes = rng.poisson(np.exp(rng.normal(mean, spread, clinics))[:, None] * np.ones(months))
    sizes[0] = (4, *[0] * (months - 1))
    sizes[1] = np.arange(60, 60 + 10 * months, 10)
    rates = rng.beta(10 * rate, 10 * (1 - rate), clinics)
    events = rng.binomial(sizes, rates[:, None])
    events[2] = sizes[2]
    return Network(MONTHS[:months], sizes, events)
