"""The tables that one run publishes, with every column described once: what it holds, and what it tells.

What a column tells decides what is masked of it, and nothing else does. A new column or table is masked by
what it declares, without a word anywhere else.

Descriptions have {period}, {periods} and {label} in them for what the network reports by, and are English;
the feed puts them into the network's language. Names are the same in all: a column called month holds the
label of a period, whichever its kind, so that one dashboard reads every network.
"""

from __future__ import annotations

from tasks.program_questions import QUESTIONS
from tasks.release.table_columns import (
    A_SENTENCE,
    A_WORD,
    FROM_SHOWN,
    MODELLED,
    About,
    Column,
    Digits,
    Kind,
    Of,
    Table,
    Tells,
)

STATUSES = {
    "ok": "published as estimated",
    "suppressed_primary": "withheld: the count is so small that it could identify patients",
    "suppressed_secondary": "withheld: it would let a withheld number be worked out",
    "low_reliability": "shown, but too uncertain to compare",
    "not_ranked": "not placed in an order",
    "not_estimable": "could not be estimated; the reason stands beside it",
    "no_records": "no usable records in the window",
}

SHOWN = ("ok", "low_reliability", "not_ranked")
"""Statuses of rows whose figures are published."""

CODED = "_coded"
"""Ends the name of a column that has the sentence of another as its code and values."""

NOTHING = Tells(Of.NOTHING)
_SIZE = Tells(Of.SIZES)
_EVENTS = Tells(Of.EVENTS)
_TOTAL_SIZE = Tells(Of.SIZES, About.TOTAL)
_EXPOSURE = Tells(Of.SIZES, counts="exposure")
_FIGURE = Tells(Of.BOTH, modelled=True)
_PROBABILITY = Tells(Of.BOTH, digits=MODELLED, modelled=True)
_VERDICT = Tells(Of.EVENTS, digits=A_WORD, modelled=True)
_RANKABILITY = Tells(Of.EVENTS, digits=A_SENTENCE, modelled=True)
_EFFECT = Tells(Of.EVENTS, digits=MODELLED, modelled=True)
"""A model's effect rests on all months of all clinics: it tells nobody's size."""
_DF = Tells(Of.BOTH, About.TOTAL, digits=MODELLED, modelled=True)
"""Of a mean's model it is the number of records, less that of clinics and coefficients."""
_PLACE = Tells(Of.EVENTS, digits=FROM_SHOWN, modelled=True)
_OF_MONTH = Tells(Of.BOTH, digits=Digits(None, 3))
_OF_SERIES = Tells(Of.BOTH, About.SERIES, digits=Digits(None, 3))


def _c(name: str, kind: Kind, tells: Tells, description: str, *, required: bool = False) -> Column:
    return Column(name, kind, description, tells, required)


_STATUS = (
    _c(
        "status",
        "string",
        Tells(Of.BOTH, instead="{status}", digits=A_WORD, modelled=True),
        "ok, or why a value is missing or qualified (see `statuses`)",
        required=True,
    ),
    _c(
        "reason",
        "string",
        Tells(Of.BOTH, instead="{reason}", digits=A_WORD, modelled=True),
        "why a value is missing or qualified, in a sentence",
    ),
    _c(
        "reason_coded",
        "string",
        Tells(Of.BOTH, instead="{reason_coded}", digits=A_WORD, modelled=True),
        "the reason as JSON: the sentence's code and its values; a list where there are several",
    ),
)
_CLINIC = (
    _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
    _c("clinic", "string", NOTHING, "clinic's name", required=True),
    _c("region", "string", NOTHING, "region of the clinic, where the network has regions"),
)

RELEASE_COLUMNS = (
    _c("release", "string", NOTHING, "id of the release that published the row", required=True),
    _c("period", "string", NOTHING, "the reported {period}, {label}", required=True),
)
"""Columns that stand before each table's own in the feed: rows of several releases can be put together."""

