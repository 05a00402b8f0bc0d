"""What an intraclass correlation answers, whichever way it was estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tasks.errors import EstimationError, FormulaError
from tasks.models.intraclass import icc_estimates
from tasks.models.intraclass.design_effect import DesignEffect, by_clinic, design_effect
from tasks.models.intraclass.icc_estimates import METHODS, MIXED, Kind
from tasks.models.intraclass.one_way import OneWay
from tasks.records import Design, Dropped


@dataclass(frozen=True)
class ICC:
    """An intraclass correlation with its interval, and what it was computed from.

    Attributes:
        name: the estimate named for what it is ("observed-scale ICC by Fleiss and Cuzick's method").
        group: the grouping factor it is about (the finest, where groups are nested).
        kind, method: as asked for.
        estimate: the ICC; for a nested design the correlation of two rows of one finest group. Estimates of
            `anova`, `fleiss-cuzick`, `pairwise` and `mak` can be negative.
        lower, upper: ends of the interval.
        level: its coverage.
        interval: which interval it is.
        components: what the estimate was computed from: n0, mean squares, F, variances, …
        levels: one row a grouping factor, coarsest first: `variance`, `share` of the total, `correlation` of
            two rows that share the factor's level, and its `lower` and `upper`.
        clinics: by level of `group`: `n`, `mean`, `sd_within`, `design_effect`, `effective_n`, `reliability`.
        design: the formula bound to the data, with the rows left out and why.
        messages: what a reader must know, in sentences.
    """

    name: str
    group: str
    kind: Kind
    method: str
    estimate: float
    lower: float
    upper: float
    level: float
    interval: str
    components: pd.Series
    levels: pd.DataFrame
    clinics: pd.DataFrame
    design: Design
    messages: tuple[str, ...] = ()
    source: OneWay | None = field(default=None, repr=False, compare=False)

    def __float__(self) -> float:
        return self.estimate

    @property
    def dropped(self) -> Dropped:
        """Rows left out, and why."""
        return self.design.dropped

    @property
    def truncated(self) -> float:
        """The estimate as a share of variance: never below zero."""
        return max(self.estimate, 0.0)

    @property
    def sizes(self) -> pd.Series:
        """Rows by level of `group`."""
        return self.clinics["n"]

    @property
    def design_effect(self) -> DesignEffect:
        """What clustering costs this network, by the truncated estimate."""
        return design_effect(self.truncated, self.sizes)

    def conf_int(
        self,
        interval: str | None = None,
        level: float | None = None,
        *,
        replicates: int = 2_000,
        seed: int = 0,
    ) -> tuple[float, float]:
        """Another interval for the same estimate, from the moments already at hand.

        Raises:
            EstimationError: the estimate has no such interval, its groups are nested, or the level is not
                between 0 and 1.
        """
        icc_estimates.check(self.kind, self.method, self.level if level is None else level)
        if self.source is None:
            raise EstimationError(
                f"the {self.name} has the one interval it came with ({self.interval})",
                hint="ask for another with icc(…, interval=…, level=…)",
            )
        wanted, level = interval or self.interval, self.level if level is None else level
        if (wanted, level) == (self.interval, self.level) and wanted != "bootstrap":
            return self.lower, self.upper
        return icc_estimates.interval(self.source, self.kind, self.method, wanted, level, replicates, seed)

    def compare(self) -> pd.DataFrame:
        """Every estimate and interval that the same moments give, one a row, each with its name in full.

        The bootstrap is left out, and estimates of nested groups, of which there is one a level.
        """
        rows = []
        if self.source is not None:
            for method, name in METHODS[self.kind].items():
                if method in MIXED:
                    continue
                value = icc_estimates.estimate(self.source, method)
                for each in icc_estimates.intervals(self.source, self.kind, method):
                    if each != "bootstrap":
                        ends = icc_estimates.interval(self.source, self.kind, method, each, self.level, 0, 0)
                        rows.append((method, name, value, each, *ends))
        return pd.DataFrame(rows, columns=["method", "name", "estimate", "interval", "lower", "upper"])

    def __str__(self) -> str:
        return self.summary()

    def _ends(self) -> str:
        return "none" if np.isnan(self.lower) else f"{self.lower:.4f} to {self.upper:.4f}"

    def summary(self) -> str:
        """One printed page: the estimate by its name, its levels, what it was computed from, the warnings."""
        lines = [
            f"{self.name} ({self.design.formula}, by {self.group})",
            f"  {self.estimate:.4f}, {100 * self.level:g}% interval {self._ends()} ({self.interval})",
            "",
            self.levels.to_string(float_format=lambda value: f"{value:.5g}"),
            "",
            self.components.to_string(float_format=lambda value: f"{value:.6g}"),
        ]
        lines += [f"{count:,} rows left out: {reason}" for reason, count in self.design.dropped.rows.items()]
        lines += [f"Note: {message}" for message in self.messages]
        return "\n".join(lines)


def levels_table(
    groups: Sequence[str],
    variances: Sequence[float],
    correlations: Sequence[float],
    ends: Sequence[tuple[float, float]],
) -> pd.DataFrame:
    """`ICC.levels`, from the levels coarsest first."""
    return pd.DataFrame(
        {
            "variance": np.array(variances, dtype=float),
            "share": np.diff(np.array(correlations, dtype=float), prepend=0.0),
            "correlation": np.array(correlations, dtype=float),
            "lower": [lower for lower, _ in ends],
            "upper": [upper for _, upper in ends],
        },
        index=pd.Index(list(groups), name="group"),
    )


def clinics_table(source: OneWay, value: float) -> pd.DataFrame:
    """`ICC.clinics`: each level's size, mean, SD within, and what the (truncated) ICC says of its size."""
    index = pd.Index(source.levels, name=source.group)
    sizes = pd.Series(source.n, index=index, name="n")
    table = by_clinic(sizes, max(value, 0.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(source.own_squares / np.where(source.n > 1.0, source.n - 1.0, np.nan))
    table.insert(1, "mean", source.outcome_means)
    table.insert(2, "sd_within", sd)
    return table


def refuse_terms(design: Design, factors: Sequence[str]) -> None:
    """Refuse what has no single ICC: no grouping factor, or a random slope."""
    if not factors:
        raise FormulaError(
            "an ICC needs a grouping factor, and neither the formula nor groups= names one",
            hint='write "outcome ~ 1 + (1 | clinic)", or groups="clinic"',
        )
    for term in design.random:
        if term.columns != ("(Intercept)",):
            slope = next(column for column in term.columns if column != "(Intercept)")
            raise EstimationError(
                f"with a random slope of {slope} by {term.group} the ICC differs with {slope}, so there is "
                "no one figure",
                hint=f"leave the slope out: (1 | {term.group})",
            )
