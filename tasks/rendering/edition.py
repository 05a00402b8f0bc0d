"""An edition: a release read once into plain objects that pages and charts are made from.

A value that may not be seen does not get in: whatever a withheld row holds, the objects here hold None, so no
page, chart or sentence made from them can give it away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tasks.network.outcome_section import AboutSection
from tasks.network.schema import Network
from tasks.periods import KINDS
from tasks.release import SHOWN, Release
from tasks.rendering.numbers import Notation
from tasks.rendering.shown_figures import (
    Change,
    Effect,
    Estimate,
    Figure,
    Finding,
    LastShown,
    Latest,
    Month,
    PatientGroup,
    Rank,
    RegionEstimate,
    tone_of,
)

FORMS = ("raw", "adjusted", "shrunken")


_ALIKE = 0.05
"""Of the width of the best estimate's interval: nearer than this to the typical clinic there is no weight."""
_AGAIN = 1.05
"""Records a person, from which on it counts that people come again."""
_MAY_PASS = 1.5
"""From this design effect of own figures on, more of what clinics differ by may be months than chance."""
_BESIDE = 0.02
"""How far beyond 0 and 1 what rounding makes of a weight may lie."""


@dataclass(frozen=True, slots=True)
class Line:
    """One clinic on one outcome, in every form."""

    clinic: str
    region: str | None
    raw: Estimate
    adjusted: Estimate
    shrunken: Estimate
    rank: Rank
    months: tuple[Month, ...] = ()
    before: LastShown | None = None
    latest: Latest | None = None
    since: str | None = None
    """The period of the first report since which it has stood out."""

    @property
    def shown(self) -> bool:
        """Whether any of it may be seen."""
        return self.raw.shown or self.shrunken.shown or self.adjusted.shown

    @property
    def compared(self) -> bool:
        """Whether the clinic is compared with the comparator."""
        return (
            self.shrunken.shown and self.shrunken.status in ("ok", "not_ranked") and self.tone != "uncompared"
        )

    @property
    def status(self) -> str:
        """The status that speaks for the clinic's row: the shrunken value's."""
        return self.shrunken.status

    @property
    def reason(self) -> str | None:
        """Why, where the status is not ok."""
        return self.shrunken.reason

    @property
    def exceptional(self) -> bool:
        """Whether the clinic is too small to be compared, and told because its records leave no doubt."""
        return "why.beyond_doubt" in self.shrunken.why

    @property
    def counted_as(self) -> str:
        """The tone that it counts under: of exceptions no count is made, which would be one-sided."""
        return "uncompared" if self.exceptional else self.tone

    @property
    def tone(self) -> str:
        """better, worse, same, placed, uncompared, own, withheld or absent: its shape and word."""
        if not self.shrunken.shown:
            if self.shrunken.withheld or self.raw.withheld:
                return "withheld"
            return "own" if self.raw.shown else "absent"
        return tone_of(self.shrunken)

    @property
    def size(self) -> float | None:
        """Records (or exposure) behind the clinic's value."""
        return self.raw.denominator if self.raw.denominator is not None else self.shrunken.denominator

    @property
    def events(self) -> float | None:
        """Events counted behind the clinic's value."""
        return self.raw.numerator if self.raw.numerator is not None else self.shrunken.numerator