CLINICS = Table(
    "clinics",
    "one clinic",
    ("clinic",),
    (
        _c("clinic", "string", NOTHING, "clinic's name", required=True),
        _c("slug", "string", NOTHING, "clinic's name as used in file names", required=True),
        _c("region", "string", NOTHING, "region of the clinic"),
        _c("n_records", "integer", _SIZE, "records used in the window"),
        _c("n_patients", "integer", _SIZE, "different patients in the window"),
        _c("first_month", "string", _SIZE, "first {period} with records ({label})"),
        _c("last_month", "string", _SIZE, "last {period} with records ({label})"),
        _c(
            "reportable",
            "boolean",
            Tells(Of.SIZES, instead=False),
            "whether the clinic has anything that may be shown",
            required=True,
        ),
        *_STATUS,
    ),
)

OUTCOMES = Table(
    "outcomes",
    "one outcome",
    ("outcome",),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("label", "string", NOTHING, "as people read it", required=True),
        _c("kind", "string", NOTHING, "continuous, binary or count", required=True),
        _c("unit", "string", NOTHING, "unit of its values (% for binary outcomes)"),
        _c("direction", "string", NOTHING, "which is better: higher, lower or neither", required=True),
        _c(
            "adjusters",
            "string",
            NOTHING,
            "what adjusted and shrunken values are adjusted for, comma-separated",
        ),
        _c("comparator", "string", NOTHING, "what clinics are compared with", required=True),
        _c("comparator_value", "number", _EFFECT, "the comparator, in the outcome's unit"),
        _c(
            "important_difference",
            "number",
            NOTHING,
            "smallest difference that matters, as the network file has it, in the outcome's unit (percentage "
            "points for binary outcomes)",
        ),
        _c("n_records", "integer", _TOTAL_SIZE, "records with a usable value"),
        _c("n_clinics", "integer", NOTHING, "clinics with a usable value"),
        _c("verdict", "string", _VERDICT, "rank, grade or do_not_rank"),
        _c("verdict_reason", "string", _RANKABILITY, "the rankability sentence"),
        _c("verdict_reason_coded", "string", _RANKABILITY, "that sentence as JSON: its code and its values"),
        *_STATUS,
    ),
)

CLINIC_ESTIMATES = Table(
    "clinic_estimates",
    "one clinic's value of one outcome, in one form (raw, adjusted or shrunken)",
    ("outcome", "clinic", "form"),
    (
        *_CLINIC,
        _c("form", "string", NOTHING, "raw, adjusted or shrunken", required=True),
        _c("estimand", "string", NOTHING, "what the value is, in words", required=True),
        _c("estimand_coded", "string", NOTHING, "those words as JSON: their code and their values"),
        _c("value", "number", _FIGURE, "in the outcome's unit (per cent for binary outcomes)"),
        _c("lower", "number", _FIGURE, "lower end of the interval"),
        _c("upper", "number", _FIGURE, "upper end of the interval"),
        _c("level", "number", NOTHING, "coverage of the interval, 0.95"),
        _c("numerator", "integer", _EVENTS, "events counted (binary and count outcomes)"),
        _c("denominator", "number", _EXPOSURE, "records, or exposure for count outcomes"),
        _c("reliability", "number", _FIGURE, "w, the weight of the clinic's own records, 0 to 1"),
        _c(
            "p_better",
            "number",
            _PROBABILITY,
            "posterior probability that the clinic is better (higher, where neither is better) than the "
            "comparator",
        ),
        _c(
            "p_important",
            "number",
            _PROBABILITY,
            "posterior probability that it differs from the comparator by `important_difference` or more, on "
            "the side of its value",
        ),
        _c(
            "place",
            "number",
            _PROBABILITY,
            "expected share, 0 to 1, of the distribution of clinics that lies below the clinic",
        ),
        _c("place_lower", "number", _PROBABILITY, "lower end of its 95% interval"),
        _c("place_upper", "number", _PROBABILITY, "upper end of its 95% interval"),
        _c(
            "outlying",
            "boolean",
            Tells(Of.BOTH, digits=A_WORD, modelled=True),
            "whether it lies further from the others than their distribution explains (false discovery rate "
            "5%)",
        ),
        _c(
            "comparison",
            "string",
            Tells(Of.BOTH, instead="not_compared", digits=A_WORD, modelled=True),
            "better, worse, no_different, placed (neither is better, or it is a volume: no verdict) or "
            "not_compared",
        ),
        *_STATUS,
    ),
)

