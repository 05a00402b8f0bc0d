"""Single figures as pages and charts are given them: what may not be seen of one is None."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.release import TONES

STANDING_OUT = ("worse", "better", "higher", "lower")


@dataclass(frozen=True, slots=True)
class Estimate:
    """One value with its interval; `value` is None when it is not to be seen, and `status` says why."""

    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    estimand: str = ""
    numerator: float | None = None
    denominator: float | None = None
    expected: float | None = None
    pe: float | None = None
    pe_lower: float | None = None
    pe_upper: float | None = None
    reliability: float | None = None
    p_better: float | None = None
    p_important: float | None = None
    place: float | None = None
    place_lower: float | None = None
    place_upper: float | None = None
    outlying: bool | None = None
    comparison: str | None = None
    status: str = "no_records"
    reason: str | None = None
    why: tuple[str, ...] = ()
    """Codes of the reason, the outermost first."""

    @property
    def shown(self) -> bool:
        """Whether there is a value to show."""
        return self.value is not None

    @property
    def withheld(self) -> bool:
        """Whether small numbers keep it from being shown."""
        return self.status.startswith("suppressed")


@dataclass(frozen=True, slots=True)
class Rank:
    """One clinic's place; the numbers are None unless the release gives places."""

    median: float | None = None
    lower: float | None = None
    upper: float | None = None
    set_lower: float | None = None
    set_upper: float | None = None
    p_top_tenth: float | None = None
    p_bottom_tenth: float | None = None
    grade: str | None = None
    n_ranked: int | None = None
    status: str = "not_ranked"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a run chart."""

    month: str
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    centre: float | None = None
    lower_limit: float | None = None
    upper_limit: float | None = None
    limits: str | None = None
    signal: str | None = None
    false_alarms: float | None = None
    status: str = "no_records"


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest months' figure beside that of the months before; see the table `latest_periods`."""

    first_latest: str
    last_latest: str
    n_latest: int
    n_before: int
    value_latest: float
    value_before: float
    difference: float
    lower: float
    upper: float
    change: str


@dataclass(frozen=True, slots=True)
class LastShown:
    """What an earlier report shows of a figure that this one withholds.

    Attributes:
        period: the period that report is about.
        raw, shrunken: as shown there.
    """

    period: str
    raw: Estimate
    shrunken: Estimate


@dataclass(frozen=True, slots=True)
class PatientGroup:
    """One outcome in one group of patients; see the table `patient_groups`."""

    column: str
    label: str
    own: Estimate
    difference: float | None = None
    difference_lower: float | None = None
    difference_upper: float | None = None


@dataclass(frozen=True, slots=True)
class RegionEstimate:
    """A region's typical clinic on one outcome; see the table `region_estimates`."""

    region: str
    n_clinics: int
    n_in_region: int
    value: float | None
    lower: float | None
    upper: float | None
    comparison: str


def tone_of(best: Estimate) -> str:
    """better, worse, same, placed or uncompared: what a best estimate that is shown says of its clinic."""
    if best.status == "low_reliability":
        return "uncompared"
    return TONES.get(best.comparison or "not_compared", "uncompared")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure about the whole network."""

    figure: str
    label: str
    value: float | None
    lower: float | None
    upper: float | None
    unit: str
    method: str
    status: str
    reason: str | None
    column: str = ""
    """Which adjuster it is about."""
    how: tuple[str, ...] = ()
    """Codes of the method, the outermost first."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One estimate of the program's effect."""

    model: str
    estimand: str
    measure: str
    term: str
    months_since_start: int | None
    value: float | None
    lower: float | None
    upper: float | None
    band_lower: float | None
    band_upper: float | None
    unit: str
    df: float | None
    p: float | None
    n_records: int | None
    n_clinics: int | None
    question: str
    words: str
    condition: str
    status: str
    reason: str | None

    @property
    def ratio(self) -> bool:
        """Whether no effect is 1 (a ratio) rather than 0."""
        return self.measure.endswith("ratio")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one screening rule found, in the network (`clinic` empty) or at one clinic."""

    rule: str
    clinic: str
    description: str
    action: str
    counts: str | None
    n_checked: int | None
    n_found: int | None
    status: str

    @property
    def counted_in(self) -> str:
        """What its counts are of: record or clinic_month."""
        return "clinic_month" if self.counts == "clinic-months" else "record"

    @property
    def withheld(self) -> bool:
        """Whether small numbers keep the count from being shown."""
        return self.status.startswith("suppressed")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that the release says otherwise than the one before; what it is about is empty, not None."""

    outcome: str
    clinic: str
    month: str
    change: str
    before: str | None = None
    after: str | None = None
    value_before: float | None = None
    value_after: float | None = None
    denominator_before: float | None = None
    denominator_after: float | None = None

    @property
    def newly_stands_out(self) -> bool:
        """Whether the clinic stands out, and did not before, or on the other side."""
        return self.after in STANDING_OUT

    @property
    def no_longer_stands_out(self) -> bool:
        """Whether the clinic stood out before, and does not any more."""
        return self.before in STANDING_OUT and self.after not in STANDING_OUT