@dataclass(frozen=True)
class Outcome:
    """One outcome with everything the release says about it."""

    name: str
    label: str
    kind: str
    unit: str
    direction: str
    adjusters: tuple[str, ...]
    comparator: str
    comparator_value: float | None
    important_difference: float | None
    n_records: int | None
    n_clinics: int | None
    verdict: str | None
    verdict_reason: str | None
    status: str
    reason: str | None
    logarithmic: bool
    monthly: bool
    lines: tuple[Line, ...]
    months: tuple[Month, ...]
    figures: Mapping[str, Figure]
    effects: tuple[Effect, ...]
    latest: Latest | None = None
    exposure: str | None = None
    """Column of the denominator of a rate; None where it is the number of records."""
    target: float | None = None
    about: AboutSection = field(default_factory=AboutSection)
    groups: tuple[PatientGroup, ...] = ()
    verdict_why: tuple[str, ...] = ()
    """Codes of the sentence that says why."""
    regions: tuple[RegionEstimate, ...] = ()
    """Of all columns, in their order."""

    @property
    def estimated(self) -> bool:
        """Whether the outcome could be estimated."""
        return self.status in SHOWN

    @property
    def judged(self) -> bool:
        """Whether clinics are better or worse on it; of others each has a place and no verdict."""
        return self.direction != "neither" and not self.monthly

    @property
    def undivided(self) -> bool:
        """Whether clinics are not shown to differ: none is compared, and none for want of records.

        They hardly differ, or what they differ by may not last.
        """
        left = [line for line in self.lines if line.counted_as == "uncompared"]
        alike = all("why.unreliable" in line.shrunken.why and not line.exceptional for line in left)
        return self.judged and bool(left) and alike and not self.counted("better", "worse", "same")

    @property
    def undivided_by(self) -> str:
        """Why clinics are not told apart: `passing`, `little`, or nothing where they are not shown to differ.

        Their records are alike beyond what chance explains (the ICC's interval says so), and that may pass,
        as months of one clinic are alike as well; or it is too little for any one clinic's records.
        """
        correlation, spread = self.figures.get("icc"), self.figures.get("sd_between")
        if correlation is None or not correlation.lower:
            return ""
        if self.may_pass:
            return "passing"
        return "little" if spread is not None and spread.value else ""

    @property
    def clustered_in_part(self) -> bool:
        """Whether the intraclass correlation, and what is made of it, is of the shown clinics alone.

        So it is where clinics are withheld, but for volumes, whose is of months.
        """
        return self.counted("withheld") > 0 and not self.monthly

    @property
    def may_pass(self) -> bool:
        """Whether clinics' records are alike, and it is not known for how long."""
        correlation, worth = self.figures.get("icc"), self.figures.get("own_design_effect")
        alike = correlation is not None and bool(correlation.lower)
        return alike and worth is not None and (worth.value or 1.0) >= _MAY_PASS

    @property
    def by_region(self) -> bool:
        """Whether regions differ, so that clinics are drawn towards their region's level."""
        return "region_share" in self.figures

    @property
    def adjusts_for_patients(self) -> bool:
        """Whether best estimates are adjusted for anything about patients, and not for the periods alone."""
        return any(each not in KINDS for each in self.adjusters)

    @cached_property
    def notation(self) -> Notation:
        """How this outcome's values are written, everywhere."""
        shown = [line.shrunken for line in self.lines if line.shrunken.shown]
        triples = [(each.value, each.lower, each.upper) for each in shown if each.value is not None]
        if not triples and self.comparator_value is not None:
            triples = [(self.comparator_value, None, None)]
        return Notation.of(triples, self.unit)

    @cached_property
    def by_clinic(self) -> Mapping[str, Line]:
        """Clinic → its line."""
        return {line.clinic: line for line in self.lines}

    @property
    def no_spread(self) -> bool:
        """Whether nothing shows that clinics differ: estimated to be none, which is not to be none."""
        spread = self.figures.get("sd_between")
        return spread is not None and spread.value == 0.0

    def own_weight(self, line: Line) -> float | None:
        """What a clinic's own records count for in its best estimate, from 0 to 1, by the figures themselves.

        w of best = w · adjusted + (1 − w) · typical, on the scale of log odds or of logarithms where the
        model works on it. None where that is not to be seen, where the adjusted figure is the typical
        clinic's or tells of no event, or where there is none: clinics far out have all drawn in otherwise,
        and so have regions that differ.
        """
        if any(each.shrunken.outlying for each in self.lines) or self.by_region or self.without_events(line):
            return None
        typical = self.figures["typical"].value if "typical" in self.figures else self.comparator_value
        adjusted, best = line.adjusted.value, line.shrunken
        numbers = (adjusted, typical, best.value, best.lower, best.upper)
        own, middle, drawn, low, high = map(self._on_model_scale, numbers)
        apart = own - middle
        if not abs(apart) > _ALIKE * (high - low):
            return None
        weight = (drawn - middle) / apart
        return min(max(weight, 0.0), 1.0) if -_BESIDE <= weight <= 1.0 + _BESIDE else None

    def without_events(self, line: Line) -> bool:
        """Whether an adjusted figure says nothing: no events leave it as low as a model lets it be."""
        return self.kind in ("binary", "count") and line.raw.value == 0.0

    def _on_model_scale(self, value: float | None) -> float:
        """Log odds of a percentage, the logarithm of a rate; NaN where there is none."""
        if value is None:
            return math.nan
        if self.kind == "binary":
            return math.log(value / (100.0 - value)) if 0.0 < value < 100.0 else math.nan
        if self.kind == "count" or self.logarithmic:
            return math.log(value) if value > 0.0 else math.nan
        return value

    def n(self, line: Line) -> float | None:
        """What stands under n beside a clinic: events for a rate, records otherwise."""
        return line.events if self.kind == "count" else line.size

    def counted(self, *tones: str) -> int:
        """Number of clinics that count under one of these tones."""
        return sum(line.counted_as in tones for line in self.lines)