CLINIC_RANKS = Table(
    "clinic_ranks",
    "one clinic's place on one outcome",
    ("outcome", "clinic"),
    (
        *_CLINIC,
        _c("rank_median", "number", _PLACE, "median of the posterior of the rank, 1 is best"),
        _c("rank_expected", "number", _PLACE, "mean of the posterior of the rank"),
        _c("rank_lower", "number", _PLACE, "lower end of the 95% interval of the rank"),
        _c("rank_upper", "number", _PLACE, "upper end of the 95% interval of the rank"),
        _c(
            "rank_set_lower",
            "number",
            _PLACE,
            "best rank in the 95% confidence set, which rests on the clinics' own figures alone",
        ),
        _c("rank_set_upper", "number", _PLACE, "worst rank in it"),
        _c("p_top_tenth", "number", _PLACE, "posterior probability of being in the best tenth"),
        _c("p_bottom_tenth", "number", _PLACE, "posterior probability of being in the worst tenth"),
        _c("grade", "string", _VERDICT, "certainty-controlled grade: above, typical or below"),
        _c("n_ranked", "integer", NOTHING, "clinics in the order"),
        *_STATUS,
    ),
)

NETWORK_FIGURES = Table(
    "network_figures",
    "one figure about the whole network, for one outcome",
    ("outcome", "figure"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c(
            "figure",
            "string",
            NOTHING,
            "e.g. mean, icc, design_effect, effective_sample_size, sd_between",
            required=True,
        ),
        _c("label", "string", NOTHING, "as people read it", required=True),
        _c("value", "number", _FIGURE, "the figure"),
        _c("lower", "number", _FIGURE, "lower end of the 95% interval, where there is one"),
        _c("upper", "number", _FIGURE, "upper end of the 95% interval"),
        _c("unit", "string", NOTHING, "unit of the value"),
        _c("method", "string", NOTHING, "how it was estimated", required=True),
        _c("method_coded", "string", NOTHING, "the method as JSON: the sentence's code and its values"),
        *_STATUS,
    ),
)

PROGRAM_EFFECTS = Table(
    "program_effects",
    "one estimate of the program's effect on one outcome",
    ("outcome", "model", "estimand", "measure", "term"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("model", "string", NOTHING, "mixed, gee, within or naive", required=True),
        _c("estimand", "string", NOTHING, "conditional, marginal or unadjusted", required=True),
        _c(
            "measure",
            "string",
            NOTHING,
            "difference, ratio, odds_ratio, risk_difference, risk_ratio, rate_ratio, or test (only p)",
            required=True,
        ),
        _c(
            "term",
            "string",
            NOTHING,
            "effect (the same in every {period} from the start on); average (of the effects of each {period} "
            "since the start); cohorts (that average by cohort and {period}: effects may differ with when a "
            "clinic started), cohorts-calendar and cohorts-clinic-months (the same, each {period} of the "
            "calendar or of a clinic counting alike); trend (as cohorts, where early starters may have a "
            "steady trend of their own) or, where that cannot be had, trend-average (as average, with such a "
            "trend); month -03, month 00 … "
            "(that {period}'s own, counted from the clinic's start); of a test: change "
            "(does the effect grow or fade?), before (was there one before the start?) or context (do "
            "clinics with more of the program differ in other ways?)",
            required=True,
        ),
        _c(
            "months_since_start",
            "integer",
            NOTHING,
            "of a {period}'s own effect; before the start below zero",
        ),
        _c("value", "number", _EFFECT, "the effect in the measure's unit"),
        _c("lower", "number", _EFFECT, "lower end of the 95% interval"),
        _c("upper", "number", _EFFECT, "upper end of the 95% interval"),
        _c("band_lower", "number", _EFFECT, "lower end of the 95% band of all {periods} at once"),
        _c("band_upper", "number", _EFFECT, "upper end of that band"),
        _c("unit", "string", NOTHING, "unit of the value (empty for ratios)"),
        _c("df", "number", _DF, "degrees of freedom of the interval; empty: normal"),
        _c("p", "number", _EFFECT, "two-sided p-value against no effect"),
        _c("n_records", "integer", _TOTAL_SIZE, "records used"),
        _c("n_clinics", "integer", Tells(Of.SIZES, counts="clinics"), "clinics used"),
        _c(
            "question",
            "string",
            NOTHING,
            f"{', '.join(list(QUESTIONS)[:-1])} or {list(QUESTIONS)[-1]}: which question it answers",
            required=True,
        ),
        _c(
            "words",
            "string",
            Tells(Of.EVENTS, instead="{reason}", digits=A_SENTENCE, modelled=True),
            "the estimate as a sentence",
            required=True,
        ),
        _c(
            "condition",
            "string",
            _VERDICT,
            "under which condition it is the program's effect: how `words` end; empty: none is said",
        ),
        *_STATUS,
    ),
)

