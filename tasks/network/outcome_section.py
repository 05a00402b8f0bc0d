"""`[outcomes.NAME]`: one outcome, and what a reader should know of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import AllowInfNan, Field, Strict, StringConstraints

from tasks.network.section import Contradiction, Section

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Limit = Annotated[float, AllowInfNan(False)]
CountFamily = Literal["poisson", "negative-binomial"]


class AboutSection(Section):
    """`[outcomes.NAME.about]`: what a reader should know of a measure before its figures.

    It is printed in the network's report and on the page, and stands in the feed's table `measures`.
    """

    why: str | None = Field(default=None, min_length=1, description="why it matters, in a sentence")
    numerator: str | None = Field(
        default=None, min_length=1, description="what is counted or measured, in words"
    )
    denominator: str | None = Field(default=None, min_length=1, description="of whom or what, in words")
    source: str | None = Field(default=None, min_length=1, description="where its data come from")
    owner: str | None = Field(default=None, min_length=1, description="who answers for the measure")
    reviewed: date | None = Field(default=None, description="when its definition was last reviewed")
    next_review: date | None = Field(default=None, description="when its definition is due for review")

    def contradictions(self) -> Iterator[Contradiction]:
        """A review after the last one."""
        if self.reviewed is not None and self.next_review is not None and self.next_review <= self.reviewed:
            yield (
                ("next_review",),
                f"next_review ({self.next_review}) is not after reviewed ({self.reviewed}); mend one of them",
            )


class OutcomeSection(Section):
    """`[outcomes.NAME]`: one outcome."""

    label: str = Field(description="as people read it")
    kind: Literal["continuous", "binary", "count"] = Field(description="continuous, binary or count")
    column: Identifier | None = Field(
        None, description="column of the SELECT; the outcome's own name if left out"
    )
    unit: str = Field("", description="unit of its values; % for binary outcomes if left out")
    direction: Literal["higher", "lower", "neither"] = Field(description="which is better")
    scale: Literal["identity", "log"] = Field(
        "identity", description="log: analysed as logarithms, reported back"
    )
    adjusters: Annotated[tuple[str, ...], Strict(False)] = Field(
        (), description="columns, or formula terms of them, to adjust for"
    )
    per: Literal["record", "clinic-month", "clinic-quarter", "clinic-week"] = Field(
        "record",
        description="clinic-month: the outcome is the number of records of a clinic in a month; "
        "clinic-quarter or clinic-week where the network reports by those",
    )
    exposure: Identifier | None = Field(None, description="count outcomes: column with the exposure time")
    family: CountFamily | None = Field(
        None,
        description="count outcomes: poisson or negative-binomial in every mixed model; if left out, "
        "negative-binomial where the records vary more than Poisson counts",
    )
    important_difference: Annotated[float, AllowInfNan(False), Field(gt=0)] | None = Field(
        None,
        description="smallest difference from the typical clinic that matters, in the outcome's unit "
        "(percentage points for binary outcomes); flags say how probable one that large is",
    )
    target: Limit | None = Field(
        None,
        description="value to reach, in the outcome's unit (per cent for binary outcomes): at least that "
        "where higher is better, at most that where lower is",
    )
    minimum_denominator: Annotated[int, Field(ge=1)] | None = Field(
        None, description="[policy]'s minimum_denominator for this outcome alone"
    )
    minimum_count: Annotated[int, Field(ge=0)] | None = Field(
        None, description="[policy]'s minimum_count for this outcome alone"
    )
    about: AboutSection = Field(
        default_factory=AboutSection, description="what a reader should know of the measure"
    )
    minimum: Limit | None = Field(None, description="a smaller value is impossible: blanked and counted")
    maximum: Limit | None = Field(None, description="a larger value is impossible: blanked and counted")
    patient_slopes: bool = Field(
        False, description="repeated measurements: random intercept and slope on periods for each patient"
    )

    @property
    def counts_records(self) -> bool:
        """Whether it counts a clinic's records in a period, and reads no column."""
        return self.per != "record"

    @property
    def judged(self) -> bool:
        """Whether a clinic can be better or worse on it: how many records there are is no such thing."""
        return self.direction != "neither" and not self.counts_records

    def contradictions(self) -> Iterator[Contradiction]:
        """What its kind does not allow, and limits that cross."""
        if self.kind != "count":
            if self.exposure is not None:
                yield (
                    ("exposure",),
                    f"exposure is for count outcomes, and this one is {self.kind}; leave it out",
                )
            if self.family is not None:
                yield (
                    ("family",),
                    f"family is for count outcomes, and this one is {self.kind}; leave it out",
                )
            if self.counts_records:
                yield (
                    ("per",),
                    f'per = "{self.per}" counts records, and this outcome is {self.kind}; '
                    'make it kind = "count", or leave per out',
                )
        if self.kind != "continuous":
            if self.scale == "log":
                yield (
                    ("scale",),
                    f'scale = "log" is for continuous outcomes, and this one is {self.kind}; leave it out',
                )
            if self.patient_slopes:
                yield (
                    ("patient_slopes",),
                    f"patient_slopes is for continuous outcomes, and this one is {self.kind}; leave it out",
                )
        if self.counts_records and self.kind == "count":
            for key in ("column", "exposure", "minimum", "maximum"):
                if getattr(self, key) is not None:
                    yield (key,), f'per = "{self.per}" counts records and reads no column; leave {key} out'
        if self.important_difference is not None and not self.judged:
            why = "neither direction is better" if self.direction == "neither" else "a volume is not judged"
            yield (
                ("important_difference",),
                f"important_difference is for flags, and this outcome has none: {why}; leave it out",
            )
        yield from self._target_is_none()
        if self.kind == "binary" and (self.important_difference or 0.0) >= 100.0:
            yield (
                ("important_difference",),
                "important_difference is in percentage points, and 100 or more is no difference; "
                "write 5 for five points",
            )
        if self.kind == "binary":
            for key in ("minimum", "maximum"):
                if getattr(self, key) is not None:
                    yield (key,), f"a binary outcome is 0 or 1 and needs no {key}; leave it out"
        if self.scale == "log" and self.maximum is not None and self.maximum <= 0:
            yield ("maximum",), "maximum must be above 0, since logarithms are taken"
        yield from limits_cross(self.minimum, self.maximum)
        for i, adjuster in enumerate(self.adjusters):
            if adjuster in self.adjusters[:i]:
                yield ("adjusters",), f"adjusters names {adjuster!r} twice"

    def _target_is_none(self) -> Iterator[Contradiction]:
        """A target that nobody can reach or miss."""
        if self.target is None:
            return
        if not self.judged:
            why = "neither direction is better" if self.direction == "neither" else "a volume is not judged"
            yield (
                ("target",),
                f"target is for outcomes that are judged, and this one is not: {why}; leave it out",
            )
        if self.kind == "binary" and not 0.0 <= self.target <= 100.0:
            yield ("target",), "target is in per cent for a binary outcome, from 0 to 100"
        if self.kind == "count" and self.target < 0.0:
            yield ("target",), "target is a rate, and no rate is below 0"
        if self.scale == "log" and self.target <= 0.0:
            yield ("target",), "target must be above 0, since logarithms are taken"


def limits_cross(minimum: float | None, maximum: float | None) -> Iterator[Contradiction]:
    """That a lower limit is not below the upper one."""
    if minimum is not None and maximum is not None and minimum >= maximum:
        yield ("minimum",), f"minimum ({minimum:g}) is not below maximum ({maximum:g})"