@dataclass(frozen=True, slots=True)
class Clinic:
    """One clinic of the network."""

    name: str
    slug: str
    region: str | None
    n_records: int | None
    n_patients: int | None
    first_month: str | None
    last_month: str | None
    reportable: bool
    status: str
    reason: str | None


@dataclass(frozen=True)
class Edition:
    """A release and its network, ready to be laid out."""

    release: Release
    network: Network
    clinics: tuple[Clinic, ...]
    outcomes: tuple[Outcome, ...]
    quality: tuple[Finding, ...] = field(default=())
    changes: tuple[Change, ...] = field(default=())

    @property
    def since(self) -> str | None:
        """The month whose report `changes` compares with; None where there is no earlier report."""
        return None if self.release.since is None else self.release.since.period

    @property
    def people_who_come_again(self) -> int | None:
        """How many people the records are of, where they come again and each clinic's number is shown."""
        both = [(each.n_records, each.n_patients) for each in self.clinics]
        if not both or any(records is None or patients is None for records, patients in both):
            return None
        records, patients = (sum(each or 0 for each in one) for one in zip(*both, strict=True))
        return patients if records > _AGAIN * patients else None

    @cached_property
    def estimated(self) -> tuple[Outcome, ...]:
        """Outcomes that could be estimated."""
        return tuple(outcome for outcome in self.outcomes if outcome.estimated)

    @cached_property
    def drawn(self) -> tuple[Outcome, ...]:
        """Outcomes with pages of their own: estimated, or at least with clinics' own figures to show."""
        return tuple(
            each for each in self.outcomes if each.estimated or any(line.shown for line in each.lines)
        )

    @cached_property
    def network_quality(self) -> tuple[Finding, ...]:
        """What each rule found in the whole network."""
        return tuple(finding for finding in self.quality if not finding.clinic)

    def quality_of(self, clinic: str) -> tuple[Finding, ...]:
        """What each rule found at one clinic."""
        return tuple(finding for finding in self.quality if finding.clinic == clinic)

    def changes_on(self, outcome: str) -> tuple[Change, ...]:
        """What changed on one outcome (empty: of the clinics themselves)."""
        return tuple(change for change in self.changes if change.outcome == outcome)

    def changes_of(self, clinic: str) -> tuple[Change, ...]:
        """What changed about one clinic."""
        return tuple(change for change in self.changes if change.clinic == clinic)