CLINIC_MONTHS = Table(
    "clinic_months",
    "one clinic's (or the network's, clinic empty) {period} of one outcome, for run charts",
    ("outcome", "clinic", "month"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        _c("month", "string", NOTHING, "{label}", required=True),
        _c("value", "number", _OF_MONTH, "the {period}'s raw value in the outcome's unit"),
        _c("numerator", "integer", _EVENTS, "events (binary and count outcomes)"),
        _c("denominator", "number", _EXPOSURE, "records, or exposure for count outcomes"),
        _c("centre", "number", _OF_SERIES, "centre line of the run chart"),
        _c("lower_limit", "number", _OF_SERIES, "lower control limit"),
        _c("upper_limit", "number", _OF_SERIES, "upper control limit"),
        _c(
            "limits",
            "string",
            _OF_SERIES,
            "trial (fewer than 12 points) or fixed (first 12 of the window); empty: none",
        ),
        _c(
            "signal",
            "string",
            _OF_SERIES,
            "beyond (a limit), shift (of 8 or more in a row on one side of the centre line) or trend (of "
            "6 or more in a row that rise, or fall); empty: none",
        ),
        _c(
            "false_alarms",
            "number",
            _OF_SERIES,
            "share of such charts that have a signal in a year although nothing changes",
        ),
        *_STATUS,
    ),
)

QUALITY = Table(
    "quality",
    "one screening rule at one clinic (clinic empty: the whole network)",
    ("rule", "clinic"),
    (
        _c("rule", "string", NOTHING, "screening rule's name", required=True),
        _c("clinic", "string", NOTHING, "clinic's name; empty for the whole network", required=True),
        _c("description", "string", NOTHING, "what the rule looks for", required=True),
        _c(
            "action",
            "string",
            NOTHING,
            "set_aside (not used), value_blanked (that value not used) or noted",
            required=True,
        ),
        _c(
            "counts",
            "string",
            NOTHING,
            "what n_checked and n_found count: records or clinic-months; empty: records",
        ),
        _c("n_checked", "integer", Tells(Of.BOTH, About.TOTAL), "how many were looked at"),
        _c("n_found", "integer", _EVENTS, "how many were found"),
        *_STATUS,
    ),
)

CHANGES = Table(
    "changes",
    "one thing that this release says otherwise than the release it is compared with",
    ("outcome", "clinic", "month", "change"),
    (
        _c(
            "outcome",
            "string",
            NOTHING,
            "outcome's name in the network file; empty: the clinic itself",
            required=True,
        ),
        _c("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        _c(
            "month",
            "string",
            NOTHING,
            "{label}, of a {period} both windows hold; empty: the whole window",
            required=True,
        ),
        _c(
            "change",
            "string",
            NOTHING,
            "verdict (the outcome's); outcome_new or outcome_gone (in the network file); clinic_new or "
            "clinic_gone (records in the window); comparison (the clinic's); shown (a figure that was not "
            "there), withheld or no_figure (one that was there: withheld now, or not available); restated "
            "(a {period} that both show, with other numbers)",
            required=True,
        ),
        _c(
            "before",
            "string",
            NOTHING,
            "verdict, comparison or status then; empty: nothing was said, or restated",
        ),
        _c(
            "after",
            "string",
            NOTHING,
            "verdict, comparison or status now; empty: nothing is said, or restated",
        ),
        _c(
            "value_before",
            "number",
            NOTHING,
            "the {period}'s raw value then, in the outcome's unit (restated)",
        ),
        _c("value_after", "number", NOTHING, "the {period}'s raw value now"),
        _c("numerator_before", "integer", NOTHING, "events then (restated; binary and count outcomes)"),
        _c("numerator_after", "integer", NOTHING, "events now"),
        _c(
            "denominator_before", "number", NOTHING, "records then, or exposure for count outcomes (restated)"
        ),
        _c("denominator_after", "number", NOTHING, "records now, or exposure"),
        _c("since", "string", NOTHING, "{period} of the release compared with, {label}", required=True),
        _c("since_release", "string", NOTHING, "id of the release compared with", required=True),
    ),
)

LAST_SHOWN = Table(
    "last_shown",
    "one form of a figure that this release withholds, as the last release shows it that could",
    ("outcome", "clinic", "form"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("clinic", "string", NOTHING, "clinic's name", required=True),
        _c("form", "string", NOTHING, "raw, adjusted or shrunken", required=True),
        _c("last_period", "string", NOTHING, "{period} that release reports, {label}", required=True),
        _c("last_release", "string", NOTHING, "id of that release", required=True),
        _c("value", "number", NOTHING, "the figure as published there, in the outcome's unit"),
        _c("lower", "number", NOTHING, "lower end of its interval"),
        _c("upper", "number", NOTHING, "upper end of its interval"),
        _c("level", "number", NOTHING, "coverage of the interval, 0.95"),
        _c("numerator", "integer", NOTHING, "events counted there (binary and count outcomes)"),
        _c("denominator", "number", NOTHING, "records there, or exposure for count outcomes"),
        _c("comparison", "string", NOTHING, "how the clinic compared there; see clinic_estimates"),
        _c("last_status", "string", NOTHING, "the figure's status there", required=True),
    ),
)

LATEST_PERIODS = Table(
    "latest_periods",
    "the latest {periods} of one clinic (or the network, clinic empty) beside those before, for one outcome",
    ("outcome", "clinic"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("clinic", "string", NOTHING, "clinic's name; empty for the network", required=True),
        _c("first_latest", "string", NOTHING, "first of the latest {periods}, {label}", required=True),
        _c("last_latest", "string", NOTHING, "last of them, {label}", required=True),
        _c("n_latest", "integer", NOTHING, "how many they are"),
        _c("n_before", "integer", NOTHING, "how many {periods} before them are shown"),
        _c("value_latest", "number", NOTHING, "raw value of the latest {periods}, in the outcome's unit"),
        _c("value_before", "number", NOTHING, "raw value of those before"),
        _c("difference", "number", NOTHING, "latest less before (percentage points for binary outcomes)"),
        _c("lower", "number", NOTHING, "lower end of the difference's 95% interval"),
        _c("upper", "number", NOTHING, "upper end of it"),
        _c("change", "string", NOTHING, "higher, lower or no_clear_change", required=True),
    ),
)

STANDING_SINCE = Table(
    "standing_since",
    "one clinic that stands out on one outcome, and since which report it has",
    ("outcome", "clinic"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("clinic", "string", NOTHING, "clinic's name", required=True),
        _c("comparison", "string", NOTHING, "better or worse, as in clinic_estimates", required=True),
        _c(
            "first_period",
            "string",
            NOTHING,
            "{period} of the first report since which it has always stood there, {label}; reports that "
            "withheld it do not count",
            required=True,
        ),
        _c("n_reports", "integer", NOTHING, "how many reports say so, this one included"),
    ),
)

INDICATORS = Table(
    "indicators",
    "everything about one clinic on one outcome, to be charted without a join",
    ("outcome", "clinic"),
    (
        _c("outcome", "string", NOTHING, "outcome's name in the network file", required=True),
        _c("clinic", "string", NOTHING, "clinic's name", required=True),
        _c("slug", "string", NOTHING, "clinic's name as used in file names"),
        _c("region", "string", NOTHING, "region of the clinic, where the network has regions"),
        _c("label", "string", NOTHING, "the outcome as people read it", required=True),
        _c("kind", "string", NOTHING, "continuous, binary or count", required=True),
        _c("unit", "string", NOTHING, "unit of the values (% for binary outcomes)"),
        _c("direction", "string", NOTHING, "which is better: higher, lower or neither", required=True),
        _c("decimals", "integer", NOTHING, "decimals that reports write the values with"),
        _c("window_first", "string", NOTHING, "first {period} of the records, {label}", required=True),
        _c("window_last", "string", NOTHING, "last {period} of them", required=True),
        _c("value", "number", NOTHING, "best estimate (adjusted and shrunken), in the outcome's unit"),
        _c("lower", "number", NOTHING, "lower end of its 95% interval"),
        _c("upper", "number", NOTHING, "upper end of its 95% interval"),
        _c("own_value", "number", NOTHING, "the clinic's own figure (raw)"),
        _c("own_lower", "number", NOTHING, "lower end of its 95% interval"),
        _c("own_upper", "number", NOTHING, "upper end of its 95% interval"),
        _c("numerator", "integer", NOTHING, "events counted (binary and count outcomes)"),
        _c("denominator", "number", NOTHING, "records, or exposure for count outcomes"),
        _c("comparator_value", "number", NOTHING, "what the clinic is compared with: the typical clinic"),
        _c("comparator_lower", "number", NOTHING, "lower end of its 95% interval"),
        _c("comparator_upper", "number", NOTHING, "upper end of its 95% interval"),
        _c(
            "important_difference",
            "number",
            NOTHING,
            "smallest difference that matters, as the network file has it",
        ),
        _c("verdict", "string", NOTHING, "the comparison that reports tell; see clinic_estimates"),
        _c("verdict_label", "string", NOTHING, "the same in the network's language", required=True),
        _c("standing_since", "string", NOTHING, "since which report it has stood out, {label}"),
        _c("reliability", "number", NOTHING, "w, the weight of the clinic's own records, 0 to 1"),
        _c("rank_median", "number", NOTHING, "median of the posterior of the rank, 1 is best"),
        _c("rank_lower", "number", NOTHING, "lower end of its 95% interval"),
        _c("rank_upper", "number", NOTHING, "upper end of its 95% interval"),
        _c("status", "string", NOTHING, "ok, or why a value is missing or qualified", required=True),
        _c("reason", "string", NOTHING, "the same in a sentence"),
        _c("reason_coded", "string", NOTHING, "the reason as JSON: the sentence's code and its values"),
        _c("report", "string", NOTHING, "path of the clinic's PDF in the release"),
    ),
)

FROM_MASKED = (CHANGES, LAST_SHOWN, LATEST_PERIODS, STANDING_SINCE, INDICATORS)
"""Tables that are made of masked ones and of what was published before: they are empty until then."""

TABLES: tuple[Table, ...] = (
    CLINICS,
    OUTCOMES,
    CLINIC_ESTIMATES,
    CLINIC_RANKS,
    NETWORK_FIGURES,
    PROGRAM_EFFECTS,
    CLINIC_MONTHS,
    QUALITY,
    CHANGES,
    LAST_SHOWN,
    LATEST_PERIODS,
    STANDING_SINCE,
    INDICATORS,
)
